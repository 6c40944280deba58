//! A ladder as text: a line for each packet, in the order in which they were sent.

use core::fmt;

use super::{Ladder, Look, Step, joined, millis};

/// Characters between the two hosts, unless a packet has more to say.
const WIDTH: usize = 64;
/// Characters before the words of an arrow, and one space behind them.
const AROUND: usize = 6;
/// Characters for a time.
const TIME: usize = 15;

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.steps.iter().map(|step| step.words.chars().count());
        let width = words
            .max()
            .map_or(WIDTH, |most| WIDTH.max(most + AROUND + 4));
        let right = TIME + width + 3;
        writeln!(f, "{:<right$}{}", self.left, self.right)?;
        for step in &self.steps {
            step.line(f, width)?;
        }
        Ok(())
    }
}

impl Step {
    fn line(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        let sent = millis(self.sent);
        let arrived = self.arrival().map(millis).unwrap_or_default();
        let (left, right) = if self.rightwards {
            (sent, arrived)
        } else {
            (arrived, sent)
        };
        let stroke = match self.look() {
            Look::Fine | Look::Again | Look::Lost | Look::UnderWay => '-',
            Look::Late => '=',
            Look::Copy => '.',
            Look::Corrupt => '~',
        };
        write!(f, "{left:>TIME$} ")?;
        self.arrow(f, stroke, width)?;
        let remark = joined(&[&self.remark_on_sending(), self.remark_on_arrival()]);
        match (right.as_str(), remark.as_str()) {
            ("", "") => writeln!(f),
            ("", remark) => writeln!(f, " {remark}"),
            (right, "") => writeln!(f, " {right}"),
            (right, remark) => writeln!(f, " {right:<TIME$}{remark}"),
        }
    }

    /// The arrow between the two life lines. One that doesn't arrive ends in a cross, or in
    /// nothing.
    fn arrow(&self, f: &mut fmt::Formatter<'_>, stroke: char, width: usize) -> fmt::Result {
        let head = match (self.look(), self.rightwards) {
            (Look::Lost, _) => 'X',
            (Look::UnderWay, _) => ' ',
            (_, true) => '>',
            (_, false) => '<',
        };
        let words = self.words.chars().count();
        // A lost packet gets two thirds of the way, or as much as its words take.
        let length = match self.look() {
            Look::Lost | Look::UnderWay => (width * 2 / 3).max(words + AROUND + 3),
            _ => width,
        };
        let rest = length.saturating_sub(words + AROUND);
        let blank = width.saturating_sub(words + AROUND + rest);
        let line = |f: &mut fmt::Formatter<'_>, n| (0..n).try_for_each(|_| write!(f, "{stroke}"));
        let space = |f: &mut fmt::Formatter<'_>| write!(f, "{:blank$}", "");
        write!(f, "|")?;
        if self.rightwards {
            line(f, 4)?;
            write!(f, " {} ", self.words)?;
            line(f, rest)?;
            write!(f, "{head}")?;
            space(f)?;
        } else {
            space(f)?;
            write!(f, "{head}")?;
            line(f, rest)?;
            write!(f, " {} ", self.words)?;
            line(f, 4)?;
        }
        write!(f, "|")
    }
}
