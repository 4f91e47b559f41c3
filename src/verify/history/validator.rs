//! Whether a text is a history at all: what no single line can show.
//!
//! [`parse_line`](super::parse_line) knows what is wrong with a line on its own; the [`Validator`] reads the lines in
//! order and knows the rest: completions without an invoke, operations of one process that overlap, tokens used twice.
//! It also fills in what a completion may leave out (its value), so that the judges see whole lines only.

use super::{Action, F, Kind, Line, Malformed, StreamId, Token, WireLine, WireValue};
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
    names: Names,
    /// The latest observation.
    observed: Option<Line>,
}

/// A process, and the latest line of an operation that it wrote: a completion is written over its invoke, and the next
/// invoke over that.
#[derive(Debug)]
struct Process {
    state: State,
    line: Line,
}

/// Where a process stands between two of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// Inside the operation of its line.
    Busy,
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

/// What invokes have named so far.
#[derive(Debug, Default)]
struct Names {
    tokens: HashSet<Token>,
    streams: HashMap<StreamId, Naming>,
    lives: HashSet<String>,
}

/// What a line says was done: as it was parsed, or built.
#[allow(
    clippy::large_enum_variant,
    reason = "one lives for one line, on the stack; a box would be an allocation a line"
)]
enum Said<'a> {
    Wire(F, Option<WireValue<'a>>),
    Built(&'a Action),
}

impl Said<'_> {
    fn f(&self) -> &'static str {
        match self {
            Said::Wire(f, _) => f.word(),
            Said::Built(action) => action.f(),
        }
    }

    fn is_operation(&self) -> bool {
        match self {
            Said::Wire(f, _) => f.is_operation(),
            Said::Built(action) => action.is_operation(),
        }
    }

    /// Writes the action over an earlier one.
    fn write(self, into: &mut Action) -> Result<(), String> {
        match self {
            Said::Wire(f, Some(value)) => value.write(f, into),
            Said::Wire(f, None) => Err(format!("{}: value is missing", f.word())),
            Said::Built(action) => {
                into.clone_from(action);
                Ok(())
            }
        }
    }

    /// Whether it is that action, or leaves open which it is.
    fn may_be(self, action: &Action) -> Result<bool, String> {
        match self {
            Said::Wire(f, Some(value)) => value.is(f, action),
            Said::Wire(_, None) => Ok(true),
            Said::Built(built) => Ok(built == action),
        }
    }
}

/// A line to be written over.
fn blank() -> Line {
    Line::new(0, Kind::Ok, Action::Drained { stream: StreamId::new() })
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

    /// Reads one line of text; `Ok(None)` if it is blank. The line stands until the next one is read.
    ///
    /// # Errors
    /// What is wrong with the line, on its own or after the lines before it.
    pub fn line(&mut self, text: &str) -> Result<Option<&Line>, Malformed> {
        self.lines += 1;
        let line = self.lines;
        self.parse(text).map_err(|why| Malformed { line, why })
    }

    /// Reads one line that is built already and must therefore be whole. It counts as the next line.
    ///
    /// # Errors
    /// What is wrong with the line after the lines before it.
    pub fn accept(&mut self, line: &Line) -> Result<(), Malformed> {
        self.lines += 1;
        let number = self.lines;
        let stepped = self.step(line.process, line.kind, Said::Built(&line.action));
        stepped.map(drop).map_err(|why| Malformed { line: number, why })
    }

    fn parse(&mut self, text: &str) -> Result<Option<&Line>, String> {
        let Some(WireLine { process, kind, f, value, reason, shown: _ }) = WireLine::parse(text)? else {
            return Ok(None);
        };
        let line = self.step(process, kind, Said::Wire(f, value))?;
        line.reason = reason;
        Ok(Some(line))
    }

    /// Takes the next line; its action is filled in from the invoke line where it was left out.
    fn step(&mut self, process: i64, kind: Kind, said: Said<'_>) -> Result<&mut Line, String> {
        let idle = || Process { state: State::Idle, line: blank() };
        let Validator { processes, names, observed, .. } = self;
        if !said.is_operation() {
            if processes.get(&process).is_some_and(|process| process.state == State::Lost) {
                return Err(writes_on(process));
            }
            let line = observed.get_or_insert_with(blank);
            names.observe(process, kind, said, line)?;
            return Ok(line);
        }
        let known = processes.entry(process).or_insert_with(idle);
        if known.state == State::Lost {
            return Err(writes_on(process));
        }
        if kind == Kind::Invoke {
            known.invoke(process, said)?;
            names.introduce(&known.line.action)?;
        } else {
            known.complete(process, kind, said)?;
            if let (Kind::Fail, Action::Subscribe { stream, .. }) = (kind, &known.line.action) {
                names.streams.insert(stream.clone(), Naming::Failed);
            }
        }
        Ok(&mut known.line)
    }
}

