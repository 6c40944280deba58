//! Stopping a server from elsewhere, though its acceptors sleep in accept.
//!
//! There is no portable way to end an accept in another thread, so an acceptor is woken by a
//! connection of our own, which it knows by its port. One is enough: each acceptor that leaves
//! wakes the next. It also marks the place in the backlog behind which nobody is served any more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::{fmt, io};

use mio::Waker;
use socket2::{Domain, Protocol, Socket, Type};

use super::places::Places;

/// Stops a [`Server`](super::Server) from another thread, or from its own `report`.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    phase: AtomicU8,
    /// One for each acceptor.
    callers: Vec<Caller>,
    called: AtomicUsize,
    places: Arc<Places>,
    loops: Vec<Arc<Waker>>,
}

/// A connection of our own, made ready in advance: when a server must stop, there may be no
/// descriptors and no free ports left.
struct Caller {
    socket: Socket,
    address: SocketAddr,
    target: SocketAddr,
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Serving,
    /// Who has connected is still accepted.
    Stopping,
    /// Nobody is accepted any more.
    Leaving,
    Aborting,
}

impl Handle {
    pub(super) fn new(
        server: SocketAddr,
        acceptors: NonZeroUsize,
        places: Arc<Places>,
        loops: Vec<Arc<Waker>>,
    ) -> io::Result<Self> {
        let callers = (0..acceptors.get()).map(|_| Caller::new(server));
        Ok(Self(Arc::new(Shared {
            phase: AtomicU8::new(Phase::Serving as u8),
            callers: callers.collect::<io::Result<_>>()?,
            called: AtomicUsize::new(0),
            places,
            loops,
        })))
    }

    /// Stops gracefully: who has connected by now is served, within the limits, and nobody after
    /// that. Then [`Server::run`](super::Server::run) returns.
    pub fn stop(&self) {
        self.enter(Phase::Stopping);
    }

    /// Stops at once: connections are closed as they are, and count as abandoned.
    pub fn abort(&self) {
        self.enter(Phase::Aborting);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Serving,
            1 => Phase::Stopping,
            2 => Phase::Leaving,
            _ => Phase::Aborting,
        }
    }

    /// Lets the other acceptors go as well. Each calls it once, when it leaves.
    pub(super) fn leave(&self) {
        self.0
            .phase
            .fetch_max(Phase::Leaving as u8, Ordering::AcqRel);
        self.wake_acceptor();
    }

    /// Whether this peer is one of our own connections.
    pub(super) fn is_own(&self, peer: SocketAddr) -> bool {
        self.0.callers.iter().any(|caller| caller.is(peer))
    }

    /// Wakes an acceptor: once for the stop, and once for each acceptor that leaves.
    fn wake_acceptor(&self) {
        let next = self.0.called.fetch_add(1, Ordering::Relaxed);
        // None: the last one has left.
        if let Some(caller) = self.0.callers.get(next) {
            caller.call();
        }
    }

    fn enter(&self, phase: Phase) {
        let before = self.0.phase.fetch_max(phase as u8, Ordering::AcqRel);
        if before >= phase as u8 {
            return;
        }
        if phase == Phase::Aborting {
            self.0.places.close();
        }
        for waker in &self.0.loops {
            // It fails only where the loop is gone.
            let _ = waker.wake();
        }
        if before == Phase::Serving as u8 {
            self.wake_acceptor();
        }
    }
}

impl Caller {
    fn new(server: SocketAddr) -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for target in reachable(server).into_iter().flatten() {
            result = Self::calling(target);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn calling(target: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(target),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        let mut any_port = target; // with the scope of a link-local address
        any_port.set_port(0);
        socket.bind(&any_port.into())?;
        let address = socket.local_addr()?.as_socket();
        Ok(Self {
            socket,
            address: address.ok_or(io::ErrorKind::AddrNotAvailable)?,
            target,
        })
    }

    fn call(&self) {
        // It is under way then, or the backlog is full, or the listener is gone: nobody sleeps.
        let _ = self.socket.connect(&self.target.into());
    }

    /// A listener for both families sees the addresses of IPv4 mapped into IPv6.
    fn is(&self, peer: SocketAddr) -> bool {
        peer.port() == self.address.port()
            && peer.ip().to_canonical() == self.address.ip().to_canonical()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

/// The addresses under which this machine reaches a listener of its own, best first.
///
/// Where IPv6 has no loopback, as in many containers, a listener for all addresses of IPv6 takes
/// those of IPv4 as well.
fn reachable(listener: SocketAddr) -> [Option<SocketAddr>; 2] {
    let at = |ip: IpAddr| Some(SocketAddr::new(ip, listener.port()));
    match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => [at(Ipv4Addr::LOCALHOST.into()), None],
        IpAddr::V6(ip) if ip.is_unspecified() => [
            at(Ipv6Addr::LOCALHOST.into()),
            at(Ipv4Addr::LOCALHOST.into()),
        ],
        _ => [Some(listener), None],
    }
}
