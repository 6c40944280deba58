//! What comes over IPv4: whose it is, what is wrong with it, its options and its fragments (RFC 791; RFC 1122,
//! section 3.2.1).

use std::time::Duration;

use super::{ETHERNET, Host, SHORTEST};
use crate::bytes::{Mac, at, pseudo, sum, word};
use crate::fault::Fault;
use crate::parcel::{Arrival, Parcel};
use crate::reassembly::{Fragment, Key};
use crate::tcp::segment::TCP;
use crate::udp::UDP;

const ALL_HOSTS: [u8; 4] = [224, 0, 0, 1];

/// What the options of a packet want.
#[derive(Debug, PartialEq, Eq)]
enum Options {
    /// Nothing that matters here.
    Pass,
    /// The packet isn't for this host.
    Drop,
    /// It is to go on to there.
    Forward([u8; 4]),
}

impl Host {
    pub(super) fn ip4(&mut self, packet: &[u8], to: Mac, now: Duration) -> Vec<Parcel> {
        if packet.len() < 20 {
            return Vec::new();
        }
        let header = usize::from(packet[0] & 15) * 4;
        let said = usize::from(word(packet, 2));
        if self.is(Fault::DiesOfLength) && said > packet.len() {
            self.is_dead = true;
        }
        self.is_dead |= self.is(Fault::DiesOfLengthZero) && said == 0;
        let is_version = packet[0] >> 4 == 4 || self.is(Fault::AnyVersion);
        let is_sound = is_version && header >= 20 && header <= said && said <= packet.len();
        if !is_sound || sum(&[&packet[..header]]) != 0 && !self.is(Fault::HeaderUnchecked) {
            return Vec::new();
        }
        let (source, target): ([u8; 4], [u8; 4]) = (at(packet, 12), at(packet, 16));
        let [a, b, c, _] = self.v4;
        let subnet = [a, b, c, 255];
        let is_for_all = [[255; 4], subnet, ALL_HOSTS].contains(&target) || to[0] & 1 == 1;
        let is_ours = target == self.v4 || is_for_all || self.is(Fault::AnyAddress);
        let is_dead_on_arrival = packet[8] < 2 && self.is(Fault::TtlDropped);
        if !is_ours || is_dead_on_arrival {
            return Vec::new();
        }
        // RFC 1122, section 3.2.1.3.
        let is_land = source == self.v4;
        self.is_dead |= is_land && self.is(Fault::DiesOfLand);
        let is_nobody = source == [0; 4] || source == subnet;
        let is_martian = is_land || is_nobody || source[0] == 127 || source[0] >= 224;
        if is_martian && !self.is(Fault::MartianAnswered) {
            return Vec::new();
        }
        match self.options4(&packet[20..header]) {
            Options::Pass => {}
            Options::Drop => return Vec::new(),
            Options::Forward(next) => {
                let body = packet[header..said].to_vec();
                return vec![Parcel::new(source, next, packet[9], body)];
            }
        }
        let is_taken = self.is(Fault::UdpTrailerTaken) && packet[9] == UDP;
        let end = if self.is(Fault::TrailerTaken) || is_taken {
            packet.len()
        } else {
            said
        };
        let mut body = if packet[9] == TCP && self.is(Fault::SegmentBehindTwenty) {
            &packet[20..end]
        } else {
            &packet[header..end]
        };
        let longer;
        if packet[9] == TCP && self.is(Fault::SegmentTrailerTaken) {
            longer = with_trailer(packet, header, said, (source, target));
            body = &longer;
        }
        let place = word(packet, 6);
        let fragment = Fragment {
            offset: usize::from(place & 0x1fff) * 8,
            has_more: place & 0x2000 != 0,
            bytes: body,
            packet: &packet[..end],
            protocol: packet[9],
        };
        let arrival = Arrival {
            from: source.into(),
            to: target.into(),
            own: self.v4.into(),
            is_for_all,
            protocol: packet[9],
            body: fragment.bytes,
            packet: fragment.packet,
            protocol_at: 9,
            hops: packet[8],
        };
        let is_whole = fragment.offset == 0 && !fragment.has_more;
        if is_whole || self.is(Fault::FragmentsApart) {
            return self.upper(&arrival, now);
        }
        let key = Key {
            from: arrival.from,
            to: arrival.to,
            protocol: arrival.protocol,
            id: word(packet, 4).into(),
        };
        let whole = self.reassembly.take(key, fragment, now);
        self.is_dead |= self.reassembly.is_dead;
        let Some(whole) = whole else {
            return Vec::new();
        };
        let arrival = Arrival {
            packet: &whole.first,
            body: &whole.bytes,
            ..arrival
        };
        self.upper(&arrival, now)
    }

    /// Options are skipped (RFC 1122, section 3.2.1.8), but a packet that has hosts to visit yet isn't for
    /// this one, and a host sends nothing on.
    fn options4(&self, mut options: &[u8]) -> Options {
        if !options.is_empty() && self.is(Fault::OptionsDropped) {
            return Options::Drop;
        }
        loop {
            let len = match options {
                [] | [0, ..] | [_] => return Options::Pass,
                [1, ..] => 1,
                [_, len, ..] => usize::from(*len).max(2),
            };
            let Some((option, rest)) = options.split_at_checked(len) else {
                return Options::Pass;
            };
            options = rest;
            let [131 | 137, _, pointer, route @ ..] = option else {
                continue;
            };
            let next = usize::from(*pointer).saturating_sub(4);
            if route.len() < next + 4 {
                continue; // the last has been visited
            }
            if self.is(Fault::SourceRouteForwarded) {
                return Options::Forward(at(route, next));
            }
            return Options::Drop;
        }
    }
}

/// A segment with all that stands behind its packet, if the frame is longer than the shortest; its sum, which
/// was looked at before, fits.
fn with_trailer(
    packet: &[u8],
    header: usize,
    said: usize,
    (from, to): ([u8; 4], [u8; 4]),
) -> Vec<u8> {
    let is_long = ETHERNET + packet.len() > SHORTEST && said < packet.len();
    let end = if is_long { packet.len() } else { said };
    let mut segment = packet[header..end].to_vec();
    if is_long && segment.len() >= 20 {
        segment[16..18].fill(0);
        let before = pseudo(from.into(), to.into(), TCP, segment.len());
        let right = sum(&[&before, &segment]);
        segment[16..18].copy_from_slice(&right.to_be_bytes());
    }
    segment
}
