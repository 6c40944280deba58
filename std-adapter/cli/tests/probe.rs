//! `greet probe`, as somebody with a server to grade sees them.

mod process;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use greet_std::Server;
use greet_std::core::limits::Limits;
use greet_std::core::lines::Lines;
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
    // A line for each reason, with ids or with how many they are.
    let reasons = lines.iter().filter_map(|l| l.strip_prefix("  - "));
    let count = |reason: &str| match reason.split_once(" checks: ") {
        Some((count, _)) => count.parse::<usize>().expect("a number"),
        None => reason.split(", ").filter(|id| id.contains('/')).count(),
    };
    let skipped: usize = reasons.map(count).sum();
    assert!(skipped > 0 && has("skipped"), "{lines:#?}");
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
    let [checks @ .., link, summary] = &objects[..] else {
        panic!("nothing was printed");
    };
    assert_eq!(checks.len(), 4);
    assert!(checks.iter().all(|check| check["result"] == "passed"));
    assert_eq!(link["event"], "link");
    #[cfg(target_os = "linux")]
    {
        assert_eq!(
            (&link["bad"], &link["lossy"]),
            (&false.into(), &false.into()),
            "{link}"
        );
        assert_eq!(link["segments_sent_again"], 0, "{link}");
        assert!(link["segments_sent"].as_u64() > Some(20), "{link}");
        assert!(link["mss"].as_u64() > Some(536), "{link}");
        assert!(
            link["machine"]["segments_sent"].as_u64() > Some(20),
            "{link}"
        );
    }
    assert_eq!(summary["passed"], 4);
}

#[test]
fn brief_shows_what_failed_and_counts_what_was_skipped() {
    let server = ours();
    let only = ["--only=close/*", "--only=crowd/half-open", "--only=reset"];
    let asked = [&["probe", &server.tcp, "--brief"][..], &only[..]].concat();
    let (lines, errors, status) = greet(&asked);
    assert_eq!(status, Some(0), "{errors:?}");
    let [link, _, skipped, _, summary] = &lines[..] else {
        panic!("{lines:#?}");
    };
    assert!(
        skipped.starts_with("  - crowd/half-open: skipped: "),
        "{skipped}"
    );
    let known = if cfg!(any(target_os = "linux", target_vendor = "apple")) {
        "segments sent again"
    } else {
        "this system can't be asked"
    };
    assert!(
        link.starts_with("the link: ") && link.contains(known),
        "{link}"
    );
    assert!(summary.ends_with(": passed 7, failed 0, skipped 1"));
    let (lines, _, _) = greet(&["probe", &server.tcp, "--brief", "--only=udp"]);
    let skipped = "  - 15 skipped: no UDP address was given";
    assert!(lines.iter().any(|line| line == skipped), "{lines:#?}");
}

/// A server in lines mode, until the test ends.
fn in_lines_mode() -> String {
    let server = Server::<Lines>::serving(Limits::DEFAULT)
        .bind("127.0.0.1:0")
        .expect("a free port");
    let address = server.local_addr().to_string();
    thread::spawn(move || server.run(|_| {}));
    address
}

#[test]
fn lines_are_graded_alone_or_beside_the_rest() {
    let lines = in_lines_mode();
    let asked = ["probe", "--lines", &lines, "--brief", "--deadline=0s"];
    let (report, errors, status) = greet(&[&asked[..], &["--timeout=30s"]].concat());
    assert_eq!(status, Some(0), "{report:#?} {errors:?}");
    let end = format!("{lines}: passed 27, failed 0, skipped 75");
    assert_eq!(report.last(), Some(&end), "{report:#?}");
    let only = "skipped: only an address in lines mode was given";
    assert!(
        report.iter().any(|line| line.ends_with(only)),
        "{report:#?}"
    );

    let server = ours();
    let only = ["--only=close", "--only=lines/two", "--json"];
    let asked = ["probe", &server.tcp, "--lines", &lines];
    let (objects, errors, status) = greet(&[&asked[..], &only[..]].concat());
    assert_eq!(status, Some(0), "{objects:#?} {errors:?}");
    let summary: serde_json::Value =
        serde_json::from_str(objects.last().expect("a summary")).expect("an object");
    assert_eq!(summary["passed"], 5);
    assert_eq!(
        (&summary["server"], &summary["lines"]),
        (&server.tcp.as_str().into(), &lines.as_str().into())
    );
}

