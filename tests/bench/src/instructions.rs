//! Counts the instructions of one greeting under callgrind, and the bytes of what holds it, and holds
//! them against the figures in `instructions.txt`: these counts are exact, so one that grows is a change
//! of the code.
//!
//! A subject is a function of [`subjects`]. This program runs itself under valgrind, which collects
//! while that function runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use greet_core::exchange::Exchange;

mod subjects;

use subjects::SUBJECTS;

/// A figure may grow by so many percent before it must be accepted.
const TOLERANCE: u64 = 3;

/// A subject runs so often; what valgrind counts is divided by it.
const RUNS: u64 = 1_000;

const ACCEPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// Counts the instructions of one greeting, and fails when one figure has grown by more than 3 %.
#[derive(Parser)]
struct Arguments {
    /// Accept the present figures.
    #[arg(long)]
    accept: bool,
    /// Run one subject; valgrind is told to.
    #[arg(long, hide = true)]
    subject: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(subject) = arguments.subject {
        return run(&subject).map(|()| ExitCode::SUCCESS);
    }
    if !has_valgrind() {
        let required = std::env::var("GREET_REQUIRE").unwrap_or_default();
        ensure!(
            !required.split(',').any(|program| program == "valgrind"),
            "valgrind is required here, and missing"
        );
        println!("skipped: there is no valgrind");
        return Ok(ExitCode::SUCCESS);
    }
    let figures = measure()?;
    if arguments.accept {
        accept(&figures)?;
    }
    compare(&figures, &accepted()?)
}

/// Runs a subject as often as its count will be divided by.
fn run(subject: &str) -> anyhow::Result<()> {
    let (_, run) = SUBJECTS
        .iter()
        .find(|(name, _)| *name == subject)
        .with_context(|| format!("there is no subject '{subject}'"))?;
    run(RUNS);
    Ok(())
}

fn has_valgrind() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Every figure, by name.
fn measure() -> anyhow::Result<BTreeMap<String, u64>> {
    let mut figures = BTreeMap::new();
    for (name, _) in SUBJECTS {
        figures.insert(format!("{name}-instructions"), count(name)?);
    }
    figures.insert("exchange-bytes".into(), size_of::<Exchange>() as u64);
    for (name, bytes) in subjects::futures() {
        figures.insert(name.into(), bytes as u64);
    }
    Ok(figures)
}

/// Instructions of one run of a subject.
fn count(subject: &str) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect=*subjects::{subject}*"))
        .arg(std::env::current_exe()?)
        .args(["--subject", subject])
        .output()
        .context("can't run valgrind")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{report}");
    let collected: u64 = report
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .context("valgrind says nothing of what it collected")?
        .1
        .trim()
        .parse()?;
    ensure!(
        collected >= RUNS,
        "the function of subject '{subject}' was never seen"
    );
    Ok(collected / RUNS)
}

fn accept(figures: &BTreeMap<String, u64>) -> anyhow::Result<()> {
    let rustc = Command::new("rustc").arg("--version").output()?.stdout;
    let mut text = String::from("# Accepted by `cargo instructions --accept`, built with\n# ");
    text += &String::from_utf8(rustc)?;
    for (name, figure) in figures {
        writeln!(text, "{name} {figure}")?;
    }
    fs::write(ACCEPTED, text).with_context(|| format!("can't write {ACCEPTED}"))
}

fn accepted() -> anyhow::Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(Path::new(ACCEPTED))
        .with_context(|| format!("can't read {ACCEPTED}"))?;
    let mut figures = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, figure)) = line.split_once(' ') else {
            bail!("{ACCEPTED}: '{line}' is no name and figure");
        };
        figures.insert(name.to_owned(), figure.parse()?);
    }
    Ok(figures)
}

fn compare(
    figures: &BTreeMap<String, u64>,
    accepted: &BTreeMap<String, u64>,
) -> anyhow::Result<ExitCode> {
    let mut grown = 0;
    println!("| figure | now | accepted |");
    println!("|---|---|---|");
    for (name, &now) in figures {
        let Some(&before) = accepted.get(name) else {
            println!("| {name} | {now} | NEW |");
            grown += 1;
            continue;
        };
        let too_much = now * 100 > before * (100 + TOLERANCE);
        let mark = if too_much { " GROWN" } else { "" };
        println!("| {name} | {now} | {before}{mark} |");
        grown += u32::from(too_much);
    }
    for name in accepted.keys() {
        ensure!(
            figures.contains_key(name),
            "nothing measures {name} any more"
        );
    }
    if grown == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\n{grown} of them new, or grown by more than {TOLERANCE} %. If that is meant, or comes from \
         another compiler:\n\n    cargo instructions --accept\n\nand commit the file."
    );
    Ok(ExitCode::FAILURE)
}
