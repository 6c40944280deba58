//! The reports of `greet probe` for programs: they are written whatever happens, and say what did
//! (rows 12, 15 and 19 of what real use broke).

#![cfg(unix)] // signals
mod process;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use process::{PATIENCE, Process};
use serde_json::Value;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What it printed on stdout and stderr, and its exit status.
fn greet(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines, errors, status.code())
}

/// Where nobody listens: at the port of a client, which nobody else gets as long as this is there.
struct Nobody {
    _server: TcpListener,
    client: TcpStream,
}

impl Nobody {
    fn new() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let client = TcpStream::connect(server.local_addr().expect("it is bound"));
        Self {
            _server: server,
            client: client.expect("it listens"),
        }
    }

    fn address(&self) -> String {
        let address = self.client.local_addr().expect("it is connected");
        address.to_string()
    }
}

/// A file in which an old report says that all is well. It is gone when this is dropped.
struct OldReport(PathBuf);

impl OldReport {
    fn new(test: &str) -> Self {
        let name = format!("greet-{test}-{}.xml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "green").expect("a folder for it");
        Self(path)
    }

    fn option(&self) -> String {
        format!("--junit={}", self.0.display())
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.0).expect("a report")
    }
}

impl Drop for OldReport {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn row_12_a_dead_server_is_a_failure_in_the_report() {
    let report = OldReport::new("dead");
    let nobody = Nobody::new();
    let host = format!("{}:8000", "x".repeat(64)); // no DNS has such a label
    for (server, why) in [
        (nobody.address(), "is a server running there?"),
        (host, "find the host"),
    ] {
        let (_, errors, status) = greet(&["probe", &server, &report.option()]);
        assert_eq!((errors.len(), status), (1, Some(1)), "{errors:?}");
        let xml = report.read();
        assert!(xml.contains("tests=\"1\" failures=\"1\""), "{xml}");
        assert!(
            xml.contains(why) && xml.ends_with("</testsuites>\n"),
            "{xml}"
        );
    }
}

#[test]
fn row_12_json_ends_with_a_line_for_a_dead_server() {
    let nobody = Nobody::new();
    let server = nobody.address();
    let (lines, _, status) = greet(&["probe", &server, "--json"]);
    let [link, last] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(status, Some(1));
    assert!(link.starts_with("{\"event\":\"link\","), "{link}");
    let last: serde_json::Value = serde_json::from_str(last).expect("an object");
    assert_eq!(last["event"], "summary");
    assert_eq!(last["server"], *server);
    assert_eq!(last["passed"], 0);
    let error = last["error"].as_str().expect("a sentence");
    assert!(error.contains("is a server running there?"), "{error}");
}

/// Viewers show cases that failed by name, and their message.
#[test]
fn findings_are_a_suite_before_that_of_the_checks() {
    let report = OldReport::new("findings");
    let server = plain_server();
    let only = ["--only=tcp/too-long*", "--only=tcp/world"];
    let option = report.option();
    let asked = [&["probe", &server, &option][..], &only].concat();
    let (lines, _, status) = greet(&asked);
    assert_eq!(status, Some(1), "{lines:#?}");
    let xml = report.read();
    let suite =
        format!("<testsuite name=\"greet probe {server}: findings\" tests=\"2\" failures=\"1\"");
    let case =
        "<testcase classname=\"findings\" name=\"server/too-long\"><failure message=\"server: ";
    let link = "<testcase classname=\"findings\" name=\"link\"><system-out>the link: ";
    let checks = format!("<testsuite name=\"greet probe {server}\" tests=\"5\"");
    let places = [&suite, case, link, &checks].map(|part| xml.find(part));
    assert!(places.iter().all(Option::is_some), "{xml}");
    assert!(places.is_sorted(), "{xml}");
}

/// What was seen of it stands there though nothing is to be mended.
#[test]
fn the_link_is_a_case_that_passes() {
    let process =
        Process::start(Command::new(GREET).args(["serve", "--tcp=127.0.0.1:0", "--quiet"]));
    let server = format!("127.0.0.1:{}", process.tcp_port());
    let report = OldReport::new("link");
    let (_, errors, status) = greet(&["probe", &server, "--only=tcp/world", &report.option()]);
    assert_eq!(status, Some(0), "{errors:?}");
    let xml = report.read();
    let suite = "findings\" tests=\"1\" failures=\"0\" skipped=\"0\">\n\
                 <testcase classname=\"findings\" name=\"link\"><system-out>the link: ";
    assert!(xml.contains(suite), "{xml}");
}

#[cfg(target_os = "linux")] // which has /dev/full
#[test]
fn row_12_a_report_is_written_though_stdout_is_broken() {
    let process =
        Process::start(Command::new(GREET).args(["serve", "--tcp=127.0.0.1:0", "--quiet"]));
    let server = format!("127.0.0.1:{}", process.tcp_port());
    let report = OldReport::new("full");
    let probe = format!(
        "exec {GREET} probe {server} --only close {} >/dev/full",
        report.option()
    );
    let (_, errors, status) = Process::start(Command::new("sh").args(["-c", &probe])).end();
    assert_eq!(status.code(), Some(1));
    assert!(errors[0].contains("can't write to stdout"), "{errors:?}");
    let xml = report.read();
    assert!(xml.contains("tests=\"5\" failures=\"1\""), "{xml}");
    assert!(
        xml.contains("<testcase classname=\"close\" name=\"leave\"/>"),
        "{xml}"
    );
}

#[test]
fn row_12_a_report_that_cannot_be_written_is_said_before_the_run() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    server.set_nonblocking(true).expect("a listener");
    let address = server.local_addr().expect("it is bound").to_string();
    let (lines, errors, status) = greet(&["probe", &address, "--junit=/nowhere/report.xml"]);
    assert_eq!((lines.len(), status), (0, Some(1)));
    assert!(
        errors[0].contains("can't write /nowhere/report.xml"),
        "{errors:?}"
    );
    let asked = server.accept().map_err(|error| error.kind());
    assert!(
        matches!(asked, Err(std::io::ErrorKind::WouldBlock)),
        "{asked:?}"
    );
}

