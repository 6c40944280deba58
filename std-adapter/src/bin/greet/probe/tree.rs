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
    /// The server is gone: what is skipped for that alone is only counted.
    stopped: bool,
}

/// Erases the line on which a terminal's cursor is.
const ERASE: &str = "\r\u{1b}[K";

impl Tree {
    pub fn new() -> Self {
        Self {
            group: "",
            live: stdout().is_terminal(),
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

    pub fn stopped(&mut self) -> String {
        self.stopped = true;
        "The server doesn't greet any more: the other checks are skipped.\n".to_owned()
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
            self.group = group;
            // A string takes everything.
            let _ = writeln!(text, "{group}");
        }
        let (mark, color) = match entry.result {
            Outcome::Passed => ("✓", "32"),
            Outcome::Failed => ("✗", "31"),
            Outcome::Warned => ("!", "33"),
            Outcome::Skipped => ("-", "90"),
        };
        let mark = if self.live {
            format!("\u{1b}[{color}m{mark}\u{1b}[0m")
        } else {
            mark.to_owned()
        };
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
