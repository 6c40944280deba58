//! Cables of Linux in containers of their own, with a server at the other end.

use std::process::Command;

use super::process::{contained, needs};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Two machines on a cable: this one has the end `ta`, another the end `sb` and a server, the process `SERVER`.
/// What is given runs on this one.
pub const VETH: &str = r#"
    serve=$1
    shift
    ip link add ta type veth peer name sb
    unshare --net sleep 600 &
    other=$!
    until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
    there="nsenter --target $other --net"
    ip link set sb netns $other
    $there ip link set lo up
    $there ip address add 10.9.0.1/24 dev sb
    $there ip address add fd00:9::1/64 dev sb nodad
    # Its address on the link is there at once.
    $there sh -c 'echo 0 > /proc/sys/net/ipv6/conf/sb/accept_dad'
    $there ip link set sb up gso_max_segs 1
    ip address add 10.9.0.2/24 dev ta
    ip link set ta up
    $there "$0" serve --tcp [::]:8000 --lines [::]:8002 --udp [::]:8001 --reply --reply-limit 65535 \
        --quiet $serve >/dev/null 2>&1 &
    export SERVER=$!
    until "$0" hello --to 10.9.0.1:8000 >/dev/null 2>&1; do :; done
    export GREET="$0"
    sh -ec "$@"
"#;

/// This machine at one end of a TAP device, with a server.
pub const TAP: &str = r#"
    serve=$1
    shift
    ip tuntap add tap0 mode tap
    ip address add 10.8.0.1/24 dev tap0
    ip address add fd00:8::1/64 dev tap0 nodad
    ip link set tap0 up
    ip link set lo up
    "$0" serve --tcp [::]:8000 --lines [::]:8002 --udp [::]:8001 --reply --reply-limit 65535 \
        --quiet $serve >/dev/null 2>&1 &
    until "$0" hello >/dev/null 2>&1; do :; done
    export GREET="$0"
    sh -ec "$@"
"#;

/// A container in which this runs, beside a server that was started so.
pub fn on(cable: &str, serve: &str, script: &str) -> Option<Command> {
    if !needs("ip", Command::new("ip").arg("-Version")) {
        return None;
    }
    let with = ["--net", "--mount-proc"];
    contained(&with, &["sh", "-ec", cable, GREET, serve, script])
}
