//! What comes over IPv6: whose it is, and the headers behind its first one (RFC 8200, section 4).

use std::net::IpAddr;
use std::time::Duration;

use super::Host;
use super::upper::ICMP6;
use crate::bytes::{ALL_NODES, Mac, at, word};
use crate::fault::Fault;
use crate::parcel::{Arrival, Parcel};
use crate::reassembly::{Fragment, Key, Whole};

const HEADER: usize = 40;
const LOOPBACK: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const NOTHING: u8 = 59;
const DESTINATION: u8 = 60;

/// Where the walk along the headers has come.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// What follows, and where that was said.
    next: u8,
    next_at: usize,
    /// Where it begins.
    at: usize,
}

/// What is wrong with a packet: the code of a parameter problem and where, if it is told.
type Problem = Option<(u8, usize)>;

impl Host {
    pub(super) fn ip6(
        &mut self,
        packet: &[u8],
        (to, from): (Mac, Mac),
        now: Duration,
    ) -> Vec<Parcel> {
        let end = HEADER + usize::from(word(packet, 4));
        if packet.len() < HEADER || end > packet.len() || packet[0] >> 4 != 6 {
            return Vec::new();
        }
        let packet = &packet[..end];
        let (source, target): ([u8; 16], [u8; 16]) = (at(packet, 8), at(packet, 24));
        let is_for_all = target[0] == 0xff || to[0] & 1 == 1;
        let is_ours = [self.v6, ALL_NODES, self.solicited_node()].contains(&target);
        if !is_ours && !self.is(Fault::AnyAddress) {
            return Vec::new();
        }
        let is_land = source == self.v6;
        self.is_dead |= is_land && self.is(Fault::DiesOfLand);
        let is_martian = is_land || source[0] == 0xff || source == LOOPBACK;
        if is_martian && !self.is(Fault::MartianAnswered) {
            return Vec::new();
        }
        if self.is(Fault::Long6Lost) && end > 1480 {
            return Vec::new();
        }
        let is_first = source != [0; 16] && self.neighbors6.insert(source, from).is_none();
        if self.is(Fault::NdpQueueLost) && is_first && target == self.v6 {
            return vec![self.solicit(source)];
        }
        let mut arrival = Arrival {
            from: source.into(),
            to: target.into(),
            own: self.v6.into(),
            is_for_all,
            protocol: packet[6],
            body: &packet[HEADER..],
            packet,
            protocol_at: 6,
            hops: packet[7],
        };
        let place = Place {
            next: packet[6],
            next_at: 6,
            at: HEADER,
        };
        if !matches!(
            place.next,
            HOP_BY_HOP | ROUTING | FRAGMENT | NOTHING | DESTINATION
        ) {
            return self.upper(&arrival, now);
        }
        if self.is(Fault::ExtDropped) {
            return Vec::new();
        }
        let problem = match self.walk(packet, place, &arrival) {
            Ok(place) if place.next == FRAGMENT => {
                return self.fragment6(packet, place, arrival, now);
            }
            Ok(Place { next: NOTHING, .. }) => None,
            Ok(place) => {
                (arrival.protocol, arrival.protocol_at) = (place.next, place.next_at);
                arrival.body = &packet[place.at..];
                return self.upper(&arrival, now);
            }
            Err(problem) => problem,
        };
        let Some((code, at)) = problem else {
            return Vec::new();
        };
        self.problem6(&arrival, code, at, now)
    }

    /// The group to which those ask who look for this host.
    pub(super) fn solicited_node(&self) -> [u8; 16] {
        let [.., a, b, c] = self.v6;
        [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]
    }

