//! A first look at a frame: whether it carries a TCP segment, and of which kind.
//!
//! In as few steps as a frame deserves that most often is no SYN. No checksum and no address is
//! looked at: that is for the [`host`](crate::host), once it is a SYN for which nobody listens.

use core::net::{IpAddr, SocketAddr};
use core::ops::Range;

/// What comes before the IP header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Link {
    /// Nothing: a frame is an IP packet.
    Ip = 0,
    /// The header of Ethernet: two hardware addresses and an `EtherType`.
    Ethernet = 14,
}

/// A TCP segment in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'f> {
    frame: &'f [u8],
    /// Where the source address of the IP header starts.
    source: usize,
    /// Where the TCP header starts.
    start: usize,
    port: u16,
    flags: u8,
}

impl Link {
    /// How many bytes there are before the IP header.
    pub const fn header_len(self) -> usize {
        self as usize
    }
}

impl<'f> Segment<'f> {
    /// The segment in `frame`, if it is an IP packet with TCP right behind its header, and isn't a
    /// later fragment.
    #[inline]
    pub fn find(frame: &'f [u8], link: Link) -> Option<Self> {
        let header = link.header_len();
        let (start, source) = match *frame.get(header..)? {
            #[cfg(feature = "ipv4")]
            [version, _, _, _, _, _, high, low, _, TCP, ..]
                if version >> 4 == 4 && [high << 3, low] == [0, 0] =>
            {
                (header + usize::from(version & 0x0f) * 4, header + 12)
            }
            #[cfg(feature = "ipv6")]
            [version, _, _, _, _, _, TCP, ..] if version >> 4 == 6 => (header + 40, header + 8),
            _ => return None,
        };
        let &[_, _, high, low, _, _, _, _, _, _, _, _, _, flags] = frame.get(start..start + 14)?
        else {
            return None;
        };
        Some(Self {
            frame,
            source,
            start,
            port: u16::from_be_bytes([high, low]),
            flags,
        })
    }

    /// The whole frame.
    pub fn frame(&self) -> &'f [u8] {
        self.frame
    }

    /// The port that it is sent to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it may begin or end a connection: after it, other sockets may listen than before.
    pub fn is_syn_or_reset(&self) -> bool {
        self.flags & (SYN | RST) != 0
    }

    /// Whether it asks for a connection: SYN without ACK or RST.
    pub fn is_syn(&self) -> bool {
        self.flags & (SYN | RST | ACK) == SYN
    }

    /// The maximum segment size that its sender announces, in bytes. `None`: none, which means
    /// 536 over IPv4, and 1220 over IPv6 (RFC 9293, section 3.7.1).
    pub fn announced_mss(&self) -> Option<u16> {
        read_options(self.frame.get(self.start..)?, Until::Mss).unwrap_or_default()
    }

    /// Where the TCP header starts in the frame.
    pub fn start(&self) -> usize {
        self.start
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether it goes from one of these to the other.
    pub(crate) fn is_of(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let bytes = self.frame.get(self.client()).unwrap_or_default();
        let [[a, b], [c, d]] = [from, to].map(|end| end.port().to_be_bytes());
        // Options of IPv4 may stand before the ports. Not last_chunk, which keeps a panic at some levels.
        let mut last = bytes.iter().rev().zip([d, c, b, a]);
        let ports = last.all(|(one, other)| *one == other);
        ports
            && match (from.ip(), to.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => starts(bytes, from.octets(), to.octets()),
                (IpAddr::V6(from), IpAddr::V6(to)) => starts(bytes, from.octets(), to.octets()),
                _ => false,
            }
    }

    /// Where its bytes tell clients apart: the addresses and the ports of both sides.
    pub(crate) fn client(&self) -> Range<usize> {
        self.source..self.start + 4
    }
}

/// Whether bytes start with some, and go on with others.
fn starts<const N: usize>(bytes: &[u8], first: [u8; N], second: [u8; N]) -> bool {
    bytes.first_chunk() == Some(&first)
        && bytes.get(N..).and_then(<[u8]>::first_chunk) == Some(&second)
}

/// A TCP header that claims more bytes than there are, or an option of the wrong form.
pub(crate) struct Malformed;

/// How far options are read.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Until {
    /// The maximum segment size is found.
    Mss,
    /// All of them have been looked at.
    End,
}

/// The maximum segment size that the options of a segment announce.
// One function for both uses, and not a parser that makes something of every option: kilobytes are
// scarce.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn read_options(segment: &[u8], until: Until) -> Result<Option<u16>, Malformed> {
    let offset = segment.get(12).ok_or(Malformed)?;
    let end = usize::from(offset >> 4) * 4;
    let mut options = segment.get(HEADER..end).ok_or(Malformed)?;
    let mut mss = None;
    loop {
        options = match *options {
            [] | [END, ..] => return Ok(mss),
            [NO_OPERATION, ref rest @ ..] => rest,
            [kind, len, ..] if has_length(kind, len) => {
                if let [MAXIMUM_SEGMENT_SIZE, _, high, low, ..] = *options {
                    mss = Some(u16::from_be_bytes([high, low]));
                    if until == Until::Mss {
                        return Ok(mss);
                    }
                }
                options.get(len.into()..).ok_or(Malformed)?
            }
            _ => return Err(Malformed),
        };
    }
}

/// Whether an option of this kind can have this length.
fn has_length(kind: u8, len: u8) -> bool {
    match kind {
        MAXIMUM_SEGMENT_SIZE => len == 4,
        WINDOW_SCALE => len == 3,
        SACK_PERMITTED => len == 2,
        SACK => len >= 10 && len % 8 == 2,
        _ => len >= 2,
    }
}

/// The shortest TCP header.
const HEADER: usize = 20;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

/// Its number as the payload of an IP packet.
pub(crate) const TCP: u8 = 6;

/// Kinds of options.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MAXIMUM_SEGMENT_SIZE: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
