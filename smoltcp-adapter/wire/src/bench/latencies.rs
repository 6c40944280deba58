//! How long answers took in the course of a run, and whether they come later and later.

use core::time::Duration;

/// So many are kept at most: then every second of them goes.
const MOST: usize = 1 << 16;

/// In so many parts a run is compared.
const PARTS: usize = 8;

/// So much slower at least it has to get.
const LEAST: Duration = Duration::from_millis(1);

/// Every so many latencies, from the first on.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    kept: Vec<Duration>,
    every: usize,
    skipped: usize,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            every: 1,
            skipped: 0,
        }
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, took: Duration) {
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        self.kept.push(took);
        if self.kept.len() >= MOST {
            let mut is_kept = false;
            self.kept.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
            self.every *= 2;
        }
    }

    /// How many are kept.
    pub(crate) fn count(&self) -> usize {
        self.kept.len()
    }

    /// The medians of the first part and of the last, if each part's is above that of the one before, and the last is
    /// twice the first at least. A machine that gets busy is slower at once, not by and by: no step is half of it all.
    pub(crate) fn rise(&self) -> Option<(Duration, Duration)> {
        let part = self.kept.len() / PARTS;
        if part == 0 {
            return None;
        }
        let medians: Vec<_> = self
            .kept
            .chunks_exact(part)
            .take(PARTS)
            .map(median)
            .collect();
        let (first, last) = (*medians.first()?, *medians.last()?);
        let is_by_and_by = medians.windows(2).all(|pair| match *pair {
            [a, b] => a < b && b.saturating_sub(a) * 2 < last.saturating_sub(first),
            _ => false,
        });
        (is_by_and_by && last >= first * 2 && last >= first + LEAST).then_some((first, last))
    }
}

/// The median of some.
pub(crate) fn median(of: &[Duration]) -> Duration {
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rise(of: impl Iterator<Item = u64>) -> Option<(Duration, Duration)> {
        let mut latencies = Latencies::default();
        of.for_each(|micros| latencies.add(Duration::from_micros(micros)));
        latencies.rise()
    }

    #[test]
    fn what_grows_by_and_by_is_seen_however_long_it_goes_on() {
        for count in [800, 80_000, 300_000] {
            let (first, last) =
                rise((0..count).map(|n| 200 + n * 20 + n % 7 * 300)).expect("it grows");
            assert!(last > first * 5, "{first:?} {last:?}");
        }
    }

    #[test]
    fn what_is_slow_at_once_or_now_and_then_is_not() {
        assert_eq!(
            rise((0..800).map(|n| if n < 400 { 200 } else { 9_000 + n })),
            None
        );
        assert_eq!(rise((0..800).map(|n| 200 + n * 7919 % 5_000)), None);
        assert_eq!(rise((0..800).map(|n| 200 + n)), None);
        assert_eq!(rise((0..7).map(|n| 1_000 << n)), None);
    }
}
