//! Waking acceptors that sleep in accept, so that they see that the server stops: on Linux, without
//! any network.
//!
//! There a shutdown of the listener ends every accept, but also resets whoever waits in the backlog.
//! So it comes once the backlog is empty. An acceptor sleeps in accept only while it is: either all
//! sleep, and the backlog is empty already, or one is awake, and the one that finds it empty leaves.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};

use socket2::SockRef;

use crate::sys;

/// Reaches the listener as long as the server has it.
pub(super) struct Wake(Weak<TcpListener>);

impl Wake {
    #[expect(clippy::unnecessary_wraps, reason = "other systems must prepare more")]
    pub(super) fn new(
        listener: &Arc<TcpListener>,
        _address: SocketAddr,
        _acceptors: NonZeroUsize,
    ) -> io::Result<Self> {
        Ok(Self(Arc::downgrade(listener)))
    }

    /// From now on accept doesn't wait, and says when the backlog is empty. Who sleeps is woken.
    pub(super) fn stop(&self) {
        if let Some(listener) = self.0.upgrade()
            && (listener.set_nonblocking(true).is_err() || !sys::is_awaited(&listener))
        {
            end_accept(&listener);
        }
    }

    /// Wakes all who sleep. Nobody is accepted any more.
    pub(super) fn leave(&self) {
        if let Some(listener) = self.0.upgrade() {
            end_accept(&listener);
        }
    }

    /// Whether an error of accept comes from here.
    pub(super) fn has_ended(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::InvalidInput
    }

    /// Nobody is called here, so no peer is one of our own connections.
    #[expect(clippy::unused_self, reason = "other systems call themselves")]
    pub(super) fn is_own(&self, _peer: SocketAddr) -> bool {
        false
    }
}

fn end_accept(listener: &TcpListener) {
    // It fails where it was done before.
    let _ = SockRef::from(listener).shutdown(Shutdown::Read);
}
