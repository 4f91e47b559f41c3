//! The intake: sorts the lines of a history by name, and finds what is wrong with one line at first sight.

use super::super::history::{Action, Delivered, Kind, Line, Outcome, Reason, Since};
use super::record::{Close, Create, Event, Fate, From, Item, Job, LineNo, NEVER, Refusal, Span, Stream, Via, What};
use super::report::Report;
use super::{confinement, no_fallback, one_end, reclaimed, system_separation};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The system's number among the jobs.
const SYSTEM: u32 = 0;

/// Where an operation's record stands: the job's number and the index in its list.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Create(u32, u32),
    Emit(u32, u32),
    Subscribe(u32, u32),
    /// Of a stream; none if the stream was forgotten.
    Unsubscribe(Option<(u32, u32)>, LineNo),
    Close(u32, u32),
}

#[derive(Debug, Default)]
struct Process {
    number: u32,
    open: Option<Operation>,
}

/// A stream id: its record, or what is left of it.
#[derive(Debug, Clone, Copy)]
enum Known {
    Stream(u32, u32),
    Forgotten { ended: Option<LineNo> },
}

/// A delivery of a token that was not emitted before.
#[derive(Debug, Clone, Copy)]
struct Ghost {
    line: LineNo,
    on_system: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Intake {
    processes: HashMap<i64, Process>,
    names: HashMap<Arc<str>, u32>,
    jobs: Vec<Job>,
    tokens: HashMap<Arc<str>, (u32, u32)>,
    streams: HashMap<Arc<str>, Known>,
    lives: HashMap<Arc<str>, (u32, u32)>,
    ghosts: HashMap<Arc<str>, Vec<Ghost>>,
    /// Names that fell quiet, in that order, with the number of lines that they had then.
    quiet: VecDeque<(u32, usize)>,
    /// How many lines of names that fell quiet are kept.
    quiet_lines: usize,
    kept_lines: usize,
}

impl Intake {
    pub(super) fn new(kept_lines: usize) -> Self {
        Intake {
            processes: HashMap::new(),
            names: HashMap::new(),
            jobs: vec![Job::new(None)],
            tokens: HashMap::new(),
            streams: HashMap::new(),
            lives: HashMap::new(),
            ghosts: HashMap::new(),
            quiet: VecDeque::new(),
            quiet_lines: 0,
            kept_lines,
        }
    }

    /// Takes one line.
    pub(super) fn take(&mut self, number: LineNo, line: &Line, report: &mut Report) {
        let job = match (&line.action, line.kind) {
            (Action::Receive { stream, what }, _) => self.receive(number, stream, what, report),
            (Action::Drained { stream }, _) => self.drained(number, stream),
            (Action::Retained { jobs }, _) => {
                report.retention.asked(number, u64::from(*jobs));
                None
            }
            (Action::Expired { job }, _) => self.expired(number, job),
            (_, Kind::Invoke) => Some(self.invoke(number, line, report)),
            (_, Kind::Ok) => self.complete(number, line, Fate::Ok, report),
            (_, Kind::Fail) => self.complete(number, line, Fate::Fail, report),
            (_, Kind::Info) => self.complete(number, line, Fate::Info, report),
        };
        if let Some(job) = job {
            self.touched(job);
        }
    }

    // --- operations ---

    fn job(&mut self, name: Option<&str>, report: &mut Report) -> u32 {
        let Some(name) = name else { return SYSTEM };
        if let Some(&job) = self.names.get(name) {
            return job;
        }
        let job = self.jobs.len() as u32;
        let name: Arc<str> = name.into();
        self.jobs.push(Job::new(Some(name.clone())));
        self.names.insert(name, job);
        report.jobs += 1;
        job
    }

    fn via(&self, job: u32, life: Option<&str>) -> Via {
        match life.map(|life| self.lives.get(life)) {
            None => Via::Name,
            Some(Some(&(owner, create))) if owner == job => Via::Create(create),
            Some(_) => Via::Nothing,
        }
    }

