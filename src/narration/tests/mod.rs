mod formats;

use super::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

const QUEEN: Actor = Actor::new("queen");
const START: Action = Action::new("start");

/// A handle that keeps what is emitted through it, and refuses everything once it is closed.
#[derive(Default)]
struct Handle {
    events: RefCell<Vec<Event>>,
    closed: bool,
}

#[derive(Debug, PartialEq)]
struct Closed;

impl Emit for Handle {
    type Receipt = usize;
    type Refusal = Closed;

    fn emit(&self, event: Event) -> Result<usize, Closed> {
        if self.closed {
            return Err(Closed);
        }
        self.events.borrow_mut().push(event);
        Ok(self.events.borrow().len())
    }
}

impl Handle {
    fn narrate(&self, actor: Actor, action: impl IntoAction) -> Narration<&Handle> {
        Narration::new(self, actor, action)
    }

    fn only(self) -> Event {
        let mut events = self.events.into_inner();
        assert_eq!(events.len(), 1, "an event is emitted once");
        events.remove(0)
    }
}

/// The event of a narration that says `template` with `values`.
fn said(template: &'static str, values: &[&str]) -> Event {
    let handle = Handle::default();
    let narration = values.iter().fold(handle.narrate(QUEEN, START).human(template), |n, value| n.context(value));
    narration.emit().unwrap();
    handle.only()
}

// === Names of jobs ===

#[test]
fn a_minted_name_is_job_and_32_lower_case_digits() {
    assert_eq!(JobId::from_bits(0xAB).as_str(), "job-000000000000000000000000000000ab");
    assert_eq!(JobId::from_bits(u128::MAX).as_str(), format!("job-{}", "f".repeat(32)));
}

#[test]
fn a_name_has_1_to_1024_bytes() {
    assert_eq!(JobId::named(""), Err(InvalidJobId::Empty));
    assert!(JobId::named("x".repeat(1024)).is_ok());
    assert_eq!(JobId::named("x".repeat(1025)), Err(InvalidJobId::TooLong { bytes: 1025 }));
    assert_eq!(JobId::named("é".repeat(513)), Err(InvalidJobId::TooLong { bytes: 1026 }), "bytes, not characters");
}

#[test]
fn names_that_some_system_takes_for_equal_are_different() {
    let names = [
        "job",
        "Job",
        "JOB",
        "job ",
        " job",
        "job.",
        "%6Aob",
        "ｊob",
        "job\0",
        "job*",
        "*",
        "job/",
        "job:",
        "\u{e9}",
        "e\u{301}",
        "K",
        "\u{212a}",
        "k",
        "ß",
        "ss",
        "i",
        "ı",
        "null",
        "undefined",
        "system",
        "\r\n",
        "\n",
    ];
    let distinct: HashSet<JobId> = names.iter().map(|name| JobId::named(name).unwrap()).collect();
    assert_eq!(distinct.len(), names.len());
    for name in names {
        assert_eq!(distinct.get(name).map(JobId::as_str), Some(name), "found by its text, byte for byte");
    }
}

#[test]
fn a_name_that_is_shown_steers_nothing() {
    let job = JobId::named("a\nb\x1b[31m\u{202e}\\").unwrap();
    assert_eq!(job.to_string(), r"a\nb\u{1b}[31m\u{202e}\\");
    assert_eq!(format!("{job:?}"), r"JobId(a\nb\u{1b}[31m\u{202e}\\)");
    assert_eq!(Scope::Job(job).to_string(), r"job a\nb\u{1b}[31m\u{202e}\\");
}

#[test]
fn a_name_is_a_string_in_json_and_is_checked_when_read() {
    let job = JobId::named("ü\n").unwrap();
    let json = serde_json::to_string(&job).unwrap();
    assert_eq!(json, "\"ü\\n\"");
    assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), job);
    assert!(serde_json::from_str::<JobId>("\"\"").is_err());
    assert!(serde_json::from_str::<JobId>(&format!("\"{}\"", "x".repeat(1025))).is_err());
}

