//! A network that misbehaves on purpose: hosts with real smoltcp stacks, on links that lose,
//! delay, reorder, duplicate, corrupt, limit and cut, under one virtual clock.
//!
//! It is for whoever has a smoltcp application to test. Everything follows from one seed: the same
//! seed gives the same packets, byte for byte, on every machine. No real time passes: the clock
//! jumps to the next event, so an idle hour costs nothing.
//!
//! ```
//! use core::time::Duration;
//! use smoltcp_sim::{Host, Link, Network, Probability, Stack};
//! use smoltcp::socket::tcp::{Socket, SocketBuffer};
//! use smoltcp::time::Instant;
//! use smoltcp::wire::{IpCidr, Ipv4Address};
//! use std::cell::Cell;
//!
//! fn socket() -> Socket<'static> {
//!     Socket::new(SocketBuffer::new(vec![0; 1024]), SocketBuffer::new(vec![0; 1024]))
//! }
//!
//! let echoed = Cell::new(0);
//! let mut network = Network::new(42);
//! let server_address = Ipv4Address::new(10, 0, 0, 1);
//! let server = network.add(Host::new("server", IpCidr::new(server_address.into(), 24)))?;
//! let client = network.add(Host::new("client", "10.0.0.2/24".parse().unwrap()))?;
//! network.link(
//!     server,
//!     client,
//!     Link::new()
//!         .latency(Duration::from_millis(20))
//!         .loss(Probability::percent(30)),
//! )?;
//!
//! // The closure given to `boot` makes the application; the one that it returns is the
//! // application, polled whenever something came, and at the time that it returned, if any.
//! network.boot(server, |stack: &mut Stack| {
//!     let handle = stack.sockets.add(socket());
//!     move |stack: &mut Stack, _now: Instant| {
//!         let socket = stack.sockets.get_mut::<Socket>(handle);
//!         if !socket.is_open() {
//!             socket.listen(7).unwrap();
//!         }
//!         while socket.can_recv() && socket.can_send() {
//!             let byte = socket.recv(|bytes| (1, bytes[0])).unwrap();
//!             socket.send_slice(&[byte]).unwrap();
//!         }
//!         None
//!     }
//! });
//! let echoes = &echoed;
//! network.boot(client, move |stack: &mut Stack| {
//!     let handle = stack.sockets.add(socket());
//!     let Stack { interface, sockets, .. } = stack;
//!     let socket = sockets.get_mut::<Socket>(handle);
//!     socket.connect(interface.context(), (server_address, 7), 50_000).unwrap();
//!     let mut sent = false;
//!     move |stack: &mut Stack, _now: Instant| {
//!         let socket = stack.sockets.get_mut::<Socket>(handle);
//!         if socket.can_send() && !sent {
//!             sent = true;
//!             socket.send_slice(b"ping").unwrap();
//!         }
//!         if socket.can_recv() {
//!             let n = socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap();
//!             echoes.set(echoes.get() + n);
//!         }
//!         None
//!     }
//! });
//!
//! let done = network.run_while(Duration::from_secs(60), || echoed.get() < 4);
//! assert!(done, "no echo within a minute of virtual time");
//! # Ok::<(), smoltcp_sim::Error>(())
//! ```
//!
//! # What is simulated
//!
//! | where | what |
//! |---|---|
//! | [`Link`] | latency, jitter, loss (independent and in bursts), duplication, reordering, corruption, rate, queue, MTU; each direction may differ |
//! | [`Network`] | links cut and mended, partitions, hosts that reboot and lose their state, at any given time |
//! | [`Host`] | clocks that drift, MTU, checksums left out |
//! | [`Card`] | a stack that has to wait until its frames have left |
//! | [`Rule`] | faults by plan: the second SYN, every fifth segment from here |
//! | [`Impaired`] | a link in front of any device, for programs with a loop and a time of their own |
//!
//! [`Counters`] say which faults really happened. [`Trace`] keeps every packet and what became of
//! it, and makes a file for Wireshark of it, or a [`Ladder`] diagram. [`shrink`] finds the few
//! [`Fault`]s of a failing seed that matter.
//!
//! # What is not
//!
//! Hosts talk to the hosts that they share a link with; there is no router. A link is a pipe for
//! each direction of its own; links share no capacity.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod application;
mod card;
mod clock;
mod counters;
mod error;
mod fabric;
mod fate;
mod fault;
mod flow;
mod host;
mod impaired;
mod ladder;
mod link;
mod machine;
mod network;
mod packet;
#[cfg(feature = "std")]
mod pcap;
mod random;
mod ring;
mod rule;
mod segment;
mod trace;
mod transit;
mod wire;

pub use application::{Application, Stack};
pub use card::Card;
pub use counters::Counters;
pub use error::Error;
pub use fate::Loss;
pub use fault::{Fault, FaultKind, shrink};
pub use flow::Flow;
pub use host::{Host, HostId};
pub use impaired::Impaired;
pub use ladder::Ladder;
pub use link::{Bursts, Link};
pub use machine::{Boot, Program};
pub use network::{LinkId, Network};
#[cfg(feature = "std")]
pub use pcap::Tap;
pub use random::{Probability, Random};
pub use rule::Rule;
pub use segment::{Segment, TcpHeader};
pub use smoltcp;
pub use trace::{End, Packet, Trace};
