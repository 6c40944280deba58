//! What differs between systems: the fast paths of Linux, and what stands in for them elsewhere.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};

use greet_core::transport::{Datagram, Local};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

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
        /// How many bytes one segment of this connection carries, as far as the system tells.
        fn max_segment(&self) -> Option<usize>;
        /// Makes the close that follows send RST.
        fn set_abort_on_close(&self);
    }

    /// A bound UDP socket.
    pub trait UdpSocket {
        /// Takes a datagram, and says how long it was: also if it is longer than the buffer, where
        /// the system tells.
        fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram>;
        /// Sends a datagram from the address that `via` has, where the system lets it be chosen.
        fn send_to(&self, datagram: &[u8], to: SocketAddr, via: Local) -> io::Result<()>;
        fn local_addr(&self) -> io::Result<SocketAddr>;
        /// How many datagrams the system dropped for want of room, modulo 2³²; 0 where it doesn't tell.
        fn dropped(&self) -> u32;
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

            #[cfg(target_os = "linux")]
            fn max_segment(&self) -> Option<usize> {
                let size = socket2::SockRef::from(self).tcp_mss().ok()?;
                usize::try_from(size).ok()
            }

            #[cfg(not(target_os = "linux"))]
            fn max_segment(&self) -> Option<usize> {
                None
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
    stream.set_nodelay(true)?;
    Ok((stream, peer))
}

/// Leaves urgent data in its place in the stream (RFC 6093, section 6), for a connection, or for all that a listener
/// accepts. Where a system doesn't know of it, as lwIP doesn't, it is there anyway.
pub(crate) fn take_urgent_inline<'a>(socket: impl Into<socket2::SockRef<'a>>) {
    let _ = socket.into().set_out_of_band_inline(true);
}

/// Whether a connection waits to be accepted.
pub(crate) fn is_awaited(listener: &TcpListener) -> bool {
    has_client(listener, Some(&Timespec::default()))
}

/// Waits until a connection waits to be accepted. `false`: none will, as the listener was shut down,
/// or the system can't tell.
pub(crate) fn wait_for_client(listener: &TcpListener) -> bool {
    has_client(listener, None)
}

fn has_client(listener: &TcpListener, timeout: Option<&Timespec>) -> bool {
    let mut listeners = [PollFd::new(listener, PollFlags::IN)];
    let polled = rustix::io::retry_on_intr(|| poll(&mut listeners, timeout));
    let seen = listeners[0].revents();
    polled.is_ok() && seen.intersects(PollFlags::IN) && !seen.intersects(PollFlags::HUP)
}

macro_rules! udp_socket {
    ($type:ty) => {
        impl private::UdpSocket for $type {
            #[cfg(target_os = "linux")]
            fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
                crate::pktinfo::receive(self, buffer).map(|piece| piece.whole)
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

            #[cfg(target_os = "linux")]
            fn send_to(&self, datagram: &[u8], to: SocketAddr, via: Local) -> io::Result<()> {
                crate::pktinfo::send(self, datagram, to, via)
            }

            #[cfg(not(target_os = "linux"))]
            fn send_to(&self, datagram: &[u8], to: SocketAddr, _via: Local) -> io::Result<()> {
                <$type>::send_to(self, datagram, to).map(|_whole| ())
            }

            fn local_addr(&self) -> io::Result<SocketAddr> {
                <$type>::local_addr(self)
            }

            #[cfg(target_os = "linux")]
            fn dropped(&self) -> u32 {
                use nix::sys::socket::getsockopt;
                // Before Linux 4.12 there is no such option.
                let figures = getsockopt(self, memory::Figures).unwrap_or_default();
                figures[memory::DROPS]
            }

            #[cfg(not(target_os = "linux"))]
            fn dropped(&self) -> u32 {
                0
            }
        }
    };
}

udp_socket!(UdpSocket);
udp_socket!(mio::net::UdpSocket);

/// Gives a socket a receive buffer beyond what everybody gets. `false`: the process may not.
#[cfg(target_os = "linux")]
pub(crate) fn force_receive_buffer(socket: &UdpSocket, bytes: usize) -> bool {
    use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
    setsockopt(socket, RcvBufForce, &bytes).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn force_receive_buffer(_: &UdpSocket, _: usize) -> bool {
    false
}

#[cfg(target_os = "linux")]
mod memory {
    //! What Linux says about a socket's memory (`SO_MEMINFO`), which no library offers. `SO_RXQ_OVFL`
    //! wouldn't do: it comes with the next datagram, and after a burst there is none.

    use nix::sys::socket::sockopt::GetStruct;
    use nix::{getsockopt_impl, libc};

    /// Where in it the number of dropped datagrams stands.
    pub(super) const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;

    #[derive(Clone, Copy)]
    pub(super) struct Figures;

    getsockopt_impl!(
        Figures,
        libc::SOL_SOCKET,
        libc::SO_MEMINFO,
        [u32; DROPS + 1],
        GetStruct<[u32; DROPS + 1]>
    );
}
