//! `greet serve --lines` as its users see it: plain clients in Python and nc, line by line and pipelined,
//! what is shown of them, and a stop that waits for what is in hand and for nobody else.

#![cfg(unix)] // signals

mod process;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use process::{PATIENCE, Process, has_python, needs, run};
use rustix::process::Signal;
use serde_json::{Value, json};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// A server that ends nobody by itself before a test is over.
fn serve(args: &[&str]) -> (Process, u16) {
    let server = start(args);
    let port = server.lines_port();
    (server, port)
}

fn start(args: &[&str]) -> Process {
    Process::start(
        Command::new(GREET)
            .args(["serve", "--lines", "127.0.0.1:0"])
            .args(["--deadline", "1h", "--grace", "1h"])
            .args(args),
    )
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    stream.set_write_timeout(Some(PATIENCE)).expect("a bound");
    stream
}

/// Sends this, and takes so many answers.
fn ask(stream: &mut TcpStream, bytes: &[u8], answers: &str) {
    stream.write_all(bytes).expect("it reads");
    let mut taken = vec![0; answers.len()];
    stream.read_exact(&mut taken).expect("answers");
    assert_eq!(String::from_utf8_lossy(&taken), answers);
}

/// All that still comes, up to FIN.
fn rest(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("FIN");
    rest
}

/// The program ends in order, having said this last.
#[track_caller]
fn ends(server: Process, expected: &str) -> Vec<String> {
    let (lines, errors, status) = server.end();
    assert_eq!(lines.last().expect("a summary"), expected, "{errors:?}");
    assert!(status.success(), "{status}");
    errors
}

#[test]
fn a_python_client_asks_line_by_line() {
    if !has_python() {
        return;
    }
    let (server, port) = serve(&[]);
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/lines_client.py");
    let received = run(Command::new("python3")
        .args([peer, "127.0.0.1", &port.to_string()])
        .args(["Ada", "世界", "", "a\tb"])
        .env("PYTHONUTF8", "1"));
    let expected = ["Hello, Ada", "Hello, 世界", "Hello, ", "Hello, a\tb"];
    assert_eq!(received, expected.map(|reply| format!("Received: {reply}")));
    assert!(server.line().starts_with("Connection from 127.0.0.1:"));
    server.interrupt();
    let summary =
        "Summary: lines greeted 4, connections with lines 1 (finished 1, refused 0, abandoned 0)";
    let errors = ends(server, summary);
    assert_eq!(
        errors,
        ["Finishing what is in hand (again to stop at once)"]
    );
}

#[test]
fn nc_pipelines_and_asks_line_by_line() {
    if !needs(
        "nc",
        Command::new("sh").args(["-c", "nc -h 2>&1 | grep -q -e -N"]),
    ) {
        return;
    }
    let (server, port) = serve(&[]);
    let nc = || {
        let mut nc = Command::new("nc");
        nc.args(["-N", "127.0.0.1", &port.to_string()]);
        nc
    };
    let (pipeline, mut input) = Process::start_with_input(&mut nc());
    input.write_all(b"Ada\nGrace\nEdsger").expect("it reads");
    drop(input);
    let (lines, _, status) = pipeline.end();
    assert_eq!(lines, ["Hello, Ada", "Hello, Grace", "Hello, Edsger"]);
    assert!(status.success());

    let (conversation, mut input) = Process::start_with_input(&mut nc());
    for name in ["Ada", "Grace"] {
        writeln!(input, "{name}").expect("it reads");
        assert_eq!(conversation.line(), format!("Hello, {name}"));
    }
    // Not its stdin: the server ends it.
    server.signal(Signal::TERM);
    let summary =
        "Summary: lines greeted 5, connections with lines 2 (finished 2, refused 0, abandoned 0)";
    ends(server, summary);
    drop(input);
    assert!(conversation.end().2.success());
}

