//! How many deliveries a second does fan-out make, beside the design that everybody writes first?
//!
//! Subjects: the router as embedders use it (events encoded to JSON at emit, read as handles on their bytes), and the naive
//! `Mutex<HashMap<id, broadcast::Sender<Event>>>` (events cloned for each receiver, nothing encoded). Shapes: 1 job with 1, 64
//! and 1000 streams, and 1000 jobs with 1 each. A round emits to every job and then reads every stream dry, on one thread
//! without a runtime, so that nothing but the channels is measured. Every delivery is counted, and a round that delivers
//! another number than it must panics.
//!
//! Only ratios within one run mean anything: the machine's clock does not.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use narrowcast::narration::{Action, Actor, Emit, Event};
use narrowcast::router::{Delivery, Emitter, Job, Router, Since, Stream};
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use tokio::sync::broadcast;

/// What a job retains, in both designs.
const RETAIN: usize = 1024;
const ACTOR: Actor = Actor::new("bench");
const ACTION: Action = Action::new("emit");
/// About what a line of narration is.
const TEXT: &str = "Loading model weights from the shared cache: shard 3 of 8, 412 MiB, checksum verified, 2.4 s; \
                    the next shard is being fetched while this one is mapped, and nothing else waits for it meanwhile";

/// One design with its jobs and streams.
trait Design {
    fn build(jobs: usize, streams: usize) -> Self;
    fn emit(&mut self);
    /// Reads every stream dry. Answers how many events came.
    fn drain(&mut self) -> usize;
}

struct Ours {
    _jobs: Vec<Job>,
    emitters: Vec<Emitter>,
    streams: Vec<Stream>,
}

impl Design for Ours {
    fn build(jobs: usize, streams: usize) -> Self {
        let router = Router::builder().retain(RETAIN).build();
        let jobs: Vec<Job> = (0..jobs).map(|_| router.create()).collect();
        let subscribe = |job: &Job| job.reader().subscribe(Since::Now).expect("the job is open");
        let streams = jobs.iter().flat_map(|job| (0..streams).map(move |_| subscribe(job))).collect();
        Ours { emitters: jobs.iter().map(Job::emitter).collect(), _jobs: jobs, streams }
    }

    fn emit(&mut self) {
        for emitter in &self.emitters {
            emitter.emit(Event::new(ACTOR, ACTION, TEXT)).expect("the job is open");
        }
    }

    fn drain(&mut self) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let mut events = 0;
        for stream in &mut self.streams {
            while let Poll::Ready(Some(delivery)) = stream.poll_next(&mut cx) {
                let Delivery::Event(event) = delivery else { panic!("nothing lags or ends here: {delivery:?}") };
                black_box(event.bytes().first());
                events += 1;
            }
        }
        events
    }
}

struct Naive {
    table: Mutex<HashMap<String, broadcast::Sender<Event>>>,
    ids: Vec<String>,
    streams: Vec<broadcast::Receiver<Event>>,
}

impl Design for Naive {
    fn build(jobs: usize, streams: usize) -> Self {
        let ids: Vec<String> = (0..jobs).map(|at| format!("job-{at:032x}")).collect();
        let table: HashMap<_, _> = ids.iter().map(|id| (id.clone(), broadcast::channel(RETAIN).0)).collect();
        let streams = ids.iter().flat_map(|id| (0..streams).map(|_| table[id].subscribe())).collect();
        Naive { table: Mutex::new(table), ids, streams }
    }

    fn emit(&mut self) {
        for id in &self.ids {
            let table = self.table.lock().expect("nothing panics under this lock");
            table[id].send(Event::new(ACTOR, ACTION, TEXT)).expect("somebody receives");
        }
    }

    fn drain(&mut self) -> usize {
        let mut events = 0;
        for stream in &mut self.streams {
            while let Ok(event) = stream.try_recv() {
                black_box(event.human.as_bytes().first());
                events += 1;
            }
        }
        events
    }
}

fn rounds<D: Design>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    shape: Shape,
) {
    let Shape { jobs, streams, burst } = shape;
    let expected = jobs * streams * burst;
    group.throughput(Throughput::Elements(expected as u64));
    let mut design = D::build(jobs, streams);
    group.bench_function(BenchmarkId::new(name, format!("{jobs}x{streams} burst {burst}")), |bencher| {
        bencher.iter(|| {
            (0..burst).for_each(|_| design.emit());
            assert_eq!(design.drain(), expected, "every delivery is counted");
        });
    });
}

#[derive(Clone, Copy)]
struct Shape {
    jobs: usize,
    streams: usize,
    burst: usize,
}

fn fanout(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fanout");
    for (jobs, streams) in [(1, 1), (1, 64), (1, 1000), (1000, 1)] {
        for burst in [1, 64] {
            let shape = Shape { jobs, streams, burst };
            rounds::<Ours>(&mut group, "narrowcast", shape);
            rounds::<Naive>(&mut group, "naive", shape);
        }
    }
    group.finish();
}

criterion_group!(benches, fanout);
criterion_main!(benches);
