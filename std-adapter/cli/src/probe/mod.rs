//! `greet probe`: grades any greet server, and prints a report.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Error, Result, anyhow};
use greet_std::core::limits::TCP_PORT;
use greet_std::core::probe::{self, About, Event, Mode, Plan, ProbeStack, Summary};

use crate::address::Address;
use crate::args::ProbeArgs;
use crate::args::wrong;
use crate::console::{self, ReaderGone};
use crate::latency::Latency;
#[cfg(feature = "serial")]
use crate::serial::SerialStack;
use crate::signals::{self, Signal};

mod again;
mod asked;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod cable;
mod checks;
mod compare;
mod entry;
mod findings;
mod formats;
mod graded;
mod hard;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod kept;
mod link;
mod only;
mod portrait;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod raw;
mod report;
mod soak;
mod tree;
#[cfg(all(target_os = "linux", feature = "wire"))]
mod wire;
mod words;

use asked::Asked;
#[cfg(all(target_os = "linux", feature = "wire"))]
pub use cable::WireArgs;
use compare::Earlier;
use entry::{Entry, Evidence, Outcome};
use findings::{Seen, Stopped};
use graded::{Graded, conclude};
use link::{Counts, Frames, Link};
pub use only::Only;
use report::Report;
use soak::{Counted, Soak};
use tree::{Detail, Shown, Tree};

/// Room for the longest datagram of any check.
const ROOM: usize = 8192;

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

    /// What was to be kept, and isn't, in a sentence.
    fn unkept(&self) -> Option<String> {
        None
    }

    /// Whether the link was told to lose and delay.
    fn is_impaired(&self) -> bool {
        false
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
    let earlier = args.compare.as_deref().map(Earlier::read).transpose()?;
    let report = args.junit.as_deref().map(Report::create).transpose()?;
    let graded = Graded {
        server: asked::typed(args),
        lines: args.lines.as_ref().map(Address::to_string),
        entries: Vec::new(),
        summary: Summary::default(),
        latency: Latency::new(),
        echoes: Latency::new(),
        rate: 0.0,
        seed: 0,
        found: Vec::new(),
        link: None,
        soak: None,
        again: String::new(),
        frames: Frames::default(),
        figures: Vec::new(),
        earlier,
        notes: Vec::new(),
        unkept: None,
        seen: Seen {
            clients: args.clients.map_or(0, Into::into),
            ..Seen::default()
        },
    };
    let detail = match (args.brief, &args.only[..]) {
        (true, _) => Detail::Brief,
        (false, []) => Detail::Full,
        // What was asked for by name is shown.
        (false, _) => Detail::Each,
    };
    let shown = match args.soak {
        Some(_) => Shown::AtOnce,
        None => Shown::InTurn,
    };
    let progress = Arc::new(Mutex::new(Progress {
        graded,
        tree: (!args.json).then(|| Tree::new(detail, shown)),
        report,
        printed: Ok(()),
    }));
    let done = grade(args, picked, &progress);
    let mut progress = lock(&progress);
    let is_known = !progress.graded.entries.is_empty() || !progress.graded.findings().is_empty();
    let last = if progress.tree.is_some() && !is_known {
        String::new() // an error says it all
    } else {
        progress.last_words(done.as_ref().err())
    };
    progress.end(done, &last)?;
    conclude(&progress.graded, args.strict)
}

/// Prints what was graded so far, and ends the program: no check waits in a way that could be ended.
fn interrupted(progress: &mut Progress, signal: Signal) {
    progress.graded.summary = progress.graded.count();
    let soak = progress.graded.soak.as_ref().map(Soak::line);
    progress.graded.notes.extend(soak);
    let erase = progress.tree.as_ref().map(Tree::take_back);
    let reason = match progress.graded.soak {
        Some(_) => anyhow!("interrupted"),
        None => anyhow!("interrupted: the other checks weren't run"),
    };
    let last = erase.unwrap_or_default() + &progress.last_words(Some(&reason));
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
        let (findings, link) = (self.graded.findings(), self.graded.link());
        match &mut self.tree {
            None => formats::json_end(&self.graded, &findings, link.as_ref(), error),
            Some(tree) => tree.end(&self.graded, &findings, link.as_ref()),
        }
    }

    /// Whatever happened, reports end as reports do, so that nobody takes an old one for this.
    fn end(&mut self, done: Result<()>, last: &str) -> Result<()> {
        let done = done.and(console::print(last.as_bytes()));
        if let Some(report) = self.report.take() {
            let (findings, link) = (self.graded.findings(), self.graded.link());
            report.write(&formats::junit(
                &self.graded,
                &findings,
                link.as_ref(),
                done.as_ref().err(),
            ))?;
        }
        done
    }
}

