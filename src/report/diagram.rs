//! A history as a picture of time and space: a lane for each process, each job and each stream, one row a line. What a job
//! accepts is an arrow from the process to the job, and what is delivered an arrow from the job that the event was emitted
//! to. So a foreign delivery is an arrow between a job's lane and the stream of another. The lines that show a breach are
//! marked.
//!
//! Pure: a slice of lines in, text out. Every name is hostile until [`Style::clean`] has seen it.

use super::style::{Style, Tone};
use crate::verify::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// More lanes than this become too narrow to read; the rest share the last one.
const LANES: usize = 9;
/// A lane is never wider than this, however long its names.
const LANE_COLUMNS: usize = 26;
/// What stands left of the lanes beside a line's number: its mark and three spaces.
const MARGIN: usize = 4;

/// The whole history; `witness` are the numbers of the lines to mark, from 1.
pub fn draw(history: &[Line], witness: &[usize], style: Style) -> String {
    picture(history, witness, style, |_| true)
}

/// Only the marked lines, what belongs to the same operations, and `context` lines on either side.
pub fn around(history: &[Line], witness: &[usize], context: usize, style: Style) -> String {
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    for &line in witness {
        shown.extend(line.saturating_sub(context).max(1)..=line.saturating_add(context));
    }
    shown.extend(partners(history, witness));
    picture(history, witness, style, |number| shown.contains(&number))
}

/// The other ends of the operations that the witness touches: without its invoke a completion says little.
fn partners(history: &[Line], witness: &[usize]) -> Vec<usize> {
    let mut open: HashMap<i64, usize> = HashMap::new();
    let mut partners = Vec::new();
    for (line, number) in history.iter().zip(1..) {
        if !line.action.is_operation() {
            continue;
        }
        if line.kind == Kind::Invoke {
            open.insert(line.process, number);
        } else if let Some(invoke) = open.remove(&line.process) {
            if witness.contains(&number) {
                partners.push(invoke);
            } else if witness.contains(&invoke) {
                partners.push(number);
            }
        }
    }
    partners
}

/// Who has a lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Process(i64),
    /// By its name; `None` is the system.
    Job(Option<String>),
    Stream(String),
}

/// What a lane shows where nothing happens in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// A job or a stream that is not open.
    Absent,
    /// A process between two operations.
    Idle,
    /// Within an operation; an open job or stream.
    Live,
}

/// What happens in one row.
struct Step {
    number: usize,
    actor: Actor,
    sign: char,
    text: String,
    /// The job whose event is delivered here, if it was emitted before.
    from: Option<Actor>,
    /// The job that is changed by what is done here, and the sign of that.
    to: Option<(Actor, char)>,
    /// The lanes that are not as they were before the first step, as they are before this one.
    lives: BTreeMap<Actor, Life>,
}

fn picture(history: &[Line], witness: &[usize], style: Style, is_shown: impl Fn(usize) -> bool) -> String {
    let steps = steps(history, style, is_shown);
    let digits = steps.last().map_or(1, |step| step.number.to_string().len()).max(3);
    let room = style.columns() - (digits + MARGIN);
    let lanes = Lanes::new(history, &steps, witness, room, style);
    let mut text = lanes.header(digits, style);
    let mut due = 1;
    for step in &steps {
        if step.number > due {
            text.push_str(&gap(step.number - due, digits, style));
        }
        due = step.number + 1;
        let is_marked = witness.contains(&step.number);
        let mark = if is_marked { "!" } else { " " };
        let row = format!("{mark} {:>digits$}  {}", step.number, lanes.row(step, style));
        let row = row.trim_end();
        text.push_str(&if is_marked { style.paint(Tone::Bad, row) } else { row.to_owned() });
        text.push('\n');
    }
    if history.len() >= due {
        text.push_str(&gap(history.len() + 1 - due, digits, style));
    }
    text
}

fn gap(lines: usize, digits: usize, style: Style) -> String {
    let gap = format!("  {:>digits$}  {lines} more line{}", style.sign("⋮", ":"), if lines == 1 { "" } else { "s" });
    format!("{}\n", style.paint(Tone::Dim, &gap))
}

/// Where an event comes from.
struct Emitted<'a> {
    number: usize,
    job: Option<&'a str>,
    digest: Option<&'a str>,
}

