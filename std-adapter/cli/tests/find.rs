//! `greet find`: who answers is found, each once, and told from others; over loopback, and across network
//! namespaces that are joined by bridges.

#![cfg(unix)] // signals
mod process;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::UdpSocket;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};

use process::{PATIENCE, Process, needs};
use serde_json::Value;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// A search that goes on until it is interrupted; no test waits for its end.
const LONG: &[&str] = &["find", "--wait", "1h"];

fn find(arguments: &[&str]) -> Process {
    Process::start(Command::new(GREET).args(LONG).args(arguments))
}

const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

/// On the loopback alone, at this port.
fn on_loopback(port: u16, arguments: &[&str]) -> Process {
    let port = port.to_string();
    find(&[&["--interface", LOOPBACK, "--port", &port], arguments].concat())
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {object}"))
}

/// Answers each question as it is told to, until a question is the last.
fn peculiar(
    mut answers: impl FnMut(&[u8]) -> Option<Vec<Vec<u8>>> + Send + 'static,
) -> (u16, JoinHandle<()>) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let port = socket.local_addr().expect("it is bound").port();
    let answer = move || {
        let mut question = [0; 1024];
        loop {
            let (len, from) = socket.recv_from(&mut question).expect("a question");
            let Some(answers) = answers(&question[..len]) else {
                return;
            };
            for answer in answers {
                socket.send_to(&answer, from).expect("it is sent");
            }
        }
    };
    (port, thread::spawn(answer))
}

#[test]
fn a_server_on_this_machine_is_found_and_said_to_be_on_it() {
    let serve = ["serve", "--udp", "0.0.0.0:0", "--reply"];
    let server = Process::start(Command::new(GREET).args(serve));
    let port = server.udp_port();
    let search = on_loopback(port, &[]);
    let head = search.line();
    assert!(head.starts_with("ADDRESS  "), "{head}");
    let row = search.line();
    assert!(row.starts_with("127.0.0.1  "), "{row}");
    assert!(row.ends_with("greeting, this machine"), "{row}");
    let question = server.line();
    assert!(
        question.starts_with("Received message: greet-find "),
        "{question}"
    );
    search.interrupt();
    let (lines, errors, status) = search.end();
    let next = format!("  greet probe 127.0.0.1:8000 --udp 127.0.0.1:{port}");
    assert_eq!(lines, ["Found this machine. To grade it:", &next]);
    assert_eq!((errors.len(), status.code()), (0, Some(130)), "{errors:?}");

    // A search that comes to its end by itself, for programs.
    let port = port.to_string();
    let arguments = [
        "find",
        "--interface",
        "lo",
        "--port",
        &port,
        "--wait",
        "300ms",
        "--json",
    ];
    if cfg!(target_os = "linux") {
        let lines = process::run(Command::new(GREET).args(arguments));
        let found = value(&lines[0]);
        assert_eq!(text(&found, "place"), "this_machine");
        assert_eq!(text(&found, "answer"), "greeting");
        assert!(found["round_trip_us"].is_u64(), "{found}");
        let summary = value(&lines[1]);
        assert_eq!(summary["this_machine"], true);
        assert_eq!(summary["boards"], 0);
        assert_eq!(summary["interfaces"], serde_json::json!(["lo"]));
        assert_eq!(lines.len(), 2);
        let help = process::run(Command::new(GREET).args(["find", "--help"]));
        for key in [&found, &summary].map(|object| object.as_object().expect("one").keys()) {
            for key in key {
                let is_explained = |line: &String| {
                    let keys = line.trim_start().split("  ").next().unwrap_or_default();
                    keys.split(", ").any(|known| known == key)
                };
                assert!(help.iter().any(is_explained), "{key} isn't in {help:#?}");
            }
        }
    }
}

