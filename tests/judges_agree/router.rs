//! A correct router, simulated: processes overlap, operations take effect at some instant between their lines, and what the
//! router does at that instant is right. What is written down is a history.

use super::Tape;
use super::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use std::collections::VecDeque;

/// One life of a name.
#[derive(Debug)]
struct Life {
    name: usize,
    log: Vec<String>,
    /// Once closed: the outcome that the end tells.
    closed: Option<Option<Outcome>>,
    /// A stream has had the end, or the linger limit has passed: it answers as if it had never been.
    given_up: bool,
}

#[derive(Debug)]
struct Stream {
    id: String,
    /// None is the system.
    life: Option<usize>,
    queue: VecDeque<Delivered>,
    attached: bool,
    ended: bool,
    gone: bool,
}

#[derive(Debug)]
enum Process {
    Idle,
    /// In an operation; with its result, once that is known.
    Busy {
        action: Action,
        result: Option<(Kind, Option<Reason>)>,
    },
    /// Lost in `info`; the operation may yet take effect.
    Lost {
        action: Option<Action>,
    },
}

#[derive(Debug)]
pub(crate) struct Router {
    lines: Vec<Line>,
    names: usize,
    labelled: bool,
    stormy: bool,
    retained: usize,
    /// Whether a create gives up a closed life of its name that nobody has read.
    evicts: bool,
    lives: Vec<Life>,
    current: Vec<Option<usize>>,
    creates: Vec<usize>,
    closes: Vec<usize>,
    /// Labels whose create returned: label, name, life.
    handles: Vec<(String, usize, usize)>,
    labels: usize,
    pending_labels: Vec<(String, usize)>,
    system_log: Vec<String>,
    streams: Vec<Stream>,
    events: usize,
    stream_ids: usize,
    processes: Vec<Process>,
    digests: bool,
    delivered: Vec<String>,
}

fn job_name(name: usize) -> String {
    ["a", "b", "c"][name].to_owned()
}

/// Runs until the tape is over, and lets the open operations return.
pub(crate) fn simulate(tape: &mut Tape<'_>) -> Vec<Line> {
    let processes = 2 + tape.below(4);
    let mut router = Router {
        lines: Vec::new(),
        names: [2, 3, 1, 2][tape.below(4)],
        labelled: tape.one_in(4),
        stormy: tape.one_in(6),
        retained: [2, 1, 3, 100][tape.below(4)],
        evicts: tape.one_in(4),
        lives: Vec::new(),
        current: vec![None; 3],
        creates: vec![0; 3],
        closes: vec![0; 3],
        handles: Vec::new(),
        labels: 0,
        pending_labels: Vec::new(),
        system_log: Vec::new(),
        streams: Vec::new(),
        events: 0,
        stream_ids: 0,
        processes: (0..processes).map(|_| Process::Idle).collect(),
        digests: tape.one_in(3),
        delivered: Vec::new(),
    };
    // Most runs begin with their jobs open, or little else would happen in them.
    if !tape.one_in(4) {
        for name in 0..router.names {
            router.quickly(0, Action::Create { job: job_name(name), life: None });
        }
    }
    while !tape.is_over() && router.lines.len() < 90 {
        router.step(tape);
    }
    router.wind_up(tape);
    router.lines
}

impl Router {
    fn write(&mut self, process: usize, kind: Kind, action: Action, reason: Option<Reason>) {
        self.lines.push(Line { reason, ..Line::new(process as i64, kind, action) });
    }

    fn quickly(&mut self, process: usize, mut action: Action) {
        if let Action::Create { job, life } = &mut action {
            let name = (0..3).find(|&name| job_name(name) == *job).unwrap_or(0);
            self.creates[name] += 1;
            *life = self.new_label(name);
        }
        self.write(process, Kind::Invoke, action.clone(), None);
        let (kind, reason) = self.effect(&action, false);
        self.returned(&action, kind);
        self.write(process, kind, action, reason);
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.below(18) {
            0..=6 => {
                let process = tape.below(self.processes.len());
                self.step_process(process, tape);
            }
            7..=13 => self.step_stream(tape),
            14 => self.drain(tape),
            15 => self.say_what_is_held(),
            16 if tape.one_in(3) => self.expire(tape),
            _ => {
                // A whole operation at once.
                let process = tape.below(self.processes.len());
                if matches!(self.processes[process], Process::Idle) {
                    for _ in 0..3 {
                        self.step_process(process, tape);
                    }
                }
            }
        }
    }

