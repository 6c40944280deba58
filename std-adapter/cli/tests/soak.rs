//! `greet probe --soak` and `--quick`, as somebody sees them who leaves a board overnight, or who hasn't the
//! time for it.

mod process;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use process::Process;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What it printed on stdout and stderr, and its exit status.
fn greet(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines, errors, status.code())
}

/// A server without a check of UTF-8, and word of each client that it has greeted.
fn unchecked() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (greeted, words) = mpsc::channel();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut name = [0; 2000];
            let len = client.read(&mut name).unwrap_or(0);
            let _ = client.write_all(&[b"Hello, ", &name[..len]].concat());
            let _ = greeted.send(()); // the test may be over
        }
    });
    (address.to_string(), words)
}

fn soak(seed: &str) -> (Vec<String>, Option<i32>) {
    let (address, _words) = unchecked();
    let (lines, errors, status) = greet(&[
        "probe",
        &address,
        "--soak=1h",
        "--seed",
        seed,
        "--only=tcp/world",
        "--only=tcp/one-byte",
        "--only=tcp/chinese",
        "--only=tcp/bad-first",
    ]);
    assert!(errors.iter().any(|e| e.contains("1 failed")), "{errors:?}");
    (lines, status)
}

/// How many checks had ended, as the note says.
fn checks(lines: &[String]) -> &str {
    let note = lines.iter().find(|line| line.starts_with("Note: soak: "));
    let note = note.expect("what it came to");
    let parts: Vec<_> = note.split(", ").collect();
    parts[1]
}

/// The same again, by the command that the note has: as a shell takes it.
fn again(lines: &[String]) -> Vec<String> {
    let all = |line: &String| {
        Some(
            line.split_once(": all of them come again with ")?
                .1
                .to_owned(),
        )
    };
    let command = lines.iter().find_map(all);
    let command = command.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(command.contains(" --seed 7 ") && command.contains(" --soak 1h --only tcp/world "));
    let (lines, _, _) = Process::start(Command::new("sh").args(["-c", &command])).end();
    lines
}

#[test]
fn a_soak_stops_at_the_first_failure_and_comes_again_by_its_seed() {
    let (lines, status) = soak("7");
    assert_eq!(status, Some(1));
    let crosses = lines.iter().filter(|line| line.starts_with("  ✗ "));
    assert_eq!(crosses.count(), 1, "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains('✓')), "{lines:#?}");
    assert_eq!(checks(&lines), checks(&soak("7").0));
    assert_eq!(checks(&lines), checks(&again(&lines)));
    let others: Vec<_> = ["1", "2", "3", "4", "5"]
        .map(|seed| checks(&soak(seed).0).to_owned())
        .into();
    assert!(
        others.iter().any(|other| other != checks(&lines)),
        "{others:?}"
    );
}

#[test]
fn a_soak_that_is_interrupted_says_what_it_came_to() {
    let (address, words) = unchecked();
    let soak = [
        "probe",
        &address,
        "--soak=1h",
        "--seed=3",
        "--only=tcp/world",
    ];
    let soaking = Process::start(Command::new(GREET).args(soak));
    for _ in 0..20 {
        words.recv().expect("it greets");
    }
    soaking.interrupt();
    let (lines, errors, status) = soaking.end();
    assert_eq!(status.code(), Some(130), "{errors:?}");
    assert_eq!(errors, ["greet: interrupted"]);
    let note = lines.iter().find(|line| line.starts_with("Note: soak: "));
    let note = note.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(
        note.contains(" of 1h, ") && note.ends_with("seed 3"),
        "{note}"
    );
}

#[test]
fn a_quick_run_says_what_it_left_out() {
    let server =
        Process::start(Command::new(GREET).args(["serve", "--tcp=127.0.0.1:0", "--quiet"]));
    let address = format!("127.0.0.1:{}", server.tcp_port());
    let only = ["--only=crowd/late", "--only=crowd/in-a-row"];
    let (lines, errors, status) = greet(&[&["probe", &address, "--quick"][..], &only].concat());
    assert_eq!(status, Some(0), "{errors:?}");
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(
        has("  - late: skipped: a quick run doesn't wait for the deadline"),
        "{lines:#?}"
    );
    assert!(has("100 greetings in a row, "), "{lines:#?}");
}
