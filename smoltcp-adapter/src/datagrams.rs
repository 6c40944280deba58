//! Core's `Datagrams` over one UDP socket.

use core::fmt;
use core::net::SocketAddr;
use core::task::Poll;

use embedded_io::ErrorType;
use greet_core::transport::{self, Datagram, Local};
use smoltcp::iface::Interface;
use smoltcp::socket::udp::{self, UdpMetadata};
use smoltcp::wire::IpAddress;

use crate::address;
use crate::error::DatagramError;
use crate::net::Net;
use crate::pace::Pace;

pub use crate::handles::Binding;

const UDP_HEADER: usize = 8;

/// A UDP socket, for as long as it is looked at.
pub struct Datagrams<'n, 'a> {
    /// `None`: the binding is another stack's.
    socket: Option<&'n mut udp::Socket<'a>>,
    interface: &'n Interface,
    pace: &'n mut Pace,
    mtu: usize,
}

impl Binding {
    /// The port, also when the stack chose it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lends the socket.
    pub fn on<'n, 'a>(&self, net: &'n mut Net<'a>) -> Datagrams<'n, 'a> {
        let mtu = net.mtu();
        let (interface, socket, pace) = net.udp(self.slot);
        Datagrams {
            socket,
            interface,
            pace,
            mtu,
        }
    }
}

impl ErrorType for Datagrams<'_, '_> {
    type Error = DatagramError;
}

impl transport::Datagrams for Datagrams<'_, '_> {
    fn receive_from(&mut self, buffer: &mut [u8]) -> Poll<Result<Datagram, DatagramError>> {
        // Not recv_slice, which throws away what is longer than the buffer.
        let Some(Ok((datagram, meta))) = self.socket.as_mut().map(|socket| socket.recv()) else {
            return Poll::Pending;
        };
        for (to, from) in buffer.iter_mut().zip(datagram) {
            *to = *from;
        }
        Poll::Ready(Ok(Datagram {
            len: datagram.len(),
            from: meta.endpoint.into(),
            local: Local {
                // Not one of broadcast or multicast.
                address: meta
                    .local_address
                    .filter(|address| self.interface.has_ip_addr(*address))
                    .map(Into::into),
                interface: None,
            },
        }))
    }

    fn send_to(
        &mut self,
        datagram: &[u8],
        to: SocketAddr,
        via: Local,
    ) -> Poll<Result<(), DatagramError>> {
        let Some(socket) = &mut self.socket else {
            return Poll::Pending;
        };
        let Some(to) = address::endpoint(to) else {
            return Poll::Ready(Err(DatagramError::Address));
        };
        let bound = socket.endpoint().addr;
        let from = [via.address.and_then(address::ip), bound]
            .into_iter()
            .flatten()
            // Of the same version, and no broadcast or multicast address.
            .find(|from| from.version() == to.addr.version() && self.interface.has_ip_addr(*from))
            .or_else(|| self.interface.get_source_address(&to.addr));
        if from.is_none() {
            return Poll::Ready(Err(DatagramError::Address));
        }
        // smoltcp would take a datagram that is longer than the MTU, and then drop it.
        let headers = UDP_HEADER + ip_header(to.addr);
        let max = self
            .mtu
            .saturating_sub(headers)
            .min(socket.payload_send_capacity());
        if datagram.len() > max {
            return Poll::Ready(Err(DatagramError::TooLong { max }));
        }
        let mut meta = UdpMetadata::from(to);
        meta.local_address = from;
        match socket.send_slice(datagram, meta) {
            Ok(()) => {
                self.pace.given = true;
                Poll::Ready(Ok(()))
            }
            Err(udp::SendError::BufferFull) => Poll::Pending,
            Err(udp::SendError::Unaddressable) => Poll::Ready(Err(DatagramError::Address)),
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        // A socket of another stack answers nobody; an address that smoltcp was built without is
        // nobody's here.
        self.socket.as_ref().is_none_or(|socket| {
            let canonical = SocketAddr::new(address.ip().to_canonical(), address.port());
            address::endpoint(canonical).is_some_and(|address| {
                address.port == socket.endpoint().port && self.interface.has_ip_addr(address.addr)
            })
        })
    }
}

fn ip_header(to: IpAddress) -> usize {
    match to {
        #[cfg(feature = "proto-ipv4")]
        IpAddress::Ipv4(_) => smoltcp::wire::IPV4_HEADER_LEN,
        #[cfg(feature = "proto-ipv6")]
        IpAddress::Ipv6(_) => smoltcp::wire::IPV6_HEADER_LEN,
    }
}

impl fmt::Debug for Datagrams<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams")
            .field(
                "endpoint",
                &self.socket.as_ref().map(|socket| socket.endpoint()),
            )
            .finish_non_exhaustive()
    }
}
