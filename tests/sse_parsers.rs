//! What our encoder writes, parsers by other hands read as it was meant, wherever the bytes are cut (G11).
//!
//! | reader | by |
//! |---|---|
//! | our own | this crate |
//! | `eventsource-stream`, `sse-parse` | two Rust crates |
//! | `eventsource-parser` | npm; what Node's clients are built on |
//! | `httpx-sse`, `sseclient-py` | PyPI |
//! | `EventSource` | headless Chromium |
//!
//! `.ci/run` installs the last four and sets `NARROWCAST_SSE_READERS=required`. Without that, a test whose reader is not
//! there says so and passes.
//!
//! Each reader must also disagree with every planted encoder below: a reader that reads what was meant from whatever
//! is sent would be a reader of nothing.

#[path = "sse_parsers/browser.rs"]
mod browser;
mod chromium;
#[path = "sse_parsers/readers.rs"]
mod readers;

use narrowcast::sink::sse::{Frame, comment, settings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use readers::{Chunks, Ids, Missing, Reader, Seen};
use std::fmt::Write;
use std::time::Duration;

/// What is to be said: a frame, fit for the wire or not, perhaps behind a comment.
#[derive(Debug, Clone)]
struct Sent {
    comment: Option<String>,
    event: Option<String>,
    id: Option<String>,
    retry: Option<u64>,
    data: String,
}

/// Names that a browser is told to listen for; others it would not tell of.
const NAMES: [&str; 6] = ["message", "narration", "done", "x", "a.b-c", "error"];

/// Pieces that have broken encoders and parsers.
const PIECES: [&str; 29] = [
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\n\r",
    "\0",
    "\u{b}",
    "\u{c}",
    "\u{1c}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    " ",
    ":",
    ": ",
    "data: x",
    "data",
    "event: done",
    "\nevent: x",
    "id: 1",
    "id",
    "retry: 1",
    "é",
    "\u{1f980}",
    "\u{fffd}",
    "{\"a\":1}",
    "",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn sent()(
        comment in prop::option::weighted(0.2, hostile()),
        event in prop::option::of(prop_oneof![
            9 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            1 => hostile(),
        ]),
        id in prop::option::of(prop_oneof![9 => "[!-~]{0,6}", 1 => hostile()]),
        retry in prop::option::of(0_u64..=86_400_000),
        data in hostile(),
    ) -> Sent {
        Sent { comment, event, id, retry, data }
    }
}

/// Some frames, and how many bytes each chunk of their stream has.
fn case() -> impl Strategy<Value = (Vec<Sent>, Vec<usize>)> {
    (vec(sent(), 1..5), vec(0_usize..12, 0..60))
}

/// The same cases in every run: they are read by programs that are not ours to start for each one.
fn cases<T>(strategy: impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("nothing is filtered").current()).collect()
}

fn cut(stream: &[u8], sizes: &[usize]) -> Chunks {
    let (mut chunks, mut rest) = (Vec::new(), stream);
    for size in sizes {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk.to_vec());
        rest = after;
    }
    chunks.push(rest.to_vec());
    // An empty chunk is one of HTTP's ways to say that the body is over.
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

/// Whether every reader would read these fields as they are. Written down apart from the encoder.
fn is_fit(sent: &Sent) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let name = sent.event.as_ref().is_none_or(|name| (1..=64).contains(&name.len()) && name.chars().all(token));
    let id = sent.id.as_ref().is_none_or(|id| id.len() <= 256 && id.chars().all(|c| ('!'..='~').contains(&c)));
    name && id
}

/// What a reader ought to see: every fit frame once, the others not at all.
fn meant(sent: &[Sent], reader: &Reader) -> Vec<Seen> {
    let mut last_id = String::new();
    let fit = sent.iter().filter(|sent| is_fit(sent));
    let seen = fit.map(|sent| {
        if let Some(id) = &sent.id {
            last_id.clone_from(id);
        }
        Seen {
            event: sent.event.clone().unwrap_or_else(|| "message".to_owned()),
            data: sent.data.replace("\r\n", "\n").replace('\r', "\n"),
            id: match reader.ids {
                Ids::Lasting => Some(last_id.clone()),
                Ids::OwnOnly => sent.id.clone(),
            },
            retry: sent.retry.filter(|_| reader.tells_retry),
        }
    });
    seen.collect()
}

