#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod backlog;
mod driver;
#[cfg(feature = "greet")]
pub mod greet;
mod listener;
mod place;

pub use backlog::Backlog;
pub use driver::{Behind, Received};
pub use listener::{Accepted, Buffers, Listener};
pub use place::Timeouts;
