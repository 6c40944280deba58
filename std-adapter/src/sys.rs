//! What differs between systems: the fast paths of Linux, and what stands in for them elsewhere.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};

use greet_core::transport::{Datagram, Local};

pub(crate) mod private {
    //! Sockets of the standard library and of mio are alike, but share no trait. These are in the
    //! bounds of public types, and nobody else can name them.

    use super::{Datagram, Local, Shutdown, SocketAddr, io};

    /// A connected TCP socket. It reads and writes through a shared reference.
    pub trait TcpSocket {
        fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
        fn write(&self, bytes: &[u8]) -> io::Result<usize>;
        /// Writes bytes that a FIN or more bytes will follow at once, so that they may wait for it.
        fn write_more(&self, bytes: &[u8]) -> io::Result<usize>;
        fn shutdown(&self, how: Shutdown) -> io::Result<()>;
        /// Makes the close that follows send RST.
        fn set_abort_on_close(&self);
    }

    /// A bound UDP socket.
    pub trait UdpSocket {
        /// Takes a datagram, and says how long it was: also if it is longer than the buffer, where
        /// the system tells.
        fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram>;
        fn send_to(&self, datagram: &[u8], to: SocketAddr, via: Local) -> io::Result<()>;
        fn local_addr(&self) -> io::Result<SocketAddr>;
    }
}

macro_rules! tcp_socket {
    ($type:ty) => {
        impl private::TcpSocket for $type {
            #[cfg(target_os = "linux")]
            fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                use rustix::net::{RecvFlags, recv};
                Ok(recv(self, buffer, RecvFlags::empty())?.0)
            }

            #[cfg(not(target_os = "linux"))]
            fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                let mut socket = self;
                io::Read::read(&mut socket, buffer)
            }

            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                let mut socket = self;
                io::Write::write(&mut socket, bytes)
            }

            #[cfg(target_os = "linux")]
            fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
                use rustix::net::SendFlags;
                Ok(rustix::net::send(
                    self,
                    bytes,
                    SendFlags::MORE | SendFlags::NOSIGNAL,
                )?)
            }

            #[cfg(not(target_os = "linux"))]
            fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
                self.write(bytes)
            }

            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                <$type>::shutdown(self, how)
            }

            fn set_abort_on_close(&self) {
                // A socket that can't even do this is broken, and has nothing left to lose.
                let _ = socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO));
            }
        }
    };
}

tcp_socket!(TcpStream);
tcp_socket!(mio::net::TcpStream);

/// Accepts one connection as a non-blocking socket. Whether it waits is the listener's mode.
#[cfg(target_os = "linux")]
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (socket, peer) = acceptfrom_with(listener, flags)?;
    let peer = peer.ok_or(io::ErrorKind::ConnectionAborted)?;
    Ok((socket.into(), SocketAddr::try_from(peer)?))
}

/// Accepts one connection as a non-blocking socket. Whether it waits is the listener's mode.
#[cfg(not(target_os = "linux"))]
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, peer))
}

/// Whether a connection waits to be accepted. An error counts as none: accept says what it is.
#[cfg(any(unix, windows))]
pub(crate) fn is_awaited(listener: &TcpListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut listeners = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut listeners, Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// Whether an error of accept speaks of a connection that is gone already, or one of a UDP socket of a
/// datagram that was sent earlier (ICMP), so that the next can be taken at once.
///
/// Linux hands over errors that are pending on the new connection (accept(2), *Error handling*).
pub(crate) fn is_about_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted,
        NetworkDown, NetworkUnreachable, NotConnected, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
    ) || is_pending_protocol_error(error)
}

#[cfg(target_os = "linux")]
fn is_pending_protocol_error(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let pending = [
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::PERM,
    ];
    Errno::from_io_error(error).is_some_and(|errno| pending.contains(&errno))
}

#[cfg(not(target_os = "linux"))]
fn is_pending_protocol_error(_: &io::Error) -> bool {
    false
}

macro_rules! udp_socket {
    ($type:ty) => {
        impl private::UdpSocket for $type {
            #[cfg(target_os = "linux")]
            fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
                use rustix::net::{RecvFlags, recvfrom};
                let (_, len, from) = recvfrom(self, buffer, RecvFlags::TRUNC)?;
                let from = from.ok_or(io::ErrorKind::AddrNotAvailable)?;
                Ok(Datagram {
                    len,
                    from: SocketAddr::try_from(from)?,
                    local: Local::default(),
                })
            }

            #[cfg(not(target_os = "linux"))]
            fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
                /// WSAEMSGSIZE: Windows cut a datagram. It doesn't say whose.
                const MESSAGE_SIZE: i32 = 10040;
                let (len, from) = match self.recv_from(buffer) {
                    Err(error) if cfg!(windows) && error.raw_os_error() == Some(MESSAGE_SIZE) => {
                        let unknown = (std::net::Ipv4Addr::UNSPECIFIED, 0).into();
                        (buffer.len() + 1, unknown)
                    }
                    other => other?,
                };
                Ok(Datagram {
                    len,
                    from,
                    local: Local::default(),
                })
            }

            fn send_to(&self, datagram: &[u8], to: SocketAddr, _via: Local) -> io::Result<()> {
                <$type>::send_to(self, datagram, to).map(|_whole| ())
            }

            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$type>::local_addr(self)
            }
        }
    };
}

udp_socket!(UdpSocket);
udp_socket!(mio::net::UdpSocket);
