//! The rules as tables: one line a case.

use super::*;
use serde_json::json;

/// An exhaustive obligation that holds.
fn obligation(id: &str, claim: Guarantee) -> Obligation {
    Obligation {
        id: id.to_owned(),
        claim,
        statement: String::new(),
        method: "interleaved".to_owned(),
        strength: Strength::Exhaustive,
        bounds: Facts::new(),
        explored: Facts::from([(FRONTIER_EMPTIED.to_owned(), json!(true))]),
        budget: Budget { kind: "schedules".to_owned(), limit: 100, used: 40, hit: false },
        antecedents: vec![Antecedent { premise: "two jobs overlapped".to_owned(), hits: 3, min: 1 }],
        result: Status::Held,
        counterexamples: Vec::new(),
        ended: None,
        excuse: None,
        beyond: false,
    }
}

fn mutant(expected: &[Guarantee], killed_by: &[(Guarantee, &str)], outcome: MutantOutcome) -> Mutant {
    let by = |&(guarantee, counterexample): &(Guarantee, &str)| KilledBy {
        guarantee,
        method: "interleaved".to_owned(),
        counterexample: counterexample.to_owned(),
    };
    Mutant {
        id: "M1".to_owned(),
        defect: String::new(),
        incident: String::new(),
        expected: expected.to_vec(),
        killed_by: killed_by.iter().map(by).collect(),
        tried: Vec::new(),
        outcome,
        ordinary_tests_notice: None,
    }
}

/// A planted fault that breaks G11 and is looked for where the schedule is nobody's choice.
fn on_the_wire(noticed: &[Guarantee]) -> ObservedMutant {
    let text = String::new;
    let expected = vec![Guarantee::G11];
    ObservedMutant {
        id: "M2".to_owned(),
        defect: text(),
        incident: text(),
        expected,
        method: text(),
        noticed: noticed.to_vec(),
    }
}

/// A run with two held obligations, one killed fault and one near-miss that passed.
fn run() -> Stable {
    let claim = |id: Guarantee| Claim {
        id,
        name: id.name().to_owned(),
        statement: String::new(),
        status: Status::NotChecked,
        strength: None,
        obligations: Vec::new(),
    };
    let text = String::new;
    Stable {
        verdict: Status::Vacuous,
        fired: Vec::new(),
        exit_code: 70,
        run: Run { argv: Vec::new(), profile: text(), seed: text(), reproduce: text() },
        tool: Tool { name: text(), version: text(), commit: text(), dirty: false, rustc: text() },
        subject: Subject { name: text(), version: text(), adapter: text(), fault: None },
        assumptions: Vec::new(),
        claims: Guarantee::ALL.map(claim).to_vec(),
        obligations: vec![obligation("O1", Guarantee::G1), obligation("O2", Guarantee::G2)],
        mutants: vec![mutant(&[Guarantee::G1], &[(Guarantee::G1, "cx")], MutantOutcome::Killed)],
        kill: Kill { killed: 0, viable: 0 },
        hunts: Vec::new(),
        agreements: Vec::new(),
        observed_mutants: Vec::new(),
        near_misses: NearMisses {
            flagged: 0,
            total: 0,
            rows: vec![NearMiss { id: "N1".to_owned(), what: String::new(), flagged: Vec::new() }],
        },
        counterexamples: Vec::new(),
        residual_risks: Vec::new(),
        conditions: Vec::new(),
    }
}

