//! The report for people: what to mend, the link, a tree with ticks and crosses, and a summary.
//!
//! What a second host has counted of the link leads, as no check has judged it yet. Whoever looks on at a terminal has
//! the tree first, as it grows, and what to mend where their eyes are at the end.

use std::fmt::Write as _;
use std::time::Duration;

use greet_std::core::probe::About;

use super::findings::{self, Finding};
use super::link::LinkReport;
use super::{Entry, Graded, Outcome, portrait};
use crate::console;
use crate::hexdump;
use crate::latency::Latency;
use crate::terminal::Screen;

/// A report that grows.
pub struct Tree {
    group: &'static str,
    screen: Screen,
    /// Who is shown what goes on, in a line that is written over.
    watched: Watched,
    /// What stands behind what is known only at the end; `None`: it is printed as it comes.
    later: Option<Vec<Grown>>,
    /// What runs.
    running: &'static str,
    detail: Detail,
    /// What was skipped, and isn't shown by itself.
    unshown: Vec<Unshown>,
    /// The server is gone: what is skipped for that alone is only counted.
    stopped: bool,
}

/// How much is shown of what passed or was skipped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Each check, under its group.
    Each,
    /// The same, but of what was skipped only how much, for each reason.
    Full,
    /// Those that didn't pass, and the same of what was skipped.
    Brief,
}

/// When the tree is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it grows.
    AtOnce,
    /// As it grows where somebody looks on, or else behind what is known only at the end.
    InTurn,
}

/// Where somebody looks on.
#[derive(Clone, Copy)]
enum Watched {
    /// On stdout, among the report.
    Out(Screen),
    /// On stderr, while the report goes elsewhere.
    Err(Screen),
    Nowhere,
}

/// Checks that were skipped for one reason.
struct Unshown {
    why: String,
    checks: Vec<&'static str>,
}

/// So many are named that were skipped for one reason; of more it is said how many they are.
const NAMED: usize = 2;

/// What a tree that is printed later has grown by, and the check that it is of.
struct Grown {
    check: Option<&'static str>,
    text: String,
}

/// What begins lines under a check: reasons, and bytes.
const REASON: &str = "      ";
const DETAILS: &str = "        ";
/// The rest of a frame's line, where that is broken.
const FRAME: &str = "             ";

/// Erases the line on which a terminal's cursor is.
const ERASE: &str = "\r\u{1b}[K";

impl Tree {
    /// Begins one.
    pub fn new(detail: Detail, shown: Shown) -> Self {
        let (screen, stderr) = (Screen::of_stdout(), Screen::of_stderr());
        let at_once = shown == Shown::AtOnce || screen.is_terminal;
        Self {
            group: "",
            screen,
            watched: if screen.live {
                Watched::Out(screen)
            } else if stderr.live && !at_once {
                Watched::Err(stderr)
            } else {
                Watched::Nowhere
            },
            later: (!at_once).then(Vec::new),
            running: "",
            detail,
            unshown: Vec::new(),
            stopped: false,
        }
    }

    /// How many bytes fit into a row under a check.
    pub fn row(&self) -> usize {
        hexdump::row(self.screen.width.saturating_sub(DETAILS.len()))
    }

    pub fn started(&mut self, check: &'static About) -> String {
        self.running = check.id;
        self.now(&format!("  ... {}", check.id))
    }

    /// How many columns a line has that is written over, where that can be.
    pub fn room(&self) -> Option<usize> {
        self.screen.live.then(|| room(self.screen))
    }

    /// A line that the next one is written over.
    pub fn over(&self, line: &str) -> String {
        self.shown(line)
    }

    /// Shows whoever looks on what goes on. What of that is to be printed on stdout.
    fn shown(&self, line: &str) -> String {
        let (Watched::Out(screen) | Watched::Err(screen)) = self.watched else {
            return String::new();
        };
        let line = format!("{ERASE}{}", line.get(..room(screen)).unwrap_or(line));
        if matches!(self.watched, Watched::Out(_)) {
            return line;
        }
        console::progress(format_args!("{line}"));
        String::new()
    }

    fn now(&self, line: &str) -> String {
        if self.stopped {
            String::new()
        } else {
            self.shown(line)
        }
    }

    /// Takes back what a terminal shows of the check that is going on.
    pub fn take_back(&self) -> String {
        self.shown("")
    }

