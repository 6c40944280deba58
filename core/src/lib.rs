//! The greet protocol, written once: a server answers a name with `Hello, ` and the name.
//!
//! Nothing in this crate opens a socket, reads a clock, allocates, or can panic. It has three
//! layers, each usable without the ones below it in this list:
//!
//! | layer | modules | what lives there |
//! |---|---|---|
//! | protocol | [`machine`], [`exchange`], [`lines`], [`request`], [`pipeline`], [`text`], [`limits`], [`time`], [`error`] | one side of any conversation as a [sans-IO] state machine; both sides of a greeting, and of many over one connection |
//! | transport | [`transport`] | the traits that a network stack implements, and wrappers for [`embedded_io`] |
//! | drivers | [`drive`], [`server`], [`client`], [`receiver`], [`responder`] | the only code that sees both, for any machine |
//!
//! With the feature `async`, `asynch` has the drivers in tasks, over async streams.
//!
//! [`probe`] stands beside them: it grades anybody's server over anybody's stack.
//!
//! Time is a [`time::Instant`]: microseconds since any fixed start that the caller chooses. Since
//! boot on a microcontroller, since the program's start on a desktop, virtual time in a simulation.
//!
//! ```
//! use greet_core::exchange::{Exchange, Outcome};
//! use greet_core::limits::Limits;
//! use greet_core::machine::Machine;
//! use greet_core::time::Instant;
//!
//! let now = Instant::START;
//! let mut exchange = Exchange::new(now, Limits::DEFAULT);
//!
//! exchange.space()[..5].copy_from_slice(b"World"); // what a socket would do
//! exchange.received(5, now);
//! exchange.quiet(now, |len| len < 536); // nothing more is waiting: the name is complete
//!
//! assert_eq!(exchange.transmit(), b"Hello, World");
//! exchange.transmitted(12, now);
//! exchange.finished(now); // FIN went after it
//! assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
//! ```
//!
//! [sans-IO]: https://sans-io.readthedocs.io

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(test)]
extern crate std;

#[cfg(feature = "async")]
pub mod asynch;
mod buffer;
pub mod client;
mod course;
pub mod drive;
pub mod error;
pub mod exchange;
pub mod limits;
mod line_feed;
pub mod lines;
pub mod machine;
pub mod pipeline;
pub mod probe;
pub mod receiver;
mod reply;
pub mod request;
pub mod responder;
mod sentence;
pub mod server;
mod shift;
pub mod text;
pub mod time;
pub mod transport;
mod utf8;

/// In signatures here: what errors are classified by, and what an adapter may wrap.
pub use embedded_io;
