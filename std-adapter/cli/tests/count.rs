//! Counted messages: what becomes of each on its way is what both ends print.

#![cfg(unix)] // signals
mod process;

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use process::{PATIENCE, Process, run};
use serde_json::Value;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

fn receiver(arguments: &[&str]) -> (Process, SocketAddr) {
    let serve = ["serve", "--udp", "127.0.0.1:0", "--count"];
    let server = Process::start(Command::new(GREET).args(serve).args(arguments));
    let port = if arguments.contains(&"--json") {
        let listening: Value = serde_json::from_str(&server.line()).expect("an object");
        let address: SocketAddr = listening["address"]
            .as_str()
            .and_then(|address| address.parse().ok())
            .expect("an address");
        address.port()
    } else {
        server.udp_port()
    };
    (server, ([127, 0, 0, 1], port).into())
}

/// A sender to that address.
fn sender(to: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(GREET);
    command
        .args(["send", "--to", &to.to_string()])
        .args(arguments);
    command
}

/// What stands behind `Counted from ADDRESS: `.
#[track_caller]
fn totals(line: &str) -> &str {
    assert!(line.starts_with("Counted "), "{line}");
    line.split_once(": ").expect("totals").1
}

/// Passes datagrams on to `to`, each as often and as it is told by its number among all, and answers back.
fn relay(
    to: SocketAddr,
    mut fate: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
) -> SocketAddr {
    let near = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let far = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    far.connect(to).expect("an address");
    let address = near.local_addr().expect("it is bound");
    let (back, from) = (near.try_clone(), far.try_clone());
    let (back, from) = (back.expect("a socket"), from.expect("a socket"));
    let sender = Arc::new(Mutex::new(None));
    let known = Arc::clone(&sender);
    thread::spawn(move || {
        let mut datagram = [0; 2048];
        for number in 0.. {
            let Ok((len, from)) = near.recv_from(&mut datagram) else {
                return;
            };
            *known.lock().expect("no panic") = Some(from);
            for datagram in fate(number, datagram[..len].to_vec()) {
                // The receiver may have ended.
                let _ = far.send(&datagram);
            }
        }
    });
    thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok(len) = from.recv(&mut datagram) {
            let to = sender.lock().expect("no panic").expect("it has sent");
            let _ = back.send_to(&datagram[..len], to);
        }
    });
    address
}

#[test]
fn both_ends_print_the_same_totals() {
    let (server, address) = receiver(&[]);
    let lines = run(&mut sender(
        address,
        &["--count", "500", "--rate", "100000"],
    ));
    let begins = server.line();
    assert!(
        begins.starts_with("Counting messages from 127.0.0.1:"),
        "{begins}"
    );
    let ends = server.line();
    assert_eq!(totals(&lines[0]), totals(&ends));
    let words =
        "sent 500, received 500, lost 0 (0.00 %), duplicates 0, reordered 0, wrong 0, jitter ";
    assert!(totals(&ends).starts_with(words), "{ends}");
    assert!(ends.contains("128 bytes each"), "{ends}");
    assert_eq!(lines.len(), 1);
    // One that isn't numbered is shown.
    run(&mut sender(address, &["Ada"]));
    assert!(server.line().starts_with("Received message: Ada from "));
    server.interrupt();
    let (lines, _, status) = server.end();
    assert!(lines[0].ends_with(", counted 500 in 1 run"), "{lines:?}");
    assert!(status.success());
}

#[test]
fn programs_get_the_same_from_both_ends() {
    let (server, address) = receiver(&["--json"]);
    let arguments = [
        "--count", "50", "--rate", "100000", "--size", "1024", "--json",
    ];
    let lines = run(&mut sender(address, &arguments));
    let sent: Value = serde_json::from_str(&lines[0]).expect("an object");
    let begins: Value = serde_json::from_str(&server.line()).expect("an object");
    assert_eq!(
        (&begins["event"], &begins["run"]),
        (&"counting".into(), &sent["run"])
    );
    let ends: Value = serde_json::from_str(&server.line()).expect("an object");
    let keys = sent.as_object().expect("an object");
    for (key, value) in keys.iter().filter(|(key, _)| *key != "by") {
        assert_eq!(ends[key], *value, "{key}");
    }
    assert_eq!(
        (&sent["received"], &sent["size"]),
        (&50.into(), &1024.into())
    );
    let help = run(Command::new(GREET).args(["send", "--help"]));
    for key in keys.keys() {
        let is_explained = |line: &String| {
            let known = line.trim_start().split("  ").next().unwrap_or_default();
            known.split(", ").any(|known| known == key)
        };
        assert!(help.iter().any(is_explained), "{key} isn't in {help:#?}");
    }
}

