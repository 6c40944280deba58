//! A frame that came from the board, taken apart as far as a check may want it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use greet_core::time::Instant;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4Message,
    Icmpv4Packet, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv4Packet, Ipv6Packet,
    NdiscNeighborFlags, NdiscRepr, UdpPacket,
};

use super::craft::ETHERNET;
use super::segment::Segment;

/// A frame from the board.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it came.
    pub time: Instant,
    /// From which hardware address.
    pub from: EthernetAddress,
    /// To which.
    pub to: EthernetAddress,
    /// What it says.
    pub said: Said,
    /// The frame, without a VLAN tag.
    pub frame: Vec<u8>,
    /// Which one of the recording it is.
    pub(crate) number: u64,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// ARP over Ethernet and IPv4.
    Arp {
        /// What it is.
        operation: ArpOperation,
        /// Who has which addresses.
        source: (EthernetAddress, Ipv4Addr),
        /// Who is asked, or answered.
        target: (EthernetAddress, Ipv4Addr),
    },
    /// An echo request or reply of either version.
    Echo {
        /// Which of both.
        is_reply: bool,
        /// From whom to whom.
        ends: (IpAddr, IpAddr),
        /// Its identifier.
        ident: u16,
        /// Its sequence number.
        number: u16,
        /// What it carries.
        data: Vec<u8>,
    },
    /// Somebody looks for a neighbor.
    Solicit {
        /// From whom.
        from: Ipv6Addr,
        /// Who is looked for.
        target: Ipv6Addr,
    },
    /// A neighbor says where it is.
    Advert {
        /// To whom.
        to: Ipv6Addr,
        /// Who it is.
        target: Ipv6Addr,
        /// Its flags.
        flags: NdiscNeighborFlags,
        /// Its hardware address, if it says so.
        hardware: Option<EthernetAddress>,
        /// Its hop limit.
        hops: u8,
    },
    /// Any other ICMP.
    Icmp {
        /// From whom to whom.
        ends: (IpAddr, IpAddr),
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// What it quotes.
        quote: Vec<u8>,
    },
    /// A datagram.
    Udp {
        /// From whom to whom.
        ends: (IpAddr, IpAddr),
        /// From which port to which.
        ports: (u16, u16),
        /// Its text.
        text: Vec<u8>,
    },
    /// A segment of TCP.
    Tcp(Segment),
    /// Something else, or nothing that could be read.
    Other,
}

impl Heard {
    pub(crate) fn new(time: Instant, frame: Vec<u8>) -> Self {
        let header = EthernetFrame::new_unchecked(&frame[..]);
        let (from, to) = match EthernetFrame::new_checked(&frame[..]) {
            Ok(_) => (header.src_addr(), header.dst_addr()),
            Err(_) => (EthernetAddress([0; 6]), EthernetAddress([0; 6])),
        };
        let said = said(&frame).unwrap_or(Said::Other);
        Self {
            time,
            from,
            to,
            said,
            frame,
            number: 0,
        }
    }

    /// What it says, in a few words.
    pub fn words(&self) -> String {
        match &self.said {
            Said::Arp {
                operation,
                source,
                target,
            } => match operation {
                ArpOperation::Request => format!("ARP: who has {}? tell {}", target.1, source.1),
                ArpOperation::Reply => format!("ARP: {} is at {}", source.1, source.0),
                ArpOperation::Unknown(code) => format!("ARP: operation {code}"),
            },
            Said::Echo {
                is_reply,
                ident,
                number,
                data,
                ..
            } => {
                let kind = if *is_reply { "reply" } else { "request" };
                format!("echo {kind} {ident}/{number}, text of {}", data.len())
            }
            Said::Solicit { from, target } => format!("who has {target}? tell {from}"),
            Said::Advert { target, .. } => format!("{target} is at {}", self.from),
            Said::Icmp { kind, code, .. } => format!("ICMP type {kind} code {code}"),
            Said::Udp { ports, text, .. } => {
                format!("UDP {} to {}, text of {}", ports.0, ports.1, text.len())
            }
            Said::Tcp(segment) => segment.words(0, 0),
            Said::Other => match self.frame.get(12..14) {
                Some([high, low]) => format!("type {high:02x}{low:02x}, nothing that is known"),
                _ => "no frame".to_owned(),
            },
        }
    }

    /// Whether it says that nobody listens at a port, over either version.
    pub fn is_port_unreachable(&self) -> bool {
        match self.said {
            Said::Icmp {
                ends: (IpAddr::V4(_), _),
                kind,
                code,
                ..
            } => (kind, code) == (3, 3),
            Said::Icmp { kind, code, .. } => (kind, code) == (1, 4),
            _ => false,
        }
    }

