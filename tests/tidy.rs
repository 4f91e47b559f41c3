//! The house rules that the compiler does not enforce: who may import whom, what may not be written, how long a file
//! may be, and that the maps in `docs/` show the house as it is (`docs/architecture.md`).
//!
//! Each rule is one function from a file's path and text to the violations in it. Each is applied to the sources, and
//! each is first seen to find what it is there to find: a rule that cannot fail is no rule ([`rule!`]).
//!
//! Imports are read by [`imports`] from the sources with comments and literals taken out: every path of every `use`
//! tree, and every path written out in full elsewhere, both resolved from the module that they stand in.

#[path = "tidy/imports.rs"]
mod imports;

use imports::{Import, blanked, imports};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

// === the sources ===

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// Every file and folder below one, by its path from the crate's root, with `/` between the parts.
fn below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(root().join(folder)).expect("a folder of ours").flatten().collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let is_folder = entry.path().is_dir();
        found.push(path.clone());
        if is_folder {
            found.extend(below(&path));
        }
    }
    found
}

/// Every Rust file of `src`, with its text.
fn sources() -> BTreeMap<String, String> {
    let paths = below("src").into_iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| (path.clone(), read(&path))).collect()
}

/// Every Rust file of ours: what is built, and what builds and tests it.
fn everything() -> BTreeMap<String, String> {
    let mut files = sources();
    let folders = ["tests", "benches", "examples", "fuzz"].into_iter().filter(|folder| root().join(folder).is_dir());
    let others = folders.flat_map(below).filter(|path| path.ends_with(".rs")).chain(["build.rs".to_owned()]);
    files.extend(others.map(|path| (path.clone(), read(&path))));
    files
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn stands_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

// === rules ===

/// Imports of one file that a rule does not allow, in words.
fn forbidden(path: &str, text: &str, why: &str, is_forbidden: impl Fn(&Import) -> bool) -> Vec<String> {
    let found = imports(path, text).into_iter().filter(|import| is_forbidden(import));
    found.map(|import| format!("{path}:{}: {import}: {why}", import.line)).collect()
}

/// Files loaded or pasted in by another door than `mod` would escape what the rules on imports read.
fn side_doors(path: &str, text: &str) -> Vec<String> {
    let lines = blanked(text).code;
    let found = lines.lines().enumerate().filter(|(_, line)| {
        let line: String = line.split_whitespace().collect();
        ["#[path", "include!(", "externcrate"].iter().any(|door| line.contains(door))
    });
    found.map(|(at, line)| format!("{path}:{}: a side door: {}", at + 1, line.trim())).collect()
}

/// Narration is plain data: it imports nothing of ours.
fn narration_imports(path: &str, text: &str) -> Vec<String> {
    if !stands_in(path, &["src/narration/"]) {
        return Vec::new();
    }
    let why = "narration imports nothing of ours";
    let mut found = forbidden(path, text, why, |import| import.is_ours() && !import.is_within(&["crate::narration"]));
    found.extend(side_doors(path, text));
    found
}

/// The kernel imports narration, `bytes`, its `sync` shim, and of std what needs no system.
fn kernel_imports(path: &str, text: &str) -> Vec<String> {
    const OURS: [&str; 3] = ["crate::kernel", "crate::narration", "crate::sync"];
    const FROM_STD: [&str; 18] = [
        "std::any",
        "std::array",
        "std::borrow",
        "std::cmp",
        "std::collections",
        "std::error",
        "std::fmt",
        "std::future",
        "std::hash",
        "std::iter",
        "std::marker",
        "std::mem",
        "std::num",
        "std::ops",
        "std::panic",
        "std::pin",
        "std::task",
        // Whether this thread unwinds, and nothing else of threads.
        "std::thread::panicking",
    ];
    // A hasher that seeds itself is randomness from the system.
    const RANDOM: [&str; 2] = ["std::hash::RandomState", "std::collections::hash_map::RandomState"];
    if !stands_in(path, &["src/kernel/"]) {
        return Vec::new();
    }
    let why = "the kernel imports narration, bytes, its sync shim and plain parts of std only";
    let allowed = |import: &Import| {
        import.is_within(&OURS)
            || import.is_within(&FROM_STD) && !import.is_within(&RANDOM)
            || import.is_within(&["bytes"])
    };
    let mut found = forbidden(path, text, why, |import| !allowed(import));
    if ["HashMap::new(", "HashSet::new(", "RandomState"].iter().any(|word| blanked(text).code.contains(word)) {
        found.push(format!("{path}: a map that draws its own seed; the kernel is given its seed"));
    }
    found.extend(side_doors(path, text));
    found
}

/// The judge's files know each other, narration's plain data at most, and how JSON is read.
fn judge_imports(path: &str, text: &str) -> Vec<String> {
    const JUDGE: [&str; 5] = [
        "crate::verify::checker",
        "crate::verify::findings",
        "crate::verify::guarantee",
        "crate::verify::history",
        "crate::verify::oracle",
    ];
    let files = [
        "src/verify/checker/",
        "src/verify/findings.rs",
        "src/verify/guarantee.rs",
        "src/verify/history/",
        "src/verify/oracle/",
    ];
    if !stands_in(path, &files) {
        return Vec::new();
    }
    let allowed = |import: &Import| {
        import.is_within(&JUDGE)
            || import.is_within(&["crate::narration", "std", "serde", "serde_json"])
            || (is_test(path) && import.is_within(&["proptest"]))
    };
    let mut found = forbidden(path, text, "the judge is independent of every router", |import| !allowed(import));
    found.extend(side_doors(path, text));
    found
}

/// The two judges share no code: each would else bless the other's mistakes.
fn judges_apart(path: &str, text: &str) -> Vec<String> {
    let other = match path {
        _ if stands_in(path, &["src/verify/checker/"]) => "crate::verify::oracle",
        _ if stands_in(path, &["src/verify/oracle/"]) => "crate::verify::checker",
        _ => return Vec::new(),
    };
    forbidden(path, text, "the two judges share no code", |import| import.is_within(&[other]))
}

/// The wire's grammar is pure: no I/O, clock, randomness or thread, and encoder and parser know nothing of each other.
fn grammar_imports(path: &str, text: &str) -> Vec<String> {
    const PLAIN: [&str; 6] =
        ["std::fmt", "std::iter", "std::mem", "std::time::Duration", "thiserror", "crate::sink::sse"];
    if !stands_in(path, &["src/sink/sse/"]) || is_test(path) {
        return Vec::new();
    }
    let apart = path != "src/sink/sse/parser.rs";
    let allowed = |import: &Import| import.is_within(&PLAIN) && (apart || !import.is_within(&["crate::sink::sse"]));
    let mut found = forbidden(path, text, "the wire's grammar is pure", |import| !allowed(import));
    found.extend(side_doors(path, text));
    found
}

/// Whoever finds the planted faults does not know them.
fn blind_to_faults(path: &str, text: &str) -> Vec<String> {
    let blind = ["src/verify/checker/", "src/verify/oracle/", "src/verify/methods/", "src/verify/history/"];
    if !stands_in(path, &blind) {
        return Vec::new();
    }
    forbidden(path, text, "checks must not know the planted faults", |import| {
        import.is_within(&["crate::verify::faults"])
    })
}

/// Only subjects, methods and the museum touch a router; the session and its children start them.
fn routers_touched(path: &str, text: &str) -> Vec<String> {
    let touching = [
        "src/verify/subject/",
        "src/verify/methods/",
        "src/verify/faults/",
        "src/verify/session/child.rs",
        "src/verify/runner.rs",
    ];
    if !stands_in(path, &["src/verify/"]) || stands_in(path, &touching) {
        return Vec::new();
    }
    forbidden(path, text, "only subjects and methods touch a router", |import| {
        import.is_within(&[
            "crate::router",
            "crate::compiled",
            "crate::kernel",
            "crate::sink",
            "crate::jobs",
            "crate::server",
        ])
    })
}

/// What stands below does not know what stands above: kernel; router and sinks; jobs, server and the harness; the
/// reports; the program.
fn storeys(path: &str, text: &str) -> Vec<String> {
    const ABOVE: [(&[&str], &[&str]); 5] = [
        (
            &["src/kernel/"],
            &["crate::router", "crate::sink", "crate::compiled", "crate::jobs", "crate::server", "crate::verify"],
        ),
        (
            &["src/router/", "src/sink/"],
            &["crate::jobs", "crate::server", "crate::client", "crate::verify", "crate::report", "crate::cli"],
        ),
        // A client knows a service by what it sends, and by nothing else.
        (
            &["src/client/"],
            &[
                "crate::router",
                "crate::kernel",
                "crate::compiled",
                "crate::jobs",
                "crate::server",
                "crate::verify",
                "crate::report",
                "crate::cli",
            ],
        ),
        (&["src/verify/", "src/jobs/", "src/server/"], &["crate::report", "crate::cli"]),
        (&["src/report/"], &["crate::cli"]),
    ];
    let above = ABOVE.iter().filter(|(files, _)| stands_in(path, files)).flat_map(|(_, above)| above.iter());
    let above: Vec<&str> = above.copied().collect();
    forbidden(path, text, "what stands below does not know what stands above", |import| import.is_within(&above))
}

/// A crate is seen only where it belongs.
fn crates_in_their_places(path: &str, text: &str) -> Vec<String> {
    const PLACES: [(&str, &[&str]); 21] = [
        ("loom", &["src/compiled/loom.rs", "src/verify/methods/loom.rs", "src/verify/methods/loom_outcomes.rs"]),
        ("shuttle", &["src/compiled/shuttle.rs", "src/verify/methods/shuttle.rs"]),
        ("tracing", &["src/verify/methods/loom.rs", "src/sink/tracing.rs"]),
        ("clap", &["src/cli/"]),
        ("anstream", &["src/cli/"]),
        ("terminal_size", &["src/cli/"]),
        ("rustix", &["src/cli/"]),
        ("anstyle", &["src/cli/", "src/report/"]),
        ("indicatif", &["src/cli/", "src/report/progress.rs"]),
        ("sha2", &["src/report/", "src/server/", "src/verify/methods/wire/runs.rs"]),
        ("serde_json_canonicalizer", &["src/report/"]),
        ("axum", &["src/server/", "src/verify/faults/wire/", "src/verify/subject/service.rs"]),
        ("hyper", &["src/server/", "src/client/"]),
        ("hyper_util", &["src/server/", "src/client/"]),
        ("http_body_util", &["src/server/"]),
        ("hmac", &["src/server/authority.rs"]),
        ("subtle", &["src/server/authority.rs", "src/server/cursor.rs"]),
        ("toml", &["src/server/config.rs"]),
        (
            "tokio",
            &[
                "src/server/",
                "src/client/",
                "src/jobs/",
                "src/verify/faults/wire/",
                "src/verify/methods/load/",
                "src/verify/methods/wire/",
                "src/verify/subject/service.rs",
            ],
        ),
        ("getrandom", &["src/router/builder.rs", "src/client/mod.rs", "src/server/authority.rs"]),
        ("rand", &[]),
    ];
    let misplaced = |import: &Import| {
        PLACES.iter().any(|(name, places)| !import.is_ours() && import.is_within(&[name]) && !stands_in(path, places))
    };
    if !path.starts_with("src/") {
        return Vec::new();
    }
    forbidden(path, text, "this crate is not for this room", misplaced)
}

/// The service uses the faces that every embedder has: what it could reach behind them, its routes could serve.
fn server_is_an_embedder(path: &str, text: &str) -> Vec<String> {
    if !stands_in(path, &["src/server/"]) {
        return Vec::new();
    }
    forbidden(path, text, "the service is built on public faces", |import| {
        import.is_within(&["crate::kernel", "crate::compiled", "crate::client"])
    })
}

/// The prober knows the service by what it sends: what it could reach behind that, it could take for granted.
fn prober_is_outside(path: &str, text: &str) -> Vec<String> {
    if !stands_in(path, &["src/verify/methods/wire/"]) {
        return Vec::new();
    }
    forbidden(path, text, "the prober knows the service by its contract alone", |import| {
        import.is_within(&["crate::server", "crate::router", "crate::jobs", "crate::kernel", "crate::compiled", "axum"])
            || import.is_within(&["crate::narration"])
    })
}

/// Unfinished work, forgotten prints, tests that are put off, and lints that are argued away.
fn unfinished(path: &str, text: &str) -> Vec<String> {
    const CODE: [&str; 8] =
        ["todo!", "unimplemented!", "dbg!", "#[ignore", "allow(unsafe_code", "unsafe{", "unsafefn", "unsafeimpl"];
    const COMMENTS: [&str; 3] = ["TODO", "FIXME", "XXX"];
    let blanked = blanked(text);
    let lines = blanked.code.lines().zip(blanked.comments.lines()).enumerate();
    let found = lines.filter(|(_, (code, comment))| {
        let code: String = code.split_whitespace().collect();
        CODE.iter().any(|word| code.contains(word)) || COMMENTS.iter().any(|word| comment.contains(word))
    });
    found.map(|(at, (code, comment))| format!("{path}:{}: {}{}", at + 1, code.trim(), comment.trim())).collect()
}

/// The longest file, without its tests.
const LONGEST: usize = 700;

/// A file that nobody reads in one sitting has two subjects.
fn too_long(path: &str, text: &str) -> Vec<String> {
    if is_test(path) || !path.starts_with("src/") {
        return Vec::new();
    }
    let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
    let said = format!("{path} has {lines} lines, and {LONGEST} are allowed: it has two subjects");
    if lines > LONGEST { vec![said] } else { Vec::new() }
}

/// Applies a rule to the sources, once it is seen to find each of `bad` and to pass each of `good`.
macro_rules! rule {
    ($name:ident, over $files:expr, bad: [$($bad:expr),+ $(,)?], good: [$($good:expr),+ $(,)?]) => {
        mod $name {
            use super::*;

            #[test]
            fn is_kept() {
                let found: Vec<String> = $files.iter().flat_map(|(path, text)| super::$name(path, text)).collect();
                assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
            }

            #[test]
            fn finds_what_is_planted_and_nothing_else() {
                let bad: &[(&str, &str)] = &[$($bad),+];
                for (path, text) in bad {
                    assert_ne!(super::$name(path, text), Vec::<String>::new(), "not found in {path}: {text}");
                }
                let good: &[(&str, &str)] = &[$($good),+];
                for (path, text) in good {
                    assert_eq!(super::$name(path, text), Vec::<String>::new(), "wrongly found in {path}: {text}");
                }
            }
        }
    };
}

rule!(
    narration_imports,
    over sources(),
    bad: [
        ("src/narration/event.rs", "use crate::kernel::Frame;"),
        ("src/narration/event.rs", "use std::fmt;\nuse crate::{narration::JobId, router::Router};"),
        ("src/narration/mod.rs", "use super::sink::Sink;"),
        ("src/narration/event.rs", "fn f() { crate::sink::emit() }"),
        ("src/narration/tests/mod.rs", "mod deep { use super::super::super::verify; }"),
        ("src/narration/event.rs", "#[path = \"../router/mod.rs\"]\nmod router;"),
    ],
    good: [
        ("src/narration/event.rs", "use super::text;\nuse crate::narration::JobId;\nuse std::sync::Arc;"),
        ("src/narration/event.rs", "//! [`Router`](crate::router::Router)\nconst S: &str = \"crate::router::x\";"),
        ("src/router/mod.rs", "use crate::sink::Sink;"),
    ]
);

rule!(
    kernel_imports,
    over sources(),
    bad: [
        ("src/kernel/log.rs", "use std::sync::Mutex;"),
        ("src/kernel/log.rs", "use std::{collections::VecDeque, sync};"),
        ("src/kernel/log.rs", "use std;\nfn f() { std::thread::yield_now() }"),
        ("src/kernel/log.rs", "use std::*;"),
        ("src/kernel/log.rs", "fn now() -> u64 { ::std::time::Instant::now() }"),
        ("src/kernel/log.rs", "use core::sync::atomic::AtomicU64;"),
        ("src/kernel/log.rs", "use tokio::sync::Notify;"),
        ("src/kernel/log.rs", "fn f() { tracing::info!(\"x\") }"),
        ("src/kernel/log.rs", "use crate::compiled::native::sync::Mutex;"),
        ("src/kernel/mod.rs", "use super::router::Router;"),
        ("src/kernel/log.rs", "use crate::verify::history;"),
        ("src/kernel/log.rs", "include!(\"other.rs\");"),
        ("src/kernel/log.rs", "use std::hash::RandomState;"),
        ("src/kernel/log.rs", "use std::collections::HashMap;\nfn f() { HashMap::new() }"),
        ("src/kernel/log.rs", "fn f() { let _ = std::env::var(\"X\"); }"),
    ],
    good: [
        ("src/kernel/mod.rs", "pub mod log;\nuse super::sync;\npub use log::Batch;"),
        ("src/kernel/log.rs", "use super::sync::{Arc, Mutex};\nuse bytes::{Bytes, BytesMut};"),
        ("src/kernel/log.rs", "use crate::narration::JobId;\nfn f() { std::mem::take(&mut x); Poll::Ready(None) }"),
        ("src/router/mod.rs", "use std::sync::Mutex;"),
    ]
);

rule!(
    judge_imports,
    over sources(),
    bad: [
        ("src/verify/checker/mod.rs", "use crate::kernel::Stream;"),
        ("src/verify/checker/mod.rs", "use crate::compiled::native;"),
        ("src/verify/oracle/facts.rs", "use super::super::subject::Subject;"),
        ("src/verify/oracle/facts.rs", "use super::super::{history::Line, runner::Run};"),
        ("src/verify/history/mod.rs", "use crate::router::Router;"),
        ("src/verify/history/validator.rs", "fn f() { crate::sink::emit() }"),
        ("src/verify/findings.rs", "use super::verdict::Stable;"),
        ("src/verify/guarantee.rs", "use tokio::sync::Notify;"),
        ("src/verify/checker/mod.rs", "#[path = \"../runner.rs\"] mod runner;"),
    ],
    good: [
        ("src/verify/checker/mod.rs", "mod order;\nuse order::Order;\nuse super::findings::Findings;"),
        ("src/verify/oracle/tests.rs", "use super::super::history::Line;\nuse crate::narration::Outcome;"),
        ("src/verify/history/mod.rs", "use serde::Serialize;\nuse serde_json::Value;\nuse std::io::BufRead;"),
        ("src/verify/runner.rs", "use super::subject::Subject;"),
    ]
);

rule!(
    judges_apart,
    over sources(),
    bad: [
        ("src/verify/checker/order.rs", "use crate::verify::oracle::judge;"),
        ("src/verify/oracle/order.rs", "use super::super::checker;"),
    ],
    good: [
        ("src/verify/checker/order.rs", "//! See [`oracle`](super::oracle).\nuse super::super::history::Line;"),
        ("src/verify/oracle/order.rs", "use super::facts::Facts;"),
    ]
);

rule!(
    grammar_imports,
    over sources(),
    bad: [
        ("src/sink/sse/mod.rs", "use std::io::Write;"),
        ("src/sink/sse/mod.rs", "use std::time::Instant;"),
        ("src/sink/sse/mod.rs", "use crate::narration::Event;"),
        ("src/sink/sse/mod.rs", "fn f() { tokio::spawn(g()) }"),
        ("src/sink/sse/parser.rs", "use super::Frame;"),
        ("src/sink/sse/parser.rs", "include!(\"mod.rs\");"),
    ],
    good: [
        ("src/sink/sse/mod.rs", "mod parser;\npub use parser::Parser;\nuse std::{iter, time::Duration};"),
        ("src/sink/sse/parser.rs", "use std::time::Duration;\nfn f() { std::mem::take(&mut x); }"),
        ("src/sink/sse/tests.rs", "use super::Frame;\nuse proptest::prelude::*;"),
        ("src/sink/stderr.rs", "use std::io::Write;"),
    ]
);

rule!(
    blind_to_faults,
    over sources(),
    bad: [
        ("src/verify/checker/order.rs", "use crate::verify::faults::about::About;"),
        ("src/verify/oracle/order.rs", "use super::super::faults;"),
        ("src/verify/methods/loom.rs", "use crate::verify::{checker, faults::Fault};"),
        ("src/verify/methods/mod.rs", "fn f() { super::faults::faults() }"),
    ],
    good: [
        ("src/verify/methods/loom.rs", "use crate::verify::subject::Subject;\nlet faults = 3;"),
        ("src/verify/session/mod.rs", "use super::faults;"),
    ]
);

rule!(
    routers_touched,
    over sources(),
    bad: [
        ("src/verify/premises.rs", "use crate::router::Router;"),
        ("src/verify/verdict/mod.rs", "use crate::compiled::native::kernel::Kernel;"),
        ("src/verify/session/rows.rs", "fn f() { crate::compiled::guarded::activate(1) }"),
    ],
    good: [
        ("src/verify/subject/reference.rs", "use crate::router::Router;"),
        ("src/verify/methods/loom.rs", "use crate::compiled;"),
        ("src/verify/premises.rs", "use super::history::Line;"),
    ]
);

rule!(
    prober_is_outside,
    over sources(),
    bad: [
        ("src/verify/methods/wire/runs.rs", "use crate::server::Server;"),
        ("src/verify/methods/wire/http.rs", "use crate::narration::Event;"),
    ],
    good: [
        ("src/verify/methods/wire/http.rs", "use crate::sink::sse::Parser;"),
        ("src/verify/subject/service.rs", "use crate::server::Server;"),
    ]
);

rule!(
    storeys,
    over sources(),
    bad: [
        ("src/router/mod.rs", "use crate::verify::history::Line;"),
        ("src/sink/mod.rs", "use crate::cli::main;"),
        ("src/router/mod.rs", "use crate::jobs::Work;"),
        ("src/jobs/mod.rs", "use crate::report::Style;"),
        ("src/router/mod.rs", "use crate::jobs::Work;"),
        ("src/jobs/mod.rs", "use crate::report::Style;"),
        ("src/client/watch.rs", "use crate::router::Router;"),
        ("src/sink/sse/mod.rs", "use crate::client::Client;"),
        ("src/verify/session/mod.rs", "use crate::report::terminal;"),
        ("src/report/evidence.rs", "fn f() { crate::cli::main() }"),
    ],
    good: [
        ("src/router/mod.rs", "use crate::sink::Sink;"),
        ("src/report/evidence.rs", "use crate::verify::verdict::Stable;"),
        ("src/cli/mod.rs", "use crate::report::Style;"),
    ]
);

rule!(
    crates_in_their_places,
    over sources(),
    bad: [
        ("src/verify/methods/interleaved.rs", "use loom::sync::Mutex;"),
        ("src/verify/session/mod.rs", "fn f() { ::shuttle::check_random(g, 3) }"),
        ("src/router/mod.rs", "fn f() { tokio::spawn(g()) }"),
        ("src/verify/session/mod.rs", "use clap::Parser;"),
        ("src/report/terminal/mod.rs", "use indicatif::ProgressBar;"),
        ("src/verify/explain.rs", "use anstyle::Style;"),
        ("src/verify/verdict/mod.rs", "use sha2::{Digest, Sha256};"),
        ("src/report/mod.rs", "fn f() { terminal_size::terminal_size(); }"),
        ("src/router/mod.rs", "use axum::Router;"),
        ("src/cli/serve.rs", "fn f() { tokio::runtime::Runtime::new() }"),
        ("src/server/state.rs", "use hmac::Mac;"),
        ("src/verify/methods/threads.rs", "use tokio::net::TcpStream;"),
    ],
    good: [
        ("src/compiled/loom.rs", "pub struct Mutex<T>(loom::sync::Mutex<T>);"),
        ("src/verify/methods/loom.rs", "fn f() { loom::model(g) }"),
        ("src/verify/session/mod.rs", "use super::methods::loom::{self, Copy};\nfn f() { loom::models() }"),
        ("src/compiled/mod.rs", "pub mod loom;\npub use loom::sync;"),
        ("src/cli/args.rs", "use clap::{Args, Parser};"),
        ("src/report/progress.rs", "use indicatif::ProgressBar;"),
        ("src/verify/methods/load/http.rs", "use tokio::net::TcpStream;"),
    ]
);

rule!(
    server_is_an_embedder,
    over sources(),
    bad: [
        ("src/server/state.rs", "use crate::compiled::native::kernel::Kernel;"),
        ("src/server/state.rs", "fn f() { crate::kernel::Kernel::new() }"),
    ],
    good: [
        ("src/server/state.rs", "use crate::router::Router;"),
        ("src/router/mod.rs", "use crate::compiled::native::kernel;"),
    ]
);

rule!(
    unfinished,
    over everything(),
    bad: [
        ("src/router/mod.rs", "fn f() { todo!() }"),
        ("src/router/mod.rs", "fn f() { unimplemented!(\"later\") }"),
        ("tests/cli.rs", "fn f() { dbg!(3); }"),
        ("tests/cli.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}"),
        ("src/router/mod.rs", "// TODO: later"),
        ("src/router/mod.rs", "/* FIXME */"),
        ("src/router/mod.rs", "#[allow(unsafe_code)]\nfn f() {}"),
        ("src/router/mod.rs", "fn f() { unsafe { g() } }"),
    ],
    good: [
        ("src/router/mod.rs", "const S: &str = \"todo!() dbg!(x) // TODO\";"),
        ("src/router/mod.rs", "// What is there to do is done.\nfn ignore() {}"),
    ]
);

rule!(
    too_long,
    over sources(),
    bad: [("src/router/mod.rs", &*"fn f() {}\n".repeat(LONGEST + 1))],
    good: [
        ("src/router/mod.rs", &*"fn f() {}\n".repeat(LONGEST)),
        ("src/sink/tests.rs", &*"fn f() {}\n".repeat(LONGEST + 1)),
        ("src/router/mod.rs", &*format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(600), "fn f() {}\n".repeat(200))),
    ]
);

