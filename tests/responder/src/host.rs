//! The host: what comes in, and what goes out because of it or of time. Here are its frames and its
//! neighbors; `ip4` and `ip6` have what comes in them, `depart` what goes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::bytes::{Mac, at, frame, on_link, sum, word};
use crate::errors::Errors;
use crate::fault::{Fault, Wrong};
use crate::neighbors::Neighbors;
use crate::reassembly::Reassembly;
use crate::tcp::Tcp;
use crate::udp::Udp;

mod depart;
mod icmp4;
mod icmp6;
mod ip4;
mod ip6;
mod upper;

const BROADCAST: Mac = [0xff; 6];
const ETHERNET: usize = 14;
const SHORTEST: usize = 60;
/// The longest packet.
const MTU: usize = 1500;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const TAG: u16 = 0x8100;

/// How long an answer takes.
const WORK: Duration = Duration::from_micros(20);

/// So soon a frame is right behind another.
const BEHIND: Duration = Duration::from_micros(100);

/// More bytes make a frame a long one.
const LONG: usize = 1000;

/// After so long without a frame a host may sleep.
const IDLE: Duration = Duration::from_secs(59);

/// So often a host asks for its router that hears nothing of it.
const ASKS: Duration = Duration::from_secs(1);

/// A host.
#[derive(Debug)]
pub struct Host {
    mac: Mac,
    v4: [u8; 4],
    v6: [u8; 16],
    wrong: Wrong,
    tcp: Tcp,
    udp: Udp,
    reassembly: Reassembly,
    neighbors: Neighbors,
    /// Where those are on the link who sent something over IPv6.
    neighbors6: HashMap<[u8; 16], Mac>,
    /// How long packets to those may be whose way is narrower than the link.
    paths6: HashMap<[u8; 16], usize>,
    errors: Errors,
    /// How many prefixes routers have told of.
    prefixes: u32,
    /// Packets that have a number.
    packets: u16,
    is_dead: bool,
    /// When a frame came last.
    last: Duration,
    /// It answers no ARP.
    sleeps: bool,
    /// When it asked for its router.
    asked: Duration,
    /// How many answers there were.
    answers: u32,
    /// When the latest frames came.
    came: Vec<Duration>,
    /// When the latest one came, and how long it was.
    latest: (Duration, usize),
    /// What a buffer holds of the frame before.
    before: Vec<u8>,
}

/// An answer, and when it goes.
pub type Answer = (Duration, Vec<u8>);

impl Host {
    /// A host with this hardware address and this address of IPv4, and an address on the link; and what is
    /// wrong with it.
    pub fn new(mac: Mac, v4: [u8; 4], fault: Option<Fault>) -> Self {
        Self {
            mac,
            v4,
            v6: on_link(mac),
            wrong: Wrong(fault),
            tcp: Tcp::new(0x0123_4567_89ab_cdef, Wrong(fault)),
            udp: Udp::new(Wrong(fault)),
            reassembly: Reassembly::new(Wrong(fault)),
            neighbors: Neighbors::default(),
            neighbors6: HashMap::new(),
            paths6: HashMap::new(),
            errors: Errors::default(),
            prefixes: 0,
            packets: 0,
            is_dead: false,
            last: Duration::ZERO,
            sleeps: false,
            asked: Duration::ZERO,
            answers: 0,
            came: Vec::new(),
            latest: (Duration::ZERO, 0),
            before: vec![0xc3; 2048],
        }
    }

    /// With sequence numbers that follow from a key of its own.
    #[must_use]
    pub fn keyed(mut self, key: u64) -> Self {
        self.tcp.rekey(key);
        self
    }

    /// Which holds so many handshakes that are half open, and throws none of them out for another.
    #[must_use]
    pub fn holding(mut self, count: usize) -> Self {
        self.tcp.hold(count);
        self
    }

    fn is(&self, fault: Fault) -> bool {
        self.wrong.is(fault)
    }

