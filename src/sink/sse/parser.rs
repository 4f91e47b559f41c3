//! A strict parser of event streams: the grammar and nothing else, at any cut of the bytes.
//!
//! It shares no code with the encoder beside it, so that neither blesses the other's mistakes.

use std::time::Duration;

/// How much a parser holds before it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, in bytes, without its end.
    pub line_bytes: usize,
    /// The largest data of one event, in bytes.
    pub data_bytes: usize,
}

impl Default for Limits {
    /// One MiB each.
    fn default() -> Limits {
        Limits { line_bytes: 1 << 20, data_bytes: 1 << 20 }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// One event.
    Message(Message),
    /// The server says how long to wait before connecting again.
    Retry(Duration),
}

/// One event, as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type: `message` if none was sent.
    pub event: String,
    /// Its data, lines joined by LF.
    pub data: String,
    /// The last id that was sent with it or before it; empty if there is none.
    pub last_event_id: String,
}

/// More came than the [`Limits`] allow. The stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    /// A line.
    #[error("a line of the stream is longer than {0} bytes; raise the limit if the server is to be believed")]
    Line(usize),
    /// The data of an event.
    #[error("the data of an event is larger than {0} bytes; raise the limit if the server is to be believed")]
    Data(usize),
}

/// Reads one event stream from bytes that may be cut anywhere.
///
/// ```
/// use narrowcast::sink::sse::{Parsed, Parser};
///
/// let mut parser = Parser::default();
/// let mut chunk: &[u8] = b"event: tick\r\ndata: on";
/// assert_eq!(parser.read(&mut chunk), Ok(None));
/// chunk = b"e\r\n\r\n";
/// let Ok(Some(Parsed::Message(message))) = parser.read(&mut chunk) else { panic!("the event is whole") };
/// assert_eq!((&*message.event, &*message.data), ("tick", "one"));
/// ```
///
/// Bytes that are no UTF-8 are read as U+FFFD. An event whose blank line has not come is not read, whatever ends the
/// stream.
#[derive(Debug, Clone)]
pub struct Parser {
    limits: Limits,
    /// The line so far, undecoded.
    line: Vec<u8>,
    /// Whether the last line ended in a CR, so that an LF now belongs to that end.
    after_cr: bool,
    /// Whether no line has been read yet: only here a byte order mark is none of the text.
    at_start: bool,
    event: String,
    data: String,
    /// Whether a `data` field has come: one empty field makes an event, none makes none.
    has_data: bool,
    /// The id as of the block that is being read.
    id_read: String,
    /// The id as of the last blank line.
    last_event_id: String,
    failed: Option<TooLong>,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser::new(Limits::default(), "")
    }
}

impl Parser {
    /// For a stream that begins. A connection that resumes one is a stream of its own, whose events bear
    /// `last_event_id` until the server sends another.
    pub fn new(limits: Limits, last_event_id: &str) -> Parser {
        Parser {
            limits,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            event: String::new(),
            data: String::new(),
            has_data: false,
            id_read: last_event_id.to_owned(),
            last_event_id: last_event_id.to_owned(),
            failed: None,
        }
    }

    /// Reads on in `chunk` until something whole was read, or the chunk is used up (`None`). What was read is taken
    /// off its front; call again with the rest.
    ///
    /// # Errors
    /// [`TooLong`], now and at every later call.
    pub fn read(&mut self, chunk: &mut &[u8]) -> Result<Option<Parsed>, TooLong> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let read = self.read_lines(chunk);
        self.failed = read.as_ref().err().copied();
        read
    }

    /// The last id whose block has ended: what a reader that connects again sends as `Last-Event-ID`. Empty if none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    fn read_lines(&mut self, chunk: &mut &[u8]) -> Result<Option<Parsed>, TooLong> {
        while let Some(&first) = chunk.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                *chunk = &chunk[1..];
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if part.len() > self.limits.line_bytes - self.line.len() {
                return Err(TooLong::Line(self.limits.line_bytes));
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else {
                *chunk = &[];
                break;
            };
            // A line is over at its CR: whether an LF follows may be known only much later.
            self.after_cr = chunk[end] == b'\r';
            *chunk = &chunk[end + 1..];
            let line = std::mem::take(&mut self.line);
            let parsed = self.line(&line)?;
            // The buffer is used again, unless one long line would be paid for by all that follow.
            if line.capacity() <= 1 << 16 {
                self.line = line;
                self.line.clear();
            }
            if parsed.is_some() {
                return Ok(parsed);
            }
        }
        Ok(None)
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Parsed>, TooLong> {
        let line = match std::mem::take(&mut self.at_start) {
            true => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            return Ok(self.blank_line());
        }
        // Ends of lines are ASCII, so that no character reaches over one and each line can be decoded by itself.
        let line = String::from_utf8_lossy(line);
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, value.strip_prefix(' ').unwrap_or(value)),
            None => (&*line, ""),
        };
        match name {
            "data" => self.data_line(value)?,
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id_read),
            "retry" => return Ok(retry(value)),
            // A comment has an empty name. Other names, and an id with a NUL, are ignored.
            _ => {}
        }
        Ok(None)
    }

    fn data_line(&mut self, value: &str) -> Result<(), TooLong> {
        let between = usize::from(self.has_data);
        if value.len() + between > self.limits.data_bytes - self.data.len() {
            return Err(TooLong::Data(self.limits.data_bytes));
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push('\n');
        }
        self.data.push_str(value);
        Ok(())
    }

    /// The block is over: an event, if it had data.
    fn blank_line(&mut self) -> Option<Parsed> {
        self.id_read.clone_into(&mut self.last_event_id);
        let event = std::mem::take(&mut self.event);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let event = if event.is_empty() { "message".to_owned() } else { event };
        let (data, last_event_id) = (std::mem::take(&mut self.data), self.last_event_id.clone());
        Some(Parsed::Message(Message { event, data, last_event_id }))
    }
}

/// Digits and nothing else; a number too large for the machine is as good as the largest.
fn retry(value: &str) -> Option<Parsed> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Parsed::Retry(Duration::from_millis(value.parse().unwrap_or(u64::MAX))))
}
