//! The report for people: a tree with ticks and crosses as it goes, and a summary.

use std::fmt::Write as _;
use std::io::{IsTerminal, stdout};

use greet_std::core::probe::{Check, Summary};

use super::{Entry, Graded, Outcome};

/// What was printed so far.
pub struct Tree {
    group: &'static str,
    /// A terminal shows what is going on; a file doesn't need to know.
    live: bool,
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

/// Erases the line on which a terminal's cursor is.
const ERASE: &str = "\r\u{1b}[K";

impl Tree {
    pub fn new(detail: Detail) -> Self {
        Self {
            group: "",
            live: stdout().is_terminal(),
            unshown: match detail {
                Detail::Full => None,
                Detail::Brief => Some(Vec::new()),
            },
            stopped: false,
        }
    }

    pub fn started(&self, check: &Check) -> String {
        if self.live && !self.stopped {
            format!("  ... {}", check.id)
        } else {
            String::new()
        }
    }

    /// Takes back what a terminal shows of the check that is going on.
    pub fn take_back(&self) -> &'static str {
        if self.live { ERASE } else { "" }
    }

    pub fn stopped(&mut self) -> String {
        self.stopped = true;
        let group = self.end_group();
        format!("{group}The server doesn't greet any more: the other checks are skipped.\n")
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
            // A string takes everything.
            let _ = match (unshown.result, unshown.count) {
                (Outcome::Passed, count) => writeln!(text, "  {mark} {count} passed"),
                (_, 1) => writeln!(text, "  {mark} {first}: skipped: {why}"),
                (_, count) => writeln!(text, "  {mark} {count} skipped: {why}"),
            };
        }
        text
    }

    /// Counts a check that isn't shown by itself. `false`: it is.
    fn count(&mut self, entry: &Entry) -> bool {
        let counts = match entry.result {
            Outcome::Passed => entry.why.is_empty(),
            Outcome::Skipped => true,
            Outcome::Failed | Outcome::Warned => false,
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
            Outcome::Warned => ("!", "33"),
            Outcome::Skipped => ("-", "90"),
        };
        if self.live {
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
        if self.live {
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
        let mark = self.mark(entry.result);
        let _ = match entry.result {
            Outcome::Passed if entry.why.is_empty() => writeln!(text, "  {mark} {name}"),
            Outcome::Passed => writeln!(text, "  {mark} {name}: {}", entry.why),
            Outcome::Skipped => writeln!(text, "  {mark} {name}: skipped: {}", entry.why),
            Outcome::Failed | Outcome::Warned => {
                let requirement = entry.check.requirement;
                writeln!(text, "  {mark} {name}: {requirement}\n      {}", entry.why)
            }
        };
        for line in &entry.details {
            let _ = writeln!(text, "        {line}");
        }
        text
    }
}

pub fn summary(graded: &Graded, summary: Summary) -> String {
    let mut text = String::new();
    if graded.latency.count() > 0 {
        let _ = write!(text, "\n{} greetings", graded.latency.count());
        if graded.rate > 0.0 {
            let _ = write!(text, " in a row, {:.0} in a second", graded.rate);
        }
        let _ = writeln!(text, ": {}", graded.latency.sentence());
        for bar in graded.latency.bars() {
            let _ = writeln!(text, "  < {bar}");
        }
    }
    let _ = write!(
        text,
        "\n{}: passed {}, failed {}",
        graded.server, summary.passed, summary.failed
    );
    if summary.failed_should > 0 {
        let _ = write!(text, ", worse than it should be {}", summary.failed_should);
    }
    let _ = writeln!(text, ", skipped {}", summary.skipped);
    text
}