    fn invoke(&mut self, number: LineNo, line: &Line, report: &mut Report) -> u32 {
        report.operations += 1;
        let next = self.processes.len() as u32;
        let emitter = self.processes.entry(line.process).or_insert(Process { number: next, open: None }).number;
        let span = Span::begin(number);
        let (job, operation) = match &line.action {
            Action::Create { job, life } => {
                let job = self.job(Some(job), report);
                let life: Option<Arc<str>> = life.as_deref().map(Arc::from);
                let record = &mut self.jobs[job as usize];
                let index = record.creates.len() as u32;
                if let Some(life) = &life {
                    self.lives.insert(life.clone(), (job, index));
                }
                record.creating += 1;
                record.creates.push(Create { span, life });
                (job, Operation::Create(job, index))
            }
            Action::Close { job, life, outcome } => {
                report.premises.ends = true;
                let job = self.job(Some(job), report);
                let via = self.via(job, life.as_deref());
                let closes = &mut self.jobs[job as usize].closes;
                closes.push(Close { span, via, outcome: *outcome });
                (job, Operation::Close(job, closes.len() as u32 - 1))
            }
            Action::Emit { .. } => self.invoke_emit(span, emitter, &line.action, report),
            Action::Subscribe { .. } => self.invoke_subscribe(span, &line.action, report),
            Action::Unsubscribe { stream } => {
                let found = match self.streams.get(stream.as_str()) {
                    Some(&Known::Stream(job, index)) => Some((job, index)),
                    _ => None,
                };
                if let Some((job, index)) = found {
                    self.jobs[job as usize].streams[index as usize].leaving.push(number);
                }
                (found.map_or(SYSTEM, |(job, _)| job), Operation::Unsubscribe(found, number))
            }
            Action::Receive { .. } | Action::Drained { .. } | Action::Retained { .. } | Action::Expired { .. } => {
                return SYSTEM;
            }
        };
        self.jobs[job as usize].open += 1;
        if let Some(process) = self.processes.get_mut(&line.process) {
            process.open = Some(operation);
        }
        job
    }

    fn invoke_emit(&mut self, span: Span, process: u32, action: &Action, report: &mut Report) -> (u32, Operation) {
        let Action::Emit { job: name, life, event, digest } = action else { unreachable!("called for emits only") };
        report.premises.job_emits |= name.is_some();
        report.premises.system |= name.is_none();
        let job = self.job(name.as_deref(), report);
        let via = self.via(job, life.as_deref());
        let token: Arc<str> = event.as_str().into();
        let index = self.jobs[job as usize].events.len() as u32;
        let mut delivered = NEVER;
        if !self.ghosts.is_empty() {
            for ghost in self.ghosts.remove(&token).unwrap_or_default() {
                delivered = delivered.min(ghost.line);
                if ghost.on_system == (job == SYSTEM) {
                    confinement::before_invoke(report, &token, ghost.line, span.invoke);
                } else {
                    system_separation::breach(report, &token, ghost.line, span.invoke, ghost.on_system);
                }
            }
        }
        self.tokens.insert(token.clone(), (job, index));
        let digest = digest.as_deref().map(Box::from);
        self.jobs[job as usize].events.push(Event { token, process, span, via, digest, delivered });
        (job, Operation::Emit(job, index))
    }

    fn invoke_subscribe(&mut self, span: Span, action: &Action, report: &mut Report) -> (u32, Operation) {
        let Action::Subscribe { job: name, life, stream, since } = action else {
            unreachable!("called for subscribes only")
        };
        report.premises.system |= name.is_none();
        report.streams += 1;
        let job = self.job(name.as_deref(), report);
        let via = self.via(job, life.as_deref());
        let id: Arc<str> = stream.as_str().into();
        let from = match since {
            Since::Now => From::Now,
            Since::Start => From::Start,
            Since::After(event) => From::After(event.as_str().into()),
        };
        let record = &mut self.jobs[job as usize];
        report.premises.sealed |= record.closed > 0;
        let index = record.streams.len() as u32;
        record.unsettled += 1;
        record.streams.push(Stream {
            id: id.clone(),
            span,
            via,
            from,
            items: Vec::new(),
            leaving: Vec::new(),
            drained: None,
            ended: None,
            stopped: None,
            missed: false,
            settled: false,
        });
        self.streams.insert(id, Known::Stream(job, index));
        (job, Operation::Subscribe(job, index))
    }

