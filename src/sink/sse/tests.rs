use super::{Frame, FrameError, Limits, Message, Parsed, Parser, TooLong, Unfit, comment, settings};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

fn encoded(frame: Frame<'_>) -> String {
    let mut out = Vec::new();
    frame.encode(&mut out).expect("the frame is fit");
    String::from_utf8(out).expect("text becomes text")
}

/// Everything in a stream that is fed cut after each of these many bytes, then whole.
fn read(stream: &[u8], cuts: &[usize]) -> Vec<Parsed> {
    let (mut parser, mut read, mut rest) = (Parser::default(), Vec::new(), stream);
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let (mut chunk, after) = rest.split_at(cut.min(rest.len()));
        while let Some(parsed) = parser.read(&mut chunk).expect("within limits") {
            read.push(parsed);
        }
        assert!(chunk.is_empty(), "a chunk is read to its end");
        rest = after;
    }
    read
}

fn message(event: &str, data: &str, last_event_id: &str) -> Parsed {
    let [event, data, last_event_id] = [event, data, last_event_id].map(str::to_owned);
    Parsed::Message(Message { event, data, last_event_id })
}

/// The data as the grammar lets readers see it.
fn seen(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

#[test]
fn a_frame_is_written_so_and_not_otherwise() {
    let all = Frame { event: Some("done"), id: Some("a-7"), retry: Some(Duration::from_micros(1500)), data: "{}" };
    assert_eq!(encoded(all), "retry: 2\nevent: done\ndata: {}\nid: a-7\n\n");
    assert_eq!(encoded(Frame::new("")), "data: \n\n");
    assert_eq!(encoded(Frame { id: Some(""), ..Frame::new(" : x") }), "data:  : x\nid: \n\n");
    assert_eq!(
        encoded(Frame::new("a\nb\rc\r\nd\n\r\r\n")),
        "data: a\ndata: b\ndata: c\ndata: d\ndata: \ndata: \ndata: \n\n"
    );
    let kept = "\0\u{b}\u{c}\u{85}\u{2028}\u{2029}\u{feff}";
    assert_eq!(encoded(Frame::new(kept)), format!("data: {kept}\n\n"));
}

#[test]
fn settings_are_kept_by_readers_and_are_no_event() {
    let mut out = Vec::new();
    let wait = Duration::from_micros(1500);
    settings(wait, Some("a-7"), &mut out).expect("both are fit");
    Frame::new("x").encode(&mut out).expect("the frame is fit");
    settings(wait, None, &mut out).expect("it is fit");
    assert_eq!(str::from_utf8(&out), Ok("retry: 2\nid: a-7\n\ndata: x\n\nretry: 2\n\n"));
    let wait = Parsed::Retry(Duration::from_millis(2));
    for cut in 0..out.len() {
        assert_eq!(read(&out, &[cut]), [wait.clone(), message("message", "x", "a-7"), wait.clone()], "cut at {cut}");
    }
    let (mut parser, mut head) = (Parser::default(), &b"retry: 2\nid: a-7\n\n"[..]);
    while parser.read(&mut head).expect("within limits").is_some() {}
    assert_eq!(parser.last_event_id(), "a-7", "before any event");
    let before = out.clone();
    for (retry, id) in [(Frame::MAX_RETRY * 2, None), (Duration::ZERO, Some("a b")), (Duration::ZERO, Some("a\n"))] {
        settings(retry, id, &mut out).expect_err("unfit");
        assert_eq!(out, before, "and nothing was written");
    }
}

#[test]
fn a_comment_is_a_comment_whatever_it_says() {
    let mut out = Vec::new();
    comment("keep-alive", &mut out);
    comment("", &mut out);
    comment("\rdata: forged\n\nevent: x", &mut out);
    assert_eq!(str::from_utf8(&out), Ok(": keep-alive\n: \n: \n: data: forged\n: \n: event: x\n"));
    assert_eq!(read(&out, &[]), []);
}

#[test]
fn what_readers_would_read_differently_is_refused_and_leaves_no_trace() {
    let name = |event| Frame { event: Some(event), ..Frame::new("x") };
    let id = |id| Frame { id: Some(id), ..Frame::new("x") };
    let (long_name, long_id) = ("e".repeat(65), "i".repeat(257));
    let holds = |character, at| Unfit::Holds { character, at };
    let day_and_more = Frame::MAX_RETRY + Duration::from_nanos(1);
    for (frame, error) in [
        (name(""), FrameError::Event(Unfit::Empty)),
        (name("a\nb"), FrameError::Event(holds('\n', 1))),
        (name("a\rb"), FrameError::Event(holds('\r', 1))),
        (name(" a"), FrameError::Event(holds(' ', 0))),
        (name("a:b"), FrameError::Event(holds(':', 1))),
        (name("né"), FrameError::Event(holds('é', 1))),
        (name("\u{feff}a"), FrameError::Event(holds('\u{feff}', 0))),
        (name(&long_name), FrameError::Event(Unfit::Long(65))),
        (id("a\0b"), FrameError::Id(holds('\0', 1))),
        (id("a\n"), FrameError::Id(holds('\n', 1))),
        (id("\r"), FrameError::Id(holds('\r', 0))),
        (id("a "), FrameError::Id(holds(' ', 1))),
        (id("\u{2028}"), FrameError::Id(holds('\u{2028}', 0))),
        (id(&long_id), FrameError::Id(Unfit::Long(257))),
        (Frame { retry: Some(day_and_more), ..Frame::new("x") }, FrameError::Retry(day_and_more)),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(frame.encode(&mut out), Err(error), "{frame:?}");
        assert_eq!(out, b"before");
        let said = error.to_string();
        assert!(said.chars().all(|c| c.is_ascii_graphic() || c == ' '), "no log is steered by {said:?}");
    }
    assert_eq!(Frame::from_utf8(b"ab\xe2\x80"), Err(FrameError::NotUtf8 { at: 2 }));
    assert_eq!(Frame::from_utf8("é".as_bytes()), Ok(Frame::new("é")));
    assert!(encoded(id(&long_id[1..])).contains(&long_id[1..]) && encoded(name(&long_name[1..])).contains("eee"));
}

#[test]
fn the_parser_reads_the_grammar() {
    let cases: &[(&[u8], &[Parsed])] = &[
        (b"\xef\xbb\xbfdata: x\n\n", &[message("message", "x", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", &[]),
        (b"data: x\n\n\xef\xbb\xbfdata: y\n\n", &[message("message", "x", "")]),
        (b"data: x\r\rdata:y\r\n\r\ndata:  z\n\r", &["x", "y", " z"].map(|data| message("message", data, ""))),
        (b"data\n\ndata\ndata\n\n", &["", "\n"].map(|data| message("message", data, ""))),
        (b"event: e\n\ndata: x\n\n", &[message("message", "x", "")]),
        (b"event\ndata: x\n\n", &[message("message", "x", "")]),
        (b"id: 1\n\ndata: x\n\nid\ndata: y\n\n", &[message("message", "x", "1"), message("message", "y", "")]),
        (b"id: 1\nid: 2\0\ndata: x\n\n", &[message("message", "x", "1")]),
        (b"retry: 10x\nretry:\nretry: +5\nretry: \xd9\xa1\n\n", &[]),
        (b"retry: 010\n", &[Parsed::Retry(Duration::from_millis(10))]),
        (b"retry: 99999999999999999999\n", &[Parsed::Retry(Duration::from_millis(u64::MAX))]),
        (b": data: x\n:\nData: y\n data: z\nother\n\n", &[]),
        (b"data: a\xffb\xe2\x80\n\n", &[message("message", "a\u{fffd}b\u{fffd}", "")]),
        (b"data: cut off\n", &[]),
        ("data: a\u{2028}b\u{85}c\u{b}d\0\n\n".as_bytes(), &[message("message", "a\u{2028}b\u{85}c\u{b}d\0", "")]),
    ];
    for (stream, expected) in cases {
        let said = String::from_utf8_lossy(stream);
        assert_eq!(read(stream, &[]), *expected, "{said:?}");
        assert_eq!(read(stream, &vec![1; stream.len()]), *expected, "byte by byte: {said:?}");
        assert_eq!(read(stream, &[0; 3]), *expected, "after empty chunks: {said:?}");
    }
}

#[test]
fn the_last_id_is_that_of_the_last_whole_block() {
    let mut parser = Parser::new(Limits::default(), "from before");
    let mut chunk: &[u8] = b"data: x\n\nid: 8\ndata: y\n";
    assert_eq!(parser.read(&mut chunk), Ok(Some(message("message", "x", "from before"))));
    assert_eq!(parser.read(&mut chunk), Ok(None));
    assert_eq!(parser.last_event_id(), "from before", "the block of id 8 has not ended");
    chunk = b"\n";
    assert_eq!(parser.read(&mut chunk), Ok(Some(message("message", "y", "8"))));
    chunk = b"id: 9\n\n";
    assert_eq!(parser.read(&mut chunk), Ok(None));
    assert_eq!(parser.last_event_id(), "9", "a block without data tells a position too");
}

#[test]
fn a_parser_holds_no_more_than_it_was_allowed() {
    let limits = Limits { line_bytes: 10, data_bytes: 9 };
    let fed = |stream: &[u8], chunk: usize| {
        let mut parser = Parser::new(limits, "");
        let mut read = Vec::new();
        for mut chunk in stream.chunks(chunk) {
            while let Some(parsed) = parser.read(&mut chunk)? {
                read.push(parsed);
            }
        }
        Ok::<_, TooLong>(read)
    };
    for chunk in 1..30 {
        assert_eq!(fed(b"data: 1234\n\n", chunk), Ok(vec![message("message", "1234", "")]));
        assert_eq!(fed(b"data: 12345\n\n", chunk), Err(TooLong::Line(10)));
        assert_eq!(fed(b"data:1234\ndata:6789\n\n", chunk), Ok(vec![message("message", "1234\n6789", "")]));
        assert_eq!(fed(b"data:1234\ndata:67890\n\n", chunk), Err(TooLong::Data(9)));
        assert_eq!(fed(b"data:123456789\n\n", chunk), Err(TooLong::Line(10)), "the name is part of the line");
    }
    let mut parser = Parser::new(limits, "");
    let mut chunk: &[u8] = b"data: 12345\n\ndata: x\n\n";
    assert_eq!(parser.read(&mut chunk), Err(TooLong::Line(10)));
    chunk = b"data: x\n\n";
    assert_eq!(
        parser.read(&mut chunk),
        Err(TooLong::Line(10)),
        "what could not be read is not read on from the middle"
    );
}

/// Text of characters and words that have broken encoders and parsers.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "\n", "\r", "\r\n", "\n\n", "\r\r", "\n\r", "\0", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}",
            "\u{feff}", " ", ":", ": ", "data: x", "data", "event: done", "id: 1", "id", "retry: 1", "é", "\u{1f980}",
            "\u{fffd}", "{\"a\":1}", "",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn fields()(
        event in prop::option::of("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}"),
        id in prop::option::of("[!-~]{0,12}"),
        retry in prop::option::of(0_u64..=86_400_000),
        data in hostile(),
        before in prop::option::of(hostile()),
    ) -> (Option<String>, Option<String>, Option<u64>, String, Option<String>) {
        (event, id, retry, data, before)
    }
}

proptest! {
    /// Encode, cut anywhere, read: the same events, and nothing else.
    #[test]
    fn what_was_sent_is_what_is_read(frames in vec(fields(), 1..5), cuts in vec(0_usize..9, 0..40)) {
        let (mut stream, mut expected, mut last_id) = (Vec::new(), Vec::new(), String::new());
        for (event, id, retry, data, before) in &frames {
            if let Some(text) = before {
                comment(text, &mut stream);
            }
            let retry = retry.map(Duration::from_millis);
            let frame = Frame { event: event.as_deref(), id: id.as_deref(), retry, data };
            frame.encode(&mut stream).expect("the fields are fit");
            expected.extend(retry.map(Parsed::Retry));
            if let Some(id) = id {
                last_id.clone_from(id);
            }
            expected.push(message(event.as_deref().unwrap_or("message"), &seen(data), &last_id));
        }
        prop_assert_eq!(read(&stream, &cuts), expected);
    }

    /// No bytes at all make the parser panic, and cuts make no difference.
    #[test]
    fn cuts_make_no_difference(
        stream in vec(prop_oneof![
            3 => prop::sample::select(b"\r\n: \0\xef\xbb\xbf\xe2\x80\xa8daeit".to_vec()),
            1 => any::<u8>(),
        ], 0..200),
        cuts in vec(0_usize..9, 0..60),
    ) {
        prop_assert_eq!(read(&stream, &cuts), read(&stream, &[]));
    }
}
