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

/// Both ends of a terminal with so many columns.
fn terminal(columns: u16) -> (File, File) {
    let ours =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
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
    (ours.into(), theirs)
}

/// Runs the program on a terminal with so many columns, and returns all that it wrote there.
fn on_terminal(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let (ours, theirs) = terminal(columns);
    run(arguments, environment, theirs, Stdio::null(), ours)
}

/// Runs the program with these streams, and returns all that came at the end of one of them.
fn run(
    arguments: &[&str],
    environment: &[(&str, &str)],
    stdout: impl Into<Stdio>,
    stderr: impl Into<Stdio>,
    mut end: impl Read,
) -> String {
    let mut command = Command::new(GREET);
    command
        .args(arguments)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    let mut child = command.spawn().expect("it starts");
    drop(command); // and with it the other end
    let mut shown = Vec::new();
    // EIO is the end: nobody has the other end any more.
    let _ = end.read_to_end(&mut shown);
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

/// A report that is read later begins with what to mend. Who looks on sees the checks first, as they end, or is told on
/// stderr what goes on.
#[test]
fn findings_lead_where_nobody_looks_on() {
    const FINDINGS: &str = "Findings, in the order in which to mend them:";
    let server = plain_server();
    let arguments = [
        "probe",
        &server,
        "--timeout=1s",
        "--deadline=2s",
        "--only=crowd/late",
        "--only=tcp/split-character",
    ];
    let at = |shown: &str, wanted: &str| {
        let at = lines(shown).position(|line| line.starts_with(wanted));
        at.unwrap_or_else(|| panic!("{wanted} is not in {shown}"))
    };
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let (watched, stderr) = terminal(80);
    let report = run(&arguments, &[], writer, stderr, reader);
    assert!(report.starts_with(FINDINGS), "{report}");
    let (link, tree) = (at(&report, "the link: "), at(&report, "crowd"));
    assert!(link < tree && tree < at(&report, &server), "{report}");
    assert!(!report.contains('\u{1b}'), "{report}");
    // Each cross has the number of the finding that names it.
    let behind = |text: &str, wanted: &str| {
        let parts = text.split_once(wanted);
        let (_, rest) = parts.unwrap_or_else(|| panic!("{wanted} is not in {text}"));
        rest.to_owned()
    };
    for (check, name) in [
        ("crowd/late", "late"),
        ("tcp/split-character", "split-character"),
    ] {
        let cross = behind(&report, &format!("\n  ✗ {name}: "));
        let see = behind(&cross, "\n      see finding ");
        let number = see.lines().next().expect("a number");
        let finding = behind(&report, &format!("\n {number}. ✗ "));
        let seen = behind(&finding, "seen in: ");
        assert_eq!(seen.lines().next(), Some(check), "{report}");
    }
    let mut shown = Vec::new();
    let _ = { watched }.read_to_end(&mut shown);
    let shown = String::from_utf8(shown).expect("UTF-8");
    at(&shown, "  ... crowd/late (");
    // It is taken back before the last word.
    let last = lines(&shown).filter(|line| !line.is_empty()).last();
    let last = last.expect("a word");
    assert!(last.starts_with("greet: "), "{shown}");

    let shown = on_terminal(80, &arguments, &[]);
    assert!(at(&shown, "crowd") < at(&shown, FINDINGS), "{shown}");
    assert!(at(&shown, FINDINGS) < at(&shown, "the link: "), "{shown}");
    assert!(!shown.contains("see finding"), "{shown}");
    // Without escape sequences, they still see it.
    let shown = on_terminal(80, &arguments, &[("TERM", "dumb")]);
    assert!(at(&shown, "crowd") < at(&shown, FINDINGS), "{shown}");
}

/// What a terminal takes no more that was closed, a report for a program has all the same.
#[test]
fn a_closed_terminal_ends_no_run_that_has_another_report() {
    let server = plain_server();
    let folder = std::env::temp_dir();
    let report = folder.join(format!("greet-closed-{}.xml", std::process::id()));
    let (ours, theirs) = terminal(80);
    let mut command = Command::new(GREET);
    command
        .args([
            "probe",
            &server,
            "--only=tcp/world",
            "--only=close",
            "--junit",
        ])
        .arg(&report)
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    drop((ours, command)); // and with it the other end
    assert_eq!(child.wait().expect("it ran").code(), Some(1));
    let xml = std::fs::read_to_string(&report).expect("a report");
    std::fs::remove_file(&report).expect("it is ours");
    let checks = xml.matches("<testcase classname=\"close\"").count();
    assert_eq!(checks, 4, "{xml}");
    assert!(
        xml.contains("<testcase classname=\"tcp\" name=\"world\"/>"),
        "{xml}"
    );
    assert!(xml.contains("can't write to stdout"), "{xml}");
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
        let left = "  ... crowd/late (1 s)";
        assert!(shown.contains(left), "{left} is not in {shown}");
    }
}

/// The line of a soak has whole parts, in any width, and the note at the end has all of it.
#[test]
fn the_line_of_a_soak_fits_into_its_row() {
    let server = plain_server();
    let soak = [
        "probe",
        &server,
        "--soak=2500ms",
        "--seed=5",
        "--only=tcp/world",
    ];
    for columns in [40, 80] {
        let shown = on_terminal(columns, &soak, &[]);
        let mut told =
            lines(&shown).filter(|line| line.starts_with("1s ") || line.starts_with("2s "));
        let line = told.next().unwrap_or_else(|| panic!("{shown}"));
        assert!(line.chars().count() < columns.into(), "{line}");
        assert!(
            line.contains(" p99 ") && line.ends_with(" ms seed 5"),
            "{line}"
        );
        assert_eq!(line.contains("/s "), columns == 80, "{line}");
        let note = shown.split("Note: soak: ").nth(1).expect("a note");
        assert!(
            note.contains("seed 5") && note.contains(" connections"),
            "{note}"
        );
    }
}

#[test]
fn row_14_colours_are_for_terminals_that_want_them() {
    let server = plain_server();
    let probe = ["probe", &server, "--only=tcp/world"];
    let never = [&probe[..], &["--color=never"]].concat();
    let always = [&probe[..], &["--color=always"]].concat();
    let green = "\u{1b}[32m✓\u{1b}[0m world\n";

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
        assert!(shown.contains("✓ world\n"), "{shown:?}");
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

#[test]
fn who_is_found_fits_on_a_narrow_terminal() {
    use std::net::UdpSocket;
    let board = UdpSocket::bind("0.0.0.0:0").expect("a free port");
    let port = board.local_addr().expect("it is bound").port().to_string();
    thread::spawn(move || {
        let mut question = [0; 64];
        while let Ok((len, from)) = board.recv_from(&mut question) {
            let greeting = [b"Hello, ", &question[..len]].concat();
            // The search may be over.
            let _ = board.send_to(&greeting, from);
        }
    });
    for columns in [40, 60, 80, 120] {
        let search = [
            "find",
            "--interface",
            "lo",
            "--wait",
            "300ms",
            "--port",
            &port,
        ];
        let shown = on_terminal(columns, &search, &[("NO_COLOR", "1")]);
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("this machine"), "{shown}");
        let next = format!("  greet probe 127.0.0.1:8000 --udp 127.0.0.1:{port}");
        // What is to be copied stays in one piece.
        assert!(lines(&shown).any(|line| line == next), "{shown}");
        for line in lines(&shown).filter(|line| *line != next) {
            let width = line.chars().count();
            assert!(width <= columns.into(), "{width} of {columns}: {line}");
        }
    }
}