    /// Whether it is the reply to this echo.
    pub fn is_reply_to(&self, wanted: (u16, u16)) -> bool {
        matches!(self.said, Said::Echo { is_reply: true, ident, number, .. } if (ident, number) == wanted)
    }
}

fn said(frame: &[u8]) -> Option<Said> {
    let header = EthernetFrame::new_checked(frame).ok()?;
    let payload = frame.get(ETHERNET..)?;
    match header.ethertype() {
        EthernetProtocol::Arp => arp(payload),
        EthernetProtocol::Ipv4 => ip4(payload),
        EthernetProtocol::Ipv6 => ip6(payload),
        EthernetProtocol::Unknown(_) => None,
    }
}

fn arp(payload: &[u8]) -> Option<Said> {
    let arp = ArpPacket::new_checked(payload).ok()?;
    let is_ours = arp.hardware_len() == 6 && arp.protocol_len() == 4;
    let pair = |hardware: &[u8], address: &[u8]| {
        let octets: [u8; 4] = address.try_into().ok()?;
        let hardware = EthernetAddress(hardware.try_into().ok()?);
        Some((hardware, Ipv4Addr::from(octets)))
    };
    is_ours.then(|| {
        Some(Said::Arp {
            operation: arp.operation(),
            source: pair(arp.source_hardware_addr(), arp.source_protocol_addr())?,
            target: pair(arp.target_hardware_addr(), arp.target_protocol_addr())?,
        })
    })?
}

fn ip4(payload: &[u8]) -> Option<Said> {
    let ip = Ipv4Packet::new_checked(payload).ok()?;
    let ends = (ip.src_addr().into(), ip.dst_addr().into());
    if ip.more_frags() || ip.frag_offset() != 0 {
        return None;
    }
    let body = payload.get(usize::from(ip.header_len())..usize::from(ip.total_len()))?;
    match ip.next_header() {
        IpProtocol::Icmp => {
            let icmp = Icmpv4Packet::new_checked(body).ok()?;
            let is_reply = icmp.msg_type() == Icmpv4Message::EchoReply;
            if is_reply || icmp.msg_type() == Icmpv4Message::EchoRequest {
                return Some(Said::Echo {
                    is_reply,
                    ends,
                    ident: icmp.echo_ident(),
                    number: icmp.echo_seq_no(),
                    data: body.get(8..)?.to_vec(),
                });
            }
            Some(Said::Icmp {
                ends,
                kind: icmp.msg_type().into(),
                code: icmp.msg_code(),
                quote: body.get(8..)?.to_vec(),
            })
        }
        protocol => transport(protocol, ends, body),
    }
}

fn ip6(payload: &[u8]) -> Option<Said> {
    let ip = Ipv6Packet::new_checked(payload).ok()?;
    let (from, to) = (ip.src_addr(), ip.dst_addr());
    let ends = (from.into(), to.into());
    let body = payload.get(40..ip.total_len())?;
    if ip.next_header() != IpProtocol::Icmpv6 {
        return transport(ip.next_header(), ends, body);
    }
    let icmp = Icmpv6Packet::new_checked(body).ok()?;
    let is_reply = icmp.msg_type() == Icmpv6Message::EchoReply;
    if is_reply || icmp.msg_type() == Icmpv6Message::EchoRequest {
        return Some(Said::Echo {
            is_reply,
            ends,
            ident: icmp.echo_ident(),
            number: icmp.echo_seq_no(),
            data: body.get(8..)?.to_vec(),
        });
    }
    match Icmpv6Repr::parse(&from, &to, &icmp, &ChecksumCapabilities::ignored()) {
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr, .. })) => {
            Some(Said::Solicit {
                from,
                target: target_addr,
            })
        }
        Ok(Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            flags,
            target_addr,
            lladdr,
        })) => Some(Said::Advert {
            to,
            target: target_addr,
            flags,
            hardware: lladdr.and_then(|raw| {
                let bytes: [u8; 6] = raw.as_bytes().try_into().ok()?;
                Some(EthernetAddress(bytes))
            }),
            hops: ip.hop_limit(),
        }),
        _ => Some(Said::Icmp {
            ends,
            kind: icmp.msg_type().into(),
            code: icmp.msg_code(),
            quote: body.get(8..).unwrap_or_default().to_vec(),
        }),
    }
}

fn transport(protocol: IpProtocol, ends: (IpAddr, IpAddr), body: &[u8]) -> Option<Said> {
    match protocol {
        IpProtocol::Tcp => Segment::read(ends, body).map(Said::Tcp),
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(body).ok()?;
            Some(Said::Udp {
                ends,
                ports: (udp.src_port(), udp.dst_port()),
                text: udp.payload().to_vec(),
            })
        }
        _ => None,
    }
}
