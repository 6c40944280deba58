//! The program `greet`, as a user at a terminal or a script sees it: lines, streams, exit statuses.

#![cfg(unix)] // signals
mod client;
#[path = "../process/mod.rs"]
mod process;
mod server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use process::{PATIENCE, Process};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

pub(crate) fn serve(args: &[&str]) -> Process {
    Process::start(Command::new(GREET).arg("serve").args(args))
}

/// Sends SIGINT, and returns what the server still said, on stdout and on stderr.
pub(crate) fn stop(server: Process) -> (Vec<String>, Vec<String>) {
    server.interrupt();
    let (lines, mut errors, status) = server.end();
    errors.retain(|line| !line.starts_with("Finishing"));
    assert!(status.success());
    (lines, errors)
}

/// Runs the program to its end.
pub(crate) fn greet(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(GREET)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may end before it has read all.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    child.wait_with_output().expect("it ran")
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("a reply, and FIN");
    text(&reply)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

pub(crate) fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