fn writes_on(process: i64) -> String {
    format!("process {process} writes on after an info; give what follows another process number")
}

impl Process {
    fn invoke(&mut self, process: i64, said: Said<'_>) -> Result<(), String> {
        if self.state == State::Busy {
            return Err(format!(
                "process {process} invokes {} while its {} is still open; concurrent operations need processes of their own",
                said.f(),
                self.line.action.f()
            ));
        }
        said.write(&mut self.line.action)?;
        (self.state, self.line.process, self.line.kind) = (State::Busy, process, Kind::Invoke);
        Ok(())
    }

    fn complete(&mut self, process: i64, kind: Kind, said: Said<'_>) -> Result<(), String> {
        let (f, open) = (said.f(), self.line.action.f());
        if self.state != State::Busy {
            return Err(format!("process {process} completes a {f} that it never invoked"));
        }
        if open != f {
            return Err(format!("process {process} completes a {f}, but its open operation is a {open}"));
        }
        if !said.may_be(&self.line.action)? {
            return Err(format!("{f}: the value differs from the one invoked; a completion may leave it out"));
        }
        self.state = if kind == Kind::Info { State::Lost } else { State::Idle };
        self.line.kind = kind;
        Ok(())
    }
}

impl Names {
    fn observe(&self, process: i64, kind: Kind, said: Said<'_>, line: &mut Line) -> Result<(), String> {
        if kind != Kind::Ok {
            return Err(format!("a {} is a single line of type ok", said.f()));
        }
        said.write(&mut line.action)?;
        (line.process, line.kind) = (process, kind);
        match &line.action {
            Action::Receive { stream, .. } | Action::Drained { stream } => self.named(stream, line.action.f()),
            _ => Ok(()),
        }
    }

    fn named(&self, stream: &str, f: &str) -> Result<(), String> {
        if self.streams.contains_key(stream) {
            return Ok(());
        }
        Err(format!("{f}: no subscribe has named the stream {stream:?} before this line"))
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

    /// Fetches the next line that is not blank; `false` at the end of the source.
    fn seek(&mut self) -> Result<bool, Malformed> {
        loop {
            let line = self.validator.lines() + 1;
            let malformed = |why| Malformed { line, why };
            if !self.fetch().map_err(malformed)? {
                return Ok(false);
            }
            let text = self.buffer.trim_ascii_start();
            let blank = || std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty());
            if text.first() == Some(&b'{') || !blank() {
                return Ok(true);
            }
            self.validator.lines += 1;
        }
    }

    fn advance(&mut self) -> Result<Option<(usize, &Line)>, Malformed> {
        if !self.seek()? {
            return Ok(None);
        }
        let number = self.validator.lines() + 1;
        let text = std::str::from_utf8(&self.buffer)
            .map_err(|error| Malformed { line: number, why: format!("not UTF-8: {error}") })?;
        Ok(self.validator.line(text)?.map(|line| (number, line)))
    }
}

/// Reads a whole history like [`read`], and hands out each line with its number without making a copy of it.
///
/// # Errors
/// What makes the history malformed, with its line; `take` has seen the lines before it.
pub fn for_each_line<R: BufRead>(source: R, mut take: impl FnMut(usize, &Line)) -> Result<(), Malformed> {
    let mut reader = read(source);
    while let Some((number, line)) = reader.advance()? {
        take(number, line);
    }
    Ok(())
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<(usize, Line), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = self.advance().map(|item| item.map(|(number, line)| (number, line.clone()))).transpose();
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}
