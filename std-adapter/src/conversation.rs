//! One conversation of a [`Client`](crate::Client): while it goes on, and once it has ended.
//!
//! Core's polled client says what is to be done; here it is waited for. Which protocol it is, nobody
//! here knows.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::task::Poll;

use greet_core::client;
use greet_core::machine::Machine;
use greet_core::time::Instant;
use mio::{Events, Interest, Token};

use crate::clock::{Clock, wait_for};
use crate::error::Error;
use crate::stream::Stream;
use crate::sys;

const CONNECTION: Token = Token(0);
const WAKER: Token = Token(1);

/// A conversation that has ended.
#[derive(Clone, Debug)]
pub struct Conversation<M: Machine> {
    /// Our side of it.
    pub machine: M,
    /// How it ended.
    pub outcome: M::Outcome,
    /// The address of the other side.
    pub server: SocketAddr,
}

/// A conversation that goes on, a turn at a time, for a machine that is to be reached meanwhile: as a
/// [`Pipeline`](greet_core::pipeline::Pipeline), which is given names and gives replies.
///
/// ```
/// use std::time::Duration;
/// use greet_core::limits::Limits;
/// use greet_core::lines::Lines;
/// use greet_core::pipeline::{End, Pipeline};
/// use greet_core::text::Text;
/// use greet_std::{Client, Server};
///
/// let server = Server::<Lines>::serving(Limits::DEFAULT).bind("127.0.0.1:0")?;
/// let (address, handle) = (server.local_addr(), server.handle());
/// let running = std::thread::spawn(move || server.run(|_event| {}));
///
/// let pipeline = Pipeline::<4096>::new(Duration::from_secs(30));
/// let mut ongoing = Client::new().start(address, pipeline)?;
/// let mut names = ["Ada", "Grace", "Joan"].into_iter().peekable();
/// let mut replies = Vec::new();
/// let outcome = loop {
///     let outcome = ongoing.turn()?;
///     let pipeline = ongoing.machine_mut();
///     while let Some(reply) = pipeline.next_reply() {
///         replies.push(String::from_utf8_lossy(reply).into_owned());
///     }
///     while let Some(name) = names.next_if(|name| pipeline.queue(Text::new(name).unwrap()).is_ok()) {
///         println!("asked for {name}");
///     }
///     if names.peek().is_none() {
///         pipeline.end_names();
///     }
///     if let Some(outcome) = outcome {
///         break outcome;
///     }
/// };
/// assert_eq!((outcome.answered, outcome.end), (3, End::Answered));
/// assert_eq!(replies, ["Hello, Ada", "Hello, Grace", "Hello, Joan"]);
///
/// handle.stop();
/// # running.join().expect("the server doesn't panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ongoing<M> {
    client: client::Client<M>,
    stream: Stream<mio::net::TcpStream>,
    server: SocketAddr,
    clock: Clock,
    poll: mio::Poll,
    events: Events,
    waker: Option<Waker>,
}

/// Ends the wait of a [turn](Ongoing::turn), from any thread: there is something for its machine.
#[derive(Clone, Debug)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Ends the present turn's wait, or else the next one's.
    pub fn wake(&self) {
        // It fails only where the conversation is gone.
        let _ = self.0.wake();
    }
}

impl<M: Machine> Ongoing<M> {
    pub(crate) fn new(
        machine: M,
        stream: TcpStream,
        server: SocketAddr,
        clock: Clock,
    ) -> Result<Self, Error> {
        stream.set_nonblocking(true).map_err(setup)?;
        // What a machine sends next isn't to wait for the ACK of what it has sent. A peer that has reset
        // by now is the conversation's own news.
        let _ = stream.set_nodelay(true);
        sys::take_urgent_inline(&stream);
        let mut stream = Stream::from_non_blocking(mio::net::TcpStream::from_std(stream));
        let poll = mio::Poll::new().map_err(setup)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(stream.get_mut(), CONNECTION, interest)
            .map_err(setup)?;
        Ok(Self {
            client: client::Client::new(machine),
            stream,
            server,
            clock,
            poll,
            events: Events::with_capacity(2),
            waker: None,
        })
    }

    /// Waits until there is something to do, if nothing is, does it, and returns the outcome once it
    /// is there.
    ///
    /// Between two turns is the time to look at the [machine](Self::machine_mut). A turn returns when
    /// the connection moved, when something was due, or when it was [woken](Self::waker), and at times
    /// without reason.
    ///
    /// # Errors
    ///
    /// The system can't wait for this connection any more. How a conversation goes is its outcome.
    pub fn turn(&mut self) -> Result<Option<M::Outcome>, Error> {
        let (due, now) = (self.client.due(), self.clock.now());
        if self.machine().outcome().is_none() && due > now {
            wait_for(&mut self.poll, &mut self.events, due, now).map_err(setup)?;
        }
        let now = self.clock.now();
        Ok(match self.client.poll(&mut self.stream, now) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        })
    }

    /// Our side of it.
    pub const fn machine(&self) -> &M {
        self.client.machine()
    }

    /// Our side of it, to give it something or to take something from it.
    pub const fn machine_mut(&mut self) -> &mut M {
        self.client.machine_mut()
    }

    /// The address of the other side.
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// What time it is for the machine: it was [`Instant::START`] when the client
    /// [started](crate::Client::start).
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What ends the wait of a turn from elsewhere, such as a thread that waits for a user's next
    /// line.
    ///
    /// # Errors
    ///
    /// The system has nothing left to wake with.
    pub fn waker(&mut self) -> Result<Waker, Error> {
        if let Some(waker) = &self.waker {
            return Ok(waker.clone());
        }
        let waker = mio::Waker::new(self.poll.registry(), WAKER).map_err(setup)?;
        Ok(self.waker.insert(Waker(Arc::new(waker))).clone())
    }

    /// Our side of it, to be kept. The connection is closed.
    pub fn into_machine(self) -> M {
        self.client.into_machine()
    }

    /// Goes on to the end.
    pub(crate) fn finish(mut self) -> Result<Conversation<M>, Error> {
        loop {
            if let Some(outcome) = self.turn()? {
                return Ok(Conversation {
                    outcome,
                    server: self.server,
                    machine: self.into_machine(),
                });
            }
        }
    }
}

impl<M: Machine + fmt::Debug> fmt::Debug for Ongoing<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ongoing")
            .field("server", &self.server)
            .field("machine", self.machine())
            .finish_non_exhaustive()
    }
}

fn setup(cause: std::io::Error) -> Error {
    Error::Setup {
        what: "a connection that doesn't block",
        cause,
    }
}