    fn complete(&mut self, number: LineNo, line: &Line, fate: Fate, report: &mut Report) -> Option<u32> {
        let operation = self.processes.get_mut(&line.process)?.open.take()?;
        let job = match operation {
            Operation::Create(job, index) => {
                let record = &mut self.jobs[job as usize];
                record.unknown += u32::from(fate == Fate::Info);
                record.creating -= 1;
                if fate == Fate::Ok {
                    record.created = number;
                }
                record.creates[index as usize].span.complete(number, fate);
                job
            }
            Operation::Close(job, index) => {
                let record = &mut self.jobs[job as usize];
                record.unknown += u32::from(fate == Fate::Info);
                let close = &mut record.closes[index as usize];
                close.span.complete(number, fate);
                if fate == Fate::Ok {
                    record.closed = record.closed.max(close.span.invoke);
                }
                job
            }
            Operation::Emit(job, index) => {
                self.complete_emit(number, job, index, fate, line.reason.as_ref(), report);
                job
            }
            Operation::Subscribe(job, index) => {
                self.complete_subscribe(number, job, index, fate, line.reason.as_ref(), report);
                job
            }
            Operation::Unsubscribe(of, invoke) => {
                if let Some((job, index)) = of {
                    let record = &mut self.jobs[job as usize];
                    let stream = &mut record.streams[index as usize];
                    if fate == Fate::Fail {
                        stream.leaving.retain(|&line| line != invoke);
                    } else {
                        record.unsettled -= settle(stream);
                    }
                }
                of.map_or(SYSTEM, |(job, _)| job)
            }
        };
        self.jobs[job as usize].open -= 1;
        Some(job)
    }

    fn complete_emit(
        &mut self,
        number: LineNo,
        job: u32,
        index: u32,
        fate: Fate,
        reason: Option<&Reason>,
        report: &mut Report,
    ) {
        let record = &mut self.jobs[job as usize];
        let event = &mut record.events[index as usize];
        event.span.complete(number, fate);
        record.unknown += u32::from(fate == Fate::Info);
        report.premises.answers |= matches!(fate, Fate::Ok | Fate::Fail);
        if fate != Fate::Fail {
            return;
        }
        if event.delivered != NEVER {
            no_fallback::refused_yet_delivered(report, event, event.delivered);
        }
        if !excused(reason) {
            let (span, via, what) = (event.span, event.via, format!("the emit of {:?}", event.token));
            record.refusals.push(Refusal { span, via, what });
        }
    }

    fn complete_subscribe(
        &mut self,
        number: LineNo,
        job: u32,
        index: u32,
        fate: Fate,
        reason: Option<&Reason>,
        report: &mut Report,
    ) {
        let record = &mut self.jobs[job as usize];
        let stream = &mut record.streams[index as usize];
        stream.span.complete(number, fate);
        record.unknown += u32::from(fate == Fate::Info);
        report.premises.answers |= matches!(fate, Fate::Ok | Fate::Fail);
        if fate != Fate::Fail {
            report.premises.streams = true;
            return;
        }
        stream.missed = reclaimed::is_missing(reason);
        report.streams -= 1;
        if !excused(reason) {
            let (span, via, what) = (stream.span, stream.via, format!("the subscribe of stream {:?}", stream.id));
            record.refusals.push(Refusal { span, via, what });
        }
        record.unsettled -= settle(stream);
    }

    // --- observations ---

    fn receive(&mut self, number: LineNo, id: &str, what: &Delivered, report: &mut Report) -> Option<u32> {
        let (job, index) = match *self.streams.get(id)? {
            Known::Stream(job, index) => (job, index),
            Known::Forgotten { ended } => {
                if let Some(end) = ended {
                    one_end::after_end(report, id, end, number);
                }
                if let Delivered::Event { event, .. } = what {
                    report.premises.deliveries = true;
                    confinement::forgotten(report, event, id, number);
                }
                return None;
            }
        };
        let record = &mut self.jobs[job as usize];
        let stream = &mut record.streams[index as usize];
        if let Some(end) = stream.ended {
            one_end::after_end(report, id, end, number);
        }
        match what {
            Delivered::Event { event, digest } => {
                report.premises.deliveries = true;
                stream.span.show(number);
                self.deliver(number, (job, index), event, digest.as_deref(), report);
            }
            Delivered::Lagged(count) => stream.items.push(Item { line: number, what: What::Lagged(*count) }),
            Delivered::End(outcome) => {
                report.premises.ends = true;
                let outcome: Option<Outcome> = *outcome;
                if job == SYSTEM {
                    one_end::on_system(report, id, number);
                }
                if stream.ended.is_none() {
                    stream.items.push(Item { line: number, what: What::End(outcome) });
                    stream.ended = Some(number);
                }
                record.unsettled -= settle(stream);
            }
            Delivered::Stopped(_) => {
                stream.stopped = stream.stopped.or(Some(number));
                record.unsettled -= settle(stream);
            }
        }
        Some(job)
    }

