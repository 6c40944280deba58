//! The greet protocol over [smoltcp]: TCP and UDP without an operating system or a heap.
//!
//! Core's servers, clients and receivers run on smoltcp's sockets as they are; this crate lends
//! them the sockets, and knows nothing of greetings itself. So it serves any program that wants a
//! listener with a backlog, connections from ports of their own, and one call that drives it all.
//!
//! | module | what lives there |
//! |---|---|
//! | [`storage`] | the memory that a program reserves, as types that a `static` can hold |
//! | [`stack`] | a device with its sockets, and the one `poll` |
//! | [`net`] | the sockets: to listen, connect and bind |
//! | [`listener`], [`stream`], [`datagrams`] | core's transport traits over smoltcp's sockets |
//! | [`timeouts`] | how long a connection may hold a socket without being of use |
//! | [`loopback`] | a device without a heap, for a program that talks to itself |
//! | [`error`] | what can go wrong, and whose fault it is |
//!
//! What is set up on [`Net`](net::Net), a [`Listener`](listener::Listener), a
//! [`Connection`](stream::Connection) or a [`Binding`](datagrams::Binding), is a small handle. In
//! each poll, its `on` lends what core asks for:
//!
//! ```
//! use core::net::SocketAddr;
//! use greet_core::client::Client;
//! use greet_core::limits::Limits;
//! use greet_core::request::{Answer, Request};
//! use greet_core::text::Text;
//! use greet_core::time::Instant;
//! use greet_smoltcp::Server;
//! use greet_smoltcp::loopback::Loopback;
//! use greet_smoltcp::stack::Stack;
//! use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
//! use smoltcp::iface::Config;
//! use smoltcp::phy::Medium;
//! use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
//!
//! let mut slots = SocketSlots::<5, 8>::new();
//! let mut places = TcpBuffers::<4, 1025, 1031>::new();
//! let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
//!
//! let address = IpAddress::v4(127, 0, 0, 1);
//! let device = Loopback::<4, 1500>::new(Medium::Ip);
//! let config = Config::new(HardwareAddress::Ip);
//! let mut stack = Stack::new(device, config, &[IpCidr::new(address, 8)], &mut slots)?;
//! let listener = stack.net().listen(&mut places, 8000)?;
//! stack.net().add_clients(&mut outgoing)?;
//!
//! let now = Instant::START; // in a program, the time since then
//! let mut server = Server::<4>::new(Limits::DEFAULT);
//! let mut client = Client::new(Request::new(Text::new("World")?, now + Request::TIMEOUT));
//! let connection = stack.net().connect(SocketAddr::new(address.into(), 8000))?;
//! stack.poll(now, |net| {
//!     let next = server.poll(&mut listener.on(net), now, |_event| ());
//!     let _ = client.poll(&mut connection.on(net), now);
//!     next.min(client.due())
//! });
//! // Over a loopback, all of it happens in one poll.
//! assert_eq!(client.machine().answer(), Some(Ok(Answer::Greeted)));
//! connection.release(stack.net());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # When all places are taken
//!
//! smoltcp's sockets carry one connection each, and it resets whoever finds none that listens. Here
//! such a client waits instead: in a socket, if the listener has more of them than the server has
//! places; then in the backlog of [`SocketSlots`](storage::SocketSlots), for as long as its stack
//! repeats its SYN, in the order of arrival; and then by itself, as an ignored SYN is repeated
//! after 1 s, 3 s, 7 s and so on by common stacks. A server with few places and a backlog of a few
//! dozen clients loses none of them.
//!
//! While somebody waits, what is of no use to anybody is given up for it:
//!
//! - a released connection of which only the peer's FIN is missing, at once;
//! - a handshake that isn't complete after 250 ms, and the oldest after 60 ms once the backlog had
//!   no room for somebody;
//! - a client of core's server who has sent nothing for 250 ms, one for each who waits.
//!
//! So four places and a backlog of sixteen greet 80 of 80 honest clients beside 100 SYNs a second
//! that never complete, or beside 8 clients a second who stay and say nothing, over round trips of 5
//! and of 50 ms. A client who has begun its name keeps its place up to the deadline, and one who
//! vanishes before it has its answer keeps a socket for as long as that lingers.
//!
//! # Panics
//!
//! None in this crate or in core: CI reads a program with all of both and finds none. smoltcp has
//! panics for what it takes to be impossible; what could set them off from outside
//! ([`Stack::new`](stack::Stack::new), addresses) is checked here first. A program's own calls of
//! smoltcp, through [`Net::interface`](net::Net::interface), are its own business.
//!
//! [smoltcp]: https://docs.rs/smoltcp

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
// Each succeeds while smoltcp has the fault: what guards against it can go when this fails.
#![cfg_attr(doctest, doc = include_str!("../reports/fin-wait-2-zero-window.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/idle-behind-a-zero-window.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/fast-retransmission-past-the-window.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/syn-on-a-connection.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/ack-of-what-was-never-sent.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/listening-again-after-a-reset.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/window-in-last-ack.md"))]
#![cfg_attr(doctest, doc = include_str!("../reports/silly-windows.md"))]

#[cfg(test)]
extern crate std;

mod address;
pub mod datagrams;
mod device;
mod entry;
pub mod error;
mod fate;
mod handles;
pub mod listener;
pub mod loopback;
pub mod net;
mod own;
mod pace;
mod ports;
pub mod stack;
pub mod storage;
pub mod stream;
mod syn_filter;
mod time;
pub mod timeouts;

pub use greet_core as core;
pub use smoltcp;

/// Core's polled server of `N` places over this crate's [`Listener`](listener::Listener): what a
/// `static` or a field that holds one is.
///
/// ```
/// use greet_smoltcp::Server;
/// use greet_smoltcp::core::limits::Limits;
/// use greet_smoltcp::listener::Listener;
///
/// struct Greeter {
///     listener: Listener,
///     server: Server<4>,
/// }
///
/// fn greeter(listener: Listener) -> Greeter {
///     Greeter { listener, server: Server::new(Limits::DEFAULT) }
/// }
/// ```
pub type Server<const N: usize> = greet_core::server::Server<stream::Connection, N>;
