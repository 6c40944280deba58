#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod backlog;
mod driver;
mod listener;

pub use backlog::Backlog;
pub use driver::{Behind, Received};
pub use listener::{Accepted, Buffers, Listener, Timeouts};
