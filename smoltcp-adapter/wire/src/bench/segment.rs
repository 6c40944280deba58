//! Segments of TCP: as the board sends them, and by hand, as bytes that a check may edit.

use core::net::IpAddr;

use smoltcp::wire::{IpProtocol, TcpPacket};

use super::craft::{self, Ends, put};

/// The control bits (RFC 9293, section 3.1).
pub mod flags {
    /// No more text.
    pub const FIN: u8 = 0x01;
    /// The first segment.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number means something.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer means something.
    pub const URG: u8 = 0x20;
    /// Congestion was met (RFC 3168, section 6.1).
    pub const ECE: u8 = 0x40;
    /// The congestion window was reduced (RFC 3168, section 6.1).
    pub const CWR: u8 = 0x80;
}

use flags::{ACK, FIN, RST, SYN};

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// From whom to whom; both of one version.
    pub ends: (IpAddr, IpAddr),
    /// From which port to which.
    pub ports: (u16, u16),
    /// The number of its first byte.
    pub seq: u32,
    /// What is acknowledged, if `ACK` is set; what stands there, if it isn't.
    pub ack: u32,
    /// Its control bits, FIN being the lowest.
    pub flags: u8,
    /// The window, as it stands there.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// The options, with what fills them up.
    pub options: Vec<u8>,
    /// What it carries.
    pub text: Vec<u8>,
}

impl Segment {
    /// The segment in these bytes, if they are one.
    pub(crate) fn read(ends: (IpAddr, IpAddr), bytes: &[u8]) -> Option<Self> {
        let tcp = TcpPacket::new_checked(bytes).ok()?;
        Some(Self {
            ends,
            ports: (tcp.src_port(), tcp.dst_port()),
            seq: number(bytes, 4)?,
            ack: number(bytes, 8)?,
            flags: *bytes.get(13)?,
            window: tcp.window_len(),
            urgent: tcp.urgent_at(),
            options: tcp.options().to_vec(),
            text: tcp.payload().to_vec(),
        })
    }

    /// Whether all of these bits are set.
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// So many numbers it takes: its text, and its SYN and FIN (RFC 9293, section 3.4).
    pub fn len(&self) -> u32 {
        let ends = u32::from(self.has(SYN)) + u32::from(self.has(FIN));
        u32::try_from(self.text.len()).unwrap_or(u32::MAX) + ends
    }