/// Runs the checks, and prints each. An error: not all could be run, or printed.
fn grade(
    args: &ProbeArgs,
    picked: impl Fn(&About) -> bool,
    progress: &Arc<Mutex<Progress>>,
) -> Result<()> {
    let plan = hard::plan(args);
    lock(progress).graded.seed = plan.seed;
    let soak = |time| Soak::new(time, plan.seed, Counted::Connections);
    lock(progress).graded.soak = args.soak.map(soak);
    lock(progress).graded.again = again::soak(args, &[], plan.seed);
    let interrupt = || {
        let progress = Arc::clone(progress);
        signals::on_first(move |signal| interrupted(&mut lock(&progress), signal))
    };
    #[cfg(feature = "serial")]
    if let Some(port) = &args.serial.serial {
        #[cfg(all(target_os = "linux", feature = "wire"))]
        if args.wire.is_wanted() {
            return Err(wrong(
                "a serial line has no cable with frames: leave out --wire",
            ));
        }
        interrupt()?;
        let stack = SerialStack::open(&args.serial, args.timeout)?;
        let mut stack = stack.context("no serial port was named")?;
        let name = |_| port.clone();
        return grade_from(
            &mut stack,
            &mut Nobody,
            args,
            &name,
            picked,
            &plan,
            progress,
        );
    }
    let asked = Asked::find(args)?;
    lock(progress).graded.server = asked.address(None);
    lock(progress).graded.lines = asked.lines_shown();
    let name = |mode| asked.address(mode);
    #[cfg(all(target_os = "linux", feature = "wire"))]
    if args.wire.is_wanted() {
        let mut plugged = wire::plug(args, asked, plan.seed)?;
        signals::note_first()?;
        let mut checks = probe::CASES.iter().copied().flatten();
        let asks_server = asked.has_server() && checks.any(|case| picked(&case.about));
        lock(progress).graded.again.clone_from(&plugged.soak_again);
        let is_there = raw::grade(&mut plugged, args, &picked, asks_server, progress)?;
        if !asks_server {
            return Ok(());
        }
        if !is_there {
            anyhow::bail!(
                "{} doesn't answer, so its server wasn't asked",
                asked.address(None)
            );
        }
        let (mut host, mut witness) = plugged.host(args, asked)?;
        lock(progress).graded.link = Some(Link::watch(Counts::OwnStack));
        return grade_from(
            &mut host,
            &mut witness,
            args,
            &name,
            picked,
            &plan,
            progress,
        );
    }
    if let Some(board) = asked.board {
        let typed = asked::typed(args);
        let server = SocketAddr::new(board, TCP_PORT);
        let how = if board.is_ipv6() && !typed.starts_with('[') {
            "with one an address of IPv6 stands in brackets, such as [::1]:8000".to_owned()
        } else {
            format!("write that of its server, such as {server}")
        };
        return Err(wrong(&format!(
            "'{typed}': it has no port: {how}; a board without a server is graded with --wire"
        )));
    }
    let mut lab = asked.stack(hard::slots(args))?;
    interrupt()?;
    lock(progress).graded.link = Some(Link::watch(Counts::Sockets));
    let graded = grade_from(&mut lab, &mut Nobody, args, &name, picked, &plan, progress);
    let graded_so_far = &mut lock(progress).graded;
    if lab.reuses_ports() {
        graded_so_far.notes.push(words::REUSES_PORTS.to_owned());
        graded_so_far.seen.reuses_ports = true;
    }
    graded
}

