//! `--serial`: lines over a pseudo-terminal, of which the program has one end and the test the other.
//! Bytes trickle, noise comes, the line is unplugged; and both of our sides over two of them, joined.

#![cfg(all(target_os = "linux", feature = "serial"))] // elsewhere they can't be set as ports are

mod process;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::Instant;

use process::{PATIENCE, Process, run};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Value, json};

const GREET: &str = env!("CARGO_BIN_EXE_greet");
const NOT_UTF8: &str = "Error: name is not UTF-8 at byte 0\n";

/// A line to a port that the program opens.
struct Line {
    ours: File,
    port: String,
    /// Open for as long as the line is, so that it doesn't hang up between two programs.
    _theirs: File,
}

impl Line {
    fn new() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&ours).expect("it is ours");
        unlockpt(&ours).expect("it is ours");
        let port = ptsname(&ours, Vec::new()).expect("a name");
        let port = port.into_string().expect("a path");
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&port)
            .expect("the other end");
        let mut settings = tcgetattr(&theirs).expect("it is a terminal");
        settings.make_raw();
        tcsetattr(&theirs, OptionalActions::Now, &settings).expect("raw");
        Self {
            ours: ours.into(),
            port,
            _theirs: theirs,
        }
    }

    fn say(&self, bytes: &[u8]) {
        (&self.ours).write_all(bytes).expect("there is room");
    }

    /// The next bytes must be these.
    #[track_caller]
    fn hear(&self, expected: &str) {
        let (mut heard, until) = (Vec::new(), Instant::now() + PATIENCE);
        while heard.len() < expected.len() && expected.as_bytes().starts_with(&heard) {
            let left = until.saturating_duration_since(Instant::now());
            let mut ready = [PollFd::new(&self.ours, PollFlags::IN)];
            let timeout = Timespec::try_from(left).expect("half a minute");
            let came = poll(&mut ready, Some(&timeout)).expect("it can be waited for");
            assert_ne!(came, 0, "nothing came after {heard:?}");
            let mut buffer = [0; 256];
            let most = buffer.len().min(expected.len() - heard.len());
            let n = (&self.ours)
                .read(&mut buffer[..most])
                .expect("its end is open");
            heard.extend(&buffer[..n]);
        }
        assert_eq!(String::from_utf8_lossy(&heard), expected);
    }

    /// Carries bytes between two lines, for as long as the test's process runs.
    fn join(self, other: Self) -> (String, String) {
        let ports = (self.port.clone(), other.port.clone());
        let (one, two) = (std::sync::Arc::new(self), std::sync::Arc::new(other));
        for (from, to) in [(one.clone(), two.clone()), (two, one)] {
            thread::spawn(move || std::io::copy(&mut &from.ours, &mut &to.ours));
        }
        ports
    }
}

fn greet(command: &str, line: &str) -> Command {
    let mut greet = Command::new(GREET);
    greet.args([command, "--serial", line]);
    greet
}

fn serve(line: &str, args: &[&str]) -> Process {
    let server = Process::start(greet("serve", line).args(["--grace", "1h"]).args(args));
    let listening = format!("Lines server is listening on serial port {line} at 115200 baud...");
    assert_eq!(server.line(), listening);
    server
}

/// It ends by Ctrl-C, in order, and says so.
#[track_caller]
fn ends(server: Process, summary: &str) -> Vec<String> {
    server.interrupt();
    let (lines, errors, status) = server.end();
    assert_eq!(lines, [summary], "{errors:?}");
    assert!(status.success(), "{status}");
    errors
}

#[track_caller]
fn fails(command: &mut Command, with: &str) {
    let (lines, errors, status) = Process::start(command).end();
    assert_eq!(status.code(), Some(1), "{lines:?} {errors:?}");
    assert!(errors.concat().contains(with), "{errors:?}");
}

