//! Leaky: a job is created under its name as given, and looked up under its name in composed form.
//!
//! `é` is one character or two, and both look the same. Whoever normalises at one door and not at the other has two
//! names for one job, and one of them was somebody else's: the canonical names of Spotify (2013) ended so, and in idna
//! two spellings of one label were taken for different hosts (RUSTSEC-2024-0421).
//!
//! Expected: G2, since an emit to the decomposed name is accepted where only the composed one is; G1, since its readers
//! read it. Found by `interleaved` with jobs called `é` and `e` with an accent.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "unicode-folding",
    kind: Kind::Leaky,
    defect: "names are composed (NFC) on look-up and not on create: a decomposed name is answered with the composed \
             one's job",
    incident: "Spotify 2013 (canonical names); idna RUSTSEC-2024-0421; leak catalogue C08",
    expected: &[Guarantee::G1, Guarantee::G2],
    methods: &["interleaved"],
};

/// As much of Unicode's normal form C as shows the defect.
const COMPOSED: [(&str, &str); 3] = [("e\u{301}", "\u{e9}"), ("A\u{30a}", "\u{c5}"), ("\u{212b}", "\u{c5}")];

/// Composes on the way in.
#[derive(Debug, Default)]
pub struct Composing;

impl Design for Composing {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        let composed = COMPOSED.iter().fold(name.to_owned(), |name, (apart, one)| name.replace(apart, one));
        bench.look_up(&composed) // THE DEFECT: create did not compose.
    }
}

/// The router.
pub type UnicodeFolding = Workbench<Composing>;
