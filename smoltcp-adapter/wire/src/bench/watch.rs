//! What every frame of the board shows, whatever the check: sums, lengths, hop limits, padding, VLAN tags.

use core::net::IpAddr;

use greet_core::time::Instant;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, Icmpv6Message, Icmpv6Packet, IpProtocol,
    Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

use super::craft::{ETHERNET, SHORTEST};

/// So many places of wrong sums are kept, which is enough to see a period.
const PLACES: usize = 64;

/// Fewer hops don't reach all of the internet.
pub(crate) const FEW_HOPS: u8 = 32;

/// So many bytes behind packets are kept, each once.
const PADS: usize = 4;

/// So many frames that are odd in one way are kept.
const ODD: usize = 3;

/// What was seen in all frames of the board.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Watch {
    /// How many there were.
    pub frames: u64,
    /// How many were shorter than Ethernet carries.
    pub short: u64,
    /// The shortest of all, in bytes.
    pub shortest: Option<usize>,
    /// How many short packets were filled up.
    pub padded: u64,
    /// How many of those not with zeros.
    pub padded_oddly: u64,
    /// What some of those were filled up with, each once.
    pub pads: Vec<Vec<u8>>,
    /// How many had a VLAN tag.
    pub tagged: u64,
    /// The VLAN of the latest of those.
    pub vlan: Option<u16>,
    /// How many packets said that they were longer than their frame.
    pub cut: u64,
    /// Sums of IPv4 headers.
    pub ip: Sums,
    /// Sums of ICMP over IPv4.
    pub icmp: Sums,
    /// Sums of ICMP over IPv6.
    pub icmp6: Sums,
    /// Sums of UDP.
    pub udp: Sums,
    /// Sums of TCP.
    pub tcp: Sums,
    /// The smallest hop limit or time to live; of neighbor discovery none counts here.
    pub fewest_hops: Option<u8>,
    /// How many messages of neighbor discovery had another hop limit than 255.
    pub hops_of_neighbors: u64,
    /// How many answers of ARP there were.
    pub arp_replies: u32,
    /// How many frames came whose sums this machine vouches for, as they never were on a cable.
    pub unsummed: u64,
    /// The first frames that were odd in some way.
    pub(super) odd: Vec<Odd>,
}

/// What may be odd about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    Sum,
    Length,
    Short,
    Pad,
    Tag,
    Hops,
}

impl Oddity {
    const ALL: [Self; 6] = [
        Self::Sum,
        Self::Length,
        Self::Short,
        Self::Pad,
        Self::Tag,
        Self::Hops,
    ];

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Sum => "a sum of it is wrong",
            Self::Length => "its packet says that it is longer than the frame",
            Self::Short => "it is shorter than Ethernet carries",
            Self::Pad => "it isn't filled up with zeros",
            Self::Tag => "it has a tag",
            Self::Hops => "its hop limit is wrong",
        }
    }
}

/// A frame as it came, and what is odd about it.
#[derive(Clone, Debug)]
pub(super) struct Odd {
    pub(super) oddity: Oddity,
    pub(super) time: Instant,
    pub(super) frame: Vec<u8>,
}

/// What was seen of one kind of sums.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sums {
    /// How many there were.
    pub all: u64,
    /// How many were wrong.
    pub wrong: u64,
    /// How many of those were zero.
    pub zero: u64,
    /// How many were over an odd number of bytes.
    pub odd: u64,
    /// How many of those were wrong.
    pub odd_wrong: u64,
    /// Which ones were wrong, the first so many.
    pub places: Vec<u64>,
}

impl Sums {
    fn count(&mut self, is_right: bool, is_zero: bool, len: usize) {
        let is_odd = len % 2 == 1;
        self.all += 1;
        self.odd += u64::from(is_odd);
        if is_right {
            return;
        }
        self.wrong += 1;
        self.zero += u64::from(is_zero);
        self.odd_wrong += u64::from(is_odd);
        if self.places.len() < PLACES {
            self.places.push(self.all);
        }
    }
}

