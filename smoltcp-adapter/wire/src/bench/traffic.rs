//! What crossed the cable, by count: what a report says of the link.

use super::series::Series;

/// Frames and echoes since the bench was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Frames that were sent.
    pub sent: u64,
    /// Frames of the board that came.
    pub received: u64,
    /// Echoes that were sent one by one, which nothing but the link or the driver loses.
    pub echoes: u64,
    /// How many of those were never answered.
    pub lost: u64,
    /// Echoes that were sent at once.
    pub at_once: u64,
    /// How many of those were never answered.
    pub lost_at_once: u64,
    /// Echoes that were answered more than once.
    pub twice: u64,
    /// Packets of the board with a wrong sum, of any protocol.
    pub wrong_sums: u64,
}

impl Traffic {
    /// Counts a series that was sent in batches of so many.
    pub(super) fn count(&mut self, series: &Series, batch: usize) {
        let (all, lost) = (series.shots.len() as u64, series.lost().len() as u64);
        let (asked, unanswered) = if batch > 1 {
            (&mut self.at_once, &mut self.lost_at_once)
        } else {
            (&mut self.echoes, &mut self.lost)
        };
        *asked += all;
        *unanswered += lost;
        self.twice += series.doubled().len() as u64;
    }
}
