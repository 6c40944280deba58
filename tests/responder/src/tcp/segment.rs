//! A segment of TCP: from bytes and to bytes (RFC 9293, section 3.1).

use std::net::IpAddr;

use crate::bytes::{pseudo, sum, word};
use crate::fault::{Fault, Wrong};

/// The number of TCP in a header of IP.
pub const TCP: u8 = 6;

/// Control bits.
pub const FIN: u8 = 1;
/// Synchronizes sequence numbers.
pub const SYN: u8 = 2;
/// Resets.
pub const RST: u8 = 4;
/// Pushes.
pub const PSH: u8 = 8;
/// The acknowledgment is one.
pub const ACK: u8 = 16;
/// The urgent pointer is one.
pub const URG: u8 = 32;
/// ECN's two.
pub const ECN: u8 = 0xc0;

const HEADER: usize = 20;

/// How many sequence numbers a text takes.
pub fn octets(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The port that it is from.
    pub from: u16,
    /// The port that it goes to.
    pub to: u16,
    /// The number of its first octet.
    pub seq: u32,
    /// The number that is expected next, if `ACK` is set.
    pub ack: u32,
    /// The control bits.
    pub flags: u8,
    /// The window, as it stands there.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The maximum segment size, if it is announced.
    pub mss: Option<u16>,
    /// The window's scale, if it is offered.
    pub scale: Option<u8>,
    /// A timestamp, and which it echoes (RFC 7323, section 3.2).
    pub stamps: Option<(u32, u32)>,
    /// The text.
    pub text: Vec<u8>,
}

/// What became of bytes.
#[derive(Debug)]
pub enum Parsed {
    /// A segment.
    Segment(Segment),
    /// Nothing that means anything.
    Nothing,
    /// The end of a host that is wrong so.
    Death,
}

impl Segment {
    /// Whether one of these bits is set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// How many sequence numbers it takes (SEG.LEN).
    pub fn len(&self) -> u32 {
        octets(&self.text) + u32::from(self.has(SYN)) + u32::from(self.has(FIN))
    }

    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What these bytes are that went from one address to another.
    pub fn parse(bytes: &[u8], from: IpAddr, to: IpAddr, wrong: Wrong) -> Parsed {
        if bytes.len() < HEADER {
            return Parsed::Nothing;
        }
        let is_right = sum(&[&pseudo(from, to, TCP, bytes.len()), bytes]) == 0;
        if !is_right && !wrong.is(Fault::TcpUnchecked) {
            return Parsed::Nothing;
        }
        let offset = usize::from(bytes[12] >> 4) * 4;
        let is_possible = (HEADER..=bytes.len()).contains(&offset);
        if !is_possible && !wrong.is(Fault::OffsetUnchecked) {
            return Parsed::Nothing;
        }
        if offset > bytes.len() {
            return Parsed::Death;
        }
        if bytes[12] & 15 != 0 && wrong.is(Fault::ReservedBitsDrop) {
            return Parsed::Nothing;
        }
        let mut segment = Self {
            from: word(bytes, 0),
            to: word(bytes, 2),
            seq: long(bytes, 4),
            ack: long(bytes, 8),
            flags: bytes[13],
            window: word(bytes, 14),
            urgent: word(bytes, 18),
            text: bytes[offset..].to_vec(),
            ..Self::default()
        };
        let options = bytes.get(HEADER..offset).unwrap_or_default();
        match segment.read_options(options, wrong) {
            None => Parsed::Nothing,
            Some(false) => Parsed::Death,
            Some(true) if segment.kills(wrong) => Parsed::Death,
            Some(true) => Parsed::Segment(segment),
        }
    }

    /// Takes what it knows; whether the host survives it, or `None` if the segment is dropped.
    fn read_options(&mut self, mut options: &[u8], wrong: Wrong) -> Option<bool> {
        let all = options.len();
        loop {
            let len = match options {
                [] | [0, ..] => return Some(true),
                [1, rest @ ..] => {
                    options = rest;
                    continue;
                }
                [_, len, ..] => usize::from(*len),
                [_] => 0,
            };
            // What follows can't be told apart (RFC 9293, MUST-7): the rest is left.
            if len < 2 {
                return Some(!wrong.is(Fault::DiesOfOptionZero));
            }
            let Some((option, rest)) = options.split_at_checked(len) else {
                return Some(!wrong.is(Fault::DiesOfOptionOverrun));
            };
            let is_within_word = !(all - options.len()).is_multiple_of(4);
            match option {
                _ if is_within_word && wrong.is(Fault::OptionsByWords) => {}
                [2, 4, ..] => self.mss = Some(word(option, 2)),
                [3, 3, scale] => self.scale = Some(*scale),
                [8, 10, ..] => self.stamps = Some((long(option, 2), long(option, 6))),
                [2..=5 | 8, ..] => {}
                _ if wrong.is(Fault::OptionsChoke) => return None,
                _ => {}
            }
            options = rest;
        }
    }

    /// Whether its urgent pointer is behind its text.
    pub fn is_beyond(&self) -> bool {
        self.has(URG) && usize::from(self.urgent) > self.text.len()
    }

    fn kills(&self, wrong: Wrong) -> bool {
        self.mss == Some(0) && wrong.is(Fault::DiesOfMssZero)
            || self.has(SYN) && self.has(FIN) && wrong.is(Fault::DiesOfSynFin)
            || self.is_beyond() && wrong.is(Fault::DiesOfUrgent)
    }

    /// The bytes of it, from one address to another.
    pub fn bytes(&self, from: IpAddr, to: IpAddr) -> Vec<u8> {
        let mut options = Vec::new();
        if let Some(mss) = self.mss {
            options.extend([2, 4]);
            options.extend(mss.to_be_bytes());
        }
        if let Some(scale) = self.scale {
            options.extend([1, 3, 3, scale]);
        }
        if let Some((value, echo)) = self.stamps {
            options.extend([1, 1, 8, 10]);
            options.extend(value.to_be_bytes());
            options.extend(echo.to_be_bytes());
        }
        let words = u8::try_from((HEADER + options.len()) / 4).unwrap_or(5);
        let mut bytes = [
            &self.from.to_be_bytes()[..],
            &self.to.to_be_bytes(),
            &self.seq.to_be_bytes(),
            &self.ack.to_be_bytes(),
            &[words << 4, self.flags],
            &self.window.to_be_bytes(),
            &[0, 0, 0, 0],
            &options,
            &self.text,
        ]
        .concat();
        let right = sum(&[&pseudo(from, to, TCP, bytes.len()), &bytes]);
        bytes[16..18].copy_from_slice(&right.to_be_bytes());
        bytes
    }
}

fn long(bytes: &[u8], place: usize) -> u32 {
    u32::from(word(bytes, place)) << 16 | u32::from(word(bytes, place + 2))
}
