//! A second host on a real, emulated or simulated cable, with frames in its own hand.
//!
//! [`Frames`] are a cable's end: a network interface or a TAP device of Linux, a UNIX datagram socket as QEMU
//! has it, a file, a port of a simulated network. [`Host`] is a whole stack of smoltcp on one: it has a
//! hardware and an IP address of its own, answers ARP, neighbor discovery and pings itself, and is a
//! [`ProbeStack`](greet_core::probe::ProbeStack). So the machine's own kernel takes no part: it sends no RST,
//! and no firewall has to be told. What crosses the cable becomes [`Evidence`], and an [`Impairment`] loses
//! and delays it, by seed.

#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod cable;
mod choose;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod datagram;
mod error;
mod evidence;
mod frames;
mod host;
mod impairment;
mod moments;
mod neighbors;
mod open;
#[cfg(target_os = "linux")]
mod packet;
#[cfg(target_os = "linux")]
mod privileges;
mod raw;
mod recorded;
mod shield;
mod simulated;
#[cfg(target_os = "linux")]
mod tap;

pub use cable::Notes;
pub use choose::{choose, owner};
#[cfg(unix)]
pub use datagram::Datagrams;
pub use error::Error;
pub use evidence::{Evidence, Mark};
pub use frames::{Frames, LONGEST, Seen};
pub use host::{Host, Lent, MOST_SLOTS, Own, Recording, Task};
pub use impairment::{BadImpairment, Impairment};
pub use open::Place;
#[cfg(target_os = "linux")]
pub use packet::Interface;
#[cfg(target_os = "linux")]
pub use privileges::give_up_privileges;
pub use recorded::Recorded;
pub use simulated::Simulated;
pub use smoltcp;
pub use smoltcp_sim;
#[cfg(target_os = "linux")]
pub use tap::Tap;