#[test]
fn refusals_of_names_do_not_repeat_the_name() {
    let refusal = JobId::named("secret".repeat(1000)).unwrap_err().to_string();
    assert_eq!(refusal, "the job's name has 6000 bytes; give it at most 1024");
}

// === Labels ===

#[test]
fn a_label_fits_its_column() {
    assert_eq!(Actor::parse("queen").unwrap(), QUEEN);
    assert_eq!(Actor::parse("0123456789").unwrap().as_str(), "0123456789");
    assert_eq!(Actor::parse("0123456789a"), Err(InvalidLabel::TooLong { characters: 11, limit: 10 }));
    assert_eq!(Action::parse("load the model").unwrap().as_str(), "load the model");
    assert_eq!(Actor::parse(""), Err(InvalidLabel::Empty));
    assert_eq!(Actor::parse(" q"), Err(InvalidLabel::Padded));
    assert_eq!(Actor::parse("q "), Err(InvalidLabel::Padded));
    for unprintable in ["a\nb", "\x7f", "é", "a\0", "👑"] {
        assert_eq!(Actor::parse(unprintable), Err(InvalidLabel::Unprintable));
    }
}

#[test]
fn a_label_that_does_not_fit_is_cut_visibly() {
    for (text, fitted) in [
        ("start", "start"),
        ("0123456789abcde", "0123456789abcde"),
        ("hive_uninstall_all", "hive_uninstall?"),
        ("", "?"),
        (" ", "?"),
        (" a ", "?a?"),
        ("a\nb", "a?b"),
        ("lädt", "l?dt"),
        ("👑👑", "??"),
    ] {
        assert_eq!(Action::fitted(text).as_str(), fitted, "{text:?}");
    }
}

proptest! {
    #[test]
    fn fitting_keeps_every_label_and_makes_one_of_anything_else(text in any::<String>()) {
        let fitted = Action::fitted(&text);
        prop_assert_eq!(Action::parse(fitted.as_str()), Ok(fitted));
        match Action::parse(&text) {
            Ok(label) => prop_assert_eq!(label, fitted),
            Err(_) => prop_assert!(fitted.as_str().contains('?')),
        }
    }

    #[test]
    fn labels_sort_as_their_texts(a in "[ -~]{1,10}", b in "[ -~]{1,10}") {
        let (a, b) = (Actor::fitted(&a), Actor::fitted(&b));
        prop_assert_eq!(a.cmp(&b), a.as_str().cmp(b.as_str()));
    }
}

// === Levels and outcomes ===

#[test]
fn levels_and_outcomes_are_written_in_lower_case() {
    for outcome in Outcome::ALL {
        assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.to_string());
    }
    for level in Level::ALL {
        assert_eq!(serde_json::to_value(level).unwrap(), level.to_string());
    }
    assert_eq!(Outcome::Abandoned.to_string(), "abandoned");
    assert!(Level::ALL.is_sorted() && Level::Error < Level::Warn, "the gravest first");
}

// === Narrating ===

#[test]
fn everything_that_is_said_arrives() {
    let handle = Handle::default();
    let receipt = handle
        .narrate(QUEEN, "load")
        .target("llama-7b")
        .context(7)
        .context("GB")
        .human("Loading {} {}")
        .level(Level::Debug)
        .correlation("req-1")
        .duration_ms(12)
        .error_kind("none")
        .emit();
    assert_eq!(receipt, Ok(1));
    let mut expected = Event::new(QUEEN, Action::new("load"), "Loading 7 GB");
    expected.target = "llama-7b".to_owned();
    expected.context = vec!["7".to_owned(), "GB".to_owned()];
    expected.level = Level::Debug;
    expected.correlation_id = Some("req-1".to_owned());
    expected.duration_ms = Some(12);
    expected.error_kind = Some("none".to_owned());
    assert_eq!(handle.only(), expected);
}

#[test]
fn the_target_is_the_action_and_the_level_is_info_unless_said_otherwise() {
    let event = said("Ready", &[]);
    assert_eq!((event.target.as_str(), event.level), ("start", Level::Info));
}

