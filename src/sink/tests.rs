use super::{Capture, Sink, Stderr};
use crate::narration::{Action, Actor, Event, JobId, Scope};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const QUEEN: Actor = Actor::new("queen");
const START: Action = Action::new("start");

/// Long enough that only a defect runs into it.
const PATIENCE: Duration = Duration::from_secs(30);

fn event(human: &str) -> Event {
    Event::new(QUEEN, START, human)
}

fn job(name: &str) -> Scope {
    Scope::Job(JobId::named(name).unwrap())
}

fn capacity(lines: usize) -> NonZeroUsize {
    NonZeroUsize::new(lines).unwrap()
}

/// A writer whose output a test can read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that tells when it is asked to write, and then waits for permission.
struct Gate {
    page: Page,
    asked: Sender<()>,
    permitted: Receiver<()>,
}

/// The gate, its page, a bell that rings at each write, and the permission, which dropping grants for good.
fn gate() -> (Gate, Page, Receiver<()>, Sender<()>) {
    let (page, (asked, bell), (permission, permitted)) = (Page::default(), mpsc::channel(), mpsc::channel());
    (Gate { page: page.clone(), asked, permitted }, page, bell, permission)
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let _ = self.permitted.recv();
        self.page.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a writer does once instead of writing.
type Act = fn(&mut Page, &[u8]) -> io::Result<usize>;

/// A writer that goes through a script, from its end, then writes.
struct Scripted {
    page: Page,
    script: Vec<Act>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.script.pop() {
            Some(act) => act(&mut self.page, bytes),
            None => self.page.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_has_the_seeds_format_whatever_its_scope() {
    let page = Page::default();
    let stderr = Stderr::to(page.clone());
    stderr.accept(&Scope::System, &event("Starting on port 8500"));
    stderr.accept(&job("a"), &event("Loading"));
    drop(stderr);
    let expected = "[queen     ] start          : Starting on port 8500\n[queen     ] start          : Loading\n";
    assert_eq!(page.text(), expected);
}

#[test]
fn a_payload_cannot_forge_a_line() {
    let page = Page::default();
    let stderr = Stderr::to(page.clone());
    stderr.accept(&job("a"), &event("x\n[queen     ] ready          : \x1b[2Jowned\r\u{2028}"));
    drop(stderr);
    let expected = "[queen     ] start          : x\\n[queen     ] ready          : \\u{1b}[2Jowned\\r\\u{2028}\n";
    assert_eq!(page.text(), expected);
}

#[test]
fn a_stalled_writer_delays_no_emit_and_what_does_not_fit_is_counted_and_told() {
    let (writer, page, bell, permission) = gate();
    let stderr = Stderr::bounded(writer, capacity(4), PATIENCE);
    stderr.accept(&job("a"), &event("0"));
    bell.recv_timeout(PATIENCE).expect("the thread is inside its first write, so its line has left the queue");
    for n in 1..=10 {
        stderr.accept(&job("a"), &event(&n.to_string()));
    }
    assert_eq!(stderr.overflowed(), 6);
    let tally = stderr.tally();
    drop(permission);
    let dropping = Instant::now();
    drop(stderr);
    assert!(dropping.elapsed() < PATIENCE, "a drop waits for the lines, not for the deadline");
    assert_eq!((tally.written(), tally.overflowed(), tally.lost(), tally.write_errors()), (5, 6, 0, 0));
    let lines: Vec<_> = page.text().lines().map(|line| line.split(": ").nth(1).unwrap().to_owned()).collect();
    assert_eq!(lines, ["0", "1", "2", "3", "4", "6 lines were left out, since the queue was full"]);
}

#[test]
fn dropping_waits_for_a_hung_writer_no_longer_than_the_deadline() {
    let (writer, _page, bell, permission) = gate();
    let stderr = Stderr::bounded(writer, capacity(4), Duration::from_millis(50));
    let tally = stderr.tally();
    for n in 0..3 {
        stderr.accept(&job("a"), &event(&n.to_string()));
    }
    bell.recv_timeout(PATIENCE).unwrap();
    let dropping = Instant::now();
    drop(stderr);
    assert!(dropping.elapsed() >= Duration::from_millis(50), "the writer had its time");
    assert!(dropping.elapsed() < PATIENCE);
    // The write that hung may still succeed; what was queued behind it is abandoned, and counted.
    drop(permission);
    let waiting = Instant::now();
    while tally.written() + tally.lost() < 3 && waiting.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!((tally.written(), tally.lost()), (1, 2));
}

#[test]
fn a_failing_or_panicking_writer_costs_lines_and_nothing_else() {
    let page = Page::default();
    // Half a line and an error, then a panic, then the writer works.
    let writer = Scripted {
        page: page.clone(),
        script: vec![
            |_, _| panic!("a planted panic of the writer"),
            |_, _| Err(io::Error::other("disk full")),
            |page, bytes| page.write(&bytes[..bytes.len() / 2]),
        ],
    };
    let stderr = Stderr::to(writer);
    let tally = stderr.tally();
    for text in ["first", "second", "third"] {
        stderr.accept(&job("a"), &event(text));
    }
    drop(stderr);
    assert_eq!((tally.written(), tally.lost(), tally.write_errors()), (1, 2, 2));
    let text = page.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "the torn line is ended before the next begins: {text:?}");
    assert_eq!(lines[1], "[queen     ] start          : third");
}

#[test]
fn each_line_is_counted_once_under_many_emitters() {
    let page = Page::default();
    let stderr = Stderr::bounded(page.clone(), capacity(8), PATIENCE);
    let tally = stderr.tally();
    thread::scope(|scope| {
        for emitter in 0..4 {
            let stderr = &stderr;
            scope.spawn(move || {
                for n in 0..500 {
                    stderr.accept(&job("a"), &event(&format!("{emitter} {n}")));
                }
            });
        }
    });
    drop(stderr);
    assert_eq!(tally.written() + tally.overflowed(), 2000);
    assert_eq!(tally.lost(), 0);
    let text = page.text();
    let (notices, lines): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("[narrowcast]"));
    assert_eq!(lines.len() as u64, tally.written());
    let told: u64 = notices.iter().map(|line| line[30..].split(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(told, tally.overflowed(), "the log tells of every line that was left out");
    for emitter in 0..4 {
        let mark = format!(": {emitter} ");
        let numbers: Vec<u32> =
            lines.iter().filter_map(|line| line.split_once(&mark)).map(|(_, n)| n.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "an emitter's lines keep their order");
    }
}

#[test]
fn the_real_standard_error_is_a_writer_like_any_other() {
    let stderr = Stderr::default();
    let tally = stderr.tally();
    stderr.accept(&Scope::System, &event("written by a test of the stderr sink"));
    drop(stderr);
    assert_eq!(tally.written() + tally.lost(), 1);
}

#[test]
fn a_capture_keeps_scopes_apart_and_counts_what_it_omits() {
    let capture = Capture::bounded(capacity(3));
    let sink: Arc<dyn Sink> = Arc::new(capture.clone());
    sink.accept(&job("a"), &event("of a"));
    sink.accept(&Scope::System, &event("of the system"));
    sink.accept(&job("system"), &event("of a job called system"));
    sink.accept(&job("a"), &event("one too many"));
    assert_eq!(capture.of_job(&JobId::named("a").unwrap()), [event("of a")]);
    assert_eq!(capture.of_job(&JobId::named("A").unwrap()), []);
    assert_eq!(capture.of_system(), [event("of the system")]);
    assert_eq!(capture.all().len(), 3);
    assert_eq!(capture.omitted(), 1);
    assert_eq!(Capture::default().all(), [], "captures share nothing but with their clones");
}
