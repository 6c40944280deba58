//! `greet probe --compare`: what got worse since an earlier run, and files that are none.

#![cfg(unix)] // signals
mod process;

use std::path::PathBuf;
use std::process::Command;

use process::Process;

const GREET: &str = env!("CARGO_BIN_EXE_greet");

/// A file with this in it. It is gone when this is dropped.
struct Old(PathBuf);

impl Old {
    fn new(test: &str, report: &str) -> Self {
        let name = format!("greet-{test}-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, report).expect("a folder for it");
        Self(path)
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What it printed on stdout and stderr, and its exit status.
fn greet(arguments: &[&str]) -> (String, String, Option<i32>) {
    let (lines, errors, status) = Process::start(Command::new(GREET).args(arguments)).end();
    (lines.join("\n"), errors.join("\n"), status.code())
}

#[test]
fn what_got_worse_is_said_and_fails() {
    let server =
        Process::start(Command::new(GREET).args(["serve", "--json", "--tcp", "127.0.0.1:0"]));
    let listening: serde_json::Value =
        serde_json::from_str(&server.line()).expect("it says where it listens");
    let address = listening["address"]
        .as_str()
        .expect("an address")
        .to_owned();
    let probe = |options: &[&str]| {
        greet(
            &[
                &[
                    "probe",
                    &address,
                    "--only",
                    "tcp/world",
                    "--only",
                    "tcp/world-fin",
                ],
                options,
            ]
            .concat(),
        )
    };
    let (old, errors, status) = probe(&["--json"]);
    assert_eq!(status, Some(0), "{old}{errors}");
    let same = Old::new("compare-same", &old);
    let file = same.0.display().to_string();
    let (report, _, status) = probe(&["--compare", &file]);
    assert_eq!(status, Some(0), "{report}");
    assert!(
        report.ends_with(&format!("Since {file}:\n  nothing is worse")),
        "{report}"
    );

    let worse = Old::new("compare-better", &old.replace("\"passed\"", "\"failed\""));
    let file = worse.0.display().to_string();
    let (report, _, status) = probe(&["--compare", &file]);
    assert_eq!(status, Some(0), "{report}");
    assert!(
        report.contains("better  tcp/world-fin: failed, now passed"),
        "{report}"
    );

    // What was checked once, and can't be now.
    let lines = "{\"event\":\"check\",\"id\":\"lines/two\",\"result\":\"passed\"}\n";
    let fuller = Old::new("compare-worse", lines);
    let file = fuller.0.display().to_string();
    let (report, errors, status) = probe(&["--compare", &file, "--json", "--only", "lines/two"]);
    assert_eq!(status, Some(1), "{report}");
    let said = format!("1 check came out worse than in {file}");
    assert!(errors.contains(&said), "{errors}");
    let worse = r#""worse":[{"what":"lines/two","was":"passed","is":"skipped"}]"#;
    assert!(report.contains(worse), "{report}");
}

#[test]
fn a_file_that_is_no_report_is_said_before_anything_is_checked() {
    for (text, why) in [
        ("", "has no checks"),
        ("passed 93, failed 0\n", "an object a line"),
        ("{\"event\":\"listening\"}\n", "has no checks"),
    ] {
        let old = Old::new("compare-none", text);
        let file = old.0.display().to_string();
        let (report, errors, status) = greet(&["probe", "127.0.0.1:1", "--compare", &file]);
        assert_eq!((&*report, status), ("", Some(1)), "{errors}");
        assert!(errors.contains(why), "{errors}");
    }
    let (_, errors, status) = greet(&["probe", "127.0.0.1:1", "--compare", "/nowhere/at/all"]);
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("can't read /nowhere/at/all to compare with it"),
        "{errors}"
    );
}
