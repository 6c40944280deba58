//! All that a run came to.

use std::mem;

use anyhow::{Result, bail};
use greet_std::core::probe::{Event, Level, ServerState, Summary};

use super::compare::{Comparison, Earlier};
use super::entry::{Entry, Outcome};
use super::findings::{self, Finding, Seen};
use super::link::{Frames, Link, LinkReport};
use super::portrait::Figure;
use super::soak::Soak;
use super::tree::Tree;
use super::{Witness, formats, hard};
use crate::args::ProbeArgs;
use crate::latency::Latency;

/// All that a run came to.
pub struct Graded {
    /// As it was typed, until its address is known.
    pub server: String,
    /// The same in lines mode, if it was given.
    pub lines: Option<String>,
    pub entries: Vec<Entry>,
    pub summary: Summary,
    pub latency: Latency,
    /// Of echoes, by raw frames.
    pub echoes: Latency,
    /// Greetings in a second, one after the other.
    pub rate: f64,
    /// What chance chose follows from it.
    pub seed: u64,
    /// What was found out that a report should say.
    pub found: Vec<String>,
    /// What goes on for long, and what changes meanwhile.
    pub soak: Option<Soak>,
    /// The command that runs the checks of a soak again, in the same order.
    pub again: String,
    /// What crossed the cable in checks with raw frames.
    pub frames: Frames,
    /// There is none until the server is asked.
    pub link: Option<Link>,
    /// What the stack is like.
    pub figures: Vec<Figure>,
    /// The run to compare with.
    pub earlier: Option<Earlier>,
    /// What else there is to say of the run.
    pub notes: Vec<String>,
    /// What was to be kept of it, and isn't.
    pub unkept: Option<String>,
    /// What findings are made from, beside the entries.
    pub seen: Seen,
}

impl Graded {
    /// Takes what there is to say at the end of a run.
    pub fn conclude(&mut self, summary: Summary, witness: &dyn Witness) {
        // Checks with raw frames count, too.
        self.summary = self.count();
        if witness.excuse().is_none() {
            self.summary.server = summary.server;
        }
        self.unkept = witness.unkept();
        let found = mem::take(&mut self.found);
        self.notes.extend(match &self.soak {
            None => found,
            Some(soak) => vec![soak.line()],
        });
        self.notes.extend(witness.notes());
        self.notes.extend(self.unkept.clone());
        self.seen.is_impaired = witness.is_impaired();
        let lives = self.summary.server == ServerState::Lives;
        let has_failed = self.summary.failed + self.summary.worse > 0;
        if has_failed || !lives && !self.entries.is_empty() {
            let again = self.comes_again();
            self.notes.push(again);
        }
    }

    /// How what chance chose comes again.
    pub fn comes_again(&self) -> String {
        let (seed, again) = (self.seed, &self.again);
        match &self.soak {
            None => format!("what chance chose comes again with --seed {seed}"),
            Some(soak) => {
                format!(
                    "it ended {}: all of them come again with {again}",
                    soak.until_then()
                )
            }
        }
    }

    /// Whether there is time for another check of a soak.
    pub fn goes_on(&self) -> bool {
        self.soak.as_ref().is_some_and(Soak::goes_on)
    }

    /// Keeps what a check came to, and says it: of a soak the last time of each, and what may be a fault, once.
    pub fn keep(&mut self, entry: Entry, tree: Option<&mut Tree>) -> Option<String> {
        let is_well = |entry: &Entry| matches!(entry.result, Outcome::Passed | Outcome::Skipped);
        let is_same =
            |earlier: &Entry| earlier.check.id == entry.check.id && earlier.result == entry.result;
        let is_known = self.entries.iter().any(is_same);
        let is_shown = self.soak.is_none() || !is_well(&entry) && !is_known;
        let line = is_shown.then(|| match tree {
            Some(tree) => tree.ended(&entry),
            None => formats::json_line(&entry),
        });
        if self.soak.is_some() {
            let (id, result) = (entry.check.id, entry.result);
            self.entries.retain(|earlier| {
                earlier.check.id != id || !is_well(earlier) && earlier.result != result
            });
        }
        self.entries.push(entry);
        line
    }

    /// What is to be mended, as far as it was seen.
    pub fn findings(&self) -> Vec<Finding> {
        let mut seen = self.seen.clone();
        seen.results = self.entries.iter().filter_map(|entry| entry.of).collect();
        seen.link = self.link().map(|link| link.seen()).unwrap_or_default();
        findings::of(&seen)
    }

    /// What is other than in an earlier run.
    pub fn comparison(&self) -> Option<Comparison> {
        let earlier = self.earlier.as_ref()?;
        Some(earlier.compare(&self.entries, &self.figures))
    }

    /// What was seen of the link so far.
    pub fn link(&self) -> Option<LinkReport> {
        self.link.as_ref().map(Link::report)
    }

    /// A line for what was seen of the link, by the second host and by sockets, and whether that is bad.
    pub fn links(&self, link: Option<&LinkReport>) -> Vec<(bool, String)> {
        let frames = self.frames.are_counted();
        let frames = frames.then(|| (self.frames.are_bad(), self.frames.line()));
        let link = link.map(|link| (link.is_bad(), link.line()));
        frames.into_iter().chain(link).collect()
    }

    /// Whether a second host has counted what crossed the cable.
    pub fn has_second_host(&self) -> bool {
        let is_its_own = self.link.as_ref().is_some_and(Link::is_of_own_stack);
        is_its_own || self.frames.are_counted()
    }

    /// Keeps what was measured.
    pub fn note(&mut self, args: &ProbeArgs, event: &Event<'_>) {
        match *event {
            Event::Greeting { took } => {
                self.seen.greetings += 1;
                self.latency.record(took);
            }
            Event::InARow { greetings, within } => {
                self.rate = f64::from(greetings) / within.as_secs_f64();
            }
            Event::Found { fact } => {
                self.found.extend(hard::note(args, fact));
                if let Some(link) = &mut self.link {
                    link.found(&fact);
                }
                self.seen.note(fact);
            }
            Event::Link { seen, greeting } => {
                if let Some(link) = &mut self.link {
                    link.note(&seen, greeting);
                }
            }
            _ => {}
        }
    }

    /// What the checks came to that have ended.
    pub fn count(&self) -> Summary {
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

/// Success only if nothing failed, and all is kept that was to be.
pub fn conclude(graded: &Graded, strict: bool) -> Result<()> {
    let Graded {
        summary, unkept, ..
    } = graded;
    let failed = summary.failed + if strict { summary.worse } else { 0 };
    let mut sentences = Vec::new();
    if failed > 0 {
        sentences.push(format!(
            "{failed} failed: what stands under each cross says what came instead"
        ));
    } else if summary.passed + summary.worse + summary.noted == 0 {
        sentences.push("nothing was checked".to_owned());
    }
    if let Some(comparison) = graded.comparison()
        && comparison.worse() > 0
    {
        let (worse, path) = (comparison.worse(), comparison.path().display());
        let checks = if worse == 1 { "check" } else { "checks" };
        sentences.push(format!("{worse} {checks} came out worse than in {path}"));
    }
    sentences.extend(unkept.clone());
    if !sentences.is_empty() {
        bail!("{}", sentences.join("; "));
    }
    Ok(())
}
