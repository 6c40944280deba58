//! A server for many clients, built for the usual one: who has sent the whole name before being
//! accepted.
//!
//! ```text
//!             accept, receive, reply + FIN, close
//!   backlog ----------------> acceptor ------------------------------> done
//!                                |  nothing there yet, or not all of it
//!                                v
//!                            slow ones (event loop, deadlines) ------> done
//! ```
//!
//! Each worker is one acceptor and one event loop, a thread each. The acceptor blocks in accept
//! alone, which costs a third less time of the processor than an event loop that watches the
//! listener; whoever would make it wait is handed to the loop. Both move bytes with core's driver.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::machine::Service;
use greet_core::server::Event;
use greet_core::time::Instant;

use crate::clock::Clock;
use crate::error::Error;
use crate::listener::{self, BACKLOG};

mod acceptor;
mod connection_limit;
mod emptied;
mod event_loop;
mod handoff;
mod slow_connection;
mod stop;
#[cfg(target_os = "linux")]
mod wake;
#[cfg(not(target_os = "linux"))]
#[path = "server/wake_by_call.rs"]
mod wake;

use acceptor::Acceptor;
use connection_limit::ConnectionLimit;
use event_loop::EventLoop;
use wake::Wake;

pub use stop::Handle;

/// Serves many clients at once over TCP: greetings, or any other protocol that is a [`Service`].
///
/// Nobody delays anybody else: not who sends nothing, or a byte a second, never reads, resets or
/// vanishes. When all places are taken, new clients wait in the system's backlog of 4096
/// connections; as long as somebody waits there, clients that make no use of their places
/// [give way](Service::give_way).
///
/// The [crate documentation](crate) has an example.
pub struct Server<M: Service = Exchange> {
    listener: Arc<TcpListener>,
    address: SocketAddr,
    config: M::Config,
    places: Arc<ConnectionLimit>,
    loops: Vec<EventLoop<M>>,
    handle: Handle,
}

/// Chooses how a [`Server`] works, where the defaults don't fit.
///
/// ```
/// use std::time::Duration;
/// use greet_core::limits::Limits;
/// use greet_std::Server;
///
/// let server = Server::builder()
///     .limits(Limits::DEFAULT.with_deadline(Duration::from_secs(60)))
///     .max_connections(100)
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greet_std::Error>(())
/// ```
#[must_use]
pub struct Builder<M: Service = Exchange> {
    config: M::Config,
    workers: Option<NonZeroUsize>,
    max_connections: usize,
}

impl Builder {
    /// What clients are granted. Default: [`Limits::DEFAULT`].
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.config = limits;
        self
    }
}

impl<M: Service> Builder<M> {
    /// How many workers share the load. Default: one for each processor that this process may use.
    pub const fn workers(mut self, workers: NonZeroUsize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How many connections are held at once; zero counts as one. Default: 10,000.
    ///
    /// Beyond it, new connections wait in the system's backlog. Each needs a file descriptor: where
    /// the process is granted fewer, those are the limit.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Listens on the first of the addresses that the system grants; port 0 lets it choose.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] with what to do about it, or [`Error::Setup`] if the system lacks something.
    pub fn bind(self, address: impl ToSocketAddrs) -> Result<Server<M>, Error> {
        let setup = |cause| Error::Setup {
            what: "a server",
            cause,
        };
        let listener = Arc::new(listener::bind(address, BACKLOG)?);
        let address = listener.local_addr().map_err(setup)?;
        let workers = self
            .workers
            .or_else(|| thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let places = Arc::new(ConnectionLimit::new(self.max_connections.max(1)));
        let loops = (0..workers.get())
            .map(|_| EventLoop::new())
            .collect::<io::Result<Vec<_>>>()
            .map_err(setup)?;
        let wakers = loops.iter().map(EventLoop::waker).collect();
        let wake = Wake::new(&listener, address, workers).map_err(setup)?;
        let handle = Handle::new(wake, Arc::clone(&places), wakers);
        Ok(Server {
            listener,
            address,
            config: self.config,
            places,
            loops,
            handle,
        })
    }
}

impl<M: Service> Clone for Builder<M> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<M: Service<Config: fmt::Debug>> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("workers", &self.workers)
            .field("max_connections", &self.max_connections)
            .finish()
    }
}

