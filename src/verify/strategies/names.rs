//! Names that routers have taken for one another, or for something else than a name.
//!
//! Each comes as a pair: two texts that are different names, byte for byte, and that some real router has nevertheless
//! led to one job. A program over such a pair finds what a program over `a` and `b` never can.

use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;

/// Why two names were taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kinship {
    /// One begins the other.
    Prefix,
    /// One is a pattern that matches the other.
    Pattern,
    /// They differ in case only, also where folding leaves ASCII.
    Case,
    /// They look alike: one letter composed and decomposed, wide, or of another script.
    Unicode,
    /// One is the other, a separator and something more.
    Separator,
    /// They agree after the tenant.
    Tenant,
    /// One is the other in some encoding.
    Encoding,
    /// One holds a control character, a blank at its end or something invisible.
    Control,
    /// One is a word that stood for everybody or for nobody.
    Sentinel,
    /// One is a word that a router keeps for itself.
    Reserved,
    /// Both have 1 KiB and differ in the last byte.
    Long,
    /// One is empty.
    Empty,
}

impl Kinship {
    /// All of them.
    pub const ALL: [Kinship; 12] = {
        use Kinship::*;
        [Prefix, Pattern, Case, Unicode, Separator, Tenant, Encoding, Control, Sentinel, Reserved, Long, Empty]
    };

    /// The pairs of this kind, made of a stem.
    fn pairs(self, stem: &str) -> Vec<[String; 2]> {
        let with = |others: &[&str]| others.iter().map(|other| [stem.to_owned(), (*other).to_owned()]).collect();
        let suffixed = |ends: &[&str]| ends.iter().map(|end| [stem.to_owned(), format!("{stem}{end}")]).collect();
        let literal = |pairs: &[[&str; 2]]| pairs.iter().map(|pair| pair.map(str::to_owned)).collect();
        match self {
            Kinship::Prefix => suffixed(&["b", "0", "-2"]),
            Kinship::Pattern => suffixed(&["*", "?", ".*", "%"]),
            // K and the Kelvin sign, i with a dot and the dotted capital: small letters of both are the same.
            Kinship::Case => literal(&[["a", "A"], ["job", "Job"], ["k", "\u{212a}"], ["i\u{307}", "\u{130}"]]),
            Kinship::Unicode => literal(&[
                ["\u{e9}", "e\u{301}"],
                ["caf\u{e9}", "cafe\u{301}"],
                ["\u{c5}", "\u{212b}"],
                ["a", "\u{ff41}"],
                ["fi", "\u{fb01}"],
                ["a", "\u{430}"],
            ]),
            Kinship::Separator => suffixed(&[":1", "/1", ".1", ":"]),
            Kinship::Tenant => vec![[format!("x/{stem}"), format!("y/{stem}")], [format!("x:{stem}"), stem.to_owned()]],
            Kinship::Encoding => literal(&[["j", "%6A"], ["a b", "a+b"], ["&", "&amp;"], ["a", "\"a\""]]),
            Kinship::Control => suffixed(&["\n", "\r\ndata: x", "\0", " ", "\t", "\u{200b}", "\u{202e}", "\u{1b}[2J"]),
            Kinship::Sentinel => with(&["*", "#", "null", "undefined", "0", "00000000-0000-0000-0000-000000000000"]),
            Kinship::Reserved => with(&["system", "global", "events", ".."]),
            Kinship::Long => vec![["x", "y"].map(|last| "n".repeat(1023) + last)],
            Kinship::Empty => with(&[""]),
        }
    }
}

/// Two different names that somebody has taken for one, or for no name at all, with the reason.
///
/// Shrinks towards the first kind, and within a kind towards its first pair.
pub fn look_alikes() -> impl Strategy<Value = (Kinship, [String; 2])> + Clone {
    (select(Kinship::ALL.to_vec()), select(vec!["a", "1", "job"]), any::<prop::sample::Index>()).prop_map(
        |(kinship, stem, which)| {
            let pairs = kinship.pairs(stem);
            (kinship, which.get(&pairs).clone())
        },
    )
}

/// `many` different names, of which the first two are [`look_alikes`]; so are the next two, and so on, as far as no
/// name comes twice.
///
/// A name of them may be empty, of 1 KiB, or hold any character: a router that does not take such a name refuses to
/// create its job.
pub fn hostile_names(many: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<String>> + Clone {
    // Pairs of one kind overlap; twice as many as are needed, and then plain ones, so that there are always enough.
    let pairs = prop::collection::vec(look_alikes(), *many.end().max(&1));
    (many, pairs).prop_map(|(many, pairs)| {
        let hostile = pairs.into_iter().flat_map(|(_, pair)| pair);
        distinct(hostile, many)
    })
}

/// The first `many` different ones of these names, and `job-1`, `job-2`, ... for what is missing.
pub(super) fn distinct(names: impl IntoIterator<Item = String>, many: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let plain = (1..).map(|number| format!("job-{number}"));
    names.into_iter().chain(plain).filter(|name| seen.insert(name.clone())).take(many).collect()
}
