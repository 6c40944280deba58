//! Reports on a terminal, narrow or plain, with and without colours (rows 14 and 18 of what real use
//! broke). The terminal is a pair of pseudo-terminals of this test's own.

#![cfg(target_os = "linux")] // elsewhere the reading end says otherwise that the writer is gone
mod process;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use process::Process;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Runs the program on a terminal with so many columns, and returns all that it wrote there.
fn on_terminal(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let size = Winsize {
        ws_row: 50,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size).expect("a size");
    let name = ptsname(&ours, Vec::new()).expect("a name");
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_str().expect("a path"))
        .expect("the other end");
    let mut command = Command::new(GREET);
    command
        .args(arguments)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    drop(command); // and with it their end
    let mut shown = Vec::new();
    // EIO is the end: nobody has the other end any more.
    let _ = File::from(ours).read_to_end(&mut shown);
    child.wait().expect("it ran");
    String::from_utf8(shown)
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

/// A ten-line server: greets what one read brings, and has no deadline.
fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serve = |mut client: TcpStream| {
        let mut name = [0; 1024];
        let len = client.read(&mut name).unwrap_or(0);
        let _ = client.write_all(&[b"Hello, ", &name[..len]].concat());
    };
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || serve(client));
        }
    });
    address.to_string()
}

/// Lines as they were at any moment, without escape sequences.
fn lines(shown: &str) -> impl Iterator<Item = String> {
    shown.split(['\n', '\r']).map(|line| {
        let mut parts = line.split('\u{1b}');
        let mut plain = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part
                .find(|c: char| c.is_ascii_alphabetic())
                .expect("a sequence");
            plain += &part[end + 1..];
        }
        plain
    })
}

#[test]
fn row_18_a_report_fits_into_forty_columns_and_a_long_wait_counts_down() {
    let server = plain_server();
    let mut arguments = vec![
        "probe",
        &server,
        "--timeout=1s",
        "--deadline=2s",
        "--rounds=50",
    ];
    for only in ["crowd", "tcp/split-*", "tcp/too-long-by-one", "udp/ada"] {
        arguments.extend(["--only", only]);
    }
    for columns in [40, 80] {
        let shown = on_terminal(columns, &arguments, &[]);
        for line in lines(&shown) {
            let width = line.chars().count();
            assert!(
                width <= columns.into(),
                "{width} in {columns}: {line}\n{shown}"
            );
        }
        let bytes = if columns == 40 { "   8  " } else { "   0  " };
        assert!(lines(&shown).any(|line| line.contains(bytes)), "{shown}");
        assert!(shown.contains("50 greetings in a row, "), "{shown}");
        for left in ["  ... crowd/late (2 s)", "  ... crowd/late (1 s)"] {
            assert!(shown.contains(left), "{left} is not in {shown}");
        }
    }
}

#[test]
fn row_14_colours_are_for_terminals_that_want_them() {
    let server = plain_server();
    let probe = ["probe", &server, "--only=close/after-name"];
    let never = [&probe[..], &["--color=never"]].concat();
    let always = [&probe[..], &["--color=always"]].concat();
    let green = "\u{1b}[32m✓\u{1b}[0m after-name\n";

    for (arguments, environment) in [(&probe[..], [("A", "b")]), (&always, [("NO_COLOR", "1")])] {
        let shown = on_terminal(80, arguments, &environment);
        assert!(shown.contains(green), "{shown:?}");
    }
    for (arguments, environment) in [
        (&probe[..], [("NO_COLOR", "1")]),
        (&probe, [("TERM", "dumb")]),
        (&never, [("A", "b")]),
    ] {
        let shown = on_terminal(80, arguments, &environment);
        assert!(shown.contains("✓ after-name\n"), "{shown:?}");
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\r'),
            "{shown:?}"
        );
    }

    let piped = |arguments: &[&str]| {
        let (lines, _, _) = Process::start(Command::new(GREET).args(arguments)).end();
        lines.join("\n") + "\n"
    };
    assert!(!piped(&probe).contains('\u{1b}'));
    assert!(piped(&always).contains(green));
}
