//! Grades stacks that others wrote: each folder of `tests/stacks` is one. Builds them, starts each in a
//! network namespace of its own, probes it, and compares what comes out with what is known of it.
//!
//! ```text
//! cargo stacks            # all of them
//! cargo stacks lwip linux
//! ```
//!
//! Succeeds only if every check came out as the ledgers say, better or worse.

#![forbid(unsafe_code)]

mod cable;
mod inside;
mod ledger;
mod namespace;
mod needs;
mod outside;
mod place;
mod probe;
mod stack;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;

use outside::Outcome;
use place::Place;
use stack::Stack;

/// Grades network stacks that others wrote against what is known of them.
#[derive(Debug, Parser)]
struct Args {
    /// Only these; their folders are in tests/stacks
    names: Vec<String>,

    /// Lists what there is
    #[arg(long)]
    list: bool,

    /// So many at once
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: usize,

    /// Captures each run's packets with tcpdump, into FOLDER/NAME.pcap
    #[arg(long, value_name = "FOLDER")]
    capture: Option<PathBuf>,

    /// Grades one, in the namespace that this process is the first of
    #[arg(long, hide = true)]
    inside: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("stacks: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all came out as is known.
fn run(args: &Args) -> Result<bool> {
    let stacks = picked(&args.names)?;
    if args.list {
        for stack in &stacks {
            println!("{:<16} {}", stack.name, stack.about);
        }
        return Ok(true);
    }
    if !args.inside {
        place::build_greet()?;
    }
    let place = Place::new(args.capture.as_deref())?;
    if args.inside {
        let [stack] = &stacks[..] else {
            bail!("one stack a namespace");
        };
        inside::grade(stack, &place)?;
        return Ok(true);
    }

    // One after the other, as they share folders; what can be graded is, whatever else is missing.
    let ready: Vec<_> = stacks
        .iter()
        .map(|stack| (stack, outside::prepare(stack, &place)))
        .collect();
    let (next, report) = (AtomicUsize::new(0), Mutex::new(vec![None; ready.len()]));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.clamp(1, ready.len()) {
            scope.spawn(|| {
                while let Some((stack, prepared)) = ready.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let began = Instant::now();
                    let outcome = match prepared {
                        Ok(()) => outside::grade(stack, &place),
                        Err(outcome) => outcome.clone(),
                    };
                    let text = section(stack, &outcome, began);
                    print!("{text}");
                    let at = stacks.iter().position(|s| s.name == stack.name);
                    let mut report = report.lock().expect("no thread panics");
                    report[at.expect("it is one of them")] = Some((text, outcome.is_expected()));
                }
            });
        }
    });
    let report: Vec<_> = report.into_inner()?.into_iter().flatten().collect();
    let path = place.built.join("report.txt");
    let text: String = report.iter().map(|(text, _)| text.as_str()).collect();
    std::fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    Ok(report.iter().all(|(_, expected)| *expected))
}

fn picked(names: &[String]) -> Result<Vec<Stack>> {
    let all = Stack::all()?;
    if let Some(name) = names
        .iter()
        .find(|&name| all.iter().all(|s| s.name != *name))
    {
        let known: Vec<_> = all.iter().map(|stack| stack.name.as_str()).collect();
        bail!("there is no stack {name}; there are {}", known.join(", "));
    }
    let wanted = |stack: &Stack| names.is_empty() || names.contains(&stack.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// What is said of one stack.
fn section(stack: &Stack, outcome: &Outcome, began: Instant) -> String {
    let mut text = String::new(); // which takes everything
    match outcome {
        Outcome::Skipped(why) => {
            let _ = writeln!(text, "- {}: skipped: {why}", stack.name);
        }
        Outcome::Broken(why) => {
            let _ = writeln!(text, "✗ {}: {why}", stack.name);
        }
        Outcome::Graded { counts, surprises } => {
            let mark = if surprises.is_empty() { '✓' } else { '✗' };
            let took = began.elapsed().as_secs();
            let _ = writeln!(text, "{mark} {}: {counts}, in {took} s", stack.name);
            for surprise in surprises {
                let _ = writeln!(text, "    {surprise}");
            }
        }
    }
    text
}
