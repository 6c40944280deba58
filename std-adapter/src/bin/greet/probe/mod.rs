//! `greet probe`: grades any greet server, and prints a report.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use greet_std::SocketLab;
use greet_std::core::probe::{self, CHECKS, Check, Event, Level, Plan, Summary};

use crate::address::Address;
use crate::args::ProbeArgs;
use crate::console;
use crate::latency::Latency;

mod formats;
mod only;
mod tree;
mod words;

pub use only::Only;
use tree::{Detail, Tree};

/// Room for the longest datagram of any check.
const ROOM: usize = 8192;

/// What one check came to, with its details in lines.
struct Entry {
    check: &'static Check,
    result: Outcome,
    /// A sentence, where it didn't simply pass.
    why: String,
    details: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    /// A SHOULD that doesn't count.
    Warned,
    Skipped,
}

/// All that a run came to.
struct Graded {
    /// As it was typed, until its address is known.
    server: String,
    entries: Vec<Entry>,
    summary: Summary,
    latency: Latency,
    /// Greetings in a second, one after the other.
    rate: f64,
}

pub fn run(args: &ProbeArgs) -> Result<()> {
    let picked =
        |check: &Check| args.only.is_empty() || args.only.iter().any(|only| only.picks(check.id));
    if args.list {
        return list(picked);
    }
    let report = args.junit.as_deref().map(Report::create).transpose()?;
    let mut graded = Graded {
        server: args.server.to_string(),
        entries: Vec::new(),
        summary: Summary::default(),
        latency: Latency::new(),
        rate: 0.0,
    };
    let detail = if args.brief {
        Detail::Brief
    } else {
        Detail::Full
    };
    let mut tree = (!args.json).then(|| Tree::new(detail));
    let mut done = grade(args, picked, &mut graded, &mut tree);
    // Whatever happened, reports end as reports do, so that nobody takes an old one for this.
    let last = match &mut tree {
        None => formats::json_summary(&graded, done.as_ref().err()),
        Some(_) if graded.entries.is_empty() => String::new(),
        Some(tree) => tree.end_group() + &tree.summary(&graded),
    };
    done = done.and(console::print(last.as_bytes()));
    if let Some(report) = report {
        report.write(&formats::junit(&graded, done.as_ref().err()))?;
    }
    done?;
    conclude(graded.summary, args.strict)
}

/// Runs the checks, and prints each. An error: not all could be run, or printed.
fn grade(
    args: &ProbeArgs,
    picked: impl Fn(&Check) -> bool,
    graded: &mut Graded,
    tree: &mut Option<Tree>,
) -> Result<()> {
    let server = args.server.over_tcp(args.timeout)?;
    graded.server = server.to_string();
    let udp = args.udp.as_ref().map(Address::over_udp).transpose()?;
    let plan = Plan {
        timeout: args.timeout,
        clients: args.clients.get(),
        rounds: args.rounds.get(),
        deadline: args.deadline,
    };
    let mut lab = SocketLab::new(server, udp, usize::from(args.clients.get()) + 1)?;
    let row = tree.as_ref().map_or(16, Tree::row);
    let (mut end, mut printed) = (Ok(()), Ok(()));
    graded.summary = probe::run(&mut lab, &plan, &mut [0; ROOM], picked, &mut |event| {
        let line = match event {
            Event::Greeting { took } => {
                graded.latency.record(took);
                return;
            }
            Event::InARow { greetings, within } => {
                graded.rate = f64::from(greetings) / within.as_secs_f64();
                return;
            }
            Event::Started { check } => tree.as_mut().map(|tree| tree.started(check)),
            Event::Waiting { left } => tree.as_ref().map(|tree| tree.waiting(left)),
            Event::Ended {
                check,
                verdict,
                actual,
            } => {
                let entry = Entry::new(check, verdict, actual, args.strict, row);
                let line = match tree {
                    Some(tree) => tree.ended(&entry),
                    None => formats::json_line(&entry),
                };
                graded.entries.push(entry);
                Some(line)
            }
            Event::NotGreeting { failure, actual } => {
                end = Err(anyhow!(words::not_greeting(
                    server,
                    args.timeout,
                    &failure,
                    actual
                )));
                None
            }
            Event::Stopped { after } => {
                end = Err(anyhow!(
                    "{server} doesn't greet any more since {}: start it again, and look there",
                    after.id
                ));
                tree.as_mut().map(Tree::stopped)
            }
            _ => None,
        };
        if let Some(line) = line
            && printed.is_ok()
        {
            printed = console::print(line.as_bytes());
        }
    });
    end.and(printed)
}

/// Success only if nothing failed.
fn conclude(summary: Summary, strict: bool) -> Result<()> {
    let failed = summary.failed + if strict { summary.failed_should } else { 0 };
    if failed > 0 {
        bail!("{failed} failed: what stands under each cross says what came instead");
    }
    if summary.passed + summary.failed_should == 0 {
        bail!("nothing was checked");
    }
    Ok(())
}

/// The file for a report. It is empty as long as the run goes on: no old report stays in it.
struct Report<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Report<'a> {
    fn create(path: &'a Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn write(mut self, report: &str) -> Result<()> {
        self.file
            .write_all(report.as_bytes())
            .with_context(|| format!("can't write {}", self.path.display()))
    }
}

fn list(picked: impl Fn(&Check) -> bool) -> Result<()> {
    let mut lines = String::new();
    for check in CHECKS.iter().filter(|check| picked(check)) {
        // A string takes everything.
        let _ = writeln!(lines, "{:24} {}", check.id, check.requirement);
    }
    console::print(lines.as_bytes())
}

impl Outcome {
    fn of(check: &Check, verdict: &probe::Verdict, strict: bool) -> Self {
        use probe::Verdict::{Failed, Passed, PassedWithLoss, Skipped};
        match verdict {
            Failed(_) if check.level == Level::Must || strict => Self::Failed,
            Failed(_) => Self::Warned,
            Skipped(_) => Self::Skipped,
            Passed | PassedWithLoss { .. } => Self::Passed,
        }
    }
}

impl Entry {
    fn new(
        check: &'static Check,
        verdict: probe::Verdict,
        actual: &[u8],
        strict: bool,
        row: usize,
    ) -> Self {
        let (why, details) = words::explain(&verdict, actual, row);
        Self {
            check,
            result: Outcome::of(check, &verdict, strict),
            why,
            details,
        }
    }

    /// The group, and the name in it.
    fn parts(&self) -> (&'static str, &'static str) {
        self.check.id.split_once('/').unwrap_or(("", self.check.id))
    }
}