#[test]
fn the_rules_on_imports_see_the_rooms_that_they_are_about() {
    let sources = sources();
    let count = |room: &str| sources.keys().filter(|path| path.starts_with(room)).count();
    for (room, files) in [
        ("src/narration/", 8),
        ("src/kernel/", 6),
        ("src/verify/checker/", 10),
        ("src/verify/oracle/", 5),
        ("src/verify/history/", 2),
        ("src/verify/methods/", 3),
        ("src/cli/", 3),
        ("src/server/", 10),
    ] {
        assert!(count(room) >= files, "{room} holds {} files: has it moved?", count(room));
    }
}

#[test]
fn the_crate_forbids_unsafe_code() {
    assert!(forbids_unsafe(&read("src/lib.rs")), "src/lib.rs lacks #![forbid(unsafe_code)]");
    assert!(!forbids_unsafe("// #![forbid(unsafe_code)]\n#![deny(unsafe_code)]"), "a comment forbids nothing");
}

fn forbids_unsafe(lib: &str) -> bool {
    blanked(lib).code.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]")
}

/// The kernel is to be read in one sitting.
const LARGEST_KERNEL: usize = 1200;

fn kernel_lines(sources: &BTreeMap<String, String>) -> usize {
    let files = sources.iter().filter(|(path, _)| stands_in(path, &["src/kernel/"]));
    files.map(|(_, text)| text.lines().count()).sum()
}

