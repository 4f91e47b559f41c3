//! Processes that are killed while they stream, and sockets that are reset, against the real program.

use crate::program::{Gauges, Job, PATIENCE, Process, Program};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Where a client process is told what to stream. Without it, it is no client.
const ADDRESS: &str = "HOSTILE_CLIENTS_ADDRESS";
const REQUEST: &str = "HOSTILE_CLIENTS_REQUEST";

/// What the client process says once its stream flows.
const FLOWS: &str = "the stream flows";

/// Not a test of its own: [`client`] starts this test program once more, for this function alone.
#[test]
fn stream_until_killed() {
    let (Ok(address), Ok(request)) = (std::env::var(ADDRESS), std::env::var(REQUEST)) else { return };
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.write_all(request.as_bytes()).expect("the server reads");
    let (mut seen, mut buffer) = (Vec::new(), [0; 512]);
    while !seen.windows(5).any(|window| window == b"data:") {
        let read = socket.read(&mut buffer).expect("the stream flows");
        assert_ne!(read, 0, "the stream broke off");
        seen.extend_from_slice(&buffer[..read]);
    }
    println!("\n{FLOWS}");
    // A little at a time: when the kill comes, something is unread.
    while socket.read(&mut buffer[..16]).expect("the stream flows") > 0 {}
}

/// A process that streams this job.
fn client(program: &Program, job: &Job) -> Process {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", "killed::stream_until_killed", "--nocapture"]);
    command.env(ADDRESS, program.at.to_string()).env(REQUEST, program.stream_request(job));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = Process(command.spawn().expect("this program starts again"));
    let mut out = BufReader::new(process.0.stdout.take().expect("its output is piped"));
    let mut line = String::new();
    while line.trim() != FLOWS {
        line.clear();
        assert_ne!(out.read_line(&mut line).expect("it prints text"), 0, "the client ended by itself");
    }
    process
}

/// A stream that is being read, and its bytes so far.
struct Reading(TcpStream, Vec<u8>);

impl Reading {
    fn open(program: &Program, job: &Job) -> Reading {
        let mut socket = TcpStream::connect(program.at).expect("it listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time is allowed");
        socket.write_all(program.stream_request(job).as_bytes()).expect("it reads");
        Reading(socket, Vec::new())
    }

    /// Reads on until this has come.
    fn until(&mut self, wanted: &str) -> &mut Reading {
        let mut buffer = [0; 4096];
        while !self.1.windows(wanted.len()).any(|window| window == wanted.as_bytes()) {
            let read = self.0.read(&mut buffer).expect("the stream goes on");
            assert_ne!(read, 0, "the stream broke off before {wanted}: {:?}", String::from_utf8_lossy(&self.1));
            self.1.extend_from_slice(&buffer[..read]);
        }
        self
    }

    /// Hangs up without a farewell.
    fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(std::time::Duration::ZERO)).expect("the socket is open");
    }
}

#[test]
fn processes_that_are_killed_while_they_stream_leave_nothing_behind() {
    let mut program = Program::start();
    let job = program.open();
    let mut survivor = Reading::open(&program, &job);
    survivor.until("created, to open");
    let (alone, text) = (Gauges { connections: 1, streams: 1, jobs: 1, running: 1, defects: 0 }, "x".repeat(2000));
    program.settles(alone);
    for round in 0..10 {
        let other = program.open();
        let clients = [client(&program, &job), client(&program, &job), client(&program, &other)];
        program.settles(Gauges { connections: 4, streams: 4, jobs: 2, running: 2, defects: 0 });
        // Something is on its way to each when it dies.
        for number in 0..5 {
            program.emit(&job, &format!("{round}.{number} {text}"));
            program.emit(&other, &text);
        }
        for mut client in clients {
            client.0.kill().expect("it runs");
            let ended = client.0.wait().expect("it can be waited for");
            assert!(!ended.success(), "the premise: it did not end by itself");
        }
        program.cancel(&other);
        Reading::open(&program, &other).until("event: done");
        survivor.until(&format!("{round}.4 "));
        program.settles(alone);
    }
    assert!(program.is_running());
    program.cancel(&job);
    survivor.until("event: done").until("\r\n0\r\n\r\n");
    drop(survivor);
    program.settles(Gauges::default());
}

/// What a round that leaves nothing behind may cost: allocators keep some of what they are given back. A leak of one
/// stream, connection or job a round is ten times as much, see the planted ones in the report of this test's author.
#[cfg(target_os = "linux")]
const ALLOWED_KIB: u64 = 4 << 10;

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_rounds_of_clients_that_vanish_do_not_make_the_program_grow() {
    let mut program = Program::start();
    let round = |program: &Program| {
        let job = program.open();
        let mut streams: Vec<_> = (0..5).map(|_| Reading::open(program, &job)).collect();
        streams.iter_mut().for_each(|stream| _ = stream.until("created, to open"));
        // 60 KB are retained until the job is read to its end.
        (0..3).for_each(|_| program.emit(&job, &"x".repeat(20_000)));
        streams.into_iter().for_each(Reading::reset);
        let mut half = TcpStream::connect(program.at).expect("it listens");
        half.write_all(b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-le").expect("it reads");
        Reading(half, Vec::new()).reset();
        let mut malformed = TcpStream::connect(program.at).expect("it listens");
        malformed.write_all(b"\x00\r\n\r\n").expect("it reads");
        let _reset = malformed.read_to_end(&mut Vec::new());
        // Else it would be heard out for a while: it might still be speaking.
        drop(malformed);
        program.cancel(&job);
        Reading::open(program, &job).until("event: done").until("\r\n0\r\n\r\n");
        program.settles(Gauges::default());
    };
    // Every thread has allocated, and every path was taken, before the first look.
    (0..40).for_each(|_| round(&program));
    let before = program.resident();
    (0..200).for_each(|_| round(&program));
    let after = program.resident();
    println!("resident: {before} KiB after 40 rounds, {after} KiB after 200 more");
    assert!(after <= before + ALLOWED_KIB, "{before} KiB grew to {after} KiB in 200 rounds");
    assert!(program.is_running());
}
