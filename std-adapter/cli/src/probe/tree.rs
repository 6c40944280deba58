//! The report for people: a tree with ticks and crosses as it goes, and a summary.

use std::fmt::Write as _;
use std::time::Duration;

use greet_std::core::probe::About;

use super::{Entry, Graded, Outcome};
use crate::hexdump;
use crate::terminal::Screen;

/// What was printed so far.
pub struct Tree {
    group: &'static str,
    screen: Screen,
    /// What runs.
    running: &'static str,
    /// What of the group wasn't shown; `None`: all is shown.
    unshown: Option<Vec<Unshown>>,
    /// The server is gone: what is skipped for that alone is only counted.
    stopped: bool,
}

/// How much is shown of what passed or was skipped.
#[derive(Clone, Copy)]
pub enum Detail {
    /// Each check.
    Full,
    /// How many of a group.
    Brief,
}

/// Checks of a group that passed, or were skipped for one reason.
struct Unshown {
    result: Outcome,
    why: String,
    first: &'static str,
    count: usize,
}

/// What begins lines under a check: reasons, and bytes.
const REASON: &str = "      ";
const DETAILS: &str = "        ";

/// Erases the line on which a terminal's cursor is.
const ERASE: &str = "\r\u{1b}[K";

impl Tree {
    pub fn new(detail: Detail) -> Self {
        Self {
            group: "",
            screen: Screen::of_stdout(),
            running: "",
            unshown: match detail {
                Detail::Full => None,
                Detail::Brief => Some(Vec::new()),
            },
            stopped: false,
        }
    }

    /// How many bytes fit into a row under a check.
    pub fn row(&self) -> usize {
        hexdump::row(self.screen.width.saturating_sub(DETAILS.len()))
    }

    pub fn started(&mut self, check: &'static About) -> String {
        self.running = check.id;
        if self.screen.live && !self.stopped {
            format!("  ... {}", check.id)
        } else {
            String::new()
        }
    }

    /// Takes back what a terminal shows of the check that is going on.
    pub fn take_back(&self) -> &'static str {
        if self.screen.live { ERASE } else { "" }
    }

    /// So long the server may still take.
    pub fn waiting(&self, left: Duration) -> String {
        if self.screen.live && !self.stopped {
            format!(
                "{ERASE}  ... {} ({:.0} s)",
                self.running,
                left.as_secs_f64()
            )
        } else {
            String::new()
        }
    }

    pub fn stopped(&mut self) -> String {
        self.stopped = true;
        let group = self.end_group();
        let sentence = "The server doesn't greet any more: the other checks are skipped.";
        group + &self.screen.paragraph(sentence, "  ")
    }

    /// The last lines of a group, which count what wasn't shown.
    pub fn end_group(&mut self) -> String {
        let mut text = String::new();
        for unshown in self
            .unshown
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
        {
            let Unshown { why, first, .. } = &unshown;
            let mark = self.mark(unshown.result);
            let sentence = match (unshown.result, unshown.count) {
                (Outcome::Passed, count) => format!("  {mark} {count} passed"),
                (_, 1) => format!("  {mark} {first}: skipped: {why}"),
                (_, count) => format!("  {mark} {count} skipped: {why}"),
            };
            text += &self.screen.paragraph(&sentence, REASON);
        }
        text
    }

    /// Counts a check that isn't shown by itself. `false`: it is.
    fn count(&mut self, entry: &Entry) -> bool {
        let counts = match entry.result {
            Outcome::Passed => entry.why.is_empty(),
            Outcome::Skipped => true,
            _ => false,
        };
        let Some(unshown) = self.unshown.as_mut().filter(|_| counts) else {
            return false;
        };
        match unshown.iter_mut().find(|one| one.why == entry.why) {
            Some(one) => one.count += 1,
            None => unshown.push(Unshown {
                result: entry.result,
                why: entry.why.clone(),
                first: entry.parts().1,
                count: 1,
            }),
        }
        true
    }

    fn mark(&self, result: Outcome) -> String {
        let (mark, color) = match result {
            Outcome::Passed => ("✓", "32"),
            Outcome::Failed => ("✗", "31"),
            Outcome::Worse => ("!", "33"),
            Outcome::Noted => ("·", "36"),
            Outcome::Inconclusive => ("?", "35"),
            Outcome::Skipped => ("-", "90"),
        };
        if self.screen.color {
            format!("\u{1b}[{color}m{mark}\u{1b}[0m")
        } else {
            mark.to_owned()
        }
    }

    pub fn ended(&mut self, entry: &Entry) -> String {
        let mut text = String::new();
        if self.stopped {
            return text;
        }
        if self.screen.live {
            text += ERASE;
        }
        let (group, name) = entry.parts();
        if group != self.group {
            text += &self.end_group();
            self.group = group;
            // A string takes everything.
            let _ = writeln!(text, "{group}");
        }
        if self.count(entry) {
            return text;
        }
        let first = format!("  {} {name}", self.mark(entry.result));
        let (sentence, reason) = match entry.result {
            Outcome::Passed if entry.why.is_empty() => (first, None),
            Outcome::Passed => (format!("{first}: {}", entry.why), None),
            Outcome::Skipped => (format!("{first}: skipped: {}", entry.why), None),
            Outcome::Inconclusive => (format!("{first}: inconclusive: {}", entry.why), None),
            Outcome::Failed | Outcome::Worse | Outcome::Noted => {
                let sentence = format!("{first}: {}", entry.check.sentence);
                (sentence, Some(format!("{REASON}{}", entry.why)))
            }
        };
        for paragraph in [sentence].into_iter().chain(reason) {
            text += &self.screen.paragraph(&paragraph, REASON);
        }
        for line in entry.details.iter().chain(&entry.evidence.lines) {
            text += DETAILS;
            text += line;
            text.push('\n');
        }
        text
    }

    /// The last lines of all.
    pub fn summary(&self, graded: &Graded) -> String {
        let mut text = String::new();
        if graded.latency.count() > 0 {
            let mut sentence = format!("{} greetings", graded.latency.count());
            if graded.rate > 0.0 {
                // A string takes everything.
                let _ = write!(sentence, " in a row, {:.0} in a second", graded.rate);
            }
            let _ = write!(sentence, ": {}", graded.latency.sentence());
            text.push('\n');
            text += &self.screen.paragraph(&sentence, "  ");
            for bar in graded.latency.bars(self.screen.width) {
                text += &bar;
                text.push('\n');
            }
        }
        let summary = graded.summary;
        let mut sentence = format!(
            "{}: passed {}, failed {}",
            graded.server, summary.passed, summary.failed
        );
        for (what, count) in [
            ("worse than it should be", summary.worse),
            ("noted", summary.noted),
            ("inconclusive", summary.inconclusive),
        ] {
            if count > 0 {
                let _ = write!(sentence, ", {what} {count}");
            }
        }
        let _ = write!(sentence, ", skipped {}", summary.skipped);
        text.push('\n');
        for note in &graded.notes {
            text += &self.screen.paragraph(&format!("Note: {note}"), "  ");
        }
        text + &self.screen.paragraph(&sentence, "  ")
    }
}
