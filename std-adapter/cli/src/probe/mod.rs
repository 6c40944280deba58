//! `greet probe`: grades any greet server, and prints a report.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Error, Result, anyhow, bail};
use greet_std::core::probe::{self, About, CASES, Event, Level, Plan, ProbeStack, Summary};

use crate::address::Address;
use crate::args::ProbeArgs;
use crate::console::{self, ReaderGone};
use crate::latency::Latency;
use crate::signals::{self, Signal};

mod asked;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod cable;
mod formats;
mod link;
mod only;
mod tree;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod wire;
mod words;

use asked::Asked;
#[cfg(all(target_os = "linux", feature = "wire"))]
pub use cable::WireArgs;
use link::Link;
pub use only::Only;
use tree::{Detail, Tree};

/// Room for the longest datagram of any check.
const ROOM: usize = 8192;

/// What one check came to, with its details in lines.
struct Entry {
    check: &'static About,
    result: Outcome,
    /// A sentence, where it didn't simply pass.
    why: String,
    details: Vec<String>,
    /// What crossed the cable, and where it is kept.
    evidence: Evidence,
}

/// What a check leaves behind beside its verdict.
#[derive(Default)]
struct Evidence {
    /// Lines that show it.
    lines: Vec<String>,
    /// The files that have it.
    files: Vec<PathBuf>,
    /// The command that runs the check again, alone.
    again: String,
}

/// Whoever watches what crosses the cable while checks run.
trait Witness {
    /// A check begins.
    fn began(&mut self, _check: &'static About) {}

    /// A check has ended: what there is to say of it.
    fn ended(&mut self, _entry: &Entry, _verdict: &probe::Verdict) -> Evidence {
        Evidence::default()
    }

    /// What else there is to say of the run, in sentences.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Why the run ended before its time, if it did.
    fn failure(&mut self) -> Option<Error> {
        None
    }

    /// Why what happens now is nobody's fault, and nothing more is wanted.
    fn excuse(&self) -> Option<&'static str> {
        None
    }
}

/// Sockets of this machine show nobody what they send.
struct Nobody;

impl Witness for Nobody {}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    /// A SHOULD that doesn't count: worse than it should be.
    Worse,
    /// A MAY.
    Noted,
    Inconclusive,
    Skipped,
}

/// All that a run came to.
struct Graded {
    /// As it was typed, until its address is known.
    server: String,
    /// The same in lines mode, if it was given.
    lines: Option<String>,
    entries: Vec<Entry>,
    summary: Summary,
    latency: Latency,
    /// Greetings in a second, one after the other.
    rate: f64,
    /// What else there is to say of the run.
    notes: Vec<String>,
}

/// A run that goes on, as a signal finds it.
struct Progress {
    graded: Graded,
    /// `None`: an object a line.
    tree: Option<Tree>,
    report: Option<Report>,
    printed: Result<()>,
}

pub fn run(args: &ProbeArgs) -> Result<()> {
    let picked =
        |check: &About| args.only.is_empty() || args.only.iter().any(|only| only.picks(check.id));
    if args.list {
        return list(picked);
    }
    let report = args.junit.as_deref().map(Report::create).transpose()?;
    let graded = Graded {
        server: asked::typed(args),
        lines: args.lines.as_ref().map(Address::to_string),
        entries: Vec::new(),
        summary: Summary::default(),
        latency: Latency::new(),
        rate: 0.0,
        notes: Vec::new(),
    };
    let detail = if args.brief {
        Detail::Brief
    } else {
        Detail::Full
    };
    let progress = Arc::new(Mutex::new(Progress {
        graded,
        tree: (!args.json).then(|| Tree::new(detail)),
        report,
        printed: Ok(()),
    }));
    let done = grade(args, picked, &progress);
    let mut progress = lock(&progress);
    let last = if progress.tree.is_some() && progress.graded.entries.is_empty() {
        String::new() // an error says it all
    } else {
        progress.last_words(done.as_ref().err())
    };
    progress.end(done, &last)?;
    conclude(progress.graded.summary, args.strict)
}