    /// Takes a frame.
    pub fn receive(&mut self, frame: &[u8], now: Duration) -> Vec<Answer> {
        self.sleeps |= self.is(Fault::ArpSleeps) && now > self.last + IDLE;
        self.last = now;
        if self.is(Fault::DiesOfBurst) {
            self.came.push(now);
            self.came
                .retain(|then| now < *then + Duration::from_millis(10));
            self.is_dead |= self.came.len() > 500;
        }
        let (before, len) = std::mem::replace(&mut self.latest, (now, frame.len()));
        let is_mixed = now < before + BEHIND && len > LONG && frame.len() < LONG;
        if is_mixed && self.is(Fault::MixedLost) {
            return Vec::new();
        }
        if self.is_dead || self.is(Fault::Deaf) || frame.len() < ETHERNET {
            return Vec::new();
        }
        let answers = self.answer(frame, now);
        let answers = self.all_sent(answers, now);
        let len = frame.len().min(self.before.len());
        self.before[..len].copy_from_slice(&frame[..len]);
        answers
    }

    /// When [`expire`](Self::expire) has something to do.
    pub fn due(&self) -> Option<Duration> {
        if self.is_dead {
            return None;
        }
        let asks = self.is(Fault::Deaf).then(|| self.asked + ASKS);
        [self.tcp.due(), self.reassembly.due(), asks]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Duration) -> Vec<Answer> {
        if self.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut parcels = self.tcp.expire(now);
        for lost in self.reassembly.expire(now) {
            // Time exceeded (RFC 1122, section 3.3.2; RFC 8200, section 4.5).
            match lost.key.from {
                from if is_to_many(lost.key.to) || from.is_unspecified() => {}
                from @ IpAddr::V4(_) => {
                    parcels.extend(self.error4((11, 1), &lost.first, from, now));
                }
                from => parcels.extend(self.quoting6((3, 1), 0, &lost.first, from, now)),
            }
        }
        let mut frames = self.depart(parcels, now);
        if self.is(Fault::Deaf) && now >= self.asked + ASKS {
            self.asked = now;
            frames.push(self.question());
        }
        self.all_sent(frames, now)
    }

    fn all_sent(&mut self, frames: Vec<Vec<u8>>, now: Duration) -> Vec<Answer> {
        let frames = frames.into_iter();
        frames.map(|frame| self.sent(frame, now)).collect()
    }

    /// How a frame leaves.
    fn sent(&mut self, mut frame: Vec<u8>, now: Duration) -> Answer {
        if self.is(Fault::TagsLeft) {
            frame.splice(12..12, [0x81, 0, 0, 7]);
        }
        if frame.len() < SHORTEST && !self.is(Fault::Unpadded) {
            let len = frame.len();
            frame.resize(SHORTEST, 0);
            if self.is(Fault::PadLeaks) {
                frame[len..].copy_from_slice(&self.before[len..SHORTEST]);
            }
        }
        self.answers += 1;
        let late = if self.is(Fault::LaterAndLater) {
            Duration::from_micros(20) * self.answers
        } else {
            Duration::ZERO
        };
        (now + WORK + late, frame)
    }

    fn hears(&self, to: Mac) -> bool {
        let [.., a, b, c] = self.v6;
        let is_group = to == [0x33, 0x33, 0xff, a, b, c]
            || to == [0x33, 0x33, 0, 0, 0, 1]
            || to == [1, 0, 0x5e, 0, 0, 1];
        to == self.mac
            || to == BROADCAST && !self.is(Fault::BroadcastLost)
            || is_group && !self.is(Fault::MulticastLost)
            || self.is(Fault::Promiscuous)
    }

