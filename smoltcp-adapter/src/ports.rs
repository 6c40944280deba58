//! Ephemeral ports, as smoltcp leaves their choice to its user.

use smoltcp::iface::SocketSet;
use smoltcp::socket::Socket;

/// The dynamic ports (RFC 6335, section 6).
const FIRST: u16 = 49_152;
const COUNT: u16 = u16::MAX - FIRST + 1;

/// Which protocol a port is for; each has ports of its own.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// Hands out ports in a circle, so that each rests as long as possible.
pub(crate) struct Ports {
    /// Where the circle goes on, counted from [`FIRST`].
    next: u16,
}

impl Ports {
    /// Starts at a place that depends on `seed`, so that a reboot doesn't start with the ports of
    /// the connections before it.
    pub(crate) fn new(seed: u64) -> Self {
        // Fibonacci hashing: the upper bits depend on all of the seed.
        let hash = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        Self {
            next: u16::try_from(hash).unwrap_or(0) % COUNT,
        }
    }

    /// A port that no socket has. `None`: all are in use.
    pub(crate) fn take(&mut self, protocol: Protocol, set: &SocketSet<'_>) -> Option<u16> {
        for _ in 0..COUNT {
            let port = FIRST | self.next;
            self.next = (self.next + 1) % COUNT;
            if !in_use(protocol, port, set) {
                return Some(port);
            }
        }
        None
    }
}

/// Whether a socket has this port: listening, bound, or in a connection that isn't over.
pub(crate) fn in_use(protocol: Protocol, port: u16, set: &SocketSet<'_>) -> bool {
    set.iter().any(|(_, socket)| match socket {
        Socket::Tcp(socket) => {
            protocol == Protocol::Tcp
                && (socket.listen_endpoint().port == port
                    || socket
                        .local_endpoint()
                        .is_some_and(|local| local.port == port))
        }
        Socket::Udp(socket) => protocol == Protocol::Udp && socket.endpoint().port == port,
        #[allow(
            unreachable_patterns,
            reason = "reached when smoltcp has other sockets"
        )]
        _ => false,
    })
}