/// Prints what was graded so far, and ends the program: no check waits in a way that could be ended.
fn interrupted(progress: &mut Progress, signal: Signal) {
    progress.graded.summary = progress.graded.count();
    let erase = progress.tree.as_ref().map_or("", Tree::take_back);
    let reason = anyhow!("interrupted: the other checks weren't run");
    let last = erase.to_owned() + &progress.last_words(Some(&reason));
    if let Err(error) = progress.end(Err(reason), &last) {
        console::complain(format_args!("greet: {error:#}"));
    }
    console::finish();
    std::process::exit(signal.exit_status().into());
}

/// Nothing panics while it holds the lock, but for the whole program.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    fn last_words(&mut self, error: Option<&Error>) -> String {
        match &mut self.tree {
            None => formats::json_summary(&self.graded, error),
            Some(tree) => tree.end_group() + &tree.summary(&self.graded),
        }
    }

    /// Whatever happened, reports end as reports do, so that nobody takes an old one for this.
    fn end(&mut self, done: Result<()>, last: &str) -> Result<()> {
        let done = done.and(console::print(last.as_bytes()));
        if let Some(report) = self.report.take() {
            report.write(&formats::junit(&self.graded, done.as_ref().err()))?;
        }
        done
    }
}

impl Graded {
    /// What the checks came to that have ended.
    fn count(&self) -> Summary {
        let mut summary = Summary::default();
        for entry in &self.entries {
            *match (entry.result, entry.check.level) {
                (Outcome::Passed, _) => &mut summary.passed,
                (Outcome::Failed, Level::Must) => &mut summary.failed,
                (Outcome::Failed | Outcome::Worse, _) => &mut summary.worse,
                (Outcome::Noted, _) => &mut summary.noted,
                (Outcome::Inconclusive, _) => &mut summary.inconclusive,
                (Outcome::Skipped, _) => &mut summary.skipped,
            } += 1;
        }
        summary
    }
}

/// Runs the checks, and prints each. An error: not all could be run, or printed.
fn grade(
    args: &ProbeArgs,
    picked: impl Fn(&About) -> bool,
    progress: &Arc<Mutex<Progress>>,
) -> Result<()> {
    let asked = Asked::find(args)?;
    lock(progress).graded.server = asked.address(None);
    lock(progress).graded.lines = asked.lines_shown();
    let plan = Plan {
        timeout: args.timeout,
        clients: args.clients.get(),
        rounds: args.rounds.get(),
        deadline: args.deadline,
    };
    #[cfg(all(target_os = "linux", feature = "wire"))]
    if args.wire.is_wanted() {
        let (mut host, mut witness) = wire::open(args, asked)?;
        signals::note_first()?;
        return grade_from(
            &mut host,
            &mut witness,
            args,
            asked,
            picked,
            &plan,
            progress,
        );
    }
    let mut lab = asked.stack(usize::from(args.clients.get()) + 1)?;
    signals::on_first({
        let progress = Arc::clone(progress);
        move |signal| interrupted(&mut lock(&progress), signal)
    })?;
    let link = Link::watch();
    let graded = grade_from(&mut lab, &mut Nobody, args, asked, picked, &plan, progress);
    let notes = &mut lock(progress).graded.notes;
    notes.extend(link.fault());
    if lab.reuses_ports() {
        notes.push(words::REUSES_PORTS.to_owned());
    }
    graded
}