    /// What is waited for, and for how long at most.
    pub fn waiting(&self, what: &str, left: Duration) -> String {
        let seconds = left.as_secs_f64();
        self.now(&format!(
            "  ... {} ({seconds:.0} s): waiting for {what}",
            self.running
        ))
    }

    pub fn stopped(&mut self) -> String {
        self.stopped = true;
        let sentence = "The server doesn't greet any more: the other checks are skipped.";
        let sentence = self.screen.paragraph(sentence, "  ");
        self.grown(None, sentence)
    }

    /// Takes what the tree has grown by, with the check that it is of. What of that is to be printed now.
    fn grown(&mut self, check: Option<&'static str>, text: String) -> String {
        match &mut self.later {
            None => text,
            Some(later) => {
                later.push(Grown { check, text });
                String::new()
            }
        }
    }

    /// What was skipped and wasn't shown by itself, and why.
    fn skipped(&self) -> String {
        let lines = self.unshown.iter().map(|Unshown { why, checks }| {
            let mark = self.mark(Outcome::Skipped);
            let what = match (checks.len(), self.detail) {
                (..=NAMED, Detail::Brief) => format!("{}: skipped", checks.join(", ")),
                (..=NAMED, _) => checks.join(", "),
                (count, Detail::Brief) => format!("{count} skipped"),
                (count, _) => format!("{count} checks"),
            };
            let sentence = format!("  {mark} {what}: {why}");
            self.screen.paragraph(&sentence, REASON)
        });
        let lines: String = lines.collect();
        if lines.is_empty() || self.detail == Detail::Brief {
            return lines;
        }
        format!("skipped\n{lines}")
    }

