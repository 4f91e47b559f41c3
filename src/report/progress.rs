//! Progress on standard error: a bar where somebody watches a terminal, one plain line for each finished obligation
//! elsewhere, nothing under `-q`. Results never come this way.

use super::style::{Style, thousands};
use crate::verify::verdict::{FRONTIER_EMPTIED, Obligation, word};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A bar that redraws itself.
    Bar,
    /// A line for each finished obligation, without control characters.
    Lines,
    /// Nothing.
    Nothing,
}

impl Show {
    /// Nothing if `quiet`; a bar if standard error is a terminal that can redraw; else lines.
    pub fn choose(quiet: bool) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        match (quiet, io::stderr().is_terminal() && !is_dumb) {
            (true, _) => Show::Nothing,
            (false, true) => Show::Bar,
            (false, false) => Show::Lines,
        }
    }
}

/// The progress of one run. May be told from any thread.
pub struct Progress {
    to: To,
}

enum To {
    Bar(ProgressBar),
    Lines(Mutex<Box<dyn Write + Send>>),
    Nothing,
}

impl Progress {
    /// Progress through so many steps, on standard error.
    pub fn new(steps: u64, show: Show) -> Self {
        let to = match show {
            Show::Nothing => To::Nothing,
            Show::Lines => To::Lines(Mutex::new(Box::new(io::stderr()))),
            Show::Bar => {
                let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
                let template = "  {bar:30} {pos:>4}/{len} {elapsed:>4}  {wide_msg}";
                // The template is a constant; were it refused, the default bar does as well.
                bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
                bar.enable_steady_tick(Duration::from_millis(120));
                To::Bar(bar)
            }
        };
        Progress { to }
    }

    /// Plain lines into `sink` instead of standard error.
    pub fn to_writer(sink: Box<dyn Write + Send>) -> Self {
        Progress { to: To::Lines(Mutex::new(sink)) }
    }

    /// Says what is under way. Only a bar shows it: a log wants what is done.
    pub fn doing(&self, what: &str) {
        if let To::Bar(bar) = &self.to {
            bar.set_message(Style::PLAIN.clean(what));
        }
    }

    /// Announces more steps than were known at first.
    pub fn expect_more(&self, steps: u64) {
        if let To::Bar(bar) = &self.to {
            bar.inc_length(steps);
        }
    }

    /// One obligation is done.
    pub fn finished(&self, obligation: &Obligation, took: Duration) {
        self.step(&finished_line(obligation, took));
    }

    /// Some other step is done: a planted fault, a file.
    pub fn step(&self, line: &str) {
        let line = Style::PLAIN.clean(line);
        match &self.to {
            To::Nothing => {}
            To::Bar(bar) => bar.inc(1),
            To::Lines(sink) => {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                // Progress that cannot be written (a closed pipe) is no reason to end a run.
                let _ = writeln!(sink, "{line}").and_then(|()| sink.flush());
            }
        }
    }

    /// Takes the bar away, so that results begin on a clean line.
    pub fn done(self) {
        if let To::Bar(bar) = self.to {
            bar.finish_and_clear();
        }
    }
}

/// `held          G1.interleaved.two-jobs  18,204 schedules  1.9s`.
pub fn finished_line(obligation: &Obligation, took: Duration) -> String {
    let counts = obligation.explored.iter().filter(|(key, _)| *key != FRONTIER_EMPTIED);
    let counts = counts.filter_map(|(key, value)| Some((key, Value::as_u64(value).filter(|n| *n > 0)?)));
    let counts: Vec<String> = counts.map(|(key, n)| format!("{} {}", thousands(n), key.replace('_', " "))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!("{}  ", counts.join(", ")) };
    let (result, id, seconds) = (word(obligation.result), &obligation.id, took.as_secs_f64());
    let line = format!("{result:<14}  {id:<40}  {counts}{seconds:.1}s");
    Style::PLAIN.clean(&line)
}
