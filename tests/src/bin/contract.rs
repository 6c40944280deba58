//! `cargo contract`: what each of our adapters keeps of the contract, and which flaws are noticed over it.
//!
//! Each adapter's own tests print that; here they are run, some in a workspace of their own, and put side
//! by side.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode};
use std::{env, io};

/// An adapter, and the command that tests it.
struct Adapter {
    name: &'static str,
    folder: &'static str,
    arguments: &'static [&'static str],
}

const ADAPTERS: [Adapter; 4] = [
    Adapter {
        name: "std",
        folder: ".",
        arguments: &["-p", "greet-std", "--test", "contract"],
    },
    Adapter {
        name: "smoltcp",
        folder: ".",
        arguments: &["-p", "greet-smoltcp", "--test", "contract"],
    },
    Adapter {
        name: "embassy-net",
        folder: "examples/async",
        arguments: &["--test", "contract_board"],
    },
    Adapter {
        name: "tokio",
        folder: "examples/async",
        arguments: &["--test", "contract_desktop"],
    },
];

/// What a test says of one clause or flaw, and why if there is a reason.
struct Row {
    subject: String,
    result: &'static str,
    why: String,
}

/// What an adapter's tests said.
struct Said {
    passed: bool,
    clauses: Vec<Row>,
    flaws: Vec<Row>,
}

fn main() -> io::Result<ExitCode> {
    let mut all = Vec::new();
    for adapter in &ADAPTERS {
        eprintln!("{} is tested", adapter.name);
        all.push(adapter.test()?);
    }
    table("clause", &all, |said| &said.clauses);
    println!();
    table("flaw", &all, |said| &said.flaws);
    println!();
    reasons(&all);
    let passed = all.iter().all(|said| said.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Adapter {
    fn test(&self) -> io::Result<Said> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(format!("{root}/{}", self.folder))
            .args(["test", "--locked", "--quiet"])
            .args(self.arguments)
            .args(["--", "--nocapture", "--test-threads", "1"]);
        if self.folder != "." && env::var_os("CARGO_TARGET_DIR").is_none() {
            // As CI does: one folder for what is built.
            command.env("CARGO_TARGET_DIR", format!("{root}/target/async"));
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = Said {
            passed: output.status.success(),
            clauses: text.lines().filter_map(clause).collect(),
            flaws: text.lines().filter_map(flaw).collect(),
        };
        if !said.passed || said.clauses.is_empty() || said.flaws.is_empty() {
            eprint!("{text}{}", String::from_utf8_lossy(&output.stderr));
        }
        let passed = said.passed && !said.clauses.is_empty() && !said.flaws.is_empty();
        Ok(Said { passed, ..said })
    }
}

/// `kept      places/linger`, and the like.
fn clause(line: &str) -> Option<Row> {
    // The test runner's own words may stand before the first.
    let start = line.find("kept  ").or_else(|| line.find("BROKEN  "));
    let line = line.get(start.or_else(|| line.find("unprovable "))?..)?;
    let (word, rest) = line.split_once(' ')?;
    let result = match word {
        "kept" => "kept",
        "BROKEN" => "BROKEN",
        _ => "can't be shown",
    };
    let (subject, why) = rest
        .trim_start()
        .split_once(": ")
        .unwrap_or((rest.trim_start(), ""));
    subject.contains('/').then(|| Row {
        subject: subject.to_owned(),
        result,
        why: why.to_owned(),
    })
}

/// `NoFin             closing/finish         noticed`, and the like.
fn flaw(line: &str) -> Option<Row> {
    let (flaw, rest) = line.split_once(' ')?;
    let (clause, result) = rest.trim_start().split_once(' ')?;
    let result = result.trim_start();
    let (result, why) = match result.split_once(": ") {
        None if result == "noticed" => ("noticed", ""),
        None if result == "NOT NOTICED" => ("NOT NOTICED", ""),
        Some(("can't be shown", why)) => ("can't be shown", why),
        _ => return None,
    };
    clause.contains('/').then(|| Row {
        subject: flaw.to_owned(),
        result,
        why: why.to_owned(),
    })
}

/// A row for each subject, a column for each adapter.
fn table(what: &str, all: &[Said], rows: impl Fn(&Said) -> &Vec<Row>) {
    print!("{what:<26}");
    for adapter in &ADAPTERS {
        print!(" {:<14}", adapter.name);
    }
    println!();
    let longest = all.iter().map(&rows).max_by_key(|rows| rows.len());
    for row in longest.into_iter().flatten() {
        print!("{:<26}", row.subject);
        for said in all {
            let found = rows(said).iter().find(|other| other.subject == row.subject);
            print!(" {:<14}", found.map_or("", |found| found.result));
        }
        println!();
    }
    print!("{:<26}", "");
    for said in all {
        let good = |row: &&Row| matches!(row.result, "kept" | "noticed");
        let (good, of) = (rows(said).iter().filter(good).count(), rows(said).len());
        print!(" {:<14}", format!("{good} of {of}"));
    }
    println!();
}

/// Why something can't be shown, once for each reason.
fn reasons(all: &[Said]) {
    for (said, adapter) in all.iter().zip(&ADAPTERS) {
        let rows = said.clauses.iter().chain(&said.flaws);
        let reasons: BTreeSet<_> = rows
            .map(|row| &row.why)
            .filter(|why| !why.is_empty())
            .collect();
        for why in reasons {
            println!("{}: {why}", adapter.name);
        }
    }
}