/// Runs the checks from this stack.
fn grade_from(
    lab: &mut impl ProbeStack,
    witness: &mut dyn Witness,
    args: &ProbeArgs,
    asked: Asked,
    picked: impl Fn(&About) -> bool,
    plan: &Plan,
    progress: &Mutex<Progress>,
) -> Result<()> {
    let row = lock(progress).tree.as_ref().map_or(16, Tree::row);
    let mut end = Ok(());
    let is_read = || match &lock(progress).printed {
        Err(error) => !error.is::<ReaderGone>(),
        Ok(()) => true,
    };
    let witness = RefCell::new(witness);
    let is_wanted = || witness.borrow().excuse().is_none() && is_read();
    let wanted = |check: &About| picked(check) && is_wanted();
    let summary = probe::run(lab, plan, &mut [0; ROOM], wanted, &mut |event| {
        let mut progress = lock(progress);
        let Progress {
            graded,
            tree,
            printed,
            ..
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
            Event::Started { check } => {
                witness.borrow_mut().began(check);
                tree.as_mut().map(|tree| tree.started(check))
            }
            Event::Waiting { left } => tree.as_ref().map(|tree| tree.waiting(left)),
            Event::Ended {
                check,
                verdict,
                actual,
            } => {
                let excuse = witness.borrow().excuse();
                let verdict = excuse.map_or(verdict, probe::Verdict::Skipped);
                let mut entry = Entry::new(check, verdict, actual, args.strict, row);
                entry.evidence = witness.borrow_mut().ended(&entry, &verdict);
                let line = match tree {
                    Some(tree) => tree.ended(&entry),
                    None => formats::json_line(&entry),
                };
                graded.entries.push(entry);
                Some(line)
            }
            Event::NotGreeting {
                mode,
                failure,
                actual,
            } => {
                end = Err(anyhow!(words::not_greeting(
                    &asked.address(Some(mode)),
                    args.timeout,
                    &failure,
                    actual
                )));
                None
            }
            Event::Stopped { after } => {
                end = Err(anyhow!(
                    "{} doesn't greet any more since {}: start it again, and look there",
                    asked.address(after.mode()),
                    after.id
                ));
                tree.as_mut().map(Tree::stopped)
            }
            _ => None,
        };
        if let Some(line) = line
            && printed.is_ok()
        {
            *printed = console::print(line.as_bytes());
        }
    });
    let mut progress = lock(progress);
    progress.graded.summary = summary;
    let witness = witness.into_inner();
    if witness.excuse().is_some() {
        progress.graded.summary = progress.graded.count();
    }
    progress.graded.notes = witness.notes();
    if progress.graded.entries.is_empty() && !progress.graded.notes.is_empty() {
        // Nothing but the error is shown.
        end = end.with_context(|| progress.graded.notes.join("; "));
    }
    if let Some(failure) = witness.failure() {
        return Err(failure);
    }
    end.and(mem::replace(&mut progress.printed, Ok(())))
}

/// Success only if nothing failed.
fn conclude(summary: Summary, strict: bool) -> Result<()> {
    let failed = summary.failed + if strict { summary.worse } else { 0 };
    if failed > 0 {
        bail!("{failed} failed: what stands under each cross says what came instead");
    }
    if summary.passed + summary.worse == 0 {
        bail!("nothing was checked");
    }
    Ok(())
}

/// The file for a report. It is empty as long as the run goes on: no old report stays in it.
struct Report {
    path: PathBuf,
    file: File,
}

impl Report {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    fn write(mut self, report: &str) -> Result<()> {
        self.file
            .write_all(report.as_bytes())
            .with_context(|| format!("can't write {}", self.path.display()))
    }
}

fn list(picked: impl Fn(&About) -> bool) -> Result<()> {
    let mut lines = String::new();
    let all = CASES.iter().copied().flatten().map(|case| &case.about);
    for check in all.filter(|check| picked(check)) {
        // A string takes everything.
        let _ = writeln!(lines, "{:24} {}", check.id, check.sentence);
    }
    console::print(lines.as_bytes())
}

impl Outcome {
    fn of(check: &About, verdict: &probe::Verdict, strict: bool) -> Self {
        use probe::Verdict::{Failed, Inconclusive, Skipped};
        match (verdict, check.level) {
            (Failed(_), Level::Must) => Self::Failed,
            (Failed(_), Level::Should) if strict => Self::Failed,
            (Failed(_), Level::Should) => Self::Worse,
            (Failed(_), Level::May) => Self::Noted,
            (Inconclusive(_), _) => Self::Inconclusive,
            (Skipped(_), _) => Self::Skipped,
            _ => Self::Passed,
        }
    }
}

impl Entry {
    fn new(
        check: &'static About,
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
            evidence: Evidence::default(),
        }
    }

    /// The group, and the name in it.
    fn parts(&self) -> (&'static str, &'static str) {
        self.check.id.split_once('/').unwrap_or(("", self.check.id))
    }
}
