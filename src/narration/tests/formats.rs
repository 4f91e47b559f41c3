use super::super::text::{escaped, is_steering, line, unescape};
use super::super::*;
use super::{QUEEN, START};
use proptest::prelude::*;

// === Text ===

/// Texts with many of the characters that matter.
fn hostile() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(
        "\\\n\r\t\0\x1b\x7f\u{85}\u{9b}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{200f}[]: unrt{}0ab\"/"
            .chars()
            .collect::<Vec<char>>(),
    );
    proptest::collection::vec(prop_oneof![3 => awkward, 1 => any::<char>()], 0..24).prop_map(String::from_iter)
}

/// Reads a line of the text format by its columns.
fn read_line(line: &str) -> Option<(Actor, Action, String)> {
    let (actor, rest) = line.strip_prefix('[')?.split_at(10);
    let (action, message) = rest.strip_prefix("] ")?.split_at(15);
    Some((
        Actor::parse(actor.trim_end()).ok()?,
        Action::parse(action.trim_end()).ok()?,
        unescape(message.strip_prefix(": ")?)?,
    ))
}

#[test]
fn the_text_format_is_the_seeds() {
    assert_eq!(
        line(QUEEN, START, "Starting on port 8500").to_string(),
        "[queen     ] start          : Starting on port 8500"
    );
    let widest = line(Actor::new("0123456789"), Action::new("0123456789abcde"), "").to_string();
    assert_eq!(widest, "[0123456789] 0123456789abcde: ");
}

#[test]
fn what_steers_is_escaped_and_what_shows_is_not() {
    for (text, shown) in [
        ("plain text, Grüße, 你好, 👑 {}\"'", "plain text, Grüße, 你好, 👑 {}\"'"),
        ("two\nlines", r"two\nlines"),
        (r"two\nlines", r"two\\nlines"),
        ("\r\t\0", r"\r\t\u{0}"),
        ("\x1b[2J\x07\x7f\u{9b}", r"\u{1b}[2J\u{7}\u{7f}\u{9b}"),
        ("\u{2028}\u{2029}\u{85}", r"\u{2028}\u{2029}\u{85}"),
        ("\u{202e}\u{2066}\u{200e}\u{61c}\u{feff}", r"\u{202e}\u{2066}\u{200e}\u{61c}\u{feff}"),
    ] {
        assert_eq!(escaped(text).to_string(), shown);
        assert_eq!(unescape(shown).as_deref(), Some(text));
    }
}

#[test]
fn what_escaping_never_writes_is_not_read() {
    for shown in
        ["\\", "\\x", "\\u{41}", "\\u{A}", "\\u{a}", "\\u{01b}", "\\u{+1b}", "\\u{1b", "\\u{d800}", "a\nb", "\\é"]
    {
        assert_eq!(unescape(shown), None, "{shown:?}");
    }
}

#[test]
fn every_control_character_and_every_mandatory_line_break_steers() {
    for character in ('\0'..='\u{ffff}').filter(|c| c.is_control()) {
        assert!(is_steering(character), "{character:?}");
    }
    for line_end in "\n\r\u{b}\u{c}\u{85}\u{2028}\u{2029}".chars() {
        assert!(is_steering(line_end), "{line_end:?}");
    }
}

proptest! {
    #[test]
    fn escaping_is_reversible_and_steers_nothing(text in hostile()) {
        let shown = escaped(&text).to_string();
        prop_assert!(!shown.chars().any(is_steering));
        prop_assert_eq!(unescape(&shown), Some(text));
    }

    #[test]
    fn unescaping_reads_only_what_escaping_writes(shown in hostile()) {
        if let Some(text) = unescape(&shown) {
            prop_assert_eq!(escaped(&text).to_string(), shown);
        }
    }

    #[test]
    fn different_events_never_share_a_line(actor in any::<String>(), action in any::<String>(), message in hostile()) {
        let (actor, action) = (Actor::fitted(&actor), Action::fitted(&action));
        let line = line(actor, action, &message).to_string();
        prop_assert_eq!(line.lines().count(), 1);
        prop_assert_eq!(read_line(&line), Some((actor, action, message)));
    }
}

// === Wire form ===

