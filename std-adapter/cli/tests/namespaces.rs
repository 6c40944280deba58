//! Servers in network namespaces of their own, where there is no loopback or an address vanishes; and
//! as the first process of a container.

#![cfg(target_os = "linux")]

mod process;

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use greet_std::Client;
use greet_std::core::limits::LINES_PORT;
use greet_std::core::text::Text;
use process::{PATIENCE, Process, contained, has_python, needs};
use rustix::process::{Pid, Signal, kill_process};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// The same in a network of its own, whose loopback is down.
fn isolated(command: &[&str]) -> Option<Command> {
    contained(&["--net"], command)
}

/// Signals the first process of the container that `unshare` waits for.
fn signal_first(unshare: &Process, signal: Signal) {
    let id = unshare.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let first = children
        .expect("it runs")
        .trim()
        .parse()
        .ok()
        .and_then(Pid::from_raw)
        .expect("one child");
    kill_process(first, signal).expect("it runs");
}

/// Runs a script that starts a server, and lets it go on once the server listens: it stops the server
/// in order.
#[track_caller]
fn goes_on_and_stops(shell: &mut Command) {
    let (server, mut input) = Process::start_with_input(shell);
    server.tcp_port();
    server.udp_port();
    writeln!(input, "go on").expect("it waits for that");
    let (lines, errors, status) = server.end();
    assert!(status.success(), "{lines:?} {errors:?}");
    assert!(lines[0].starts_with("Summary: greeted 0,"), "{lines:?}");
}

#[test]
fn a_server_whose_address_was_removed_stops() {
    let script = r#"
        ip link set lo up
        ip address add 10.9.0.1/32 dev lo
        "$0" serve --tcp 10.9.0.1:0 --udp 10.9.0.1:0 &
        server=$!
        read -r _
        ip address delete 10.9.0.1/32 dev lo
        kill -TERM $server
        wait $server
    "#;
    if !needs("ip", Command::new("ip").arg("-Version")) {
        return;
    }
    let Some(mut shell) = isolated(&["sh", "-ec", script, GREET]) else {
        return;
    };
    goes_on_and_stops(&mut shell);
}

#[test]
fn a_server_without_loopback_listens_and_stops() {
    let script = r#"
        "$0" serve --tcp "$1" --udp "$1" &
        server=$!
        read -r _
        kill -TERM $server
        wait $server
    "#;
    for any in ["0.0.0.0:0", "[::]:0"] {
        if TcpListener::bind(any).is_err() {
            continue; // no IPv6 on this machine
        }
        let Some(mut shell) = isolated(&["sh", "-ec", script, GREET, any]) else {
            return;
        };
        goes_on_and_stops(&mut shell);
    }
}

/// Where nobody else has the port.
#[test]
fn lines_alone_are_answered_on_a_port_of_their_own() {
    let script = r#"
        ip link set lo up
        "$0" serve --lines &
        server=$!
        read -r _
        kill -TERM $server
        wait $server
    "#;
    if !needs("ip", Command::new("ip").arg("-Version")) {
        return;
    }
    let Some(mut shell) = isolated(&["sh", "-ec", script, GREET]) else {
        return;
    };
    let (server, mut input) = Process::start_with_input(&mut shell);
    assert_eq!(server.lines_port(), LINES_PORT);
    writeln!(input, "stop").expect("it waits for that");
    let (lines, errors, status) = server.end();
    assert!(status.success(), "{errors:?}");
    let all =
        "Summary: lines greeted 0, connections with lines 0 (finished 0, refused 0, abandoned 0)";
    assert_eq!(lines, [all], "and nothing else ran");
}

#[test]
fn an_answer_over_ipv6_leaves_from_the_address_that_was_asked() {
    // It is connected, so that it hears one address alone, and has another itself.
    let client = r#"
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(30)
s.bind(("fd00::1", 0))
s.connect(("fd00::2", int(sys.argv[1])))
s.send(b"Ada")
print(s.recv(99).decode(), flush=True)
"#;
    let script = r#"
        ip link set lo up
        ip address add fd00::1/128 dev lo
        ip address add fd00::2/128 dev lo
        "$0" serve --udp [::]:0 --reply --quiet &
        server=$!
        read -r port
        python3 -c "$1" $port
        kill -TERM $server
        wait $server
    "#;
    if !needs("ip", Command::new("ip").arg("-Version")) || !has_python() {
        return;
    }
    let Some(mut shell) = isolated(&["sh", "-ec", script, GREET, client]) else {
        return;
    };
    let (server, mut input) = Process::start_with_input(&mut shell);
    let port = server.udp_port();
    writeln!(input, "{port}").expect("it waits for that");
    let (lines, errors, status) = server.end();
    assert!(status.success(), "{lines:?} {errors:?}");
    assert_eq!(lines[0], "Hello, Ada");
}

