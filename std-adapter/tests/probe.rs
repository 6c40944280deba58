//! `greet probe` and `greet bench`, as somebody with a server to grade sees them.

mod process;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use process::{Process, has_python};

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// Our server and its receiver, which replies. Patient where a busy machine may be slow.
struct Ours {
    _process: Process,
    tcp: String,
    udp: String,
}

fn ours() -> Ours {
    let process = Process::start(Command::new(GREET).args([
        "serve",
        "--tcp=127.0.0.1:0",
        "--udp=127.0.0.1:0",
        "--reply",
        "--reply-limit=65535",
        "--settle=200ms",
        "--deadline=8s",
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
fn greet(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines, errors, status.code())
}

#[test]
fn our_server_passes_every_check() {
    let server = ours();
    let report = std::env::temp_dir().join(format!("greet-probe-{}.xml", std::process::id()));
    let junit = format!("--junit={}", report.display());
    let (lines, errors, status) = greet(&[
        "probe",
        &server.tcp,
        "--udp",
        &server.udp,
        "--timeout=20s",
        "--rounds=100",
        &junit,
    ]);
    assert_eq!(status, Some(0), "{lines:#?} {errors:#?}");
    let has = |line: &str| lines.iter().any(|l| l == line);
    assert!(has("  ✓ split-character") && has("  ✓ late") && has("  ✓ loop-refusal"));
    let skipped = lines.iter().filter(|l| l.contains(": skipped: ")).count();
    let last = lines.last().expect("a summary");
    assert!(last.contains(": passed ") && last.contains(", failed 0"));
    assert!(last.ends_with(&format!("skipped {skipped}")), "{last}");
    assert!(
        lines
            .iter()
            .any(|l| l.starts_with("100 greetings in a row, "))
    );

    let xml = std::fs::read_to_string(&report).expect("a report");
    std::fs::remove_file(&report).expect("it is ours");
    assert!(xml.contains("failures=\"0\""), "{xml}");
    assert!(xml.contains("<testcase classname=\"tcp\" name=\"split-character\"/>"));
}

#[test]
fn json_says_the_same_to_programs() {
    let server = ours();
    let (lines, _, status) = greet(&["probe", &server.tcp, "--only=close/*", "--json"]);
    assert_eq!(status, Some(0));
    let objects: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let [checks @ .., summary] = &objects[..] else {
        panic!("nothing was printed");
    };
    assert_eq!(checks.len(), 4);
    assert!(checks.iter().all(|check| check["result"] == "passed"));
    assert_eq!(summary["passed"], 4);
}

#[test]
fn brief_counts_what_passed_and_shows_the_rest() {
    let server = ours();
    let only = ["--only=close/*", "--only=crowd/half-open", "--only=reset"];
    let asked = [&["probe", &server.tcp, "--brief"][..], &only[..]].concat();
    let (lines, errors, status) = greet(&asked);
    assert_eq!(status, Some(0), "{errors:?}");
    let [close, four, crowd, half_open, reset, three, _, summary] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!([close, four], ["close", "  ✓ 4 passed"]);
    assert_eq!(crowd, "crowd");
    assert!(half_open.starts_with("  - half-open: skipped: "));
    assert_eq!([reset, three], ["reset", "  ✓ 3 passed"]);
    assert!(summary.ends_with(": passed 7, failed 0, skipped 1"));
    let (lines, _, _) = greet(&["probe", &server.tcp, "--brief", "--only=udp"]);
    assert_eq!(lines[1], "  - 15 skipped: no UDP address was given");
}

#[test]
fn the_plain_server_is_graded_and_dies_of_it() {
    if !has_python() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/tcp_server.py");
    let server = Process::start(Command::new("python3").args([script, "127.0.0.1", "0"]));
    let port = server.tcp_port();
    let (lines, errors, status) = greet(&[
        "probe",
        &format!("127.0.0.1:{port}"),
        "--timeout=2s",
        "--rounds=20",
        "--deadline=0s",
        // `one-more` holds its places by half a character, of which it would die too soon.
        "--only=crowd/silent",
        "--only=tcp",
    ]);
    let failed = |name: &str| {
        let start = format!("  ✗ {name}: ");
        lines.iter().any(|line| line.starts_with(&start))
    };
    assert!(failed("silent"), "{lines:#?}");
    assert!(failed("too-long-by-one") && failed("split-character"));
    assert!(lines.iter().any(|line| line == "  ✓ world"));
    assert!(
        lines.contains(&"The server doesn't greet any more: the other checks are skipped.".into())
    );
    assert!(
        !lines.iter().any(|line| line.contains("bad-first")),
        "no hundred crosses"
    );
    assert_eq!(status, Some(1));
    assert!(
        errors[0].contains("since tcp/split-character"),
        "{errors:?}"
    );
    let (_, _, status) = server.end();
    assert!(!status.success(), "it died by itself");
}

/// Somebody who takes connections and does this with each, until the test ends.
fn somebody(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    address
}

#[test]
fn who_is_no_greet_server_gets_a_sentence() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("it is bound")
    };
    let other = somebody(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-\x1b[31m\r\n");
        let _ = stream.read(&mut [0; 64]);
    });
    let mute = somebody(std::mem::forget);
    for (address, sentence) in [
        (gone, "nobody listens at "),
        (other, r#"it answers a name with "SSH-2.0-\u{1b}[31m\r\n""#),
        (mute, "doesn't answer a name within "),
    ] {
        let (lines, errors, status) = greet(&["probe", &address.to_string(), "--timeout=500ms"]);
        assert_eq!((lines.len(), errors.len()), (0, 1), "{lines:?} {errors:?}");
        assert!(errors[0].contains(sentence), "{errors:?}");
        assert_eq!(status, Some(1));
    }
}

#[test]
fn list_shows_every_check_with_its_sentence() {
    let (lines, _, status) = greet(&["probe", "--list"]);
    assert_eq!(status, Some(0));
    assert_eq!(lines.len(), greet_core::probe::CHECKS.len());
    assert!(
        lines
            .iter()
            .all(|l| l.contains(" MUST") || l.contains(" SHOULD"))
    );
    let (_, errors, status) = greet(&["probe", "--only=tpc/*"]);
    assert_eq!(status, Some(1));
    assert!(errors[0].contains("--list"), "{errors:?}");
}

#[test]
fn bench_checks_what_it_counts() {
    let server = ours();
    for arguments in [
        &["bench", &server.tcp, "-n", "300", "-c", "3", "--json"][..],
        &[
            "bench",
            &server.udp,
            "-n",
            "300",
            "-c",
            "3",
            "--json",
            "--udp",
        ],
        &[
            "bench",
            &server.tcp,
            "-n",
            "300",
            "--rate",
            "3000",
            "--json",
        ],
    ] {
        let (lines, errors, status) = greet(arguments);
        assert_eq!(status, Some(0), "{errors:?}");
        let result: serde_json::Value = serde_json::from_str(&lines[0]).expect("an object");
        assert_eq!(result["greetings"], 300);
        assert_eq!(result["errors"], 0);
    }
}

#[test]
fn bench_says_which_byte_was_wrong() {
    let wrong = somebody(|mut stream| {
        let mut name = [0; 64];
        let len = stream.read(&mut name).unwrap_or(0);
        let _ = stream.write_all(b"Hello, ");
        let _ = stream.write_all(&name[1..len]);
    });
    let (lines, errors, status) = greet(&["bench", &wrong.to_string(), "-n", "5"]);
    assert_eq!(status, Some(1), "{lines:?}");
    assert!(errors[0].contains("5 greetings of ") && errors[0].contains("\"Hello, lient "));
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
fn bench_counts_what_udp_loses_and_goes_on() {
    let server = responder(|socket, name, from| {
        if !name.ends_with(b"3") {
            let _ = socket.send_to(&greeting(name), from);
        }
    });
    let asked = ["bench", &server, "--udp", "-n30", "-c3", "--timeout=1s"];
    let (lines, errors, status) = greet(&[&asked[..], &["--json"]].concat());
    assert_eq!(status, Some(0), "{errors:?}");
    let result: serde_json::Value = serde_json::from_str(&lines[0]).expect("an object");
    let counted = |key: &str| result[key].as_u64().expect("a number");
    assert!(counted("lost") >= 3, "{result}");
    assert_eq!(counted("greetings") + counted("lost"), 30);
    assert_eq!(result["errors"], 0);
    let (lines, _, status) = greet(&asked);
    assert_eq!(status, Some(0));
    assert!(
        lines[0].contains(" lost (") && lines[0].contains(" %): median "),
        "{lines:?}"
    );
}

#[test]
fn bench_takes_no_answer_twice_and_no_late_one_for_a_wrong_one() {
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
    let (lines, errors, status) = greet(&["bench", &server, "--udp", "-n50", "-c1", "--json"]);
    assert_eq!(status, Some(0), "{errors:?}");
    let result: serde_json::Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!(
        (&result["greetings"], &result["lost"]),
        (&50.into(), &0.into())
    );
}

#[test]
fn bench_fails_over_udp_if_nothing_comes_or_a_byte_is_wrong() {
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
        let asked = ["bench", &server, "--udp", "-n3", "-c1", "--timeout=500ms"];
        let (lines, errors, status) = greet(&asked);
        assert_eq!((lines.len(), status), (0, Some(1)), "{lines:?}");
        assert!(errors[0].contains(sentence), "{errors:?}");
    }
}

#[test]
fn bench_with_a_rate_counts_a_stall_for_all_that_were_due_meanwhile() {
    let stalls = AtomicBool::new(true);
    let server = somebody(move |mut stream| {
        if stalls.swap(false, Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(500));
        }
        let mut name = [0; 64];
        let len = stream.read(&mut name).unwrap_or(0);
        let _ = stream.write_all(&greeting(&name[..len]));
    });
    let server = server.to_string();
    let (lines, errors, status) = greet(&["bench", &server, "-n50", "-c1", "--rate=100", "--json"]);
    assert_eq!(status, Some(0), "{errors:?}");
    let result: serde_json::Value = serde_json::from_str(&lines[0]).expect("an object");
    // Half of them were due in the first half of the stall.
    let median = result["latency in µs"]["median"].as_u64();
    assert!(median >= Some(200_000), "{result}");
}

#[cfg(unix)]
#[test]
fn bench_says_what_to_do_about_too_many_clients() {
    let mute = somebody(std::mem::forget);
    let limited = format!("ulimit -n 20; exec {GREET} bench {mute} -c 100 -n 1000 --timeout 500ms");
    let (_, errors, status) = Process::start(Command::new("sh").args(["-c", &limited])).end();
    assert_eq!(status.code(), Some(1));
    assert!(
        errors[0].contains("ulimit -n") && errors[0].contains("-c"),
        "{errors:?}"
    );
}
