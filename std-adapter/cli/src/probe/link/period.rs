//! Whether losses come with a period: every 50th frame, rather than one of fifty.
//!
//! Where the lost frame was is known to a few frames only, and not every loss is noticed. So the distances
//! from one to the next are held against multiples of a period, and that against what chance would do:
//! then distances are distributed geometrically, and how many of them are near a multiple binomially. The chance
//! is that of the best period of all that are tried, by Boole's inequality, so that the rate at which links
//! without a period are said to have one is known: [`CERTAIN`].

/// Where something happened: at one of the last `width` frames up to number `end`.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub end: u32,
    pub width: u32,
}

/// A period, and how likely chance would look like it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub every: u32,
    pub chance: f64,
}

/// With fewer distances no period can be [certain](CERTAIN).
const LEAST: usize = 5;

/// A longer period would be seen too rarely.
const LONGEST: u32 = 1000;

/// So far from a multiple a distance may be, in frames.
const TOLERANCES: [u32; 4] = [0, 1, 2, 4];

/// Of links that lose by chance, at most this part is said to have a period.
const CERTAIN: f64 = 1e-3;

/// The period of what happened at these places, which are in order; `None`: there is none.
pub fn find(places: &[Place]) -> Option<Period> {
    let gaps: Vec<u32> = places
        .windows(2)
        .map(|pair| pair[1].end.saturating_sub(pair[0].end))
        .collect();
    if gaps.len() < LEAST {
        return None;
    }
    let all: u32 = gaps.iter().sum();
    let mean = f64::from(all) / count(gaps.len());
    let width = places.iter().map(|place| place.width).sum::<u32>();
    let width = f64::from(width) / count(places.len());
    let longest = (all / 4).min(LONGEST);
    let mut best: Option<Period> = None;
    for every in 2..=longest {
        for tolerance in TOLERANCES {
            // Places are known to a width, so distances come in steps of that; or of a frame.
            let half = f64::from(tolerance) + width.max(1.0) / 2.0;
            if half * 2.0 >= f64::from(every) {
                break;
            }
            let Some((matches, frames, periods)) = matching(&gaps, every, tolerance) else {
                continue; // most of what is lost has another cause
            };
            let expected = by_chance(f64::from(every), half, mean);
            let tries = f64::from(longest) * count(TOLERANCES.len());
            let chance = (tries.ln() + tail(matches, gaps.len(), expected)).exp();
            if chance < CERTAIN && best.is_none_or(|best| chance < best.chance) {
                let every = rounded(frames, periods);
                best = Some(Period { every, chance });
            }
        }
    }
    best
}

/// How many distances are multiples; how many frames they have together, and how many periods. `None`: not even
/// half of them.
fn matching(gaps: &[u32], every: u32, tolerance: u32) -> Option<(u32, u32, u32)> {
    let (mut left, mut matches, mut frames, mut periods) = (gaps.len() / 2, 0, 0, 0);
    for gap in gaps {
        let times = rounded(*gap, every).max(1);
        if gap.abs_diff(times * every) <= tolerance {
            matches += 1;
            frames += gap;
            periods += times;
        } else {
            left = left.checked_sub(1)?;
        }
    }
    Some((matches, frames, periods))
}

fn rounded(number: u32, by: u32) -> u32 {
    (number + by / 2) / by
}

/// How likely a distance without a period, `mean` on the average, is so near to a multiple.
fn by_chance(every: f64, half: f64, mean: f64) -> f64 {
    let beyond = |distance: f64| (-distance / mean).exp();
    // A geometric series, from the first multiple on.
    let near_first = beyond(every - half) - beyond(every + half);
    (near_first / (1.0 - beyond(every))).min(1.0)
}

