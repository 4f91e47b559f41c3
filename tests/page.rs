//! The page at `/`, as a browser shows it: headless Chromium opens it at a server of ours and says what it sees.
//!
//! With `NARROWCAST_SCREENSHOTS=DIR` it also leaves a picture of each page there; `docs/img` was made so.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One browser at a time: two would share two processors with everything else.
static ALONE: Mutex<()> = Mutex::new(());

/// Long enough that only a defect, or a browser that hangs, runs into it.
const PATIENCE: Duration = Duration::from_secs(120);

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
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address, greeting }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_be_gone = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What it is called, here and there.
const NAMED: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn browser() -> Option<&'static str> {
    let answers = |name: &&&str| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let found = NAMED.iter().find(answers).copied();
    if found.is_none() {
        let why = format!("none of {NAMED:?} can be started; install Debian's `chromium`");
        assert!(std::env::var_os("NARROWCAST_SSE_READERS").is_none_or(|value| value != "required"), "{why}");
        eprintln!("skipped: {why}");
    }
    found
}

/// The page after so many milliseconds of its own time, as HTML; a picture of it if pictures are wanted.
fn shown(browser: &str, url: &str, after_ms: u64, picture: &str) -> String {
    let profile = std::env::temp_dir().join(format!("narrowcast-page-{}-{picture}", std::process::id()));
    let run = |what: &[String]| {
        let mut child = Command::new(browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--virtual-time-budget={after_ms}"))
            .args(what)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let mut from = child.stdout.take().expect("it is piped");
        let read = std::thread::spawn(move || std::io::read_to_string(&mut from));
        let begun = Instant::now();
        while child.try_wait().expect("it is our child").is_none() {
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("the browser did not end");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        read.join().expect("reading does not panic").expect("HTML is text")
    };
    let html = run(&["--dump-dom".into()]);
    if let Some(folder) = std::env::var_os("NARROWCAST_SCREENSHOTS") {
        run(&[format!("--screenshot={}", PathBuf::from(folder).join(picture).display())]);
    }
    let _leftovers = fs::remove_dir_all(&profile);
    html
}

/// What stands in the line that counts.
fn tally(html: &str) -> &str {
    let from = html.find("id=\"tally\"").expect("the page has a tally");
    let rest = &html[from..];
    let begin = rest.find('>').expect("a tag ends") + 1;
    &rest[begin..begin + rest[begin..].find('<').expect("an element ends")]
}

#[test]
fn jobs_run_side_by_side_and_nothing_is_foreign() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let html = shown(browser, &format!("{}/#demo", server.address), 12_000, "page-demo.png");
    let tally = tally(&html);
    assert!(tally.contains("in 5 lanes") && tally.ends_with("none foreign"), "{tally}");
    for outcome in ["state completed", "state failed"] {
        assert!(html.contains(outcome), "no lane has the {outcome}: {tally}");
    }
    assert!(!html.contains("class=\"lane breach\""), "{tally}");
}

/// The page can fail: an event that names another lane's canary turns its lane red, whoever sent it.
#[test]
fn an_event_of_another_job_is_seen_in_red() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(browser) = browser() else { return };
    let server = Server::start(&[]);
    let html = shown(browser, &format!("{}/#foreign", server.address), 6_000, "page-foreign.png");
    assert!(tally(&html).ends_with("1 FOREIGN"), "{}", tally(&html));
    assert!(html.contains("class=\"lane breach\"") && html.contains("li class=\"foreign\""), "no lane is red");
}

#[test]
fn a_leaky_gateway_is_seen_in_red() {
    let server = Server::start(&["--fault", "shared-buffer"]);
    assert!(server.greeting.contains("LEAKY ON PURPOSE"), "{}", server.greeting);
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(browser) = browser() else { return };
    let html = shown(browser, &format!("{}/#demo", server.address), 12_000, "page-leaky.png");
    assert!(tally(&html).ends_with("FOREIGN"), "{}", tally(&html));
    assert!(html.contains("class=\"lane breach\"") && html.contains("li class=\"foreign\""), "no lane is red");
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
