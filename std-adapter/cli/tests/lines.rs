//! `greet hello --lines` and `greet bench --lines`, as somebody with a file of names sees them.

mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};

use greet_std::Server;
use greet_std::core::limits::Limits;
use greet_std::core::lines::{Lines, Tally};
use greet_std::server::Handle;
use process::Process;
use serde_json::Value;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Our server, in lines mode.
struct Ours {
    address: String,
    handle: Handle,
    running: JoinHandle<Tally>,
}

impl Ours {
    fn start() -> Self {
        let server = Server::<Lines>::serving(Limits::DEFAULT)
            .bind("127.0.0.1:0")
            .expect("a free port");
        Self {
            address: server.local_addr().to_string(),
            handle: server.handle(),
            running: thread::spawn(move || server.run(|_event| {}).expect("it serves")),
        }
    }

    fn stop(self) -> Tally {
        self.handle.stop();
        self.running.join().expect("it doesn't panic")
    }
}

/// Somebody who takes one connection after the other and does this with each.
fn somebody<const N: usize>(serve: [fn(TcpStream); N]) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let running = thread::spawn(move || {
        for serve in serve {
            serve(listener.accept().expect("somebody comes").0);
        }
    });
    (address, running)
}

fn line_of(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line");
    line
}

/// Lines on stdout and on stderr, and the exit status.
fn hello(address: &str, input: &[u8]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (process, mut stdin) =
        Process::start_with_input(Command::new(GREET).args(["hello", "--lines", "--to", address]));
    let input = input.to_vec();
    let writing = thread::spawn(move || {
        // Whoever has failed reads no more.
        let _ = stdin.write_all(&input);
    });
    let (lines, errors, status) = process.end();
    writing.join().expect("it doesn't panic");
    (lines, errors, status.code())
}

#[test]
fn every_line_is_greeted_and_the_last_without_a_line_feed_too() {
    let ours = Ours::start();
    let longest = "x".repeat(1024);
    for (input, names) in [
        ("", vec![]),
        ("Ada\n", vec!["Ada"]),
        ("Ada\n\n世界\r\nGrace", vec!["Ada", "", "世界\\r", "Grace"]),
        (&longest, vec![&longest]),
    ] {
        let expected: Vec<_> = names
            .iter()
            .map(|name| format!("Received: Hello, {name}"))
            .collect();
        let got = hello(&ours.address, input.as_bytes());
        assert_eq!(got, (expected, vec![], Some(0)), "{input:?}");
    }
    let tally = ours.stop();
    assert_eq!((tally.greeted, tally.refused), (6, 0));
}

#[test]
fn ten_thousand_lines_come_back_in_order() {
    let ours = Ours::start();
    let names: Vec<_> = (0..10_000)
        .map(|number| format!("client {number}"))
        .collect();
    let (lines, errors, status) = hello(&ours.address, (names.join("\n") + "\n").as_bytes());
    let expected = names.iter().map(|name| format!("Received: Hello, {name}"));
    assert!(lines.into_iter().eq(expected));
    assert_eq!((errors, status), (vec![], Some(0)));
    assert_eq!(ours.stop().greeted, 10_000);
}

#[test]
fn a_reply_is_printed_before_the_next_line_is_typed() {
    let ours = Ours::start();
    let (process, mut stdin) = Process::start_with_input(Command::new(GREET).args([
        "hello",
        "--lines",
        "--to",
        &ours.address,
    ]));
    for name in ["Ada", "Grace", "Barbara"] {
        writeln!(stdin, "{name}").expect("it reads");
        assert_eq!(process.line(), format!("Received: Hello, {name}"));
    }
    drop(stdin);
    assert_eq!(process.end().2.code(), Some(0));
    ours.stop();
}

#[test]
fn a_line_that_cannot_be_sent_is_named_and_those_before_it_are_greeted() {
    let ours = Ours::start();
    let long = [b"Ada\n".to_vec(), vec![b'x'; 1024], b"\nGrace\n".to_vec()].concat();
    for (input, why) in [
        (
            &b"Ada\n\xff\nGrace\n"[..],
            "it is not UTF-8 at byte 0: convert it to UTF-8",
        ),
        (
            &long,
            "it is longer than 1024 bytes, its line feed included: shorten it",
        ),
    ] {
        let (lines, errors, status) = hello(&ours.address, input);
        assert_eq!(lines, ["Received: Hello, Ada"]);
        let start = format!("greet: line 2 can't be sent: {why}");
        assert!(
            errors.len() == 1 && errors[0].starts_with(&start),
            "{errors:?}"
        );
        assert_eq!(status, Some(1));
    }
    ours.stop();
}

#[test]
fn a_refused_line_is_named_and_the_replies_before_it_are_printed() {
    let (address, running) = somebody([|stream| {
        let mut stream = BufReader::new(stream);
        line_of(&mut stream);
        line_of(&mut stream);
        let replies = b"Hello, Ada\nError: no more \x1b[31mtoday\n";
        stream.get_mut().write_all(replies).expect("it reads");
    }]);
    let (lines, errors, status) = hello(&address, b"Ada\nGrace\nBarbara\n");
    assert_eq!(lines, ["Received: Hello, Ada"]);
    let sentence = format!("greet: {address} refused line 2: no more \\u{{1b}}[31mtoday");
    assert_eq!((errors, status), (vec![sentence], Some(1)));
    running.join().expect("it doesn't panic");
}