/// What happens in each shown line, and how the lanes stand there.
fn steps(history: &[Line], style: Style, is_shown: impl Fn(usize) -> bool) -> Vec<Step> {
    let mut emits: HashMap<&str, Emitted<'_>> = HashMap::new();
    for (line, number) in history.iter().zip(1..) {
        if let (Kind::Invoke, Action::Emit { job, event, digest, .. }) = (line.kind, &line.action) {
            let (job, digest) = (job.as_deref(), digest.as_deref());
            emits.entry(event).or_insert(Emitted { number, job, digest });
        }
    }
    let mut lives = BTreeMap::new();
    let mut steps = Vec::new();
    for (line, number) in history.iter().zip(1..) {
        let actor = actor(line);
        if is_shown(number) {
            let (sign, text, from) = deed(line, number, &emits, style);
            steps.push(Step { number, actor, sign, text, from, to: change(line, style), lives: lives.clone() });
        }
        live(line, &mut lives);
    }
    steps
}

/// In whose lane a line stands: what a stream sees in the stream's, what a process does in the process's.
fn actor(line: &Line) -> Actor {
    match &line.action {
        Action::Receive { stream, .. } | Action::Drained { stream } => Actor::Stream(stream.clone()),
        _ => Actor::Process(line.process),
    }
}

/// Which job a line shows to be changed.
fn change(line: &Line, style: Style) -> Option<(Actor, char)> {
    let (job, sign) = match (&line.action, line.kind) {
        (Action::Create { job, .. }, Kind::Ok) => (Some(job.clone()), pick(style, '┬', '+')),
        (Action::Emit { job, .. }, Kind::Ok) => (job.clone(), pick(style, '◆', '*')),
        (Action::Close { job, .. }, Kind::Ok) => (Some(job.clone()), pick(style, '■', '#')),
        _ => return None,
    };
    Some((Actor::Job(job), sign))
}

/// How a line changes its lanes.
fn live(line: &Line, lives: &mut BTreeMap<Actor, Life>) {
    if line.action.is_operation() {
        let life = if line.kind == Kind::Invoke { Life::Live } else { Life::Idle };
        lives.insert(Actor::Process(line.process), life);
    }
    match (&line.action, line.kind) {
        (Action::Create { job, .. }, Kind::Ok | Kind::Info) => {
            lives.insert(Actor::Job(Some(job.clone())), Life::Live);
        }
        (Action::Close { job, .. }, Kind::Ok) => {
            lives.insert(Actor::Job(Some(job.clone())), Life::Absent);
        }
        (Action::Subscribe { stream, .. }, Kind::Ok | Kind::Info) => {
            lives.insert(Actor::Stream(stream.clone()), Life::Live);
        }
        (Action::Unsubscribe { stream }, Kind::Ok)
        | (Action::Receive { stream, what: Delivered::End(_) | Delivered::Stopped(_) }, _) => {
            lives.insert(Actor::Stream(stream.clone()), Life::Absent);
        }
        _ => {}
    }
}

/// The sign and the words of one line, and whence its arrow comes.
fn deed(line: &Line, number: usize, emits: &HashMap<&str, Emitted<'_>>, style: Style) -> (char, String, Option<Actor>) {
    match (&line.action, line.kind) {
        (Action::Receive { what, .. }, _) => delivery(what, number, emits, style),
        (Action::Drained { .. }, _) => (pick(style, '┊', ':'), "drained".to_owned(), None),
        (Action::Retained { .. } | Action::Expired { .. }, _) => (pick(style, '┊', ':'), operation(&line.action), None),
        (action, Kind::Invoke) => (pick(style, '┌', '+'), operation(action), None),
        (_, kind) => {
            let ended = match (kind, &line.reason) {
                (Kind::Ok, _) => "ok".to_owned(),
                (Kind::Fail, Some(reason)) => format!("refused: {}", reason_word(reason)),
                (Kind::Fail, None) => "refused".to_owned(),
                _ => "unknown".to_owned(),
            };
            (pick(style, '└', '+'), ended, None)
        }
    }
}

