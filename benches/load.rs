//! What a service under load delivers, to whom, and how long it takes beside a noisy neighbour.
//!
//! 200 quiet jobs with 10 streams each, 5 events a second each, for a minute; in the second half one more job is
//! flooded over 4 connections. Server and clients are in this process, on runtimes of their own, and talk over sockets.
//! Every event on every stream is checked, and a run with a breach panics.
//!
//! Times are those of this machine with all that it had to do, server and clients together; only the ratio of the two
//! halves means anything.
//!
//! ```sh
//! cargo bench --bench load -- --seconds 60 --jobs 200 --streams 10 --rate 5 --noisy 4
//! ```
//! Without `--bench`, as `cargo test --benches` starts it, a small load is carried out once.

use narrowcast::server::{Config, Layer, Limits, Log, Server};
use narrowcast::verify::methods::load::{Account, Latency, Plan, Report, carry_out};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("there are threads")
}

/// The plan that the arguments ask for; an error says what is wrong with them.
fn plan(arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut arguments = arguments.peekable();
    let mut plan = Plan { jobs: 8, streams_per_job: 5, seconds: 1, rate: 20, noisy_connections: 2, ..Plan::default() };
    let mut given = Vec::new();
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--bench" => plan = Plan::default(),
            "--seconds" | "--jobs" | "--streams" | "--rate" | "--noisy" => {
                let value = arguments.next().and_then(|value| value.parse().ok());
                given.push((name.clone(), value.ok_or_else(|| format!("{name} wants a number"))?));
            }
            other => return Err(format!("{other} is unknown; say --seconds, --jobs, --streams, --rate or --noisy")),
        }
    }
    for (name, value) in given {
        let count = usize::try_from(value).map_err(|_| format!("{name} is too large"))?;
        match name.as_str() {
            "--seconds" => plan.seconds = value,
            "--jobs" => plan.jobs = count,
            "--streams" => plan.streams_per_job = count,
            "--rate" => plan.rate = value,
            _ => plan.noisy_connections = count,
        }
    }
    Ok(plan)
}

/// A server with room for the plan, on threads of its own. It lives as long as the process.
fn serve(plan: &Plan) -> SocketAddr {
    let limits = Limits {
        jobs: Some(plan.jobs + 1),
        streams_per_job: Some(plan.streams_per_job),
        connections: Some(plan.jobs + plan.noisy_connections + 256),
        ..Limits::default()
    };
    let listen = Some(([127, 0, 0, 1], 0).into());
    let config = Config::new(Layer { listen, limits, log: Some(Log::Off), ..Layer::default() });
    let (told, address) = mpsc::channel();
    let serving = move || {
        runtime().block_on(async {
            let server = Server::bind(config.expect("the settings can work")).await.expect("there is a free port");
            told.send(server.address()).expect("somebody waits for it");
            server.run().await
        })
    };
    let _detached = thread::spawn(serving);
    address.recv().expect("the server starts")
}

fn print(plan: &Plan, report: &Report) {
    let Plan { streams_per_job, seconds, rate, noisy_connections, .. } = plan;
    println!("load: {seconds} s, {rate} events/s a job, the noisy one over {noisy_connections} connections");
    let share = |name: &str, events: u64, Account { streams, delivered, lagged, true_ends, .. }: &Account| {
        println!(
            "  {name:<6} {streams:>5} streams  {events:>8} events  {delivered:>9} delivered  {lagged:>7} lagged  \
             {true_ends:>5} true ends"
        );
    };
    share("quiet", report.events, &report.quiet);
    share("noisy", report.noisy_events, &report.noisy);
    let both = |of: fn(&Account) -> u64| of(&report.quiet) + of(&report.noisy);
    println!(
        "  foreign {}  altered {}  missing {}  repeated {}  misplaced {}  overcounted {}  false ends {}  broken off {}",
        both(|of| of.foreign),
        both(|of| of.altered),
        both(|of| of.missing),
        both(|of| of.repeated),
        both(|of| of.misplaced),
        both(|of| of.overcounted),
        both(|of| of.false_ends),
        both(|of| of.broken_off),
    );
    println!("  refused {}  due and not sent {}  ({streams_per_job} streams a job)", report.refused, report.unsent);
    for (name, Latency { deliveries, p50_us, p99_us, max_us }) in [("alone", report.alone), ("beside", report.beside)] {
        let ms = |us: u64| us as f64 / 1000.0;
        let (p50, p99, max) = (ms(p50_us), ms(p99_us), ms(max_us));
        println!("  {name:<6} p50 {p50:>9.3} ms  p99 {p99:>9.3} ms  max {max:>9.3} ms  of {deliveries} deliveries");
    }
    if let (Some(p50), Some(p99)) = (report.p50_ratio(), report.p99_ratio()) {
        println!("  beside / alone: p50 {p50:.2}, p99 {p99:.2}");
    }
}

fn main() -> ExitCode {
    let plan = match plan(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let address = serve(&plan);
    match runtime().block_on(carry_out(address, &plan)) {
        Ok(report) => {
            print(&plan, &report);
            assert_eq!(report.breaches(), 0, "{report:#?}");
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::from(20)
        }
    }
}
