//! The museum stands for what really happened: which faults of the seed's system, and which classes of leak found
//! elsewhere, its exhibits say that they are shaped after. Read from what they say; a number here is a demand, never an
//! answer.
#![cfg(feature = "verify")]

use narrowcast::verify::faults::{Fault, faults};
use std::collections::{BTreeMap, BTreeSet};

/// The faults of the seed's system that happen inside a process, by their numbers in the study of it, with their names.
const IN_PROCESS: [(u32, &str); 21] = [
    (1, "TLS-SENDER-CROSSTALK"),
    (3, "GLOBAL-BROADCAST"),
    (4, "FOREIGN-KEEPALIVE"),
    (7, "CATCH-ALL-CHANNEL"),
    (10, "EARLY-GUARD"),
    (11, "PRE-SUBSCRIBE-LOSS"),
    (12, "LAG-READ-AS-CLOSE"),
    (14, "CONTEXT-LOST-ON-SPAWN"),
    (15, "SILENT-DROP-NEWEST"),
    (17, "FIRST-GET-STEALS"),
    (18, "ID-REUSE-OVERWRITE"),
    (19, "TWO-MAP-TEAR"),
    (20, "ABA-LATE-REMOVE"),
    (22, "IDLE-MEANS-DONE"),
    (24, "EXECUTOR-PANIC"),
    (31, "WRONG-TERMINAL-MARKER"),
    (32, "CANCEL-LOST-UPDATE"),
    (36, "RE-EMIT-WITHOUT-ID"),
    (38, "ZOMBIE-EMITTER"),
    (39, "ABANDONED-JOB-GROWTH"),
    (49, "LOCK-POISON"),
];

/// How many classes of the leak catalogue there must be.
const CLASSES: usize = 10;

/// The faults that an incident names by number and name: `fault 3 GLOBAL-BROADCAST`. One that is mentioned by its number
/// alone is a comparison, not what the exhibit stands for.
fn named(incident: &str) -> Vec<(u32, String)> {
    let words: Vec<&str> = incident.split(|c: char| c.is_whitespace() || ",;()".contains(c)).collect();
    let is_name = |word: &str| word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let three = words.windows(3).filter(|three| three[0] == "fault" && is_name(three[2]));
    three.filter_map(|three| Some((three[1].parse().ok()?, three[2].to_owned()))).collect()
}

/// The classes of the leak catalogue that an incident names: `leak catalogue C04, C05`, `leak class C19`.
fn classes(incident: &str) -> Vec<String> {
    let words = incident.split(|c: char| !c.is_ascii_alphanumeric());
    let is_class =
        |word: &&str| word.len() == 3 && word.starts_with('C') && word[1..].chars().all(|digit| digit.is_ascii_digit());
    let leak = incident.contains("leak catalogue") || incident.contains("leak class");
    words.filter(is_class).filter(|_| leak).map(str::to_owned).collect()
}

/// Those of the demanded faults that none of these incidents stands for.
fn missing<'i>(incidents: impl IntoIterator<Item = &'i str>) -> Vec<u32> {
    let there: BTreeSet<(u32, String)> = incidents.into_iter().flat_map(named).collect();
    let is_missing = |(number, name): &&(u32, &str)| !there.contains(&(*number, (*name).to_owned()));
    IN_PROCESS.iter().filter(is_missing).map(|(number, _)| *number).collect()
}

#[test]
fn every_in_process_fault_of_the_seeds_system_is_planted() {
    let faults = faults();
    assert_eq!(missing(faults.iter().map(Fault::incident)), [0; 0]);
}

#[test]
fn at_least_ten_classes_of_leak_are_planted() {
    let mut by_class: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for fault in faults() {
        for class in classes(fault.incident()) {
            by_class.entry(class).or_default().push(fault.id());
        }
    }
    assert!(by_class.len() >= CLASSES, "{by_class:?}");
}

#[test]
fn an_exhibit_that_is_taken_away_is_missed() {
    let faults = faults();
    for (number, _) in IN_PROCESS {
        let others = faults
            .iter()
            .map(Fault::incident)
            .filter(|incident| !named(incident).iter().any(|(there, _)| *there == number));
        assert_eq!(missing(others), [number]);
    }
}