fn delivery(
    what: &Delivered,
    number: usize,
    emits: &HashMap<&str, Emitted<'_>>,
    style: Style,
) -> (char, String, Option<Actor>) {
    match what {
        Delivered::Event { event, digest } => match emits.get(event.as_str()) {
            None => ('?', format!("{event} never emitted"), None),
            Some(emitted) if emitted.number > number => ('?', format!("{event} before its emit"), None),
            Some(emitted) => {
                let is_altered = matches!((emitted.digest, digest), (Some(sent), Some(got)) if sent != got);
                let text = if is_altered { format!("{event} altered") } else { event.clone() };
                (pick(style, '▶', '>'), text, Some(Actor::Job(emitted.job.map(str::to_owned))))
            }
        },
        Delivered::Lagged(count) => (pick(style, '≈', '~'), format!("lagged {count}"), None),
        Delivered::End(Some(outcome)) => (pick(style, '■', '#'), format!("end {}", outcome_word(*outcome)), None),
        Delivered::End(None) => (pick(style, '■', '#'), "end".to_owned(), None),
        Delivered::Stopped(why) => (pick(style, '×', 'x'), format!("stopped {why}"), None),
    }
}

fn operation(action: &Action) -> String {
    let name = |job: &Option<String>| job.clone().unwrap_or_else(|| "(system)".to_owned());
    match action {
        Action::Create { job, .. } => format!("create {job}"),
        Action::Emit { job, event, .. } => format!("emit {} {event}", name(job)),
        Action::Subscribe { stream, since, .. } => match since {
            Since::Now => format!("open {stream}"),
            Since::Start => format!("open {stream} from start"),
            Since::After(event) => format!("open {stream} after {event}"),
        },
        Action::Unsubscribe { stream } => format!("leave {stream}"),
        Action::Close { job, outcome: Some(outcome), .. } => format!("close {job} {}", outcome_word(*outcome)),
        Action::Close { job, outcome: None, .. } => format!("close {job}"),
        Action::Receive { stream, .. } | Action::Drained { stream } => stream.clone(),
        Action::Retained { jobs } => format!("holds {jobs}"),
        Action::Expired { job } => format!("{job} expires"),
    }
}

fn reason_word(reason: &Reason) -> &str {
    match reason {
        Reason::Unknown => "unknown",
        Reason::Closed => "closed",
        Reason::Limit => "limit",
        Reason::Forbidden => "forbidden",
        Reason::Other(other) => other,
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Abandoned => "abandoned",
    }
}

fn pick(style: Style, unicode: char, ascii: char) -> char {
    if style.unicode { unicode } else { ascii }
}

/// Where each actor's lane begins.
struct Lanes {
    of: BTreeMap<Actor, usize>,
    titles: Vec<String>,
    widths: Vec<usize>,
    /// The lane that several actors share, if there are too many of them.
    shared: Option<usize>,
}

