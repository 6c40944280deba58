//! What goes: parcels become packets, in fragments where they are too long, and packets become frames, for
//! neighbors that are known or asked for.

use std::net::IpAddr;
use std::time::Duration;

use super::{BROADCAST, ETHERNET, Host, IPV4, IPV6, MTU, SHORTEST};
use crate::bytes::{frame, sum};
use crate::fault::Fault;
use crate::parcel::Parcel;

const FRAGMENT: u8 = 44;

/// Which part of a packet this is.
#[derive(Clone, Copy)]
struct Part {
    id: u16,
    offset: usize,
    has_more: bool,
}

impl Host {
    pub(super) fn depart(&mut self, parcels: Vec<Parcel>, now: Duration) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for parcel in parcels {
            match (parcel.from, parcel.to) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    let ends = (from.octets(), to.octets());
                    for packet in self.packets4(ends, &parcel) {
                        frames.extend(self.framed4(ends.1, packet, now));
                    }
                }
                (IpAddr::V6(from), IpAddr::V6(to)) => {
                    let ends = (from.octets(), to.octets());
                    for packet in self.packets6(ends, &parcel) {
                        frames.extend(self.framed6(ends.1, &packet));
                    }
                }
                _ => {}
            }
        }
        frames
    }

    fn packets4(&mut self, ends: ([u8; 4], [u8; 4]), parcel: &Parcel) -> Vec<Vec<u8>> {
        if parcel.body.len() + 20 <= MTU {
            let part = parcel.may_be_cut.then(|| self.part());
            return vec![self.packet4(ends, parcel, part, &parcel.body)];
        }
        let part = self.part();
        let room = (MTU - 20) / 8 * 8;
        let mut packets = Vec::new();
        for (n, piece) in parcel.body.chunks(room).enumerate() {
            let part = Part {
                offset: n * room,
                has_more: n * room + piece.len() < parcel.body.len(),
                ..part
            };
            packets.push(self.packet4(ends, parcel, Some(part), piece));
        }
        packets
    }

    /// All of a packet that has a number.
    fn part(&mut self) -> Part {
        self.packets = self.packets.wrapping_add(1);
        Part {
            id: self.packets,
            offset: 0,
            has_more: false,
        }
    }

    /// A packet that is not to be cut, or a part of one.
    fn packet4(
        &self,
        (from, to): ([u8; 4], [u8; 4]),
        parcel: &Parcel,
        part: Option<Part>,
        body: &[u8],
    ) -> Vec<u8> {
        let mut len = 20 + body.len();
        if self.is(Fault::WrongLength) {
            len += 80;
        }
        if self.is(Fault::PaddingCounted) {
            len = len.max(SHORTEST - ETHERNET);
        }
        let hops = if self.is(Fault::TtlZero) {
            0
        } else {
            parcel.hops
        };
        let whole = if self.is(Fault::NumbersRepeat) {
            (7, 0)
        } else {
            (0, 0x4000)
        };
        let (id, place) = part.map_or(whole, |part| {
            let offset = u16::try_from(part.offset / 8).unwrap_or(0);
            (part.id, offset | if part.has_more { 0x2000 } else { 0 })
        });
        let len = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let mut header = [
            &[0x45, parcel.ecn][..],
            &len,
            &id.to_be_bytes(),
            &place.to_be_bytes(),
            &[hops, parcel.protocol, 0, 0],
            &from,
            &to,
        ]
        .concat();
        let right = sum(&[&header]);
        header[10..12].copy_from_slice(&right.to_be_bytes());
        [&header[..], body].concat()
    }

    fn packets6(&mut self, ends: ([u8; 16], [u8; 16]), parcel: &Parcel) -> Vec<Vec<u8>> {
        let mtu = self.paths6.get(&ends.1).map_or(MTU, |mtu| MTU.min(*mtu));
        if parcel.body.len() + 40 <= mtu {
            return vec![packet6(ends, parcel, parcel.protocol, &parcel.body)];
        }
        let id = u32::from(self.part().id).to_be_bytes();
        let room = (mtu - 48) / 8 * 8;
        let mut packets = Vec::new();
        for (n, piece) in parcel.body.chunks(room).enumerate() {
            let has_more = n * room + piece.len() < parcel.body.len();
            let place = u16::try_from(n * room).unwrap_or(0) | u16::from(has_more);
            let header = [parcel.protocol, 0];
            let body = [&header[..], &place.to_be_bytes(), &id, piece].concat();
            packets.push(packet6(ends, parcel, FRAGMENT, &body));
        }
        packets
    }

    /// A packet to a neighbor, or a question where it is, as often as one may ask. The latest waits for the
    /// answer.
    fn framed4(&mut self, to: [u8; 4], packet: Vec<u8>, now: Duration) -> Option<Vec<u8>> {
        let is_for_ever = self.is(Fault::NeighborsForEver);
        if let Some(mac) = self.neighbors.find(to, now, is_for_ever) {
            return Some(frame(mac, self.mac, IPV4, &packet));
        }
        if !self.is(Fault::ArpQueueLost) {
            self.neighbors.wait(to, packet);
        }
        if !self.neighbors.may_ask(to, now) && !self.is(Fault::ArpStorm) {
            return None;
        }
        let request = [
            &[0, 1, 8, 0, 6, 4, 0, 1][..],
            &self.mac,
            &self.v4,
            &[0; 6],
            &to,
        ]
        .concat();
        Some(frame(BROADCAST, self.mac, super::ARP, &request))
    }

    fn framed6(&self, to: [u8; 16], packet: &[u8]) -> Option<Vec<u8>> {
        let mac = match to {
            [0xff, .., a, b, c, d] => [0x33, 0x33, a, b, c, d],
            _ => *self.neighbors6.get(&to)?,
        };
        Some(frame(mac, self.mac, IPV6, packet))
    }
}

fn packet6((from, to): ([u8; 16], [u8; 16]), parcel: &Parcel, next: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let class = parcel.ecn << 4;
    [
        &[0x60, class, 0, 0][..],
        &len,
        &[next, parcel.hops],
        &from,
        &to,
        body,
    ]
    .concat()
}
