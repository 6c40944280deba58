//! The greet protocol on [`std::net`]: IPv4 and IPv6, on Linux, macOS and Windows.
//!
//! | to | use |
//! |---|---|
//! | serve many clients at once over TCP | [`Server`] |
//! | ask a server for a greeting | [`Client`] |
//! | serve and speak a protocol of your own | [`Server::serving`], [`Client::converse`] |
//! | have many greetings over one connection | [`Client::start`] with a [`Pipeline`](greet_core::pipeline::Pipeline) |
//! | receive messages over UDP | [`Receiver`] |
//! | send a message over UDP | [`send()`] |
//! | grade any greet server from this machine | [`SocketStack`] |
//! | run [`greet_core`]'s polled server in a loop of your own | [`Listener`], [`Stream`], [`UdpSocket`] |
//!
//! ```
//! use greet_core::text::Text;
//! use greet_std::{Client, Server};
//!
//! let server = Server::bind("127.0.0.1:0")?;
//! let (address, handle) = (server.local_addr(), server.handle());
//! let running = std::thread::spawn(move || server.run(|_event| {}));
//!
//! let greeting = Client::new().greet(address, Text::new("World")?)?;
//! assert_eq!(greeting.to_string(), "Hello, World");
//!
//! handle.stop();
//! let tally = running.join().expect("the server doesn't panic")?;
//! assert_eq!(tally.greeted, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod client;
mod clock;
mod conversation;
mod error;
mod failure;
#[cfg(target_os = "linux")]
mod gro;
mod kept_open;
mod lab;
mod listener;
#[cfg(target_os = "linux")]
mod pktinfo;
mod receiver;
mod screened;
pub mod server;
mod stream;
mod sys;
mod udp;

pub use client::{Client, Greeting};
pub use conversation::{Conversation, Ongoing, Waker};
pub use error::Error;
pub use greet_core as core;
pub use lab::SocketStack;
pub use listener::Listener;
pub use receiver::{Receiver, ReceiverHandle};
pub use screened::Screening;
pub use server::Server;
pub use stream::Stream;
pub use udp::{UdpSocket, send};
