//! ICMP over IPv6: echoes, neighbor discovery, errors that are made, and errors that are heard (RFC 4443; RFC
//! 4861, section 7.2).

use std::net::IpAddr;
use std::time::Duration;

use super::Host;
use super::ip6::is_error_behind_options;
use super::upper::{ICMP6, Undelivered};
use crate::bytes::{ALL_NODES, at, pseudo, sum, word};
use crate::fault::Fault;
use crate::parcel::{Arrival, Parcel};
use crate::tcp::Trouble;
use crate::tcp::segment::TCP;

/// The shortest packet that each link has to take.
pub(super) const LEAST: usize = 1280;

impl Host {
    pub(super) fn icmp6(&mut self, arrival: &Arrival<'_>, now: Duration) -> Vec<Parcel> {
        let message = arrival.body;
        if message.len() < 8 {
            self.is_dead |= self.is(Fault::DiesOfTruncated6);
            return Vec::new();
        }
        let before = pseudo(arrival.from, arrival.to, ICMP6, message.len());
        let is_right = sum(&[&before, message]) == 0 || self.is(Fault::IcmpUnchecked);
        let is_none = word(message, 2) == 0 && self.is(Fault::ZeroSumDropped);
        if !is_right || is_none {
            return Vec::new();
        }
        match message[0] {
            1..=4 => self.hear6(message, now),
            128 if !self.is(Fault::NoEcho) => self.echo6(arrival),
            134 => {
                self.prefixes += 1;
                self.is_dead |= self.prefixes > 16 && self.is(Fault::DiesOfPrefixes);
                Vec::new()
            }
            135 => self.solicited(arrival).into_iter().collect(),
            200.. if self.is(Fault::AnswersUnknown) => self.echo6(arrival),
            _ => Vec::new(),
        }
    }

    fn echo6(&self, arrival: &Arrival<'_>) -> Vec<Parcel> {
        let mut reply = arrival.body.to_vec();
        if self.is(Fault::EchoCut) {
            reply.truncate(40);
        }
        let mut own = self.v6;
        if self.is(Fault::OtherSource) {
            own[15] ^= 0x80;
        }
        let before = pseudo(own.into(), arrival.from, ICMP6, reply.len());
        let reply = self.summed(reply, 129, &before);
        let mut parcels = vec![Parcel::new(own, arrival.from, ICMP6, reply)];
        if let IpAddr::V6(from) = arrival.from
            && self.is(Fault::NdpStorm)
        {
            parcels.push(self.solicit(from.octets()));
        }
        parcels
    }

    /// A solicitation of a neighbor.
    pub(super) fn solicit(&self, whom: [u8; 16]) -> Parcel {
        let [.., a, b, c] = whom;
        let group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c];
        let solicit = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &whom, &[1, 1], &self.mac].concat();
        let mut solicit = self.parcel6(group.into(), solicit, 135);
        solicit.hops = 255;
        solicit
    }

    /// A message of this type with its sum.
    fn parcel6(&self, to: IpAddr, message: Vec<u8>, kind: u8) -> Parcel {
        let before = pseudo(self.v6.into(), to, ICMP6, message.len());
        Parcel::new(self.v6, to, ICMP6, self.summed(message, kind, &before))
    }

    fn solicited(&self, arrival: &Arrival<'_>) -> Option<Parcel> {
        let message = arrival.body;
        let is_from_nobody = arrival.from.is_unspecified();
        let has_empty_option = message.len() > 25 && message[25] == 0;
        let is_near = arrival.hops == 255 || self.is(Fault::AnyHopLimit);
        let is_whole = !has_empty_option || self.is(Fault::OptionZeroTaken);
        let is_to_one = arrival.to == arrival.own;
        let is_ignored = is_to_one && self.is(Fault::NdpUnicastIgnored)
            || is_from_nobody && self.is(Fault::DadIgnored);
        if at::<16>(message, 8) != self.v6 || !is_near || !is_whole || is_ignored {
            return None;
        }
        let (to, flags) = if is_from_nobody {
            (ALL_NODES.into(), 0x20)
        } else {
            (arrival.from, 0x60)
        };
        let advert = [
            &[136, 0, 0, 0, flags, 0, 0, 0][..],
            &self.v6,
            &[2, 1],
            &self.mac,
        ]
        .concat();
        let mut advert = self.parcel6(to, advert, 136);
        if !self.is(Fault::NeighborHops) {
            advert.hops = 255;
        }
        Some(advert)
    }

    /// Something that couldn't be delivered.
    pub(super) fn undelivered6(
        &mut self,
        arrival: &Arrival<'_>,
        what: Undelivered,
        now: Duration,
    ) -> Vec<Parcel> {
        match what {
            Undelivered::Port => self.error6(arrival, (1, 4), 0, now),
            Undelivered::Protocol if self.is(Fault::UnknownHeaderSilent) => Vec::new(),
            Undelivered::Protocol => self.problem6(arrival, 1, arrival.protocol_at, now),
        }
    }

    /// A parameter problem at this place of a packet.
    pub(super) fn problem6(
        &mut self,
        arrival: &Arrival<'_>,
        code: u8,
        at: usize,
        now: Duration,
    ) -> Vec<Parcel> {
        let at = u32::try_from(at).unwrap_or(0);
        self.error6(arrival, (4, code), at, now)
    }

    /// An error that quotes as much of a packet as fits, unless none may be made (section 2.4).
    fn error6(
        &mut self,
        arrival: &Arrival<'_>,
        (kind, code): (u8, u8),
        word: u32,
        now: Duration,
    ) -> Vec<Parcel> {
        let is_error = arrival.protocol == ICMP6
            && arrival.body.first().is_some_and(|kind| *kind < 128)
            || is_error_behind_options(arrival.packet);
        let is_error = is_error && !self.is(Fault::ErrorsForErrors);
        let is_told = !arrival.is_for_all || code == 2 && kind == 4 || self.is(Fault::ErrorsForAll);
        if is_error || !is_told || arrival.from.is_unspecified() {
            return Vec::new();
        }
        self.quoting6((kind, code), word, arrival.packet, arrival.from, now)
    }

    /// An error, if not too many have gone.
    pub(super) fn quoting6(
        &mut self,
        (kind, code): (u8, u8),
        word: u32,
        packet: &[u8],
        to: IpAddr,
        now: Duration,
    ) -> Vec<Parcel> {
        if !self.may_tell(now) {
            return Vec::new();
        }
        let quoted = &packet[..packet.len().min(LEAST - 48)];
        let error = [&[kind, code, 0, 0][..], &word.to_be_bytes(), quoted].concat();
        vec![self.parcel6(to, error, kind)]
    }

    /// An error of something that this host sent.
    fn hear6(&mut self, message: &[u8], now: Duration) -> Vec<Parcel> {
        let quoted = &message[8..];
        if quoted.len() < 48 || at::<16>(quoted, 8) != self.v6 {
            return Vec::new();
        }
        let peer: [u8; 16] = at(quoted, 24);
        let trouble = match (message[0], message[1]) {
            (2, _) => {
                let mtu = u32::from_be_bytes(at(message, 4));
                let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                if usize::from(mtu) < LEAST || self.is(Fault::TooBigIgnored) {
                    return Vec::new(); // RFC 8201, section 4
                }
                self.paths6.insert(peer, mtu.into());
                Trouble::TooLong(mtu)
            }
            (1, 4) => Trouble::Hard,
            _ => Trouble::Soft,
        };
        if quoted[6] != TCP {
            return Vec::new();
        }
        self.hear((self.v6.into(), peer.into()), &quoted[40..], trouble, now)
    }
}
