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
mod report;
mod run;
mod stack;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use greet_breakages::table::{Breakage, Table};

use place::Place;
use probe::Tier;
use run::Run;
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

    /// Breaks the cable or the stack so, and compares the first findings, over sockets and with raw frames, with
    /// those of the table in tests/breakages: a name there, `all`, or `ci` for those that CI sees, each in its way
    #[arg(long, value_name = "BREAKAGE")]
    broken: Vec<String>,

    /// Grades each so often
    #[arg(long, value_name = "N", default_value = "1")]
    times: u32,

    /// Captures each run's packets with tcpdump, into FOLDER/NAME.pcap, and keeps the evidence of each cross
    /// that a second host saw, in FOLDER/NAME
    #[arg(long, value_name = "FOLDER")]
    capture: Option<PathBuf>,

    /// Asks in this way alone: over `sockets`, from a second host on the `wire`, or of a broken one with raw
    /// `frames` and no server
    #[arg(long, value_name = "TIER")]
    tier: Option<Tier>,

    /// With raw packets, runs what takes minutes as well
    #[arg(long)]
    patient: bool,

    /// Grades one, in the namespace that this process is the first of
    #[arg(long, hide = true)]
    inside: bool,

    /// Which of several times this is
    #[arg(long, hide = true, default_value = "0")]
    time: u32,
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
    let table = Table::ours()?;
    let once = runs(&stacks, table.rows(), &args.broken)?;
    let runs: Vec<_> = (args.time..args.time + args.times)
        .flat_map(|time| {
            let is_patient = args.patient;
            once.iter().map(move |run| {
                let tier = args.tier.or(run.tier);
                Run {
                    time,
                    tier,
                    is_patient,
                    ..*run
                }
            })
        })
        .collect();
    if !args.inside {
        place::build_greet()?;
    }
    let place = Place::new(args.capture.as_deref())?;
    if args.inside {
        let [run] = &runs[..] else {
            bail!("one run a namespace");
        };
        inside::grade(run, &place)?;
        return Ok(true);
    }

    // One after the other, as they share folders; what can be graded is, whatever else is missing.
    let prepared: Vec<_> = stacks
        .iter()
        .map(|s| (&s.name, outside::prepare(s, &place)))
        .collect();
    let (next, report) = (AtomicUsize::new(0), Mutex::new(vec![None; runs.len()]));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.clamp(1, runs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = runs.get(at) else {
                        break;
                    };
                    let began = Instant::now();
                    let ready = prepared.iter().find(|(name, _)| **name == run.stack.name);
                    let outcome = match ready {
                        Some((_, Err(outcome))) => outcome.clone(),
                        _ => outside::grade(run, &place),
                    };
                    let text = report::section(run, &outcome, began.elapsed());
                    print!("{text}");
                    let mut report = report.lock().expect("no thread panics");
                    report[at] = Some((text, outcome.is_expected()));
                }
            });
        }
    });
    let report: Vec<_> = report.into_inner()?.into_iter().flatten().collect();
    let name = if args.broken.is_empty() {
        "report.txt"
    } else {
        "breakages.txt"
    };
    let path = place.built.join(name);
    let text: String = report.iter().map(|(text, _)| text.as_str()).collect();
    std::fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    Ok(report.iter().all(|(_, expected)| *expected))
}

/// What picks several rows of the table at once.
const ALL_OR_CI: [&str; 2] = ["all", "ci"];

/// What is to be done: each stack, or each that can be broken so with each breakage that was named.
fn runs<'a>(stacks: &'a [Stack], rows: &'a [Breakage], broken: &[String]) -> Result<Vec<Run<'a>>> {
    if broken.is_empty() {
        return Ok(stacks
            .iter()
            .map(|stack| Run {
                stack,
                broken: None,
                time: 0,
                tier: None,
                is_patient: false,
            })
            .collect());
    }
    let unknown = broken
        .iter()
        .find(|&name| !ALL_OR_CI.contains(&&**name) && rows.iter().all(|r| r.name != *name));
    if let Some(name) = unknown {
        bail!("there is no breakage {name}; tests/breakages/table.toml has all");
    }
    let mut all = Vec::new();
    for row in rows {
        let is_named = broken.iter().any(|b| b == "all" || *b == row.name);
        let ci = row
            .ci
            .as_deref()
            .filter(|_| broken.iter().any(|b| b == "ci"));
        let tier = match ci {
            Some(ci) if !is_named => Some(ci.parse().map_err(anyhow::Error::msg)?),
            _ if is_named => None,
            _ => continue,
        };
        all.extend(stacks.iter().map(|stack| Run {
            stack,
            broken: Some(row),
            time: 0,
            tier,
            is_patient: false,
        }));
    }
    all.retain(Run::is_possible);
    Ok(all)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_picks_some_and_asks_each_in_its_way_alone() {
        let (stacks, table) = (
            Stack::all().expect("stacks"),
            Table::ours().expect("a table"),
        );
        let picked = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            runs(&stacks, table.rows(), &names)
        };
        let few = picked(&["ci"]).expect("runs");
        assert!(few.iter().all(|run| run.tier.is_some()) && few.len() >= 8);
        let one = table.rows().iter().find(|row| row.ci.is_some());
        let one = &one.expect("a row").name;
        // Who names it wants all of it.
        let named = picked(&[one]).expect("runs");
        assert!(named.iter().all(|run| run.tier.is_none()) && !named.is_empty());
        assert!(picked(&["all"]).expect("runs").len() > few.len());
        assert!(picked(&["ci", "nothing"]).is_err());
    }
}
