//! `greet bench`, as somebody with a server to load sees it.

mod process;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use process::{PATIENCE, Process};
use serde_json::Value;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Our server and its receiver, which replies.
struct Ours {
    _process: Process,
    tcp: String,
    udp: String,
}

fn ours(reply_limit: u16) -> Ours {
    let process = Process::start(Command::new(GREET).args([
        "serve",
        "--tcp=127.0.0.1:0",
        "--udp=127.0.0.1:0",
        "--reply",
        &format!("--reply-limit={reply_limit}"),
        "--quiet",
    ]));
    let tcp = process.tcp_port();
    let udp = process.udp_port();
    Ours {
        _process: process,
        tcp: format!("127.0.0.1:{tcp}"),
        udp: format!("127.0.0.1:{udp}"),
    }
}

/// What it printed on stdout and stderr, and its exit status.
fn bench(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) =
        Process::start(Command::new(GREET).arg("bench").args(arguments)).end();
    (lines, errors, status.code())
}

/// The object that it printed, what it said besides, and its exit status.
#[track_caller]
fn measured(arguments: &[&str]) -> (Value, String, Option<i32>) {
    let (lines, errors, status) = bench(&[arguments, &["--json"]].concat());
    (object(&lines), errors.join("\n"), status)
}

#[track_caller]
fn object(lines: &[String]) -> Value {
    assert_eq!(lines.len(), 1, "{lines:?}");
    serde_json::from_str(&lines[0]).expect("an object")
}

#[track_caller]
fn number(result: &Value, key: &str) -> u64 {
    result[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} of {result}"))
}

/// Somebody who takes connections and does this with each, until the test ends.
fn somebody(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address.to_string()
}

fn answer(mut stream: TcpStream) {
    let mut name = [0; 64];
    let len = stream.read(&mut name).unwrap_or(0);
    let _ = stream.write_all(&greeting(&name[..len]));
}

/// Somebody who takes each datagram and answers as this says, until the test ends.
fn responder(answer: impl Fn(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut datagram = [0; 64];
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            answer(&socket, &datagram[..len], from);
        }
    });
    address.to_string()
}

fn greeting(name: &[u8]) -> Vec<u8> {
    [b"Hello, ", name].concat()
}

#[test]
fn it_checks_what_it_counts() {
    let server = ours(u16::MAX);
    for arguments in [
        &[&server.tcp, "-n300", "-c3"][..],
        &[&server.udp, "-n300", "-c3", "--udp"],
        &[&server.tcp, "-n300", "--rate=3000"],
    ] {
        let (result, errors, status) = measured(arguments);
        assert_eq!(status, Some(0), "{errors}");
        assert_eq!(result["greetings"], 300);
        assert_eq!(
            (&result["errors"], &result["not_begun"]),
            (&0.into(), &0.into())
        );
    }
}

#[test]
fn it_says_which_byte_was_wrong() {
    let wrong = somebody(|mut stream| {
        let mut name = [0; 64];
        let len = stream.read(&mut name).unwrap_or(0);
        let _ = stream.write_all(b"Hello, ");
        let _ = stream.write_all(&name[1..len]);
    });
    let (lines, errors, status) = bench(&[&wrong, "-n5"]);
    assert_eq!(status, Some(1), "{lines:?}");
    assert!(errors[0].contains("5 greetings of ") && errors[0].contains("\"Hello, lient "));
}

