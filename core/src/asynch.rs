//! Machines over async streams, under any executor: embassy's on a board, tokio on a desktop.
//!
//! Nothing here knows more of a conversation than the rest of this crate: [`drive`], the polled
//! [server], [receiver] and [responder] do the work, whenever the task is woken. They see an async
//! stream through [`Polled`], by which a future that is pending is [`Poll::Pending`], *not now*, and
//! its waker stays behind.
//!
//! | one has | and calls |
//! |---|---|
//! | a stream, as [`Read`] and [`Close`] | [`converse`], with any [`Machine`], on either side |
//! | a reader that can't be cancelled | [`Copying`], which copies what it has read |
//! | a [`Listener`] | [`serve`], with a polled server of as many places as it likes |
//! | a UDP socket, as [`Datagrams`] | [`receive`] or [`respond`] |
//!
//! All of them take the time from a [`Timer`].
//!
//! # Cancelling
//!
//! All state is in what was lent: machine, server, receiver and stream. Any of these futures can be
//! dropped wherever it waits, and called again with the same: nothing is lost, and nothing sent twice.
//! That is how a conversation is stopped, has a timeout of one's own, or runs beside others in one
//! task. ([`Copying`] says what it can't promise.)
//!
//! # What a stream owes
//!
//! Each call of [`Read`], [`Write`](embedded_io_async::Write), [`Close`], [`Listener`] and
//! [`Datagrams`] is made anew whenever the task is polled, and its future dropped if it is pending. So:
//!
//! - A future that is dropped while it was pending has done nothing: no byte was taken from the
//!   stream, and none put into it. (embedded-io calls that side-effect-free on cancel.)
//! - It leaves its waker behind, with the socket or the driver: the task is woken once the same call
//!   would be ready. A reader keeps one for those who read, a writer one for those who write. Of tokio's
//!   calls, those named `poll_` do; its `accept` and `recv_from` forget theirs as they are dropped.
//! - A `read` that is pending says that *nothing is waiting*, which may complete a name. Where a
//!   runtime makes ready futures pend now and then to let other tasks run, as tokio's cooperative
//!   budget does, that must be turned off for the call, by `tokio::task::unconstrained`. Other tasks
//!   still have their turn: a [`drive`] has a budget of its own.
//! - Bytes that `write` took leave without a `flush`. A writer that gathers them, as one of TLS does,
//!   has to be wrapped in one that doesn't.
//!
//! embassy-net's `TcpSocket` and `UdpSocket` are so, tokio's `TcpStream` through `embedded-io-adapters`,
//! and embassy's buffered UARTs. A UART that reads by DMA into the caller's buffer isn't.
//!
//! # A conversation
//!
//! ```
//! use core::convert::Infallible;
//! use core::future::pending;
//! use core::pin::pin;
//! use core::task::{Context, Poll, Waker};
//!
//! use greet_core::asynch::embedded_io_async::{ErrorType, Read, Write};
//! use greet_core::asynch::{Close, Timer, converse};
//! use greet_core::exchange::{Exchange, Outcome};
//! use greet_core::limits::Limits;
//! use greet_core::time::Instant;
//!
//! /// A client that has sent these bytes and waits: in a program, a socket.
//! struct Line(&'static [u8], Vec<u8>);
//!
//! impl ErrorType for Line {
//!     type Error = Infallible;
//! }
//!
//! impl Read for Line {
//!     async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
//!         if self.0.is_empty() {
//!             return pending().await; // a real one leaves its waker
//!         }
//!         self.0.read(buffer).await
//!     }
//! }
//!
//! impl Write for Line {
//!     async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
//!         self.1.extend_from_slice(bytes);
//!         Ok(bytes.len())
//!     }
//!
//!     async fn flush(&mut self) -> Result<(), Infallible> {
//!         Ok(())
//!     }
//! }
//!
//! impl Close for Line {
//!     async fn finish(&mut self) -> Result<(), Infallible> {
//!         Ok(())
//!     }
//!
//!     async fn abort(&mut self) {}
//! }
//!
//! /// A clock that stands still.
//! struct Stopped;
//!
//! impl Timer for Stopped {
//!     fn now(&self) -> Instant {
//!         Instant::START
//!     }
//!
//!     async fn until(&self, _at: Instant) {
//!         pending().await
//!     }
//! }
//!
//! let mut line = Line(b"World", Vec::new());
//! let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
//! let outcome = {
//!     let conversation = pin!(converse(&mut exchange, &mut line, &Stopped));
//!     conversation.poll(&mut Context::from_waker(Waker::noop())) // an executor does this
//! };
//! assert_eq!(outcome, Poll::Ready(Outcome::Greeted));
//! assert_eq!(line.1, b"Hello, World");
//! ```
//!
//! [`drive`]: crate::drive::drive
//! [`Machine`]: crate::machine::Machine
//! [`Poll::Pending`]: core::task::Poll::Pending
//! [`Read`]: embedded_io_async::Read
//! [receiver]: crate::receiver
//! [responder]: crate::responder
//! [server]: crate::server

mod converse;
mod copying;
mod messages;
mod polled;
mod serve;
mod timer;
mod transport;

pub use converse::converse;
pub use copying::Copying;
pub use messages::{receive, respond};
pub use polled::Polled;
pub use serve::serve;
pub use timer::Timer;
pub use transport::{Close, Datagrams, Listener};

/// In signatures here: what a stream implements.
pub use embedded_io_async;
