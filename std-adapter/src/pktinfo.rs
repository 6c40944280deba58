//! Which of this machine's addresses a datagram asked, and answers that leave from it (`IP_PKTINFO` of
//! ip(7), `IPV6_RECVPKTINFO` of ipv6(7)); Linux.
//!
//! A socket that is bound to all addresses would answer from the one that the system likes best, and a
//! client that is connected hears nothing. `rustix` has no control messages for it.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd};

use greet_core::transport::{Datagram, Local};
use nix::cmsg_space;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
};

/// A piece that was received: of one datagram, or of several of the same length.
pub(crate) struct Piece {
    /// As one datagram.
    pub(crate) whole: Datagram,
    /// How long each is, but for the last, if the system says that there are several (`UDP_GRO`).
    pub(crate) segment: Option<usize>,
}

/// Lets the system say which address each datagram asked. Where it doesn't, it chooses from where
/// answers leave.
pub(crate) fn enable(socket: &impl AsFd) {
    // Either is refused by a socket of the other family; one for both families takes both.
    let _ = setsockopt(socket, Ipv4PacketInfo, &true);
    let _ = setsockopt(socket, Ipv6RecvPacketInfo, &true);
}

/// Receives what is next. Its length is that of what came, also if `buffer` has less room.
pub(crate) fn receive(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<Piece> {
    let mut control = cmsg_space!(i32, in_pktinfo, in6_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let piece = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_TRUNC,
    )?;
    let mut segment = None;
    let mut local = Local::default();
    for message in piece.cmsgs()? {
        match message {
            ControlMessageOwned::UdpGroSegments(len) => segment = usize::try_from(len).ok(),
            ControlMessageOwned::Ipv4PacketInfo(info) => local = of_ipv4(info),
            // Over a socket for both families, this comes as well for IPv4, and knows less.
            ControlMessageOwned::Ipv6PacketInfo(info) if local.address.is_none() => {
                local = of_ipv6(info);
            }
            _ => {}
        }
    }
    let from = piece.address.and_then(socket_address);
    let whole = Datagram {
        len: piece.bytes,
        from: from.ok_or(io::ErrorKind::AddrNotAvailable)?,
        local,
    };
    Ok(Piece { whole, segment })
}

/// Sends a datagram from the address that `via` has. The interface is left to the system's routes,
/// unless only its number makes the address unique.
pub(crate) fn send(
    socket: &impl AsRawFd,
    datagram: &[u8],
    to: SocketAddr,
    via: Local,
) -> io::Result<()> {
    let parts = [IoSlice::new(datagram)];
    let to = SockaddrStorage::from(to);
    let send = |control: &[ControlMessage<'_>]| {
        let descriptor = socket.as_raw_fd();
        sendmsg(descriptor, &parts, control, MsgFlags::empty(), Some(&to)).map(|_whole| ())
    };
    let interface = via.interface.map_or(0, NonZeroU32::get);
    Ok(match via.address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => send(&[ControlMessage::Ipv4PacketInfo(&in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: in_addr {
                s_addr: u32::from_ne_bytes(address.octets()),
            },
            ipi_addr: in_addr { s_addr: 0 },
        })]),
        Some(IpAddr::V6(address)) => send(&[ControlMessage::Ipv6PacketInfo(&in6_pktinfo {
            ipi6_addr: in6_addr {
                s6_addr: address.octets(),
            },
            ipi6_ifindex: if address.is_unicast_link_local() {
                interface
            } else {
                0
            },
        })]),
        None => send(&[]),
    }?)
}

/// `ipi_spec_dst` is the address of ours that was asked, or that of the interface on which a broadcast
/// or a multicast came.
fn of_ipv4(info: in_pktinfo) -> Local {
    let address = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
    Local {
        address: (!address.is_unspecified()).then_some(address.into()),
        interface: u32::try_from(info.ipi_ifindex)
            .ok()
            .and_then(NonZeroU32::new),
    }
}

/// Of a multicast, there is only the address to which it went, from which nothing can be sent.
fn of_ipv6(info: in6_pktinfo) -> Local {
    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    Local {
        address: (!address.is_multicast()).then_some(address.into()),
        interface: NonZeroU32::new(info.ipi6_ifindex),
    }
}

fn socket_address(from: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || {
        from.as_sockaddr_in()
            .map(|&v4| SocketAddrV4::from(v4).into())
    };
    let v6 = || {
        from.as_sockaddr_in6()
            .map(|&v6| SocketAddrV6::from(v6).into())
    };
    v4().or_else(v6)
}
