//! Medians and quartiles over rounds, and the lines of the table.

use std::fmt;

/// One figure for each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn push(&mut self, figure: f64) {
        let at = self.0.partition_point(|&other| other < figure);
        self.0.insert(at, figure);
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Between two figures, the straight line.
    fn quantile(&self, q: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else {
            return f64::NAN;
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of rounds")]
        let at = q * last as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        self.0[low] + (self.0[high] - self.0[low]) * at.fract()
    }
}

/// The median, and the half of all rounds that lies around it.
impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} ({:.2}..{:.2})",
            self.median(),
            self.quantile(0.25),
            self.quantile(0.75)
        )
    }
}

/// Whether a figure is good when it is low or when it is high, and from where on.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
}

impl Bar {
    pub(crate) fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(bar) => figure <= bar,
            Self::AtLeast(bar) => figure >= bar,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bar) => write!(f, "at most {bar}"),
            Self::AtLeast(bar) => write!(f, "at least {bar}"),
        }
    }
}
