//! Text that gives away where its bytes come from: valid UTF-8 of any length, made from a seed, and known
//! byte by byte without memory for it.

use crate::limits::MAX_TEXT;

/// So many bytes hold a character of each length, one to four bytes.
const GROUP: usize = 10;

/// So many groups the longest text has.
const GROUPS: u32 = 103;

/// How many lengths a text may have: 0 to 1024 bytes.
pub(super) const LENGTHS: u16 = 1025;
const _: () = assert!(LENGTHS as usize == MAX_TEXT + 1);

/// A text of so many bytes. It looks like no other with the same seed, in no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    seed: u32,
    len: u16,
    plain: bool,
}

impl Sample {
    /// Random characters of one to four bytes. Each ten bytes have one that no other place has, and no
    /// other length.
    pub(super) fn new(seed: u64, len: u16) -> Self {
        Self {
            seed: folded(seed),
            len: len.min(LENGTHS - 1),
            plain: false,
        }
    }

    /// Random characters of one byte: what changes one of them leaves text.
    pub(super) fn plain(seed: u64, len: u16) -> Self {
        Self {
            plain: true,
            ..Self::new(seed, len)
        }
    }

    /// How many bytes it has.
    pub(super) fn len(self) -> u16 {
        self.len
    }

    /// Byte `at` of it.
    pub(super) fn byte(self, at: usize) -> Option<u8> {
        let len = usize::from(self.len);
        if at >= len {
            return None;
        }
        let chance = |what: u32| mix(self.seed ^ mix(u32::from(self.len) << 16 ^ what));
        let group = at / GROUP;
        if self.plain || group == len / GROUP {
            // What is left behind the last whole group has room for no longer characters.
            let [byte, ..] = (chance(u32::try_from(at).ok()?) % 94).to_le_bytes();
            return Some(b'!' + byte);
        }
        let group = u32::try_from(group).ok()?;
        let random = chance(0x8000 | group);
        let mut rest = at % GROUP;
        for turn in 0..4 {
            let turn = if random & 4 == 0 { turn } else { 3 - turn };
            let width = ((random & 3) + turn) % 4 + 1;
            let bytes = usize::try_from(width).ok()?;
            if rest < bytes {
                let code = self.code_point(width, group, random >> 3);
                return Some(encoded(code, bytes, rest));
            }
            rest -= bytes;
        }
        None
    }

    /// A code point that is encoded in so many bytes.
    fn code_point(self, width: u32, group: u32, random: u32) -> u32 {
        match width {
            1 => random % 0x80,
            2 => 0x80 + random % (0x800 - 0x80),
            3 => {
                let code = 0x800 + random % (0x1_0000 - 0x800 - 0x800);
                // Not a surrogate.
                if code < 0xd800 { code } else { code + 0x800 }
            }
            _ => {
                // There are a million of them. Multiplying by an odd number leaves all different.
                let place = u32::from(self.len) * GROUPS + group;
                0x1_0000 + (place.wrapping_mul(0x9_e377) ^ self.seed) % 0x10_0000
            }
        }
    }
}

/// Byte `at` of a code point that takes `width` bytes.
fn encoded(code: u32, width: usize, at: usize) -> u8 {
    let behind = width.saturating_sub(1 + at);
    let [bits, ..] = (code >> (6 * behind)).to_le_bytes();
    match (at, width) {
        (0, 1) => bits,
        (0, 2) => 0xc0 | bits,
        (0, 3) => 0xe0 | bits,
        (0, _) => 0xf0 | bits,
        _ => 0x80 | bits & 0x3f,
    }
}

/// All lengths, each once, in an order that follows from a seed.
pub(super) fn shuffled(seed: u64) -> impl Iterator<Item = u16> {
    let key = mix(folded(seed));
    (0..LENGTHS).map(move |at| {
        let mut place = at;
        // Every step is undone by one other, so no two lengths meet, and a way that leads beyond the last
        // comes back.
        loop {
            let step = |place: u16, key: u32| {
                let [a, b, c, d] = key.to_le_bytes();
                let place = place
                    .wrapping_mul(u16::from_le_bytes([a, b]) | 1)
                    .wrapping_add(u16::from_le_bytes([c, d]))
                    % 2048;
                place ^ place >> 5
            };
            place = step(step(place, key), mix(key));
            if place < LENGTHS {
                return place;
            }
        }
    })
}

/// A number below `below`, which is not 0, that follows from a seed and another number.
pub(super) fn chosen(seed: u64, number: u32, below: u16) -> u16 {
    let random = mix(folded(seed) ^ mix(number.wrapping_add(0x51ed_270b)));
    u16::try_from(random % u32::from(below.max(1))).unwrap_or_default()
}

fn folded(seed: u64) -> u32 {
    let bytes = seed.to_le_bytes();
    let (words, _) = bytes.as_chunks();
    words
        .iter()
        .fold(0, |folded, word| mix(folded) ^ u32::from_le_bytes(*word))
}

/// Each bit that goes in turns about half of those that come out: the finalizer of `MurmurHash3`, which
/// Austin Appleby gave to the public.
const fn mix(mut bits: u32) -> u32 {
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x85eb_ca6b);
    bits ^= bits >> 13;
    bits = bits.wrapping_mul(0xc2b2_ae35);
    bits ^ bits >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::string::String;
    use std::vec::Vec;

    fn bytes(sample: Sample) -> Vec<u8> {
        (0..).map_while(|at| sample.byte(at)).collect()
    }

    #[test]
    fn every_length_is_text_of_that_length() {
        for seed in [1, u64::MAX] {
            for len in 0..LENGTHS {
                for sample in [Sample::new(seed, len), Sample::plain(seed, len)] {
                    let bytes = bytes(sample);
                    assert_eq!(bytes.len(), usize::from(len));
                    assert!(String::from_utf8(bytes).is_ok(), "{sample:?}");
                }
            }
        }
    }

    #[test]
    fn characters_of_each_length_come_in_every_order() {
        let text = String::from_utf8(bytes(Sample::new(1, 1020))).expect("text");
        let widths: Vec<_> = text.chars().map(char::len_utf8).collect();
        let orders: BTreeSet<_> = widths.chunks(4).map(<[_]>::to_vec).collect();
        assert_eq!(orders.len(), 8);
    }

    #[test]
    fn no_place_looks_like_another() {
        let mut seen = BTreeSet::new();
        for len in 0..LENGTHS {
            let text = String::from_utf8(bytes(Sample::new(7, len))).expect("text");
            for character in text.chars().filter(|c| c.len_utf8() == 4) {
                assert!(seen.insert(character), "{character:?} in one of {len}");
            }
        }
        assert!(seen.len() > 50_000);
    }

    #[test]
    fn plain_text_of_another_seed_is_another() {
        let (one, other) = (bytes(Sample::plain(1, 1024)), bytes(Sample::plain(2, 1024)));
        let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
        assert!(same < 50, "{same}");
    }

    #[test]
    fn every_length_has_its_turn_once() {
        for seed in 0..100 {
            let all: BTreeSet<_> = shuffled(seed).collect();
            assert_eq!(all.len(), usize::from(LENGTHS), "{seed}");
        }
        let first = |seed| shuffled(seed).take(20).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        let rising = first(1).is_sorted();
        assert!(!rising, "{:?}", first(1));
    }

    #[test]
    fn a_number_is_chosen_below_a_bound() {
        let chosen: BTreeSet<_> = (0..1000).map(|number| chosen(1, number, 16)).collect();
        assert_eq!(chosen, (0..16).collect());
    }
}
