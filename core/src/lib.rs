//! The greet protocol, written once: a server answers a name with `Hello, ` and the name.
//!
//! Nothing in this crate opens a socket, reads a clock, allocates, or can panic. It has three
//! layers, each usable without the ones below it in this list:
//!
//! | layer | modules | what lives there |
//! |---|---|---|
//! | protocol | [`exchange`], [`request`], [`text`], [`limits`], [`error`] | both sides of one greeting as [sans-IO] state machines |
//! | transport | [`transport`] | the traits that a network stack implements, and wrappers for [`embedded_io`] |
//! | drivers | [`drive`], [`server`], [`client`], [`receiver`], [`responder`] | the only code that sees both |
//!
//! [`probe`] stands beside them: it grades anybody's server over anybody's stack.
//!
//! Time is a [`core::time::Duration`] since any fixed start that the caller chooses: since boot on
//! a microcontroller, since the program's start on a desktop, virtual time in a simulation.
//!
//! ```
//! use core::time::Duration;
//! use greet_core::exchange::{Exchange, Outcome, Status};
//! use greet_core::limits::Limits;
//!
//! let now = Duration::ZERO;
//! let mut exchange = Exchange::new(now, &Limits::default());
//!
//! exchange.space()[..5].copy_from_slice(b"World"); // what a socket would do
//! exchange.received(5, now);
//! exchange.quiet(now); // nothing more is waiting to be read: the name is complete
//!
//! assert_eq!(exchange.transmit(), b"Hello, World");
//! exchange.transmitted(12);
//! exchange.finished(now); // FIN went after it
//! assert_eq!(exchange.status(), Status::Done(Outcome::Greeted));
//! ```
//!
//! [sans-IO]: https://sans-io.readthedocs.io

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(test)]
extern crate std;

mod buffer;
pub mod client;
pub mod drive;
pub mod error;
pub mod exchange;
pub mod limits;
pub mod probe;
pub mod receiver;
pub mod request;
pub mod responder;
pub mod server;
pub mod text;
mod time;
pub mod transport;

pub use embedded_io;
