//! What a packet says: its ends, its flags, its numbers, its payload. Ladders and rules read it.
//!
//! It knows TCP segments and UDP datagrams in IP packets; whatever else a frame is, it is none.

use smoltcp::phy::Medium;
use smoltcp::wire::{
    IpEndpoint, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, TcpSeqNumber, UdpPacket,
};

use crate::packet;

/// A TCP segment or a UDP datagram.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// From which address and port.
    pub from: IpEndpoint,
    /// To which address and port.
    pub to: IpEndpoint,
    /// What its TCP header says; a datagram has none.
    pub tcp: Option<TcpHeader>,
    /// What it carries.
    pub payload: &'a [u8],
}

/// The flags and numbers of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// The sequence number.
    pub seq: TcpSeqNumber,
    /// What it acknowledges, if its flag ACK is set.
    pub ack: Option<TcpSeqNumber>,
    /// It opens one direction.
    pub syn: bool,
    /// It closes one direction.
    pub fin: bool,
    /// It ends the connection at once.
    pub rst: bool,
    /// How many bytes its sender has room for, not scaled.
    pub window: u16,
}

impl<'a> Segment<'a> {
    /// Reads a frame. `None`: it is neither TCP nor UDP, or cut off, or a fragment.
    pub fn read(medium: Medium, frame: &'a [u8]) -> Option<Self> {
        let ip = packet::ip(medium, frame);
        let (protocol, from, to, payload) = match ip.first()? >> 4 {
            4 => {
                let packet = Ipv4Packet::new_checked(ip).ok()?;
                if packet.frag_offset() > 0 {
                    return None;
                }
                let ends = (packet.src_addr().into(), packet.dst_addr().into());
                (packet.next_header(), ends.0, ends.1, packet.payload())
            }
            6 => {
                let packet = Ipv6Packet::new_checked(ip).ok()?;
                let ends = (packet.src_addr().into(), packet.dst_addr().into());
                (packet.next_header(), ends.0, ends.1, packet.payload())
            }
            _ => return None,
        };
        match protocol {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(payload).ok()?;
                let header = usize::from(tcp.header_len());
                Some(Self {
                    from: IpEndpoint::new(from, tcp.src_port()),
                    to: IpEndpoint::new(to, tcp.dst_port()),
                    tcp: Some(TcpHeader {
                        seq: tcp.seq_number(),
                        ack: tcp.ack().then(|| tcp.ack_number()),
                        syn: tcp.syn(),
                        fin: tcp.fin(),
                        rst: tcp.rst(),
                        window: tcp.window_len(),
                    }),
                    payload: payload.get(header..)?,
                })
            }
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(payload).ok()?;
                Some(Self {
                    from: IpEndpoint::new(from, udp.src_port()),
                    to: IpEndpoint::new(to, udp.dst_port()),
                    tcp: None,
                    payload: udp.payload(),
                })
            }
            _ => None,
        }
    }

    /// Whether it opens a connection: SYN without ACK.
    pub fn is_syn(&self) -> bool {
        self.tcp.is_some_and(|tcp| tcp.syn && tcp.ack.is_none())
    }

    /// Whether it answers one that does: SYN with ACK.
    pub fn is_syn_ack(&self) -> bool {
        self.tcp.is_some_and(|tcp| tcp.syn && tcp.ack.is_some())
    }
}