#[test]
fn what_is_no_greeting_is_shown_safely_and_duplicates_are_counted() {
    // The first question is asked once of 127.0.0.1, and once of all there.
    let (refusing, refusal) =
        peculiar(|_| Some(vec![b"Error: message is not UTF-8 at byte 0\n".to_vec()]));
    let (hostile, other) = peculiar(|_| Some(vec![b"\x1b[2J\nFound 7 boards.".to_vec()]));
    let search = on_loopback(refusing, &[]);
    search.line();
    let row = search.line();
    let words = "refusal: Error: message is not UTF-8 at byte 0, this machine";
    assert!(row.ends_with(words), "{row}");
    search.interrupt();
    let (lines, _, _) = search.end();
    assert_eq!(lines, ["Found this machine."], "nothing to grade");

    let search = on_loopback(hostile, &[]);
    search.line();
    let row = search.line();
    let words = "no greeting: \"\\u{1b}[2J\\nFound 7 boards.\", this machine";
    assert!(row.ends_with(words), "{row}");
    search.interrupt();
    search.end();

    let (twice, greeting) = peculiar(|question| {
        let greeting = [b"Hello, ", question].concat();
        Some(vec![greeting.clone(), greeting])
    });
    let search = on_loopback(twice, &["--json"]);
    assert_eq!(text(&value(&search.line()), "answer"), "greeting");
    search.interrupt();
    let (lines, _, _) = search.end();
    assert!(
        value(&lines[0])["duplicates"].as_u64() > Some(0),
        "{lines:?}"
    );
    for thread in [refusal, other, greeting] {
        drop(thread); // they end with the test
    }
}

#[test]
fn lost_questions_are_asked_again() {
    let mut came = 0;
    let (deaf, listening) = peculiar(move |question| {
        came += 1;
        // Two datagrams are one asking of the loopback.
        match came {
            0..=4 => Some(Vec::new()),
            5 => Some(vec![[b"Hello, ", question].concat()]),
            _ => None,
        }
    });
    let search = on_loopback(deaf, &["--json"]);
    assert_eq!(text(&value(&search.line()), "answer"), "greeting");
    listening.join().expect("it was asked once more");
    search.interrupt();
    search.end();
}

#[test]
fn a_reader_that_goes_away_ends_the_search() {
    let (port, _answering) = peculiar(|question| Some(vec![[b"Hello, ", question].concat()]));
    let mut search = Command::new(GREET);
    search
        .args(LONG)
        .args(["--interface", LOOPBACK, "--port", &port.to_string()]);
    let mut search = search.stdout(Stdio::piped()).spawn().expect("it starts");
    drop(search.stdout.take());
    let status = search.wait().expect("it ran");
    assert_eq!(status.code(), Some(141));
}

#[test]
fn nobody_is_a_failure_that_says_what_to_check() {
    let silent = UdpSocket::bind("0.0.0.0:0").expect("a free port");
    let port = silent.local_addr().expect("it is bound").port().to_string();
    for (arguments, words) in [
        (&["--wait", "1ms", "--port", &port][..], "--reply`"),
        (&["--wait", "1ms", "--port", &port], "firewall"),
        (&["--interface", "nope"], "no interface nope is up"),
    ] {
        let mut command = Command::new(GREET);
        command.arg("find").args(arguments);
        if !arguments.contains(&"nope") {
            command.args(["--interface", LOOPBACK]);
        }
        let (lines, errors, status) = Process::start(&mut command).end();
        assert_eq!(
            (lines.len(), errors.len(), status.code()),
            (0, 1, Some(1)),
            "{errors:?}"
        );
        assert!(errors[0].contains(words), "{errors:?}");
    }
    let usage = Process::start(Command::new(GREET).args(["find", "--port", "0"])).end();
    assert_eq!(usage.2.code(), Some(2));
}

