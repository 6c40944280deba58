//! Programs under test: started, read line by line with a bound, and gone when dropped.
//!
//! Tests of this crate and of the examples use it. Of greetings it knows the two lines that say where
//! a program listens.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// What a busy machine may take; only a failure waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The port between `start` and `end` in a line that must have nothing else.
#[track_caller]
pub(crate) fn port_in(line: &str, start: &str, end: &str) -> u16 {
    line.strip_prefix(start)
        .and_then(|rest| rest.strip_suffix(end))
        .and_then(|port| port.parse().ok())
        .unwrap_or_else(|| panic!("expected {start}PORT{end}, got {line}"))
}

/// A process whose lines come one by one. It is gone when this is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let errors = lines_of(child.stderr.take().expect("it is piped"));
        Self {
            child,
            lines,
            errors,
        }
    }

    /// The next line on stdout.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line on stderr.
    #[track_caller]
    pub(crate) fn error_line(&self) -> String {
        self.errors.recv_timeout(PATIENCE).expect("a line")
    }

    /// The port in its next line, the one of a TCP server.
    #[track_caller]
    pub(crate) fn tcp_port(&self) -> u16 {
        port_in(&self.line(), "Server is listening on port ", "...")
    }

    /// The port in its next line, the one of a UDP receiver.
    #[track_caller]
    pub(crate) fn udp_port(&self) -> u16 {
        port_in(&self.line(), "Receiver is listening on UDP port ", "...")
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    }

    /// Nobody reads its stdout any more: the pipe is closed at its next line.
    pub(crate) fn close_stdout(&mut self) {
        (_, self.lines) = mpsc::channel();
    }

    /// Waits for its end, and returns what it still printed on stdout and stderr.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Vec<String>, Vec<String>, ExitStatus) {
        let lines = rest(&self.lines);
        let errors = rest(&self.errors);
        (lines, errors, self.child.wait().expect("it ran"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end, which must be a success, and returns the lines that it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Vec<String> {
    let (lines, errors, status) = Process::start(command).end();
    assert!(status.success(), "{status} after {lines:?}, {errors:?}");
    lines
}

/// Lines as they come, until the stream ends or nobody wants them.
fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[track_caller]
fn rest(lines: &Receiver<String>) -> Vec<String> {
    let mut rest = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => rest.push(line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs after {rest:?}"),
        }
    }
}

/// Whether there is Python; says so if not.
pub(crate) fn has_python() -> bool {
    let found = runs("python3", &["--version"]);
    if !found {
        skip("python", "no python3 on the PATH runs");
    }
    found
}

/// Whether a program runs with these arguments and succeeds; says so if not.
pub(crate) fn has(program: &str, arguments: &[&str]) -> bool {
    let found = runs(program, arguments);
    if !found {
        skip(
            program,
            &format!("`{program} {}` fails here", arguments.join(" ")),
        );
    }
    found
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Says that a test is skipped; where the program is required, it fails.
fn skip(program: &str, why: &str) {
    let required = std::env::var("GREET_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|required| required == program),
        "GREET_REQUIRE names {program}, but {why}"
    );
    // Not `eprintln`: the test runner would keep that to itself.
    let _ = writeln!(
        std::io::stderr(),
        "{} skipped: {why}",
        thread::current().name().unwrap_or_default()
    );
}