#[test]
fn bytes_that_trickle_are_a_name_and_noise_costs_a_refusal() {
    let line = Line::new();
    // Nothing but a line feed ends noise.
    let server = serve(&line.port, &["--settle", "1h"]);
    for byte in "Ad\u{e4}\nBob\n".bytes() {
        line.say(&[byte]);
    }
    line.hear("Hello, Ad\u{e4}\nHello, Bob\n");
    line.say(b"\xff\0\xfe");
    line.hear(NOT_UTF8);
    line.say(b"\xfd and more\nEve\n");
    line.hear("Hello, Eve\n");
    line.say(&[b'x'; 3000]);
    line.hear("Error: name is longer than 1024 bytes\n");
    line.say(b"x\nAda\n");
    line.hear("Hello, Ada\n");
    let summary = "Summary: lines on the serial port greeted 4, refused 2, abandoned 0";
    let errors = ends(server, summary);
    let port = &line.port;
    let apart = vec![
        format!("Refused {port}: name is not UTF-8 at byte 0"),
        format!("Refused {port}: name is longer than 1024 bytes"),
    ];
    // What is refused at the same time is said once.
    let together = vec![format!(
        "Refused 2 lines on {port}, the last of them: name is longer than 1024 bytes"
    )];
    let (end, refused) = errors.split_last().expect("it says that it ends");
    assert_eq!(end, "Finishing what is in hand (again to stop at once)");
    assert!(refused == apart || refused == together, "{errors:?}");
}

#[test]
fn half_a_line_is_late_and_the_next_is_greeted() {
    let line = Line::new();
    let server = serve(&line.port, &["--deadline", "50ms", "--settle", "0s"]);
    line.say(b"half");
    line.hear("Error: no name within 0.05 s\n");
    line.say(b"\n");
    line.hear("Hello, \n");
    ends(
        server,
        "Summary: lines on the serial port greeted 1, refused 1, abandoned 0",
    );
}

#[test]
fn a_stop_waits_for_the_line_that_has_begun() {
    let line = Line::new();
    let server = serve(&line.port, &["--deadline", "1h"]);
    line.say(b"Ada\nBo");
    line.hear("Hello, Ada\n");
    server.signal(Signal::TERM);
    assert!(server.error_line().starts_with("Finishing "));
    line.say(b"b\n");
    line.hear("Hello, Bob\n");
    let (lines, _, status) = server.end();
    let summary = "Summary: lines on the serial port greeted 2, refused 0, abandoned 0";
    assert_eq!(lines, [summary]);
    assert!(status.success());
}

#[test]
fn a_second_signal_waits_for_nothing() {
    let line = Line::new();
    let server = serve(&line.port, &["--deadline", "1h"]);
    line.say(b"Ada\nBo");
    line.hear("Hello, Ada\n");
    server.interrupt();
    assert!(server.error_line().starts_with("Finishing "));
    ends(
        server,
        "Summary: lines on the serial port greeted 1, refused 0, abandoned 0",
    );
}

#[test]
fn a_line_that_is_unplugged_ends_the_server() {
    let line = Line::new();
    let server = serve(&line.port, &[]);
    let port = line.port.clone();
    drop(line);
    let (_, errors, status) = server.end();
    assert_eq!(status.code(), Some(1), "{errors:?}");
    let start = format!("greet: {port} is gone: ");
    let error = errors.last().expect("a sentence");
    assert!(error.starts_with(&start) && error.ends_with("(was it unplugged?)"));
}

#[test]
fn events_are_objects_as_well() {
    let line = Line::new();
    let server = Process::start(greet("serve", &line.port).args(["--json", "--settle", "1h"]));
    let event = |mut event: Value| {
        event.as_object_mut().expect("one").remove("time");
        event
    };
    let next = |server: &Process| event(server.line().parse().expect("JSON"));
    let (port, protocol) = (&line.port, "serial");
    assert_eq!(
        next(&server),
        json!({"event": "listening", "protocol": protocol, "port": port, "baud": 115_200})
    );
    line.say(b"\xff\nAda\n");
    line.hear(&format!("{NOT_UTF8}Hello, Ada\n"));
    let why = "name is not UTF-8 at byte 0";
    assert_eq!(
        next(&server),
        json!({"event": "refused", "protocol": protocol, "port": port, "lines": 1, "why": why})
    );
    server.interrupt();
    let tally = json!({"greeted": 1, "refused": 1, "abandoned": 0});
    assert_eq!(next(&server), json!({"event": "summary", "serial": tally}));
}

