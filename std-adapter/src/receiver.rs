//! A receiver of messages over UDP: waits in the system for datagrams, until it is stopped. On
//! request it answers them.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greet_core::receiver::{self, Event, Tally};
use greet_core::responder::Responder;
use greet_core::time::Instant;
use greet_core::transport::Datagrams;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::clock::{Clock, wait_for};
use crate::error::Error;
use crate::failure::Episode;
use crate::screened::{Screened, Screening};
use crate::udp::{RECEIVE_BUFFER, UdpSocket};

#[cfg(target_os = "linux")]
type Socket = crate::gro::GroSocket;
#[cfg(not(target_os = "linux"))]
type Socket = UdpSocket<mio::net::UdpSocket>;

const SOCKET: Token = Token(0);
const STOP: Token = Token(1);

/// The most datagrams that the socket holds. Linux grants twice what is asked for (socket(7),
/// `SO_RCVBUF`), and counts 768 bytes for the smallest datagram.
const MOST_WAITING: usize = 2 * RECEIVE_BUFFER / 512;

/// How many sources are told apart in a second, at four bytes each.
const SOURCES: usize = 2048;

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
    socket: Screened<Socket>,
    address: SocketAddr,
    poll: Poll,
    handle: ReceiverHandle,
    mode: Mode,
}

/// What is done about a message, besides reporting it.
enum Mode {
    Silent(Box<receiver::Receiver>),
    Replying(Box<Responder<SOURCES>>),
}

/// Stops a [`Receiver`] from another thread.
#[derive(Clone)]
pub struct ReceiverHandle {
    stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Receiver {
    /// Binds an address; port 0 lets the system choose. A receive buffer of 16 MiB is asked for, as by
    /// [`UdpSocket::bind`].
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
            #[cfg_attr(
                not(target_os = "linux"),
                expect(clippy::useless_conversion, reason = "it is another type on Linux")
            )]
            socket: Screened::new(socket.into()),
            address,
            poll,
            handle,
            mode: Mode::Silent(Box::default()),
        })
    }

    /// Makes it answer each message, and what is none, to its sender: so many times in a second at
    /// most for each source. [`Responder`] says what is never answered.
    ///
    /// An answer is larger than what asked for it, and goes to an address that can be forged: this
    /// is for networks whose members are known.
    #[must_use]
    pub fn reply(mut self, per_second: NonZeroU16) -> Self {
        self.mode = Mode::Replying(Box::new(Responder::new(per_second).keyed(random())));
        self
    }

    /// Shows each datagram to `screen` first, in replying mode too: its bytes, cut behind the first that
    /// no message has any more, and from where it came. What it doesn't let pass ends there.
    ///
    /// An answer of its own goes to an address that can be forged: let it have no more bytes than what it
    /// answers.
    #[must_use]
    pub fn screen(
        mut self,
        screen: impl FnMut(&[u8], SocketAddr) -> Screening + Send + 'static,
    ) -> Self {
        self.socket.show_to(Box::new(screen));
        self
    }

    /// Where it listens: with the port that the system chose.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it from elsewhere.
    pub fn handle(&self) -> ReceiverHandle {
        self.handle.clone()
    }

    /// Receives until it is stopped, reports each datagram, and returns how many came. A socket that
    /// fails is reported once, and asked again and again.
    ///
    /// `report` runs on this thread: what it waits for, the next datagrams wait for in the socket.
    ///
    /// # Errors
    ///
    /// The system can't wait for the socket any more.
    pub fn run(mut self, mut report: impl FnMut(Event<'_, io::Error>)) -> Result<Tally, Error> {
        let clock = Clock::start();
        let mut events = Events::with_capacity(2);
        let mut failures = Episode::default();
        let mut report = |event: Event<'_, io::Error>| {
            if !matches!(event, Event::Failed { .. }) || failures.begins(clock.now()) {
                report(event);
            }
        };
        let mut due = Instant::NEVER;
        while !self.handle.stopping.load(Ordering::Acquire) {
            let now = clock.now();
            // After a failure it rests until then, though datagrams go on coming.
            if due == Instant::NEVER || due <= now {
                due = self.mode.poll(&mut self.socket, now, &mut report);
            }
            wait_for(&mut self.poll, &mut events, due, now).map_err(|cause| Error::Setup {
                what: "waiting for datagrams",
                cause,
            })?;
        }
        // What came before the stop was still sent to us. No more than the socket holds, as others may
        // go on sending.
        for _ in 0..MOST_WAITING / receiver::Receiver::BATCH {
            let now = clock.now();
            if self.mode.poll(&mut self.socket, now, &mut report) != now {
                break;
            }
        }
        let mut tally = *self.mode.tally();
        tally.lost = self.socket.lost(); // to the end, also where others go on sending
        Ok(tally)
    }
}

/// A number that differs from run to run, and that nobody can guess.
fn random() -> u32 {
    let random = RandomState::new().build_hasher().finish();
    u32::try_from(random >> 32).unwrap_or_default()
}

impl Mode {
    fn poll(
        &mut self,
        socket: &mut Screened<Socket>,
        now: Instant,
        report: impl FnMut(Event<'_, io::Error>),
    ) -> Instant {
        socket.begin();
        let due = match self {
            Self::Silent(receiver) => receiver.poll(socket, now, report),
            Self::Replying(responder) => responder.poll(socket, now, report),
        };
        if socket.may_have_more() { now } else { due }
    }

    fn tally(&self) -> &Tally {
        match self {
            Self::Silent(receiver) => receiver.tally(),
            Self::Replying(responder) => responder.tally(),
        }
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

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReceiverHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverHandle").finish_non_exhaustive()
    }
}