fn events() -> impl Strategy<Value = Event> {
    let defect = prop_oneof![
        hostile().prop_map(Defect::MissingValue),
        hostile().prop_map(Defect::UnreadablePlaceholder),
        hostile().prop_map(Defect::UnfinishedValue),
        hostile().prop_map(Defect::UnfitAction),
    ];
    let words = (hostile(), hostile(), hostile(), hostile(), proptest::collection::vec(hostile(), 0..3));
    let options = (
        prop::option::of(hostile()),
        prop::option::of(hostile()),
        prop::option::of(any::<u64>()),
        prop::option::of(any::<u64>()),
        prop::option::of(any::<u64>()),
    );
    let payload = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        (hostile(), hostile()).prop_map(|(key, text)| serde_json::json!({ key: [text], "payload": true })),
    ];
    let payload = prop::option::of(payload.prop_map(|value| Payload::new(&value)));
    let rest = (prop::sample::select(&Level::ALL[..]), proptest::collection::vec(defect, 0..3), payload);
    (words, options, rest).prop_map(|(words, options, (level, defects, payload))| {
        let mut event = Event::new(Actor::fitted(&words.0), Action::fitted(&words.1), words.2);
        event.target = words.3;
        event.context = words.4;
        (event.correlation_id, event.error_kind, event.duration_ms, event.sequence, event.emitted_at_ms) = options;
        (event.level, event.defects, event.payload) = (level, defects, payload);
        event
    })
}

fn encoded(event: &Event) -> String {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_wire_form_has_these_names_in_this_order() {
    let mut event = Event::new(QUEEN, START, "Grüße \"x\"\n");
    assert_eq!(
        encoded(&event),
        r#"{"actor":"queen","action":"start","target":"start","human":"Grüße \"x\"\n","level":"info"}"#
    );
    event.context = vec!["a".to_owned(), "b".to_owned()];
    event.correlation_id = Some("req-1".to_owned());
    event.duration_ms = Some(12);
    event.error_kind = Some("io".to_owned());
    event.sequence = Some(0);
    event.emitted_at_ms = Some(u64::MAX);
    event.defects = vec![Defect::MissingValue("3".to_owned())];
    event.payload = Some(Payload::new(&serde_json::json!({"rows": [3, null]})));
    assert_eq!(
        encoded(&event),
        concat!(
            r#"{"actor":"queen","action":"start","target":"start","human":"Grüße \"x\"\n","context":["a","b"],"#,
            r#""level":"info","correlation_id":"req-1","duration_ms":12,"error_kind":"io","sequence":0,"#,
            r#""emitted_at_ms":18446744073709551615,"defects":[{"kind":"missing_value","of":"3"}],"payload":{"rows":[3,null]}}"#
        )
    );
}

#[test]
fn the_wire_form_names_no_job() {
    let event = Event::decode(br#"{"actor":"q","action":"a","human":"x","job_id":"job-1","unknown":[{}]}"#).unwrap();
    assert_eq!(
        event,
        Event::new(Actor::new("q"), Action::new("a"), "x"),
        "unknown fields are ignored, absent ones filled in"
    );
    assert!(!encoded(&event).contains("job"));
}

#[test]
fn what_is_no_event_is_refused() {
    let long = r#"{"actor":"01234567890","action":"a","human":"x"}"#;
    for bytes in [
        &b""[..],
        b"null",
        b"[]",
        b"{}",
        br#"{"actor":"q","action":"a"}"#,
        long.as_bytes(),
        br#"{"actor":"q","action":"a","human":"x"}{}"#,
        br#"{"actor":"q","action":"a","human":"x","human":"y"}"#,
        br#"{"actor":"q","action":"a","human":"x","level":"mute"}"#,
        b"{\"actor\":\"q\",\"action\":\"a\",\"human\":\"\xff\"}",
    ] {
        let refusal = Event::decode(bytes).unwrap_err().to_string();
        assert!(refusal.starts_with("not an event: "), "{refusal}");
    }
}

proptest! {
    #[test]
    fn the_wire_form_is_read_back_as_it_was(event in events()) {
        let line = encoded(&event);
        prop_assert!(!line.chars().any(is_steering), "one line, and nothing in it steers");
        prop_assert_eq!(Event::decode(line.as_bytes()).unwrap(), event);
    }

    #[test]
    fn a_payload_is_told_by_its_bytes_whatever_the_texts_hold(event in events(), text in hostile()) {
        let mut event = event;
        event.human = format!("{text},\"payload\":{}", event.human);
        event.context = vec![",".into(), "payload".into(), ":".into()];
        prop_assert_eq!(Event::carries_payload(encoded(&event).as_bytes()), event.payload.is_some());
    }

    #[test]
    fn the_wire_form_is_what_serde_makes_of_the_event(event in events()) {
        let ours: serde_json::Value = serde_json::from_str(&encoded(&event)).unwrap();
        prop_assert_eq!(ours, serde_json::to_value(&event).unwrap());
    }

    #[test]
    fn encoding_appends(event in events(), before in any::<Vec<u8>>()) {
        let mut out = before.clone();
        event.encode(&mut out);
        prop_assert_eq!(&out[..before.len()], &before[..]);
        prop_assert_eq!(Event::decode(&out[before.len()..]).unwrap(), event);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in any::<Vec<u8>>()) {
        let _ = Event::decode(&bytes);
    }
}
