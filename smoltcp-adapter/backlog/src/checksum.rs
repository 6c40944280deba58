//! The Internet's checksum (RFC 1071).

/// The sum of all 16-bit words; an odd byte at the end counts as if a zero followed. Bytes are at
/// most those of an IP packet, so that it can't overflow.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).fold(0, |sum, word| {
        let word = match *word {
            [high, low] => u16::from_be_bytes([high, low]),
            [high, ..] => u16::from_be_bytes([high, 0]),
            [] => 0,
        };
        sum.wrapping_add(word.into())
    })
}

/// Whether what a checksum covers, itself included, adds up.
pub(crate) fn is_right(sum: u32) -> bool {
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded & 0xffff) + (folded >> 16) == 0xffff
}
