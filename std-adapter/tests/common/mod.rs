//! What the tests of this crate share: a server in a thread of its own whose events can be waited
//! for, and plain clients that know nothing of greet. No test's own cases may enter.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use greet_core::error::{Abandonment, Refusal};
use greet_core::exchange::{Exchange, Outcome, Tally};
use greet_core::limits::Limits;
use greet_core::server::Event;
use greet_std::Server;
use greet_std::server::{Builder, Handle};

/// So long a test waits for what must come. Only a failure ever takes it.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

/// What a server reported, without what it lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Connected(SocketAddr),
    Greeted(SocketAddr),
    Refused(SocketAddr, Refusal),
    Abandoned(SocketAddr, Abandonment),
    AcceptFailed(ErrorKind),
}

impl Seen {
    pub(crate) fn of(event: &Event<'_, Exchange, io::Error>) -> Self {
        match *event {
            Event::Connected { peer } => Self::Connected(*peer),
            Event::Ended { peer, outcome, .. } => match outcome {
                Outcome::Greeted => Self::Greeted(*peer),
                Outcome::Refused(why) => Self::Refused(*peer, why),
                Outcome::Abandoned(why) => Self::Abandoned(*peer, why),
            },
            Event::AcceptFailed { error } => Self::AcceptFailed(error.kind()),
            ref other => panic!("an event that these tests don't know: {}", name_of(other)),
        }
    }

    /// The client that this event ends.
    pub(crate) fn ended(self) -> Option<SocketAddr> {
        match self {
            Self::Greeted(peer) | Self::Refused(peer, _) | Self::Abandoned(peer, _) => Some(peer),
            Self::Connected(_) | Self::AcceptFailed(_) => None,
        }
    }
}

fn name_of<T>(_: &T) -> &'static str {
    std::any::type_name::<T>()
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    events: mpsc::Receiver<Seen>,
    /// All events taken from the channel so far.
    pub(crate) seen: Vec<Seen>,
    result: mpsc::Receiver<thread::Result<Result<Tally, greet_std::Error>>>,
}

impl Running {
    /// Starts a server on a free port of IPv4's loopback.
    pub(crate) fn start(builder: Builder) -> Self {
        Self::start_on("127.0.0.1:0", builder)
    }

    pub(crate) fn start_on(address: &str, builder: Builder) -> Self {
        Self::run(builder.bind(address).expect("a free port"), |_| {})
    }

    /// Runs a server. `then` is called in its `report`, after the event was noted.
    pub(crate) fn run(server: Server, then: impl Fn(Seen) + Send + Sync + 'static) -> Self {
        let (address, handle) = (server.local_addr(), server.handle());
        let (note, events) = mpsc::channel();
        let (done, result) = mpsc::channel();
        thread::spawn(move || {
            let note = Mutex::new(note);
            let run = || {
                server.run(|event| {
                    let seen = Seen::of(&event);
                    // Nobody listens any more: the test is over.
                    let _ = note.lock().map(|note| note.send(seen));
                    then(seen);
                })
            };
            let _ = done.send(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)));
        });
        Self {
            address,
            handle,
            events,
            seen: Vec::new(),
            result,
        }
    }

    /// Waits for an event, one that came already included.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(Seen) -> bool) -> Seen {
        self.wait_for_count(1, wanted)
    }

    /// Waits until `count` events of a kind have come, and returns the last of them.
    pub(crate) fn wait_for_count(&mut self, count: usize, wanted: impl Fn(Seen) -> bool) -> Seen {
        let mut left = count;
        let mut old = std::mem::take(&mut self.seen).into_iter();
        loop {
            let seen = old.next().unwrap_or_else(|| self.next());
            self.seen.push(seen);
            if wanted(seen) {
                left -= 1;
                if left == 0 {
                    self.seen.extend(old);
                    return seen;
                }
            }
        }
    }

    fn next(&self) -> Seen {
        self.events
            .recv_timeout(BOUND)
            .unwrap_or_else(|error| panic!("the event that was waited for didn't come: {error}"))
    }

    /// How many of the events that came so far are of a kind.
    pub(crate) fn count(&self, wanted: impl Fn(Seen) -> bool) -> usize {
        self.seen.iter().filter(|&&seen| wanted(seen)).count()
    }

    /// Stops it gracefully, and takes the rest of its events.
    pub(crate) fn stop(&mut self) -> Tally {
        self.handle.stop();
        self.join()
    }

    /// Waits for a server that was told to stop, and takes the rest of its events.
    pub(crate) fn join(&mut self) -> Tally {
        self.join_any()
            .expect("the server doesn't panic")
            .expect("the server doesn't fail")
    }

    pub(crate) fn join_any(&mut self) -> thread::Result<Result<Tally, greet_std::Error>> {
        let result = self
            .result
            .recv_timeout(BOUND)
            .expect("the server ends when it is told to");
        self.seen.extend(self.events.try_iter());
        result
    }
}

/// A builder with limits that no honest client on a busy machine runs into.
pub(crate) fn patient() -> Builder {
    Server::builder().limits(
        Limits::DEFAULT
            .with_deadline(4 * BOUND)
            .with_drain_time(4 * BOUND),
    )
}

/// A builder that waits so long for a name.
pub(crate) fn deadline(deadline: Duration) -> Builder {
    Server::builder().limits(Limits::DEFAULT.with_deadline(deadline))
}

/// Connects a plain socket whose reads end in any case.
pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("the server listens");
    stream.set_read_timeout(Some(BOUND)).expect("a bound");
    stream.set_write_timeout(Some(BOUND)).expect("a bound");
    stream
}

/// Connects, and sends this.
pub(crate) fn ask(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(to);
    stream.write_all(bytes).expect("room");
    stream
}

/// Sends a name as a plain client does, and returns all that comes back.
pub(crate) fn greet(to: SocketAddr, name: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(to);
    stream.write_all(name)?;
    read_all(&mut stream)
}

/// Sends a name and FIN, and returns all that comes back.
pub(crate) fn greet_fin(to: SocketAddr, name: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(to);
    stream.write_all(name)?;
    stream.shutdown(Shutdown::Write)?;
    read_all(&mut stream)
}

/// All that comes until FIN.
pub(crate) fn read_all(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(reply)
}

/// Closes a connection with RST.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("linger");
    drop(stream);
}

/// `Hello, ` and the name.
pub(crate) fn greeting(name: &[u8]) -> Vec<u8> {
    [b"Hello, ", name].concat()
}

/// Raises the limit of file descriptors. `false`, and the reason printed: the machine grants fewer.
#[cfg(unix)]
pub(crate) fn needs_descriptors(count: u64) -> bool {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < count) {
        limit.current = limit.maximum;
        // What this can't do is seen below.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let granted = getrlimit(Resource::Nofile).current;
    let enough = granted.is_none_or(|granted| granted >= count);
    if !enough {
        eprintln!("skipped: needs {count} file descriptors, and the system grants {granted:?}");
    }
    enough
}

/// Sockets aren't counted as files here.
#[cfg(not(unix))]
pub(crate) fn needs_descriptors(_: u64) -> bool {
    true
}

/// Whether IPv6's loopback is there. If not, the reason is printed.
pub(crate) fn needs_ipv6() -> bool {
    let bound = std::net::TcpListener::bind("[::1]:0");
    if let Err(error) = &bound {
        eprintln!("skipped: no IPv6 loopback on this machine ({error})");
    }
    bound.is_ok()
}