#[test]
fn a_row_says_its_own_result() {
    type Edit = fn(&mut Obligation);
    let breach: Edit = |o| o.counterexamples.push("C1".to_owned());
    let abort: Edit = |o| o.ended = Some(Ended::Abort);
    let observed: Edit = |o| o.ended = Some(Ended::ObservedBreach);
    let unreached: Edit = |o| o.antecedents[0].hits = 0;
    let hit: Edit = |o| o.budget.hit = true;
    let open: Edit = |o| {
        o.explored.insert(FRONTIER_EMPTIED.to_owned(), json!(false));
    };
    let silent: Edit = |o| o.explored.clear();
    let sampled: Edit = |o| {
        o.strength = Strength::Sampled;
        o.explored.clear();
    };
    let spent: Edit = |o| o.budget.used = o.budget.limit;
    let seen: Edit = |o| {
        o.strength = Strength::Observed;
        o.explored.clear();
    };
    let excused: Edit = |o| o.excuse = Some(Excuse { status: Status::NotChecked, why: String::new() });
    let lacking: Edit = |o| o.excuse = Some(Excuse { status: Status::NotApplicable, why: String::new() });
    let boasting: Edit = |o| o.excuse = Some(Excuse { status: Status::Held, why: String::new() });
    let cases: &[(&str, &[Edit], Status)] = &[
        ("nothing wrong", &[], Status::Held),
        ("a counterexample", &[breach], Status::Violated),
        ("an abort", &[abort], Status::Violated),
        ("a breach whose counterexample is volatile", &[observed], Status::Violated),
        (
            "a breach beats a missing premise, a spent budget and an excuse",
            &[breach, unreached, hit, excused],
            Status::Violated,
        ),
        ("a premise that was never reached", &[unreached], Status::Vacuous),
        ("a missing premise beats a spent budget", &[unreached, hit], Status::Vacuous),
        ("a spent budget", &[hit], Status::Inconclusive),
        ("exhaustive with an open frontier", &[open], Status::Inconclusive),
        ("exhaustive that says nothing of its frontier", &[silent], Status::Inconclusive),
        ("fewer samples than promised", &[sampled], Status::Inconclusive),
        ("all promised samples", &[sampled, spent], Status::Held),
        ("observed promises nothing but its premises", &[seen], Status::Held),
        ("observed without its premise", &[seen, unreached], Status::Vacuous),
        ("this build cannot", &[excused], Status::NotChecked),
        ("the subject lacks it", &[lacking], Status::NotApplicable),
        ("an excuse never makes a row green", &[boasting], Status::NotChecked),
    ];
    for (name, edits, expected) in cases {
        let mut row = obligation("O", Guarantee::G1);
        edits.iter().for_each(|edit| edit(&mut row));
        assert_eq!(result_of(&row), *expected, "{name}");
    }
}

#[test]
fn a_claim_is_as_good_as_its_worst_row_and_as_strong_as_its_weakest() {
    use Status::*;
    let row = |status: Status, strength: Strength| {
        let mut row = obligation("O", Guarantee::G1);
        row.strength = strength;
        row.budget.used = row.budget.limit;
        match status {
            Violated => row.ended = Some(Ended::Hang),
            Vacuous => row.antecedents[0].hits = 0,
            Inconclusive => row.budget.hit = true,
            Held => {}
            NotChecked | NotApplicable => row.excuse = Some(Excuse { status, why: String::new() }),
        }
        row
    };
    use Strength::*;
    type Case<'a> = (&'a [(Status, Strength)], Status, Option<Strength>);
    let cases: &[Case<'_>] = &[
        (&[], NotChecked, None),
        (&[(Held, Exhaustive)], Held, Some(Exhaustive)),
        (&[(Held, ByConstruction), (Held, Sampled), (Held, Exhaustive)], Held, Some(Sampled)),
        (&[(Held, Observed), (Held, Sampled)], Held, Some(Observed)),
        (&[(Held, Exhaustive), (Inconclusive, Sampled)], Inconclusive, Some(Sampled)),
        (&[(Inconclusive, Exhaustive), (Vacuous, Exhaustive)], Vacuous, Some(Exhaustive)),
        (&[(Vacuous, Exhaustive), (Violated, Exhaustive), (Held, Sampled)], Violated, Some(Sampled)),
        (&[(Held, Exhaustive), (NotChecked, Observed)], NotChecked, Some(Exhaustive)),
        (&[(Inconclusive, Exhaustive), (NotChecked, Observed)], Inconclusive, Some(Exhaustive)),
        (&[(Held, Exhaustive), (NotApplicable, Observed)], Held, Some(Exhaustive)),
        (&[(NotApplicable, Observed)], NotApplicable, None),
        (&[(NotApplicable, Observed), (NotChecked, Observed)], NotChecked, None),
    ];
    for (rows, status, strength) in cases {
        let obligations: Vec<Obligation> = rows.iter().map(|(status, strength)| row(*status, *strength)).collect();
        assert_eq!(claim_status(&obligations), (*status, *strength), "{rows:?}");
    }
}

