//! What the program does about signals: what it measured is printed, what was ignored stays ignored,
//! and clients who never end are closed when their grace is over.

#![cfg(target_os = "linux")] // proc_pid_status(5)

mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use process::{PATIENCE, Process, has_python, run};
use rustix::process::Signal;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// A server that closes nobody before a test is over.
fn serve() -> Process {
    let args = ["serve", "--tcp", "127.0.0.1:0", "--deadline", "1h"];
    Process::start(Command::new(GREET).args(args))
}

/// `nohup` ignores one of them, a shell's background the other.
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let script = r#"trap "" HUP INT; exec "$0" serve --tcp 127.0.0.1:0"#;
    let server = Process::start(Command::new("sh").args(["-c", script, GREET]));
    let port = server.tcp_port();

    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id()));
    let status = status.expect("it runs");
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .expect("a mask");
    for signal in [Signal::HUP, Signal::INT] {
        assert_ne!(ignored & (1 << (signal.as_raw() - 1)), 0, "{signal:?}");
        server.signal(signal);
    }

    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("it goes on");
    client.set_read_timeout(Some(PATIENCE)).expect("a bound");
    client.write_all(b"World").expect("it reads");
    let mut reply = String::new();
    client.read_to_string(&mut reply).expect("a reply");
    assert_eq!(reply, "Hello, World");

    server.signal(Signal::TERM);
    let (lines, _, status) = server.end();
    assert!(lines[1].starts_with("Summary: greeted 1,"), "{lines:?}");
    assert!(status.success());
}

#[test]
fn each_signal_stops_a_server_in_order() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let server = Process::start(Command::new(GREET).args(["serve", "--tcp", "127.0.0.1:0"]));
        server.tcp_port();
        server.signal(signal);
        let (lines, _, status) = server.end();
        assert!(lines[0].starts_with("Summary: greeted 0,"), "{lines:?}");
        assert!(status.success());
    }
}

#[test]
fn a_silent_client_is_closed_when_its_grace_is_over() {
    let args = [
        "serve",
        "--tcp",
        "127.0.0.1:0",
        "--deadline",
        "1h",
        "--grace",
        "50ms",
    ];
    let server = Process::start(Command::new(GREET).args(args));
    let silent = TcpStream::connect(("127.0.0.1", server.tcp_port())).expect("it listens");
    let peer = silent.local_addr().expect("it is connected");
    assert_eq!(server.line(), format!("Connection from {peer}"));
    server.signal(Signal::TERM);
    let (lines, errors, status) = server.end();
    assert!(lines[0].ends_with(", abandoned 1"), "{lines:?}");
    let closed = format!("Gave up {peer}: connection ended on this side");
    assert!(
        errors.iter().any(|line| line.starts_with(&closed)),
        "{errors:?}"
    );
    assert!(status.success());
}

#[test]
fn an_interrupted_bench_prints_what_it_measured() {
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for rate in [&[][..], &["--rate", "1"]] {
            let server = serve();
            let address = format!("127.0.0.1:{}", server.tcp_port());
            let mut command = Command::new(GREET);
            command
                .args(["bench", &address, "-c", "1", "-d", "1h"])
                .args(rate);
            let bench = Process::start(&mut command);
            // The second comes once the first was greeted.
            server.line();
            server.line();
            bench.signal(signal);
            let (lines, errors, status) = bench.end();
            assert!(lines[0].contains(" every byte right"), "{lines:?}");
            assert_eq!(errors, [""; 0]);
            assert_eq!(status.code(), Some(expected));
        }
    }
}

/// It waits for an hour then, for a client who is late.
#[test]
fn an_interrupted_probe_prints_what_it_graded() {
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = serve();
        let address = format!("127.0.0.1:{}", server.tcp_port());
        let args = ["probe", &address, "--deadline", "1h", "--timeout", "1h"];
        let probe = Process::start(Command::new(GREET).args(args));
        // Nothing is printed before the end, but many were greeted: checks have ended by then.
        (0..40).for_each(|_| drop(server.line()));
        probe.signal(signal);
        let (lines, errors, status) = probe.end();
        let last = lines.last().expect("a summary");
        let summary = format!("{address}: passed ");
        assert!(last.starts_with(&summary), "{lines:?}");
        assert!(last.contains(", failed 0, skipped "), "{lines:?}");
        assert_eq!(errors, ["greet: interrupted: the other checks weren't run"]);
        assert_eq!(status.code(), Some(expected));
    }
}

/// What was found by then is in its report.
#[test]
fn an_interrupted_probe_has_its_findings() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    // A server that takes a line feed for the end, and never tells who is late.
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut name = [0; 2000];
                let len = client.read(&mut name).unwrap_or(0);
                let line = name[..len].split(|byte| *byte == b'\n').next();
                let reply = [b"Hello, ", line.unwrap_or_default()].concat();
                let _ = client.write_all(&reply);
            });
        }
    });
    let only = ["--only=tcp/line-feed", "--only=crowd/one-more"];
    let args = ["probe", &address, "--json", "--deadline=1h", "--timeout=1h"];
    let probe = Process::start(Command::new(GREET).args(args).args(only));
    while !probe.line().contains("tcp/line-feed") {}
    probe.signal(Signal::INT);
    let (lines, _, status) = probe.end();
    assert_eq!(status.code(), Some(130));
    let found = "a name is handled as a line: it ends at a line feed";
    let is_it = |line: &String| line.contains(r#""event":"finding""#) && line.contains(found);
    assert!(lines.iter().any(is_it), "{lines:#?}");
}

/// A closed terminal sends SIGHUP and takes no more lines. Who ignores that goes on without them, and
/// says at the end that they were lost.
#[test]
fn a_server_whose_terminal_was_closed_stops_or_goes_on() {
    let script = r#"
import os, pty, signal, socket, sys
program, goes_on = sys.argv[1], sys.argv[2] == "ignore"
pid, terminal = pty.fork()
if pid == 0:
    if goes_on:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.alarm(60)  # it ends, even where this test fails
    os.execv(program, [program, "serve", "--tcp", "127.0.0.1:0"])
line = b""
while not line.endswith(b"...\r\n"):
    line += os.read(terminal, 1)
address = "127.0.0.1", int(line.split()[-1].rstrip(b"."))
os.close(terminal)
if goes_on:
    for _ in range(3):
        with socket.create_connection(address, 30) as client:
            client.sendall(b"World")
            print(client.recv(64).decode())
    os.kill(pid, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    if !has_python() {
        return;
    }
    let python = |hangup| run(Command::new("python3").args(["-c", script, GREET, hangup]));
    assert_eq!(python("obey"), ["1"]);
    assert_eq!(
        python("ignore"),
        ["Hello, World", "Hello, World", "Hello, World", "1"]
    );
}
