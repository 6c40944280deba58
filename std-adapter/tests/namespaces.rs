//! Servers in network namespaces of their own, where there is no loopback or an address vanishes; and
//! as the first process of a container.

#![cfg(target_os = "linux")]

mod process;

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use process::{Process, needs};

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
