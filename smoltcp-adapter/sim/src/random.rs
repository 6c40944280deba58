//! The one source of chance: `SplitMix64`, and probabilities in parts per million.
//!
//! The generator is written out here, and there are no floating-point numbers, so that a seed means
//! the same on every machine and in every later version.

use core::time::Duration;

/// `SplitMix64` (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators*, 2014).
///
/// Its stream for a given seed is part of this crate's interface and will not change. It is fast
/// and passes the usual statistical tests; it is no source of secrets.
///
/// ```
/// use smoltcp_sim::Random;
///
/// assert_eq!(Random::new(0).next_u64(), 0xe220_a839_7b1d_cdaf);
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// How likely something is, in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probability {
    parts: u32,
}

/// The odd number nearest to 2^64 divided by the golden ratio: the step of `SplitMix64`.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of numbers that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number from 0 to `bound - 1`, each about as likely as the other; 0 if `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        scale(self.next_u64(), bound)
    }

    /// Whether something of this probability happens.
    pub const fn chance(&mut self, probability: Probability) -> bool {
        probability.decides(self.next_u64())
    }

    /// A time from 0 to `most`, in whole nanoseconds.
    pub fn duration(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(most.saturating_add(1)))
    }

    /// Another stream, told apart from this one and from its other children by `label`.
    ///
    /// It depends on the numbers that were drawn from this one before.
    #[must_use]
    pub const fn child(&self, label: u64) -> Self {
        Self {
            state: mix(self.state ^ mix(label.wrapping_add(STEP))),
        }
    }

    /// The number at place `index` of the stream, the first being 0. The stream doesn't move.
    pub(crate) const fn nth(&self, index: u64) -> u64 {
        mix(self
            .state
            .wrapping_add(STEP.wrapping_mul(index.wrapping_add(1))))
    }
}

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self { parts: 0 };
    /// It always happens.
    pub const ALWAYS: Self = Self {
        parts: Self::MILLION,
    };

    const MILLION: u32 = 1_000_000;

    /// So many in a million. More than a million counts as [`ALWAYS`](Self::ALWAYS).
    pub const fn parts_per_million(parts: u32) -> Self {
        if parts > Self::MILLION {
            Self::ALWAYS
        } else {
            Self { parts }
        }
    }

    /// So many in a hundred. More than a hundred counts as [`ALWAYS`](Self::ALWAYS).
    pub const fn percent(percent: u32) -> Self {
        Self::parts_per_million(percent.saturating_mul(10_000))
    }

    /// How many in a million.
    pub const fn as_parts_per_million(self) -> u32 {
        self.parts
    }

    /// Whether it happens, given 64 random bits.
    pub(crate) const fn decides(self, bits: u64) -> bool {
        scale(bits, Self::MILLION as u64) < self.parts as u64
    }
}

/// Turns 64 random bits into a number below `bound`, by the high half of their product.
pub(crate) const fn scale(bits: u64, bound: u64) -> u64 {
    ((bits as u128 * bound as u128) >> 64) as u64
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation in C, by Sebastiano Vigna.
    #[test]
    fn the_stream_is_the_published_one() {
        let mut random = Random::new(1_234_567);
        let stream = core::array::from_fn(|_| random.next_u64());
        assert_eq!(
            stream,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
        let start = Random::new(1_234_567);
        assert_eq!(stream, core::array::from_fn(|i| start.nth(i as u64)));
    }

    #[test]
    fn a_probability_keeps_its_promise() {
        let mut random = Random::new(3);
        let hits = (0..100_000)
            .filter(|_| random.chance(Probability::percent(30)))
            .count();
        assert!((29_500..30_500).contains(&hits), "{hits} of 100,000");
        assert!((0..1000).all(|_| random.chance(Probability::ALWAYS)));
        assert!(!(0..1000).any(|_| random.chance(Probability::NEVER)));
        assert_eq!(Probability::percent(101), Probability::ALWAYS);
    }

    #[test]
    fn children_differ() {
        let parent = Random::new(9);
        assert_ne!(parent.child(0).next_u64(), parent.child(1).next_u64());
        assert_ne!(parent.child(0).next_u64(), Random::new(9).next_u64());
        assert_eq!(Random::new(1).below(0), 0);
    }
}
