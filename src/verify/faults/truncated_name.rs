//! Leaky: of a name the first 255 bytes count.
//!
//! A key stored in a column that is too short, and cut without a word. WordPress on MySQL let somebody register a name
//! that was, once cut, the administrator's (CVE-2008-4106).
//!
//! Expected: G2, since an emit to a name that nobody created is accepted; G1, since the readers of its beginning read
//! it. Found by `interleaved` with two long names that differ in their last byte.

use super::about::{About, Kind};
use super::workbench::{Design, Job, Workbench};
use crate::verify::guarantee::Guarantee;
use crate::verify::subject::Refused;

/// The exhibit.
pub const ABOUT: About = About {
    id: "truncated-name",
    kind: Kind::Leaky,
    defect: "names are cut to 255 bytes on create and on look-up: two long names that begin alike are one job",
    incident: "WordPress on MySQL, CVE-2008-4106 (names cut to the column's width); leak catalogue C08",
    expected: &[Guarantee::G1, Guarantee::G2],
    methods: &["interleaved"],
};

/// The width of the column.
const WIDTH: usize = 255;

/// As much of a name as fits.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(WIDTH)] // THE DEFECT: what is too long is to be refused, not cut.
}

/// Cuts.
#[derive(Debug, Default)]
pub struct Cutting;

impl Design for Cutting {
    async fn create(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        bench.open(cut(name))
    }

    async fn find(bench: &Workbench<Self>, name: &str) -> Result<Job, Refused> {
        bench.look_up(cut(name))
    }
}

/// The router.
pub type TruncatedName = Workbench<Cutting>;
