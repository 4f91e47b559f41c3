//! `narrowcast serve` as a process, its counts and its memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const OPERATOR: &str = "the operators' own credential";
/// Long enough that only a defect runs into it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is killed when it is let go, whatever becomes of the test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _it_may_be_over = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The program.
pub(crate) struct Program {
    process: Process,
    /// Held open, so that printing never fails.
    _out: BufReader<ChildStdout>,
    pub(crate) at: SocketAddr,
}

/// A job of the program's.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) capability: String,
}

impl Program {
    pub(crate) fn start() -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_narrowcast"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NARROWCAST_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("NARROWCAST_OPERATOR_CREDENTIAL", OPERATOR);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Process(command.spawn().expect("the program starts"));
        let mut out = BufReader::new(process.0.stdout.take().expect("its output is piped"));
        let mut greeting = String::new();
        while !greeting.contains("curl -sN") {
            assert_ne!(out.read_line(&mut greeting).expect("the greeting is text"), 0, "it ended after {greeting:?}");
        }
        let at = greeting.split_once("http://").and_then(|(_, rest)| rest.split_whitespace().next());
        let at = at.and_then(|at| at.trim_end_matches('/').parse().ok()).expect("the greeting says where");
        Program { process, _out: out, at }
    }

    /// The answer's body, if its status is this one.
    pub(crate) fn ask(&self, method: &str, path: &str, bearer: &str, body: &str, status: u16) -> String {
        let mut socket = TcpStream::connect(self.at).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time is allowed");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            self.at,
            body.len()
        );
        socket.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers in text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it answers");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        body.to_owned()
    }

    pub(crate) fn open(&self) -> Job {
        let said = self.ask("POST", "/v1/jobs", "", r#"{"operation":"open"}"#, 202);
        let said: serde_json::Value = serde_json::from_str(&said).expect("the answer is JSON");
        let text = |name: &str| said[name].as_str().expect("it is a text").to_owned();
        Job { id: text("job_id"), capability: text("capability") }
    }

    pub(crate) fn emit(&self, job: &Job, human: &str) {
        let body = serde_json::json!({ "action": "say", "human": human }).to_string();
        self.ask("POST", &format!("/v1/jobs/{}/events", job.id), &job.capability, &body, 202);
    }

    pub(crate) fn cancel(&self, job: &Job) {
        self.ask("DELETE", &format!("/v1/jobs/{}", job.id), &job.capability, "", 200);
    }

    /// The request that opens a stream of this job.
    pub(crate) fn stream_request(&self, job: &Job) -> String {
        let (id, at, capability) = (&job.id, self.at, &job.capability);
        format!("GET /v1/jobs/{id}/stream HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {capability}\r\n\r\n")
    }

    /// Counts for operators.
    pub(crate) fn gauges(&self) -> Gauges {
        let metrics = self.ask("GET", "/metrics", OPERATOR, "", 200);
        let get = |name: &str| {
            let row = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            row.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {metrics}"))
        };
        Gauges {
            // But the one that asks.
            connections: get("narrowcast_connections") - 1,
            streams: get("narrowcast_streams"),
            jobs: get("narrowcast_jobs"),
            running: get("narrowcast_jobs_running"),
            defects: get("narrowcast_defects_total"),
        }
    }

    /// Asks until the counts are these.
    pub(crate) fn settles(&self, wanted: Gauges) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.gauges();
            if now == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{now:?} never became {wanted:?}");
        }
    }

    /// Resident memory, in KiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).expect("it runs");
        let row = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is told");
        row.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }

    /// It has run all the while.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.0.try_wait().expect("it can be asked").is_none()
    }
}

/// How many there are of what clients could leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gauges {
    pub(crate) connections: u64,
    pub(crate) streams: u64,
    pub(crate) jobs: u64,
    pub(crate) running: u64,
    pub(crate) defects: u64,
}