    fn answer(&mut self, frame: &[u8], now: Duration) -> Vec<Vec<u8>> {
        let (to, from): (Mac, Mac) = (at(frame, 0), at(frame, 6));
        if !self.hears(to) {
            return Vec::new();
        }
        let mut bytes = frame.to_vec();
        if word(&bytes, 12) == TAG {
            if self.is(Fault::PriorityIgnored) || word(&bytes, 14) & 0xfff != 0 {
                return Vec::new();
            }
            bytes.drain(12..16);
        }
        let payload = &bytes[ETHERNET..];
        let parcels = match word(&bytes, 12) {
            ARP => return self.arp(payload, to, now),
            IPV4 => {
                self.neighbors.heard(at(payload, 12), from, now);
                self.ip4(payload, to, now)
            }
            IPV6 => self.ip6(payload, (to, from), now),
            0..=1535 if self.is(Fault::DiesOfLlc) => {
                self.is_dead = true;
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.depart(parcels, now)
    }

    fn arp(&mut self, arp: &[u8], to: Mac, now: Duration) -> Vec<Vec<u8>> {
        if self.is(Fault::DiesOfArp) && arp.get(4) == Some(&0xff) {
            self.is_dead = true;
        }
        if arp.get(..6) != Some(&[0, 1, 8, 0, 6, 4]) {
            return Vec::new();
        }
        let (their_mac, their_ip): (Mac, [u8; 4]) = (at(arp, 8), at(arp, 14));
        let asked: [u8; 4] = at(arp, 24);
        // Who is known already is believed, whoever is asked (RFC 826).
        let is_known = self.neighbors.has(their_ip) && !self.is(Fault::GratuitousIgnored);
        let mut answers = Vec::new();
        if (asked == self.v4 || is_known) && their_ip != [0; 4] {
            let waited = self.neighbors.says(their_ip, their_mac, now);
            answers.extend(waited.map(|packet| frame(their_mac, self.mac, IPV4, &packet)));
            let is_full = self.neighbors.count() > 64;
            self.is_dead |= is_full && self.is(Fault::DiesOfNeighbors);
            if is_full && self.is(Fault::NeighborsEndTalks) {
                self.tcp.forget();
            }
        }
        let is_request = word(arp, 6) == 1;
        let is_ours = asked == self.v4 || self.is(Fault::AnswersForAll);
        let is_ignored = to == self.mac && self.is(Fault::ArpUnicastIgnored)
            || their_ip == [0; 4] && self.is(Fault::ProbeIgnored);
        if !is_request || !is_ours || is_ignored || self.sleeps {
            return answers;
        }
        let mut said = self.mac;
        if self.is(Fault::ArpWrongFields) {
            said[5] ^= 1;
        }
        let reply = [
            &[0, 1, 8, 0, 6, 4, 0, 2][..],
            &said,
            &asked,
            &their_mac,
            &their_ip,
        ]
        .concat();
        answers.insert(0, frame(their_mac, self.mac, ARP, &reply));
        answers
    }

    /// Where its router is, the last address of its network.
    fn question(&self) -> Vec<u8> {
        let [a, b, c, _] = self.v4;
        let asks = [0, 1, 8, 0, 6, 4, 0, 1];
        let arp = [&asks[..], &self.mac, &self.v4, &[0; 6], &[a, b, c, 254]].concat();
        frame(BROADCAST, self.mac, ARP, &arp)
    }

    /// Whether one more error may be sent.
    fn may_tell(&mut self, now: Duration) -> bool {
        self.errors.may_send(now) || self.is(Fault::ErrorsUnlimited)
    }

    /// A reply of this type with its sum.
    fn summed(&self, mut reply: Vec<u8>, kind: u8, before: &[u8]) -> Vec<u8> {
        reply[0] = kind;
        reply[2..4].fill(0);
        if !self.is(Fault::SumsZero) {
            let right = sum(&[before, &reply]);
            reply[2..4].copy_from_slice(&right.to_be_bytes());
        }
        reply
    }
}

fn is_to_many(to: IpAddr) -> bool {
    to.is_multicast() || matches!(to, IpAddr::V4(to) if to.is_broadcast())
}