#[test]
fn row_15_a_pattern_that_picks_nothing_is_an_error() {
    for typo in ["tcp/typo", "tpc", "", "crowd/"] {
        let (lines, errors, status) = greet(&["probe", "--list", "--only=crowd", "--only", typo]);
        assert_eq!((lines.len(), status), (0, Some(2)), "{typo}: {errors:?}");
        let start = format!("error: invalid value '{typo}' for '--only <GLOB>': no check is");
        let quoted = typo.is_empty() || errors[0].starts_with(&start);
        assert!(quoted, "{errors:?}");
    }
    let (lines, errors, status) = greet(&["probe", "--list", "--only=crowd", "--only=tcp/world*"]);
    assert_eq!((lines.len(), status), (12, Some(0)), "{errors:?}");
}

/// A row of PROBE.md's table: a key of an event.
struct Key {
    event: String,
    name: String,
    kind: String,
    what: String,
}

/// The table of PROBE.md.
fn schema() -> Vec<Key> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/PROBE.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let mut event = String::new();
    guide
        .lines()
        .skip_while(|line| *line != "| event | key | type | what |")
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|row| {
            let cells = row.trim_matches('|').split('|');
            let cells: Vec<_> = cells.map(|cell| cell.trim().replace('`', "")).collect();
            let [first, name, kind, what] = &cells[..] else {
                panic!("four cells in {row}");
            };
            if !first.is_empty() {
                event.clone_from(first);
            }
            Key {
                event: event.clone(),
                name: name.clone(),
                kind: kind.clone(),
                what: what.clone(),
            }
        })
        .collect()
}

/// An object has what the table says of its event, and nothing else. Returns the event.
fn check(schema: &[Key], program: &str, line: &str) -> String {
    let object: serde_json::Map<_, _> = serde_json::from_str(line).expect("an object");
    let event = object["event"].as_str().expect("a name");
    let long = format!("{event} of {program}");
    let each = format!("each of {program}");
    let keys: Vec<_> = schema
        .iter()
        .filter(|key| [event, &long, &each].contains(&&*key.event))
        .collect();
    for key in &keys {
        let there = object.contains_key(&key.name);
        assert!(
            there || key.kind.ends_with('?'),
            "no {} in {line}",
            key.name
        );
    }
    for (name, value) in object.iter().filter(|(name, _)| *name != "event") {
        let key = keys.iter().find(|key| key.name == *name);
        let key = key.unwrap_or_else(|| panic!("PROBE.md doesn't know {name} in {line}"));
        let parts = match value {
            Value::String(_) => {
                assert!(key.kind.starts_with("string"), "{name} in {line}");
                continue;
            }
            Value::Bool(_) => {
                assert!(key.kind.starts_with("boolean"), "{name} in {line}");
                continue;
            }
            Value::Number(_) => {
                assert!(key.kind.starts_with("number"), "{name} in {line}");
                continue;
            }
            Value::Array(_) => {
                assert!(key.kind.starts_with("array"), "{name} in {line}");
                continue;
            }
            Value::Object(parts) => parts,
            Value::Null => {
                let may_be = program == "find" && key.kind.ends_with('?');
                assert!(may_be, "{name} is nothing");
                continue;
            }
        };
        assert!(key.kind.starts_with("object"), "{name} in {line}");
        let parts: Vec<_> = parts.keys().map(String::as_str).collect();
        assert_eq!(parts.join(", "), key.what, "{name} in {line}");
    }
    // Before it come those of each event.
    let last = keys.last().expect("PROBE.md knows the event");
    last.event.clone()
}