impl Server {
    /// Listens on an address with the defaults; port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// As [`Builder::bind`].
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        Self::builder().bind(address)
    }

    /// Chooses limits and numbers first.
    pub const fn builder() -> Builder {
        Self::serving(Limits::DEFAULT)
    }
}

impl<M: Service> Server<M> {
    /// Serves any protocol: all clients share `config`, limits or a reference to a store.
    pub const fn serving(config: M::Config) -> Builder<M> {
        Builder {
            config,
            workers: None,
            max_connections: 10_000,
        }
    }

    /// Where it listens: with the port that the system chose.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it from elsewhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until it is stopped, and returns how the conversations ended.
    ///
    /// `report` is called from the workers' threads, for each client in order: what it waits for,
    /// clients wait for.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if the system grants no threads, or can't wait for connections any more. A lack
    /// of file descriptors is no error: it is reported, and overcome when there are some again.
    pub fn run(self, report: impl Fn(Event<'_, M, io::Error>) + Sync) -> Result<M::Tally, Error>
    where
        M: Send,
        M::Config: Send + Sync,
        M::Tally: Send,
        M::Dormant: Send,
    {
        let Self {
            listener,
            config,
            places,
            loops,
            handle,
            ..
        } = self;
        let shared = Shared {
            config: &config,
            patience: patience::<M>(&config),
            clock: Clock::start(),
            places: &places,
            handle: &handle,
        };
        let report = &report;
        thread::scope(|scope| {
            let mut threads = Vec::with_capacity(2 * loops.len());
            for event_loop in loops {
                let listener = Arc::clone(&listener);
                let acceptor = Acceptor::new(listener, shared, event_loop.handoff());
                threads.push(spawn(scope, "greet-accept", &handle, move || {
                    acceptor.run(report)
                }));
                threads.push(spawn(scope, "greet-slow", &handle, move || {
                    event_loop.run(shared, report)
                }));
            }
            drop(listener); // the acceptors have it
            let mut tally = Ok(M::NONE);
            for thread in threads {
                match thread.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(Ok(part))) => tally = tally.map(|tally| tally + part),
                    Ok(Ok(Err(error))) | Err(error) => tally = Err(error),
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                }
            }
            tally.map_err(|cause| Error::Setup {
                what: "the server's threads",
                cause,
            })
        })
    }
}

/// What all threads of a server see.
struct Shared<'a, C> {
    config: &'a C,
    /// How long a new client may say nothing.
    patience: Duration,
    clock: Clock,
    places: &'a ConnectionLimit,
    handle: &'a Handle,
}

impl<C> Clone for Shared<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Shared<'_, C> {}

fn patience<M: Service>(config: &M::Config) -> Duration {
    let mut machine = Box::new(M::VACANT);
    machine.begin(Instant::START, config);
    machine.due().since(Instant::START)
}

/// Starts a thread. Where it can't start, fails or panics, the others stop, so that the failure
/// comes out.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    handle: &'scope Handle,
    work: impl FnOnce() -> io::Result<T> + Send + 'scope,
) -> io::Result<thread::ScopedJoinHandle<'scope, io::Result<T>>> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, move || {
            let _guard = AbortOnPanic(handle);
            work().inspect_err(|_| handle.abort())
        })
        .inspect_err(|_| handle.abort())
}

struct AbortOnPanic<'a>(&'a Handle);

impl Drop for AbortOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abort();
        }
    }
}

impl<M: Service<Config: fmt::Debug>> fmt::Debug for Server<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
