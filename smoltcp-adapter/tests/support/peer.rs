//! A TCP peer that is written segment by segment, to do what no stack would do.

use std::collections::VecDeque;

use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    IpAddress, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet, Ipv6Packet, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

/// Our address, and that of every peer.
pub(crate) const HOST: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
pub(crate) const PEER: Ipv4Address = Ipv4Address::new(192, 0, 2, 2);

/// A device whose other end is in the test's hands.
pub(crate) struct Tap {
    /// Its frames have Ethernet headers.
    pub(crate) is_ethernet: bool,
    pub(crate) checksums: ChecksumCapabilities,
    pub(crate) incoming: VecDeque<Vec<u8>>,
    pub(crate) outgoing: Vec<Vec<u8>>,
    /// It takes no frame, and so gives none.
    pub(crate) full: bool,
    /// The largest frame.
    pub(crate) mtu: usize,
}

impl Default for Tap {
    fn default() -> Self {
        Self {
            is_ethernet: false,
            checksums: ChecksumCapabilities::default(),
            incoming: VecDeque::new(),
            outgoing: Vec::new(),
            full: false,
            mtu: 1500,
        }
    }
}

pub(crate) struct Taken(Vec<u8>);
pub(crate) struct Given<'t>(&'t mut Vec<Vec<u8>>);

impl Device for Tap {
    type RxToken<'t> = Taken;
    type TxToken<'t> = Given<'t>;

    fn receive(&mut self, _: Instant) -> Option<(Taken, Given<'_>)> {
        if self.full {
            return None;
        }
        let frame = self.incoming.pop_front()?;
        Some((Taken(frame), Given(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Given<'_>> {
        (!self.full).then_some(Given(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = if self.is_ethernet {
            Medium::Ethernet
        } else {
            Medium::Ip
        };
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = self.checksums.clone();
        capabilities
    }
}

impl RxToken for Taken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Given<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.push(frame);
        result
    }
}

/// A segment from us to a peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) to: u16,
    pub(crate) control: TcpControl,
    pub(crate) payload: Vec<u8>,
}

/// One peer, known by its port.
pub(crate) struct Peer {
    /// Its address and ours.
    pub(crate) addresses: [IpAddress; 2],
    pub(crate) port: u16,
    /// Our port, to which it sends.
    pub(crate) to: u16,
    /// What it sends next, and what it expects next.
    pub(crate) seq: TcpSeqNumber,
    pub(crate) ack: Option<TcpSeqNumber>,
    pub(crate) window: u16,
    pub(crate) mss: u16,
}

impl Peer {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            addresses: [PEER.into(), HOST.into()],
            port,
            to: 8000,
            seq: TcpSeqNumber(1_000),
            ack: None,
            window: 8192,
            mss: 1460,
        }
    }

    /// Puts a segment on the wire.
    pub(crate) fn send(&mut self, tap: &mut Tap, control: TcpControl, payload: &[u8]) {
        let tcp = TcpRepr {
            src_port: self.port,
            dst_port: self.to,
            control,
            seq_number: self.seq,
            ack_number: self.ack,
            window_len: self.window,
            window_scale: None,
            max_seg_size: (control == TcpControl::Syn).then_some(self.mss),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload,
        };
        let [from, to] = self.addresses;
        let ip = IpRepr::new(from, to, IpProtocol::Tcp, tcp.buffer_len(), 64);
        let checksums = ChecksumCapabilities::default();
        let mut frame = vec![0; ip.header_len() + tcp.buffer_len()];
        ip.emit(&mut frame, &checksums);
        let mut segment = TcpPacket::new_unchecked(&mut frame[ip.header_len()..]);
        tcp.emit(&mut segment, &from, &to, &checksums);
        tap.incoming.push_back(frame);
        self.seq += tcp.segment_len();
    }

    /// Takes what was sent to it off the wire, and expects what comes after.
    pub(crate) fn take(&mut self, tap: &mut Tap) -> Vec<Segment> {
        let mut segments = Vec::new();
        tap.outgoing.retain(|frame| {
            let [to, from] = self.addresses;
            let payload = match to {
                IpAddress::Ipv4(_) => Ipv4Packet::new_checked(frame).expect("IPv4").payload(),
                IpAddress::Ipv6(_) => Ipv6Packet::new_checked(frame).expect("IPv6").payload(),
            };
            let packet = TcpPacket::new_checked(payload).expect("TCP");
            let tcp = TcpRepr::parse(&packet, &from, &to, &ChecksumCapabilities::default());
            let tcp = tcp.expect("a good checksum");
            if tcp.dst_port != self.port {
                return true;
            }
            if tcp.control != TcpControl::Rst {
                let end = tcp.seq_number + tcp.segment_len();
                self.ack = Some(self.ack.map_or(end, |ack| ack.max(end)));
            }
            segments.push(Segment {
                to: tcp.dst_port,
                control: tcp.control,
                payload: tcp.payload.to_vec(),
            });
            false
        });
        segments
    }
}