#[test]
fn warnings_and_errors_differ_by_their_level_alone() {
    let handle = Handle::default();
    let narration = || handle.narrate(QUEEN, START).context("x").human("{}").correlation("req-1");
    narration().emit().unwrap();
    narration().emit_warn().unwrap();
    narration().emit_error().unwrap();
    let mut events = handle.events.into_inner();
    let levels: Vec<Level> = events.iter().map(|event| event.level).collect();
    assert_eq!(levels, [Level::Info, Level::Warn, Level::Error]);
    for event in &mut events {
        event.level = Level::Info;
    }
    assert!(events.iter().all(|event| *event == events[0]));
}

#[test]
fn a_refusal_comes_back_to_the_emitter() {
    let handle = Handle { closed: true, ..Handle::default() };
    assert_eq!(handle.narrate(QUEEN, START).human("too late").emit(), Err(Closed));
    assert_eq!(*handle.events.borrow(), []);
}

#[test]
fn an_unfit_action_is_cut_and_the_event_is_emitted() {
    let handle = Handle::default();
    handle.narrate(QUEEN, "hive_uninstall_all").human("Removing").emit().unwrap();
    let event = handle.only();
    assert_eq!(event.to_string(), "[queen     ] hive_uninstall?: Removing");
    assert_eq!(event.defects, [Defect::UnfitAction("hive_uninstall_all".to_owned())]);
}

#[test]
fn a_value_that_fails_to_print_itself_is_marked() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }
    let handle = Handle::default();
    handle.narrate(QUEEN, START).context("whole").context(Broken).human("{} and {}").emit().unwrap();
    let event = handle.only();
    assert_eq!(event.human, "whole and half?");
    assert_eq!(event.defects, [Defect::UnfinishedValue("1".to_owned())]);
}

#[test]
fn the_last_wording_counts() {
    let handle = Handle::default();
    handle.narrate(QUEEN, START).verbatim("{}").human("{}").context("value").emit().unwrap();
    handle.narrate(QUEEN, START).human("{}").verbatim("{1}").context("value").emit().unwrap();
    let texts: Vec<String> = handle.events.into_inner().into_iter().map(|event| event.human).collect();
    assert_eq!(texts, ["value", "{1}"]);
}

// === Interpolation ===

#[test]
fn placeholders_take_their_values() {
    for (template, values, text) in [
        ("Starting", &["8500"][..], "Starting"),
        ("Job {} failed: {}", &["job-1", "no memory"], "Job job-1 failed: no memory"),
        ("{1} before {0}", &["a", "b"], "b before a"),
        ("{0}{0}", &["a"], "aa"),
        ("{} {0} {}", &["a", "b"], "a a b"),
        ("{{}} {{0}} {}", &["a"], "{} {0} a"),
        ("{{{}}}", &["a"], "{a}"),
        ("{007}", &["0", "1", "2", "3", "4", "5", "6", "7"], "7"),
        ("{}", &[""], ""),
        ("über {} Grüße", &["ß"], "über ß Grüße"),
    ] {
        let event = said(template, values);
        assert_eq!(event.human, text, "{template}");
        assert_eq!(event.defects, [], "{template}");
        assert_eq!(event.context, values, "{template}");
    }
}

#[test]
fn the_order_of_human_and_context_does_not_matter() {
    let handle = Handle::default();
    handle.narrate(QUEEN, START).human("{1} {}").context("a").context("b").emit().unwrap();
    handle.narrate(QUEEN, START).context("a").human("{1} {}").context("b").emit().unwrap();
    handle.narrate(QUEEN, START).context("a").context("b").human("{1} {}").emit().unwrap();
    assert!(handle.events.borrow().iter().all(|event| event.human == "b a"));
}

#[test]
fn a_value_is_never_expanded() {
    let event = said("user said {}", &["{1} {} {{ }}", "secret"]);
    assert_eq!(event.human, "user said {1} {} {{ }}");
    assert_eq!(event.defects, []);
}

