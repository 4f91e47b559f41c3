//! How many lines a second does `narrowcast check` judge, reading and parsing included?
//!
//! The history is fixed: 100 jobs, each with an emitter and two streams; everybody's turns are interleaved, nothing is
//! random. Every emit is two lines of the whole form (value and time on both) and two receives, so half of the lines are
//! receives; a line has about 115 bytes. A round that does not find the history held panics.
//!
//! `read` is validation alone, `judge` the checker alone on lines that are read already, `check` the whole.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narrowcast::verify::checker::Checker;
use narrowcast::verify::findings::Status;
use narrowcast::verify::history::{Line, validator};
use std::fmt::Write;
use std::hint::black_box;

const JOBS: usize = 100;
const EMITS: usize = 50_000;

/// Writes histories line by line.
#[derive(Default)]
struct Recorder {
    text: String,
    lines: usize,
}

impl Recorder {
    fn line(&mut self, process: usize, kind: &str, f: &str, value: &str) {
        let (index, time) = (self.lines, self.lines * 1_234);
        let line = format_args!(
            r#"{{"index":{index},"time":{time},"process":{process},"type":"{kind}","f":"{f}","value":{value}}}"#
        );
        writeln!(self.text, "{line}").expect("a String takes everything");
        self.lines += 1;
    }

    fn operation(&mut self, process: usize, f: &str, value: &str) {
        self.line(process, "invoke", f, value);
        self.line(process, "ok", f, value);
    }
}

/// Job by job an emit that returns when the next job's has begun, and its deliveries.
fn history() -> Recorder {
    let mut recorder = Recorder::default();
    for job in 0..JOBS {
        recorder.operation(job, "create", &format!(r#"{{"job":"job-{job}"}}"#));
        for reader in ["a", "b"] {
            let stream = format!(r#"{{"job":"job-{job}","stream":"{reader}-{job}","from":"start"}}"#);
            recorder.operation(job, "subscribe", &stream);
        }
    }
    let emitted = |emit: usize| format!(r#"{{"job":"job-{}","event":"event-{emit}"}}"#, emit % JOBS);
    for emit in 0..EMITS {
        recorder.line(emit % JOBS, "invoke", "emit", &emitted(emit));
        let Some(before) = emit.checked_sub(1) else { continue };
        finish(&mut recorder, before, &emitted(before));
    }
    finish(&mut recorder, EMITS - 1, &emitted(EMITS - 1));
    for job in 0..JOBS {
        recorder.operation(job, "close", &format!(r#"{{"job":"job-{job}","outcome":"completed"}}"#));
        for reader in ["a", "b"] {
            let end = format!(r#"{{"stream":"{reader}-{job}","end":true,"outcome":"completed"}}"#);
            recorder.line(JOBS + job, "ok", "receive", &end);
        }
    }
    recorder
}

fn finish(recorder: &mut Recorder, emit: usize, value: &str) {
    let job = emit % JOBS;
    recorder.line(job, "ok", "emit", value);
    for reader in ["a", "b"] {
        let came = format!(r#"{{"stream":"{reader}-{job}","event":"event-{emit}"}}"#);
        recorder.line(JOBS + job, "ok", "receive", &came);
    }
}

fn check(text: &str) -> Status {
    let mut checker = Checker::new();
    validator::for_each_line(text.as_bytes(), |number, line| checker.push_at(number, line)).expect("well-formed");
    checker.finish().verdict
}

fn lines(text: &str) -> Vec<Line> {
    validator::read(text.as_bytes()).map(|item| item.expect("well-formed").1).collect()
}

fn benches(criterion: &mut Criterion) {
    let history = history();
    let mean = history.text.len() / history.lines;
    assert!((90..=125).contains(&mean), "lines have {mean} bytes");
    let read = lines(&history.text);
    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Elements(history.lines as u64)).sample_size(20);
    group.bench_function("read", |bencher| {
        bencher.iter(|| validator::read(history.text.as_bytes()).map(|item| usize::from(item.is_ok())).sum::<usize>());
    });
    group.bench_function("judge", |bencher| {
        bencher.iter(|| {
            let mut checker = Checker::new();
            read.iter().for_each(|line| checker.push(line));
            assert_eq!(checker.finish().verdict, Status::Held);
        });
    });
    group.bench_function("check", |bencher| {
        bencher.iter(|| assert_eq!(check(black_box(&history.text)), Status::Held));
    });
    group.finish();
}

criterion_group!(check_benches, benches);
criterion_main!(check_benches);
