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

mod bench;
mod cable;
mod cases;
mod choose;
#[cfg(unix)]
mod clock;
#[cfg(unix)]
mod datagram;
mod error;
mod evidence;
mod frames;
mod grade;
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
mod soak;
mod stimuli;
#[cfg(target_os = "linux")]
mod tap;
mod unreachable;
mod watch;

pub use bench::{
    Bench, Body, Cause, Direction, Feature, Heard, Recording as BenchRecording, Said, Segment,
    Setup, Stop, SumPattern, Sums, Symptom, Traffic, Trait, Verdict, Wants, Watch, craft,
};
pub use cable::Notes;
pub use cases::RAW_CASES;
pub use choose::{choose, owner};
#[cfg(unix)]
pub use datagram::Datagrams;
pub use error::{Error, Right};
pub use evidence::{Evidence, Mark};
pub use frames::{Frames, LONGEST, Seen};
pub use grade::{RawEvent, grade_raw};
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
pub use soak::soak_raw;
pub use stimuli::{STIMULI, Stimulus};
#[cfg(target_os = "linux")]
pub use tap::Tap;