#[test]
fn a_missing_value_is_marked_in_the_text_and_listed() {
    let missing = |index: &str| Defect::MissingValue(index.to_owned());
    for (template, values, text, defects) in [
        ("{}", &[][..], "{0?}", vec![missing("0")]),
        ("{} {}", &["a"], "a {1?}", vec![missing("1")]),
        ("{} {} {}", &["a"], "a {1?} {2?}", vec![missing("1"), missing("2")]),
        ("{3}", &["a", "b", "c"], "{3?}", vec![missing("3")]),
        ("{99999999999999999999999}", &["a"], "{99999999999999999999999?}", vec![missing("99999999999999999999999")]),
    ] {
        let event = said(template, values);
        assert_eq!(event.human, text);
        assert_eq!(event.defects, defects);
    }
}

#[test]
fn an_unreadable_brace_stays_as_written_and_is_listed() {
    for (template, text, unreadable) in [
        ("{name}", "{name}", "{name}"),
        ("{0:>5}", "{0:>5}", "{0:>5}"),
        ("{+0}", "{+0}", "{+0}"),
        ("{-1}", "{-1}", "{-1}"),
        ("{ }", "{ }", "{ }"),
        ("{", "{", "{"),
        ("}", "}", "}"),
        ("a { b {} c", "a { b x c", "{"),
        ("{} }", "x }", "}"),
        ("{é}", "{é}", "{é}"),
    ] {
        let event = said(template, &["x"]);
        assert_eq!(event.human, text);
        assert_eq!(event.defects, [Defect::UnreadablePlaceholder(unreadable.to_owned())], "{template}");
    }
}

#[test]
fn defects_name_their_remedy_and_steer_nothing() {
    assert_eq!(
        Defect::MissingValue("3".to_owned()).to_string(),
        "the text asks for value 3 (counted from 0), which was not given; add a context"
    );
    assert_eq!(
        Defect::UnreadablePlaceholder("{\n}".to_owned()).to_string(),
        "`{\\n}` is no placeholder; write {}, {0}, or a doubled brace"
    );
    assert_eq!(
        Defect::UnfitAction("\x1b".to_owned()).to_string(),
        "`\\u{1b}` is no action; use 1 to 15 printable ASCII characters"
    );
}

/// A template piece by piece, with the text that it stands for, given that value `N` is `values[N]`.
fn pieces() -> impl Strategy<Value = Vec<(String, Option<usize>, String)>> {
    let literal = "[^{}]{0,5}".prop_map(|text| (text.clone(), None, text));
    let open = Just(("{{".to_owned(), None, "{".to_owned()));
    let close = Just(("}}".to_owned(), None, "}".to_owned()));
    let indexed = (0..4usize).prop_map(|index| (format!("{{{index}}}"), Some(index), String::new()));
    let next = Just(("{}".to_owned(), Some(usize::MAX), String::new()));
    proptest::collection::vec(prop_oneof![literal, open, close, indexed, next], 0..12)
}

proptest! {
    #[test]
    fn interpolation_is_the_concatenation_of_what_the_pieces_stand_for(
        pieces in pieces(),
        values in proptest::collection::vec(any::<String>(), 0..4),
    ) {
        let (mut template, mut expected, mut missing, mut next) = (String::new(), String::new(), 0, 0);
        for (written, value, text) in pieces {
            template.push_str(&written);
            let index = match value {
                None => { expected.push_str(&text); continue }
                Some(usize::MAX) => { next += 1; next - 1 }
                Some(index) => index,
            };
            match values.get(index) {
                Some(value) => expected.push_str(value),
                None => { missing += 1; expected.push_str(&format!("{{{index}?}}")) }
            }
        }
        let (text, defects) = interpolate::interpolate(&template, &values);
        prop_assert_eq!(text, expected);
        prop_assert_eq!(defects.len(), missing);
    }

    #[test]
    fn no_template_makes_interpolation_panic(template in "[{}0-9a é]{0,24}", values in proptest::collection::vec("[{}0-9]{0,4}", 0..3)) {
        let _ = interpolate::interpolate(&template, &values);
    }
}