    fn step_process(&mut self, process: usize, tape: &mut Tape<'_>) {
        match std::mem::replace(&mut self.processes[process], Process::Idle) {
            Process::Idle => {
                if let Some(action) = self.choose(tape) {
                    self.write(process, Kind::Invoke, action.clone(), None);
                    self.processes[process] = Process::Busy { action, result: None };
                }
            }
            Process::Busy { action, result: None } if tape.one_in(8) => {
                self.write(process, Kind::Info, action.clone(), None);
                self.processes[process] = Process::Lost { action: Some(action) };
            }
            Process::Busy { action, result: None } => {
                let result = Some(self.effect(&action, tape.one_in(10)));
                self.processes[process] = Process::Busy { action, result };
            }
            Process::Busy { action, result: Some((kind, reason)) } => {
                if tape.one_in(24) {
                    self.write(process, Kind::Info, action, None);
                    self.processes[process] = Process::Lost { action: None };
                    return;
                }
                self.returned(&action, kind);
                self.write(process, kind, action, reason);
            }
            Process::Lost { action } => {
                // A lost process is replaced by a fresh one, and its operation may yet take effect.
                if let Some(action) = action {
                    if tape.one_in(2) {
                        self.effect(&action, false);
                        self.processes[process] = Process::Lost { action: None };
                    } else {
                        self.processes[process] = Process::Lost { action: Some(action) };
                    }
                } else {
                    self.processes[process] = Process::Lost { action: None };
                }
                if self.processes.len() < 8 {
                    self.processes.push(Process::Idle);
                }
            }
        }
    }

    fn new_label(&mut self, name: usize) -> Option<String> {
        if !self.labelled {
            return None;
        }
        self.labels += 1;
        let label = format!("L{}", self.labels);
        self.pending_labels.push((label.clone(), name));
        Some(label)
    }

    /// The handle through which the next operation on this name goes; `Err` if there is none yet.
    fn handle(&mut self, name: usize, tape: &mut Tape<'_>) -> Result<Option<String>, ()> {
        if !self.labelled {
            return Ok(None);
        }
        let of_name: Vec<&String> =
            self.handles.iter().filter(|handle| handle.1 == name).map(|handle| &handle.0).collect();
        match of_name.len() {
            0 => Err(()),
            _ if tape.one_in(6) => Ok(None),
            n if tape.one_in(3) => Ok(Some(of_name[tape.below(n)].clone())),
            n => Ok(Some(of_name[n - 1].clone())),
        }
    }

    fn choose(&mut self, tape: &mut Tape<'_>) -> Option<Action> {
        let name = tape.below(self.names);
        let what = tape.below(20);
        // In a storm every other operation creates or closes.
        match if self.stormy && what > 9 { what % 4 } else { what } {
            0 | 1 => {
                if self.creates[name] >= if self.stormy { 3 } else { 4 } {
                    return None;
                }
                self.creates[name] += 1;
                Some(Action::Create { job: job_name(name), life: self.new_label(name) })
            }
            2 | 3 => {
                // The oracle tries all instants: longer storms would take it minutes.
                if self.stormy && self.closes[name] >= 3 {
                    return None;
                }
                self.closes[name] += 1;
                let outcome = [None, Some(Outcome::Completed), Some(Outcome::Failed)][tape.below(3)];
                let life = self.handle(name, tape).ok()?;
                Some(Action::Close { job: job_name(name), life, outcome })
            }
            4..=7 => {
                self.stream_ids += 1;
                let system = tape.one_in(6);
                let life = if system { None } else { self.handle(name, tape).unwrap_or(None) };
                let since = match tape.below(4) {
                    0 | 1 => Since::Now,
                    2 => Since::Start,
                    // A reader knows the positions that were delivered to somebody; it may guess one that is yet in
                    // flight, or make one up.
                    _ => match (self.delivered.len(), tape.below(8)) {
                        (_, 6) => Since::After(format!("e{}", self.events)),
                        (_, 7) | (0, _) => Since::After("nowhere".to_owned()),
                        (n, _) => Since::After(self.delivered[tape.below(n)].clone()),
                    },
                };
                let stream = format!("s{}", self.stream_ids);
                Some(Action::Subscribe { job: (!system).then(|| job_name(name)), life, stream, since })
            }
            8 => {
                let streams: Vec<String> =
                    self.streams.iter().filter(|stream| !stream.gone).map(|stream| stream.id.clone()).collect();
                let stream = streams.get(tape.below(streams.len()))?.clone();
                Some(Action::Unsubscribe { stream })
            }
            _ => {
                self.events += 1;
                let system = tape.one_in(8);
                let life = if system { None } else { self.handle(name, tape).unwrap_or(None) };
                let event = format!("e{}", self.events);
                let digest = (self.digests && !tape.one_in(3)).then(|| format!("d{}", self.events));
                Some(Action::Emit { job: (!system).then(|| job_name(name)), life, event, digest })
            }
        }
    }