#[test]
fn row_19_events_are_what_the_guide_says() {
    let schema = schema();
    let server = Process::start(Command::new(GREET).args([
        "serve",
        "--json",
        "--tcp=127.0.0.1:0",
        "--udp=127.0.0.1:0",
        "--lines=127.0.0.1:0",
        "--reply",
        "--reply-limit=65535",
        "--count",
        "--deadline=1s",
    ]));
    let listening = [server.line(), server.line(), server.line()];
    let address = |line: &str| -> String {
        let object: Value = serde_json::from_str(line).expect("an object");
        object["address"].as_str().expect("an address").to_owned()
    };
    let [tcp, lines, udp] = listening.each_ref().map(|line| address(line));
    for names in [&b"Ada\n"[..], b"\xff\n"] {
        let mut client = TcpStream::connect(&lines).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a bound");
        client.write_all(names).expect("it reads");
        client.shutdown(Shutdown::Write).expect("it is connected");
        client.read_to_end(&mut Vec::new()).expect("replies");
    }
    let (_, errors, status) = greet(&["send", "--count=3", "--to", &udp]);
    assert_eq!(status, Some(0), "{errors:?}");
    let lines = probed(&tcp, &udp);
    let mut seen: BTreeSet<_> = lines
        .iter()
        .map(|line| check(&schema, "probe", line))
        .collect();
    assert!(lines.iter().any(|line| line.contains("latency_us")));
    assert!(
        lines.iter().any(|line| line.contains("\"bytes\":[")),
        "{lines:#?}"
    );
    // The summary has what the events before it have.
    let objects: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let mut finding = objects
        .iter()
        .find(|object| object["event"] == "finding")
        .expect("a finding")
        .clone();
    finding.as_object_mut().expect("an object").remove("event");
    assert!(
        objects
            .iter()
            .any(|object| object["findings"][0] == finding)
    );
    assert_eq!(finding["checks"][0], "tcp/too-long-by-one");

    if cfg!(target_os = "linux") {
        let port = format!("--port={}", udp.rsplit(':').next().expect("a port"));
        let found = ["find", "--interface=lo", "--wait=300ms", "--json", &port];
        let (lines, errors, _) = greet(&found);
        assert_eq!(lines.len(), 2, "{errors:?}");
        seen.extend(lines.iter().map(|line| check(&schema, "find", line)));
    }

    server.interrupt();
    let (mut lines, _, _) = server.end();
    lines.extend(listening);
    for line in &lines {
        seen.insert(check(&schema, "serve", line));
        let object: Value = serde_json::from_str(line).expect("an object");
        let time = object["time"].as_str().expect("a time");
        assert!(
            time.ends_with('Z') && humantime::parse_rfc3339(time).is_ok(),
            "{time}"
        );
    }
    // What the system must fail for, what a client must leave for, what comes once a minute, what takes
    // raw frames, and what not every loopback has.
    for rare in [
        "found",
        "find",
        "portrait",
        "abandoned",
        "accept_failed",
        "receive_failed",
        "each of serve",
        "frames",
        "soak",
    ] {
        seen.insert(rare.to_owned());
    }
    let documented: BTreeSet<_> = schema.into_iter().map(|key| key.event).collect();
    assert_eq!(seen, documented);
}

/// All kinds of lines that the probe prints of a server at these addresses, of another, and of none.
fn probed(tcp: &str, udp: &str) -> Vec<String> {
    let (mut lines, _, _) = greet(&[
        "probe",
        tcp,
        "--udp",
        udp,
        "--json",
        "--rounds=3",
        "--only=crowd/in-a-row",
        "--only=crowd/half-open",
        "--only=tcp/world",
        "--only=tcp/bad-first",
        "--only=udp",
    ]);
    let (failed, _, _) = greet(&[
        "probe",
        &plain_server(),
        "--json",
        "--only=tcp/too-long-by-one",
    ]);
    let earlier = OldReport::new("compared");
    std::fs::write(&earlier.0, lines.join("\n")).expect("a folder for it");
    let compare = format!("--compare={}", earlier.0.display());
    let (compared, _, _) = greet(&["probe", tcp, "--json", "--only=tcp/world", &compare]);
    let nobody = Nobody::new();
    let (dead, _, _) = greet(&["probe", &nobody.address(), "--json"]);
    lines.extend(failed.into_iter().chain(compared).chain(dead));
    lines
}

/// A ten-line server, which knows no limit.
fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut name = [0; 2000];
            let len = client.read(&mut name).unwrap_or(0);
            let _ = client.write_all(&[b"Hello, ", &name[..len]].concat());
        }
    });
    address.to_string()
}