#[test]
fn a_kill_counts_only_where_it_was_expected_and_can_be_shown() {
    use Guarantee::{G1, G6};
    use MutantOutcome::*;
    let cases: &[(&str, Mutant, MutantOutcome)] = &[
        ("by the expected guarantee", mutant(&[G1], &[(G1, "cx")], Survived), Killed),
        ("by one of two expected", mutant(&[G1, G6], &[(G6, "cx")], Survived), Killed),
        ("by another guarantee only", mutant(&[G1], &[(G6, "cx")], Killed), Survived),
        ("without a counterexample", mutant(&[G1], &[(G1, "")], Killed), Survived),
        ("by nobody, whatever the row says", mutant(&[G1], &[], Killed), Survived),
        ("by nobody, in time", mutant(&[G1], &[], Survived), Survived),
        ("by nobody before the time was over", mutant(&[G1], &[], Timeout), Timeout),
        ("not run", mutant(&[G1], &[], NotRun), NotRun),
        ("found, though another check ran out of time", mutant(&[G1], &[(G1, "cx")], Timeout), Killed),
    ];
    for (name, row, expected) in cases {
        assert_eq!(rules::outcome_of(row), *expected, "{name}");
    }
    let rows: Vec<Mutant> = cases.iter().map(|case| case.1.clone()).collect();
    assert_eq!(kills(&rows), Kill { killed: 3, viable: 8 });
}

