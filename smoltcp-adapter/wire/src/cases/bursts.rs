//! Frames at once: as many as a small ring holds, and more than any does.

use core::time::Duration;

use crate::bench::series::{Pace, Series};
use crate::bench::{Bench, Done, Feature, Stop, Symptom, Trait, Verdict};

use super::length::{SHORT, headers};

/// So many at once.
const COUNTS: [usize; 4] = [16, 64, 256, 1024];

/// How long the echoes of a burst are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    Short,
    Long,
    Mixed,
}

impl Lengths {
    const ALL: [Self; 3] = [Self::Short, Self::Long, Self::Mixed];

    fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
            Self::Mixed => "mixed",
        }
    }

    fn feature(self) -> Feature {
        match self {
            Self::Short => Feature::BurstsShort,
            Self::Long => Feature::BurstsLong,
            Self::Mixed => Feature::BurstsMixed,
        }
    }
}

pub(super) fn ring(bench: &mut Bench<'_>) -> Done {
    const BURST: usize = 16;
    let mut most = 0;
    for _ in 0..8 {
        bench.pause(Duration::from_millis(20))?;
        let series = bench.series(&[SHORT; BURST], Pace::batches(BURST))?;
        series.mark_lost(bench);
        most = most.max(answered(&series));
        let taken = u64::try_from(most).unwrap_or(u64::MAX);
        bench.portray(Feature::BurstTaken, Trait::Count(taken));
        if most == BURST {
            return Ok(Verdict::Passed);
        }
    }
    bench.found(Symptom::Ring { most, of: BURST });
    Ok(Verdict::Failed(format!(
        "{most} of {BURST} at most, in eight tries"
    )))
}

pub(super) fn burst(bench: &mut Bench<'_>) -> Done {
    if bench.is_slower() {
        return Ok(Verdict::Skipped(
            "each answer comes later than the one before, and there would be thousands",
        ));
    }
    let mut all = [[0; COUNTS.len()]; Lengths::ALL.len()];
    for (lengths, counts) in Lengths::ALL.into_iter().zip(&mut all) {
        for (of, count) in COUNTS.into_iter().zip(&mut *counts) {
            let series = at_once(bench, lengths, of)?;
            *count = answered(&series);
            if !bench.is_alive()? {
                return Ok(Verdict::Failed(format!(
                    "after {of} {} frames at once no echo is answered",
                    lengths.name()
                )));
            }
        }
        let counts = counts.map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        bench.portray(lengths.feature(), Trait::Counts(counts));
    }
    let [short, long, mixed] = all;
    for (place, of) in COUNTS.into_iter().enumerate() {
        let is_whole = |counts: &[usize; 4]| counts.get(place) == Some(&of);
        let is_worse = is_whole(&short) && is_whole(&long) && !is_whole(&mixed);
        if is_worse && let Some(answered) = loses_mixed(bench, of)? {
            bench.found(Symptom::MixedLost { answered, of });
            return Ok(Verdict::Failed(format!(
                "{of} short frames at once are answered, and {of} long ones, but of short and long ones by turns \
                 {answered}"
            )));
        }
    }
    if all == [COUNTS; 3] {
        return Ok(Verdict::Passed);
    }
    let said = Lengths::ALL.into_iter().zip(all).map(|(lengths, counts)| {
        let counts = counts.map(|count| count.to_string()).join(", ");
        format!("{counts} {}", lengths.name())
    });
    let said: Vec<_> = said.collect();
    Ok(Verdict::Noted(format!(
        "of 16, 64, 256, 1024 at once were answered: {}",
        said.join("; ")
    )))
}

/// Whether of so many frames some are lost each time they are of any length, and none where all are short or long:
/// how many were answered at most.
fn loses_mixed(bench: &mut Bench<'_>, of: usize) -> Result<Option<usize>, Stop> {
    const TRIES: usize = 3;
    let mut most = 0;
    for _ in 0..TRIES {
        for lengths in [Lengths::Short, Lengths::Long] {
            if answered(&at_once(bench, lengths, of)?) < of {
                return Ok(None);
            }
        }
        let mixed = at_once(bench, Lengths::Mixed, of)?;
        mixed.mark_lost(bench);
        most = most.max(answered(&mixed));
        if most == of {
            return Ok(None);
        }
    }
    Ok(Some(most))
}

fn at_once(bench: &mut Bench<'_>, lengths: Lengths, of: usize) -> Result<Series, Stop> {
    let long = bench.frames.mtu().min(1500).saturating_sub(headers(bench));
    let mut lens = Vec::with_capacity(of);
    for number in 0..of {
        lens.push(match lengths {
            Lengths::Short => SHORT,
            Lengths::Long => long,
            // By turns, and any between: every fourth.
            Lengths::Mixed if number % 2 == 0 => SHORT,
            Lengths::Mixed if number % 4 == 1 => long,
            Lengths::Mixed => usize::try_from(bench.random() % (long as u64 + 1)).unwrap_or(long),
        });
    }
    let pace = Pace {
        patience: Some(Duration::from_millis(200)),
        proven: 0,
        ..Pace::batches(of)
    };
    bench.series(&lens, pace)
}

fn answered(series: &Series) -> usize {
    series.shots.len() - series.lost().len()
}
