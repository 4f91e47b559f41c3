//! Headless Chromium, for the tests that look at what a browser sees.
//!
//! It is started with a page, or driven: over two pipes, in the DevTools protocol (messages of JSON, each ended by a
//! zero byte; `--remote-debugging-pipe`). Nothing is needed but the browser.

use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What it is called, here and there.
const NAMED: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Long enough that only a defect, or a browser that hangs, runs into it.
const PATIENCE: Duration = Duration::from_secs(120);

/// One browser at a time: two would share two processors with everything else.
static ALONE: Mutex<()> = Mutex::new(());

/// A browser of our own, ended when dropped.
pub(crate) struct Browser {
    child: Child,
    profile: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// Shows a page. Why not, if no browser can be started.
    #[allow(dead_code, reason = "each test uses one of the two ways")]
    pub(crate) fn showing(url: &str) -> Result<Browser, String> {
        Browser::start(|name, _profile| Command::new(name), &[url])
    }

    /// Starts the browser that `command` names, given one and a folder of its own.
    fn start(command: impl Fn(&str, &Path) -> Command, args: &[&str]) -> Result<Browser, String> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = |name: &&&str| {
            let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            asked.is_ok_and(|status| status.success())
        };
        let found = NAMED.iter().find(answers);
        let name = found.ok_or_else(|| format!("none of {NAMED:?} can be started; install Debian's `chromium`"))?;
        let profile = std::env::temp_dir().join(format!("narrowcast-browser-{}", std::process::id()));
        let _of_a_test_before = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).map_err(|error| format!("{}: {error}", profile.display()))?;
        let started = command(name, &profile)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = started.map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Browser { child, profile, _alone: alone })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already, and its files with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// A page that is looked at while it lives.
#[allow(dead_code, reason = "each test uses one of the two ways")]
pub(crate) struct Page {
    _browser: Browser,
    to: File,
    from: Receiver<Value>,
    session: Option<String>,
    asked: u64,
}

#[allow(dead_code, reason = "each test uses one of the two ways")]
impl Page {
    /// Opens a page. Why not, if no browser can be started.
    pub(crate) fn open(url: &str) -> Result<Page, String> {
        let pipes = |profile: &Path| (profile.join("to"), profile.join("from"));
        // The browser reads what it is told at 3 and answers at 4, which only a shell can open for it.
        let piped = |name: &str, profile: &Path| {
            let (to, from) = pipes(profile);
            let made = Command::new("mkfifo").args([&to, &from]).status();
            assert!(made.is_ok_and(|status| status.success()), "no pipes in {}", profile.display());
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"exec "$0" "$@" 3<"$TO" 4>"$FROM""#, name]).env("TO", to).env("FROM", from);
            shell
        };
        let browser = Browser::start(piped, &["--remote-debugging-pipe"])?;
        let (to, from) = pipes(&browser.profile);
        let to = File::options().write(true).open(to).map_err(|error| format!("the pipe to the browser: {error}"))?;
        let from = BufReader::new(File::open(from).map_err(|error| format!("the pipe from the browser: {error}"))?);
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            for message in from.split(0).map_while(Result::ok) {
                if tell.send(serde_json::from_slice(&message).expect("messages are JSON")).is_err() {
                    return;
                }
            }
        });
        let mut page = Page { _browser: browser, to, from: told, session: None, asked: 0 };
        let target = page.ask("Target.createTarget", json!({ "url": url }));
        let attached = page.ask("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        page.session = Some(attached["sessionId"].as_str().expect("a session").to_owned());
        Ok(page)
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("the browser lives");
        loop {
            let mut answer = self.from.recv_timeout(PATIENCE).expect("the browser answers");
            if answer["id"] == self.asked {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
        }
    }

    /// What an expression of JavaScript gives in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let mut answer = self.ask("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until the condition is true, and answers the text of what the selector names.
    ///
    /// # Panics
    /// If it does not become true.
    pub(crate) fn text_once(&mut self, condition: &str, selector: &str) -> String {
        let text = format!("document.querySelector({selector:?})?.textContent");
        let begun = Instant::now();
        while self.value(condition) != true {
            assert!(begun.elapsed() < PATIENCE, "not {condition}: {}", self.value("document.body.innerText"));
            thread::sleep(Duration::from_millis(50));
        }
        self.value(&text).as_str().expect("there is such an element").to_owned()
    }

    /// Leaves a picture of it.
    pub(crate) fn picture(&mut self, to: &Path) {
        let taken = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        let coded = taken["data"].as_str().expect("a picture").as_bytes();
        let decoded = data_encoding::BASE64.decode(coded).expect("it is base64");
        fs::write(to, decoded).expect("the folder is there");
    }
}
