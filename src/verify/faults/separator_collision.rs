//! Leaky: one table holds names and the addresses of single lives, and some names are addresses.
//!
//! The first life of `a` has the address `a:1`. Somebody asks for the job `a:1` and is given it. A key made of parts
//! is no key unless one can tell where a part ends: RabbitMQ and NATS both mapped MQTT topics to subjects so that two
//! became one.
//!
//! Expected: G2, since an emit to a job that is not there is accepted; G1, since `a` reads it. Found by `interleaved`
//! with jobs called `a` and `a:1`. It is the near-miss [`near_quoted_names`](super::near_quoted_names) without the
//! quoting.

use super::about::{About, Kind};
use super::near_quoted_names::{Quoting, Table};
use super::workbench::Workbench;
use crate::verify::guarantee::Guarantee;

/// The exhibit.
pub const ABOUT: About = About {
    id: "separator-collision",
    kind: Kind::Leaky,
    defect: "a key is a name, a separator and a number, and a name may hold the separator: the job a:1 is answered \
             with the first life of a",
    incident: "rabbitmq-mqtt#58, nats-server#4243; Mercure, NUL in a topic; leak catalogue C09",
    expected: &[Guarantee::G1, Guarantee::G2],
    methods: &["interleaved"],
};

/// As it is.
#[derive(Debug)]
pub struct Plain;

impl Quoting for Plain {
    fn quote(name: &str) -> String {
        name.to_owned() // THE DEFECT: a separator in a name separates.
    }
}

/// The router.
pub type SeparatorCollision = Workbench<Table<Plain>>;
