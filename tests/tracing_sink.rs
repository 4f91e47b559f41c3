//! The `tracing` sink, seen by a subscriber that keeps what it is given.
#![cfg(feature = "tracing")]

use narrowcast::narration::{Actor, Level, Outcome};
use narrowcast::router::{Router, Since};
use narrowcast::sink::Tracing;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

const QUEEN: Actor = Actor::new("queen");

/// One event as a subscriber sees it: level, target of the metadata, and fields; texts in quotes, as values that were
/// recorded as strings.
type Seen = (tracing::Level, String, BTreeMap<&'static str, String>);

/// Keeps every event, and does what it is told to at each.
#[derive(Clone, Default)]
struct Keeper {
    seen: Arc<Mutex<Vec<Seen>>>,
    at_each: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Keeper {
    fn sink(&self) -> Tracing {
        Tracing::to(Dispatch::new(self.clone()))
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn fields(&self) -> BTreeMap<&'static str, String> {
        let seen = self.seen();
        assert_eq!(seen.len(), 1);
        seen[0].2.clone()
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), format!("'{value}'"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("by Debug: {value:?}"));
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let metadata = event.metadata();
        self.seen.lock().unwrap().push((*metadata.level(), metadata.target().to_owned(), fields));
        if let Some(act) = &self.at_each {
            act();
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn fields<const N: usize>(expected: [(&'static str, &str); N]) -> BTreeMap<&'static str, String> {
    expected.map(|(name, value)| (name, value.to_owned())).into()
}

#[test]
fn an_event_is_handed_on_as_fields() {
    let keeper = Keeper::default();
    let router = Router::builder().sink(keeper.sink()).build();
    let system = router.system();
    let narration = system.narrate(QUEEN, "start").target("hive").context(8500).human("Starting on port {}");
    narration.correlation("req-1").duration_ms(7).error_kind("none").emit().unwrap();
    let expected = fields([
        ("actor", "'queen'"),
        ("action", "'start'"),
        ("target", "'hive'"),
        ("human", "'Starting on port 8500'"),
        ("correlation_id", "'req-1'"),
        ("duration_ms", "7"),
        ("error_kind", "'none'"),
    ]);
    assert_eq!(keeper.seen(), [(tracing::Level::INFO, "narrowcast".to_owned(), expected)]);
}

#[test]
fn what_an_event_does_not_have_is_not_recorded() {
    let keeper = Keeper::default();
    let router = Router::builder().sink(keeper.sink()).build();
    router.system().narrate(QUEEN, "start").emit().unwrap();
    let expected = fields([("actor", "'queen'"), ("action", "'start'"), ("target", "'start'"), ("human", "''")]);
    assert_eq!(keeper.fields(), expected);
}

#[test]
fn every_level_is_handed_on_as_itself() {
    let keeper = Keeper::default();
    let router = Router::builder().sink(keeper.sink()).build();
    for level in Level::ALL {
        router.system().narrate(QUEEN, "start").level(level).human("x").emit().unwrap();
    }
    let seen: Vec<_> = keeper.seen().into_iter().map(|(level, ..)| level.as_str().to_ascii_lowercase()).collect();
    assert_eq!(seen, Level::ALL.map(Level::as_str));
}

#[test]
fn a_job_is_named_only_where_operators_asked_for_it() {
    let (named, unnamed) = (Keeper::default(), Keeper::default());
    let router = Router::builder().sink(named.sink().with_jobs()).sink(unnamed.sink()).build();
    let id = narrowcast::narration::JobId::named("nightly\n\u{1b}[2J").unwrap();
    let job = router.create_named(id).unwrap();
    job.emitter().narrate(QUEEN, "load").human("Loading").emit().unwrap();
    assert_eq!(named.fields()["job"], r"'nightly\n\u{1b}[2J'");
    assert_eq!(unnamed.fields().get("job"), None);
    assert!(!format!("{:?}", unnamed.seen()).contains("nightly"));
    router.system().narrate(QUEEN, "start").emit().unwrap();
    assert_eq!(named.seen()[1].2.get("job"), None, "system narration has no job");
}

#[test]
fn every_text_is_data() {
    let keeper = Keeper::default();
    let router = Router::builder().sink(keeper.sink()).build();
    let hostile = "x\r\n2026 ERROR forged\u{1b}[2J\u{2028}\u{202e}\\";
    let system = router.system();
    let narration = system.narrate(QUEEN, "start").target(hostile).verbatim(hostile);
    narration.correlation(hostile).error_kind(hostile).emit().unwrap();
    let shown = r"'x\r\n2026 ERROR forged\u{1b}[2J\u{2028}\u{202e}\\'";
    let seen = keeper.fields();
    for field in ["target", "human", "correlation_id", "error_kind"] {
        assert_eq!(seen[field], shown, "{field}");
    }
}

#[test]
fn a_subscriber_hears_after_the_event_was_routed_with_no_lock_held_and_its_panic_is_caught() {
    let router_seen = Arc::new(Mutex::new(None::<Router>));
    let read = Arc::new(Mutex::new(Vec::new()));
    let (router_of, into) = (Arc::clone(&router_seen), Arc::clone(&read));
    let look = move || {
        // With a lock of the job or of the registry held, this would never come back.
        let router = router_of.lock().unwrap().clone().expect("it was built");
        let id = narrowcast::narration::JobId::named("a").unwrap();
        let mut stream = router.find(&id).unwrap().reader().subscribe(Since::Start).unwrap();
        into.lock().unwrap().push(stream.try_next().is_ok());
        panic!("a planted panic of a subscriber");
    };
    let keeper = Keeper { at_each: Some(Arc::new(look)), ..Keeper::default() };
    let router = Router::builder().sink(keeper.sink()).build();
    *router_seen.lock().unwrap() = Some(router.clone());
    let job = router.create_named(narrowcast::narration::JobId::named("a").unwrap()).unwrap();
    job.emitter().narrate(QUEEN, "load").emit().expect("whatever its sinks do");
    job.emitter().narrate(QUEEN, "load").emit().expect("and again");
    assert_eq!((router.sink_panics(), keeper.seen().len()), (2, 2));
    assert_eq!(*read.lock().unwrap(), [true, true]);
    job.close(Outcome::Completed).unwrap();
    *router_seen.lock().unwrap() = None; // The sink holds the router that holds the sink.
}

#[test]
fn without_a_dispatcher_of_its_own_it_takes_the_one_of_the_thread() {
    let keeper = Keeper::default();
    let router = Router::builder().sink(Tracing::default()).build();
    router.system().narrate(QUEEN, "start").emit().unwrap();
    tracing::subscriber::with_default(keeper.clone(), || router.system().narrate(QUEEN, "stop").emit()).unwrap();
    assert_eq!(keeper.fields()["action"], "'stop'");
}
