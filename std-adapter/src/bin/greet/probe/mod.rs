//! `greet probe`: grades any greet server, and prints a report.

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use greet_std::SocketLab;
use greet_std::core::probe::{self, CHECKS, Check, Event, Level, Plan, Server, Summary};

use crate::args::ProbeArgs;
use crate::console;
use crate::latency::Latency;
use crate::signals::{self, Signal};

mod formats;
mod tree;
mod words;

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
    server: SocketAddr,
    entries: Vec<Entry>,
    latency: Latency,
    /// Greetings in a second, one after the other.
    rate: f64,
}

/// A run that goes on, as a signal finds it.
struct Progress {
    graded: Graded,
    /// `None`: an object a line.
    tree: Option<tree::Tree>,
    /// Why it came to an end.
    end: Option<String>,
    printed: Result<()>,
}

pub fn run(args: &ProbeArgs) -> Result<()> {
    let picked = |check: &Check| {
        args.only.is_empty() || args.only.iter().any(|glob| matches(glob, check.id))
    };
    if !CHECKS.iter().any(picked) {
        bail!("no check is called that; `greet probe --list` shows them all");
    }
    if args.list {
        return list(picked);
    }
    let server = resolve(&args.server)?;
    let udp = args.udp.as_deref().map(resolve).transpose()?;
    let plan = Plan {
        timeout: args.timeout,
        clients: args.clients.get(),
        rounds: args.rounds.get(),
        deadline: args.deadline,
    };
    let mut lab = SocketLab::new(server, udp, usize::from(args.clients.get()) + 1)?;
    let graded = Graded {
        server,
        entries: Vec::new(),
        latency: Latency::new(),
        rate: 0.0,
    };
    let detail = if args.brief {
        tree::Detail::Brief
    } else {
        tree::Detail::Full
    };
    let progress = Arc::new(Mutex::new(Progress {
        graded,
        tree: (!args.json).then(|| tree::Tree::new(detail)),
        end: None,
        printed: Ok(()),
    }));
    signals::on_first({
        let progress = Arc::clone(&progress);
        move |signal| interrupted(&mut lock(&progress), signal)
    })?;
    let wanted = |check: &Check| picked(check) && lock(&progress).printed.is_ok();
    let summary = probe::run(&mut lab, &plan, &mut [0; ROOM], wanted, &mut |event| {
        let mut progress = lock(&progress);
        let Progress {
            graded,
            tree,
            end,
            printed,
        } = &mut *progress;
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
            Event::Ended {
                check,
                verdict,
                actual,
            } => {
                let entry = Entry::new(check, verdict, actual, args.strict);
                let line = match tree {
                    Some(tree) => tree.ended(&entry),
                    None => formats::json_line(&entry),
                };
                graded.entries.push(entry);
                Some(line)
            }
            Event::NotGreeting { failure, actual } => {
                *end = Some(words::not_greeting(server, args.timeout, &failure, actual));
                None
            }
            Event::Stopped { after } => {
                *end = Some(format!(
                    "{server} doesn't greet any more since {}: start it again, and look there",
                    after.id
                ));
                tree.as_mut().map(tree::Tree::stopped)
            }
            _ => None,
        };
        if let Some(line) = line
            && printed.is_ok()
        {
            *printed = console::print(line.as_bytes());
        }
    });
    let mut progress = lock(&progress);
    std::mem::replace(&mut progress.printed, Ok(()))?;
    if summary.server != Server::NeverGreeted {
        console::print(progress.last_words(summary).as_bytes())?;
        if let Some(path) = &args.junit {
            std::fs::write(path, formats::junit(&progress.graded))
                .with_context(|| format!("can't write {}", path.display()))?;
        }
    }
    conclude(progress.end.take(), summary, args.strict)
}