/// What all scripts below begin with: `board NAME MAC` makes a namespace with `eth0` at a bridge, and runs
/// what follows in it.
#[cfg(target_os = "linux")]
const SETTING: &str = r#"
    ip link set lo up
    quick() {
        # No address waits to see whether somebody has it (RFC 4862), and none is thrown away for its way back.
        echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
        echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
        echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter
    }
    quick
    bridge() {
        ip link add $1 type bridge mcast_snooping 0
        ip link set $1 up
    }
    namespace() {
        unshare --net sleep 1000 &
        board=$!
        until [ "$(readlink /proc/$board/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
        eval "$1=$board"
    }
    inside() {
        board=$1
        shift
        nsenter --target $board --net -- "$@"
    }
    # join NAMESPACE INTERFACE BRIDGE MAC
    join() {
        ip link add to$1$2 type veth peer name $2 netns $1
        ip link set to$1$2 master $3 up
        inside $1 sh -ec "
            echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
            echo 0 > /proc/sys/net/ipv6/conf/$2/accept_dad
            echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
            echo 0 > /proc/sys/net/ipv4/conf/$2/rp_filter
            ip link set lo up
            ip link set $2 address $4 up
        "
    }
    serve() {
        board=$1
        shift
        inside $board "$GREET" serve --udp "$@" --reply --quiet > /dev/null &
    }
"#;

/// Runs a script in a network of its own, behind [`SETTING`].
#[cfg(target_os = "linux")]
fn networked(script: &str) -> Option<(Process, ChildStdin)> {
    if !needs("ip", Command::new("ip").arg("-Version"))
        || !needs("unshare", Command::new("nsenter").arg("--version"))
    {
        return None;
    }
    let script = [SETTING, script].concat();
    let mut shell = process::contained(&["--net", "--mount-proc"], &["sh", "-ec", &script])?;
    Some(Process::start_with_input(shell.env("GREET", GREET)))
}

/// Reads lines of a search until each of these has been found: address, interface, hardware, place.
#[cfg(target_os = "linux")]
#[track_caller]
fn finds(search: &Process, expected: &[[&str; 4]]) -> Vec<Value> {
    let expected: BTreeSet<_> = expected.iter().map(|one| one.map(str::to_owned)).collect();
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    while seen.len() < expected.len() {
        let found = value(&search.line());
        assert_eq!(text(&found, "event"), "found", "{found}");
        let hardware = found["hardware"].as_str().unwrap_or_default();
        let one = [
            text(&found, "address"),
            text(&found, "interface"),
            hardware,
            text(&found, "place"),
        ]
        .map(str::to_owned);
        assert!(
            expected.contains(&one),
            "{found} isn't one of {expected:#?}"
        );
        assert!(seen.insert(one), "{found} is found twice");
        assert_eq!(text(&found, "answer"), "greeting");
        all.push(found);
    }
    all
}

/// Two boards on a bridge, over IPv4 and IPv6. One of them has two addresses, and each answer comes from
/// the one that was asked.
#[cfg(target_os = "linux")]
#[test]
fn each_board_on_a_bridge_is_found_once_and_answers_from_its_own_address() {
    let script = r#"
        bridge br0
        ip address add 192.0.2.1/24 dev br0
        ip address add 198.51.100.1/24 dev br0
        namespace seven
        namespace eight
        join $seven eth0 br0 02:00:00:00:00:07
        join $eight eth0 br0 02:00:00:00:00:08
        inside $seven ip address add 192.0.2.7/24 dev eth0
        inside $eight ip address add 192.0.2.8/24 dev eth0
        inside $eight ip address add 198.51.100.8/24 dev eth0
        serve $seven [::]:8001
        serve $eight [::]:8001
        exec "$GREET" find --interface br0 --wait 1h --json
    "#;
    let Some((search, _input)) = networked(script) else {
        return;
    };
    let (seven, eight) = ("02:00:00:00:00:07", "02:00:00:00:00:08");
    let all = finds(
        &search,
        &[
            ["192.0.2.7", "br0", seven, "near"],
            ["fe80::ff:fe00:7%br0", "br0", seven, "near"],
            ["192.0.2.8", "br0", eight, "near"],
            ["198.51.100.8", "br0", eight, "near"],
            ["fe80::ff:fe00:8%br0", "br0", eight, "near"],
        ],
    );
    let firsts = all.iter().filter(|found| found["same_as"].is_null());
    assert_eq!(firsts.count(), 2, "two boards: {all:?}");
    let next: BTreeSet<_> = all.iter().map(|found| text(found, "next")).collect();
    for line in [
        "greet probe 192.0.2.7:8000 --udp 192.0.2.7:8001",
        "greet probe [fe80::ff:fe00:8%br0]:8000 --udp [fe80::ff:fe00:8%br0]:8001",
    ] {
        assert!(next.contains(line), "{next:?}");
    }
}

/// Two bridges, and on them three boards, of which two have the same address; beside a server of this
/// machine's own.
#[cfg(target_os = "linux")]
#[test]
fn boards_on_two_networks_are_told_apart_and_from_this_machine() {
    let script = r#"
        bridge left
        bridge right
        ip address add 192.0.2.1/24 dev left
        ip address add 192.0.2.2/24 dev right
        namespace one
        namespace other
        namespace third
        join $one eth0 left 02:00:00:00:00:07
        join $other eth0 right 02:00:00:00:00:08
        join $third eth0 right 02:00:00:00:00:09
        inside $one ip address add 192.0.2.7/24 dev eth0
        inside $other ip address add 192.0.2.7/24 dev eth0
        inside $third ip address add 192.0.2.9/24 dev eth0
        serve $one 0.0.0.0:8001
        serve $other 0.0.0.0:8001
        serve $third [::]:8001
        "$GREET" serve --udp 0.0.0.0:8001 --reply --quiet > /dev/null &
        exec "$GREET" find --wait 1h --json
    "#;
    let Some((search, _input)) = networked(script) else {
        return;
    };
    let mut seen = BTreeSet::new();
    while seen.len() < 7 {
        let found = value(&search.line());
        let hardware = found["hardware"].as_str().unwrap_or_default().to_owned();
        let key = ["address", "interface", "place"].map(|key| text(&found, key).to_owned());
        assert!(seen.insert((key, hardware)), "{found} is found twice");
    }
    let has = |address: &str, interface: &str, place: &str| {
        let key = [address, interface, place].map(str::to_owned);
        seen.iter().any(|(one, _)| *one == key)
    };
    assert!(has("192.0.2.7", "left", "near"), "{seen:#?}");
    assert!(has("192.0.2.7", "right", "near"), "{seen:#?}");
    assert!(has("192.0.2.9", "right", "near"), "{seen:#?}");
    assert!(has("fe80::ff:fe00:9%right", "right", "near"), "{seen:#?}");
    assert!(has("127.0.0.1", "lo", "this_machine"), "{seen:#?}");
    assert!(has("192.0.2.1", "left", "this_machine"), "{seen:#?}");
    assert!(has("192.0.2.2", "right", "this_machine"), "{seen:#?}");
}

/// A board whose address is of another network can be heard, and that is what is said.
#[cfg(target_os = "linux")]
#[test]
fn a_board_of_another_network_is_said_to_be_of_one() {
    let script = r#"
        bridge br0
        ip address add 192.0.2.1/24 dev br0
        namespace far
        join $far eth0 br0 02:00:00:00:00:07
        inside $far ip address add 198.51.100.7/24 dev eth0
        inside $far ip route add 192.0.2.0/24 dev eth0
        serve $far 0.0.0.0:8001
        "$GREET" find --interface br0 --wait 1h &
        search=$!
        read -r _
        kill -TERM $search
        wait $search
    "#;
    let Some((search, mut input)) = networked(script) else {
        return;
    };
    assert!(search.line().starts_with("ADDRESS "));
    let row = search.line();
    assert!(
        row.starts_with("198.51.100.7 ") && row.ends_with("greeting, of another network"),
        "{row}"
    );
    writeln!(input, "enough").expect("it waits for that");
    let (lines, _, status) = search.end();
    assert_eq!(status.code(), Some(143));
    assert_eq!(lines[0], "Found 1 board.");
    assert!(
        lines[1].contains("give br0 an address of that network first"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn without_an_interface_or_a_permission_nobody_can_be_asked() {
    let Some(mut alone) = process::contained(&["--net"], &[GREET, "find"]) else {
        return;
    };
    let (_, errors, status) = Process::start(&mut alone).end();
    assert_eq!(status.code(), Some(1));
    assert!(
        errors[0].contains("no interface of this machine is up"),
        "{errors:?}"
    );

    // The first two are those by which the system's library asks for the interfaces.
    let forbid = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e"];
    if !needs("strace", Command::new("strace").arg("-V")) {
        return;
    }
    let mut strace = Command::new("strace");
    strace
        .args(forbid)
        .arg("inject=sendto:error=EPERM:when=3+")
        .arg(GREET);
    strace.args([
        "find",
        "--interface",
        "lo",
        "--wait",
        "300ms",
        "--port",
        "9",
    ]);
    let (_, errors, status) = Process::start(&mut strace).end();
    assert_eq!(status.code(), Some(1), "{errors:?}");
    let last = errors.last().expect("a sentence");
    assert!(last.contains("nothing could be asked"), "{errors:?}");
    assert!(
        errors[0].contains("can't ask over IPv4 on lo: Operation not permitted"),
        "{errors:?}"
    );
}
