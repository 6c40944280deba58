//! What the second host sees of the link: each frame that it sends, and each that comes to it.
//!
//! It looks at TCP alone, and at sums of all; that a segment was lost on its way here shows in what follows.

use core::mem;
use core::time::Duration;
use std::collections::HashMap;

use greet_core::probe::LinkCounters;
use greet_core::time::Instant;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet,
    TcpOption, TcpPacket, TcpSeqNumber, UdpPacket,
};

/// What was seen, by connections.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: LinkCounters,
    /// What connections saw that another one was begun behind.
    earlier: LinkCounters,
    /// By the port here and the one there.
    connections: HashMap<(u16, u16), Connection>,
    latest: (u16, u16),
    /// Sums say nothing: the link was told to change bytes.
    is_impaired: bool,
}

/// One connection.
#[derive(Debug)]
struct Connection {
    /// Where it began.
    first: TcpSeqNumber,
    /// Behind the last that was sent.
    sent: TcpSeqNumber,
    /// What a round trip is measured by: when something was acknowledged that was sent once.
    timed: Option<(TcpSeqNumber, Instant)>,
    /// How far all came, and how far anything.
    came: Option<(TcpSeqNumber, TcpSeqNumber)>,
    /// By how much windows are shifted (RFC 7323, section 2).
    shift: u8,
    /// Smoothed, and its variation.
    rtt: Option<(Duration, Duration)>,
}

/// A packet, whole.
struct Packet<'a> {
    protocol: IpProtocol,
    from: IpAddress,
    to: IpAddress,
    payload: &'a [u8],
}

impl Watch {
    pub(crate) fn new(is_impaired: bool) -> Self {
        Self {
            is_impaired,
            ..Self::default()
        }
    }

    /// What was seen since this was called last. What earlier connections still said is told by the next
    /// call, so that it isn't taken for what the latest one saw.
    pub(crate) fn take(&mut self) -> LinkCounters {
        let next = mem::take(&mut self.earlier);
        mem::replace(&mut self.seen, next)
    }

    /// A frame leaves.
    pub(crate) fn leaves(&mut self, frame: &[u8], now: Instant) {
        let Some(tcp) = packet(frame).and_then(|packet| packet.tcp()) else {
            return;
        };
        let key = (tcp.src_port(), tcp.dst_port());
        let (seq, end) = (tcp.seq_number(), end(&tcp));
        let is_known = |known: &Connection| known.first == seq;
        if tcp.syn() && !self.connections.get(&key).is_some_and(is_known) {
            self.latest = key;
            let begun = Connection {
                first: seq,
                sent: seq,
                timed: None,
                came: None,
                shift: 0,
                rtt: None,
            };
            self.connections.insert(key, begun);
        }
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let counters = if key == self.latest {
            &mut self.seen
        } else {
            &mut self.earlier
        };
        counters.sent += 1;
        if end == seq {
            return; // it acknowledges, or resets
        }
        if seq < connection.sent {
            counters.sent_again += 1;
            connection.timed = None;
        } else if connection.timed.is_none() {
            connection.timed = Some((end, now));
        }
        connection.sent = connection.sent.max(end);
    }

    /// A frame comes.
    pub(crate) fn comes(&mut self, frame: &[u8], now: Instant) {
        let Some(packet) = packet(frame) else {
            return;
        };
        if !self.is_impaired && !self.has_right_sum(&packet) {
            return;
        }
        let Some(tcp) = packet.tcp() else {
            return;
        };
        let key = (tcp.dst_port(), tcp.src_port());
        let Some(connection) = self.connections.get_mut(&key) else {
            return;
        };
        let counters = if key == self.latest {
            &mut self.seen
        } else {
            &mut self.earlier
        };
        counters.received += 1;
        if tcp.syn() {
            connection.begins(&tcp, counters);
        }
        if tcp.ack() {
            connection.is_acknowledged(&tcp, now, counters);
        }
        connection.takes(&tcp, counters);
    }