impl Lanes {
    fn new<'s>(history: &[Line], steps: &'s [Step], witness: &[usize], room: usize, style: Style) -> Self {
        let jobs = jobs_of_streams(history);
        // The actors of the marked lines first: whoever must share a lane, it is not the culprit.
        let (marked, others): (Vec<&'s Step>, Vec<&'s Step>) = steps.iter().partition(|s| witness.contains(&s.number));
        let mut ranked: Vec<&Actor> = Vec::new();
        let mut seen = BTreeSet::new();
        let around = |step: &'s Step| step.from.iter().chain([&step.actor]).chain(step.to.iter().map(|(job, _)| job));
        let actors = marked.into_iter().chain(others).flat_map(around);
        ranked.extend(actors.filter(|actor| seen.insert(*actor)));
        let own = if ranked.len() > LANES { LANES - 1 } else { ranked.len() };
        let shared = (own < ranked.len()).then_some(own);
        // Processes stand left of jobs, and jobs of streams (the order of `Actor`), so that arrows point to the right.
        ranked[..own].sort_unstable();
        let title = |actor: &Actor| match actor {
            Actor::Process(process) => format!("p{process}"),
            Actor::Job(Some(job)) => format!("job {job}"),
            Actor::Job(None) => "(system)".to_owned(),
            Actor::Stream(stream) => match jobs.get(stream.as_str()) {
                Some(Some(job)) => format!("{stream} of {job}"),
                Some(None) => format!("{stream} of (system)"),
                None => stream.clone(),
            },
        };
        let mut titles: Vec<String> = ranked.iter().take(own).map(|actor| style.clean(&title(actor))).collect();
        titles.extend(shared.map(|_| "others".to_owned()));
        let of: BTreeMap<Actor, usize> =
            ranked.into_iter().cloned().zip((0..).map(|lane: usize| lane.min(own))).collect();
        let mut lanes = Lanes { of, titles, widths: Vec::new(), shared };
        lanes.widths = lanes.fit(steps, room, style);
        lanes
    }

    /// As wide as each lane's longest text, and narrowed, widest first, until all fit.
    fn fit(&self, steps: &[Step], room: usize, style: Style) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| title.chars().count() + 2).collect();
        for step in steps {
            if let Some(&lane) = self.of.get(&step.actor) {
                widths[lane] = widths[lane].max(self.text(step, lane, style).chars().count() + 4);
            }
        }
        let mut widest = LANE_COLUMNS;
        loop {
            let cut: Vec<usize> = widths.iter().map(|width| (*width).min(widest)).collect();
            if cut.iter().sum::<usize>() <= room || widest <= 4 {
                return cut;
            }
            widest -= 1;
        }
    }

    /// A step's words, with its actor's name where the lane does not tell it.
    fn text(&self, step: &Step, lane: usize, style: Style) -> String {
        let text = style.clean(&step.text);
        match &step.actor {
            _ if self.shared != Some(lane) => text,
            Actor::Job(_) => text,
            Actor::Process(process) => format!("p{process} {text}"),
            Actor::Stream(stream) => format!("{} {text}", style.clean(stream)),
        }
    }

    fn start(&self, lane: usize) -> usize {
        self.widths[..lane].iter().sum()
    }

    fn header(&self, digits: usize, style: Style) -> String {
        let mut header = " ".repeat(digits + MARGIN);
        for (title, width) in self.titles.iter().zip(&self.widths) {
            header.push_str(&format!("{:<width$}", style.fit(title, width - 1)));
        }
        format!("{}\n", style.paint(Tone::Strong, header.trim_end()))
    }

    fn row(&self, step: &Step, style: Style) -> String {
        let mut row: Vec<char> = vec![' '; self.widths.iter().sum()];
        for (actor, &lane) in self.of.iter().filter(|(_, lane)| self.shared != Some(**lane)) {
            row[self.start(lane)] = lifeline(life(actor, &step.lives), style);
        }
        let Some(&lane) = self.of.get(&step.actor) else { return row.into_iter().collect() };
        let at = self.start(lane);
        if let Some(&from) = step.from.as_ref().and_then(|from| self.of.get(from)).filter(|from| **from != lane) {
            arrow(&mut row, self.start(from), at, style);
        }
        let changed = step.to.as_ref().and_then(|(job, sign)| Some((*self.of.get(job)?, *sign)));
        if let Some((to, sign)) = changed.filter(|(to, _)| *to != lane) {
            arrow(&mut row, at, self.start(to), style);
            row[self.start(to)] = sign;
        }
        row[at] = step.sign;
        let text = self.text(step, lane, style);
        let space = if changed.is_some() { " " } else { "" };
        let text = format!(" {}{space}", style.fit(&text, self.widths[lane] - 3));
        for (place, c) in row[at + 1..].iter_mut().zip(text.chars()) {
            *place = c;
        }
        row.into_iter().collect()
    }
}

fn life(actor: &Actor, lives: &BTreeMap<Actor, Life>) -> Life {
    let before = match actor {
        Actor::Process(_) => Life::Idle,
        // The system is never created.
        Actor::Job(None) => Life::Live,
        Actor::Job(Some(_)) | Actor::Stream(_) => Life::Absent,
    };
    lives.get(actor).copied().unwrap_or(before)
}

fn lifeline(life: Life, style: Style) -> char {
    match life {
        Life::Absent => ' ',
        Life::Idle => pick(style, '·', '.'),
        Life::Live => pick(style, '│', '|'),
    }
}

/// A line between two lanes; it crosses the lanes between them without touching them.
fn arrow(row: &mut [char], from: usize, to: usize, style: Style) {
    let live = pick(style, '│', '|');
    let is_live = row[from] == live;
    for place in &mut row[from.min(to)..=from.max(to)] {
        *place = if *place == live { pick(style, '┼', '+') } else { pick(style, '─', '-') };
    }
    row[from] = match (is_live, from < to) {
        (true, true) => pick(style, '├', '+'),
        (true, false) => pick(style, '┤', '+'),
        (false, _) => pick(style, '○', 'o'),
    };
}

/// The job that each stream was opened on.
fn jobs_of_streams(history: &[Line]) -> HashMap<&str, Option<&str>> {
    let mut jobs = HashMap::new();
    for line in history {
        if let Action::Subscribe { job, stream, .. } = &line.action {
            jobs.insert(stream.as_str(), job.as_deref());
        }
    }
    jobs
}
