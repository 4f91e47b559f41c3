//! Whether a text is a history at all: what no single line can show.
//!
//! [`parse_line`] knows what is wrong with a line on its own; the [`Validator`] reads the lines in
//! order and knows the rest: completions without an invoke, operations of one process that overlap, tokens used twice.
//! It also fills in what a completion may leave out (its value), so that the judges see whole lines only.

use super::{Action, Kind, Line, Malformed, StreamId, Token, parse_line};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Read};

/// The longest line that [`read`] takes, in bytes. A history's lines are some hundred bytes long; a file without line
/// breaks must not fill the memory before it is refused.
pub const LONGEST_LINE: usize = 1 << 20;

/// Reads a history line by line and finds what makes it malformed.
#[derive(Debug, Default)]
pub struct Validator {
    lines: usize,
    processes: HashMap<i64, Process>,
    tokens: HashSet<Token>,
    streams: HashMap<StreamId, Naming>,
    lives: HashSet<String>,
}

/// Where a process stands between two of its lines.
#[derive(Debug)]
enum Process {
    Idle,
    /// Inside this operation.
    Busy(Action),
    /// Its last operation ended in `info`: it writes nothing more.
    Lost,
}

/// What became of the subscribe that named a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    InUse,
    /// It failed, so the id may be used again.
    Failed,
}

impl Validator {
    /// A validator at the beginning of a history.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many lines were read so far, blank ones included.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// Reads one line of text; `Ok(None)` if it is blank.
    ///
    /// # Errors
    /// What is wrong with the line, on its own or after the lines before it.
    pub fn line(&mut self, text: &str) -> Result<Option<Line>, Malformed> {
        self.lines += 1;
        self.parse(text).map_err(|why| self.malformed(why))
    }

    /// Reads one line that is built already and must therefore be whole. It counts as the next line.
    ///
    /// # Errors
    /// What is wrong with the line after the lines before it.
    pub fn accept(&mut self, line: &Line) -> Result<(), Malformed> {
        self.lines += 1;
        let whole = Some(line.action.clone());
        self.step(line.process, line.kind, line.action.f(), whole).map(drop).map_err(|why| self.malformed(why))
    }

    fn malformed(&self, why: String) -> Malformed {
        Malformed { line: self.lines, why }
    }

    fn parse(&mut self, text: &str) -> Result<Option<Line>, String> {
        let Some(parsed) = parse_line(text)? else { return Ok(None) };
        let action = self.step(parsed.process, parsed.kind, parsed.f, parsed.action)?;
        Ok(Some(Line { process: parsed.process, kind: parsed.kind, action, reason: parsed.reason }))
    }

    /// Takes the next line and returns its action, filled in from the invoke line where it was left out.
    fn step(&mut self, process: i64, kind: Kind, f: &str, action: Option<Action>) -> Result<Action, String> {
        if matches!(self.processes.get(&process), Some(Process::Lost)) {
            return Err(format!("process {process} writes on after an info; give what follows another process number"));
        }
        match (kind, action) {
            (_, Some(action)) if !action.is_operation() => self.observe(kind, action),
            (Kind::Invoke, Some(action)) => self.invoke(process, action),
            (Kind::Invoke, None) => Err(format!("{f}: value is missing")),
            (Kind::Ok | Kind::Fail | Kind::Info, action) => self.complete(process, kind, f, action),
        }
    }

    fn observe(&self, kind: Kind, action: Action) -> Result<Action, String> {
        if kind != Kind::Ok {
            return Err(format!("a {} is a single line of type ok", action.f()));
        }
        if let Action::Receive { stream, .. } | Action::Drained { stream } = &action {
            self.named(stream, action.f())?;
        }
        Ok(action)
    }

    fn named(&self, stream: &str, f: &str) -> Result<(), String> {
        if self.streams.contains_key(stream) {
            return Ok(());
        }
        Err(format!("{f}: no subscribe has named the stream {stream:?} before this line"))
    }