/// What serves one name takes two lines for one.
#[test]
fn a_server_that_takes_no_lines_is_said() {
    let (address, running) = somebody([|stream| {
        let mut stream = BufReader::new(stream);
        let name = line_of(&mut stream) + &line_of(&mut stream);
        write!(stream.get_mut(), "Hello, {name}").expect("it reads");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest); // our side may reset, with bytes unread
    }]);
    let (lines, errors, status) = hello(&address, b"Ada\nGrace\n");
    assert_eq!(lines, ["Received: Hello, Ada"]);
    let start = format!("greet: no greeting for line 2 from {address}: ");
    assert!(errors[0].starts_with(&start), "{errors:?}");
    assert!(errors[0].ends_with("(does it take lines, as `greet serve --lines` does?)"));
    assert_eq!(status, Some(1));
    running.join().expect("it doesn't panic");
}

/// A server's deadline is shorter than the pauses of somebody who types.
#[test]
fn a_server_that_closes_between_two_lines_is_asked_anew() {
    fn once(stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let line = line_of(&mut stream);
        write!(stream.get_mut(), "Hello, {line}").expect("it reads");
    }
    let (address, running) = somebody([once, once]);
    let (process, mut stdin) =
        Process::start_with_input(Command::new(GREET).args(["hello", "--lines", "--to", &address]));
    for name in ["Ada", "Grace"] {
        writeln!(stdin, "{name}").expect("it reads");
        assert_eq!(process.line(), format!("Received: Hello, {name}"));
    }
    drop(stdin);
    running.join().expect("it doesn't panic");
    let (lines, errors, status) = process.end();
    assert_eq!((lines, errors, status.code()), (vec![], vec![], Some(0)));
}

#[test]
fn nobody_there_is_said() {
    let (_, errors, status) = hello("127.0.0.1:1", b"Ada\n");
    assert!(
        errors[0].starts_with("greet: can't connect to 127.0.0.1:1: "),
        "{errors:?}"
    );
    assert_eq!(status, Some(1));
}

#[test]
fn arguments_that_contradict_each_other_are_usage() {
    for arguments in [
        &["hello", "--lines", "Ada"][..],
        &["bench", "--depth", "2"],
        &["bench", "--lines", "--depth", "129"],
        &["bench", "--lines", "--depth", "0"],
        &["bench", "--lines", "--udp"],
    ] {
        let (_, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
        assert_eq!(status.code(), Some(2), "{arguments:?}: {errors:?}");
    }
}

/// Printed by `greet bench --json`, and its exit status.
fn bench(arguments: &[&str]) -> (Value, String, Option<i32>) {
    let (lines, errors, status) = Process::start(
        Command::new(GREET)
            .args(["bench", "--lines", "--json"])
            .args(arguments)
            .stdin(Stdio::null()),
    )
    .end();
    let object = lines.first().map_or(Value::Null, |line| {
        serde_json::from_str(line).expect("an object")
    });
    (object, errors.join("\n"), status.code())
}

#[test]
fn a_load_of_lines_keeps_its_connections() {
    for (clients, depth) in [("1", "1"), ("3", "16"), ("2", "128")] {
        let ours = Ours::start();
        let load = ["-n", "5000", "-c", clients, "--depth", depth];
        let (result, errors, status) = bench(&[&[ours.address.as_str()], &load[..]].concat());
        assert_eq!((errors.as_str(), status), ("", Some(0)), "{result}");
        assert_eq!(result["greetings"], 5000, "{result}");
        assert_eq!(result["protocol"], "lines");
        assert_eq!(result["depth"].to_string(), depth);
        assert_eq!(result["clients_at_once"].to_string(), clients);
        let tally = ours.stop();
        assert_eq!(tally.greeted, 5000);
        let connections = tally.finished + tally.refused + tally.abandoned;
        assert!(
            connections <= clients.parse().expect("a number"),
            "{tally:?}"
        );
    }
}

#[test]
fn lines_are_due_at_fixed_times_with_a_rate() {
    let ours = Ours::start();
    let load = ["-d", "1s", "--rate", "200", "--depth", "4"];
    let (result, errors, status) = bench(&[&[ours.address.as_str()], &load[..]].concat());
    assert_eq!((errors.as_str(), status), ("", Some(0)), "{result}");
    let all = result["greetings"]
        .as_u64()
        .zip(result["not_begun"].as_u64());
    assert_eq!(all.map(|(done, left)| done + left), Some(200), "{result}");
    ours.stop();
}

/// With a connection, all that wait on it fail.
#[test]
fn a_connection_that_breaks_fails_all_that_wait_on_it() {
    let (address, running) = somebody([
        |_refuses_nobody| {},
        |stream| {
            let mut stream = BufReader::new(stream);
            let line = line_of(&mut stream);
            writeln!(stream.get_mut(), "Hello, {line}Hello, nobody").expect("it reads");
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest); // our side resets
        },
    ]);
    let (result, errors, status) = bench(&[
        &address,
        "-n",
        "8",
        "-c",
        "1",
        "--depth",
        "4",
        "--timeout",
        "30s",
    ]);
    assert_eq!(status, Some(1), "{result}");
    assert!(errors.contains("greetings of"), "{errors}");
    running.join().expect("it doesn't panic");
    let failed = result["errors"].as_u64().expect("a number");
    let came = result["greetings"].as_u64().expect("a number");
    assert_eq!(failed + came, 8, "{result}");
    assert!(failed >= 7, "{result}");
}