    /// Takes a delivery: what is wrong at first sight is found here, the rest is kept with the stream.
    fn deliver(
        &mut self,
        number: LineNo,
        (job, index): (u32, u32),
        token: &str,
        digest: Option<&str>,
        report: &mut Report,
    ) {
        let Some(&(home, at)) = self.tokens.get(token) else {
            self.ghosts.entry(token.into()).or_default().push(Ghost { line: number, on_system: job == SYSTEM });
            return;
        };
        let event = &mut self.jobs[home as usize].events[at as usize];
        event.delivered = event.delivered.min(number);
        event.span.show(number);
        if event.span.failed() {
            no_fallback::refused_yet_delivered(report, event, number);
        }
        if home != job {
            if home == SYSTEM || job == SYSTEM {
                system_separation::breach(report, token, number, event.span.invoke, job == SYSTEM);
            } else {
                let event = &self.jobs[home as usize].events[at as usize];
                let stream = &self.jobs[job as usize].streams[index as usize];
                let titles = (self.jobs[home as usize].title(), self.jobs[job as usize].title());
                confinement::other_job(report, event, stream, titles, number);
            }
            return;
        }
        if let (Some(given), Some(come)) = (event.digest.as_deref(), digest)
            && given != come
        {
            confinement::other_digest(report, event, number);
            return;
        }
        self.jobs[job as usize].streams[index as usize].items.push(Item { line: number, what: What::Event(at) });
    }

    fn drained(&mut self, number: LineNo, id: &str) -> Option<u32> {
        let Some(&Known::Stream(job, index)) = self.streams.get(id) else { return None };
        let record = &mut self.jobs[job as usize];
        let over = record.certainly_over();
        let stream = &mut record.streams[index as usize];
        stream.drained = Some(number);
        if over {
            record.unsettled -= settle(stream);
        }
        Some(job)
    }

    /// Of a name that nobody has spoken of yet it says nothing.
    fn expired(&mut self, number: LineNo, name: &str) -> Option<u32> {
        let job = self.names.get(name).copied()?;
        self.jobs[job as usize].expired.push(number);
        Some(job)
    }

    // --- forgetting ---

    fn touched(&mut self, number: u32) {
        let job = &mut self.jobs[number as usize];
        job.lines += 1;
        if number != SYSTEM && job.is_quiet() {
            self.quiet.push_back((number, job.lines));
            self.quiet_lines += job.lines - job.counted;
            job.counted = job.lines;
        }
    }

    /// Takes out a name that fell quiet long ago, to be judged and forgotten.
    pub(super) fn release(&mut self) -> Option<(u32, Job)> {
        while self.quiet_lines > self.kept_lines {
            let (number, lines) = self.quiet.pop_front()?;
            let job = &mut self.jobs[number as usize];
            // If it was spoken of since, it stands in the queue again or is quiet no more.
            if job.lines != lines {
                continue;
            }
            let fresh = Job::new(job.name.clone());
            let job = std::mem::replace(job, fresh);
            self.quiet_lines -= job.counted;
            self.forget(number, &job);
            return Some((number, job));
        }
        None
    }

    fn forget(&mut self, number: u32, job: &Job) {
        for event in &job.events {
            self.tokens.remove(&event.token);
        }
        for life in job.creates.iter().filter_map(|create| create.life.as_ref()) {
            self.lives.remove(life);
        }
        for (index, stream) in job.streams.iter().enumerate() {
            // The id of a failed subscribe may name another stream by now.
            if let Some(known) = self.streams.get_mut(&stream.id)
                && matches!(*known, Known::Stream(job, at) if (job, at) == (number, index as u32))
            {
                *known = Known::Forgotten { ended: stream.ended };
            }
        }
    }

    /// The history is over: what was delivered and not emitted by now never was.
    pub(super) fn close(&mut self, report: &mut Report) {
        for (token, ghosts) in &self.ghosts {
            for ghost in ghosts {
                confinement::never_emitted(report, token, ghost.line);
            }
        }
        report.premises.streams |=
            self.jobs.iter().flat_map(|job| &job.streams).any(|stream| stream.span.fate != Fate::Fail);
    }

    /// All jobs that are left, by number.
    pub(super) fn take_jobs(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.jobs)
    }
}

/// Whether a refusal's reason excuses it under G4.
fn excused(reason: Option<&Reason>) -> bool {
    matches!(reason, Some(Reason::Limit | Reason::Forbidden))
}

/// Marks a stream as settled; how many streams that settles (for [`Job::unsettled`]).
fn settle(stream: &mut Stream) -> u32 {
    u32::from(!std::mem::replace(&mut stream.settled, true))
}