type Encoder = fn(&Sent, &mut Vec<u8>);

fn ours(sent: &Sent, out: &mut Vec<u8>) {
    if let Some(text) = &sent.comment {
        comment(text, out);
    }
    let Sent { event, id, retry, data, .. } = sent;
    let retry = retry.map(Duration::from_millis);
    let frame = Frame { event: event.as_deref(), id: id.as_deref(), retry, data };
    assert_eq!(frame.encode(out).is_ok(), is_fit(sent), "{sent:?}");
}

/// An encoder as one finds them, with one slip: how it makes lines of data, and how it writes one.
fn slipping(sent: &Sent, out: &mut Vec<u8>, lines: Vec<&str>, field: &str) {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "{name}{value}").expect("a String takes all");
    if let Some(retry) = sent.retry {
        line("retry: ", &retry.to_string());
    }
    if let Some(event) = &sent.event {
        line("event: ", event);
    }
    lines.iter().for_each(|value| line(field, value));
    if let Some(id) = &sent.id {
        line("id: ", id);
    }
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// Fit frames only, written by a slipping encoder.
fn slips(sent: &Sent, out: &mut Vec<u8>, lines: Vec<&str>, field: &str) {
    if is_fit(sent) {
        slipping(sent, out, lines, field);
    }
}

fn split(data: &str) -> Vec<String> {
    data.replace("\r\n", "\n").split(['\n', '\r']).map(str::to_owned).collect()
}

/// What is wrong with them, and the encoders.
const PLANTED: [(&str, Encoder); 9] = [
    ("LF splits a frame", |sent, out| slips(sent, out, vec![&sent.data.replace('\r', " ")], "data: ")),
    ("a lone CR splits a frame", |sent, out| slips(sent, out, sent.data.split('\n').collect(), "data: ")),
    ("CRLF ends a line twice", |sent, out| slips(sent, out, sent.data.split(['\n', '\r']).collect(), "data: ")),
    ("U+2028 is taken for an end of line", |sent, out| {
        let lines = split(&sent.data);
        slips(sent, out, lines.iter().flat_map(|line| line.split('\u{2028}')).collect(), "data: ");
    }),
    ("there is no space for readers to drop", |sent, out| {
        slips(sent, out, split(&sent.data).iter().map(String::as_str).collect(), "data:");
    }),
    ("a BOM is eaten", |sent, out| {
        let lines = split(sent.data.trim_start_matches('\u{feff}'));
        slips(sent, out, lines.iter().map(String::as_str).collect(), "data: ");
    }),
    ("empty data has no field", |sent, out| {
        let lines = split(&sent.data);
        let lines = if sent.data.is_empty() { Vec::new() } else { lines.iter().map(String::as_str).collect() };
        slips(sent, out, lines, "data: ");
    }),
    ("names and ids are not looked at", |sent, out| {
        slipping(sent, out, split(&sent.data).iter().map(String::as_str).collect(), "data: ");
    }),
    ("a comment is written as it is", |sent, out| {
        if let Some(text) = &sent.comment {
            out.extend_from_slice(format!(": {text}\n").as_bytes());
        }
        slips(sent, out, split(&sent.data).iter().map(String::as_str).collect(), "data: ");
    }),
];

/// The smallest case in which the reader did not see what was meant, in words.
fn disagreement(reader: &Reader, cases: &[(Vec<Sent>, Vec<usize>)], seen: &[Vec<Seen>]) -> Option<String> {
    assert_eq!(seen.len(), cases.len(), "{} read every stream", reader.name);
    let wrong = cases.iter().zip(seen).filter(|((sent, _), seen)| meant(sent, reader) != **seen);
    let ((sent, _), seen) =
        wrong.min_by_key(|((sent, _), _)| sent.iter().map(|sent| sent.data.len()).sum::<usize>())?;
    Some(format!("{}: sent {sent:#?}\nmeant {:#?}\nseen {seen:#?}", reader.name, meant(sent, reader)))
}

