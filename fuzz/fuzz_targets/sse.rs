//! Bytes to a frame and to the cuts of its stream: what was encoded is what is parsed, and the frame behind it stands.
//! To see that the target can fail, `NARROWCAST_FUZZ_SUBJECT` plants a slip in the encoder: 1 leaves a lone CR in the
//! data, 2 forgets the space that readers drop.
#![no_main]

use narrowcast::sink::sse::{Frame, FrameError, Parsed, Parser};
use std::sync::OnceLock;
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| identity(bytes));

/// Four bytes say what there is and how it is cut; then come type, id and data.
fn identity(bytes: &[u8]) {
    let Some(([flags, seed, event, id], rest)) = bytes.split_first_chunk() else { return };
    let (event, rest) = rest.split_at(usize::from(*event).min(rest.len()));
    let (id, data) = rest.split_at(usize::from(*id).min(rest.len()));
    let Ok(text) = str::from_utf8(data) else {
        assert!(
            matches!(Frame::from_utf8(data), Err(FrameError::NotUtf8 { .. })),
            "bytes that are no text are refused"
        );
        return;
    };
    let (Ok(event), Ok(id)) = (str::from_utf8(event), str::from_utf8(id)) else { return };
    let frame = Frame {
        event: Some(event).filter(|_| flags & 1 != 0),
        id: Some(id).filter(|_| flags & 2 != 0),
        retry: Some(Duration::from_millis(u64::from(*seed) << (flags >> 4))).filter(|_| flags & 4 != 0),
        ..Frame::from_utf8(data).expect("text is text")
    };
    let mut stream = b": before\n".to_vec();
    let fit = encode(&frame, &mut stream);
    assert_eq!(fit, is_fit(&frame), "{frame:?}");
    assert!(fit || stream == b": before\n", "what is refused leaves no trace");
    Frame::new("after").encode(&mut stream).expect("it is fit");

    let last_id = frame.id.filter(|_| fit).unwrap_or_default();
    let after = ("message".to_owned(), "after".to_owned(), last_id.to_owned());
    let seen = text.replace("\r\n", "\n").replace('\r', "\n");
    let this = (frame.event.unwrap_or("message").to_owned(), seen, last_id.to_owned());
    let meant = if fit { vec![this, after] } else { vec![after] };
    let (read, retries) = parse(&stream, *seed);
    assert_eq!(read, meant);
    assert_eq!(retries, frame.retry.filter(|_| fit).into_iter().collect::<Vec<_>>());
}

/// Whether it was encoded. A planted slip writes the data and nothing else.
fn encode(frame: &Frame<'_>, out: &mut Vec<u8>) -> bool {
    static PLANTED: OnceLock<String> = OnceLock::new();
    let planted = PLANTED.get_or_init(|| std::env::var("NARROWCAST_FUZZ_SUBJECT").unwrap_or_default());
    let bare = Frame::new(frame.data);
    let slip = match planted.as_str() {
        "1" => format!("data: {}\n\n", frame.data.replace("\r\n", "\n").replace('\n', "\ndata: ")),
        "2" => format!("data:{}\n\n", frame.data.replace("\r\n", "\n").replace(['\r', '\n'], "\ndata:")),
        _ => return frame.encode(out).is_ok(),
    };
    // Only frames with data alone, so that nothing but the slip is there to be found.
    if *frame != bare {
        return frame.encode(out).is_ok();
    }
    out.extend_from_slice(slip.as_bytes());
    true
}

fn is_fit(frame: &Frame<'_>) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    frame.event.is_none_or(|event| (1..=64).contains(&event.len()) && event.chars().all(token))
        && frame.id.is_none_or(|id| id.len() <= 256 && id.chars().all(|c| ('!'..='~').contains(&c)))
}

type Seen = (String, String, String);

/// Every event, and every wait, in a stream that is cut as the seed says.
fn parse(stream: &[u8], seed: u8) -> (Vec<Seen>, Vec<Duration>) {
    let (mut parser, mut seen, mut retries) = (Parser::default(), Vec::new(), Vec::new());
    let (mut rest, mut state) = (stream, u32::from(seed));
    while !rest.is_empty() {
        // The constants of Numerical Recipes: any spread of small sizes will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (mut chunk, after) = rest.split_at((1 + (state >> 28) as usize).min(rest.len()));
        while let Some(parsed) = parser.read(&mut chunk).expect("within limits") {
            match parsed {
                Parsed::Message(message) => seen.push((message.event, message.data, message.last_event_id)),
                Parsed::Retry(retry) => retries.push(retry),
            }
        }
        rest = after;
    }
    (seen, retries)
}
