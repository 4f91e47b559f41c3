//! Readers of event streams, by other hands and by ours.

use futures_core::Stream;
use narrowcast::sink::sse::{Message, Parsed, Parser};
use serde::Deserialize;
use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// One stream, as it is cut.
pub(crate) type Chunks = Vec<Vec<u8>>;

/// One event, as a reader tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Seen {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: Option<String>,
    /// In milliseconds, told with the event that followed.
    pub(crate) retry: Option<u64>,
}

/// What a reader sees in each of the streams.
pub(crate) type Answer = Result<Vec<Vec<Seen>>, Missing>;

/// Which id a reader tells with an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ids {
    /// The last that came, as the standard has it.
    Lasting,
    /// The event's own, if it has one.
    OwnOnly,
}

/// Why a reader cannot be asked, and what to do about it.
#[derive(Debug)]
pub(crate) struct Missing(pub(crate) String);

pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) ids: Ids,
    pub(crate) tells_retry: bool,
    pub(crate) read: fn(&[Chunks]) -> Answer,
}

// === in this process ===

pub(crate) const OURS: Reader = Reader {
    name: "ours",
    ids: Ids::Lasting,
    tells_retry: true,
    read: |streams| Ok(streams.iter().map(|chunks| ours(chunks, |chunk| chunk.to_vec())).collect()),
};

/// Through our parser, each chunk changed beforehand by `change`.
fn ours(chunks: &[Vec<u8>], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Seen> {
    let (mut parser, mut seen, mut waiting) = (Parser::default(), Vec::new(), None);
    for chunk in chunks.iter().map(|chunk| change(chunk)) {
        let mut rest = chunk.as_slice();
        while let Some(parsed) = parser.read(&mut rest).expect("within limits") {
            match parsed {
                Parsed::Retry(retry) => waiting = Some(millis(retry)),
                Parsed::Message(Message { event, data, last_event_id }) => {
                    seen.push(Seen { event, data, id: Some(last_event_id), retry: waiting.take() });
                }
            }
        }
    }
    seen
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) const SSE_PARSE: Reader = Reader {
    name: "sse-parse",
    ids: Ids::Lasting,
    tells_retry: true,
    read: |streams| Ok(streams.iter().map(|chunks| sse_parse(chunks)).collect()),
};

fn sse_parse(chunks: &[Vec<u8>]) -> Vec<Seen> {
    let (mut parser, mut seen) = (sse_parse::SseParser::new(), Vec::new());
    for chunk in chunks {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            let sse_parse::Event { event, data, id, retry } = event;
            seen.push(Seen { event, data, id: Some(id), retry: retry.map(millis) });
        }
    }
    seen
}

pub(crate) const EVENTSOURCE_STREAM: Reader = Reader {
    name: "eventsource-stream",
    ids: Ids::Lasting,
    tells_retry: true,
    read: |streams| Ok(streams.iter().map(|chunks| eventsource_stream(chunks)).collect()),
};

/// Chunks that are all there.
struct Ready<'a>(std::slice::Iter<'a, Vec<u8>>);

impl<'a> Stream for Ready<'a> {
    type Item = Result<&'a [u8], Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(|chunk| Ok(chunk.as_slice())))
    }
}

fn eventsource_stream(chunks: &[Vec<u8>]) -> Vec<Seen> {
    let mut events = eventsource_stream::EventStream::new(Ready(chunks.iter()));
    let mut cx = Context::from_waker(Waker::noop());
    let mut seen = Vec::new();
    loop {
        match Pin::new(&mut events).poll_next(&mut cx) {
            Poll::Ready(Some(Ok(eventsource_stream::Event { event, data, id, retry }))) => {
                seen.push(Seen { event, data, id: Some(id), retry: retry.map(millis) });
            }
            // What it cannot read it says so of, and the events that it lacks are missed by the test.
            Poll::Ready(Some(Err(_)) | None) | Poll::Pending => return seen,
        }
    }
}

// === by other programs ===

/// Where `.ci/run` installs what is not of this registry.
fn installed(what: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/narrowcast/sse-readers").join(what)
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sse_parsers").join(name)
}

pub(crate) const NODE: Reader = Reader {
    name: "eventsource-parser (Node)",
    ids: Ids::OwnOnly,
    tells_retry: true,
    read: |streams| {
        let modules = installed("node/node_modules");
        there(&modules.join("eventsource-parser"))?;
        program(Command::new("node").arg(script("node.cjs")).env("NODE_PATH", modules), streams)
    },
};

pub(crate) const HTTPX_SSE: Reader = Reader {
    name: "httpx-sse (Python)",
    ids: Ids::Lasting,
    tells_retry: true,
    read: |streams| python("httpx-sse", streams),
};

pub(crate) const SSECLIENT_PY: Reader = Reader {
    name: "sseclient-py (Python)",
    ids: Ids::OwnOnly,
    tells_retry: true,
    read: |streams| python("sseclient-py", streams),
};

fn python(package: &str, streams: &[Chunks]) -> Answer {
    let packages = installed("python");
    there(&packages.join(package.replace('-', "_").trim_end_matches("_py")))?;
    program(Command::new("python3").arg(script("reader.py")).arg(package).env("PYTHONPATH", packages), streams)
}

fn there(path: &std::path::Path) -> Result<(), Missing> {
    let reason = || Missing(format!("{} is not there; .ci/run installs it", path.display()));
    path.exists().then_some(()).ok_or_else(reason)
}

/// Streams in, events out, one line of JSON each.
fn program(command: &mut Command, streams: &[Chunks]) -> Answer {
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child =
        started.map_err(|error| Missing(format!("{:?} cannot be started: {error}", command.get_program())))?;
    let mut to = child.stdin.take().expect("it is piped");
    let lines: String = streams.iter().map(|chunks| format!("{}\n", serde_json::json!(hex(chunks)))).collect();
    // From a thread: whoever answers while it is still asked would else wait for us as we wait for it.
    let asking = thread::spawn(move || to.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("it can be waited for");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {said}");
    asking.join().expect("it does not panic").expect("it reads all that it is asked");
    let answers = String::from_utf8(output.stdout).expect("it answers in UTF-8");
    Ok(answers.lines().map(|line| serde_json::from_str(line).expect("it answers in JSON")).collect())
}

fn hex(chunks: &Chunks) -> Vec<String> {
    chunks.iter().map(|chunk| chunk.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
}

// === readers with a slip ===

/// They lose something where a stream is cut.
pub(crate) const PLANTED: [Reader; 4] = [
    Reader {
        name: "a reader that decodes each chunk by itself",
        read: |streams| {
            Ok(streams.iter().map(|it| ours(it, |chunk| String::from_utf8_lossy(chunk).into_owned().into())).collect())
        },
        ..OURS
    },
    Reader {
        name: "a reader that takes each chunk for a stream",
        read: |streams| {
            Ok(streams
                .iter()
                .map(|it| it.iter().flat_map(|it| ours(std::slice::from_ref(it), <[u8]>::to_vec)).collect())
                .collect())
        },
        ..OURS
    },
    Reader {
        name: "a reader that drops a mark at the start of each chunk",
        read: |streams| {
            let unmarked = |chunk: &[u8]| chunk.strip_prefix(b"\xef\xbb\xbf").unwrap_or(chunk).to_vec();
            Ok(streams.iter().map(|it| ours(it, unmarked)).collect())
        },
        ..OURS
    },
    Reader {
        name: "a reader that trims each chunk",
        read: |streams| Ok(streams.iter().map(|it| ours(it, |chunk| chunk.trim_ascii_start().to_vec())).collect()),
        ..OURS
    },
];
