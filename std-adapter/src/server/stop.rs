//! Stopping a server from elsewhere, though its acceptors sleep in accept: how far it is, and who must
//! be woken to see it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use mio::Waker;

use super::connection_limit::ConnectionLimit;
use super::wake::Wake;

/// Stops a [`Server`](super::Server) from another thread, or from its own `report`.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    phase: AtomicU8,
    /// For the acceptors.
    wake: Wake,
    places: Arc<ConnectionLimit>,
    loops: Vec<Arc<Waker>>,
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
    pub(super) fn new(wake: Wake, places: Arc<ConnectionLimit>, loops: Vec<Arc<Waker>>) -> Self {
        Self(Arc::new(Shared {
            phase: AtomicU8::new(Phase::Serving as u8),
            wake,
            places,
            loops,
        }))
    }

    /// Stops gracefully: who has connected by now is served, within the limits, and nobody after
    /// that. Conversations that could go on for ever
    /// [wind down](greet_core::machine::Service::wind_down). Then
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
            2 => Phase::Leaving,
            _ => Phase::Aborting,
        }
    }

    /// Lets the other acceptors go as well. Each calls it once, when it leaves.
    pub(super) fn leave(&self) {
        self.0
            .phase
            .fetch_max(Phase::Leaving as u8, Ordering::AcqRel);
        self.0.wake.leave();
    }

    /// Whether this peer is one of our own connections.
    pub(super) fn is_own(&self, peer: SocketAddr) -> bool {
        self.0.wake.is_own(peer)
    }

    pub(super) fn wake_loops(&self) {
        for waker in &self.0.loops {
            // It fails only where the loop is gone.
            let _ = waker.wake();
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
        self.wake_loops();
        if phase == Phase::Stopping {
            self.0.wake.stop();
        } else if before == Phase::Serving as u8 {
            self.0.wake.leave();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