/// Has a reader read so many cases by our encoder, and by each planted one, in one go.
fn agrees_with_ours_alone(reader: &Reader, count: usize) {
    let cases = cases(case(), count);
    let encoders = [("ours", ours as Encoder)].into_iter().chain(PLANTED);
    let streams: Vec<Chunks> = encoders
        .flat_map(|(_, encode)| {
            cases.iter().map(move |(sent, cuts)| {
                let mut stream = Vec::new();
                sent.iter().for_each(|sent| encode(sent, &mut stream));
                cut(&stream, cuts)
            })
        })
        .collect();
    let seen = match (reader.read)(&streams) {
        Ok(seen) => seen,
        Err(missing) => return skip(reader.name, &missing),
    };
    let mut seen = seen.chunks(count);
    let by_ours = seen.next().expect("ours comes first");
    assert!(by_ours.iter().flatten().count() > count, "{} reads more than an event a stream", reader.name);
    if let Some(disagreement) = disagreement(reader, &cases, by_ours) {
        panic!("{disagreement}");
    }
    for ((fault, _), seen) in PLANTED.iter().zip(seen) {
        assert!(disagreement(reader, &cases, seen).is_some(), "{} does not notice that {fault}", reader.name);
    }
}

fn skip(name: &str, Missing(reason): &Missing) {
    assert_ne!(
        std::env::var("NARROWCAST_SSE_READERS").as_deref(),
        Ok("required"),
        "{name} is missing, and required: {reason}"
    );
    println!("skipped: {name}: {reason}");
}

#[test]
fn our_parser_reads_what_was_meant() {
    agrees_with_ours_alone(&readers::OURS, 400);
}

#[test]
fn eventsource_stream_reads_what_was_meant() {
    agrees_with_ours_alone(&readers::EVENTSOURCE_STREAM, 400);
}

#[test]
fn sse_parse_reads_what_was_meant() {
    agrees_with_ours_alone(&readers::SSE_PARSE, 400);
}

#[test]
fn node_reads_what_was_meant() {
    agrees_with_ours_alone(&readers::NODE, 400);
}

#[test]
fn python_reads_what_was_meant() {
    agrees_with_ours_alone(&readers::HTTPX_SSE, 400);
    agrees_with_ours_alone(&readers::SSECLIENT_PY, 400);
}

#[test]
fn a_browser_reads_what_was_meant() {
    agrees_with_ours_alone(&browser::CHROMIUM, 100);
}

/// At the head of a stream stands where it begins, without an event: readers see the same events, and those that tell
/// the last id tell it from then on.
fn passes_over_the_head(reader: &Reader) {
    let ids = [None, Some("p1"), None];
    let stream = |with_id: Option<&str>, with_head: bool| {
        let mut out = Vec::new();
        if with_head {
            settings(Duration::from_secs(2), with_id, &mut out).expect("it is fit");
        }
        for (id, data) in ids.into_iter().zip(["a", "b", "c"]) {
            Frame { event: Some("x"), id, ..Frame::new(data) }.encode(&mut out).expect("the frame is fit");
        }
        out
    };
    let streams = [stream(Some("p0"), true), stream(None, true), stream(None, false)];
    // Whole, and byte by byte.
    let whole = streams.iter().map(|stream| vec![stream.clone()]);
    let cut = streams.iter().map(|stream| stream.chunks(1).map(<[u8]>::to_vec).collect());
    let seen = match (reader.read)(&whole.chain(cut).collect::<Vec<Chunks>>()) {
        Ok(seen) => seen,
        Err(missing) => return skip(reader.name, &missing),
    };
    for (at, seen) in seen.iter().enumerate() {
        let (first, second) = if at % 3 == 0 { ("p0", "p1") } else { ("", "p1") };
        let expected = match reader.ids {
            Ids::Lasting => [Some(first), Some(second), Some(second)],
            Ids::OwnOnly => ids,
        };
        // httpx-sse takes a block without data for an event with none, as it does after a `retry:` alone.
        let seen: Vec<_> =
            seen.iter().filter(|seen| reader.name != readers::HTTPX_SSE.name || !seen.data.is_empty()).collect();
        assert_eq!(seen.iter().map(|seen| &*seen.data).collect::<Vec<_>>(), ["a", "b", "c"], "{}", reader.name);
        let told: Vec<_> = seen.iter().map(|seen| seen.id.as_deref().filter(|id| !id.is_empty())).collect();
        assert_eq!(told, expected.map(|id| id.filter(|id| !id.is_empty())), "{} on stream {at}", reader.name);
    }
}

