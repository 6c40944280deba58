//! `greet hello` and `greet send`, what they say of a server that isn't right, and command lines that are not.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::process::port_in;
use crate::{greet, rest, serve, text};

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
