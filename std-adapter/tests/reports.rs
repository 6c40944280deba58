//! The reports of `greet probe` for programs: they are written whatever happens, and say what did
//! (rows 12, 15 and 19 of what real use broke).

mod process;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use process::Process;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// What it printed on stdout and stderr, and its exit status.
fn greet(arguments: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines, errors, status.code())
}

/// Where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}

/// A server of ours, and its address.
fn ours() -> (Process, String) {
    let process =
        Process::start(Command::new(GREET).args(["serve", "--tcp=127.0.0.1:0", "--quiet"]));
    let address = format!("127.0.0.1:{}", process.tcp_port());
    (process, address)
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
    let host = format!("{}:8000", "x".repeat(64)); // no DNS has such a label
    for (server, why) in [
        (nobody(), "is a server running there?"),
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
    let server = nobody();
    let (lines, _, status) = greet(&["probe", &server, "--json"]);
    assert_eq!((lines.len(), status), (1, Some(1)), "{lines:?}");
    let last: serde_json::Value = serde_json::from_str(&lines[0]).expect("an object");
    assert_eq!(last["event"], "summary");
    assert_eq!(last["server"], *server);
    assert_eq!(last["passed"], 0);
    let error = last["error"].as_str().expect("a sentence");
    assert!(error.contains("is a server running there?"), "{error}");
}

#[cfg(target_os = "linux")] // which has /dev/full
#[test]
fn row_12_a_report_is_written_though_stdout_is_broken() {
    let (_process, server) = ours();
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
    assert_eq!((lines.len(), status), (9, Some(0)), "{errors:?}");
}
