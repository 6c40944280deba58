//! What is above IP: who takes what came, and which errors are made of it.

use std::net::IpAddr;
use std::time::Duration;

use super::Host;
use crate::bytes::{at, word};
use crate::fault::Fault;
use crate::parcel::{Arrival, Parcel};
use crate::tcp::segment::TCP;
use crate::tcp::{self, Report, Trouble};
use crate::udp::{Taken, UDP};

/// The number of ICMP in a header of IPv4.
pub(super) const ICMP4: u8 = 1;
/// In one of IPv6.
pub(super) const ICMP6: u8 = 58;

/// Why something couldn't be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// Nobody listens at its port.
    Port,
    /// Its protocol isn't known.
    Protocol,
}

impl Host {
    /// Gives what came to whom it is for.
    pub(super) fn upper(&mut self, arrival: &Arrival<'_>, now: Duration) -> Vec<Parcel> {
        let ends = (arrival.from, arrival.to);
        match (arrival.protocol, arrival.own) {
            (TCP, _) if !arrival.is_for_all || self.is(Fault::BroadcastSynAnswered) => {
                let answer = self.tcp.arrives(arrival.body, ends, arrival.own, now);
                self.is_dead |= self.tcp.is_dead;
                match answer {
                    tcp::Answer::Segments(segments) => segments,
                    tcp::Answer::Unreachable => self.error(arrival, Undelivered::Port, now),
                }
            }
            (TCP, _) => Vec::new(),
            (UDP, _) => match self
                .udp
                .arrives(arrival.body, ends, self.source(arrival), now)
            {
                Taken::Silence => Vec::new(),
                Taken::Reply(bytes) => {
                    vec![Parcel::new(self.source(arrival), arrival.from, UDP, bytes)]
                }
                Taken::Closed if self.is(Fault::NoUnreachable) => Vec::new(),
                Taken::Closed => self.error(arrival, Undelivered::Port, now),
            },
            (ICMP4, IpAddr::V4(_)) => self.icmp4(arrival, now),
            (ICMP6, IpAddr::V6(_)) => self.icmp6(arrival, now),
            (_, IpAddr::V4(_)) if self.is(Fault::ProtocolSilent) => Vec::new(),
            _ => self.error(arrival, Undelivered::Protocol, now),
        }
    }

    /// From where replies come.
    pub(super) fn source(&self, arrival: &Arrival<'_>) -> IpAddr {
        match arrival.own {
            IpAddr::V4(own) if self.is(Fault::OtherSource) => {
                let [a, b, c, d] = own.octets();
                [a, b, c, d ^ 0x80].into()
            }
            own => own,
        }
    }

    /// An error, unless it went to many.
    fn error(&mut self, arrival: &Arrival<'_>, what: Undelivered, now: Duration) -> Vec<Parcel> {
        if arrival.is_for_all && !self.is(Fault::ErrorsForAll) {
            return Vec::new();
        }
        match arrival.own {
            IpAddr::V4(_) => self.unreachable4(arrival, what, now).into_iter().collect(),
            IpAddr::V6(_) => self.undelivered6(arrival, what, now),
        }
    }

    /// An error of what this host sent: the segment that it quotes, if it is one.
    pub(super) fn hear(
        &mut self,
        (own, peer): (IpAddr, IpAddr),
        segment: &[u8],
        trouble: Trouble,
        now: Duration,
    ) -> Vec<Parcel> {
        let report = Report {
            own: (own, word(segment, 0)).into(),
            peer: (peer, word(segment, 2)).into(),
            seq: u32::from_be_bytes(at(segment, 4)),
            trouble,
        };
        let segments = self.tcp.hears(report, now);
        self.is_dead |= self.tcp.is_dead;
        segments
    }
}