#[test]
fn a_port_that_cant_be_opened_says_what_to_do() {
    fails(
        &mut greet("serve", "/dev/no-such-port"),
        "there is no serial port /dev/no-such-port (this machine ",
    );
    fails(
        &mut greet("probe", "/dev/null"),
        "can't open /dev/null as a serial port: ",
    );
    let line = Line::new();
    let server = serve(&line.port, &[]);
    fails(&mut greet("hello", &line.port), " is in use: ");
    ends(
        server,
        "Summary: lines on the serial port greeted 0, refused 0, abandoned 0",
    );
}

#[test]
fn a_client_begins_on_a_line_that_somebody_left_in_the_middle() {
    let (one, two) = Line::new().join(Line::new());
    let server = serve(&one, &["--deadline", "1h"]);
    let mut before = File::options().write(true).open(&two).expect("a port");
    before.write_all(b"\xff\xfe half a li").expect("room");
    drop(before);
    let received = run(greet("hello", &two).arg("世界"));
    assert_eq!(received, ["Received: Hello, 世界"]);

    let mut hello = greet("hello", &two);
    let (client, mut input) = Process::start_with_input(hello.arg("--lines"));
    for name in ["Ada", "", "Grace"] {
        writeln!(input, "{name}").expect("it reads");
        assert_eq!(client.line(), format!("Received: Hello, {name}"));
    }
    input.write_all(b"no line feed").expect("it reads");
    drop(input);
    let (lines, errors, status) = client.end();
    assert_eq!(lines, ["Received: Hello, no line feed"]);
    assert!(status.success(), "{errors:?}");

    fails(
        greet("hello", &two).arg("x".repeat(1024)),
        "line 1 can't be sent",
    );
    fails(
        greet("hello", &two).arg("two\nlines"),
        "line 1 can't be sent",
    );
    server.interrupt();
    let (_, _, status) = server.end();
    assert!(status.success());
}

#[test]
fn nobody_there_is_said_in_time() {
    let line = Line::new();
    for command in ["hello", "probe"] {
        let mut silent = greet(command, &line.port);
        fails(silent.args(["--timeout", "100ms"]), "nobody answers on ");
    }
}

#[test]
fn a_name_that_is_answered_wrong_is_told() {
    let line = Line::new();
    let client = Process::start(greet("hello", &line.port).arg("Ada"));
    line.hear("\n\n");
    line.say(b"Hello, \n\nHello, \n");
    line.hear("Ada\n");
    line.say(b"Hello, Adx\n");
    let (_, errors, status) = client.end();
    assert_eq!(status.code(), Some(1));
    assert!(
        errors.concat().contains("no greeting for line 1 on "),
        "{errors:?}"
    );
}

#[test]
fn the_probe_grades_lines_over_it() {
    let (one, two) = Line::new().join(Line::new());
    let server = serve(&one, &["--deadline", "500ms"]);
    let passed = |args: &[&str]| {
        let mut probe = greet("probe", &two);
        probe.args(["--brief", "--deadline", "500ms", "--rounds", "100"]);
        let report = run(probe.args(args));
        let verdict = report.last().expect("a verdict");
        let verdict = verdict.strip_prefix(&format!("{two}: passed "));
        let (passed, rest) = verdict.expect("a count").split_once(", ").expect("more");
        assert!(rest.starts_with("failed 0, skipped "), "{report:#?}");
        passed.parse::<u32>().expect("a number")
    };
    let without = passed(&[]);
    assert!(without >= 16, "{without}");
    // A pseudo-terminal keeps its writers waiting anyway.
    let with = passed(&["--flow-control", "hardware"]);
    assert_eq!(with, without + 2);
    server.interrupt();
    let (_, _, status) = server.end();
    assert!(status.success());
}