/// The system keeps signals from it that it doesn't listen to.
#[test]
fn the_first_process_of_a_container_obeys() {
    for (signal, interrupted) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let serve = ["serve", "--tcp", "127.0.0.1:0"];
        let Some(mut command) = contained(&[], &[&[GREET], &serve[..]].concat()) else {
            return;
        };
        let program = Process::start(&mut command);
        program.tcp_port();
        signal_first(&program, signal);
        let (lines, _, status) = program.end();
        assert!(lines[0].starts_with("Summary: "), "{lines:?}");
        assert!(status.success());

        for args in [
            &["bench", "-c", "1", "-d", "1h"][..],
            &["probe", "--deadline", "1h", "--timeout", "1h"],
        ] {
            let serve = ["serve", "--tcp", "127.0.0.1:0", "--deadline", "1h"];
            let server = Process::start(Command::new(GREET).args(serve));
            let address = format!("127.0.0.1:{}", server.tcp_port());
            let Some(mut command) = contained(&[], &[&[GREET], args, &[&address]].concat()) else {
                return;
            };
            let program = Process::start(&mut command);
            // The second comes once the first was greeted.
            server.line();
            server.line();
            signal_first(&program, signal);
            let (lines, errors, status) = program.end();
            assert!(!lines.is_empty(), "{errors:?}");
            assert_eq!(status.code(), Some(interrupted), "{args:?} {errors:?}");
        }

        // Nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = silent.local_addr().expect("it is bound").to_string();
        let args = [GREET, "hello", "--to", &address, "--timeout", "1h"];
        let Some(mut command) = contained(&[], &args) else {
            return;
        };
        let program = Process::start(&mut command);
        let _client = silent.accept().expect("it comes");
        signal_first(&program, signal);
        let (_, _, status) = program.end();
        assert_eq!(status.code(), Some(interrupted));
    }
}

#[test]
fn lines_for_a_full_disk_are_written_once_there_is_room() {
    const CLIENTS: usize = 250;
    // A file system of four pages: one for what the server says at first, and three that are taken.
    let script = r#"
        mount -t tmpfs -o size=16k none /mnt
        head -c 12288 /dev/zero > /mnt/taken
        "$0" serve --tcp 127.0.0.1:0 > /mnt/shown &
        server=$!
        until grep -q listening /mnt/shown; do :; done
        head -n 1 /mnt/shown
        read -r _
        until [ "$(stat -c %s /mnt/shown)" = 4096 ]; do :; done
        rm /mnt/taken
        read -r _
        kill -TERM $server
        status=0
        wait $server || status=$?
        cat /mnt/shown
        exit $status
    "#;
    let Some(mut shell) = contained(&["--mount"], &["sh", "-ec", script, GREET]) else {
        return;
    };
    let (server, mut input) = Process::start_with_input(&mut shell);
    let port = server.tcp_port();
    let client = Client::new().timeout(PATIENCE);
    for _ in 0..CLIENTS {
        let name = Text::new("World").expect("short");
        let reply = client.greet(("127.0.0.1", port), name).expect("a reply");
        assert_eq!(reply.as_str(), "Hello, World");
    }
    writeln!(input, "make room").expect("it waits for that");
    writeln!(input, "stop").expect("it waits for that");
    let (lines, errors, status) = server.end();
    let connections = lines
        .iter()
        .filter(|line| line.starts_with("Connection from "))
        .count();
    assert_eq!(connections, CLIENTS, "{errors:?}");
    let last = lines.last().expect("a summary");
    assert!(last.starts_with("Summary: greeted 250,"), "{last}");
    assert!(status.success(), "{errors:?}");
}