impl Watch {
    /// How many sums were wrong, of whichever protocol.
    pub fn wrong_sums(&self) -> u64 {
        let all = [&self.ip, &self.icmp, &self.udp, &self.tcp];
        all.iter().map(|sums| sums.wrong).sum()
    }

    /// How many frames were odd, in each way.
    pub(super) fn counts(&self) -> [u64; Oddity::ALL.len()] {
        let few = self.fewest_hops.filter(|hops| *hops < FEW_HOPS);
        let fewer = few.map_or(0, |hops| u64::from(FEW_HOPS - hops));
        Oddity::ALL.map(|oddity| match oddity {
            Oddity::Sum => self.wrong_sums() + self.icmp6.wrong,
            Oddity::Length => self.cut,
            Oddity::Short => self.short,
            Oddity::Pad => self.padded_oddly,
            Oddity::Tag => self.tagged,
            Oddity::Hops => self.hops_of_neighbors + fewer,
        })
    }

    /// Keeps a frame that was odd in a way, if there aren't enough of those: before it so many were.
    pub(super) fn keep_odd(
        &mut self,
        before: &[u64; Oddity::ALL.len()],
        time: Instant,
        frame: &[u8],
    ) {
        let now = self.counts();
        for (oddity, (before, now)) in Oddity::ALL.into_iter().zip(before.iter().zip(now)) {
            let known = self.odd.iter().filter(|odd| odd.oddity == oddity).count();
            if now > *before && known < ODD {
                let frame = frame.to_vec();
                self.odd.push(Odd {
                    oddity,
                    time,
                    frame,
                });
            }
        }
    }

    /// Takes the VLAN tag out of a frame, if it has one, and notes it. How long the frame was with it.
    pub(super) fn untag(&mut self, frame: &mut Vec<u8>, taken_out: Option<u16>) -> usize {
        let len = frame.len() + if taken_out.is_some() { 4 } else { 0 };
        let tag = match frame.get(12..16) {
            Some([0x81, 0x00, high, low]) => Some(u16::from_be_bytes([*high, *low]) & 0xfff),
            _ => None,
        };
        if tag.is_some() {
            frame.drain(12..16);
        }
        if let Some(vlan) = tag.or(taken_out) {
            self.tagged += 1;
            self.vlan = Some(vlan);
        }
        len
    }

    /// Looks at a frame of the board, and how long it was on the cable.
    pub(super) fn look(&mut self, frame: &[u8], len: usize, is_unsummed: bool) {
        self.frames += 1;
        self.unsummed += u64::from(is_unsummed);
        self.shortest = Some(self.shortest.map_or(len, |shortest| shortest.min(len)));
        if len < SHORTEST {
            self.short += 1;
        }
        let Ok(header) = EthernetFrame::new_checked(frame) else {
            return;
        };
        let payload = frame.get(ETHERNET..).unwrap_or_default();
        let end = match header.ethertype() {
            EthernetProtocol::Arp => {
                let is_reply = payload.get(6..8) == Some(&[0, 2]);
                self.arp_replies += u32::from(is_reply);
                Some(28)
            }
            EthernetProtocol::Ipv4 => self.ip4(payload, is_unsummed),
            EthernetProtocol::Ipv6 => self.ip6(payload, is_unsummed),
            EthernetProtocol::Unknown(_) => None,
        };
        let pad = end.and_then(|end| payload.get(end..)).unwrap_or_default();
        if len == SHORTEST && !pad.is_empty() {
            self.padded += 1;
            let is_odd = pad.iter().any(|byte| *byte != 0);
            self.padded_oddly += u64::from(is_odd);
            if is_odd && self.pads.len() < PADS && !self.pads.iter().any(|known| known == pad) {
                self.pads.push(pad.to_vec());
            }
        }
    }

