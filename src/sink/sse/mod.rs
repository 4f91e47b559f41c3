//! Server-sent events: the wire encoder, and a strict parser of the same grammar.
//!
//! Pure functions over bytes, without I/O: what is written and read here is the event stream of the [HTML Standard,
//! section 9.2](https://html.spec.whatwg.org/multipage/server-sent-events.html). The encoder upholds G11 for one
//! stream: whatever a payload holds, every conforming parser, fed at whatever cuts, reads exactly one event with
//! exactly the fields that were given. No byte of a payload creates, alters, ends or hides a frame.
//!
//! | in the data | what becomes of it |
//! |---|---|
//! | LF, CR, CRLF | one end of a line: the next line gets a `data` field of its own, and readers see LF |
//! | a leading space, a leading colon, a field's name | kept: every value follows `: `, of which readers drop one space |
//! | nothing at all | one empty `data` field, so that readers see an event with empty data and not none |
//! | NUL, VT, FF, NEL, U+2028, U+2029, BOM | kept: in this grammar they end no line, and a BOM counts at the start of a stream only, where no frame puts one |
//! | bytes that are no UTF-8 | refused at the door ([`Frame::from_utf8`]) |
//!
//! What is not payload is held to a plain alphabet and refused outside of it, never repaired: an event's name is a
//! token, an id is printable ASCII without spaces. Anything wider would be legal here and there, and read differently
//! elsewhere: ids come back in an HTTP header, which strips blanks and forbids controls.
//!
//! Readers that are not conforming exist: some end lines at U+2028 or NEL. The JSON of
//! [`Event::encode`](crate::narration::Event::encode) escapes these, so that narration is safe with them too.

mod parser;

#[cfg(test)]
mod tests;

pub use parser::{Limits, Message, Parsed, Parser, TooLong};

use std::iter;
use std::time::Duration;

/// One event on its way to the wire.
///
/// ```
/// use narrowcast::sink::sse::Frame;
///
/// let mut out = Vec::new();
/// let frame = Frame { event: Some("narration"), id: Some("7"), ..Frame::new("two\nlines") };
/// frame.encode(&mut out)?;
/// assert_eq!(out, b"event: narration\ndata: two\ndata: lines\nid: 7\n\n");
/// # Ok::<(), narrowcast::sink::sse::FrameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frame<'a> {
    /// Its type, a token. Readers see `message` where there is none.
    pub event: Option<&'a str>,
    /// Its position, which a reader sends back to resume. An empty one makes the reader forget the last.
    pub id: Option<&'a str>,
    /// How long a reader is to wait before it connects again. Written in milliseconds, rounded up.
    pub retry: Option<Duration>,
    /// The payload. Readers see each CR and CRLF in it as LF, since the grammar cannot tell them apart.
    pub data: &'a str,
}

impl<'a> Frame<'a> {
    /// The longest type of an event, in bytes.
    pub const MAX_EVENT_BYTES: usize = 64;
    /// The longest id, in bytes: it must fit into a header of the request that resumes.
    pub const MAX_ID_BYTES: usize = 256;
    /// The longest wait that a reader can be asked for. More is a slip of units, and overflows in some readers.
    pub const MAX_RETRY: Duration = Duration::from_secs(24 * 60 * 60);

    /// A frame with data and nothing else.
    pub const fn new(data: &'a str) -> Frame<'a> {
        Frame { event: None, id: None, retry: None, data }
    }

    /// A frame with data that is still to be believed to be text, and nothing else.
    ///
    /// # Errors
    /// [`FrameError::NotUtf8`] if it is none. A stream is UTF-8 throughout; readers would see replacement characters.
    pub fn from_utf8(data: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        match str::from_utf8(data) {
            Ok(data) => Ok(Frame::new(data)),
            Err(error) => Err(FrameError::NotUtf8 { at: error.valid_up_to() }),
        }
    }

    /// Appends the frame to `out`, which must stand at the start of a stream or behind a whole frame or comment.
    ///
    /// The id comes last: a reader that is cut off within a frame, and delivers the torn half all the same (some do),
    /// has then not taken over the position of an event that it has not read.
    ///
    /// # Errors
    /// [`FrameError`] if a field cannot be written so that every reader reads it. `out` is then as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FrameError> {
        self.check()?;
        // Exact but for line ends in the data, which are rare: `data: ` and two line feeds.
        out.reserve(self.data.len() + self.event.map_or(0, |name| name.len() + 8) + 48);
        if let Some(retry) = self.retry {
            field("retry", &millis(retry), out);
        }
        if let Some(event) = self.event {
            field("event", event, out);
        }
        for line in lines(self.data) {
            field("data", line, out);
        }
        if let Some(id) = self.id {
            field("id", id, out);
        }
        out.push(b'\n');
        Ok(())
    }