/// Prints what was graded so far, and ends the program: no check waits in a way that could be ended.
fn interrupted(progress: &mut Progress, signal: Signal) {
    let summary = progress.graded.summary();
    let erase = progress.tree.as_ref().map_or("", tree::Tree::take_back);
    let last = erase.to_owned() + &progress.last_words(summary);
    // Whether anybody reads it or not.
    let _ = console::print(last.as_bytes());
    console::complain(format_args!(
        "greet: interrupted: the other checks weren't run"
    ));
    console::finish();
    std::process::exit(signal.exit_status().into());
}

/// Nothing panics while it holds the lock, but for the whole program.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    fn last_words(&mut self, summary: Summary) -> String {
        match &mut self.tree {
            None => formats::json_summary(&self.graded, summary),
            Some(tree) => tree.end_group() + &tree::summary(&self.graded, summary),
        }
    }
}

impl Graded {
    fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for entry in &self.entries {
            *match (entry.result, entry.check.level) {
                (Outcome::Passed, _) => &mut summary.passed,
                (Outcome::Failed, Level::Must) => &mut summary.failed,
                (Outcome::Failed | Outcome::Warned, _) => &mut summary.failed_should,
                (Outcome::Skipped, _) => &mut summary.skipped,
            } += 1;
        }
        summary
    }
}

/// Success only if nothing failed.
fn conclude(end: Option<String>, summary: Summary, strict: bool) -> Result<()> {
    if let Some(end) = end {
        bail!(end);
    }
    let failed = summary.failed + if strict { summary.failed_should } else { 0 };
    if failed > 0 {
        bail!("{failed} failed: what stands under each cross says what came instead");
    }
    if summary.passed + summary.failed_should == 0 {
        bail!("nothing was checked");
    }
    Ok(())
}

fn list(picked: impl Fn(&Check) -> bool) -> Result<()> {
    let mut lines = String::new();
    for check in CHECKS.iter().filter(|check| picked(check)) {
        // A string takes everything.
        let _ = writeln!(lines, "{:24} {}", check.id, check.requirement);
    }
    console::print(lines.as_bytes())
}

/// The first address of a server.
pub fn resolve(address: &str) -> Result<SocketAddr> {
    let found = address.to_socket_addrs().map(|mut found| found.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => bail!("{address} has no address; check how it is spelt"),
        Err(error) => Err(error).with_context(|| {
            format!("can't find {address} (it is HOST:PORT, such as 127.0.0.1:8000)")
        }),
    }
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
    fn new(check: &'static Check, verdict: probe::Verdict, actual: &[u8], strict: bool) -> Self {
        let (why, details) = words::explain(&verdict, actual);
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

/// Whether a pattern with `*` and `?` fits the whole id. A group's name alone is all of it.
fn matches(glob: &str, id: &str) -> bool {
    fn fits(glob: &[u8], id: &[u8]) -> bool {
        match (glob, id) {
            ([b'*', glob @ ..], _) => (0..=id.len()).any(|at| fits(glob, &id[at..])),
            ([b'?', glob @ ..], [_, id @ ..]) => fits(glob, id),
            ([g, glob @ ..], [i, id @ ..]) => g == i && fits(glob, id),
            ([], []) => true,
            _ => false,
        }
    }
    fits(glob.as_bytes(), id.as_bytes())
        || id
            .strip_prefix(glob)
            .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_glob_fits_the_whole_id_or_names_a_group() {
        for (glob, id, fit) in [
            ("tcp/world", "tcp/world", true),
            ("tcp/w", "tcp/world", false),
            ("tcp", "tcp/world", true),
            ("tc", "tcp/world", false),
            ("*/world", "tcp/world", true),
            ("tcp/*-fin", "tcp/world-fin", true),
            ("tcp/*-fin", "tcp/world", false),
            ("tcp/?orld", "tcp/world", true),
            ("*", "udp/ada", true),
        ] {
            assert_eq!(matches(glob, id), fit, "{glob} {id}");
        }
    }
}
