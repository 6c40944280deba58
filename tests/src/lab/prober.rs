//! The probe's sockets on a stack, and the SYN that no socket would send.
//!
//! Both labs lend these to the checks. What is between them and the server, they don't know.

use std::net::SocketAddr;
use std::task::Poll;

use embedded_io::{Error as _, ErrorKind};
use greet_core::probe::{Dial, LabError};
use greet_core::transport::{Datagrams as _, Local};
use greet_smoltcp::datagrams::Binding;
use greet_smoltcp::net::{Clients, Net};
use greet_smoltcp::storage::{TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::phy::{ChecksumCapabilities, Device, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use super::subject::{PLACES, TCP_PORT, UDP_PORT};
use crate::loopback::leak;

/// One more connection than the server has places.
const SLOTS: usize = PLACES + 1;

/// Sockets of a stack: some slots take longer to close than others.
pub(super) const SOCKETS: usize = PLAIN + TIGHT + 1;
const PLAIN: usize = 24;
const TIGHT: usize = 2;

/// A window of so many bytes is tiny: the longest reply needs four of them. It is no tinier, as
/// smoltcp 0.14 doesn't look at window updates in LAST-ACK (its pull request 1126): there each
/// window may cost a probe, which comes after a second.
const WINDOW: usize = 300;

/// Connections by slot, and a UDP socket.
pub(super) struct Prober {
    server: Ipv4Address,
    plain: Clients,
    tight: Clients,
    outbox: Binding,
    slots: [Option<Connection>; SLOTS],
}

impl Prober {
    /// Takes its sockets from this stack, to ask the server at this address.
    pub(super) fn new(net: &mut Net<'static>, server: Ipv4Address) -> Self {
        let plain = leak(TcpBuffers::<PLAIN, 1024, 2048>::new());
        let tight = leak(TcpBuffers::<TIGHT, WINDOW, 2048>::new());
        let outbox = leak(UdpBuffers::<64, 18_000, 18_000>::new());
        Self {
            server,
            plain: net.add_clients(plain).expect("room"),
            tight: net.add_clients(tight).expect("room"),
            outbox: net.bind(outbox, 0).expect("room"),
            slots: [const { None }; SLOTS],
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn connect(
        &mut self,
        net: &mut Net<'static>,
        slot: usize,
        dial: Dial,
    ) -> Result<(), LabError> {
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        let clients = match dial {
            Dial::Plain => &self.plain,
            Dial::Tight => &self.tight,
        };
        let server = SocketAddr::from((self.server, TCP_PORT));
        let connected = net.connect_with(clients, server);
        *place = Some(connected.map_err(|_| ErrorKind::OutOfMemory)?);
        Ok(())
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
    ) -> Poll<Result<(), LabError>> {
        let receiver = SocketAddr::from((self.server, UDP_PORT));
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
        self.outbox
            .on(net)
            .receive_from(buffer)
            .map_ok(|datagram| datagram.len)
            .map_err(|error| error.kind())
    }
}

/// Puts a SYN on the wire whose SYN-ACK nobody answers, as it comes from nobody's address, or as
/// whoever has it is silent.
///
/// # Errors
///
/// The device has no room.
pub fn send_syn(
    device: &mut impl Device,
    from: Ipv4Address,
    to: Ipv4Address,
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
    let token = device
        .transmit(Instant::ZERO)
        .ok_or(ErrorKind::OutOfMemory)?;
    send_segment(token, from, to, &tcp);
    Ok(())
}

/// Puts a segment on the wire.
pub fn send_segment(token: impl TxToken, from: Ipv4Address, to: Ipv4Address, tcp: &TcpRepr<'_>) {
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let checksums = ChecksumCapabilities::default();
    token.consume(ip.buffer_len() + ip.payload_len, |frame| {
        let mut packet = Ipv4Packet::new_unchecked(frame);
        ip.emit(&mut packet, &checksums);
        let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
        tcp.emit(&mut segment, &from.into(), &to.into(), &checksums);
    });
}