#[test]
fn an_incident_is_read_as_it_is_written() {
    let read = |incident| named(incident);
    assert_eq!(
        read("rbee queen, fault 12 LAG-READ-AS-CLOSE (1c2b5cf5 until 60b30539)"),
        [(12, "LAG-READ-AS-CLOSE".into())]
    );
    assert_eq!(read("rbee, fault 24 EXECUTOR-PANIC (always); fault 9 HAPPY-PATH-CLEANUP").len(), 2);
    for mentioned in
        ["llama-orch fault 19 (two maps)", "faults 11, 13, 16, 18", "rbee try_send (fault 15)", "", "fault"]
    {
        assert_eq!(read(mentioned), [], "{mentioned}");
    }
    assert_eq!(classes("vLLM#10583; leak catalogue C04, C05"), ["C04", "C05"]);
    assert_eq!(classes("leak class C19 (a boundary)"), ["C19"]);
    assert_eq!(classes("CVE-2018, C64 of Commodore, NFC"), [""; 0]);
}

// === the gateways of the wire ===

#[cfg(feature = "server")]
mod gateways {
    use super::{classes, named};
    use narrowcast::verify::faults::wire::GATEWAYS;
    use narrowcast::verify::faults::{About, Kind, faults, near_misses};
    use narrowcast::verify::guarantee::Guarantee;
    use std::collections::BTreeSet;

    /// What is wrong with the labels of gateways that stand in this order beside exhibits of these names.
    fn amiss(gateways: &[About], others: &[String]) -> Vec<String> {
        let mut ids: BTreeSet<&str> = others.iter().map(String::as_str).collect();
        let mut amiss = Vec::new();
        let mut say = |id: &str, what: &str| amiss.push(format!("{id}: {what}"));
        let mut near = false;
        for about in gateways {
            let About { id, kind, defect, incident, expected, methods } = *about;
            let cited = !named(incident).is_empty() || !classes(incident).is_empty() || incident.contains("docs/");
            let is_near = kind == Kind::NearMiss;
            if !ids.insert(id) {
                say(id, "the name is taken");
            }
            if !cited || defect.is_empty() {
                say(id, "the defect or its incident is not told");
            }
            if is_near != id.starts_with("near-") || is_near != defect.starts_with("none: ") || kind == Kind::Patch {
                say(id, "it is neither leaky nor a near-miss");
            }
            if near && !is_near {
                say(id, "leaky ones come first");
            }
            near |= is_near;
            let wanted = if is_near { 0..=0 } else { 1..=2 };
            if !wanted.contains(&expected.len()) || methods.contains(&"wire") == is_near {
                say(id, "expected of it are one or two guarantees, by the wire; nothing of a near-miss");
            }
        }
        amiss
    }

    fn others() -> Vec<String> {
        let near = near_misses().into_iter().map(|(_, about)| about.id.to_owned());
        faults().iter().map(|fault| fault.id().to_owned()).chain(near).collect()
    }

    #[test]
    fn gateways_are_labelled_as_all_exhibits_are() {
        let abouts: Vec<About> = GATEWAYS.iter().map(|gateway| *gateway.about).collect();
        assert_eq!(amiss(&abouts, &others()), [""; 0]);
    }

    #[test]
    fn a_label_that_is_amiss_is_noticed() {
        let (first, last) = (*GATEWAYS[0].about, *GATEWAYS[GATEWAYS.len() - 1].about);
        assert_eq!((first.kind, last.kind), (Kind::Leaky, Kind::NearMiss));
        assert_eq!(amiss(&[first, last], &[]), [""; 0]);
        const THREE: &[Guarantee] = &[Guarantee::G1; 3];
        for bad in [
            vec![first, first],
            vec![last, first],
            vec![About { incident: "somebody said so", ..first }],
            vec![About { expected: &[], ..first }],
            vec![About { expected: THREE, ..first }],
            vec![About { methods: &[], ..first }],
            vec![About { kind: Kind::NearMiss, ..first }],
            vec![About { expected: first.expected, ..last }],
        ] {
            assert_ne!(amiss(&bad, &[]), [""; 0], "{bad:?}");
        }
        assert_ne!(amiss(&[first], &[first.id.to_owned()]), [""; 0], "a name of another exhibit");
    }
}