    fn invoke(&mut self, process: i64, action: Action) -> Result<Action, String> {
        if let Some(Process::Busy(open)) = self.processes.get(&process) {
            return Err(format!(
                "process {process} invokes {} while its {} is still open; concurrent operations need processes of their own",
                action.f(),
                open.f()
            ));
        }
        self.introduce(&action)?;
        self.processes.insert(process, Process::Busy(action.clone()));
        Ok(action)
    }

    /// Checks the names that an invoke brings or relies on.
    fn introduce(&mut self, action: &Action) -> Result<(), String> {
        let life = match action {
            Action::Create { life: Some(life), .. } => {
                if !self.lives.insert(life.clone()) {
                    return Err(format!("create: the life {life:?} labels an earlier create already"));
                }
                None
            }
            Action::Emit { life, .. } | Action::Subscribe { life, .. } | Action::Close { life, .. } => life.as_deref(),
            _ => None,
        };
        if let Some(life) = life.filter(|&life| !self.lives.contains(life)) {
            return Err(format!("{}: no create before this line carries the life {life:?}", action.f()));
        }
        match action {
            Action::Emit { event, .. } if !self.tokens.insert(event.clone()) => {
                return Err(format!("emit: the event {event:?} was used before; a retry takes a new token"));
            }
            Action::Subscribe { stream, .. } => match self.streams.entry(stream.clone()) {
                Entry::Occupied(known) if *known.get() == Naming::InUse => {
                    return Err(format!("subscribe: the stream {stream:?} was named before"));
                }
                entry => *entry.or_insert(Naming::InUse) = Naming::InUse,
            },
            Action::Unsubscribe { stream } => self.named(stream, "unsubscribe")?,
            _ => {}
        }
        Ok(())
    }

    fn complete(&mut self, process: i64, kind: Kind, f: &str, action: Option<Action>) -> Result<Action, String> {
        let state = self.processes.entry(process).or_insert(Process::Idle);
        let after = if kind == Kind::Info { Process::Lost } else { Process::Idle };
        let invoked = match std::mem::replace(state, after) {
            Process::Busy(invoked) if invoked.f() == f => invoked,
            Process::Busy(invoked) => {
                return Err(format!("process {process} completes a {f}, but its open operation is a {}", invoked.f()));
            }
            Process::Idle | Process::Lost => {
                return Err(format!("process {process} completes a {f} that it never invoked"));
            }
        };
        if action.is_some_and(|action| action != invoked) {
            return Err(format!("{f}: the value differs from the one invoked; a completion may leave it out"));
        }
        if let (Kind::Fail, Action::Subscribe { stream, .. }) = (kind, &invoked) {
            self.streams.insert(stream.clone(), Naming::Failed);
        }
        Ok(invoked)
    }
}

/// Reads a whole history, line by line; each item is a line and its number. Blank lines are counted and left out.
///
/// After an error nothing more comes: what follows a malformed line means nothing.
pub fn read<R: BufRead>(source: R) -> Reader<R> {
    Reader { source, validator: Validator::new(), buffer: Vec::new(), over: false }
}

/// See [`read`].
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    validator: Validator,
    buffer: Vec<u8>,
    over: bool,
}

impl<R: BufRead> Reader<R> {
    /// Fills the buffer with the next line, without its line break; `false` at the end of the source.
    fn fetch(&mut self) -> Result<bool, String> {
        self.buffer.clear();
        let most = LONGEST_LINE as u64 + 1;
        let read = self
            .source
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| format!("cannot be read: {error}"))?;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        if self.buffer.len() > LONGEST_LINE {
            return Err(format!("longer than {LONGEST_LINE} bytes; a history has one JSON object a line"));
        }
        Ok(read > 0)
    }

    fn advance(&mut self) -> Result<Option<(usize, Line)>, Malformed> {
        loop {
            let line = self.validator.lines() + 1;
            if !self.fetch().map_err(|why| Malformed { line, why })? {
                return Ok(None);
            }
            let text = std::str::from_utf8(&self.buffer)
                .map_err(|error| Malformed { line, why: format!("not UTF-8: {error}") })?;
            if let Some(found) = self.validator.line(text)? {
                return Ok(Some((line, found)));
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<(usize, Line), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.advance().transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}