#[test]
fn it_says_that_it_was_given_up() {
    let wrong = somebody(drop);
    let (result, errors, status) = measured(&[&wrong, "-n1000", "-c1"]);
    assert_eq!(status, Some(1), "{result}");
    assert_eq!(number(&result, "errors"), 100);
    assert!(
        errors.contains(" failed, and it was given up before its time, the first so: "),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_leaves_nobody_waiting() {
    let (came, comes) = mpsc::channel();
    let server = somebody(move |stream| {
        answer(stream);
        let _ = came.send(());
    });
    let arguments = ["-n1000000", "--rate=200", "-c4", "--json"];
    let process = Process::start(Command::new(GREET).args(["bench", &server]).args(arguments));
    for _ in 0..20 {
        comes.recv_timeout(PATIENCE).expect("a client");
    }
    process.signal(rustix::process::Signal::INT);
    let (lines, errors, _) = process.end();
    let result = object(&lines);
    // Those of the hours to come aren't due.
    assert!(
        number(&result, "not_begun") < 10_000,
        "{result}, {errors:?}"
    );
}

#[test]
fn its_help_explains_every_key_of_its_json() {
    let (result, errors, status) = measured(&[&somebody(answer), "-n5"]);
    assert_eq!(status, Some(0), "{errors}");
    let (help, _, _) = bench(&["--help"]);
    let help = help.join("\n");
    let (_, keys) = help.split_once("With --json").expect("a part about it");
    let explained: Vec<&str> = keys
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    let top = result.as_object().expect("an object");
    let latency = top["latency_us"].as_object().expect("an object");
    for key in top.keys().chain(latency.keys()) {
        assert!(explained.contains(&key.as_str()), "{key} isn't in\n{keys}");
        let is_snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(key.chars().all(is_snake), "{key}");
    }
    assert_eq!(latency.len(), 5);
}

/// More than any machine gives: 25 s of greetings were due in this second.
#[test]
fn a_rate_beyond_reach_ends_in_time_and_says_so() {
    let server = ours(1);
    let asked = [&server.tcp, "-d1s", "--rate=1000000"];
    let (result, errors, status) = measured(&asked);
    assert_eq!(status, Some(0), "{errors}");
    let not_begun = number(&result, "not_begun");
    assert!(not_begun > 0, "{result}");
    assert_eq!(number(&result, "greetings") + not_begun, 1_000_000);
    let (lines, _, _) = bench(&asked);
    let last = lines.last().expect("lines");
    assert!(last.starts_with("At 1000000 in a second "), "{lines:?}");
}

#[test]
fn a_rate_is_what_was_done_in_the_time_that_passed() {
    let (result, errors, status) = measured(&[&somebody(answer), "--rate=10", "-d1s"]);
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(result["greetings"], 10);
    let seconds = result["seconds"].as_f64().expect("a number");
    let rate = result["greetings_per_second"].as_f64().expect("a number");
    assert!(seconds >= 1.0 && rate <= 10.0, "{result}");
}

#[test]
fn a_server_that_stalls_is_measured_over_the_whole_time() {
    let left = AtomicU32::new(20);
    let server = somebody(move |stream| {
        let less = |left: u32| left.checked_sub(1);
        match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => answer(stream),
            Err(_) => std::mem::forget(stream),
        }
    });
    let (result, errors, status) = measured(&[&server, "-d1s", "-c2", "--timeout=400ms"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("no whole reply in time"), "{errors}");
    assert_eq!(result["greetings"], 20);
    let seconds = result["seconds"].as_f64().expect("a number");
    let rate = result["greetings_per_second"].as_f64().expect("a number");
    assert!(seconds >= 1.0 && rate <= 20.0, "{result}");
}

#[test]
fn a_timeout_beyond_all_time_is_one_that_never_comes() {
    let (result, errors, status) = measured(&[&somebody(answer), "-n3", "--timeout=400000000000y"]);
    assert_eq!(
        (&result["greetings"], status),
        (&3.into(), Some(0)),
        "{errors}"
    );
    let server = somebody(|_closed| ());
    let (_, errors, status) = measured(&[&server, "-d400000000000y", "--timeout=400000000000y"]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains(", the first so: "), "{errors}");
}

#[test]
fn hardly_any_time_is_too_short_for_any_reply() {
    let (_, errors, status) = measured(&[&somebody(answer), "-n3", "--timeout=1ns"]);
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("3 greetings of ") && errors.contains("in time"),
        "{errors}"
    );
}

#[test]
fn udp_loss_is_counted_and_it_goes_on() {
    let server = responder(|socket, name, from| {
        if !name.ends_with(b"3") {
            let _ = socket.send_to(&greeting(name), from);
        }
    });
    let asked = [&server, "--udp", "-n30", "-c3", "--timeout=1s"];
    let (result, errors, status) = measured(&asked);
    assert_eq!(status, Some(0), "{errors}");
    assert!(number(&result, "lost") >= 3, "{result}");
    assert_eq!(number(&result, "greetings") + number(&result, "lost"), 30);
    assert_eq!(result["errors"], 0);
    let (lines, _, status) = bench(&asked);
    assert_eq!(status, Some(0));
    assert!(
        lines[0].contains(" lost (") && lines[0].contains(" %): median "),
        "{lines:?}"
    );
}

/// The answer to the third message comes after the fourth message: who waited for it would wait for
/// the whole timeout.
#[test]
fn a_lost_datagram_does_not_stall_its_client_and_a_late_one_counts() {
    let held = Mutex::new(None);
    let server = responder(move |socket, name, from| {
        let mut held = held.lock().expect("one thread");
        if name.ends_with(b"3") {
            *held = Some(greeting(name));
            return;
        }
        for reply in [held.take(), Some(greeting(name))].into_iter().flatten() {
            let _ = socket.send_to(&reply, from);
        }
    });
    let (result, errors, status) = measured(&[&server, "--udp", "-n9", "-c1", "--timeout=20s"]);
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(
        (&result["greetings"], &result["lost"]),
        (&9.into(), &0.into())
    );
}

#[test]
fn udp_takes_no_answer_twice_and_no_late_one_for_a_wrong_one() {
    let before = Mutex::new(Vec::new());
    let server = responder(move |socket, name, from| {
        let reply = greeting(name);
        let mut before = before.lock().expect("one thread");
        for answer in [&before[..], &reply, &reply] {
            if !answer.is_empty() {
                let _ = socket.send_to(answer, from);
            }
        }
        *before = reply;
    });
    let (result, errors, status) = measured(&[&server, "--udp", "-n50", "-c1"]);
    assert_eq!(status, Some(0), "{errors}");
    assert_eq!(
        (&result["greetings"], &result["lost"]),
        (&50.into(), &0.into())
    );
}

#[test]
fn udp_fails_if_nothing_comes_or_a_byte_is_wrong() {
    let mute = responder(|_, _, _| {});
    let wrong = responder(|socket, name, from| {
        let _ = socket.send_to(&greeting(&[name, b"0"].concat()), from);
    });
    for (server, sentence) in [
        (mute, "none of 3 messages was answered"),
        (
            wrong,
            "the first so: client 0 was answered with \"Hello, client 00\"",
        ),
    ] {
        let (lines, errors, status) = bench(&[&server, "--udp", "-n3", "-c1", "--timeout=500ms"]);
        assert_eq!((lines.len(), status), (0, Some(1)), "{lines:?}");
        assert!(errors[0].contains(sentence), "{errors:?}");
    }
}

/// Of a million messages that a silent receiver would be sent for hours.
#[test]
fn a_udp_server_that_falls_silent_ends_the_run() {
    let server = responder(|socket, name, from| {
        if name.len() < b"client 10".len() {
            let _ = socket.send_to(&greeting(name), from);
        }
    });
    let asked = [&server, "--udp", "-n1000000", "-c1", "--timeout=300ms"];
    let (result, errors, status) = measured(&asked);
    assert_eq!((&result["greetings"], status), (&10.into(), Some(1)));
    assert!(number(&result, "lost") >= 100 && number(&result, "not_begun") > 900_000);
    assert!(errors.contains(" answers no message any more"), "{errors}");
}

#[test]
fn a_udp_server_that_limits_its_sources_is_recognised() {
    let server = ours(50);
    let (lines, errors, status) = bench(&[&server.udp, "--udp", "-d6s", "--timeout=1s"]);
    assert_eq!(status, Some(0), "{errors:?}");
    let last = lines.last().expect("lines");
    assert!(
        last.contains(" 50 messages of one source in a second"),
        "{lines:?}"
    );
    assert!(last.contains("`--rate 45`"), "{lines:?}");
}

#[test]
fn with_a_rate_a_stall_counts_for_all_that_were_due_meanwhile() {
    let stalls = AtomicBool::new(true);
    let server = somebody(move |stream| {
        if stalls.swap(false, Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(500));
        }
        answer(stream);
    });
    let (result, errors, status) = measured(&[&server, "-n50", "-c1", "--rate=100"]);
    assert_eq!(status, Some(0), "{errors}");
    // Half of them were due in the first half of the stall.
    let median = result["latency_us"]["median"].as_u64();
    assert!(median >= Some(200_000), "{result}");
}

