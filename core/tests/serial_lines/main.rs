//! Lines on a stream that has no end: what was said wrong ends nothing but its line, noise is got over,
//! and nobody waits for ever. That each rule is tested is tested by flaws.

mod chance;
mod flaws;
mod rules;

use std::time::Duration;

use greet_core::time::Instant;

const START: Instant = Instant::from_millis(50_000);
const SETTLE: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_secs(10);
