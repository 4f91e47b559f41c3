//! The judge knows no router.
//!
//! This crate is made of the judge's files and nothing else of ours: what a history is, what the guarantees are
//! called, and the two judges. Were one of them to name the kernel, the router, a method or a planted fault, this
//! test would not compile. So whoever doubts a verdict has only these files to read.
//!
//! A history of each kind is judged, so that what compiles is seen to work as well.

#[path = "../src/verify/checker/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod checker;
#[path = "../src/verify/findings.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod findings;
#[path = "../src/verify/guarantee.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod guarantee;
#[path = "../src/verify/history/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod history;
#[path = "../src/verify/oracle/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "only a part of the judges' faces is used here")]
mod oracle;

use findings::Status;
use guarantee::Guarantee;
use history::{History, validator};

/// Two jobs, each with a reader of its own; `s1`, the reader of `a`, gets the event that is named.
fn two_jobs(s1_gets: &str) -> History {
    let text = format!(
        r#"
        {{"process":1,"type":"invoke","f":"create","value":{{"job":"a"}}}}
        {{"process":1,"type":"ok","f":"create"}}
        {{"process":2,"type":"invoke","f":"create","value":{{"job":"b"}}}}
        {{"process":2,"type":"ok","f":"create"}}
        {{"process":1,"type":"invoke","f":"subscribe","value":{{"job":"a","stream":"s1","from":"start"}}}}
        {{"process":1,"type":"ok","f":"subscribe"}}
        {{"process":1,"type":"invoke","f":"emit","value":{{"job":"a","event":"of-a"}}}}
        {{"process":1,"type":"ok","f":"emit"}}
        {{"process":2,"type":"invoke","f":"emit","value":{{"job":"b","event":"of-b"}}}}
        {{"process":2,"type":"ok","f":"emit"}}
        {{"process":1,"type":"ok","f":"receive","value":{{"stream":"s1","event":"{s1_gets}"}}}}
        "#
    );
    validator::read(text.as_bytes()).map(|line| line.expect("the history is well formed").1).collect()
}

#[test]
fn what_stays_in_its_job_is_held() {
    let history = two_jobs("of-a");
    assert_eq!(checker::check(&history).verdict, Status::Held);
    assert_eq!(oracle::judge(&history).verdict, Status::Held);
}

#[test]
fn what_reaches_another_job_is_violated() {
    let history = two_jobs("of-b");
    let found = checker::check(&history);
    assert_eq!((found.verdict, found.violated()), (Status::Violated, vec![Guarantee::G1]));
    let judged = oracle::judge(&history);
    assert_eq!((judged.verdict, judged.violated.into_iter().collect()), (Status::Violated, vec![Guarantee::G1]));
}
