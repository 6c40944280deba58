//! Moments between core and the simulated network, which says them as smoltcp does: both count
//! microseconds from the start.

use greet_core::time::Instant;
use smoltcp::time::Instant as Simulated;

/// What core calls a moment of a simulated host's clock.
pub fn core(moment: Simulated) -> Instant {
    Instant::from_micros(moment.total_micros().unsigned_abs())
}

/// What the host calls one of core's. `None`: it never comes.
pub fn simulated(moment: Instant) -> Option<Simulated> {
    let micros = i64::try_from(moment.as_micros()).ok()?;
    Some(Simulated::from_micros(micros))
}