/// Where one name is answered and the connection closed, no lines are: who is asked is named.
#[test]
fn who_has_no_lines_mode_fails_or_is_named() {
    let server = ours();
    let asked = ["probe", &server.tcp, "--lines", &server.tcp];
    let (report, errors, status) = greet(&[&asked[..], &["--only=lines/two"]].concat());
    assert_eq!(status, Some(1));
    assert!(
        report
            .iter()
            .any(|line| line == "        expected: 11 bytes"),
        "{report:#?}"
    );
    assert!(errors[0].contains("1 failed"), "{errors:?}");

    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("it is bound").to_string()
    };
    let (_, errors, status) = greet(&["probe", &server.tcp, "--lines", &gone]);
    assert_eq!(status, Some(1));
    assert!(
        errors[0].contains(&format!("nobody listens at {gone}")),
        "{errors:?}"
    );
}

#[test]
fn the_plain_server_is_graded_and_dies_of_it() {
    if !has_python() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/tcp_server.py");
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
        errors[0].contains("since tcp/split-character (no connection: connection refused)"),
        "{errors:?}"
    );
    let first = lines.iter().position(|line| line.starts_with("Findings, "));
    let first = &lines[first.expect("findings") + 1];
    assert!(
        first.starts_with(" 1. ✗ server: it greets nobody since tcp/split-character"),
        "{first}"
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

/// They were no greet servers.
#[test]
fn who_greets_nearly_rightly_is_told_what_is_wrong() {
    for (reply, how) in [
        (
            &b"Hello, client 65535\n"[..],
            "with a line feed that is no part of it",
        ),
        (
            b"Hello, client 65535Hello, client 65535",
            "greets, but twice",
        ),
        (b"Hello, client", "not to the end"),
        (b"Hello, client 65535!", "with more than is due behind it"),
    ] {
        let server = somebody(move |mut stream| {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(reply);
        });
        let (_, errors, status) = greet(&["probe", &server.to_string(), "--timeout=30s"]);
        assert!(errors[0].contains(how), "{errors:?}");
        assert!(errors[0].contains(r#"where "Hello, client 65535" is due"#));
        assert_eq!(status, Some(1));
    }
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

/// What closes was told from what resets by luck.
#[test]
fn who_closes_without_a_greeting_is_told_from_who_resets() {
    // Who closes before the name is read resets.
    let resets = somebody(|stream| _ = stream.peek(&mut [0; 64]));
    let closes = somebody(|mut stream| _ = stream.read(&mut [0; 64]));
    for (address, sentence) in [
        (
            resets,
            "resets the connection (RST) without answering a name",
        ),
        (closes, "it closes the connection without answering a name"),
    ] {
        let asked = ["probe", &address.to_string(), "--timeout=30s"];
        let (lines, errors, status) = greet(&asked);
        assert_eq!((lines.len(), errors.len()), (0, 1), "{lines:?} {errors:?}");
        assert!(errors[0].contains(sentence), "{errors:?}");
        assert_eq!(status, Some(1));
    }
}

#[test]
fn a_closed_udp_port_is_named_at_once() {
    let server = ours();
    let gone = {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.local_addr().expect("it is bound").to_string()
    };
    // Patience that the test hasn't.
    let timeout = "--timeout=1h";
    let only = ["--only=udp", "--only=first/udp-answers"];
    let asked = [&["probe", &server.tcp, "--udp", &gone, timeout][..], &only].concat();
    let (lines, _, status) = greet(&asked);
    assert_eq!(status, Some(1));
    let said = |sentence: &str| lines.iter().filter(|l| l.contains(sentence)).count();
    assert_eq!(said("nobody listens at that UDP port"), 1, "{lines:#?}");
    assert_eq!(
        said("skipped: nobody listens at this UDP port"),
        15,
        "{lines:#?}"
    );
}

/// In a network of its own, where no way leads anywhere.
#[cfg(target_os = "linux")]
#[test]
fn where_no_way_leads_there_a_sentence_says_what_to_look_at() {
    let trial = ["-rn", "ip", "link", "set", "lo", "up"];
    if !process::needs("unshare", Command::new("unshare").args(trial)) {
        return;
    }
    let script = format!(
        "ip link set lo up
         ip route add unreachable 198.51.100.0/24
         {GREET} probe 192.0.2.1:8000
         {GREET} probe 198.51.100.1:8000"
    );
    let unshare = ["-rn", "sh", "-c", &script];
    let (lines, errors, _) = Process::start(Command::new("unshare").args(unshare)).end();
    let [network, host] = &errors[..] else {
        panic!("{lines:?} {errors:?}");
    };
    assert!(
        network.contains("this machine has no route there (is the address right"),
        "{network}"
    );
    assert!(host.contains("no such host in reach (is it on"), "{host}");
}

#[test]
fn list_shows_every_check_with_its_sentence() {
    let (lines, _, status) = greet(&["probe", "--list"]);
    assert_eq!(status, Some(0));
    let cases = greet_std::core::probe::CASES.iter().copied().flatten();
    let ids: Vec<_> = cases.map(|case| format!("{} ", case.about.id)).collect();
    // Those with raw frames come first, where there is a cable.
    let raw = lines.len() - ids.len();
    let has_cable = cfg!(all(target_os = "linux", feature = "wire"));
    assert_eq!(raw > 40, has_cable, "{lines:#?}");
    for (line, id) in lines[raw..].iter().zip(&ids) {
        assert!(line.starts_with(id.as_str()), "{line}");
    }
    assert!(lines[raw..].iter().all(|l| {
        [" MUST ", " SHOULD ", " MAY "]
            .iter()
            .any(|level| l.contains(level))
    }));
}

/// Row 10: the probe's own limits were crosses for the server.
#[cfg(unix)]
#[test]
fn row_10_a_probe_without_files_blames_nobody() {
    let server = ours();
    let probe = format!(
        "ulimit -n 20; exec {GREET} probe {} --clients 30 --only crowd/at-once --only tcp/world",
        server.tcp
    );
    let (lines, errors, status) = Process::start(Command::new("sh").args(["-c", &probe])).end();
    assert!(status.success(), "{lines:?} {errors:?}");
    let skipped =
        "  - at-once: skipped: this machine lacks files (raise the limit with `ulimit -n`)";
    assert!(lines.iter().any(|line| line == skipped), "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("passed 1, failed 0, skipped 1"))
    );
}

/// In a network of its own, which has four ports for clients. Loopback would have more addresses.
#[cfg(target_os = "linux")]
#[test]
fn row_10_a_probe_without_ports_blames_nobody() {
    let trial = ["-rn", "ip", "link", "set", "lo", "up"];
    if !process::needs("unshare", Command::new("unshare").args(trial)) {
        return;
    }
    let script = format!(
        "ip link set lo up
         ip address add 192.0.2.1/32 dev lo
         echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range
         {GREET} serve --tcp 192.0.2.1:8000 >/dev/null &
         until {GREET} hello --to 192.0.2.1:8000 >/dev/null 2>&1; do :; done
         {GREET} probe 192.0.2.1:8000 --clients 8 --only crowd/at-once"
    );
    // The shell's end is the server's.
    let unshare = ["-rnpf", "--kill-child", "sh", "-c", &script];
    let (lines, errors, _) = Process::start(Command::new("unshare").args(unshare)).end();
    assert_eq!(errors, ["greet: nothing was checked"], "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("  - at-once: skipped: this machine lacks ports (")),
        "{lines:#?}"
    );
}
