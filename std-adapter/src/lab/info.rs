//! What this system's TCP saw of a connection, where it can be asked.
//!
//! Windows tells as well (`SIO_TCP_INFO`), but no library asks it safely.

use greet_core::probe::LinkCounters;

#[cfg(any(target_vendor = "apple", test))]
mod apple;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_vendor = "apple")]
use apple as system;
#[cfg(target_os = "linux")]
use linux as system;

pub(super) use system::{is_told, of};

/// So many bytes of each segment a time stamp takes (RFC 7323, section 3.2, with its padding).
const TIMESTAMP: u32 = 12;

/// What the peer takes in a segment, from what is sent in one. Before the handshake, in which the peer opens its window,
/// that is a guess.
fn mss(sent: u32, has_stamps: bool, window: Option<u32>, is_syn_sent: bool) -> Option<u16> {
    let stamp = if has_stamps { TIMESTAMP } else { 0 };
    let is_known = window.is_some() && !is_syn_sent;
    u16::try_from(sent + stamp).ok().filter(|_| is_known)
}

/// A connection as its socket tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// What it saw so far.
    pub(super) seen: LinkCounters,
    /// Nothing leaves or comes any more.
    pub(super) is_closed: bool,
}