    /// Counts the sum of a packet. A wrong one is never looked at.
    fn has_right_sum(&mut self, packet: &Packet<'_>) -> bool {
        let Packet {
            from, to, payload, ..
        } = packet;
        let (is_right, data) = match packet.protocol {
            IpProtocol::Tcp => match TcpPacket::new_checked(*payload) {
                Ok(tcp) => (tcp.verify_checksum(from, to), tcp.payload().len()),
                Err(_) => return true,
            },
            IpProtocol::Udp => match UdpPacket::new_checked(*payload) {
                Ok(udp) => (udp.verify_checksum(from, to), udp.payload().len()),
                Err(_) => return true,
            },
            IpProtocol::Icmp => match Icmpv4Packet::new_checked(*payload) {
                Ok(icmp) => (icmp.verify_checksum(), icmp.data().len()),
                Err(_) => return true,
            },
            _ => return true,
        };
        let is_odd = u32::from(data % 2 == 1);
        if is_right {
            self.seen.right_sums_odd += is_odd;
        } else {
            self.seen.wrong_sums += 1;
            self.seen.wrong_sums_odd += is_odd;
        }
        is_right
    }
}

impl Connection {
    /// The peer's SYN: what it announces.
    fn begins(&mut self, tcp: &TcpPacket<&[u8]>, counters: &mut LinkCounters) {
        /// What a stack takes that announces nothing (RFC 9293, section 3.7.1).
        const DEFAULT: u16 = 536;
        let mut mss = DEFAULT;
        let mut options = tcp.options();
        while let Ok((rest, option)) = TcpOption::parse(options) {
            match option {
                TcpOption::EndOfList => break,
                TcpOption::MaxSegmentSize(announced) => mss = announced,
                TcpOption::WindowScale(shift) => self.shift = shift.min(14),
                _ => {}
            }
            options = rest;
        }
        counters.mss = Some(counters.mss.map_or(mss, |least| least.min(mss)));
    }

    fn is_acknowledged(
        &mut self,
        tcp: &TcpPacket<&[u8]>,
        now: Instant,
        counters: &mut LinkCounters,
    ) {
        let shift = if tcp.syn() { 0 } else { self.shift };
        let window = u32::from(tcp.window_len()) << shift;
        // RST's says nothing, and is another one with some.
        if !tcp.rst() {
            counters.window = counters
                .window
                .max(Some(window).filter(|window| *window > 0));
        }
        let Some((_, sent)) = self.timed.take_if(|(end, _)| tcp.ack_number() >= *end) else {
            return;
        };
        // RFC 6298, section 2.
        let round = now.since(sent);
        let rtt = match self.rtt {
            None => (round, round / 2),
            Some((rtt, variation)) => (
                rtt * 7 / 8 + round / 8,
                variation * 3 / 4 + rtt.abs_diff(round) / 4,
            ),
        };
        self.rtt = Some(rtt);
        counters.rtt = Some(counters.rtt.map_or(rtt, |least| least.min(rtt)));
    }

    /// What takes place in the sequence of the peer's.
    fn takes(&mut self, tcp: &TcpPacket<&[u8]>, counters: &mut LinkCounters) {
        let (seq, end) = (tcp.seq_number(), end(tcp));
        if tcp.rst() {
            return;
        }
        let (next, high) = self.came.unwrap_or((seq, seq));
        if seq > next {
            counters.out_of_order += 1; // an acknowledgment as well tells of what is missing
        } else if end > seq && end <= next {
            counters.received_again += 1;
        }
        if end == seq {
            return;
        }
        let next = if seq <= next && end > next {
            end.max(high)
        } else {
            next
        };
        self.came = Some((next, high.max(end)));
    }
}

/// Behind the last number that a segment takes.
fn end(tcp: &TcpPacket<&[u8]>) -> TcpSeqNumber {
    tcp.seq_number() + tcp.segment_len()
}

impl<'a> Packet<'a> {
    fn tcp(&self) -> Option<TcpPacket<&'a [u8]>> {
        (self.protocol == IpProtocol::Tcp)
            .then(|| TcpPacket::new_checked(self.payload).ok())
            .flatten()
    }
}

/// The packet in a frame. `None`: it is none of IP, or a fragment.
fn packet(frame: &[u8]) -> Option<Packet<'_>> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let (protocol, ends, payload): (_, (IpAddress, IpAddress), _) = match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let ip = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if ip.more_frags() || ip.frag_offset() > 0 {
                return None;
            }
            let ends = (ip.src_addr().into(), ip.dst_addr().into());
            (ip.next_header(), ends, ip.payload())
        }
        EthernetProtocol::Ipv6 => {
            let ip = Ipv6Packet::new_checked(frame.payload()).ok()?;
            let ends = (ip.src_addr().into(), ip.dst_addr().into());
            (ip.next_header(), ends, ip.payload())
        }
        _ => return None,
    };
    Some(Packet {
        protocol,
        from: ends.0,
        to: ends.1,
        payload,
    })
}