/// The logarithm of the chance that of `all` at least `matches` do what each does by a chance of `each`: the
/// binomial distribution's tail, summed from its first term on.
fn tail(matches: u32, all: usize, each: f64) -> f64 {
    let all = u32::try_from(all).unwrap_or(u32::MAX);
    if f64::from(matches) <= f64::from(all) * each {
        return 0.0;
    }
    let odds = each / (1.0 - each);
    // The first term, as a logarithm: it may be too small for a number.
    let ways: f64 = (0..matches)
        .map(|turn| (f64::from(all - turn) / f64::from(matches - turn)).ln())
        .sum();
    let first =
        ways + f64::from(matches) * each.ln() + f64::from(all - matches) * (1.0 - each).ln();
    let (mut term, mut sum) = (1.0, 1.0);
    for number in matches..all {
        term *= odds * f64::from(all - number) / f64::from(number + 1);
        sum += term;
    }
    first + sum.ln()
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::super::chance::Chance;
    use super::*;

    /// Exchanges of four or five frames, as a row of greetings has them, in which frames are lost. The second
    /// is an acknowledgment, which nobody misses; any other is sent once more, the last without being missed.
    fn exchanges(rounds: u16, mut is_lost: impl FnMut(u32) -> bool) -> Vec<Place> {
        let (mut places, mut frames) = (Vec::new(), 0);
        for round in 0..rounds {
            let (mut missed, first) = (false, frames);
            let length = 4 + round.wrapping_mul(40_503).count_ones() % 2;
            for part in 0..length {
                loop {
                    frames += 1;
                    if !is_lost(frames) || part == 1 {
                        break;
                    }
                    missed |= part + 1 < length;
                }
            }
            if missed {
                let width = frames - first;
                places.push(Place { end: frames, width });
            }
        }
        places
    }

    #[test]
    fn a_period_is_found_wherever_it_begins() {
        for every in [10, 25, 50, 100] {
            for phase in 0..every {
                let places = exchanges(1000, |frame| (frame + phase) % every == 0);
                let found = find(&places).map(|period| period.every);
                assert_eq!(found, Some(every), "{phase}: {places:?}");
            }
        }
        for every in [13, 20, 47, 64, 128] {
            let places = exchanges(1000, |frame| frame % every == 0);
            let found = find(&places).map(|period| period.every);
            assert_eq!(found, Some(every), "{places:?}");
        }
    }

    #[test]
    fn a_period_is_found_where_each_frame_is_seen() {
        for every in [2, 3, 10, 47, 50, 1000] {
            let end = (1..40).map(|time| time * every);
            let places: Vec<_> = end.map(|end| Place { end, width: 0 }).collect();
            let found = find(&places).map(|period| period.every);
            assert_eq!(found, Some(every));
        }
    }

    #[test]
    fn a_period_is_found_beside_other_losses() {
        let mut found = 0;
        for seed in 0..100 {
            let mut chance = Chance(seed);
            let places = exchanges(1000, |frame| frame % 50 == 0 || chance.below(1000) == 0);
            found += u32::from(find(&places).is_some_and(|period| period.every == 50));
        }
        assert!(found >= 95, "{found} of 100");
    }

    /// So many links that lose by chance, for each share of losses: no more of them than is stated have a period.
    #[test]
    fn chance_has_no_period_more_often_than_is_stated() {
        const LINKS: u32 = 4_000;
        for percent in [1, 2, 5, 10] {
            let has_period = |seed| {
                let mut chance = Chance(seed);
                let places = exchanges(200, |_frame| chance.below(100) < percent);
                u32::from(find(&places).is_some())
            };
            let wrong: u32 = (0..u64::from(LINKS)).map(has_period).sum();
            let stated = f64::from(LINKS) * CERTAIN;
            assert!(f64::from(wrong) <= stated, "{wrong} at {percent} %");
        }
    }

    /// The stated rate is that of what the distribution says: coins tell.
    #[test]
    fn the_tail_is_that_of_the_binomial_distribution() {
        for (matches, all, each, chance) in [
            (8, 8, 0.5, 1.0 / 256.0),
            (7, 8, 0.5, 9.0 / 256.0),
            (5, 8, 0.5, 93.0 / 256.0),
            (2, 2, 0.1, 0.01),
            (1, 2, 0.1, 0.19),
        ] {
            let found = tail(matches, all, each).exp();
            assert!((found - chance).abs() < 1e-9, "{matches} of {all}: {found}");
        }
        assert!(tail(4, 8, 0.5).abs() < f64::EPSILON, "no more than is due");
    }

    #[test]
    fn a_few_losses_have_no_period() {
        let places: Vec<_> = (1..6)
            .map(|n| Place {
                end: n * 50,
                width: 4,
            })
            .collect();
        assert_eq!(find(&places), None);
        assert_eq!(find(&[]), None);
    }
}