    fn check(&self) -> Result<(), FrameError> {
        if let Some(event) = self.event {
            check_text(event, Frame::MAX_EVENT_BYTES, is_token_byte).map_err(FrameError::Event)?;
            // An empty type would be read as `message`.
            if event.is_empty() {
                return Err(FrameError::Event(Unfit::Empty));
            }
        }
        if let Some(id) = self.id {
            check_text(id, Frame::MAX_ID_BYTES, |byte| byte.is_ascii_graphic()).map_err(FrameError::Id)?;
        }
        match self.retry {
            Some(retry) if retry > Frame::MAX_RETRY => Err(FrameError::Retry(retry)),
            _ => Ok(()),
        }
    }
}

/// Appends what a reader keeps between events, without an event: how long to wait before it connects again, and the
/// position that it resumes after until an event brings another. `out` must stand where a frame may begin.
///
/// At the head of a stream this gives a reader something to resume after that loses the connection before its first
/// event. A conforming reader takes the fields over and sees nothing (a block without data is no event); one that is
/// not (httpx-sse) sees an event without data, here as after any `retry:` that stands alone.
///
/// # Errors
/// [`FrameError`] as of [`Frame::encode`]. `out` is then as it was.
pub fn settings(retry: Duration, id: Option<&str>, out: &mut Vec<u8>) -> Result<(), FrameError> {
    Frame { id, retry: Some(retry), ..Frame::default() }.check()?;
    field("retry", &millis(retry), out);
    if let Some(id) = id {
        field("id", id, out);
    }
    out.push(b'\n');
    Ok(())
}

/// In milliseconds, rounded up.
fn millis(retry: Duration) -> String {
    retry.as_nanos().div_ceil(1_000_000).to_string()
}

/// Appends a comment, which readers skip: it keeps a connection alive. `out` must stand where a frame may begin.
///
/// A text of several lines becomes a comment of several lines; no text makes a comment that is anything else. No blank
/// line follows: it would say nothing to a conforming reader, and one that is not (httpx-sse, once it has seen an id)
/// takes it for an event without data.
pub fn comment(text: &str, out: &mut Vec<u8>) {
    for line in lines(text) {
        field("", line, out);
    }
}

/// A frame cannot be written so that every reader reads it.
///
/// The texts name what is wrong and where, and never repeat what was given: it may be a payload of somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The type of the event is no token.
    #[error("the event's type {0}; use letters, digits and !#$%&'*+-.^_`|~, at most 64, or leave it out")]
    Event(Unfit),
    /// The id would be ignored, or come back as another one.
    #[error("the event's id {0}; use printable ASCII without spaces, at most 256 bytes")]
    Id(Unfit),
    /// A reader would be told to wait for longer than a day.
    #[error("a reader is told to wait for {0:?} before it connects again; a day is the most: was it meant in seconds?")]
    Retry(Duration),
    /// The data is not text.
    #[error("the data is no UTF-8 from byte {at} on; encode it, say as base64 in JSON, before it is sent")]
    NotUtf8 {
        /// The first byte, counted from 0, that does not belong to a whole character.
        at: usize,
    },
}

/// What is wrong with a name or an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It is empty, where this means something else.
    Empty,
    /// It is so many bytes long.
    Long(usize),
    /// It holds a character that does not belong there.
    Holds {
        /// The character.
        character: char,
        /// Where it stands, in bytes from 0.
        at: usize,
    },
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Unfit::Empty => f.write_str("is empty"),
            Unfit::Long(bytes) => write!(f, "is {bytes} bytes long"),
            // By its number: the character itself could steer the log that this ends in.
            Unfit::Holds { character, at } => write!(f, "holds U+{:04X} at byte {at}", u32::from(character)),
        }
    }
}

fn check_text(text: &str, longest: usize, is_fit: fn(u8) -> bool) -> Result<(), Unfit> {
    // Both alphabets are within ASCII, where a character is a byte.
    let unfit = |character: char| !u8::try_from(character).is_ok_and(|byte| byte.is_ascii() && is_fit(byte));
    match text.char_indices().find(|(_, character)| unfit(*character)) {
        Some((at, character)) => Err(Unfit::Holds { character, at }),
        None if text.len() > longest => Err(Unfit::Long(text.len())),
        None => Ok(()),
    }
}

/// RFC 9110, section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// One line: a field, or a comment if its name is empty. The space is always there: without it, readers would take
/// the first space of a value for it.
fn field(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

/// The lines of a text, ended by CRLF, LF or CR as readers end them. There is one more than there are ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest.take()?;
        let Some(at) = text.find(['\r', '\n']) else { return Some(text) };
        let after = &text[at..];
        rest = Some(after.strip_prefix("\r\n").unwrap_or(&after[1..]));
        Some(&text[..at])
    })
}