    /// Whether it takes no number: it acknowledges, or resets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number behind it.
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len())
    }

    /// What an option of this kind says (RFC 9293, section 3.2).
    pub fn option(&self, kind: u8) -> Option<&[u8]> {
        let mut rest = &self.options[..];
        loop {
            match *rest {
                [1, ..] => rest = rest.get(1..)?,
                [known, len, ..] if known != 0 && len >= 2 => {
                    let whole = rest.get(..len.into())?;
                    if known == kind {
                        return whole.get(2..);
                    }
                    rest = rest.get(len.into()..)?;
                }
                _ => return None,
            }
        }
    }

    /// The longest text that its sender wants, if it says so.
    pub fn mss(&self) -> Option<u16> {
        let bytes = self.option(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }

    /// The same with other control bits.
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        if flags & ACK == 0 {
            self.ack = 0; // what has no meaning is zero: some take it for one all the same
        }
        self
    }

    /// The same from another number on.
    #[must_use]
    pub fn seq(mut self, seq: u32) -> Self {
        self.seq = seq;
        self
    }

    /// The same with another acknowledgment.
    #[must_use]
    pub fn ack(mut self, ack: u32) -> Self {
        self.ack = ack;
        self
    }

    /// The same with another window.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    /// The same with an urgent pointer, and its bit.
    #[must_use]
    pub fn urgent(mut self, urgent: u16) -> Self {
        self.urgent = urgent;
        self.flags |= flags::URG;
        self
    }

    /// The same with these options.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }

    /// The same with this text.
    #[must_use]
    pub fn text(mut self, text: &[u8]) -> Self {
        self.text = text.to_vec();
        self
    }

    /// Its bytes, with their sum; options are filled up to whole words.
    pub fn bytes(&self) -> Vec<u8> {
        let header = 20 + self.options.len().next_multiple_of(4);
        let mut bytes = vec![0; header];
        put(&mut bytes, 0, &self.ports.0.to_be_bytes());
        put(&mut bytes, 2, &self.ports.1.to_be_bytes());
        put(&mut bytes, 4, &self.seq.to_be_bytes());
        put(&mut bytes, 8, &self.ack.to_be_bytes());
        let words = u8::try_from(header / 4).unwrap_or(u8::MAX);
        put(&mut bytes, 12, &[words << 4, self.flags]);
        put(&mut bytes, 14, &self.window.to_be_bytes());
        put(&mut bytes, 18, &self.urgent.to_be_bytes());
        put(&mut bytes, 20, &self.options);
        bytes.extend(&self.text);
        craft::mend_transport(self.between(), IpProtocol::Tcp, 16, &mut bytes);
        bytes
    }

    /// From whom to whom.
    pub(crate) fn between(&self) -> Ends {
        Ends {
            from: self.ends.0,
            to: self.ends.1,
        }
    }

    /// What it says, in a few words, with numbers since these: its sender's first, and the other's.
    pub(crate) fn words(&self, first: u32, first_of_other: u32) -> String {
        let names = [
            (SYN, "SYN"),
            (FIN, "FIN"),
            (RST, "RST"),
            (flags::URG, "URG"),
            (flags::ECE, "ECE"),
            (flags::CWR, "CWR"),
        ];
        let (from, to) = self.ports;
        let mut words = vec![format!("TCP {from} to {to}")];
        let set = names.iter().filter(|(flag, _)| self.has(*flag));
        words.extend(set.map(|(_, name)| (*name).to_owned()));
        words.push(format!("seq {}", signed(self.seq.wrapping_sub(first))));
        if self.has(ACK) {
            let since = self.ack.wrapping_sub(first_of_other);
            words.push(format!("ack {}", signed(since)));
        }
        words.push(format!("window {}", self.window));
        words.extend(self.mss().map(|mss| format!("MSS {mss}")));
        if self.has(flags::URG) {
            words.push(format!("urgent {}", self.urgent));
        }
        if !self.text.is_empty() {
            words.push(format!("text of {}", self.text.len()));
        }
        words.join(" ")
    }
}

/// A difference of numbers, which may go back.
fn signed(difference: u32) -> i32 {
    difference.cast_signed()
}

/// Whether one number comes after another (RFC 9293, section 3.4).
pub(crate) fn is_after(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() > 0
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Segment {
        Segment {
            ends: ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()),
            ports: (50_000, 8000),
            seq: u32::MAX - 1,
            ack: 7,
            flags: ACK | FIN,
            window: 512,
            urgent: 0,
            options: vec![1, 2, 4, 0x02, 0x18],
            text: b"Ada".to_vec(),
        }
    }

    #[test]
    fn what_is_made_is_read_again() {
        let made = segment();
        let bytes = made.bytes();
        let read = Segment::read(made.ends, &bytes).expect("a segment");
        assert_eq!(read.mss(), Some(536));
        assert_eq!(read.end(), 2);
        let filled = [&made.options[..], &[0; 3]].concat();
        assert_eq!(read, made.options(&filled));
        let tcp = TcpPacket::new_checked(&bytes[..]).expect("a segment");
        let ends = segment().between();
        assert!(tcp.verify_checksum(&ends.from.into(), &ends.to.into()));
    }

    #[test]
    fn options_that_lead_nowhere_are_no_end_of_the_world() {
        for options in [
            &[2, 0][..],
            &[2, 1],
            &[2, 200, 1],
            &[2],
            &[1, 1, 1, 1],
            &[9],
        ] {
            assert_eq!(segment().options(options).mss(), None, "{options:?}");
        }
    }

    #[test]
    fn numbers_go_round() {
        assert!(is_after(1, u32::MAX));
        assert!(!is_after(u32::MAX, 1));
        assert!(!is_after(5, 5));
    }
}
