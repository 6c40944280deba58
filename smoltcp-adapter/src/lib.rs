//! The greet protocol over [smoltcp]: TCP and UDP without an operating system or a heap.
//!
//! [smoltcp]: https://docs.rs/smoltcp

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod address;
mod backlog;
pub mod datagrams;
pub mod error;
mod gate;
pub mod listener;
pub mod loopback;
mod ports;
pub mod slot;
pub mod stack;
pub mod storage;
pub mod stream;
mod time;
