//! `greet serve`: what it prints of whom, in which form, and how it stops.

use std::io::Write;
use std::net::{Shutdown, TcpListener, UdpSocket};
use std::process::Command;

use crate::process::{PATIENCE, port_in};
use crate::{GREET, connect, greet, json, rest, serve, stop, text};

#[test]
fn serve_prints_what_the_exercise_asks_for() {
    let server = serve(&["--tcp", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
    let (tcp, udp) = (server.tcp_port(), server.udp_port());

    let mut client = connect(tcp);
    let peer = client.local_addr().expect("it is connected");
    client.write_all(b"World").expect("the server reads");
    assert_eq!(rest(&mut client), "Hello, World");
    assert_eq!(server.line(), format!("Connection from {peer}"));

    let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let from = sender.local_addr().expect("it is bound");
    sender
        .send_to(b"Hello, UDP!", ("127.0.0.1", udp))
        .expect("it leaves");
    assert_eq!(
        server.line(),
        format!("Received message: Hello, UDP! from {from}")
    );
}

#[test]
fn one_address_means_only_that() {
    let server = serve(&["--udp", "127.0.0.1:0"]);
    server.udp_port();
    let (lines, _) = stop(server);
    assert_eq!(
        lines,
        ["Summary: messages 0, messages refused 0 (too long 0, not UTF-8 0)"]
    );
}

/// A server that stands still loses what its socket has no room for, and says so.
#[cfg(target_os = "linux")]
#[test]
fn messages_that_the_kernel_dropped_are_said() {
    const SENT: u64 = 100_000;
    for style in ["--json", "--quiet"] {
        let server = serve(&["--udp", "127.0.0.1:0", style]);
        let port = if style == "--json" {
            let listening = json(&server.line());
            let address = listening["address"].as_str().expect("an address");
            port_in(address, "127.0.0.1:", "")
        } else {
            server.udp_port()
        };
        server.suspend();
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for _ in 0..SENT {
            sender.send_to(b"x", ("127.0.0.1", port)).expect("room");
        }
        server.resume();
        let (lines, _) = stop(server);
        let summary = lines.last().expect("a summary");
        let (messages, lost) = if style == "--json" {
            let summary = json(summary);
            (summary["messages"].as_u64(), summary["lost"].as_u64())
        } else {
            let number = |name: &str| {
                let parts = &mut summary.split(' ').skip_while(|word| *word != name);
                let number = parts.nth(1).expect("a number");
                number.trim_matches(',').parse().ok()
            };
            (number("messages"), number("lost"))
        };
        let (messages, lost) = messages.zip(lost).expect("two numbers");
        assert!(lost > 0, "{summary}");
        assert_eq!(messages + lost, SENT, "{summary}");
    }
}

#[test]
fn serve_answers_messages_if_asked_to() {
    let server = serve(&["--udp", "127.0.0.1:0", "--reply", "--reply-limit", "3"]);
    let port = server.udp_port();
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    sender.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let mut answer = [0; 64];
    for (message, expected) in [
        (&b"Ada"[..], "Hello, Ada"),
        (b"\xff", "Error: message is not UTF-8 at byte 0\n"),
    ] {
        sender
            .send_to(message, ("127.0.0.1", port))
            .expect("it leaves");
        let len = sender.recv(&mut answer).expect("an answer");
        assert_eq!(&answer[..len], expected.as_bytes());
    }
    let (lines, _) = stop(server);
    assert_eq!(
        lines.last().expect("a summary"),
        "Summary: messages 1, messages refused 1 (too long 0, not UTF-8 1), \
         replies 2, replies withheld 0 (over the limit 0, not sent 0)"
    );
}

#[test]
fn replies_need_somebody_who_receives() {
    let output = Command::new(GREET)
        .args(["serve", "--tcp", "127.0.0.1:0", "--reply"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let sentence = String::from_utf8_lossy(&output.stderr);
    assert!(sentence.contains("add --udp"), "{sentence}");
}

#[test]
fn a_stopped_server_has_counted_everybody() {
    let server = serve(&["--tcp", "127.0.0.1:0"]);
    let port = server.tcp_port();
    for (name, reply) in [
        (&b"Ada"[..], "Hello, Ada"),
        (b"\xff", "Error: name is not UTF-8 at byte 0\n"),
        (&[b'a'; 1025], "Error: name is longer than 1024 bytes\n"),
        (b"", "Hello, "),
    ] {
        let mut client = connect(port);
        client.write_all(name).expect("the server reads");
        client.shutdown(Shutdown::Write).expect("it is connected");
        assert_eq!(rest(&mut client), reply);
    }
    let (lines, errors) = stop(server);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(
        lines[4],
        "Summary: greeted 2, refused 2 (too long 1, not UTF-8 1, late 0), abandoned 0"
    );
    let refused = |why: &str| {
        errors
            .iter()
            .any(|line| line.starts_with("Refused 127.0.0.1:") && line.ends_with(why))
    };
    assert!(refused(": name is not UTF-8 at byte 0"), "{errors:?}");
    assert!(refused(": name is longer than 1024 bytes"), "{errors:?}");
}

#[test]
fn a_client_in_hand_is_served_after_the_first_signal() {
    let server = serve(&["--tcp", "127.0.0.1:0"]);
    let port = server.tcp_port();
    let mut client = connect(port);
    assert!(server.line().starts_with("Connection from "));
    server.interrupt();
    assert_eq!(
        server.error_line(),
        "Finishing what is in hand (again to stop at once)"
    );
    client.write_all(b"World").expect("it is still served");
    assert_eq!(rest(&mut client), "Hello, World");
    let (lines, _, status) = server.end();
    assert!(lines[0].starts_with("Summary: greeted 1, "), "{lines:?}");
    assert!(status.success());
}

#[test]
fn the_second_signal_stops_at_once() {
    let server = serve(&["--tcp", "127.0.0.1:0", "--deadline", "1h"]);
    let port = server.tcp_port();
    let silent = connect(port);
    assert!(server.line().starts_with("Connection from "));
    server.interrupt();
    server.error_line();
    server.interrupt();
    let (lines, _, status) = server.end();
    assert!(lines[0].ends_with(" abandoned 1"), "{lines:?}");
    assert!(status.success());
    drop(silent);
}

#[test]
fn json_is_one_object_a_line_and_drives_no_terminal() {
    let server = serve(&["--json", "--tcp", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
    let listening = [json(&server.line()), json(&server.line())];
    let port = |index: usize| -> u16 {
        let address = listening[index]["address"].as_str().expect("an address");
        address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("a port")
    };
    assert_eq!(listening[0]["event"], "listening");

    let name = "a\n\u{9b}2J\u{202e}\"世\u{e0041}\u{ad} 👩\u{200d}🚀";
    let mut client = connect(port(0));
    let peer = client.local_addr().expect("it is connected").to_string();
    client.write_all(name.as_bytes()).expect("the server reads");
    client.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(rest(&mut client), format!("Hello, {name}"));

    let connected = json(&server.line());
    assert_eq!(
        (&connected["event"], &connected["peer"]),
        (&"connected".into(), &peer.into())
    );
    let line = server.line();
    assert!(
        line.chars().all(|c| !c.is_control() && c != '\u{202e}'),
        "{line:?}"
    );
    assert!(
        line.contains("世\\udb40\\udc41\\u00ad 👩\u{200d}🚀"),
        "nobody would see it: {line:?}"
    );
    assert_eq!(json(&line)["name"], name);

    UdpSocket::bind("127.0.0.1:0")
        .and_then(|sender| sender.send_to(b"a\xff", ("127.0.0.1", port(1))))
        .expect("it leaves");
    assert_eq!(
        json(&server.line())["why"],
        "message is not UTF-8 at byte 1"
    );
    let (lines, errors) = stop(server);
    assert_eq!(json(&lines[0])["greeted"], 1);
    assert_eq!(errors, [""; 0]);
}

#[test]
fn quiet_leaves_out_who_does_everything_right() {
    let server = serve(&["--quiet", "--tcp", "127.0.0.1:0"]);
    let port = server.tcp_port();
    let mut client = connect(port);
    client.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(rest(&mut client), "Hello, ");
    let (lines, _) = stop(server);
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn a_closed_stdout_does_not_stop_the_server() {
    let mut server = serve(&["--tcp", "127.0.0.1:0"]);
    let port = server.tcp_port();
    server.close_stdout();
    for _ in 0..3 {
        let mut client = connect(port);
        client.write_all(b"World").expect("the server reads");
        assert_eq!(rest(&mut client), "Hello, World");
    }
    server.interrupt();
    let (_, _, status) = server.end();
    assert!(status.success());
}

#[test]
fn an_address_in_use_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = greet(&["serve", "--tcp", &address], b"");
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains(&format!(
            "can't listen on {address}: address already in use (is another"
        )),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
#[cfg(target_os = "linux")] // whose loopback has a broadcast address
fn a_broadcast_reaches_a_receiver_for_all_addresses() {
    let server = serve(&["--udp", "0.0.0.0:0"]);
    let to = format!("127.255.255.255:{}", server.udp_port());
    let output = greet(&["send", "to all", "--to", &to], b"");
    assert_eq!(
        (text(&output.stderr), output.status.code()),
        (String::new(), Some(0))
    );
    port_in(
        &server.line(),
        "Received message: to all from 127.0.0.1:",
        "",
    );
}
