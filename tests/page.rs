//! The page at `/`, as a browser shows it: headless Chromium opens it at a server of ours and says what it sees.
//!
//! With `NARROWCAST_SCREENSHOTS=DIR` it also leaves a picture of each page there; `docs/img` was made so.
#![cfg(feature = "cli")]

mod chromium;

use chromium::Page;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// `narrowcast serve`, ended when dropped.
struct Server {
    child: Child,
    address: String,
    greeting: String,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_narrowcast"));
        for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
            if name.starts_with("NARROWCAST_") {
                command.env_remove(name);
            }
        }
        let child =
            command.args(["serve", "--listen", "127.0.0.1:0"]).args(args).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = child.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut greeting = String::new();
        let address = loop {
            let line = lines.next().expect("it says where it listens").expect("it is text");
            greeting += &line;
            greeting.push('\n');
            if let Some(rest) = line.strip_prefix("narrowcast serves ") {
                break rest.split(' ').next().expect("an address").to_owned();
            }
        };
        // Whoever stops reading would stop a server that goes on writing.
        thread::spawn(move || lines.for_each(drop));
        Server { child, address, greeting }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_be_gone = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page, or nothing and why, if there is no browser.
fn opened(url: &str) -> Option<Page> {
    Page::open(url)
        .inspect_err(|why| {
            assert!(std::env::var_os("NARROWCAST_SSE_READERS").is_none_or(|value| value != "required"), "{why}");
            eprintln!("skipped: {why}");
        })
        .ok()
}

/// Leaves a picture of the page if pictures are wanted.
fn pictured(page: &mut Page, name: &str) {
    if let Some(folder) = std::env::var_os("NARROWCAST_SCREENSHOTS") {
        page.picture(&PathBuf::from(folder).join(name));
    }
}

/// All five jobs of the demonstration have been told their end.
const ALL_OVER: &str = "document.querySelectorAll('.lane .state.completed, .lane .state.failed').length == 5";
/// Something that does not belong there stands in some lane.
const SOME_FOREIGN: &str = "document.querySelector('.lane.breach li.foreign') != null";

#[test]
fn jobs_run_side_by_side_and_nothing_is_foreign() {
    let server = Server::start(&[]);
    let Some(mut page) = opened(&format!("{}/#demo", server.address)) else { return };
    let tally = page.text_once(ALL_OVER, "#tally");
    assert!(tally.contains("in 5 lanes") && tally.ends_with("none foreign"), "{tally}");
    assert_eq!(page.value("document.querySelectorAll('.state.failed').length"), 1, "{tally}");
    assert_eq!(page.value(SOME_FOREIGN), false, "{tally}");
    pictured(&mut page, "page-demo.png");
}

/// The page can fail: an event that names another lane's canary turns its lane red, whoever sent it.
#[test]
fn an_event_of_another_job_is_seen_in_red() {
    let server = Server::start(&[]);
    let Some(mut page) = opened(&format!("{}/#foreign", server.address)) else { return };
    let tally = page.text_once(SOME_FOREIGN, "#tally");
    assert!(tally.ends_with("1 FOREIGN"), "{tally}");
    pictured(&mut page, "page-foreign.png");
}

#[test]
fn a_leaky_gateway_is_seen_in_red() {
    let server = Server::start(&["--fault", "shared-buffer"]);
    assert!(server.greeting.contains("LEAKY ON PURPOSE"), "{}", server.greeting);
    let Some(mut page) = opened(&format!("{}/#demo", server.address)) else { return };
    let tally = page.text_once(SOME_FOREIGN, "#tally");
    assert!(tally.ends_with("FOREIGN"), "{tally}");
    // For the picture: what else crosses over while the jobs run.
    thread::sleep(Duration::from_secs(2));
    pictured(&mut page, "page-leaky.png");
}

#[test]
fn only_faults_of_the_wire_can_be_served() {
    for (id, words) in
        [("global-broadcast", "narrowcast verify --fault global-broadcast"), ("no-such", "no planted fault")]
    {
        let tried = Command::new(env!("CARGO_BIN_EXE_narrowcast")).args(["serve", "--fault", id]).output();
        let tried = tried.expect("the program starts");
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert_eq!(tried.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.contains("these can be served: "), "{said}");
    }
}