/// Runs the checks from this stack.
fn grade_from(
    lab: &mut impl ProbeStack,
    witness: &mut dyn Witness,
    args: &ProbeArgs,
    name: &dyn Fn(Option<Mode>) -> String,
    picked: impl Fn(&About) -> bool,
    plan: &Plan,
    progress: &Mutex<Progress>,
) -> Result<()> {
    let row = lock(progress).tree.as_ref().map_or(16, Tree::row);
    let mut end = Ok(());
    let is_read = || match &lock(progress).printed {
        Err(error) => !error.is::<ReaderGone>(),
        Ok(()) => !console::is_unread(),
    };
    let witness = RefCell::new(witness);
    let is_wanted = || witness.borrow().excuse().is_none() && is_read();
    let wanted = |check: &About| picked(check) && is_wanted();
    let mut report = |event: Event<'_>| {
        let mut progress = lock(progress);
        let Progress {
            graded,
            tree,
            printed,
            ..
        } = &mut *progress;
        if let Some(soak) = &mut graded.soak {
            soak.note(&event);
        }
        let line = match event {
            Event::Started { check } => {
                witness.borrow_mut().began(check);
                graded.seen.began(check);
                let tree = tree.as_mut().filter(|_| args.soak.is_none());
                tree.map(|tree| tree.started(check))
            }
            Event::Waiting { what, left } => {
                let tree = tree.as_ref().filter(|_| args.soak.is_none());
                tree.map(|tree| tree.waiting(what, left))
            }
            Event::Ended {
                check,
                verdict,
                actual,
            } => {
                let excuse = witness.borrow().excuse();
                let verdict = excuse.map_or(verdict, probe::Verdict::Skipped);
                let mut entry = Entry::new(check, verdict, actual, args.strict, row);
                entry.evidence = witness.borrow_mut().ended(&entry, &verdict);
                graded.keep(entry, tree.as_mut())
            }
            Event::NotGreeting {
                mode,
                failure,
                actual,
            } => {
                let server = name(Some(mode));
                end = Err(anyhow!(words::not_greeting(
                    &server, plan, &failure, actual
                )));
                None
            }
            Event::Stopped {
                after,
                failure,
                actual,
            } => {
                let (server, cause) = (name(after.mode()), failure.cause);
                graded.seen.stopped = Some(Stopped { after, cause });
                end = Err(anyhow!(words::death(&server, after.id, &cause, actual)));
                tree.as_mut().map(Tree::stopped)
            }
            measured => {
                graded.note(args, &measured);
                None
            }
        };
        let told = graded
            .soak
            .as_mut()
            .and_then(|soak| soak.told(tree.as_ref()));
        for line in line.into_iter().chain(told) {
            if printed.is_ok() {
                *printed = console::print(line.as_bytes());
            }
        }
    };
    let room = &mut [0; ROOM];
    let summary = if args.soak.is_some() {
        let goes_on = &mut || lock(progress).graded.goes_on() && is_wanted();
        probe::soak(lab, plan, room, wanted, goes_on, &mut report)
    } else {
        probe::run(lab, plan, room, wanted, &mut report)
    };
    let mut progress = lock(progress);
    let witness = witness.into_inner();
    progress.graded.conclude(summary, witness);
    if progress.graded.entries.is_empty() && !progress.graded.notes.is_empty() {
        // Nothing but the error is shown.
        end = end.with_context(|| progress.graded.notes.join("; "));
    }
    if let Some(failure) = witness.failure() {
        return Err(failure);
    }
    end.and(mem::replace(&mut progress.printed, Ok(())))?;
    console::is_read()
}

fn list(picked: impl Fn(&About) -> bool) -> Result<()> {
    let mut lines = String::new();
    for check in checks::every().filter(|check| picked(check)) {
        // A string takes everything.
        let _ = write!(lines, "{:24} {}", check.id, check.sentence);
        if !check.source.starts_with("PROTOCOL.md") {
            let _ = write!(lines, " ({})", check.source);
        }
        lines.push('\n');
    }
    console::print(lines.as_bytes())
}