#[test]
fn the_gravest_class_decides_and_every_class_is_listed() {
    type Edit = fn(&mut Stable);
    let violated: Edit = |s| s.obligations[0].counterexamples.push("C1".to_owned());
    let vacuous: Edit = |s| s.obligations[1].antecedents[0].hits = 0;
    let inconclusive: Edit = |s| s.obligations[1].budget.hit = true;
    let survivor: Edit = |s| s.mutants[0].killed_by.clear();
    let slow: Edit = |s| {
        s.mutants[0].killed_by.clear();
        s.mutants[0].outcome = MutantOutcome::Timeout;
    };
    let unrun: Edit = |s| s.mutants.push(mutant(&[Guarantee::G9], &[], MutantOutcome::NotRun));
    let noticed: Edit = |s| s.observed_mutants.push(on_the_wire(&[Guarantee::G11]));
    let missed: Edit = |s| s.observed_mutants.push(on_the_wire(&[]));
    let mistaken: Edit = |s| s.observed_mutants.push(on_the_wire(&[Guarantee::G12]));
    let wolf: Edit = |s| s.near_misses.rows[0].flagged.push(Guarantee::G6);
    let nothing: Edit = |s| s.obligations.clear();
    let silent: Edit = |s| {
        for row in &mut s.obligations {
            row.excuse = Some(Excuse { status: Status::NotChecked, why: String::new() });
        }
    };
    let as_fault: Edit = |s| s.subject.fault = Some("M1".to_owned());
    let on = |class: Fired| Condition { class, detail: String::new() };
    let [unhealthy, drift, slower, shard] =
        [Fired::SubjectUnhealthy, Fired::BaselineDrift, Fired::PerformanceRegression, Fired::Inconclusive].map(on);

    use Fired::*;
    type Case<'a> = (&'a str, Vec<Edit>, Vec<&'a Condition>, Vec<Fired>, u8, Status);
    let cases: Vec<Case<'_>> = vec![
        ("held", vec![], vec![], vec![], 0, Status::Held),
        ("unrun faults are no survivors", vec![unrun], vec![], vec![], 0, Status::Held),
        ("violated", vec![violated], vec![], vec![Violated], 10, Status::Violated),
        ("vacuous", vec![vacuous], vec![], vec![Vacuous], 12, Status::Vacuous),
        ("inconclusive", vec![inconclusive], vec![], vec![Inconclusive], 11, Status::Inconclusive),
        ("a survivor", vec![unrun, survivor, slow], vec![], vec![Vacuous, Survivor], 12, Status::Vacuous),
        ("a fault that was noticed", vec![noticed], vec![], vec![], 0, Status::Held),
        ("a fault that was missed", vec![noticed, missed], vec![], vec![Vacuous, Survivor], 12, Status::Vacuous),
        ("a fault taken for another", vec![mistaken], vec![], vec![Vacuous, Survivor], 12, Status::Vacuous),
        ("no kills are asked of a fault", vec![slow, as_fault], vec![], vec![], 0, Status::Held),
        ("a false alarm", vec![wolf], vec![], vec![Vacuous, FalseAlarm], 12, Status::Vacuous),
        ("a missing shard", vec![], vec![&shard], vec![Inconclusive], 11, Status::Inconclusive),
        ("nothing selected", vec![nothing], vec![], vec![NothingSelected], 4, Status::Vacuous),
        ("nothing judged", vec![silent], vec![], vec![Vacuous], 12, Status::Vacuous),
        ("drift", vec![], vec![&drift], vec![BaselineDrift], 14, Status::Held),
        ("regression", vec![], vec![&slower], vec![PerformanceRegression], 13, Status::Held),
        ("14 > 13", vec![], vec![&slower, &drift], vec![BaselineDrift, PerformanceRegression], 14, Status::Held),
        ("11 > 14", vec![inconclusive], vec![&drift], vec![Inconclusive, BaselineDrift], 11, Status::Inconclusive),
        ("12 > 11", vec![wolf, inconclusive], vec![], vec![Vacuous, FalseAlarm, Inconclusive], 12, Status::Vacuous),
        ("20 > 12", vec![vacuous], vec![&unhealthy], vec![SubjectUnhealthy, Vacuous], 20, Status::Inconclusive),
        ("20 > 4", vec![nothing], vec![&unhealthy], vec![SubjectUnhealthy, NothingSelected], 20, Status::Inconclusive),
        (
            "10 > 20, and all are listed",
            vec![violated, inconclusive, wolf, survivor],
            vec![&slower, &drift, &unhealthy],
            vec![
                Violated,
                SubjectUnhealthy,
                Vacuous,
                Survivor,
                FalseAlarm,
                Inconclusive,
                BaselineDrift,
                PerformanceRegression,
            ],
            10,
            Status::Violated,
        ),
    ];
    for (name, edits, conditions, fired, code, verdict) in cases {
        let mut stable = run();
        edits.iter().for_each(|edit| edit(&mut stable));
        stable.conditions = conditions.into_iter().cloned().collect();
        stable.conclude();
        assert_eq!((&stable.fired, stable.exit_code, stable.verdict), (&fired, code, verdict), "{name}");
    }
}

#[test]
fn concluding_fills_in_what_follows_and_is_idempotent() {
    let mut stable = run();
    stable.conclude();
    assert_eq!(stable.claims[0].status, Status::Held);
    assert_eq!(stable.claims[0].strength, Some(Strength::Exhaustive));
    assert_eq!(stable.claims[0].obligations, ["O1"]);
    assert_eq!((stable.claims[14].status, stable.claims[14].strength), (Status::NotChecked, None));
    assert_eq!(stable.kill, Kill { killed: 1, viable: 1 });
    assert_eq!((stable.near_misses.flagged, stable.near_misses.total), (0, 1));
    let once = stable.clone();
    stable.conclude();
    assert_eq!(stable, once);
}

#[test]
fn numbers_beyond_what_json_keeps_become_strings() {
    let mut row = obligation("O", Guarantee::G1);
    row.budget.limit = u64::MAX;
    let text = serde_json::to_string(&row).expect("a row is JSON");
    assert!(text.contains("\"limit\":\"18446744073709551615\""), "{text}");
    assert!(text.contains("\"used\":40"), "{text}");
    assert_eq!(serde_json::from_str::<Obligation>(&text).expect("and back"), row);
}