    /// The life that an operation meets: the handle's, or the one open now.
    fn life_of(&self, job: &str, label: Option<&str>) -> Option<usize> {
        match label {
            Some(label) => self.handles.iter().find(|handle| handle.0 == label).map(|handle| handle.2),
            None => self.current[(0..3).find(|&name| job_name(name) == job)?],
        }
    }

    fn effect(&mut self, action: &Action, limited: bool) -> (Kind, Option<Reason>) {
        if limited && !matches!(action, Action::Unsubscribe { .. }) {
            return (Kind::Fail, Some(Reason::Limit));
        }
        match action {
            Action::Create { job, life } => {
                let name = (0..3).find(|&name| job_name(name) == *job).unwrap_or(0);
                let open = self.current[name].filter(|&life| self.lives[life].closed.is_none());
                let found = open.unwrap_or_else(|| {
                    if let Some(before) = self.current[name].filter(|_| self.evicts) {
                        self.lives[before].given_up = true;
                    }
                    self.lives.push(Life { name, log: Vec::new(), closed: None, given_up: false });
                    self.lives.len() - 1
                });
                self.current[name] = Some(found);
                if let Some(label) = life {
                    self.pending_labels.retain(|pending| pending.0 != *label);
                    // Known at once, used only after the create has returned.
                    self.handles.push((label.clone(), usize::MAX - name, found));
                }
                (Kind::Ok, None)
            }
            Action::Emit { job: None, event, digest, .. } => {
                self.system_log.push(event.clone());
                self.publish(None, event, digest.as_ref());
                (Kind::Ok, None)
            }
            Action::Emit { job: Some(job), life, event, digest } => match self.life_of(job, life.as_deref()) {
                None => (Kind::Fail, Some(Reason::Unknown)),
                Some(life) if self.lives[life].closed.is_some() => (Kind::Fail, Some(Reason::Closed)),
                Some(life) => {
                    self.lives[life].log.push(event.clone());
                    self.publish(Some(life), event, digest.as_ref());
                    (Kind::Ok, None)
                }
            },
            Action::Subscribe { job, life, stream, since } => {
                self.subscribe(job.as_deref(), life.as_deref(), stream, since)
            }
            Action::Unsubscribe { stream } => {
                if let Some(stream) = self.streams.iter_mut().find(|known| known.id == *stream) {
                    stream.attached = false;
                    stream.gone = true;
                }
                (Kind::Ok, None)
            }
            Action::Close { job, life, outcome } => {
                let Some(life) = self.life_of(job, life.as_deref()) else { return (Kind::Fail, Some(Reason::Unknown)) };
                if self.lives[life].closed.is_none() {
                    self.lives[life].closed = Some(*outcome);
                    for stream in self.streams.iter_mut().filter(|s| s.attached && s.life == Some(life)) {
                        stream.queue.push_back(Delivered::End(*outcome));
                        stream.attached = false;
                    }
                }
                (Kind::Ok, None)
            }
            Action::Receive { .. } | Action::Drained { .. } | Action::Retained { .. } | Action::Expired { .. } => {
                (Kind::Ok, None)
            }
        }
    }

    fn publish(&mut self, life: Option<usize>, event: &str, digest: Option<&String>) {
        let retained = self.retained;
        for stream in self.streams.iter_mut().filter(|stream| stream.attached && stream.life == life) {
            stream.queue.push_back(Delivered::Event { event: event.to_owned(), digest: digest.cloned() });
            evict(&mut stream.queue, retained);
        }
    }

    fn subscribe(
        &mut self,
        job: Option<&str>,
        label: Option<&str>,
        stream: &str,
        since: &Since,
    ) -> (Kind, Option<Reason>) {
        let life = match job {
            None => None,
            Some(job) => match self.life_of(job, label) {
                Some(life) if !self.lives[life].given_up => Some(life),
                _ => return (Kind::Fail, Some(Reason::Unknown)),
            },
        };
        let log = life.map_or(&self.system_log, |life| &self.lives[life].log);
        let from = match since {
            Since::Now => log.len(),
            Since::Start => 0,
            Since::After(event) => log.iter().position(|known| known == event).map_or(log.len(), |at| at + 1),
        };
        let mut queue: VecDeque<Delivered> =
            log[from..].iter().map(|event| Delivered::Event { event: event.clone(), digest: None }).collect();
        evict(&mut queue, self.retained);
        if let Since::After(event) = since
            && !log.contains(event)
        {
            queue.push_front(Delivered::Lagged(7));
        }
        let closed = life.and_then(|life| self.lives[life].closed);
        if let Some(outcome) = closed {
            queue.push_back(Delivered::End(outcome));
        }
        let attached = closed.is_none();
        self.streams.push(Stream { id: stream.to_owned(), life, queue, attached, ended: false, gone: false });
        (Kind::Ok, None)
    }

