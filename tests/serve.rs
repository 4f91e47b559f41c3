//! `narrowcast serve` as a program: what it prints, what it listens to, how it ends, and what it refuses to start with.
#![cfg(all(feature = "cli", unix))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

fn command(line: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_narrowcast"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NARROWCAST_")) {
        command.env_remove(name);
    }
    command.arg("serve").args(line).envs(variables.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs it to its end, which must come by itself.
fn refused(line: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let Output { status, stdout, stderr } = command(line, variables).output().expect("the program starts");
    assert!(stdout.is_empty(), "nothing is served: {}", String::from_utf8_lossy(&stdout));
    let said = String::from_utf8(stderr).expect("what it says is text");
    assert!(!said.contains("panicked"), "{said}");
    (status.code().expect("it ends by itself"), said)
}

/// A server that was started, and the lines that it printed.
struct Served {
    child: Child,
    /// Held open, so that printing never fails.
    _out: BufReader<ChildStdout>,
    greeting: String,
}

impl Served {
    fn start(line: &[&str], variables: &[(&str, &str)]) -> Served {
        let mut command = command(&[&["--listen", "127.0.0.1:0"], line].concat(), variables);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut greeting = String::new();
        while !greeting.contains("curl -sN") {
            let read = out.read_line(&mut greeting).expect("the greeting is text");
            assert_ne!(read, 0, "it ended after {greeting:?}");
        }
        Served { child, _out: out, greeting }
    }

    fn address(&self) -> &str {
        let rest = self.greeting.split_once("narrowcast serves http://").expect("the greeting says where").1;
        rest.split_whitespace().next().expect("an address")
    }

    fn ask(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.address()).expect("it listens");
        let request = request.replace("HOST", self.address());
        socket.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers in text");
        answer
    }

    /// Sends a signal, waits for the end, and answers how it ended and what stood on standard error.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("there is a `kill`");
        assert!(sent.success());
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().expect("its complaints are piped");
        stderr.read_to_string(&mut said).expect("what it says is text");
        (self.child.wait().expect("it ends").code(), said)
    }
}

const CREATE: &str =
    "POST /v1/jobs HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\ncontent-length: 20\r\n\r\n{\"operation\":\"open\"}";

#[test]
fn it_serves_says_how_to_try_it_and_ends_in_good_order() {
    for signal in ["TERM", "INT"] {
        let secret = "a credential nobody may read";
        let served = Served::start(&[], &[("NARROWCAST_OPERATOR_CREDENTIAL", secret)]);
        assert_eq!(served.greeting.matches("curl").count(), 2, "{}", served.greeting);
        let answer = served.ask(CREATE);
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        let metrics = format!(
            "GET /metrics HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer {secret}\r\nconnection: close\r\n\r\n"
        );
        let answer_of_metrics = served.ask(&metrics);
        assert!(answer_of_metrics.contains("narrowcast_jobs 1\n"), "{answer_of_metrics}");
        let greeting = served.greeting.clone();
        let (code, said) = served.end(signal);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("[service   ] start          : serving on 127.0.0.1:"), "{said}");
        assert!(said.contains("[service   ] stop           : stopped; 0 connections given up"), "{said}");
        let capability = answer.split("nc1_").nth(1).and_then(|rest| rest.split('"').next()).expect("a capability");
        let id = answer.split("job-").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        for leak in [secret, capability, id] {
            assert!(!said.contains(leak) && !greeting.contains(leak), "a log is no place for {leak}");
        }
    }
}

#[test]
fn a_taken_address_is_exit_20_and_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it has an address").to_string();
    let (code, said) = refused(&["--listen", &address], &[]);
    assert_eq!(code, 20, "{said}");
    assert!(said.contains(&format!("{address} is in use")) && said.contains("--listen 127.0.0.1:0"), "{said}");
    // An address of no machine here.
    let (code, said) = refused(&["--listen", "192.0.2.1:1"], &[("NARROWCAST_API_KEYS", "a=sixteen characters")]);
    assert_eq!(code, 20, "{said}");
    assert!(said.contains("cannot listen on 192.0.2.1:1"), "{said}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let taken: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    let [in_file, in_environment, in_flag] =
        [0, 1, 2].map(|at: usize| taken[at].local_addr().expect("it has an address").to_string());
    let file = write("precedence.toml", &format!("listen = \"{in_file}\"\n"));
    let (config, variable) = (["--config", &*file], [("NARROWCAST_LISTEN", &*in_environment)]);
    for (said, chosen) in [
        (refused(&config, &[]), &in_file),
        (refused(&config, &variable), &in_environment),
        (refused(&[config[0], config[1], "--listen", &in_flag], &variable), &in_flag),
    ] {
        assert!(said.0 == 20 && said.1.contains(chosen.as_str()), "{chosen} in {said:?}");
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_listens() {
    let digest = "0".repeat(64);
    let short = write("short", "short\n");
    let twin = format!("[[tenants]]\nname = \"a\"\nkey_sha256 = \"{digest}\"\n").repeat(2);
    let files = [
        ("listen = 7878\n", "listen"),
        ("lisen = \"127.0.0.1:1\"\n", "unknown field `lisen`"),
        ("[limits]\njobs = 0\n", "the limit jobs is 0"),
        ("[limits]\nevent_bytes = 10\n", "event_bytes must lie between"),
        ("[times]\nticket_ms = 0\n", "ticket_ms must lie between"),
        ("origins = [\"*\"]\n", "is no origin"),
        ("[[tenants]]\nname = \"a\"\nkey_sha256 = \"x\"\n", "is no SHA-256"),
        (&*twin, "the name or the key of another"),
        ("listen = \"0.0.0.0:0\"\n", "refusing to listen on 0.0.0.0:0 for everybody"),
    ];
    for (number, (text, word)) in files.iter().enumerate() {
        let file = write(&format!("refused-{number}.toml"), text);
        let (code, said) = refused(&["--config", &file], &[]);
        assert!(code == 2 && said.contains(word), "{word:?} is not said (exit {code}): {said}");
    }
    let secret = "hunter2";
    for (line, variables, word) in [
        (vec!["--config", "no/such/file"], vec![], "cannot read no/such/file"),
        (vec!["--operator-credential-file", &*short], vec![], "is too short"),
        (vec![], vec![("NARROWCAST_OPERATOR_CREDENTIAL", secret)], "can be guessed"),
        (vec![], vec![("NARROWCAST_API_KEYS", secret)], "NARROWCAST_API_KEYS cannot be read"),
        (vec!["--jobs", "many"], vec![], "invalid value 'many'"),
    ] {
        let (code, said) = refused(&line, &variables);
        assert!(code == 2 && said.contains(word), "{word:?} is not said (exit {code}): {said}");
        assert!(!said.contains(secret), "a secret is not repeated: {said}");
    }
}

fn write(name: &str, text: &str) -> String {
    let room: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve");
    std::fs::create_dir_all(&room).expect("the target directory can be written");
    let file = room.join(name);
    std::fs::write(&file, text).expect("the target directory can be written");
    file.to_str().expect("its path is text").to_owned()
}
