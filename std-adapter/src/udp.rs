//! A UDP socket as core's [`Datagrams`], and a message sent through one.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::task::Poll;
use std::time::Duration;

use embedded_io::ErrorType;
use greet_core::text::Text;
use greet_core::transport::{Datagram, Datagrams, Local};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::error::Error;
use crate::failure;
use crate::listener;
#[cfg(target_os = "linux")]
use crate::pktinfo;
use crate::sys;

/// The receive buffer that is asked for. The default of Linux holds 256 small datagrams, less than
/// a millisecond of a fast sender; this one, 20,000 of mixed sizes: a third of a second at 60,000 a
/// second, as long as a busy machine may let a process wait. It is only taken while they wait.
pub(crate) const RECEIVE_BUFFER: usize = 16 * 1024 * 1024;

/// Less than this is what every system grants by itself.
const LEAST_RECEIVE_BUFFER: usize = 64 * 1024;

/// A non-blocking UDP socket.
#[derive(Debug)]
pub struct UdpSocket<S = std::net::UdpSocket> {
    socket: S,
    lost: u64,
}

impl UdpSocket {
    /// Binds an address for receiving; port 0 lets the system choose.
    ///
    /// A receive buffer of 16 MiB is asked for; what the system grants is good enough. Linux grants no
    /// more than `net.core.rmem_max`, unless the process may administer the network.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], with what to do about it.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self, Error> {
        let socket: std::net::UdpSocket = listener::first(address, |address| {
            let setup = |cause| Error::Setup {
                what: "a UDP socket",
                cause,
            };
            let domain = Domain::for_address(address);
            let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(setup)?;
            socket.set_nonblocking(true).map_err(setup)?;
            #[cfg(target_os = "linux")]
            pktinfo::enable(&socket);
            socket
                .bind(&address.into())
                .map_err(|cause| Error::Listen { address, cause })?;
            Ok(socket.into())
        })?;
        if !sys::force_receive_buffer(&socket, RECEIVE_BUFFER) {
            // Linux grants less in silence; macOS and the BSDs refuse more than they allow.
            let asked = SockRef::from(&socket);
            let mut size = RECEIVE_BUFFER;
            while asked.set_recv_buffer_size(size).is_err() && size > LEAST_RECEIVE_BUFFER {
                size /= 2;
            }
        }
        Ok(Self { socket, lost: 0 })
    }

    /// Lets mio watch it.
    pub(crate) fn into_mio(self) -> UdpSocket<mio::net::UdpSocket> {
        UdpSocket {
            socket: mio::net::UdpSocket::from_std(self.socket),
            lost: self.lost,
        }
    }
}

impl<S> UdpSocket<S> {
    /// The socket, for its address and options, and to register it with an event loop.
    pub const fn get_ref(&self) -> &S {
        &self.socket
    }

    pub(crate) const fn get_mut(&mut self) -> &mut S {
        &mut self.socket
    }
}

impl<S> ErrorType for UdpSocket<S> {
    type Error = io::Error;
}

impl<S: sys::private::UdpSocket> Datagrams for UdpSocket<S> {
    /// Elsewhere than on Linux, Unix cuts a datagram in silence: give a buffer one byte longer than
    /// the longest datagram that is wanted whole.
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<io::Result<Datagram>> {
        failure::poll_past(failure::is_about_datagram, || {
            self.socket.receive_from(buffer)
        })
    }

    fn send_to(&mut self, datagram: &[u8], to: SocketAddr, via: Local) -> Poll<io::Result<()>> {
        failure::poll(|| self.socket.send_to(datagram, to, via))
    }

    /// Bound to all addresses, it asks the system which are ours: only those can be bound.
    fn is_own(&self, address: SocketAddr) -> bool {
        let Ok(own) = self.socket.local_addr() else {
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

    /// Only Linux counts them. A piece that one sender sent in one call (`UDP_SEGMENT`) counts as one
    /// there.
    fn lost(&mut self) -> u64 {
        let since = self.socket.dropped().wrapping_sub(low_bits(self.lost));
        self.lost += u64::from(since);
        self.lost
    }
}

/// What the system's counter said when so many were lost.
#[expect(clippy::cast_possible_truncation, reason = "it has 32 bits")]
const fn low_bits(lost: u64) -> u32 {
    lost as u32
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
