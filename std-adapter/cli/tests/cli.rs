//! The program `greet`, as a user at a terminal or a script sees it: lines, streams, exit statuses.

#![cfg(unix)] // signals
mod process;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::thread;

use process::{PATIENCE, Process, port_in};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

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
fn hello_and_send_reach_serve() {
    let server = serve(&["--tcp", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
    let tcp = format!("localhost:{}", server.tcp_port());
    let udp = format!("127.0.0.1:{}", server.udp_port());

    let received = |args: &[&str], stdin: &[u8]| {
        let output = greet(args, stdin);
        assert_eq!(
            (text(&output.stderr), output.status.code()),
            (String::new(), Some(0))
        );
        text(&output.stdout)
    };
    assert_eq!(
        received(&["hello", "--to", &tcp], b""),
        "Received: Hello, World\n"
    );
    assert_eq!(
        received(&["hello", "Ada", "--to", &tcp], b""),
        "Received: Hello, Ada\n"
    );
    assert_eq!(
        received(&["hello", "-", "--to", &tcp], b"two\nlines\x1b[31m"),
        "Received: Hello, two\\nlines\\u{1b}[31m\n"
    );
    let longest = received(&["hello", "-", "--to", &tcp], &[b'x'; 1024]);
    assert_eq!(longest, format!("Received: Hello, {}\n", "x".repeat(1024)));

    assert_eq!(received(&["send", "--to", &udp], b""), "");
    let line = loop {
        let line = server.line();
        if !line.starts_with("Connection from ") {
            break line;
        }
    };
    port_in(&line, "Received message: Hello, UDP! from 127.0.0.1:", "");
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

#[test]
fn what_is_no_name_is_refused_before_anything_is_sent() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    nobody.set_nonblocking(true).expect("a listener");
    let to = nobody.local_addr().expect("it is bound").to_string();
    for (name, error) in [
        (
            &[b'x'; 1025][..],
            "greet: the name is longer than 1024 bytes: shorten it; nothing was sent\n",
        ),
        (
            b"ab\xff",
            "greet: the name is not UTF-8 at byte 2: convert it to UTF-8; nothing was sent\n",
        ),
    ] {
        let output = greet(&["hello", "-", "--to", &to], name);
        assert_eq!(
            (text(&output.stderr).as_str(), output.status.code()),
            (error, Some(1))
        );
    }
    let accepted = nobody.accept().map_err(|error| error.kind());
    assert!(
        matches!(accepted, Err(std::io::ErrorKind::WouldBlock)),
        "{accepted:?}"
    );
}

#[test]
fn hello_says_why_there_is_no_greeting() {
    for (reply, error) in [
        ("Error: no\x1b[31m\n", "refused: no\\u{1b}[31m"),
        (
            "Hello, Worms",
            "differs from the greeting at byte 10 (it sent \"Hello, Worms\")",
        ),
        (
            "Hello, Wor",
            "closed the connection after 10 bytes of the greeting",
        ),
        ("", "closed the connection without a reply"),
    ] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let to = server.local_addr().expect("it is bound").to_string();
        let answering = thread::spawn(move || {
            let (mut client, _) = server.accept().expect("a client");
            rest(&mut client);
            client
                .write_all(reply.as_bytes())
                .expect("the client reads");
        });
        let output = greet(&["hello", "--to", &to], b"");
        answering.join().expect("it answered");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains(error),
            "{}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stderr).lines().count(), 1);
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_silent_server_runs_into_the_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = silent.local_addr().expect("it is bound").to_string();
    let output = greet(&["hello", "--to", &to, "--timeout", "50ms"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("no whole reply in time"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for args in [
        &["bogus"][..],
        &["serve", "--deadline", "soon"],
        &["serve", "--workers", "0"],
        &[],
    ] {
        assert_eq!(greet(args, b"").status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn help_and_completions_teach() {
    for (args, expected) in [
        (&["--help"][..], "Exit status:"),
        (&["serve", "--help"], "A second Ctrl-C stops at once"),
        (&["hello", "--help"], "byte for byte"),
        (&["completions", "bash"], "_greet()"),
    ] {
        let output = greet(args, b"");
        let help = text(&output.stdout).replace('\n', " ").to_lowercase();
        assert_eq!(output.status.code(), Some(0));
        assert!(help.contains(&expected.to_lowercase()), "{help}");
    }
}

/// Not that of a library's package.
#[test]
fn the_version_says_the_programs_name() {
    let output = greet(&["--version"], b"");
    let said = concat!("greet ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(
        (text(&output.stdout).as_str(), output.status.code()),
        (said, Some(0))
    );
}

#[test]
fn demo_gets_every_byte_right() {
    let output = greet(&["demo"], b"");
    assert_eq!(
        (text(&output.stderr), output.status.code()),
        (String::new(), Some(0))
    );
    let shown = text(&output.stdout);
    let last = shown.lines().last().expect("lines");
    assert!(
        last.starts_with("All ") && last.contains(" bytes were right"),
        "{shown}"
    );
}

fn serve(args: &[&str]) -> Process {
    Process::start(Command::new(GREET).arg("serve").args(args))
}

/// Sends SIGINT, and returns what the server still said, on stdout and on stderr.
fn stop(server: Process) -> (Vec<String>, Vec<String>) {
    server.interrupt();
    let (lines, mut errors, status) = server.end();
    errors.retain(|line| !line.starts_with("Finishing"));
    assert!(status.success());
    (lines, errors)
}

/// Runs the program to its end.
fn greet(args: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(GREET)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may end before it has read all.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    child.wait_with_output().expect("it ran")
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

fn rest(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("a reply, and FIN");
    text(&reply)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