#[test]
fn the_kernel_can_be_read_in_one_sitting() {
    let lines = kernel_lines(&sources());
    assert!(lines <= LARGEST_KERNEL, "src/kernel has {lines} lines, and {LARGEST_KERNEL} are allowed");
    let grown =
        [("src/kernel/log.rs".to_owned(), "x\n".repeat(700)), ("src/kernel/mod.rs".to_owned(), "x\n".repeat(700))];
    assert_eq!(kernel_lines(&grown.into()), 1400, "the lines of all its files count");
}

// === the maps ===

/// What differs between the code map (the rows of docs/architecture.md that begin with a path below `src`) and the
/// house: every file and folder of `src` down to the second level has a row, and no row leads nowhere.
fn map_violations(map: &str, house: &[String]) -> Vec<String> {
    let cells = map.lines().filter(|line| line.starts_with("| `src/")).filter_map(|line| line.split('|').nth(1));
    let named: Vec<&str> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(|path| path.trim_end_matches('/')).collect();
    let missing = house.iter().filter(|path| path.matches('/').count() <= 2 && !named.contains(&path.as_str()));
    let missing = missing.map(|path| format!("{path} is on no row of the code map"));
    let stale = named.iter().filter(|path| !house.iter().any(|there| there == **path));
    missing.chain(stale.map(|path| format!("the code map names {path}, which is not there"))).collect()
}

