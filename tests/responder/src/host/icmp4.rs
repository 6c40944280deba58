//! ICMP over IPv4: echoes, errors that are made, and errors that are heard (RFC 792; RFC 1122, section 3.2.2).

use std::net::IpAddr;
use std::time::Duration;

use super::Host;
use super::upper::{ICMP4, Undelivered};
use crate::bytes::{at, sum, word};
use crate::fault::Fault;
use crate::parcel::{Arrival, Parcel};
use crate::tcp::Trouble;
use crate::tcp::segment::TCP;

/// The most of a packet that an error quotes: the longest header, and eight bytes.
const QUOTE: usize = 68;

impl Host {
    pub(super) fn icmp4(&mut self, arrival: &Arrival<'_>, now: Duration) -> Vec<Parcel> {
        let message = arrival.body;
        if arrival.is_for_all && !self.is(Fault::AnswersBroadcastEcho) {
            return Vec::new();
        }
        if message.len() < 8 {
            self.is_dead |= self.is(Fault::DiesOfTruncated);
            return Vec::new();
        }
        let is_right = sum(&[message]) == 0 || self.is(Fault::IcmpUnchecked);
        let is_none = word(message, 2) == 0 && self.is(Fault::ZeroSumDropped);
        if !is_right || is_none {
            return Vec::new();
        }
        if matches!(message[0], 3..=5 | 11 | 12) && self.is(Fault::ErrorsForErrors) {
            let error = self.unreachable4(arrival, Undelivered::Protocol, now);
            return error.into_iter().collect();
        }
        let is_known = message[0] == 8 || message[0] > 200 && self.is(Fault::AnswersUnknown);
        if !is_known {
            return self.hear4(message, now);
        }
        if self.is(Fault::NoEcho) {
            return Vec::new();
        }
        let mut reply = message.to_vec();
        if self.is(Fault::EchoCut) {
            reply.truncate(40);
        }
        let reply = if self.is(Fault::IcmpUnchecked) {
            retyped(reply)
        } else {
            self.summed(reply, 0, &[])
        };
        vec![Parcel::new(
            self.source(arrival),
            arrival.from,
            ICMP4,
            reply,
        )]
    }

    /// A destination that is unreachable.
    pub(super) fn unreachable4(
        &mut self,
        arrival: &Arrival<'_>,
        what: Undelivered,
        now: Duration,
    ) -> Option<Parcel> {
        let code = match what {
            Undelivered::Protocol => 2,
            Undelivered::Port => 3,
        };
        self.error4((3, code), arrival.packet, arrival.from, now)
    }

    /// An error that quotes a packet's header and eight bytes, if not too many have gone.
    pub(super) fn error4(
        &mut self,
        (kind, code): (u8, u8),
        packet: &[u8],
        to: IpAddr,
        now: Duration,
    ) -> Option<Parcel> {
        if !self.may_tell(now) {
            return None;
        }
        let header = usize::from(packet[0] & 15) * 4;
        let quoted = &packet[..packet.len().min(header + 8).min(QUOTE)];
        let error = [&[kind, code, 0, 0, 0, 0, 0, 0][..], quoted].concat();
        let error = self.summed(error, kind, &[]);
        let mut own = self.v4;
        if self.is(Fault::OtherSource) {
            own[3] ^= 0x80;
        }
        Some(Parcel::new(own, to, ICMP4, error))
    }

    /// An error of something that this host sent.
    fn hear4(&mut self, message: &[u8], now: Duration) -> Vec<Parcel> {
        let trouble = match (message[0], message[1]) {
            (3, 4) => Trouble::TooLong(word(message, 6)),
            (3, 2 | 3) => Trouble::Hard,
            (3 | 11 | 12, _) => Trouble::Soft,
            (4, _) => Trouble::Quench,
            _ => return Vec::new(),
        };
        let quoted = &message[8..];
        let header = usize::from(quoted.first().unwrap_or(&0) & 15) * 4;
        let is_ours = at::<4>(quoted, 12) == self.v4 && quoted.get(9) == Some(&TCP);
        let segment = quoted.get(header..).unwrap_or_default();
        if !is_ours || segment.len() < 8 {
            return Vec::new();
        }
        let peer: [u8; 4] = at(quoted, 16);
        self.hear((self.v4.into(), peer.into()), segment, trouble, now)
    }
}

/// An echo as its reply, whose sum is changed by as much as its type (RFC 1624): a wrong one stays wrong.
fn retyped(mut echo: Vec<u8>) -> Vec<u8> {
    let (more, carry) = word(&echo, 2).overflowing_add(0x0800);
    echo[0] = 0;
    echo[2..4].copy_from_slice(&(more + u16::from(carry)).to_be_bytes());
    echo
}