    fn ip4(&mut self, payload: &[u8], is_unsummed: bool) -> Option<usize> {
        let Ok(ip) = Ipv4Packet::new_checked(payload) else {
            let says = payload.get(2..4)?;
            let says = u16::from_be_bytes([*says.first()?, *says.get(1)?]);
            self.cut += u64::from(usize::from(says) > payload.len());
            return None;
        };
        let end = usize::from(ip.total_len());
        let sum = payload.get(10..12)?;
        self.ip.count(ip.verify_checksum(), sum == [0, 0], end);
        self.hops(ip.hop_limit());
        if ip.more_frags() || ip.frag_offset() != 0 {
            return Some(end);
        }
        let body = payload.get(usize::from(ip.header_len())..end)?;
        if let (IpProtocol::Icmp, Ok(icmp)) = (ip.next_header(), Icmpv4Packet::new_checked(body)) {
            let is_zero = icmp.checksum() == 0;
            self.icmp.count(icmp.verify_checksum(), is_zero, body.len());
        }
        let ends = (ip.src_addr().into(), ip.dst_addr().into());
        self.transport(ip.next_header(), ends, body, is_unsummed);
        Some(end)
    }

    fn ip6(&mut self, payload: &[u8], is_unsummed: bool) -> Option<usize> {
        let Ok(ip) = Ipv6Packet::new_checked(payload) else {
            let says = payload.get(4..6)?;
            let says = u16::from_be_bytes([*says.first()?, *says.get(1)?]);
            self.cut += u64::from(usize::from(says) + 40 > payload.len());
            return None;
        };
        let body = payload.get(40..ip.total_len())?;
        let (from, to) = (ip.src_addr(), ip.dst_addr());
        if let (IpProtocol::Icmpv6, Ok(icmp)) = (ip.next_header(), Icmpv6Packet::new_checked(body))
        {
            let is_zero = icmp.checksum() == 0;
            self.icmp6
                .count(icmp.verify_checksum(&from, &to), is_zero, body.len());
            let is_of_neighbors = matches!(
                icmp.msg_type(),
                Icmpv6Message::RouterSolicit
                    | Icmpv6Message::NeighborSolicit
                    | Icmpv6Message::NeighborAdvert
            );
            if is_of_neighbors {
                self.hops_of_neighbors += u64::from(ip.hop_limit() != 255);
                return Some(ip.total_len());
            }
        }
        // Reports of group memberships have a hop limit of 1 (RFC 2710, section 3), behind an option.
        if !to.is_multicast() {
            self.hops(ip.hop_limit());
        }
        self.transport(
            ip.next_header(),
            (from.into(), to.into()),
            body,
            is_unsummed,
        );
        Some(ip.total_len())
    }

    fn transport(
        &mut self,
        protocol: IpProtocol,
        ends: (IpAddr, IpAddr),
        body: &[u8],
        is_unsummed: bool,
    ) {
        let (from, to) = (ends.0.into(), ends.1.into());
        if is_unsummed {
            return;
        }
        if let (IpProtocol::Udp, Ok(udp)) = (protocol, UdpPacket::new_checked(body)) {
            let is_zero = udp.checksum() == 0;
            // Over IPv4 zero says that there is none (RFC 768).
            let is_right = is_zero && ends.0.is_ipv4() || udp.verify_checksum(&from, &to);
            self.udp.count(is_right, is_zero, body.len());
        }
        if let (IpProtocol::Tcp, Ok(tcp)) = (protocol, TcpPacket::new_checked(body)) {
            let is_right = tcp.verify_checksum(&from, &to);
            self.tcp.count(is_right, tcp.checksum() == 0, body.len());
        }
    }

    fn hops(&mut self, hops: u8) {
        self.fewest_hops = Some(self.fewest_hops.map_or(hops, |fewest| fewest.min(hops)));
    }
}
