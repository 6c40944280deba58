//! The probe's sockets on a stack, and the SYN that no socket would send.
//!
//! Both labs lend these to the checks. What is between them and the server, they don't know.

use std::net::SocketAddr;
use std::task::Poll;

use embedded_io::{Error as _, ErrorKind};
use greet_core::probe::{Dial, Mode, StackError};
use greet_core::transport::{Datagrams as _, Local};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::net::{Clients, Net};
use greet_smoltcp::storage::{TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol, IpRepr,
    IpVersion, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use super::leak;
use super::subject::{LINES_PORT, PLACES, TCP_PORT, UDP_PORT};

/// One more connection than the server has places.
const SLOTS: usize = PLACES + 1;

/// Sockets of a stack: some slots take longer to close than others.
pub(super) const SOCKETS: usize = PLAIN + SMALL + 1;
const PLAIN: usize = 24;
const SMALL: usize = 2;

/// A window of so many bytes is tiny: the longest reply needs four of them. It is no tinier, as
/// smoltcp 0.14 doesn't look at window updates in LAST-ACK (its pull request 1126): there each
/// window may cost a probe, which comes after a second.
const WINDOW: usize = 300;

/// Connections by slot, and a UDP socket.
pub(super) struct Prober {
    server: IpAddress,
    plain: Clients,
    small: Clients,
    outbox: Binding,
    slots: [Option<Connection>; SLOTS],
    /// The port of the connection in each slot, or of the one that was there.
    ports: [u16; SLOTS],
}

impl Prober {
    /// Takes its sockets from this stack, to ask the server at this address.
    pub(super) fn new(net: &mut Net<'static>, server: IpAddress) -> Self {
        let plain = leak(TcpBuffers::<PLAIN, 1024, 2048>::new());
        let small = leak(TcpBuffers::<SMALL, WINDOW, 2048>::new());
        let outbox = leak(UdpBuffers::<64, 72_000, 72_000>::new());
        Self {
            server,
            plain: net.add_clients(plain).expect("room"),
            small: net.add_clients(small).expect("room"),
            outbox: net.bind(outbox, 0).expect("room"),
            slots: [const { None }; SLOTS],
            ports: [0; SLOTS],
        }
    }

    pub(super) fn server(&self) -> IpAddress {
        self.server
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn connect(
        &mut self,
        net: &mut Net<'static>,
        slot: usize,
        mode: Mode,
        dial: Dial,
    ) -> Result<(), StackError> {
        let server = self.address(mode);
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let clients = match dial {
            Dial::Plain => &self.plain,
            Dial::SmallWindow => &self.small,
        };
        let connected = net.connect_with(clients, server);
        let connection = connected.map_err(|_| ErrorKind::OutOfMemory)?;
        self.ports[slot] = net.local_port(&connection).unwrap_or(0);
        *place = Some(connection);
        Ok(())
    }

    pub(super) fn connect_again(
        &mut self,
        net: &mut Net<'static>,
        slot: usize,
        mode: Mode,
    ) -> Result<(), StackError> {
        let server = self.address(mode);
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let connected = net.connect_from(&self.plain, server, self.ports[slot]);
        // The socket that had it may not be done yet.
        *place = Some(connected.map_err(|_| ErrorKind::AddrInUse)?);
        Ok(())
    }

    fn address(&self, mode: Mode) -> SocketAddr {
        let port = match mode {
            Mode::Name => TCP_PORT,
            Mode::Lines => LINES_PORT,
        };
        SocketAddr::new(self.server.into(), port)
    }

    pub(super) fn connection(&self, slot: usize) -> Option<&Connection> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn take(&mut self, slot: usize) -> Option<Connection> {
        self.slots.get_mut(slot)?.take()
    }

    pub(super) fn send_datagram(
        &self,
        net: &mut Net<'static>,
        datagram: &[u8],
    ) -> Poll<Result<(), StackError>> {
        let receiver = SocketAddr::new(self.server.into(), UDP_PORT);
        self.outbox
            .on(net)
            .send_to(datagram, receiver, Local::default())
            .map_err(|error| error.kind().into())
    }

    pub(super) fn receive_datagram(
        &self,
        net: &mut Net<'static>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let receiver = SocketAddr::new(self.server.into(), UDP_PORT);
        self.outbox
            .on(net)
            .receive_from(buffer)
            .map_ok(|datagram| {
                assert_eq!(datagram.from, receiver, "somebody else answered");
                datagram.len
            })
            .map_err(|error| error.kind())
    }
}

/// The hardware address of both sides, where there is one.
pub(super) const HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

/// Puts a SYN on the wire whose SYN-ACK nobody answers, as it comes from nobody's address, or as
/// whoever has it is silent.
///
/// # Errors
///
/// The device has no room.
pub fn send_syn(
    device: &mut impl Device,
    from: IpAddress,
    to: IpAddress,
    port: u16,
) -> Result<(), ErrorKind> {
    let tcp = TcpRepr {
        src_port: port,
        dst_port: TCP_PORT,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(i32::from(port)),
        ack_number: None,
        window_len: 1024,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let capabilities = device.capabilities();
    let token = device
        .transmit(Instant::ZERO)
        .ok_or(ErrorKind::OutOfMemory)?;
    send_segment(token, &capabilities, from, to, &tcp);
    Ok(())
}

/// Puts a segment on the wire of a device that is capable of this.
pub fn send_segment(
    token: impl TxToken,
    capabilities: &DeviceCapabilities,
    from: IpAddress,
    to: IpAddress,
    tcp: &TcpRepr<'_>,
) {
    let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
    let ethernet = EthernetRepr {
        src_addr: HARDWARE,
        dst_addr: HARDWARE,
        ethertype: match to.version() {
            IpVersion::Ipv4 => EthernetProtocol::Ipv4,
            IpVersion::Ipv6 => EthernetProtocol::Ipv6,
        },
    };
    let header = match capabilities.medium {
        Medium::Ethernet => ethernet.buffer_len(),
        Medium::Ip => 0,
    };
    token.consume(header + ip.buffer_len(), |frame| {
        let (header, packet) = frame.split_at_mut(header);
        if !header.is_empty() {
            ethernet.emit(&mut EthernetFrame::new_unchecked(header));
        }
        let checksums = &capabilities.checksum;
        ip.emit(&mut *packet, checksums);
        let mut segment = TcpPacket::new_unchecked(&mut packet[ip.header_len()..]);
        tcp.emit(&mut segment, &from, &to, checksums);
    });
}

#[cfg(test)]
mod tests {
    use greet_smoltcp::loopback::Loopback;
    use smoltcp::phy::{ChecksumCapabilities, RxToken as _};
    use smoltcp::wire::{Ipv4Packet, Ipv6Packet};

    use super::*;

    /// A SYN that the stack throws away as malformed would harm nobody, and prove nothing.
    #[test]
    fn a_syn_is_well_formed() {
        let v4 = [IpAddress::v4(192, 0, 2, 99), IpAddress::v4(192, 0, 2, 1)];
        let v6 = [99, 1].map(|host| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, host));
        for (medium, [from, to]) in [Medium::Ip, Medium::Ethernet]
            .into_iter()
            .flat_map(|medium| [(medium, v4), (medium, v6)])
        {
            let mut device = Loopback::<4, 1514>::new(medium);
            send_syn(&mut device, from, to, 20_000).expect("room");
            let (token, _) = device.receive(Instant::ZERO).expect("a frame");
            token.consume(|frame| {
                let packet = match medium {
                    Medium::Ethernet => {
                        let frame = EthernetFrame::new_checked(frame).expect("a frame");
                        assert_eq!(frame.dst_addr(), HARDWARE);
                        frame.payload().to_vec()
                    }
                    Medium::Ip => frame.to_vec(),
                };
                let segment = match to.version() {
                    IpVersion::Ipv4 => {
                        let packet = Ipv4Packet::new_checked(&packet[..]).expect("a packet");
                        assert!(packet.verify_checksum());
                        packet.payload().to_vec()
                    }
                    IpVersion::Ipv6 => {
                        let packet = Ipv6Packet::new_checked(&packet[..]).expect("a packet");
                        packet.payload().to_vec()
                    }
                };
                let segment = TcpPacket::new_checked(&segment[..]).expect("a segment");
                let checksums = ChecksumCapabilities::default();
                let syn = TcpRepr::parse(&segment, &from, &to, &checksums).expect("all is right");
                assert_eq!(syn.control, TcpControl::Syn);
                assert_eq!((syn.src_port, syn.dst_port), (20_000, TCP_PORT));
            });
        }
    }
}
