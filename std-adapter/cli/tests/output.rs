//! stdout and stderr that fail, block or lose their reader change nothing but what is shown, and the
//! exit status if anything was lost.

#![cfg(target_os = "linux")] // /dev/full, and pipes whose size can be set

mod process;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;

use process::{PATIENCE, Process, port_in};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::Signal;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// So many clients have more lines than a small pipe holds.
const MANY: usize = 300;

/// A pipe that is full after a page.
fn small_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
    (reader, writer)
}

fn dev_full() -> File {
    OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it")
}

fn serve(args: &[&str], stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Process {
    Process::spawn(
        Command::new(GREET)
            .args(["serve", "--tcp", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr),
    )
}

/// Reads one line, and not a byte more.
#[expect(clippy::unbuffered_bytes, reason = "what follows stays in the pipe")]
fn line(reader: &mut PipeReader) -> String {
    let mut line = Vec::new();
    for byte in reader.by_ref().bytes() {
        match byte.expect("a pipe") {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).expect("UTF-8")
}

fn port(reader: &mut PipeReader) -> u16 {
    port_in(&line(reader), "Server is listening on port ", "...")
}

/// Sends a name, and returns the reply.
fn ask(port: u16, name: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    stream.write_all(name).expect("the server reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply, and FIN");
    reply
}

fn greet_many(port: u16) {
    for _ in 0..MANY {
        assert_eq!(ask(port, b"World"), "Hello, World");
    }
}

#[test]
fn a_server_whose_stderr_lost_its_reader_stops() {
    let (reader, writer) = small_pipe();
    let server = serve(&[], Stdio::piped(), writer);
    let port = server.tcp_port();
    drop(reader);
    assert_eq!(ask(port, b"\xff"), "Error: name is not UTF-8 at byte 0\n");
    server.interrupt();
    let (lines, _, status) = server.end();
    assert!(
        lines[1].starts_with("Summary: greeted 0, refused 1"),
        "{lines:?}"
    );
    assert!(status.success(), "{status}");
}

/// `greet serve | head -1`
#[test]
fn a_server_whose_stdout_lost_its_reader_says_so_and_goes_on() {
    let (mut reader, writer) = small_pipe();
    let server = serve(&[], writer, Stdio::piped());
    let port = port(&mut reader);
    drop(reader);
    assert_eq!(ask(port, b"World"), "Hello, World");
    let expected = "greet: nobody reads stdout any more; going on without";
    assert_eq!(server.error_line(), expected);
    assert_eq!(ask(port, b"World"), "Hello, World");
    server.interrupt();
    let (_, errors, status) = server.end();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(status.success(), "nobody wanted more: {status}");
}

#[test]
fn a_server_whose_stderr_is_full_stops_and_tells_by_its_status() {
    let server = serve(&[], Stdio::piped(), dev_full());
    server.tcp_port();
    server.signal(Signal::TERM);
    let (lines, _, status) = server.end();
    assert!(lines[0].starts_with("Summary: greeted 0"), "{lines:?}");
    assert_eq!(status.code(), Some(1), "a line was lost");
}

/// Nor is stdout held up by it.
#[test]
fn a_server_whose_stderr_blocks_stops() {
    let (_reader, writer) = small_pipe();
    let server = serve(&["--grace", "100ms"], Stdio::piped(), writer);
    let port = server.tcp_port();
    for _ in 0..MANY {
        assert_eq!(ask(port, b"\xff"), "Error: name is not UTF-8 at byte 0\n");
    }
    for _ in 0..MANY {
        assert!(server.line().starts_with("Connection from "));
    }
    server.signal(Signal::TERM);
    let (lines, _, status) = server.end();
    assert!(
        lines[0].starts_with("Summary: greeted 0, refused 300"),
        "{lines:?}"
    );
    assert_eq!(status.code(), Some(1), "lines were lost");
}

#[test]
fn a_server_whose_stdout_blocks_stops_after_its_grace() {
    let (mut reader, writer) = small_pipe();
    let server = serve(&["--grace", "100ms"], writer, Stdio::piped());
    greet_many(port(&mut reader));
    server.signal(Signal::TERM);
    let (_, errors, status) = server.end();
    assert!(errors[0].starts_with("Finishing"), "{errors:?}");
    assert!(errors[1].contains(" lines not shown: stdout"), "{errors:?}");
    assert_eq!(status.code(), Some(1), "lines were lost");
}

#[test]
fn a_server_whose_stdout_blocks_stops_at_once_at_the_second_signal() {
    let (mut reader, writer) = small_pipe();
    let server = serve(&["--grace", "1h"], writer, Stdio::piped());
    greet_many(port(&mut reader));
    server.interrupt();
    assert!(server.error_line().starts_with("Finishing"));
    server.interrupt();
    let (_, errors, status) = server.end();
    assert!(errors[0].contains(" lines not shown: stdout"), "{errors:?}");
    assert_eq!(status.code(), Some(1), "lines were lost");
}

#[test]
fn a_pipe_that_does_not_block_gets_every_line() {
    let (mut reader, writer) = small_pipe();
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a pipe");
    let server = serve(&[], writer, Stdio::piped());
    greet_many(port(&mut reader));
    // Only now does anybody read on.
    let reading = thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        lines.collect::<Result<Vec<_>, _>>().expect("UTF-8")
    });
    server.interrupt();
    let (_, errors, status) = server.end();
    let lines = reading.join().expect("it reads");
    assert_eq!(lines.len(), MANY + 1, "{errors:?}");
    assert!(
        lines[MANY].starts_with("Summary: greeted 300,"),
        "{errors:?}"
    );
    assert!(status.success(), "{status}");
}

/// More than 16 MiB wait for a reader: what is beyond that is lost, but counted.
#[test]
fn lost_lines_are_counted_and_the_summary_is_not_lost() {
    const MESSAGES: u64 = 4000;
    let (mut reader, writer) = small_pipe();
    let args = [
        "--udp",
        "127.0.0.1:0",
        "--reply",
        "--reply-limit",
        "65535",
        "--grace",
        "1h",
    ];
    let server = serve(&args, writer, Stdio::piped());
    port(&mut reader);
    let udp = port_in(
        &line(&mut reader),
        "Receiver is listening on UDP port ",
        "...",
    );
    // Each byte is shown as five.
    let message = [1; 1024];
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a bound");
    socket.connect(("127.0.0.1", udp)).expect("it listens");
    for _ in 0..MESSAGES {
        socket.send(&message).expect("it leaves");
        socket.recv(&mut [0; 2048]).expect("an answer");
    }
    let reading = thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        lines.collect::<Result<Vec<_>, _>>().expect("UTF-8")
    });
    server.interrupt();
    let (_, errors, status) = server.end();
    let lines = reading.join().expect("it reads");
    let (summary, shown) = lines.split_last().expect("lines");
    let lost = MESSAGES - shown.len() as u64;
    assert!(lost > 0 && !shown.is_empty(), "{summary}");
    assert!(
        summary.contains(&format!(" messages {MESSAGES},"))
            && summary.ends_with(&format!(", lines not shown {lost}")),
        "{lost}: {summary}"
    );
    assert!(
        errors.contains(&format!(
            "greet: {lost} lines not shown: stdout took them too slowly or not at all"
        )),
        "{errors:?}"
    );
    assert_eq!(status.code(), Some(1), "lines were lost");
}

