//! A server that runs out of file descriptors: reported once, no busy loop, served again when there
//! are some, and it can be stopped meanwhile. Each server is a process of its own, as the limit is
//! the process's: this test starts itself again.

#![cfg(unix)]

mod common;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{ask, connect, deadline, needs_descriptors, read_all};
use greet_core::server::Event;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Says to the process that it is the server of a test, and which.
const ROLE: &str = "GREET_TEST_ROLE";

/// So many files the server may have open: fewer than clients come.
const FILES: u64 = 40;

/// Long enough that a busy loop would show in the processor's time.
const DEADLINE: Duration = Duration::from_secs(2);

/// A server in a process of its own, whose output is read line by line.
struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    /// Starts this test again as a server.
    fn start(test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, "server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts again");
        let stdout = child.stdout.take().expect("a pipe");
        let mut server = Self {
            child,
            lines: BufReader::new(stdout).lines(),
            address: SocketAddr::from(([0; 4], 0)),
        };
        server.address = server.wait_for("listening").parse().expect("an address");
        server
    }

    /// Skips to the line that starts so, and returns the rest of it.
    fn wait_for(&mut self, start: &str) -> String {
        for line in &mut self.lines {
            let line = line.expect("text");
            if let Some(rest) = line.trim().strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
        panic!("the server ended without saying '{start}'");
    }

    fn stop(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_server() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// Serves until standard input ends; without a descriptor left from the start, if so told.
fn serve(builder: &greet_std::server::Builder, spend_all: bool) {
    let limit = Rlimit {
        current: Some(FILES),
        maximum: Some(FILES),
    };
    setrlimit(Resource::Nofile, limit).expect("fewer is always granted");
    let server = builder.clone().bind("127.0.0.1:0").expect("a free port");
    let handle = server.handle();
    let mut spent = Vec::new();
    if spend_all {
        while let Ok(file) = File::open("/dev/null") {
            spent.push(file);
        }
    }
    say(&format!("listening {}", server.local_addr()));
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        handle.stop();
    });
    let tally = server
        .run(|event| {
            if let Event::AcceptFailed { error } = event {
                say(&format!("failed {error}"));
            }
        })
        .expect("it is no error to run out of descriptors");
    say(&format!("spent {}", processor_time().as_millis()));
    say(&format!("total {}", tally.total()));
    say(&format!("greeted {}", tally.greeted));
}

/// The test harness may have begun a line.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{line}")
        .and_then(|()| out.flush())
        .expect("somebody reads");
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}

#[test]
fn out_of_descriptors_and_back() {
    let workers = NonZeroUsize::new(2).expect("not zero");
    if is_server() {
        return serve(&deadline(DEADLINE).workers(workers), false);
    }
    if !needs_descriptors(1024) {
        return;
    }
    let started = Instant::now();
    let mut server = Server::start("out_of_descriptors_and_back");
    // More than it can hold. They send nothing until all have connected.
    let silent: Vec<TcpStream> = (0..100).map(|_| connect(server.address)).collect();
    let failed = server.wait_for("failed");
    assert!(failed.contains("open files"), "{failed}");

    // Behind the silent ones, in the backlog: served all the same, once those have given way.
    let honest: Vec<TcpStream> = (0..20).map(|_| ask(server.address, b"patient")).collect();
    let (mut late, mut gave_way) = (0, 0);
    for mut client in silent {
        match &*read_all(&mut client).expect("a reply") {
            b"Error: no name within 0.25 s\n" => gave_way += 1,
            b"Error: no name within 2 s\n" => late += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(gave_way > 0, "somebody waited for a file");
    for mut client in honest {
        assert_eq!(read_all(&mut client).expect("a reply"), b"Hello, patient");
    }

    server.stop();
    let mut reports = 1;
    let mut spent = None;
    for line in &mut server.lines {
        let line = line.expect("text");
        reports += usize::from(line.starts_with("failed"));
        if let Some(millis) = line.strip_prefix("spent ") {
            spent = millis.parse().ok().map(Duration::from_millis);
        }
        if let Some(total) = line.strip_prefix("total ") {
            assert_eq!(total, (late + gave_way + 20).to_string());
        }
        if line == "greeted 20" {
            break;
        }
    }
    // It lacked descriptors without an end. A machine so busy that it forgot for a second may have
    // it said again, but not once for each try or client.
    let most = 1 + started.elapsed().as_secs();
    assert!(reports as u64 <= most.min(20), "{reports} reports");
    // It starved for half a second at least; two busy loops take all of that.
    let spent = spent.expect("the server says what it took");
    assert!(
        spent < Duration::from_millis(400),
        "{spent:?} of the processor's time"
    );
}

#[test]
fn a_starving_server_stops() {
    let workers = NonZeroUsize::new(3).expect("not zero");
    if is_server() {
        return serve(&deadline(Duration::from_millis(1)).workers(workers), true);
    }
    let mut server = Server::start("a_starving_server_stops");
    let mut waiting = TcpStream::connect(server.address).expect("a place in the backlog");
    waiting.write_all(b"in vain").expect("room");
    server.wait_for("failed");
    server.stop();
    assert_eq!(server.wait_for("total"), "0");
    let _ = waiting.shutdown(Shutdown::Both);
}
