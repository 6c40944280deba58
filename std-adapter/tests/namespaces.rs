//! Servers in network namespaces of their own, where there is no loopback or an address vanishes; and
//! as the first process of a container.

#![cfg(target_os = "linux")]

mod process;

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use process::{Process, has_python, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// A program in a network of its own, whose loopback is down. It is the first process there, or its
/// shell is, and all of it is gone when `unshare` is killed.
fn isolated(command: &[&str]) -> Option<Command> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--pid", "--fork", "--kill-child"]);
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
    let (server, mut input) = Process::start_with_input(&mut shell);
    server.tcp_port();
    server.udp_port();
    writeln!(input, "go on").expect("it waits for that");
    let (lines, errors, status) = server.end();
    assert!(status.success(), "{lines:?} {errors:?}");
    assert!(lines[0].starts_with("Summary: greeted 0,"), "{lines:?}");
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
        let (server, mut input) = Process::start_with_input(&mut shell);
        server.tcp_port();
        server.udp_port();
        writeln!(input, "go on").expect("it waits for that");
        let (lines, errors, status) = server.end();
        assert!(status.success(), "{lines:?} {errors:?}");
        assert!(lines[0].starts_with("Summary: greeted 0,"), "{lines:?}");
    }
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