#[test]
fn a_full_stderr_does_not_change_how_a_command_fails() {
    for (args, expected) in [
        (&["hello", "--to", "127.0.0.1:1"][..], 1),
        (&["send", "--to", "127.0.0.1:1"], 1),
        (&["bogus"], 2),
    ] {
        let status = Command::new(GREET)
            .args(args)
            .stderr(dev_full())
            .status()
            .expect("it runs");
        assert_eq!(status.code(), Some(expected), "{args:?}");
    }
}

#[test]
fn a_full_stdout_is_a_failure_that_is_said() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["completions", "bash"],
        &["probe", "--list"],
        &["demo"],
    ] {
        let output = Command::new(GREET)
            .args(args)
            .stdout(dev_full())
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("can't write to stdout"), "{errors}");
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

/// `greet probe | true`: it would wait for an hour, with a report that is printed at its end and with one that is
/// printed as it comes.
#[test]
fn a_probe_whose_reader_went_away_ends() {
    for format in [&[][..], &["--json"]] {
        let server = serve(&["--deadline", "1h"], Stdio::piped(), Stdio::piped());
        let address = format!("127.0.0.1:{}", server.tcp_port());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let probe = Process::spawn(
            Command::new(GREET)
                .args(["probe", &address, "--deadline", "1h"])
                .args(format)
                .stdout(writer)
                .stderr(Stdio::piped()),
        );
        // It runs.
        server.line();
        drop(reader);
        let (_, errors, status) = probe.end();
        assert_eq!(errors, [""; 0]);
        assert_eq!(status.code(), Some(128 + 13), "as SIGPIPE ends a program");
    }
}