#[test]
fn lines_run_beside_the_others() {
    let server = start(&["--tcp", "127.0.0.1:0", "--udp", "127.0.0.1:0"]);
    let tcp = server.tcp_port();
    let lines = server.lines_port();
    server.udp_port();
    let mut one = connect(tcp);
    one.write_all(b"Ada").expect("it reads");
    assert_eq!(rest(&mut one), "Hello, Ada");
    let mut many = connect(lines);
    ask(&mut many, b"Ada\nGrace\n", "Hello, Ada\nHello, Grace\n");
    many.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(rest(&mut many), "");
    server.interrupt();
    ends(
        server,
        "Summary: greeted 1, refused 0 (too long 0, not UTF-8 0, late 0), abandoned 0, \
         lines greeted 2, connections with lines 1 (finished 1, refused 0, abandoned 0), \
         messages 0, messages refused 0 (too long 0, not UTF-8 0)",
    );
}

#[test]
fn a_refused_line_is_said_and_ends_its_connection() {
    let (server, port) = serve(&[]);
    let mut client = connect(port);
    let peer = client.local_addr().expect("it is connected");
    client.write_all(b"Ada\n\xff\nGrace\n").expect("it reads");
    client.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(
        rest(&mut client),
        "Hello, Ada\nError: name is not UTF-8 at byte 0\n"
    );
    assert_eq!(server.line(), format!("Connection from {peer}"));
    assert_eq!(
        server.error_line(),
        format!("Refused {peer}: name is not UTF-8 at byte 0")
    );
    server.interrupt();
    ends(
        server,
        "Summary: lines greeted 1, connections with lines 1 (finished 0, refused 1, abandoned 0)",
    );
}

#[test]
fn json_says_how_each_connection_ended() {
    let server = start(&["--json"]);
    let next = || serde_json::from_str::<Value>(&server.line()).expect("JSON");
    let listening = next();
    assert_eq!(listening["protocol"], "lines");
    let address = listening["address"].as_str().expect("an address");
    let port = process::port_in(address, "127.0.0.1:", "");

    let connect = || {
        let client = connect(port);
        let peer = client.local_addr().expect("it is connected");
        let event = next();
        assert_eq!(event["event"], "connected");
        assert_eq!(event["protocol"], "lines");
        assert_eq!(event["peer"], peer.to_string());
        client
    };
    let ended = |event: &Value| {
        let key = |key: &str| event[key].clone();
        assert_eq!(key("protocol"), "lines");
        [key("event"), key("greeted"), key("why")]
    };

    let mut finished = connect();
    ask(&mut finished, b"Ada\n", "Hello, Ada\n");
    drop(finished);
    assert_eq!(ended(&next()), [json!("finished"), json!(1), json!("fin")]);

    let mut refused = connect();
    refused.write_all(&[b'x'; 1025]).expect("it reads");
    refused.shutdown(Shutdown::Write).expect("it is connected");
    rest(&mut refused);
    let why = "name is longer than 1024 bytes";
    assert_eq!(ended(&next()), [json!("refused"), json!(0), json!(why)]);

    let mut idle = connect();
    ask(&mut idle, b"Ada\nGrace\n", "Hello, Ada\nHello, Grace\n");
    server.interrupt();
    assert_eq!(rest(&mut idle), "");
    assert_eq!(ended(&next()), [json!("finished"), json!(2), json!("stop")]);

    let summary = next();
    assert_eq!(summary["event"], "summary");
    let counts = json!({"greeted": 3, "finished": 2, "refused": 1, "abandoned": 0});
    assert_eq!(summary["lines"], counts);
    assert!(server.end().2.success());
}

/// One of them has had an answer, the other has never said anything. Deadline and grace are an hour.
#[test]
fn a_stop_ends_idle_clients_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let (server, port) = serve(&["--quiet"]);
        let mut greeted = connect(port);
        ask(&mut greeted, b"Ada\n", "Hello, Ada\n");
        let mut silent = connect(port);
        server.signal(signal);
        assert_eq!(rest(&mut greeted), "");
        assert_eq!(rest(&mut silent), "");
        ends(
            server,
            "Summary: lines greeted 1, connections with lines 2 \
             (finished 2, refused 0, abandoned 0)",
        );
    }
}

