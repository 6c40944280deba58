//! Programs under test: started, read line by line with a bound, and gone when dropped.
//!
//! Tests of this crate and of the examples use it. Nothing about greetings enters.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
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
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
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
    let mut process = Process::start(command);
    let mut lines = Vec::new();
    loop {
        match process.lines.recv_timeout(PATIENCE) {
            Ok(line) => lines.push(line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs after {lines:?}"),
        }
    }
    let status = process.child.wait().expect("it ran");
    assert!(status.success(), "{status} after {lines:?}");
    lines
}
