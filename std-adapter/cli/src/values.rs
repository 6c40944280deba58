//! Numbers and times as they stand on the command line. What is none is refused with a sentence that
//! says what would do.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use greet_std::core::limits::MAX_TEXT;

use crate::count::LEAST;

/// A longer time counts as this one, which nobody sees the end of: no sum of times overflows.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// A whole number from 1 to as many as fit.
pub fn number<T: TryFrom<NonZeroU64>>(typed: &str) -> Result<T, String> {
    let most = u64::MAX >> (64 - 8 * size_of::<T>());
    typed
        .parse()
        .ok()
        .and_then(|number: NonZeroU64| T::try_from(number).ok())
        .ok_or_else(|| format!("write a whole number from 1 to {most}"))
}

/// So many lines fit into what a client keeps of them.
pub const DEEPEST: u32 = 128;

/// How many lines wait for their replies at once.
pub fn depth(typed: &str) -> Result<NonZeroU32, String> {
    number(typed)
        .ok()
        .filter(|depth: &NonZeroU32| depth.get() <= DEEPEST)
        .ok_or_else(|| format!("write a whole number from 1 to {DEEPEST}"))
}

/// How many bytes a counted message has.
pub fn message_size(typed: &str) -> Result<u16, String> {
    typed
        .parse()
        .ok()
        .filter(|size| (LEAST..=MAX_TEXT).contains(&usize::from(*size)))
        .ok_or_else(|| format!("write a whole number from {LEAST} to {MAX_TEXT}"))
}

/// A time, or none at all.
pub fn time(typed: &str) -> Result<Duration, String> {
    humantime::parse_duration(typed)
        .map(|time| time.min(LONGEST))
        .map_err(|error| format!("{error} (write a number and its unit, such as 500ms or 5s)"))
}

/// A time that isn't over when it begins.
pub fn some_time(typed: &str) -> Result<Duration, String> {
    time(typed).and_then(|time| {
        if time.is_zero() {
            Err("it must be more than nothing, such as 500ms or 5s".to_owned())
        } else {
            Ok(time)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroUsize};
    use std::time::{Duration, Instant};

    use super::{number, some_time, time};

    #[test]
    fn a_number_is_at_least_one_and_fits() {
        assert_eq!(number("1"), Ok(NonZeroU16::MIN));
        assert_eq!(number("65535"), Ok(NonZeroU16::MAX));
        for typed in ["0", "65536", "-1", "", "four"] {
            let sentence = "write a whole number from 1 to 65535".to_owned();
            assert_eq!(number::<NonZeroU16>(typed), Err(sentence), "{typed}");
        }
        assert_eq!(number(&usize::MAX.to_string()), Ok(NonZeroUsize::MAX));
    }

    /// Row 13: a sum of such times panicked.
    #[test]
    fn the_longest_time_can_be_added_to_any_moment() {
        let longest = time("400000000000y").expect("a time");
        assert!(
            Instant::now()
                .checked_add(longest.saturating_mul(3))
                .is_some()
        );
        assert!(longest > Duration::from_hours(50 * 365 * 24));
    }

    #[test]
    fn no_time_is_told_from_some() {
        assert_eq!(time("0s"), Ok(Duration::ZERO));
        assert!(some_time("0s").is_err() && some_time("0").is_err());
        assert_eq!(some_time("1ns"), Ok(Duration::from_nanos(1)));
        let error = time("5").expect_err("no unit");
        assert!(error.contains("500ms"), "{error}");
    }
}
