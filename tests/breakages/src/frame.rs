//! Ethernet frames as bytes: where TCP, UDP and ICMP over IPv4 have their data and their checksums. Whatever
//! doesn't look like that has none.

use std::ops::Range;

const ETHERNET: usize = 14;

/// Where the parts of a packet over IPv4 are in its frame.
struct Parts {
    transport: usize,
    end: usize,
    protocol: u8,
    is_fragment: bool,
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn parts(frame: &[u8]) -> Option<Parts> {
    let header = frame.get(ETHERNET..ETHERNET + 20)?;
    if word(frame, 12) != 0x0800 || header[0] >> 4 != 4 {
        return None;
    }
    let transport = ETHERNET + usize::from(header[0] & 15) * 4;
    let end = ETHERNET + usize::from(word(header, 2));
    (ETHERNET + 20 <= transport && transport <= end && end <= frame.len()).then_some(Parts {
        transport,
        end,
        protocol: header[9],
        is_fragment: word(header, 6) & 0x3fff != 0,
    })
}

/// The transport header of a whole packet, and where its checksum is.
fn transport(frame: &[u8]) -> Option<(Parts, usize)> {
    let parts = parts(frame).filter(|parts| !parts.is_fragment)?;
    let (least, sum) = match parts.protocol {
        1 => (8, 2),
        6 => (20, 16),
        17 => (8, 6),
        _ => return None,
    };
    let at = parts.transport + sum;
    (parts.end - parts.transport >= least).then_some((parts, at))
}

/// What TCP, UDP or ICMP carry in a frame, which may be nothing.
pub(crate) fn data(frame: &[u8]) -> Option<Range<usize>> {
    let (parts, _) = transport(frame)?;
    let header = match parts.protocol {
        6 => usize::from(frame[parts.transport + 12] >> 4) * 4,
        _ => 8,
    };
    let start = parts.transport + header;
    (start <= parts.end).then_some(start..parts.end)
}

pub(crate) fn is_arp_reply(frame: &[u8]) -> bool {
    frame.len() >= ETHERNET + 8 && word(frame, 12) == 0x0806 && word(frame, ETHERNET + 6) == 2
}

pub(crate) fn is_fragment(frame: &[u8]) -> bool {
    parts(frame).is_some_and(|parts| parts.is_fragment)
}

pub(crate) fn is_reset(frame: &[u8]) -> bool {
    transport(frame).is_some_and(|(p, _)| p.protocol == 6 && frame[p.transport + 13] & 4 != 0)
}

/// Sets the time to live, and makes the header's checksum fit.
pub(crate) fn set_ttl(frame: &mut [u8], ttl: u8) {
    let Some(parts) = parts(frame) else {
        return;
    };
    frame[ETHERNET + 8] = ttl;
    frame[ETHERNET + 10..ETHERNET + 12].fill(0);
    let sum = !folded(&frame[ETHERNET..parts.transport], 0);
    frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
}

/// Sets the length in the header, and makes its checksum fit.
fn set_len(frame: &mut [u8], len: usize) {
    let Some(header) = parts(frame).map(|parts| ETHERNET..parts.transport) else {
        return;
    };
    let len = u16::try_from(len).unwrap_or(u16::MAX); // which is all that fits
    frame[ETHERNET + 2..ETHERNET + 4].copy_from_slice(&len.to_be_bytes());
    frame[ETHERNET + 10..ETHERNET + 12].fill(0);
    let sum = !folded(&frame[header], 0);
    frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&sum.to_be_bytes());
}

/// Lets an IP packet say that it is so many bytes longer than it is.
pub(crate) fn lengthen(frame: &mut [u8], by: usize) {
    if let Some(parts) = parts(frame) {
        set_len(frame, parts.end - ETHERNET + by);
    }
}

/// Whether something stands behind a whole packet in its frame.
pub(crate) fn has_trailer(frame: &[u8]) -> bool {
    transport(frame).is_some_and(|(parts, _)| parts.end < frame.len())
}

/// Makes what stands behind a packet a part of its data.
pub(crate) fn take_trailer(frame: &mut [u8]) {
    set_len(frame, frame.len() - ETHERNET);
    mend(frame);
}

/// Makes the checksum of TCP, UDP or ICMP zero.
pub(crate) fn clear_sum(frame: &mut [u8]) {
    if let Some((_, at)) = transport(frame) {
        frame[at..at + 2].fill(0);
    }
}

/// Makes the checksum of TCP, UDP or ICMP fit.
pub(crate) fn mend(frame: &mut [u8]) {
    let Some((parts, at)) = transport(frame) else {
        return;
    };
    if parts.protocol == 17 && word(frame, at) == 0 {
        return; // it has none
    }
    frame[at..at + 2].fill(0);
    let len = u32::try_from(parts.end - parts.transport).unwrap_or(0); // 16 bits, as IPv4 has it
    let addresses = folded(&frame[ETHERNET + 12..ETHERNET + 20], 0);
    let pseudo = match parts.protocol {
        1 => 0, // ICMP has none
        protocol => u32::from(addresses) + u32::from(protocol) + len,
    };
    let sum = match !folded(&frame[parts.transport..parts.end], pseudo) {
        0 if parts.protocol == 17 => 0xffff, // as 0 says that there is none
        sum => sum,
    };
    frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Makes the checksum of TCP, UDP or ICMP wrong.
pub(crate) fn spoil(frame: &mut [u8]) {
    let Some((_, at)) = transport(frame) else {
        return;
    };
    // Never the zero that says in UDP that there is none, nor the other zero for one.
    let sum = word(frame, at);
    let wrong = sum ^ if sum == 0x5555 { 0x3333 } else { 0x5555 };
    frame[at..at + 2].copy_from_slice(&wrong.to_be_bytes());
}

/// The sum of RFC 1071 over words of two bytes, and what is there already.
fn folded(bytes: &[u8], before: u32) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|w| u32::from(u16::from_be_bytes([w[0], *w.get(1).unwrap_or(&0)])));
    let mut sum = before + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX) // which is all that is left
}
