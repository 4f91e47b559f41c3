//! `load` against the service: a clean run, and one of each leak, planted between the server and the clients.
//!
//! Counts are asserted, times never. The leaks are those of `load/proxy.rs`: a proxy that changes one frame of all.

#[path = "load/proxy.rs"]
mod proxy;

use narrowcast::server::{Config, Layer, Log, Server};
use narrowcast::verify::methods::load::{Account, Plan, Report, Trouble, carry_out};
use proxy::{Leak, Proxy};
use std::net::SocketAddr;

/// A server that also goes by this name.
async fn serve(host: Option<SocketAddr>, change: impl FnOnce(&mut Layer)) -> SocketAddr {
    let mut layer = Layer { listen: Some(([127, 0, 0, 1], 0).into()), log: Some(Log::Off), ..Layer::default() };
    layer.hosts = host.map(|host| vec![host.to_string()]);
    change(&mut layer);
    let server = Server::bind(Config::new(layer).expect("the settings can work")).await.expect("a free port");
    let address = server.address();
    let _ends_with_the_runtime = tokio::spawn(server.run());
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loaded_server_accounts_for_every_event_on_every_stream() {
    let plan = Plan { jobs: 8, streams_per_job: 5, seconds: 2, rate: 20, noisy_connections: 3, ..Plan::default() };
    // Little is retained: whoever falls behind the noisy job loses something, and must be told of it.
    let address = serve(None, |layer| layer.limits.retain_events = Some(64)).await;
    let report = carry_out(address, &plan).await.expect("the server serves");
    println!("{report:#?}");
    assert_eq!(report.breaches(), 0, "{report:#?}");
    assert_eq!((report.jobs, report.quiet.streams, report.noisy.streams), (9, 40, 5));
    assert_eq!((report.quiet.true_ends, report.noisy.true_ends), (40, 5));
    // Their creation is an event too.
    assert_eq!(report.quiet.delivered + report.quiet.lagged, (report.events + 8) * 5);
    assert_eq!(report.noisy.delivered + report.noisy.lagged, (report.noisy_events + 1) * 5);
    assert_eq!((report.refused, report.quiet.lagged), (0, 0), "the noise is no concern of the quiet");
    assert_eq!(report.events + report.unsent, 8 * 2 * 20);
    assert_eq!(report.alone.deliveries + report.beside.deliveries, report.events * 5);
    assert!(report.noisy_events > 0 && report.alone.deliveries > 0 && report.beside.deliveries > 0, "the premises");
    // What `verify` hands to a child and gets back.
    let there = serde_json::to_string(&report).expect("a report is JSON");
    assert_eq!(serde_json::from_str::<Report>(&there).expect("and back"), report);
    let plan: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("a plan is JSON")).expect("and back");
    assert_eq!(plan.jobs, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_frame_of_all_is_found_and_counted_as_what_it_is() {
    let plan = Plan { jobs: 3, streams_per_job: 2, seconds: 1, rate: 20, noisy_connections: 0, ..Plan::default() };
    let fine = Account { streams: 6, true_ends: 6, ..Account::default() };
    let no_end = Account { true_ends: 5, false_ends: 1, ..fine };
    let leaks = [
        (Leak::None, fine),
        (Leak::Swap, Account { foreign: 2, missing: 2, ..fine }),
        (Leak::Drop, Account { missing: 1, ..fine }),
        (Leak::Repeat, Account { repeated: 1, ..fine }),
        (Leak::Reorder, Account { missing: 1, misplaced: 1, ..fine }),
        (Leak::Alter, Account { altered: 1, ..fine }),
        (Leak::Overcount, Account { misplaced: 1, lagged: 1, ..fine }),
        (Leak::CountOneOfTwo, Account { missing: 1, lagged: 1, ..fine }),
        (Leak::EndTwice, no_end),
        (Leak::EndOtherwise, no_end),
        (Leak::EndSilently, no_end),
        (Leak::CutOff, Account { true_ends: 5, broken_off: 1, ..fine }),
    ];
    let runs = leaks.map(|(leak, expected)| {
        let plan = plan.clone();
        tokio::spawn(async move {
            let proxy = Proxy::bind().await;
            let front = proxy.address();
            let back = serve(Some(front), |_| {}).await;
            let _ends_with_the_runtime = tokio::spawn(proxy.run(back, leak));
            let report = carry_out(front, &plan).await.expect("the load is brought about");
            (leak, report, expected)
        })
    });
    for run in runs {
        let (leak, report, expected) = run.await.expect("no run panics");
        let owed = (report.events + 3) * 2;
        let found = Account { delivered: 0, ..report.quiet };
        assert_eq!(found, expected, "{leak:?}");
        assert_eq!(report.breaches() > 0, leak != Leak::None, "{leak:?}");
        if leak != Leak::CutOff {
            let Account { delivered, lagged, missing, .. } = report.quiet;
            // What came misplaced was missed where it belonged; a marker that lies covers what came all the same.
            assert_eq!(delivered + lagged + missing, owed, "{leak:?}: {report:#?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_is_said_with_its_remedy() {
    let small =
        Plan { jobs: 2, streams_per_job: 3, seconds: 1, noisy_connections: 0, patience_s: 5, ..Plan::default() };
    let address = serve(None, |layer| layer.limits.streams_per_job = Some(2)).await;
    let trouble = carry_out(address, &small).await.expect_err("three streams are too many");
    assert!(matches!(&trouble, Trouble::Refused { status: 429, said, .. } if said.contains("too_many_streams")));
    assert!(trouble.to_string().contains("raise that limit"), "{trouble}");
    let address = serve(None, |layer| layer.limits.jobs = Some(1)).await;
    let trouble = carry_out(address, &small).await.expect_err("two jobs are too many");
    assert!(matches!(&trouble, Trouble::Refused { status: 429, said, .. } if said.contains("too_many_jobs")));

    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let address = gone.local_addr().expect("it has an address");
    drop(gone);
    let trouble = carry_out(address, &small).await.expect_err("nobody listens");
    assert!(trouble.to_string().contains("start the server"), "{trouble}");
}
