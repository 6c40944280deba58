//! Which numbers of a run have come, in fixed memory, and how evenly.

use std::time::Duration;

use super::totals::Totals;

/// So many numbers up to the highest are told apart. One that comes later than so many others counts as
/// lost.
const WINDOW: u32 = 1 << 17;

/// What came of one run so far.
#[derive(Debug)]
pub struct Tally {
    /// A bit for each number, at its place in the ring.
    seen: Box<[u64]>,
    /// The next number if all come in order: one more than the highest.
    next: u32,
    received: u32,
    duplicates: u64,
    reordered: u64,
    pub wrong: u64,
    /// In microseconds.
    jitter: f64,
    /// When the first came; when the last did, and how long after it was sent.
    first: Duration,
    last: Option<(Duration, f64)>,
    size: u32,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            seen: vec![0; WINDOW as usize / 64].into(),
            next: 0,
            received: 0,
            duplicates: 0,
            reordered: 0,
            wrong: 0,
            jitter: 0.0,
            first: Duration::ZERO,
            last: None,
            size: 0,
        }
    }

    /// Takes a message of so many bytes that came and was sent so long after two moments that are always
    /// the same.
    pub fn take(&mut self, number: u32, sent_micros: u64, size: usize, came: Duration) {
        if number == u32::MAX {
            return; // no sender gets that far
        }
        if number >= self.next {
            self.forget(number);
            self.next = number + 1;
        } else if self.next - number > WINDOW {
            return;
        } else if self.has(number) {
            self.duplicates += 1;
            return;
        } else {
            self.reordered += 1;
        }
        let (word, bit) = place(number);
        self.seen[word] |= bit;
        self.received += 1;
        self.size = u32::try_from(size).unwrap_or(u32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "exact for a hundred years")]
        let transit = came.as_secs_f64() * 1e6 - sent_micros as f64;
        match self.last {
            None => self.first = came,
            Some((_, before)) => self.jitter += ((transit - before).abs() - self.jitter) / 16.0,
        }
        self.last = Some((came, transit));
    }

    /// What became of the run, of which so many were sent; if nobody knows, as many as that came shows.
    pub fn totals(&self, sent: Option<u32>) -> Totals {
        let span = self
            .last
            .map_or(Duration::ZERO, |(last, _)| last.saturating_sub(self.first));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is no less than zero, and no time is longer"
        )]
        let jitter_micros = self.jitter.round() as u64;
        Totals {
            is_whole: sent.is_some(),
            sent: sent.unwrap_or(self.next),
            received: self.received,
            duplicates: self.duplicates,
            reordered: self.reordered,
            wrong: self.wrong,
            jitter_micros,
            micros: u64::try_from(span.as_micros()).unwrap_or(u64::MAX),
            size: self.size,
        }
    }

    /// Makes room for a number that is the highest.
    fn forget(&mut self, number: u32) {
        if number - self.next >= WINDOW {
            self.seen.fill(0);
            return;
        }
        for number in self.next..=number {
            let (word, bit) = place(number);
            self.seen[word] &= !bit;
        }
    }

    fn has(&self, number: u32) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }
}

/// The word and the bit of a number.
fn place(number: u32) -> (usize, u64) {
    ((number % WINDOW / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that come a millisecond apart, as they were sent.
    fn tally(numbers: &[u32]) -> Tally {
        let mut tally = Tally::new();
        for (at, number) in (0_u64..).zip(numbers) {
            let came = Duration::from_millis(at);
            tally.take(*number, at * 1_000, 100, came);
        }
        tally
    }

    fn counts(tally: &Tally, sent: Option<u32>) -> (u32, u32, u32, u64, u64) {
        let totals = tally.totals(sent);
        let Totals {
            sent,
            received,
            duplicates,
            reordered,
            ..
        } = totals;
        (sent, received, totals.lost(), duplicates, reordered)
    }

    #[test]
    fn loss_duplicates_and_reordering_are_told_apart() {
        for (numbers, sent, expected) in [
            (&[0, 1, 2, 3][..], Some(4), (4, 4, 0, 0, 0)),
            (&[0, 2, 3], Some(4), (4, 3, 1, 0, 0)),
            (&[0, 2, 1, 3], Some(4), (4, 4, 0, 0, 1)),
            (&[0, 1, 1, 1, 3], Some(4), (4, 3, 1, 2, 0)),
            (&[3, 2, 1, 0], Some(4), (4, 4, 0, 0, 3)),
            // The last is lost: only the sender's end tells.
            (&[0, 1, 2], Some(4), (4, 3, 1, 0, 0)),
            (&[0, 1, 2], None, (3, 3, 0, 0, 0)),
            (&[], Some(4), (4, 0, 4, 0, 0)),
            (&[], None, (0, 0, 0, 0, 0)),
        ] {
            assert_eq!(counts(&tally(numbers), sent), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_long_run_is_counted_in_fixed_memory() {
        let mut tally = Tally::new();
        let many = WINDOW * 5 + 7;
        for number in (0..many).filter(|number| number % 1_000 != 3) {
            tally.take(number, 0, 100, Duration::ZERO);
        }
        let lost = many.div_ceil(1_000);
        assert_eq!(counts(&tally, Some(many)), (many, many - lost, lost, 0, 0));
        // The window's oldest is still known; what is older counts as lost.
        let oldest = many - WINDOW;
        for (number, duplicates) in [(oldest, 1), (oldest - 1, 1), (0, 1)] {
            tally.take(number, 0, 100, Duration::ZERO);
            assert_eq!(tally.totals(None).duplicates, duplicates, "{number}");
        }
        assert_eq!(tally.totals(None).received, many - lost);
    }

    #[test]
    fn the_largest_number_and_a_wide_gap_end_nothing() {
        let mut tally = tally(&[0, u32::MAX - 1, u32::MAX, 0, u32::MAX - 1]);
        assert_eq!(counts(&tally, None), (u32::MAX, 2, u32::MAX - 2, 1, 0));
        tally.take(u32::MAX - 2, 0, 100, Duration::ZERO);
        assert_eq!(tally.totals(None).reordered, 1);
    }

    /// By hand: with transits of 0, 16, 0 and 0 µs more than the first, J is 1, 1 + 15/16 = 1.94, and
    /// 1.94 - 1.94/16 = 1.82.
    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let mut tally = Tally::new();
        let mut jitters = Vec::new();
        for (number, late) in [(0, 0), (1, 16), (2, 0), (3, 0)] {
            let sent = u64::from(number) * 1_000;
            let came = Duration::from_secs(5) + Duration::from_micros(sent + late);
            tally.take(number, sent, 100, came);
            jitters.push(tally.jitter);
        }
        let expected = [0.0, 1.0, 1.9375, 1.816_406_25];
        for (jitter, expected) in jitters.iter().zip(expected) {
            assert!((jitter - expected).abs() < 1e-6, "{jitters:?}");
        }
        assert_eq!(tally.totals(None).jitter_micros, 2);
        // Evenly late is not jitter, and a duplicate changes nothing.
        tally.take(3, 3_000, 100, Duration::from_secs(9));
        assert_eq!(tally.totals(None).jitter_micros, 2);
    }
}