#[cfg(unix)]
#[test]
fn too_few_files_are_not_the_servers_fault() {
    let server = somebody(answer);
    let limited = format!("ulimit -n 20; exec {GREET} bench {server} -c 100 -n 300 --json");
    let (lines, errors, status) = Process::start(Command::new("sh").args(["-c", &limited])).end();
    assert_eq!(status.code(), Some(1));
    let result = object(&lines);
    assert_eq!(
        (&result["greetings"], &result["errors"]),
        (&300.into(), &0.into())
    );
    let at_once = number(&result, "clients_at_once");
    assert!(
        errors[0].contains(&format!(
            "at most {at_once} of 100 asked at once: too many files"
        )) && errors[0].contains("ulimit -n")
            && errors[0].contains("-c"),
        "{errors:?}"
    );
}

/// In a network of its own, whose eight ports are too few for forty clients.
#[cfg(target_os = "linux")]
#[test]
fn too_few_ports_are_not_the_servers_fault() {
    let ports = "ip link set lo up && echo 50000 50007 >/proc/sys/net/ipv4/ip_local_port_range";
    if !process::needs(
        "unshare",
        Command::new("unshare").args(["-rn", "sh", "-c", ports]),
    ) {
        return;
    }
    for server in ["127.0.0.1:8000", "127.0.0.1:8001 --udp"] {
        let script = format!(
            "{ports}
            pipe=$(mktemp -u) && mkfifo $pipe
            {GREET} serve --reply --reply-limit 65535 >$pipe &
            exec 3<$pipe
            rm $pipe
            read tcp <&3 && read udp <&3
            {GREET} bench {server} -c 40 -n 100 --json
            echo $?"
        );
        // What is left running ends with the script.
        let inside = ["-rn", "--kill-child", "-pf", "sh", "-c", &script];
        let (lines, errors, _) = Process::start(Command::new("unshare").args(inside)).end();
        let result = object(&lines[..1]);
        assert_eq!(
            (&result["greetings"], &result["errors"]),
            (&100.into(), &0.into()),
            "{errors:?}"
        );
        let at_once = number(&result, "clients_at_once");
        // A port is free again a moment before its client counts as gone.
        assert!((1..=16).contains(&at_once), "{result}");
        assert_eq!(lines[1], "1");
        let sentence = "of 40 asked at once: no port is free on this machine";
        assert!(
            errors.iter().any(|line| line.contains(sentence)),
            "{errors:?}"
        );
    }
}
