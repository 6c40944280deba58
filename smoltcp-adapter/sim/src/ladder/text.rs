//! A ladder as text: a line for each packet, in the order in which they were sent.

use core::fmt;

use super::{Ladder, Look, Step, millis};

/// Characters between the two hosts.
const WIDTH: usize = 64;
/// Characters for a time.
const TIME: usize = 15;

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = TIME + WIDTH + 3;
        writeln!(f, "{:<right$}{}", self.left, self.right)?;
        for step in &self.steps {
            step.line(f)?;
        }
        Ok(())
    }
}

impl Step {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = millis(self.sent);
        let arrived = self.arrival().map(millis).unwrap_or_default();
        let (left, right) = if self.rightwards {
            (sent, arrived)
        } else {
            (arrived, sent)
        };
        let stroke = match self.look() {
            Look::Fine | Look::Lost | Look::UnderWay => '-',
            Look::Late => '=',
            Look::Copy => '.',
            Look::Corrupt => '~',
        };
        write!(f, "{left:>TIME$} ")?;
        self.arrow(f, stroke)?;
        match (right.as_str(), self.remark()) {
            ("", "") => writeln!(f),
            ("", remark) => writeln!(f, " {remark}"),
            (right, "") => writeln!(f, " {right}"),
            (right, remark) => writeln!(f, " {right:<TIME$}{remark}"),
        }
    }

    /// The arrow between the two life lines. One that doesn't arrive ends in a cross, or in
    /// nothing.
    fn arrow(&self, f: &mut fmt::Formatter<'_>, stroke: char) -> fmt::Result {
        let head = match (self.look(), self.rightwards) {
            (Look::Lost, _) => 'X',
            (Look::UnderWay, _) => ' ',
            (_, true) => '>',
            (_, false) => '<',
        };
        // A lost packet gets two thirds of the way.
        let length = match self.look() {
            Look::Lost | Look::UnderWay => WIDTH * 2 / 3,
            _ => WIDTH,
        };
        let words = self.words.chars().count();
        let rest = length.saturating_sub(words + 6);
        let blank = WIDTH.saturating_sub(words + 6 + rest + 1);
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
