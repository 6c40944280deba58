//! A UDP socket as core's [`Datagrams`], and a message sent through one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorType;
use greet_core::text::Text;
use greet_core::transport::Datagrams;
use socket2::SockRef;

use crate::error::Error;
use crate::listener;
use crate::{stream, sys};

/// The receive buffer that is asked for. The default of Linux holds 256 small datagrams, less than
/// a millisecond of a fast sender.
pub(crate) const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;

/// Less than this is what every system grants by itself.
const LEAST_RECEIVE_BUFFER: usize = 64 * 1024;

/// A non-blocking UDP socket.
#[derive(Debug)]
pub struct UdpSocket<S = std::net::UdpSocket>(S);

impl UdpSocket {
    /// Binds an address for receiving; port 0 lets the system choose.
    ///
    /// A receive buffer of 4 MiB is asked for; what the system grants is good enough.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], with what to do about it.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let socket = listener::first(address, |address| {
            let socket = std::net::UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })?;
        // Linux grants less in silence; macOS and the BSDs refuse more than they allow.
        let asked = SockRef::from(&socket);
        let mut size = RECEIVE_BUFFER;
        while asked.set_recv_buffer_size(size).is_err() && size > LEAST_RECEIVE_BUFFER {
            size /= 2;
        }
        Ok(Self(socket))
    }

    /// Lets mio watch it.
    pub(crate) fn into_mio(self) -> UdpSocket<mio::net::UdpSocket> {
        UdpSocket(mio::net::UdpSocket::from_std(self.0))
    }
}

impl<S> UdpSocket<S> {
    /// The socket, for its address and options, and to register it with an event loop.
    pub const fn get_ref(&self) -> &S {
        &self.0
    }

    pub(crate) const fn get_mut(&mut self) -> &mut S {
        &mut self.0
    }
}

impl<S> ErrorType for UdpSocket<S> {
    type Error = io::Error;
}

impl<S: sys::private::UdpSocket> Datagrams for UdpSocket<S> {
    /// Elsewhere than on Linux, Unix cuts a datagram in silence: give a buffer one byte longer than
    /// the longest datagram that is wanted whole.
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        stream::poll_next(|| self.0.receive_from(buffer))
    }

    fn send_to(&mut self, datagram: &[u8], to: SocketAddr) -> Poll<io::Result<()>> {
        stream::poll(|| self.0.send_to(datagram, to))
    }

    /// Bound to all addresses, it asks the system which are ours: only those can be bound.
    fn is_own(&self, address: SocketAddr) -> bool {
        let Ok(own) = self.0.local_addr() else {
            return true; // a socket without an address answers nobody
        };
        let (ours, theirs) = (own.ip().to_canonical(), address.ip().to_canonical());
        own.port() == address.port()
            && if ours.is_unspecified() {
                std::net::UdpSocket::bind(SocketAddr::new(theirs, 0)).is_ok()
            } else {
                ours == theirs
            }
    }
}

/// How long an address may take to refuse a datagram while there is another to try.
const REFUSAL: Duration = Duration::from_millis(200);

/// Sends one message to the first address of `to` that doesn't refuse it. It may be a broadcast
/// address.
///
/// UDP doesn't say whether a message arrives, but a host says that nobody listens at a port (ICMP).
/// With more addresses to try, that is waited for up to 200 ms; of the last, only what the
/// system knows at once is an error.
///
/// # Errors
///
/// [`Error::Resolve`], [`Error::NoAddress`], or [`Error::Send`] with what the system says.
pub fn send(to: impl ToSocketAddrs, message: Text<'_>) -> Result<SocketAddr, Error> {
    let addresses: Vec<SocketAddr> = to
        .to_socket_addrs()
        .map_err(|cause| Error::Resolve { cause })?
        .collect();
    let mut last = Error::NoAddress;
    for (address, untried) in addresses.iter().copied().zip((0..addresses.len()).rev()) {
        let patience = if untried > 0 { REFUSAL } else { Duration::ZERO };
        match send_once(address, message.as_bytes(), patience) {
            Ok(()) => return Ok(address),
            Err(cause) => last = Error::Send { address, cause },
        }
    }
    Err(last)
}

fn send_once(to: SocketAddr, datagram: &[u8], patience: Duration) -> io::Result<()> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    if to.is_ipv4() {
        socket.set_broadcast(true)?;
    }
    socket.connect(to)?;
    socket.send(datagram)?;
    if patience.is_zero() {
        socket.set_nonblocking(true)?;
    } else {
        socket.set_read_timeout(Some(patience))?;
    }
    match socket.recv(&mut [0; 1]) {
        Err(error) if is_refusal(&error) => Err(error),
        _ => Ok(()), // an answer, or nothing
    }
}

/// Whether a host or a router has said (ICMP) that a datagram didn't arrive.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, PermissionDenied,
    };
    matches!(
        error.kind(),
        ConnectionRefused
            | ConnectionReset // Windows
            | HostUnreachable
            | NetworkUnreachable
            | PermissionDenied
    )
}