#[test]
fn a_stop_ends_a_client_that_pipelines_without_pause() {
    let (server, port) = serve(&["--quiet"]);
    let mut stream = connect(port);
    let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
    let names = thread::spawn(move || {
        let names = b"Ada\n".repeat(1000);
        while stream.write_all(&names).is_ok() {} // until the server has gone
    });
    let mut answer = String::new();
    for _ in 0..10_000 {
        answer.clear();
        answers.read_line(&mut answer).expect("an answer");
        assert_eq!(answer, "Hello, Ada\n");
    }
    server.signal(Signal::TERM);
    let mut more = String::new();
    answers.read_to_string(&mut more).expect("FIN");
    assert_eq!(more.replace("Hello, Ada\n", ""), "", "each is whole");
    let greeted = 10_000 + more.len() / b"Hello, Ada\n".len();
    ends(
        server,
        &format!(
            "Summary: lines greeted {greeted}, connections with lines 1 \
             (finished 1, refused 0, abandoned 0)"
        ),
    );
    names.join().expect("it doesn't panic");
}

/// Half a line is in hand for as long as the grace lasts.
#[test]
fn a_stop_waits_for_half_a_line_until_its_grace_is_over() {
    let (server, port) = serve(&["--quiet"]);
    let mut client = connect(port);
    ask(&mut client, b"Ada\nGra", "Hello, Ada\n");
    server.signal(Signal::TERM);
    assert_eq!(
        server.error_line(),
        "Finishing what is in hand (again to stop at once)"
    );
    client.write_all(b"ce\n").expect("it reads");
    assert_eq!(rest(&mut client), "Hello, Grace\n");
    ends(
        server,
        "Summary: lines greeted 2, connections with lines 1 (finished 1, refused 0, abandoned 0)",
    );

    let args = ["--lines", "127.0.0.1:0", "--deadline", "1h", "--grace"];
    let server = Process::start(Command::new(GREET).arg("serve").args(args).arg("50ms"));
    let mut client = connect(server.lines_port());
    ask(&mut client, b"Ada\nGra", "Hello, Ada\n");
    server.signal(Signal::TERM);
    let errors = ends(
        server,
        "Summary: lines greeted 1, connections with lines 1 (finished 0, refused 0, abandoned 1)",
    );
    assert!(errors[1].starts_with("Gave up 127.0.0.1:"), "{errors:?}");
}

/// Nobody reads what the server says, and both pipes are soon full.
#[test]
fn full_pipes_keep_nobody_waiting() {
    let (mut reader, out) = std::io::pipe().expect("a pipe");
    let (_unread, err) = std::io::pipe().expect("a pipe");
    #[cfg(target_os = "linux")]
    for pipe in [&out, &err] {
        rustix::pipe::fcntl_setpipe_size(pipe, 4096).expect("a small pipe");
    }
    let args = ["serve", "--lines", "127.0.0.1:0", "--grace", "50ms"];
    let server = Process::spawn(
        Command::new(GREET)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err),
    );
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        reader.read_exact(&mut byte).expect("a line");
        first.push(byte[0]);
    }
    let first = String::from_utf8(first).expect("UTF-8");
    let start = "Lines server is listening on port ";
    let port = process::port_in(first.trim_end(), start, "...");
    for _ in 0..2_000 {
        let mut client = connect(port);
        client.write_all(b"Ada\n\xff\n").expect("it reads");
        client.shutdown(Shutdown::Write).expect("it is connected");
        let replies = "Hello, Ada\nError: name is not UTF-8 at byte 0\n";
        assert_eq!(rest(&mut client), replies);
    }
    server.interrupt();
    let (_, _, status) = server.end();
    assert_eq!(
        status.code(),
        Some(1),
        "lines were lost, and its status says so"
    );
}
