//! Sightings: which outcomes an explorer that draws its schedules saw, and how often, to be held against those of one that
//! enumerates them.

use super::outcomes::Outcome;
use super::program::Program;
use super::verdict::Agreement;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A program whose outcomes are watched.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Watched {
    /// Its name.
    pub id: String,
    /// What is run.
    pub program: Program,
    /// Outcomes are those of these jobs; of all, if none are named.
    pub jobs: Vec<String>,
}

/// One outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sighting {
    /// What was seen.
    pub outcome: Outcome,
    /// In so many executions.
    pub times: u64,
    /// Under this schedule first, if the explorer's schedules are lists of turns.
    pub schedule: Vec<u8>,
    /// In this execution first, from 1.
    pub iteration: u64,
    /// And this was recorded, a line of JSON each.
    pub history: Vec<String>,
}

/// What was seen of one program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sightings {
    /// Its name.
    pub id: String,
    /// Executions.
    pub schedules: u64,
    /// There are no others within the bound.
    pub complete: bool,
    /// The different outcomes.
    pub seen: Vec<Sighting>,
    /// Other jobs were worked on between two answers to the observer.
    pub interleaved: bool,
    /// A panic or a hang.
    pub abnormal: Option<String>,
}

/// So often must each outcome be drawn before the drawing explorer is said to agree with the enumerating one.
pub const EACH_AT_LEAST: u64 = 5;

impl Sightings {
    /// Those that are not among the outcomes that were enumerated.
    pub fn beyond<'s>(&'s self, enumerated: &BTreeSet<Outcome>) -> Vec<&'s Sighting> {
        self.seen.iter().filter(|sighting| !enumerated.contains(&sighting.outcome)).collect()
    }

    /// How these sightings agree with what was enumerated. Complete if the enumeration was.
    pub fn agreement(&self, enumerated: &BTreeSet<Outcome>, complete: bool) -> Agreement {
        let times = |outcome: &Outcome| {
            self.seen.iter().find(|sighting| sighting.outcome == *outcome).map_or(0, |sighting| sighting.times)
        };
        Agreement {
            program: self.id.clone(),
            enumerates: "loom".into(),
            draws: "shuttle".into(),
            complete,
            outcomes: enumerated.len() as u64,
            beyond: self.beyond(enumerated).len() as u64,
            rarest: enumerated.iter().map(times).min().unwrap_or(0),
            rarest_at_least: EACH_AT_LEAST,
            schedules: self.schedules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::history::parse_line;
    use crate::verify::history::{Action, Kind, Line};

    fn outcome(event: &str) -> Outcome {
        let action = Action::Emit { job: Some("a".into()), life: None, event: event.into(), digest: None };
        let line = Line::new(1, Kind::Ok, action);
        assert!(parse_line(&line.to_json()).is_ok());
        Outcome::seen(&[line], 1, &["a"])
    }

    fn sightings(seen: &[(&str, u64)]) -> Sightings {
        let seen = seen.iter().map(|(event, times)| Sighting {
            outcome: outcome(event),
            times: *times,
            schedule: Vec::new(),
            iteration: 1,
            history: Vec::new(),
        });
        Sightings { seen: seen.collect(), ..Sightings::default() }
    }

    #[test]
    fn explorers_agree_if_one_draws_often_enough_what_the_other_enumerates_and_nothing_else() {
        let enumerated: BTreeSet<Outcome> = ["x", "y"].map(outcome).into();
        assert!(sightings(&[("x", 5), ("y", 9)]).agreement(&enumerated, true).holds());
        for (seen, complete) in [
            (&[("x", 5), ("y", 4)][..], true),
            (&[("x", 5)], true),
            (&[("x", 5), ("y", 5), ("z", 1)], true),
            (&[("x", 5), ("y", 5)], false),
        ] {
            assert!(!sightings(seen).agreement(&enumerated, complete).holds(), "{seen:?}");
        }
        assert!(!sightings(&[]).agreement(&BTreeSet::new(), true).holds(), "of nothing nothing is said");
    }
}
