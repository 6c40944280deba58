//! A receiver of messages over UDP: waits in the system for datagrams, until it is stopped.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greet_core::receiver::{self, Event, Tally};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::{Clock, wait};
use crate::error::Error;
use crate::udp::{RECEIVE_BUFFER, UdpSocket};

const SOCKET: Token = Token(0);
const STOP: Token = Token(1);

/// The most datagrams that the socket holds. Linux grants twice what is asked for (socket(7),
/// `SO_RCVBUF`), and counts 768 bytes for the smallest datagram.
const MOST_WAITING: usize = 2 * RECEIVE_BUFFER / 512;

/// Receives messages over UDP.
///
/// ```
/// use greet_core::receiver::Event;
/// use greet_core::text::Text;
/// use greet_std::{Receiver, send};
///
/// let receiver = Receiver::bind("127.0.0.1:0")?;
/// let (address, handle) = (receiver.local_addr(), receiver.handle());
/// send(address, Text::new("Hello, UDP!")?)?;
///
/// let tally = receiver.run(|event| {
///     if let Event::Message { from, text } = event {
///         println!("Received message: {text} from {from}");
///         handle.stop();
///     }
/// })?;
/// assert_eq!(tally.messages, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver {
    socket: UdpSocket<mio::net::UdpSocket>,
    address: SocketAddr,
    poll: Poll,
    handle: ReceiverHandle,
}

/// Stops a [`Receiver`] from another thread.
#[derive(Clone)]
pub struct ReceiverHandle {
    stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Receiver {
    /// Binds an address; port 0 lets the system choose. A receive buffer of 4 MiB is asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if the system doesn't grant the address, with what to do about it.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let mut socket = UdpSocket::bind(address)?.into_mio();
        let setup = |cause| Error::Setup {
            what: "a UDP receiver",
            cause,
        };
        let address = socket.get_ref().local_addr().map_err(setup)?;
        let poll = Poll::new().map_err(setup)?;
        poll.registry()
            .register(socket.get_mut(), SOCKET, Interest::READABLE)
            .map_err(setup)?;
        let waker = Waker::new(poll.registry(), STOP).map_err(setup)?;
        let handle = ReceiverHandle {
            stopping: Arc::default(),
            waker: Arc::new(waker),
        };
        Ok(Self {
            socket,
            address,
            poll,
            handle,
        })
    }

    /// Where it listens: with the port that the system chose.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it from elsewhere.
    pub fn handle(&self) -> ReceiverHandle {
        self.handle.clone()
    }

    /// Receives until it is stopped, reports each datagram, and returns how many came.
    ///
    /// `report` runs on this thread: what it waits for, the next datagrams wait for in the socket.
    ///
    /// # Errors
    ///
    /// The system can't wait for the socket any more.
    pub fn run(mut self, mut report: impl FnMut(Event<'_, io::Error>)) -> Result<Tally, Error> {
        let clock = Clock::start();
        let mut receiver = receiver::Receiver::new();
        let mut events = Events::with_capacity(2);
        while !self.handle.stopping.load(Ordering::Acquire) {
            let now = clock.now();
            let due = receiver.poll(&mut self.socket, now, &mut report);
            match self.poll.poll(&mut events, wait(due, now)) {
                Err(cause) if cause.kind() != io::ErrorKind::Interrupted => {
                    return Err(Error::Setup {
                        what: "waiting for datagrams",
                        cause,
                    });
                }
                _ => {}
            }
        }
        // What came before the stop was still sent to us. No more than the socket holds, as others may
        // go on sending.
        for _ in 0..MOST_WAITING / receiver::Receiver::BATCH {
            let now = clock.now();
            if receiver.poll(&mut self.socket, now, &mut report) != Some(now) {
                break;
            }
        }
        Ok(*receiver.tally())
    }
}

impl ReceiverHandle {
    /// Makes [`Receiver::run`] return, after what has come already.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // It fails only where the receiver is gone, which is what was asked for.
        let _ = self.waker.wake();
    }
}