    /// Passes headers up to one that isn't to be passed.
    fn walk(
        &self,
        packet: &[u8],
        mut place: Place,
        arrival: &Arrival<'_>,
    ) -> Result<Place, Problem> {
        let is_first = |place: &Place| place.at == HEADER;
        loop {
            match place.next {
                HOP_BY_HOP if is_first(&place) => {}
                HOP_BY_HOP => return Err(self.unknown(place.next_at)),
                DESTINATION | ROUTING => {}
                _ => return Ok(place),
            }
            let len = packet
                .get(place.at + 1)
                .map(|len| usize::from(*len) * 8 + 8);
            let end = place.at + len.ok_or(None)?;
            let header = packet.get(place.at..end).ok_or(None)?;
            if place.next == ROUTING {
                // No route is known: one with hosts to visit can't be followed (section 4.4).
                if header[3] != 0 {
                    return Err(Some((0, place.at + 2)));
                }
            } else {
                options6(&header[2..], place.at + 2, arrival)?;
            }
            place = Place {
                next: header[0],
                next_at: place.at,
                at: end,
            };
        }
    }

    fn unknown(&self, at: usize) -> Problem {
        (!self.is(Fault::UnknownHeaderSilent)).then_some((1, at))
    }

    /// Takes a fragment, and goes on with the packet once all of it is there.
    fn fragment6(
        &mut self,
        packet: &[u8],
        place: Place,
        arrival: Arrival<'_>,
        now: Duration,
    ) -> Vec<Parcel> {
        let Some(header) = packet.get(place.at..place.at + 8) else {
            return Vec::new();
        };
        let field = word(header, 2);
        let fragment = Fragment {
            offset: usize::from(field & !7),
            has_more: field & 1 != 0,
            bytes: &packet[place.at + 8..],
            packet,
            protocol: header[0],
        };
        if fragment.has_more && !fragment.bytes.len().is_multiple_of(8) {
            return self.problem6(&arrival, 0, 4, now); // the payload's length
        }
        let whole = if fragment.offset == 0 && !fragment.has_more {
            // One that is whole by itself has nothing to do with others (RFC 6946).
            Some(Whole {
                protocol: header[0],
                bytes: fragment.bytes.to_vec(),
                first: packet.to_vec(),
            })
        } else {
            let key = Key {
                from: arrival.from,
                to: arrival.to,
                protocol: 0,
                id: u32::from_be_bytes(at(header, 4)),
            };
            self.reassembly.take(key, fragment, now)
        };
        self.is_dead |= self.reassembly.is_dead;
        let Some(whole) = whole else {
            return Vec::new();
        };
        let place_in = Place {
            next: whole.protocol,
            next_at: place.at,
            at: 0,
        };
        let mut arrival = Arrival {
            packet: &whole.first,
            body: &whole.bytes,
            ..arrival
        };
        match self.walk(&whole.bytes, place_in, &arrival) {
            Ok(Place {
                next: NOTHING | FRAGMENT,
                ..
            })
            | Err(None) => Vec::new(),
            Ok(inner) => {
                (arrival.protocol, arrival.protocol_at) = (inner.next, place.at);
                arrival.body = &whole.bytes[inner.at..];
                self.upper(&arrival, now)
            }
            Err(Some((code, _))) => self.problem6(&arrival, code, place.at, now),
        }
    }
}

/// Whether a packet of which not all headers may be passed carries an error.
pub(super) fn is_error_behind_options(packet: &[u8]) -> bool {
    let (mut next, mut at) = (packet[6], HEADER);
    while matches!(next, HOP_BY_HOP | ROUTING | DESTINATION) {
        let Some([follows, len]) = packet.get(at..at + 2) else {
            return false;
        };
        next = *follows;
        at += usize::from(*len) * 8 + 8;
    }
    next == ICMP6 && packet.get(at).is_some_and(|kind| *kind < 128)
}

/// Passes options, unless one of them says that who doesn't know it has to drop the packet (section 4.2).
fn options6(mut options: &[u8], mut at: usize, arrival: &Arrival<'_>) -> Result<(), Problem> {
    loop {
        let (kind, len) = match options {
            [] => return Ok(()),
            [0, ..] => (0, 1),
            [kind, len, ..] => (*kind, usize::from(*len) + 2),
            [_] => return Err(None),
        };
        let rest = options.get(len..).ok_or(None)?;
        let is_to_many = matches!(arrival.to, IpAddr::V6(to) if to.is_multicast());
        match kind >> 6 {
            0 => {}
            2 => return Err(Some((2, at))),
            3 if !is_to_many => return Err(Some((2, at))),
            _ => return Err(None),
        }
        options = rest;
        at += len;
    }
}
