//! Programs under test: started, read line by line with a bound, and gone when dropped.
//!
//! Tests of this crate and of the examples use it. Of greetings it knows the two lines that say where
//! a program listens.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
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
        Self::spawn(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        )
    }

    /// As [`Process::start`], with something to write to it.
    pub(crate) fn start_with_input(command: &mut Command) -> (Self, ChildStdin) {
        let mut process = Self::spawn(
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped()),
        );
        let input = process.child.stdin.take().expect("it is piped");
        (process, input)
    }

    /// Starts it with streams of the test's own. Of one that isn't piped, no line comes.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let nothing = || mpsc::channel().1;
        Self {
            lines: child.stdout.take().map_or_else(nothing, lines_of),
            errors: child.stderr.take().map_or_else(nothing, lines_of),
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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

    /// The port in its next line, the one of a server in lines mode.
    #[track_caller]
    pub(crate) fn lines_port(&self) -> u16 {
        port_in(&self.line(), "Lines server is listening on port ", "...")
    }

    /// The port in its next line, the one of a UDP receiver.
    #[track_caller]
    pub(crate) fn udp_port(&self) -> u16 {
        port_in(&self.line(), "Receiver is listening on UDP port ", "...")
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Ctrl-Z, and waits until it stands still.
    #[cfg(unix)]
    pub(crate) fn suspend(&self) {
        use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("it runs");
        waitpid(Some(pid), WaitOptions::UNTRACED).expect("it is a child of ours");
    }

    /// Lets it go on.
    #[cfg(unix)]
    pub(crate) fn resume(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).expect("it is there");
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
    /// A report of raw checks comes at their end.
    const TO_THE_END: Duration = Duration::from_mins(4);
    let mut rest = Vec::new();
    loop {
        match lines.recv_timeout(TO_THE_END) {
            Ok(line) => rest.push(line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs after {rest:?}"),
        }
    }
}

/// A program that is the first process of a container. All of it is gone when `unshare` is killed.
#[cfg(target_os = "linux")]
pub(crate) fn contained(with: &[&str], command: &[&str]) -> Option<Command> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child"]).args(with);
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let mut trial = Command::new("unshare");
    trial.args(unshare.get_args()).arg("true");
    needs("unshare", &mut trial).then(|| {
        unshare.args(command);
        unshare
    })
}

/// Whether there is Python; says so if not.
pub(crate) fn has_python() -> bool {
    needs("python", Command::new("python3").arg("--version"))
}

/// Whether this machine runs what a test needs. If not, the test's name and the reason are printed, and
/// where `GREET_REQUIRE` names `what`, it fails instead.
pub(crate) fn needs(what: &str, trial: &mut Command) -> bool {
    let why = match trial.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let program = trial.get_program().display();
    let required = std::env::var("GREET_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name == what),
        "GREET_REQUIRE names {what}, but {program} doesn't run: {why}"
    );
    // Not `eprintln`: the test runner would keep that to itself.
    let _ = writeln!(
        std::io::stderr(),
        "{} skipped: {program} doesn't run: {why}",
        thread::current().name().unwrap_or_default()
    );
    false
}