#[test]
fn the_code_map_shows_the_house_as_it_is() {
    let violations = map_violations(&read("docs/architecture.md"), &below("src"));
    assert!(violations.is_empty(), "docs/architecture.md:\n{}", violations.join("\n"));
}

#[test]
fn a_map_that_lacks_a_room_or_shows_one_too_many_is_found_out() {
    let house = [
        "src/lib.rs",
        "src/kernel",
        "src/kernel/log.rs",
        "src/verify",
        "src/verify/checker",
        "src/verify/checker/mod.rs",
    ];
    let house = house.map(str::to_owned);
    let whole = "| path | what |\n|---|---|\n| `src/lib.rs` | face |\n| `src/kernel/`, `src/kernel/log.rs` | heart |\n\
                 | `src/verify/` | harness |\n| `src/verify/checker/` | judge |\n";
    assert_eq!(map_violations(whole, &house), Vec::<String>::new());
    let lacks = whole.replace("| `src/verify/checker/` | judge |\n", "");
    assert_eq!(map_violations(&lacks, &house).len(), 1, "a folder of the second level is missing");
    let lacks = whole.replace("`src/kernel/`, `src/kernel/log.rs`", "`src/kernel/`");
    assert_eq!(map_violations(&lacks, &house).len(), 1, "a file of the second level is missing");
    let stale = format!("{whole}| `src/attic.rs` | gone |\n");
    assert_eq!(map_violations(&stale, &house).len(), 1, "a row leads nowhere");
    assert_eq!(map_violations("no table at all", &house).len(), 5, "an empty map names nothing");
}

/// Whether a page cites this id, and not merely one that begins like it (`G1` in `G10`).
#[cfg(feature = "verify")]
fn cites(page: &str, id: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric();
    page.match_indices(id).any(|(at, _)| {
        let before = page[..at].chars().next_back();
        let after = page[at + id.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

#[cfg(feature = "verify")]
#[test]
fn every_guarantee_that_is_checked_is_cited_where_readers_look_for_it() {
    for page in ["docs/guarantees.md", "docs/method.md"] {
        assert!(root().join(page).is_file(), "{page} is not there");
        let text = read(page);
        for guarantee in narrowcast::verify::session::CHECKED {
            assert!(cites(&text, guarantee.id()), "{page} does not cite {guarantee}, which is checked");
        }
    }
    assert!(cites("(G1, G2)", "G1") && !cites("G10 and G12, RG1", "G1"), "an id is a whole word");
}
