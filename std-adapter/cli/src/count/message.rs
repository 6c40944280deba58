//! What a counted run has on the wire, every byte of which can be checked: PROTOCOL.md, *Counted messages*.
//!
//! Behind its words a message is filled with hexadecimal digits that these words determine.

use std::fmt::Write as _;

use greet_std::core::limits::GREETING;

use super::totals::Totals;

/// The shortest message that has room for every number.
pub const LEAST: usize = 96;

/// An end is longer than the totals that answer it: so nobody gets more than was sent in his name.
const END: usize = 256;
const TOTALS: usize = END - GREETING.len();

/// So many digits fill a message at least.
const FILLER: usize = 16;

/// One of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// One of the messages that are counted, sent so many microseconds after the start.
    Numbered { run: u64, number: u32, micros: u64 },
    /// The last: so many were sent.
    End { run: u64, sent: u32 },
}

impl Message {
    /// As it is sent, in so many bytes, and an end in as many as it needs.
    pub fn write(self, size: usize) -> String {
        match self {
            Self::Numbered {
                run,
                number,
                micros,
            } => sealed(
                format_args!("greet-count {run:016x} {size} message {number} {micros} "),
                size,
            ),
            Self::End { run, sent } => sealed(
                format_args!("greet-count {run:016x} {END} end {sent} "),
                END,
            ),
        }
    }

    /// Reads it. `None`: it is something else, or not as it was sent.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let (run, words) = opened(datagram)?;
        match words[..] {
            ["message", number, micros] => Some(Self::Numbered {
                run,
                number: number.parse().ok()?,
                micros: micros.parse().ok()?,
            }),
            ["end", sent] if datagram.len() == END => Some(Self::End {
                run,
                sent: sent.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// The answer to an end. It begins as greetings do, so that no responder answers it.
pub fn write_totals(run: u64, totals: &Totals) -> String {
    let Totals {
        sent,
        received,
        duplicates,
        reordered,
        wrong,
        jitter_micros,
        micros,
        size,
        ..
    } = totals;
    let words = format_args!(
        "greet-count {run:016x} {TOTALS} totals {sent} {received} {duplicates} {reordered} {wrong} \
         {jitter_micros} {micros} {size} "
    );
    let mut answer = GREETING.to_owned();
    answer.push_str(&sealed(words, TOTALS));
    answer
}

/// Reads the answer to the end of this run.
pub fn read_totals(run: u64, datagram: &[u8]) -> Option<Totals> {
    let (of, words) = opened(datagram.strip_prefix(GREETING.as_bytes())?)?;
    let [
        "totals",
        sent,
        received,
        duplicates,
        reordered,
        wrong,
        jitter,
        micros,
        size,
    ] = words[..]
    else {
        return None;
    };
    let totals = Totals {
        is_whole: true,
        sent: sent.parse().ok()?,
        received: received.parse().ok()?,
        duplicates: duplicates.parse().ok()?,
        reordered: reordered.parse().ok()?,
        wrong: wrong.parse().ok()?,
        jitter_micros: jitter.parse().ok()?,
        micros: micros.parse().ok()?,
        size: size.parse().ok()?,
    };
    (of == run).then_some(totals)
}

/// Words, and behind them as many digits as fill the size.
fn sealed(words: std::fmt::Arguments<'_>, size: usize) -> String {
    let mut message = String::with_capacity(size + FILLER);
    // A string takes everything.
    let _ = write!(message, "{words}");
    fill(&mut message, size);
    message
}

/// The run, and the words behind the size of a message that is as it was sent.
fn opened(datagram: &[u8]) -> Option<(u64, Vec<&str>)> {
    let text = str::from_utf8(datagram).ok()?;
    let (words, filler) = text.rsplit_at_space()?;
    let mut whole = String::with_capacity(text.len() + FILLER);
    whole.push_str(words);
    fill(&mut whole, text.len());
    if whole != text || filler.len() < FILLER {
        return None;
    }
    let mut words: Vec<_> = words.trim_end().split(' ').collect();
    if words.len() < 4 || words[0] != "greet-count" || words[2].parse() != Ok(text.len()) {
        return None;
    }
    let run = u64::from_str_radix(words[1], 16).ok()?;
    words.drain(..3);
    Some((run, words))
}

trait RsplitAtSpace {
    /// The part up to and with the last space, and the rest.
    fn rsplit_at_space(&self) -> Option<(&str, &str)>;
}

impl RsplitAtSpace for str {
    fn rsplit_at_space(&self) -> Option<(&str, &str)> {
        self.split_at_checked(self.rfind(' ')? + 1)
    }
}

/// Appends digits up to so many bytes: the hash FNV-1a of what is there, as the seed of `SplitMix64`
/// (Steele, Lea and Flood, 2014), of whose numbers each gives sixteen.
fn fill(message: &mut String, size: usize) {
    let mut state = message
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    while message.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // A string takes everything.
        let _ = write!(message, "{:016x}", z ^ (z >> 31));
    }
    message.truncate(size);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u64 = 0x0123_4567_89ab_cdef;

    const LARGEST: Message = Message::Numbered {
        run: u64::MAX,
        number: u32::MAX,
        micros: 999_999_999_999_999, // 31 years
    };

    #[test]
    fn every_size_has_room_and_comes_back() {
        for size in LEAST..=1024 {
            let message = LARGEST.write(size);
            assert_eq!(message.len(), size);
            assert_eq!(Message::read(message.as_bytes()), Some(LARGEST));
        }
        let end = Message::End { run: RUN, sent: 7 };
        assert_eq!(Message::read(end.write(1024).as_bytes()), Some(end));
    }

    /// The example of PROTOCOL.md.
    #[test]
    fn the_documented_message_is_this_one() {
        let message = Message::Numbered {
            run: RUN,
            number: 7,
            micros: 7_004,
        };
        assert_eq!(
            message.write(96),
            "greet-count 0123456789abcdef 96 message 7 7004 29783cc2edebea607d9de6390251c525abf2f724c3534881b"
        );
    }

    #[test]
    fn whichever_bit_is_flipped_or_byte_is_missing_it_is_seen() {
        let message = Message::Numbered {
            run: RUN,
            number: 41,
            micros: 41_000,
        };
        let bytes = message.write(LEAST).into_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut wrong = bytes.clone();
                wrong[at] ^= 1 << bit;
                assert_eq!(Message::read(&wrong), None, "bit {bit} of byte {at}");
            }
            assert_eq!(Message::read(&bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(Message::read(&[&bytes[..], b"0"].concat()), None);
    }

    #[test]
    fn totals_come_back_and_are_no_longer_than_their_question() {
        let most = Totals {
            is_whole: true,
            sent: u32::MAX,
            received: u32::MAX,
            duplicates: u64::from(u32::MAX),
            reordered: u64::from(u32::MAX),
            wrong: u64::from(u32::MAX),
            jitter_micros: u64::from(u32::MAX),
            micros: 999_999_999_999_999,
            size: 1024,
        };
        let answer = write_totals(RUN, &most);
        assert_eq!(read_totals(RUN, answer.as_bytes()), Some(most));
        assert_eq!(read_totals(RUN + 1, answer.as_bytes()), None);
        let end = Message::End { run: RUN, sent: 0 }.write(0);
        assert!(answer.len() <= end.len());
        assert_eq!(Message::read(answer.as_bytes()), None);
        assert_eq!(read_totals(RUN, end.as_bytes()), None);
    }
}