#[test]
fn the_head_of_a_stream_is_no_event_to_any_reader() {
    let ours = [readers::OURS, readers::EVENTSOURCE_STREAM, readers::SSE_PARSE];
    let theirs = [readers::NODE, readers::HTTPX_SSE, readers::SSECLIENT_PY, browser::CHROMIUM];
    ours.iter().chain(&theirs).for_each(passes_over_the_head);
}

#[test]
fn readers_that_lose_something_at_a_cut_are_noticed() {
    for reader in readers::PLANTED {
        let cases = cases(case(), 400);
        let streams = cases.iter().map(|(sent, cuts)| {
            let mut stream = Vec::new();
            sent.iter().for_each(|sent| ours(sent, &mut stream));
            cut(&stream, cuts)
        });
        let seen = (reader.read)(&streams.collect::<Vec<_>>()).expect("it is here");
        assert!(disagreement(&reader, &cases, &seen).is_some(), "{} looks right", reader.name);
    }
}

/// Streams that no encoder of ours wrote: line ends of all kinds, marks, NUL, bytes that are no UTF-8.
fn raw() -> impl Strategy<Value = Chunks> {
    const BYTES: [&[u8]; 8] = [b"\xef\xbb\xbf", b"\xff", b"\xe2\x80", b"\xc3", b"\x80", b":", b" ", b"\0"];
    let piece = prop_oneof![
        8 => prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", "\r\r"]).prop_map(|piece| piece.as_bytes().to_vec()),
        6 => prop::sample::select(vec!["data", "data:", "data: x", "event:x", "id:1", "id", "id: 2", "retry: 7"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::sample::select(BYTES.to_vec()).prop_map(<[u8]>::to_vec),
        2 => prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
    ];
    (vec(piece, 0..40), vec(0_usize..12, 0..60)).prop_map(|(pieces, sizes)| cut(&pieces.concat(), &sizes))
}

/// The strict readers agree on everything, whoever wrote it: so ours, which the client reads with, is strict.
fn reads_whatever_comes_as_ours_does(reader: &Reader, count: usize) {
    let streams = cases(raw(), count);
    let seen = match (reader.read)(&streams) {
        Ok(seen) => seen,
        Err(missing) => return skip(reader.name, &missing),
    };
    let by_ours = (readers::OURS.read)(&streams).expect("it is here");
    assert!(by_ours.iter().flatten().count() > count / 2, "there is something to read");
    // Some tell a wait with the event that follows it, even in a later block: compared is what each event says.
    let told = |seen: &[Seen]| seen.iter().map(|seen| Seen { retry: None, ..seen.clone() }).collect::<Vec<_>>();
    for ((stream, ours), theirs) in streams.iter().zip(by_ours).zip(seen) {
        let text = stream.iter().map(|chunk| String::from_utf8_lossy(chunk)).collect::<Vec<_>>();
        assert_eq!(told(&ours), told(&theirs), "ours and {} on {text:?}", reader.name);
    }
}

#[test]
fn sse_parse_reads_whatever_comes_as_ours_does() {
    reads_whatever_comes_as_ours_does(&readers::SSE_PARSE, 2000);
}

#[test]
fn a_browser_reads_whatever_comes_as_ours_does() {
    reads_whatever_comes_as_ours_does(&browser::CHROMIUM, 600);
}