#[test]
fn whatever_happens_on_the_way_is_counted_as_what_it_is() {
    let (server, address) = receiver(&["--json"]);
    let mut held = None;
    let between = relay(address, move |number, mut datagram| match number {
        3 | 99 | 100 => vec![], // 99 is the last of the messages, 100 the first end
        7 | 101 => vec![datagram.clone(), datagram],
        11 => {
            held = Some(datagram);
            vec![]
        }
        13 => vec![datagram, held.take().expect("it was held")],
        17 => {
            *datagram.last_mut().expect("a byte") ^= 1; // past UDP's checksum
            vec![datagram]
        }
        19 => {
            datagram[0] = 0xff;
            vec![datagram]
        }
        _ => vec![datagram],
    });
    let mut command = sender(between, &["--count", "100", "--rate", "2000", "--json"]);
    let (lines, errors, status) = Process::start(&mut command).end();
    // A wrong byte is a failure, loss is not.
    assert_eq!((errors.len(), status.code()), (1, Some(1)), "{errors:?}");
    assert!(errors[0].contains("2 messages came"), "{errors:?}");
    let sent: Value = serde_json::from_str(&lines[0]).expect("an object");
    server.line();
    let ends: Value = serde_json::from_str(&server.line()).expect("an object");
    for totals in [sent, ends] {
        for (key, expected) in [
            ("sent", 100),
            ("received", 96),
            ("missing", 4),
            ("duplicates", 1),
            ("reordered", 1),
            ("wrong", 2),
        ] {
            assert_eq!(totals[key], expected, "{key} in {totals}");
        }
    }
}

#[test]
fn senders_at_once_are_counted_apart() {
    let (server, address) = receiver(&["--json"]);
    let one = Process::start(&mut sender(address, &["--count", "300", "--rate", "3000"]));
    let other = Process::start(&mut sender(address, &["--count", "200", "--rate", "2000"]));
    for sender in [one, other] {
        let (lines, errors, status) = sender.end();
        assert!(status.success(), "{lines:?} {errors:?}");
    }
    let mut sent: Vec<_> = (0..4)
        .map(|_| serde_json::from_str::<Value>(&server.line()).expect("an object"))
        .filter(|event| event["event"] == "counted")
        .map(|event| (event["sent"].as_u64(), event["received"].as_u64()))
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [(Some(200), Some(200)), (Some(300), Some(300))]);
}

/// The rate is kept from the start on: never faster, whatever a message takes.
#[test]
fn messages_leave_when_they_are_due() {
    let (_server, address) = receiver(&["--quiet"]);
    let start = Instant::now();
    run(&mut sender(address, &["--count", "101", "--rate", "200"]));
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_sender_that_is_interrupted_is_counted_as_far_as_it_got() {
    let (server, address) = receiver(&[]);
    let run = ["--count", "4000000000", "--rate", "500"];
    let sending = Process::start(&mut sender(address, &run));
    server.line(); // it has begun
    sending.interrupt();
    let (lines, errors, status) = sending.end();
    assert_eq!((errors.len(), status.code()), (0, Some(130)), "{errors:?}");
    let ends = server.line();
    assert_eq!(totals(&lines[0]), totals(&ends));
    assert!(ends.contains(" lost 0 "), "{ends}");
}

#[test]
fn a_receiver_that_is_interrupted_says_what_it_has() {
    let (server, address) = receiver(&[]);
    let run = ["--count", "4000000000", "--rate", "500"];
    let sending = Process::start(&mut sender(address, &run));
    server.line(); // it has begun
    server.interrupt();
    let (lines, _, status) = server.end();
    assert!(totals(&lines[0]).starts_with("sent at least "), "{lines:?}");
    assert!(lines[1].starts_with("Summary: messages 0,"), "{lines:?}");
    assert!(status.success());
    let (_, errors, status) = sending.end();
    assert_eq!((errors.len(), status.code()), (1, Some(1)), "{errors:?}");
    assert!(errors[0].contains("nobody listens at"), "{errors:?}");
}

#[test]
fn one_that_does_not_count_is_recognised_and_shows_messages() {
    let serve = ["serve", "--udp", "127.0.0.1:0", "--reply"];
    let server = Process::start(Command::new(GREET).args(serve));
    let address = ([127, 0, 0, 1], server.udp_port()).into();
    let mut command = sender(address, &["--count", "2"]);
    let (_, errors, status) = Process::start(&mut command).end();
    assert_eq!((errors.len(), status.code()), (1, Some(1)), "{errors:?}");
    assert!(errors[0].contains("start it with --count"), "{errors:?}");
    let shown = server.line();
    assert!(
        shown.starts_with("Received message: greet-count "),
        "{shown}"
    );

    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let (_, errors, _) = Process::start(&mut sender(address, &["--count", "2"])).end();
    assert!(
        errors[0].contains("`greet serve --count` does"),
        "{errors:?}"
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let many = "255.255.255.255:8001".parse().expect("an address");
    let (_, errors, status) = Process::start(&mut sender(many, &["--count", "1"])).end();
    assert!(errors[0].contains("an address of many"), "{errors:?}");
    assert_eq!(status.code(), Some(1));
    let to = "127.0.0.1:9".parse().expect("an address");
    for arguments in [
        &["--count", "0"][..],
        &["--count", "1", "--size", "95"],
        &["--count", "1", "--size", "1025"],
        &["--rate", "5"],
        &["--count", "1", "Ada"],
    ] {
        let (_, _, status) = Process::start(&mut sender(to, arguments)).end();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
    let serve = ["serve", "--tcp", "127.0.0.1:0", "--count"];
    let (_, errors, status) = Process::start(Command::new(GREET).args(serve)).end();
    assert_eq!(status.code(), Some(2), "{errors:?}");
}
