//! Moments between core and the simulated network, which says them as smoltcp does: both count
//! microseconds from the start.

use core::time::Duration;

use greet_core::time::Instant;
use smoltcp::time::Instant as Simulated;

/// What core calls a moment of the network or of a host's clock.
pub fn core(moment: Simulated) -> Instant {
    Instant::from_micros(moment.total_micros().unsigned_abs())
}

/// What the network calls a moment. `None`: it never comes.
pub fn simulated(moment: Instant) -> Option<Simulated> {
    let micros = i64::try_from(moment.as_micros()).ok()?;
    Some(Simulated::from_micros(micros))
}

/// How long after the start a moment is.
pub fn since_start(moment: Simulated) -> Duration {
    (moment - Simulated::ZERO).into()
}

/// The moment so long after the start.
pub fn at(since_start: Duration) -> Simulated {
    Simulated::ZERO + since_start.into()
}
