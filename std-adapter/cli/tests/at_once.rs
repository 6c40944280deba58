//! Calls that fail, at once and again and again, as a sandbox makes them: it is said once, there is a
//! pause, it is tried again, and the server can be stopped meanwhile. Where a program can't begin for want of
//! files, it says what to do. strace makes calls fail.

#![cfg(target_os = "linux")]

mod process;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use process::{PATIENCE, Process, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What the server rests between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// So many tries in a row may be of others (`failure::IN_A_ROW`), and one more finds that they aren't.
const IN_A_ROW: u32 = 65;

/// `greet serve` with a call of it that always fails.
struct Hindered {
    process: Process,
    /// A line for each call.
    log: PathBuf,
    started: Instant,
}

impl Hindered {
    /// `None`: this machine can't make calls fail.
    fn start(name: &str, calls: &str, errno: &str, arguments: &[&str]) -> Option<Self> {
        if !needs(
            "strace",
            Command::new("strace").args(["-D", "-qq", "-o", "/dev/null", "true"]),
        ) {
            return None;
        }
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{errno}"));
        // It may be there from the last run.
        let _ = std::fs::remove_file(&log);
        let started = Instant::now();
        // The child is the server itself (-D), and strace ends with it.
        let process = Process::start(
            Command::new("strace")
                .args(["-D", "-f", "-qq", "-o"])
                .arg(&log)
                .args(["-e", &format!("trace={calls}")])
                .args(["-e", &format!("inject={calls}:error={errno}")])
                .args([GREET, "serve"])
                .args(arguments),
        );
        Some(Self {
            process,
            log,
            started,
        })
    }

    /// How often the call was made so far.
    fn calls(&self) -> u32 {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let lines = log.split(|byte| *byte == b'\n');
        let injected = lines.filter(|line| line.ends_with(b"(INJECTED)"));
        injected.count().try_into().unwrap_or(u32::MAX)
    }

    /// Waits until it has made so many calls.
    #[track_caller]
    fn tries_again(&self, calls: u32) {
        while self.calls() <= calls {
            assert!(self.started.elapsed() < PATIENCE, "{} calls", self.calls());
            std::thread::yield_now();
        }
    }

    /// Stops it, and returns what it still said. It has made no more calls than its pauses leave.
    #[track_caller]
    fn stop(self, threads: u32, in_a_row: u32) -> Vec<String> {
        self.process.interrupt();
        let calls = self.calls();
        let rounds = self.started.elapsed().as_millis() / PAUSE.as_millis() + 2;
        let most = rounds * u128::from(threads * in_a_row);
        assert!(u128::from(calls) <= most, "{calls} calls, at most {most}");
        let seconds = self.started.elapsed().as_secs();
        let (_, errors, status) = self.process.end();
        assert!(status.success(), "{status}");
        let said = errors
            .iter()
            .filter(|line| line.contains("for now"))
            .count();
        // On a machine so busy that it forgot for a second, it says it again.
        assert!(said as u64 <= seconds, "{errors:?}");
        errors
    }
}

#[test]
fn a_receive_that_fails_at_once() {
    for (errno, in_a_row, advice) in [
        ("EPERM", 1, "sandbox"),
        ("EACCES", 1, "sandbox"),
        ("ENOSYS", 1, "sandbox"),
        ("ENOMEM", 1, "memory"),
        ("ECONNREFUSED", IN_A_ROW, "again"),
        ("EINTR", IN_A_ROW, "again"),
    ] {
        let arguments = ["--udp", "127.0.0.1:0"];
        let Some(server) = Hindered::start("receive", "recvmsg", errno, &arguments) else {
            return;
        };
        server.process.udp_port();
        let line = server.process.error_line();
        assert!(line.starts_with("Can't receive for now: "), "{line}");
        assert!(line.contains(advice), "{errno}: {line}");
        server.tries_again(2 * in_a_row);
        server.stop(1, in_a_row);
    }
}

#[test]
fn an_accept_that_fails_at_once() {
    for (errno, in_a_row, advice) in [
        ("EPERM", IN_A_ROW, "firewall"),
        ("EACCES", 1, "policy"),
        ("ENOSYS", 1, "sandbox"),
        ("EMFILE", 1, "`ulimit -n`"),
        ("ENFILE", 1, "fs.file-max"),
        ("ENOBUFS", 1, "memory"),
        ("ECONNABORTED", IN_A_ROW, "again"),
        ("EINTR", IN_A_ROW, "again"),
    ] {
        let arguments = [
            "--tcp",
            "127.0.0.1:0",
            "--workers",
            "2",
            "--deadline",
            "1ms",
        ];
        let Some(server) = Hindered::start("accept", "accept4", errno, &arguments) else {
            return;
        };
        server.process.tcp_port();
        let line = server.process.error_line();
        assert!(
            line.starts_with("Can't accept connections for now: "),
            "{line}"
        );
        assert!(line.contains(advice), "{errno}: {line}");
        assert!(
            line.contains("ulimit") == (errno == "EMFILE"),
            "{errno}: {line}"
        );
        server.tries_again(4 * in_a_row);
        server.stop(2, in_a_row);
    }
}

/// Waits for readiness that signals interrupt without end.
#[test]
fn a_wait_that_fails_at_once() {
    let arguments = [
        "--tcp",
        "127.0.0.1:0",
        "--udp",
        "127.0.0.1:0",
        "--workers",
        "1",
    ];
    let calls = "?epoll_wait,epoll_pwait";
    let Some(server) = Hindered::start("wait", calls, "EINTR", &arguments) else {
        return;
    };
    server.tries_again(2000);
    // A loop each for TCP and UDP, with a pause of 1 ms.
    server.stop(2, 100);
}

#[test]
fn an_option_that_is_refused_blames_no_port() {
    for arguments in [["--tcp", "127.0.0.1:1023"], ["--udp", "127.0.0.1:1023"]] {
        let calls = if arguments[0] == "--tcp" {
            "setsockopt"
        } else {
            "socket"
        };
        let Some(server) = Hindered::start("option", calls, "EPERM", &arguments) else {
            return;
        };
        let line = server.process.error_line();
        assert!(line.contains("can't set up a"), "{line}");
        assert!(!line.contains("1024"), "{line}");
        let (.., status) = server.process.end();
        assert_eq!(status.code(), Some(1));
    }
}

/// Whoever has all the files open that it may is told the limit, and how to raise it.
#[test]
fn a_lack_of_files_is_said_with_what_to_do() {
    if !needs(
        "strace",
        Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]),
    ) {
        return;
    }
    let on_socket = "inject=socket:error=EMFILE";
    for (inject, arguments) in [
        (on_socket, &["hello", "--to", "127.0.0.1:9"][..]),
        (on_socket, &["send", "--to", "127.0.0.1:9"]),
        (on_socket, &["serve", "--tcp", "127.0.0.1:0"]),
        (on_socket, &["serve", "--udp", "127.0.0.1:0"]),
        (on_socket, &["probe", "127.0.0.1:9"]),
        (on_socket, &["probe", "127.0.0.1:9", "--udp", "127.0.0.1:9"]),
        (
            "inject=?epoll_create1,epoll_create:error=EMFILE",
            &["probe", "127.0.0.1:9"],
        ),
        (
            "inject=socketpair:error=EMFILE",
            &["serve", "--tcp", "127.0.0.1:0"],
        ),
    ] {
        let ended = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", inject, GREET])
            .args(arguments)
            .output()
            .expect("strace runs");
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8_lossy(&ended.stderr);
        let is_advice = said.contains("files") && said.contains("`ulimit -n`");
        assert!(
            is_advice && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
    }
}
