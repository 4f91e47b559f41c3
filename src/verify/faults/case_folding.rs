//! Leaky: a job is created under its name as given, and looked up under its name in small letters.
//!
//! Two layers that compare names under different foldings, so that one is mistaken for the other: Spotify's canonical
//! user names (2013) and GitHub's password reset by a dotless i (2019) had that shape.
//!
//! Expected: G2, since an emit to `A` is accepted where only `a` is; G1, since the readers of `a` read it. Found by
//! `interleaved` with jobs called `a` and `A`.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "case-folding",
    kind: Kind::Leaky,
    defect: "names are folded to lower case on look-up and not on create, so that A is answered with a",
    incident: "Spotify 2013, GitHub 2019 (canonical names); idna RUSTSEC-2024-0421; leak catalogue C08",
    expected: &[Guarantee::G1, Guarantee::G2],
    methods: &["interleaved"],
};

/// Folds on the way in.
#[derive(Debug, Default)]
pub struct Folding;

impl Design for Folding {
    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        bench.look_up(&name.to_lowercase()) // THE DEFECT: create did not fold.
    }
}

/// The router.
pub type CaseFolding = Workbench<Folding>;
