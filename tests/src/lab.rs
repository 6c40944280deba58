//! The stacks over which the probe grades our servers: smoltcp over a loopback device and across a
//! simulated network, and the system's sockets. The one in memory is [`memory::lab`].
//!
//! `tests/conformance` runs every check over every lab. As those on smoltcp hand out raw packets,
//! all that a check may ask for can be done there.
//!
//! [`memory::lab`]: crate::memory::lab

mod grade;
mod loopback;
mod prober;
mod simulated;
mod sockets;
mod subject;
mod wired;

pub use grade::{Grade, grade};
pub use loopback::SmoltcpLab;
pub use prober::{send_segment, send_syn};
pub use simulated::SimulatedLab;
pub use sockets::{PolledLab, Serving};
pub use subject::{PLACES, Subject};
pub use wired::wired;

/// Memory for a stack, until the tests end: a few kilobytes for each lab.
pub(crate) fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}
