//! A cable that is broken in one way, between a prober and a network stack: what drivers, chips and links
//! do to frames, on purpose. [`fault`] names what can be done, [`way`] does it to the frames of one
//! direction, [`relay`] is the cable, and [`table`] says what each should be called by whoever grades the
//! stack behind it.
//!
//! ```
//! use greet_breakages::{fault::Fault, way::Way};
//! use std::time::Duration;
//!
//! let mut way = Way::new("drop-every=2".parse()?, 7);
//! let mut out = Vec::new();
//! for frame in [vec![1], vec![2], vec![3]] {
//!     way.put(frame, Duration::ZERO, &mut out);
//! }
//! assert_eq!(out, [[1], [3]]);
//! # Ok::<(), anyhow::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod fault;
mod frame;
#[cfg(target_os = "linux")]
pub mod relay;
pub mod table;
pub mod way;