    /// What the process does when its operation has returned: it may use the handle from now on.
    fn returned(&mut self, action: &Action, kind: Kind) {
        if let (Action::Create { life: Some(label), .. }, Kind::Ok) = (action, kind) {
            for handle in self.handles.iter_mut().filter(|handle| handle.0 == *label) {
                handle.1 = usize::MAX - handle.1;
            }
        }
    }

    fn step_stream(&mut self, tape: &mut Tape<'_>) {
        if self.streams.is_empty() {
            return;
        }
        let at = tape.below(self.streams.len());
        let process = tape.below(self.processes.len());
        let stop = tape.one_in(60);
        let stream = &mut self.streams[at];
        if stop && stream.attached && stream.queue.is_empty() {
            stream.attached = false;
            stream.gone = true;
            stream.queue.push_back(Delivered::Stopped("revoked".into()));
        }
        self.deliver(at, process);
    }

    fn deliver(&mut self, at: usize, process: usize) {
        if matches!(self.processes[process], Process::Lost { .. }) {
            return;
        }
        let stream = &mut self.streams[at];
        let Some(what) = stream.queue.pop_front() else { return };
        stream.ended |= matches!(what, Delivered::End(_));
        if let (Delivered::End(_), Some(life)) = (&what, stream.life) {
            self.lives[life].given_up = true;
        }
        if let Delivered::Event { event, .. } = &what {
            self.delivered.push(event.clone());
        }
        let stream = stream.id.clone();
        self.write(process, Kind::Ok, Action::Receive { stream, what }, None);
    }

    fn drain(&mut self, tape: &mut Tape<'_>) {
        if self.streams.is_empty() {
            return;
        }
        let at = tape.below(self.streams.len());
        if self.streams[at].queue.is_empty() && matches!(self.processes[0], Process::Idle | Process::Busy { .. }) {
            let stream = self.streams[at].id.clone();
            self.write(0, Kind::Ok, Action::Drained { stream }, None);
        }
    }

    /// Whether process 0 can write an observation.
    fn can_observe(&self) -> bool {
        matches!(self.processes[0], Process::Idle | Process::Busy { .. })
    }

    fn say_what_is_held(&mut self) {
        if self.can_observe() {
            let jobs = self.lives.iter().filter(|life| !life.given_up).count() as u32;
            self.write(0, Kind::Ok, Action::Retained { jobs }, None);
        }
    }

    fn expire(&mut self, tape: &mut Tape<'_>) {
        if self.can_observe() {
            let name = tape.below(self.names);
            self.write(0, Kind::Ok, Action::Expired { job: job_name(name) }, None);
            let over = self.lives.iter_mut().filter(|life| life.name == name && life.closed.is_some());
            over.for_each(|life| life.given_up = true);
        }
    }

    /// Lets most operations return and most streams be read out.
    fn wind_up(&mut self, tape: &mut Tape<'_>) {
        for process in 0..self.processes.len() {
            if let Process::Busy { action, result } = std::mem::replace(&mut self.processes[process], Process::Idle) {
                let (kind, reason) = result.unwrap_or_else(|| self.effect(&action, false));
                self.returned(&action, kind);
                self.write(process, kind, action, reason);
            }
        }
        let process = self.processes.len();
        self.processes.push(Process::Idle);
        for at in 0..self.streams.len() {
            if tape.one_in(5) {
                continue;
            }
            while !self.streams[at].queue.is_empty() {
                self.deliver(at, process);
            }
            let stream = self.streams[at].id.clone();
            self.write(process, Kind::Ok, Action::Drained { stream }, None);
        }
        if !tape.one_in(3) {
            let jobs = self.lives.iter().filter(|life| !life.given_up).count() as u32;
            self.write(process, Kind::Ok, Action::Retained { jobs }, None);
        }
        debug_assert!(self.lives.iter().all(|life| life.name < 3));
    }
}

/// Drops the oldest events beyond what is retained, and counts them in a marker at the head.
fn evict(queue: &mut VecDeque<Delivered>, retained: usize) {
    while queue.iter().filter(|what| matches!(what, Delivered::Event { .. })).count() > retained {
        match queue.pop_front() {
            Some(Delivered::Lagged(count)) => match queue.front_mut() {
                Some(Delivered::Lagged(more)) => *more += count,
                _ => {
                    queue.pop_front();
                    queue.push_front(Delivered::Lagged(count + 1));
                }
            },
            Some(_) => match queue.front_mut() {
                Some(Delivered::Lagged(more)) => *more += 1,
                _ => queue.push_front(Delivered::Lagged(1)),
            },
            None => return,
        }
    }
}
