//! How often errors may be sent: ten at once, and then one each 100 ms (RFC 4443, section 2.4f).

use std::time::Duration;

/// So many at once.
const AT_ONCE: u32 = 10;

/// So long one more takes.
const EACH: Duration = Duration::from_millis(100);

/// What was sent lately.
#[derive(Debug, Default)]
pub struct Errors {
    /// When all that was sent will be made up for.
    until: Duration,
}

impl Errors {
    /// Whether one may be sent now; then it counts.
    pub fn may_send(&mut self, now: Duration) -> bool {
        let until = self.until.max(now) + EACH;
        let is_allowed = until <= now + EACH * AT_ONCE;
        if is_allowed {
            self.until = until;
        }
        is_allowed
    }
}
