//! Waking acceptors that sleep in accept, so that they see that the server stops: where the system has
//! no other way, by a connection of our own.
//!
//! An acceptor knows it by its port. One is enough: each acceptor that leaves wakes the next. It also
//! marks the place in the backlog behind which nobody is served any more.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use socket2::{Domain, Protocol, Socket, Type};

pub(super) struct Wake {
    listener: Weak<TcpListener>,
    /// One for each acceptor.
    callers: Vec<Caller>,
    called: AtomicUsize,
}

/// A connection of our own, made ready in advance: when a server must stop, there may be no
/// descriptors and no free ports left.
struct Caller {
    socket: Socket,
    address: SocketAddr,
    target: SocketAddr,
}

impl Wake {
    pub(super) fn new(
        listener: &Arc<TcpListener>,
        address: SocketAddr,
        acceptors: NonZeroUsize,
    ) -> io::Result<Self> {
        let callers = (0..acceptors.get()).map(|_| Caller::new(address));
        Ok(Self {
            listener: Arc::downgrade(listener),
            callers: callers.collect::<io::Result<_>>()?,
            called: AtomicUsize::new(0),
        })
    }

    /// From now on accept doesn't wait, and says when the backlog is empty. Who sleeps is woken.
    pub(super) fn stop(&self) {
        if let Some(listener) = self.listener.upgrade() {
            // Where it fails, our own connection is the end of the backlog all the same.
            let _ = listener.set_nonblocking(true);
        }
        self.leave();
    }

    /// Wakes an acceptor: once for the stop, and once for each acceptor that leaves.
    pub(super) fn leave(&self) {
        let next = self.called.fetch_add(1, Ordering::Relaxed);
        // None: the last one has left.
        if let Some(caller) = self.callers.get(next) {
            caller.call();
        }
    }

    /// No error of accept comes from here.
    pub(super) fn has_ended(_error: &io::Error) -> bool {
        false
    }

    /// Whether this peer is one of our own connections.
    pub(super) fn is_own(&self, peer: SocketAddr) -> bool {
        self.callers.iter().any(|caller| caller.is(peer))
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
