//! How long, and how much: the figures of the protocol, and those that a server may choose.

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

/// From this many bytes on, a quiet stream doesn't end a name at once, as TCP may have split it.
///
/// The smallest default maximum segment size (RFC 9293, section 3.7.1): one `send` that is shorter
/// travels in one segment.
pub const MIN_MSS: usize = 536;

/// What a server grants its clients.
///
/// ```
/// use core::time::Duration;
/// use greet_core::limits::Limits;
///
/// let patient = Limits { deadline: Duration::from_secs(60), ..Limits::DEFAULT };
/// assert_eq!(patient.settle, Duration::from_millis(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Limits {
    /// How long a stream must be quiet before a name of [`MIN_MSS`] bytes or more is complete.
    ///
    /// Kept in microseconds; more than 71 minutes count as 71 minutes.
    pub settle: Duration,
    /// How long, from accept on, a client may take to send its name and to take its answer.
    ///
    /// Kept in milliseconds; more than 49 days count as 49 days.
    pub deadline: Duration,
    /// How long a refusal may take to leave, and after it, how long the server reads on.
    ///
    /// Kept in microseconds; more than 71 minutes count as 71 minutes.
    pub drain_time: Duration,
    /// How many bytes the server reads and throws away after a refusal. 0: it doesn't read on.
    pub drain_bytes: u32,
}

impl Limits {
    /// The limits of the protocol: 20 ms, 10 s, 1 s and 64 KiB.
    pub const DEFAULT: Self = Self {
        settle: Duration::from_millis(20),
        deadline: Duration::from_secs(10),
        drain_time: Duration::from_secs(1),
        drain_bytes: 64 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
