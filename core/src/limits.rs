//! How long, and how much: the figures of the protocol, and those that a server may choose.

use core::fmt;
use core::time::Duration;

/// The most bytes that a name or a message may have.
pub const MAX_TEXT: usize = 1024;

/// What a greeting starts with.
pub const GREETING: &str = "Hello, ";

/// What a refusal starts with. No greeting starts so.
pub const REFUSAL: &str = "Error: ";

/// The longest greeting, in bytes: [`GREETING`] and a name of [`MAX_TEXT`] bytes.
pub const MAX_REPLY: usize = GREETING.len() + MAX_TEXT;

/// The TCP port on which a server listens by default.
pub const TCP_PORT: u16 = 8000;

/// The UDP port on which a receiver listens by default.
pub const UDP_PORT: u16 = 8001;

/// The TCP port on which a server in lines mode listens by default.
pub const LINES_PORT: u16 = 8002;

/// The maximum segment size of TCP unless either side announces another, over IPv4 (RFC 9293,
/// section 3.7.1): one `send` that is shorter travels in one segment.
pub const DEFAULT_MSS: usize = 536;

/// How long a client that has sent nothing may keep its place while somebody waits for one.
pub const SILENCE: Duration = Duration::from_millis(250);

/// [`SILENCE`], as a deadline is kept.
#[expect(clippy::cast_possible_truncation, reason = "a quarter of a second")]
pub(crate) const SILENCE_MS: u32 = SILENCE.as_millis() as u32;

/// What a server grants its clients.
///
/// ```
/// use core::time::Duration;
/// use greet_core::limits::Limits;
///
/// let patient = Limits::DEFAULT.with_deadline(Duration::from_secs(60));
/// assert_eq!(patient.deadline(), Duration::from_secs(60));
/// assert_eq!(patient.settle(), Duration::from_millis(20));
/// ```
// Each field is its difference from the default, bit by bit. So the default is all zeros, and a
// server with it in a `static` takes no flash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    deadline_ms: u32,
    settle_us: u32,
    drain_us: u32,
    drain_bytes: u32,
}

const DEADLINE_MS: u32 = 10_000;
const SETTLE_US: u32 = 20_000;
const DRAIN_US: u32 = 1_000_000;
const DRAIN_BYTES: u32 = 64 * 1024;

impl Limits {
    /// The limits of the protocol: 20 ms, 10 s, 1 s and 64 KiB.
    pub const DEFAULT: Self = Self {
        deadline_ms: 0,
        settle_us: 0,
        drain_us: 0,
        drain_bytes: 0,
    };

    /// How long, from accept on, a client may take to send its name and to take its answer.
    pub const fn deadline(self) -> Duration {
        Duration::from_millis(self.deadline_ms() as u64)
    }

    /// How long a stream must be quiet before a name is complete that may not have come in one
    /// segment.
    pub const fn settle(self) -> Duration {
        Duration::from_micros(self.settle_us() as u64)
    }

    /// How long a refusal may take to leave, and after it, how long the server reads on.
    pub const fn drain_time(self) -> Duration {
        Duration::from_micros(self.drain_us() as u64)
    }

    /// How many bytes the server reads and throws away after a refusal. 0: it doesn't read on.
    pub const fn drain_bytes(self) -> u32 {
        self.drain_bytes ^ DRAIN_BYTES
    }

    /// With another [`deadline`](Self::deadline), kept in milliseconds; more than 49 days count as
    /// 49 days.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline_ms =
            saturate(deadline.as_secs(), 1_000, deadline.subsec_millis()) ^ DEADLINE_MS;
        self
    }

    /// With another time to [settle](Self::settle), kept in microseconds; more than 71 minutes
    /// count as 71 minutes.
    #[must_use]
    pub const fn with_settle(mut self, settle: Duration) -> Self {
        self.settle_us = micros(settle) ^ SETTLE_US;
        self
    }

    /// With another [time to drain](Self::drain_time), kept in microseconds; more than 71 minutes
    /// count as 71 minutes.
    #[must_use]
    pub const fn with_drain_time(mut self, drain_time: Duration) -> Self {
        self.drain_us = micros(drain_time) ^ DRAIN_US;
        self
    }

    /// With another number of [bytes to drain](Self::drain_bytes).
    #[must_use]
    pub const fn with_drain_bytes(mut self, drain_bytes: u32) -> Self {
        self.drain_bytes = drain_bytes ^ DRAIN_BYTES;
        self
    }

    pub(crate) const fn deadline_ms(self) -> u32 {
        self.deadline_ms ^ DEADLINE_MS
    }

    pub(crate) const fn settle_us(self) -> u32 {
        self.settle_us ^ SETTLE_US
    }

    pub(crate) const fn drain_us(self) -> u32 {
        self.drain_us ^ DRAIN_US
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("deadline", &self.deadline())
            .field("settle", &self.settle())
            .field("drain_time", &self.drain_time())
            .field("drain_bytes", &self.drain_bytes())
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Limits {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Limits {{ deadline: {=u32:ms}, settle: {=u32:us}, drain_time: {=u32:us}, drain_bytes: {=u32} }}",
            self.deadline_ms(),
            self.settle_us(),
            self.drain_us(),
            self.drain_bytes(),
        );
    }
}

const fn micros(limit: Duration) -> u32 {
    saturate(limit.as_secs(), 1_000_000, limit.subsec_micros())
}

/// So many seconds, and a part of one, in units of which a second has so many. What lies in the
/// last second that begins within `u32::MAX` counts as `u32::MAX`: that spares an addition its check.
#[expect(clippy::cast_possible_truncation, reason = "compared first")]
const fn saturate(secs: u64, units: u32, part: u32) -> u32 {
    if secs >= (u32::MAX / units) as u64 {
        u32::MAX
    } else {
        secs as u32 * units + part
    }
}
