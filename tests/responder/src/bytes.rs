//! Headers and sums as bytes, by hand: nothing here is shared with what is proved by it.

use std::net::IpAddr;

/// An address of Ethernet.
pub type Mac = [u8; 6];

/// The word at a place.
pub fn word(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some([high, low]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

/// The bytes at a place; zeros where there are none.
pub fn at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let part = bytes.get(at..at + N).and_then(|part| part.try_into().ok());
    part.unwrap_or([0; N])
}

/// The sum of RFC 1071 over all of this, one after the other.
pub fn sum(parts: &[&[u8]]) -> u16 {
    let all = parts.concat();
    let mut sum = 0_u32;
    for word in all.chunks(2) {
        sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// What stands before a message when its sum is made (RFC 9293, section 3.1; RFC 8200, section 8.1).
pub fn pseudo(from: IpAddr, to: IpAddr, protocol: u8, len: usize) -> Vec<u8> {
    let len = u32::try_from(len).unwrap_or(0).to_be_bytes();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            [&from.octets()[..], &to.octets(), &[0, protocol], &len[2..]].concat()
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            [&from.octets()[..], &to.octets(), &len, &[0, 0, 0, protocol]].concat()
        }
        _ => Vec::new(),
    }
}

/// A frame, not filled up.
pub fn frame(to: Mac, from: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ethertype.to_be_bytes(), payload].concat()
}

/// Where neighbors of IPv6 are asked for, and the address on the link that follows from a hardware address.
pub fn on_link(mac: Mac) -> [u8; 16] {
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..11].copy_from_slice(&mac[..3]);
    octets[8] ^= 2;
    octets[11..13].copy_from_slice(&[0xff, 0xfe]);
    octets[13..].copy_from_slice(&mac[3..]);
    octets
}

/// All nodes on the link.
pub const ALL_NODES: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