    /// Whether a check isn't shown by itself.
    fn hides(&mut self, entry: &Entry) -> bool {
        match (entry.result, self.detail) {
            (Outcome::Passed, Detail::Brief) => entry.why.is_empty(),
            (Outcome::Skipped, Detail::Full | Detail::Brief) => {
                let id = entry.check.id;
                match self.unshown.iter_mut().find(|one| one.why == entry.why) {
                    Some(one) => one.checks.push(id),
                    None => self.unshown.push(Unshown {
                        why: entry.why.clone(),
                        checks: vec![id],
                    }),
                }
                true
            }
            _ => false,
        }
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
        if self.stopped {
            return String::new();
        }
        let erased = self.take_back();
        if self.hides(entry) {
            return erased;
        }
        let mut text = String::new();
        let (group, mut name) = entry.parts();
        if self.detail == Detail::Brief {
            name = entry.check.id;
        } else if group != self.group {
            self.group = group;
            // A string takes everything.
            let _ = writeln!(text, "{group}");
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
        for frame in &entry.evidence.frames {
            let line = format!("{DETAILS}{frame}");
            text += &self.screen.paragraph(&line, FRAME);
        }
        for line in entry.details.iter().chain(&entry.evidence.lines) {
            text += DETAILS;
            text += line;
            text.push('\n');
        }
        erased + &self.grown(Some(entry.check.id), text)
    }

    /// What wasn't printed yet: what to mend, and in which order, the link, maybe the tree, and the last lines of all.
    pub fn end(
        &mut self,
        graded: &Graded,
        findings: &[Finding],
        link: Option<&LinkReport>,
    ) -> String {
        let skipped = self.skipped();
        let mut text = self.grown(None, skipped);
        let later = self.later.take().map(|later| explained(later, findings));
        let mut parts = [self.findings(findings), self.links(graded, link)];
        if later.is_some() && graded.has_second_host() {
            parts.reverse();
        }
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        if let Some(tree) = later {
            let tree = Some(tree).filter(|tree| !tree.is_empty());
            text = parts.chain(tree).collect::<Vec<_>>().join("\n");
        } else {
            for part in parts {
                text.push('\n');
                text += &part;
            }
        }
        text += &portrait::paragraph(&graded.figures);
        text += &self.summary(graded);
        if let Some(comparison) = graded.comparison() {
            text += &comparison.paragraph();
        }
        text
    }

    /// What to mend, and in which order.
    fn findings(&self, findings: &[Finding]) -> String {
        if findings.is_empty() {
            return String::new();
        }
        let title = "Findings, in the order in which to mend them:";
        let mark = |finding: &Finding| self.mark(finding.result);
        self.screen.paragraph(title, "  ") + &findings::paragraphs(findings, self.screen, mark)
    }

    /// What was seen of the link, by the second host and by sockets.
    fn links(&self, graded: &Graded, link: Option<&LinkReport>) -> String {
        let lines = graded.links(link).into_iter();
        lines
            .map(|(is_bad, line)| self.link(is_bad, &line))
            .collect()
    }

    /// What was seen of the link, with a mark where that is bad.
    fn link(&self, is_bad: bool, line: &str) -> String {
        let mark = if is_bad {
            self.mark(Outcome::Worse) + " "
        } else {
            String::new()
        };
        self.screen.paragraph(&(mark + line), "  ")
    }

    /// How long something took, and a picture of it.
    fn distribution(&self, what: &str, latency: &Latency) -> String {
        let sentence = format!("{what}: {}", latency.sentence());
        let mut text = "\n".to_owned() + &self.screen.paragraph(&sentence, "  ");
        for bar in latency.bars(self.screen.width) {
            text += &bar;
            text.push('\n');
        }
        text
    }

    fn summary(&self, graded: &Graded) -> String {
        let mut text = String::new();
        let Graded {
            echoes, latency, ..
        } = graded;
        if echoes.count() > 0 {
            text += &self.distribution(&format!("{} echoes", echoes.count()), echoes);
        }
        if latency.count() > 0 {
            let mut what = format!("{} greetings", latency.count());
            if graded.rate > 0.0 {
                // A string takes everything.
                let _ = write!(what, " in a row, {:.0} in a second", graded.rate);
            }
            text += &self.distribution(&what, latency);
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

/// A tree that is printed when all is known: under each cross stands which finding explains it.
fn explained(tree: Vec<Grown>, findings: &[Finding]) -> String {
    let mut all = String::new();
    for Grown { check, text } in tree {
        all += &text;
        let explains =
            |finding: &Finding| check.is_some_and(|check| finding.checks.contains(&check));
        if let Some(at) = findings.iter().position(explains) {
            // A string takes everything.
            let _ = writeln!(all, "{REASON}see finding {}", at + 1);
        }
    }
    all
}

/// A line that is broken in two can't be written over.
fn room(screen: Screen) -> usize {
    screen.width.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::super::{Evidence, checks};
    use super::*;

    fn tree(width: usize, detail: Detail) -> Tree {
        let screen = Screen {
            color: false,
            is_terminal: true,
            live: false,
            width,
        };
        Tree {
            screen,
            ..Tree::new(detail, Shown::AtOnce)
        }
    }

    fn entry(result: Outcome, why: &str) -> Entry {
        Entry {
            check: checks::every().next().expect("there is one"),
            result,
            of: None,
            why: why.to_owned(),
            details: Vec::new(),
            evidence: Evidence::default(),
        }
    }

    /// What is to be copied stays whole.
    #[test]
    fn a_frame_fits_into_a_narrow_row_and_a_command_stays_whole() {
        let frame =
            "   0.453044 < TCP 8000 to 45339 SYN seq 0 ack 1 window 5840 MSS 1460, 58 bytes";
        let again = "again: greet probe 192.168.1.7:8000 --wire eth0 --wire-ip 192.168.1.99/24";
        let mut cross = entry(Outcome::Failed, "so");
        cross.evidence.frames = vec![frame.to_owned()];
        cross.evidence.lines = vec![again.to_owned()];
        let text = tree(40, Detail::Full).ended(&cross);
        let long: Vec<_> = text
            .lines()
            .filter(|line| line.chars().count() > 40)
            .collect();
        assert_eq!(long, [format!("        {again}")], "{text}");
        let begin = "\n           0.453044 < TCP 8000 to 45339\n             SYN seq 0 ack 1 ";
        assert!(text.contains(begin), "{text}");
    }

    #[test]
    fn few_are_named_that_were_skipped_and_many_counted() {
        for (detail, count, due) in [
            (Detail::Full, 1, "skipped\n  - {id}: so\n"),
            (Detail::Full, 3, "skipped\n  - 3 checks: so\n"),
            (Detail::Brief, 1, "  - {id}: skipped: so\n"),
            (Detail::Brief, 3, "  - 3 skipped: so\n"),
            (Detail::Each, 3, ""),
        ] {
            let mut tree = tree(80, detail);
            let skipped = entry(Outcome::Skipped, "so");
            for _ in 0..count {
                let shown = tree.ended(&skipped).contains(": skipped: so");
                assert_eq!(shown, detail == Detail::Each);
            }
            assert_eq!(tree.skipped(), due.replace("{id}", skipped.check.id));
        }
    }
}
