//! A stack without half-close: FIN ends the connection there, and what the server says then is lost.

mod process;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use process::Process;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Such a server, until the test ends. It greets who sends nothing for a while after the name.
fn server(ends: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, ends));
        }
    });
    address
}

fn serve(mut stream: TcpStream, ends: fn(TcpStream)) {
    let quiet = Some(Duration::from_millis(100));
    let (mut name, mut buffer) = (Vec::new(), [0; 2048]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return ends(stream),
            Ok(n) => name.extend_from_slice(&buffer[..n]),
            Err(_) if name.is_empty() => return,
            Err(_) => break, // nothing has followed
        }
        stream.set_read_timeout(quiet).expect("some time");
    }
    let _ = stream.write_all(&[b"Hello, ", &name[..]].concat());
}

fn greet(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines, errors, status.code())
}

/// FIN is answered with FIN, or with silence.
const ENDS: [fn(TcpStream); 2] = [drop, std::mem::forget];

/// At once, as most of it is waiting.
fn over_each(test: impl Fn(fn(TcpStream)) + Sync) {
    let test = &test;
    thread::scope(|scope| {
        for ends in ENDS {
            scope.spawn(move || test(ends));
        }
    });
}

#[test]
fn hello_asks_again_without_fin_and_says_so() {
    over_each(|ends| {
        let to = server(ends).to_string();
        let (lines, errors, status) = greet(&["hello", "Ada", "--to", &to, "--timeout=3s"]);
        assert_eq!(lines, ["Received: Hello, Ada"], "{errors:?}");
        let [note] = &errors[..] else {
            panic!("{errors:?}");
        };
        assert!(
            note.contains("FIN behind the name may have cost the reply"),
            "{note}"
        );
        assert_eq!(status, Some(0));
        // The empty name has no other end.
        let (lines, errors, status) = greet(&["hello", "", "--to", &to, "--timeout=500ms"]);
        assert_eq!((lines.len(), errors.len(), status), (0, 1, Some(1)));
    });
}

#[test]
fn the_probe_has_one_cross_for_it() {
    over_each(|ends| {
        let to = server(ends).to_string();
        let only = [
            "first",
            "close",
            "read/slow",
            "tcp/nul",
            "tcp/world*",
            "tcp/full",
        ];
        let only = only.map(|only| format!("--only={only}"));
        let mut asked = vec!["probe", &to, "--timeout=3s"];
        asked.extend(only.iter().map(String::as_str));
        let (lines, errors, status) = greet(&asked);
        let crosses: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with("  ✗"))
            .collect();
        let [cross] = &crosses[..] else {
            panic!("{lines:#?} {errors:?}");
        };
        assert!(cross.starts_with("  ✗ half-close: "), "{cross}");
        let findings = lines.iter().filter(|line| line.contains(". ✗ "));
        let [finding] = &findings.collect::<Vec<_>>()[..] else {
            panic!("{lines:#?}");
        };
        let words = " 1. ✗ stack: a client that sends FIN behind its name gets no reply: ";
        assert!(finding.starts_with(words), "{finding}");
        let said = |sentence: &str| lines.iter().filter(|line| line.contains(sentence)).count();
        assert_eq!(said("skipped: needs half-close"), 4, "{lines:#?}");
        assert_eq!(said("  ✓ "), 6, "{lines:#?}");
        assert_eq!(status, Some(1));
    });
}
