//! Breaks a history a little, in the ways in which routers go wrong and in some in which recorders do.

use super::history::{Action, Delivered, Kind, Line, Outcome, Reason};
use super::{Tape, is_well_formed, observed_stream};

/// Applies up to three small changes; those that would make the history malformed are left out.
pub(crate) fn mutate(mut history: Vec<Line>, tape: &mut Tape<'_>) -> Vec<Line> {
    for _ in 0..[1, 0, 1, 2, 3][tape.below(5)] {
        let mut changed = history.clone();
        change(&mut changed, tape);
        if is_well_formed(&changed) {
            history = changed;
        }
    }
    history
}

/// The index of some line of a kind.
fn pick(history: &[Line], tape: &mut Tape<'_>, of: impl Fn(&Line) -> bool) -> Option<usize> {
    let found: Vec<usize> = history.iter().enumerate().filter(|(_, line)| of(line)).map(|(at, _)| at).collect();
    found.get(tape.below(found.len())).copied()
}

fn is_event(line: &Line) -> bool {
    matches!(line.action, Action::Receive { what: Delivered::Event { .. }, .. })
}

fn is_marker(line: &Line) -> bool {
    matches!(line.action, Action::Receive { what: Delivered::Lagged(_), .. })
}

fn is_end(line: &Line) -> bool {
    matches!(line.action, Action::Receive { what: Delivered::End(_), .. })
}

fn is_completion(line: &Line) -> bool {
    line.kind != Kind::Invoke && line.action.is_operation()
}

fn change(history: &mut Vec<Line>, tape: &mut Tape<'_>) -> Option<()> {
    match tape.below(20) {
        0 => {
            let at = pick(history, tape, is_event)?;
            history.remove(at);
        }
        1 => {
            let at = pick(history, tape, is_event)?;
            let line = history[at].clone();
            let to = at + 1 + tape.below(history.len() - at);
            history.insert(to.min(history.len()), line);
        }
        2 => {
            let at = pick(history, tape, is_event)?;
            let stream = observed_stream(&history[at])?.to_owned();
            let next = (at + 1..history.len())
                .find(|&next| is_event(&history[next]) && observed_stream(&history[next]) == Some(&stream))?;
            history.swap(at, next);
        }
        3 => {
            let at = pick(history, tape, |line| is_event(line) || is_end(line))?;
            let other = pick(history, tape, |line| matches!(line.action, Action::Subscribe { .. }))?;
            let Action::Subscribe { stream: id, .. } = history[other].action.clone() else { return None };
            let Action::Receive { stream, .. } = &mut history[at].action else { return None };
            *stream = id;
        }
        4 => {
            let at = pick(history, tape, is_marker)?;
            let Action::Receive { what: Delivered::Lagged(count), .. } = &mut history[at].action else { return None };
            *count = if tape.one_in(2) { *count + 1 } else { (*count - 1).max(1) };
        }
        5 => {
            let at = pick(history, tape, is_marker)?;
            history.remove(at);
        }
        6 | 7 => {
            let at = pick(history, tape, |line| is_end(line) || is_marker(line) || is_event(line))?;
            let line = history.remove(at);
            let to = tape.below(history.len() + 1);
            history.insert(to, line);
        }
        8 => {
            let at = pick(history, tape, is_end)?;
            let Action::Receive { what: Delivered::End(outcome), .. } = &mut history[at].action else { return None };
            *outcome = [Some(Outcome::Cancelled), None, Some(Outcome::Failed)][tape.below(3)];
        }
        9..=11 => {
            let at = pick(history, tape, is_completion)?;
            let kind = [Kind::Fail, Kind::Ok, Kind::Info][tape.below(3)];
            let reason = [None, Some(Reason::Closed), Some(Reason::Limit)][tape.below(3)].clone();
            history[at].kind = kind;
            history[at].reason = reason.filter(|_| kind == Kind::Fail);
            if kind == Kind::Info {
                fresh_process_after(history, at);
            }
        }
        12 => {
            let labels: Vec<String> = history.iter().filter_map(|line| line.life().map(str::to_owned)).collect();
            let label = labels.get(tape.below(labels.len())).cloned();
            let at = pick(history, tape, |line| {
                line.kind == Kind::Invoke && !matches!(line.action, Action::Create { .. }) && line.life().is_some()
            })?;
            let old = history[at].action.clone();
            let mut new = old.clone();
            if let Action::Emit { life, .. } | Action::Subscribe { life, .. } | Action::Close { life, .. } = &mut new {
                *life = label;
            }
            let process = history[at].process;
            for line in history.iter_mut().filter(|line| line.process == process && line.action == old) {
                line.action = new.clone();
            }
        }
        13 => {
            let at = pick(history, tape, |line| matches!(line.action, Action::Drained { .. }))?;
            history.remove(at);
        }
        14 => {
            let at = pick(history, tape, |line| matches!(line.action, Action::Subscribe { .. }))?;
            let Action::Subscribe { stream, .. } = history[at].action.clone() else { return None };
            let to = at + 1 + tape.below(history.len() - at);
            history.insert(to.min(history.len()), Line::new(-1, Kind::Ok, Action::Drained { stream }));
        }
        15 => {
            // Move a completion to a later or earlier place.
            let at = pick(history, tape, is_completion)?;
            let line = history.remove(at);
            let to = tape.below(history.len() + 1);
            history.insert(to, line);
        }
        16 => {
            let at = pick(history, tape, is_event)?;
            let Action::Receive { what: Delivered::Event { digest, .. }, .. } = &mut history[at].action else {
                return None;
            };
            *digest = Some("other".into());
        }
        17 => {
            let at = pick(history, tape, |line| matches!(line.action, Action::Retained { .. }))?;
            let Action::Retained { jobs } = &mut history[at].action else { return None };
            *jobs = if tape.one_in(3) { jobs.saturating_sub(1) } else { *jobs + 1 };
        }
        18 => {
            // What a router gave up for its time, it gave up too early.
            let at = pick(history, tape, |line| matches!(line.action, Action::Expired { .. }))?;
            history.remove(at);
        }
        _ => {
            let at = pick(history, tape, is_completion)?;
            history.remove(at);
            fresh_process_after(history, at.saturating_sub(1));
        }
    }
    Some(())
}

/// Gives what this line's process does later to a process of another number.
fn fresh_process_after(history: &mut [Line], at: usize) {
    let process = history[at].process;
    let fresh = history.iter().map(|line| line.process).max().unwrap_or(0) + 1;
    for line in history.iter_mut().skip(at + 1).filter(|line| line.process == process) {
        line.process = fresh;
    }
}
