//! Stopping a server from elsewhere, though its acceptors sleep in accept.
//!
//! There is no portable way to end an accept in another thread, so an acceptor is woken by a
//! connection of our own, which it knows by its port. One is enough: each acceptor that leaves
//! wakes the next.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use mio::Waker;
use socket2::{Domain, Protocol, Socket, Type};

use super::places::Places;

/// Stops a [`Server`](super::Server) from another thread, or from its own `report`.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    phase: AtomicU8,
    /// Where a connection of our own goes to.
    target: SocketAddr,
    /// One for each acceptor, made in advance: when a server must stop, there may be no descriptors
    /// left.
    callers: Vec<Caller>,
    called: AtomicUsize,
    places: Arc<Places>,
    loops: Vec<Arc<Waker>>,
}

struct Caller {
    socket: Socket,
    /// Its address, once it calls.
    address: OnceLock<SocketAddr>,
}

/// How far a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Serving,
    Stopping,
    Aborting,
}

impl Handle {
    pub(super) fn new(
        server: SocketAddr,
        acceptors: NonZeroUsize,
        places: Arc<Places>,
        loops: Vec<Arc<Waker>>,
    ) -> io::Result<Self> {
        let target = reachable(server);
        let caller = |_| {
            let socket = Socket::new(
                Domain::for_address(target),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            socket.set_nonblocking(true)?;
            Ok(Caller {
                socket,
                address: OnceLock::new(),
            })
        };
        Ok(Self(Arc::new(Shared {
            phase: AtomicU8::new(Phase::Serving as u8),
            target,
            callers: (0..acceptors.get())
                .map(caller)
                .collect::<io::Result<_>>()?,
            called: AtomicUsize::new(0),
            places,
            loops,
        })))
    }

    /// Stops gracefully: who has connected by now is served, within the limits, and nobody after
    /// that. Then
    /// [`Server::run`](super::Server::run) returns.
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
            _ => Phase::Aborting,
        }
    }

    /// Wakes an acceptor. Called once by who stops the server, and once by each acceptor that
    /// leaves.
    pub(super) fn wake_acceptor(&self) {
        let next = self.0.called.fetch_add(1, Ordering::Relaxed);
        let Some(caller) = self.0.callers.get(next) else {
            return; // the last one has left
        };
        // What can fail here is a backlog that is full, or a listener that is gone: nobody sleeps.
        let _ = caller.call(self.0.target);
    }

    /// Whether this peer is one of our own connections.
    pub(super) fn is_own(&self, peer: SocketAddr) -> bool {
        self.0
            .callers
            .iter()
            .any(|caller| caller.address.get() == Some(&peer))
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
    fn call(&self, target: SocketAddr) -> io::Result<()> {
        // Bound first, so that the acceptor can know the address by the time it sees it.
        self.socket.bind(&SocketAddr::new(target.ip(), 0).into())?;
        if let Some(address) = self.socket.local_addr()?.as_socket() {
            let _ = self.address.set(address);
        }
        self.socket.connect(&target.into())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

/// The address under which this machine reaches a listener of its own.
fn reachable(mut listener: SocketAddr) -> SocketAddr {
    match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listener.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listener.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listener
}
