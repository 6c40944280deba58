//! What is wrong with a driver or a stack, in one sentence each, and where to look: what a report begins
//! with.

use core::fmt;
use core::time::Duration;

use greet_core::probe::Whose;

/// Which way frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the board.
    In,
    /// From the board.
    Out,
}

/// Something wrong that checks have found. Those that explain others come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symptom {
    /// Nobody answers, and nothing was heard of the board.
    Dead,
    /// Nobody answers, though the board sends frames by itself.
    Deaf {
        /// How many it has sent.
        sent: u64,
    },
    /// What goes to all is lost, what goes to the board alone comes.
    BroadcastLost,
    /// Its frames have a VLAN tag.
    Tagged {
        /// Of which VLAN.
        vlan: u16,
    },
    /// ARP is answered so many times, and then no more.
    ArpStops {
        /// How many.
        after: u32,
    },
    /// Once nothing came for a minute, ARP isn't answered any more.
    ArpSleeps,
    /// Echoes aren't answered.
    NoEcho,
    /// An IP packet or its text is longer, or shorter, than it says.
    WrongLength,
    /// A sum of the board's is wrong.
    Sums {
        /// Of which protocol.
        of: &'static str,
        /// In which way.
        pattern: SumPattern,
        /// Of how many other protocols some are wrong as well.
        more: usize,
    },
    /// Longer frames are lost.
    LongLost {
        /// Which way, if that could be told.
        way: Option<Direction>,
        /// The longest that passes, in bytes of the frame.
        passes: usize,
        /// The shortest that doesn't.
        fails: usize,
    },
    /// Bytes come back wrong.
    Spoilt {
        /// The first wrong byte of the frame.
        first: usize,
        /// How many from there on.
        count: usize,
        /// Whether it begins at a line of a cache of 32 bytes.
        is_aligned: bool,
    },
    /// Frames with much in them are lost now and then, and short ones never.
    SpoiltAndCaught {
        /// Every how many, if that is regular.
        period: Option<usize>,
        /// The shortest that was lost, in bytes of the frame.
        shortest: usize,
    },
    /// What stands behind a packet in its frame is taken for its data.
    TrailerTaken,
    /// A frame stays where it is until the next one.
    Stuck {
        /// Every how many, if that is regular.
        period: Option<usize>,
        /// How many of a hundred.
        percent: u8,
    },
    /// Frames are lost.
    Loss {
        /// Which way, if that could be told.
        way: Option<Direction>,
        /// Every how many, if that is regular.
        period: Option<usize>,
        /// How many.
        lost: usize,
        /// Of how many.
        of: usize,
    },
    /// Of a burst, what comes behind the first so many is lost.
    Ring {
        /// How many of a burst were answered at most.
        most: usize,
        /// How many there were.
        of: usize,
    },
    /// Of short and long frames at once some are lost, and none where all are of one length.
    MixedLost {
        /// How many of a burst were answered at most.
        answered: usize,
        /// How many there were.
        of: usize,
    },
    /// Frames come twice.
    Duplicated {
        /// Every how many, if that is regular.
        period: Option<usize>,
    },
    /// Frames overtake each other.
    Swapped {
        /// Every how many, if that is regular.
        period: Option<usize>,
    },
    /// Answers come later and later.
    Slower {
        /// The median at first.
        first: Duration,
        /// The median at last.
        last: Duration,
    },
    /// What goes to a group is lost.
    MulticastLost,
    /// Short frames aren't filled up.
    Unpadded {
        /// The shortest.
        shortest: usize,
    },
    /// Short frames are filled up with what was in the memory before.
    PadLeaks,
    /// The server doesn't greet any more, though the board answers.
    NotServed {
        /// Since which check.
        after: &'static str,
    },
    /// The board doesn't answer any more.
    Died {
        /// Since which check.
        after: &'static str,
    },
}

/// Which sums are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SumPattern {
    /// They are zero, as nobody has filled them in.
    Zero,
    /// All.
    All,
    /// Those over an odd number of bytes.
    Odd,
    /// Every so many.
    Every(usize),
    /// So many of so many.
    Some(u64, u64),
}

impl Symptom {
    /// It stays: `wire/loss`.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Dead => "wire/dead",
            Self::Deaf { .. } => "wire/deaf",
            Self::BroadcastLost => "wire/broadcast-lost",
            Self::Tagged { .. } => "wire/tagged",
            Self::ArpStops { .. } => "wire/arp-stops",
            Self::ArpSleeps => "wire/arp-sleeps",
            Self::WrongLength => "wire/wrong-length",
            Self::NoEcho => "wire/no-echo",
            Self::Sums { .. } => "wire/sums",
            Self::LongLost { .. } => "wire/long-lost",
            Self::Spoilt { .. } => "wire/bytes-change",
            Self::TrailerTaken => "wire/trailer-taken",
            Self::Stuck { .. } => "wire/stuck",
            Self::Loss { .. } => "wire/loss",
            Self::SpoiltAndCaught { .. } => "wire/bytes-change-caught",
            Self::Ring { .. } => "wire/ring",
            Self::MixedLost { .. } => "wire/mixed-lost",
            Self::Duplicated { .. } => "wire/duplicates",
            Self::Swapped { .. } => "wire/swaps",
            Self::Slower { .. } => "wire/slower",
            Self::MulticastLost => "wire/multicast-lost",
            Self::Unpadded { .. } => "wire/unpadded",
            Self::PadLeaks => "wire/pad-leaks",
            Self::NotServed { .. } => "wire/not-served",
            Self::Died { .. } => "wire/died",
        }
    }

    /// Where it stands among others: the first is to be mended first.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Dead => 0,
            Self::Deaf { .. } => 1,
            Self::BroadcastLost => 2,
            Self::Tagged { .. } => 3,
            // Which of both is found first is it: the other follows.
            Self::ArpStops { .. } | Self::ArpSleeps => 4,
            Self::NoEcho => 6,
            Self::WrongLength => 5,
            Self::Sums { .. } => 7,
            Self::LongLost { .. } => 8,
            Self::Spoilt { .. } => 9,
            Self::TrailerTaken => 10,
            Self::Stuck { .. } => 11,
            Self::Loss { .. } => 12,
            Self::SpoiltAndCaught { .. } => 13,
            Self::Ring { .. } => 14,
            Self::MixedLost { .. } => 15,
            Self::Duplicated { .. } => 16,
            Self::Swapped { .. } => 17,
            Self::Slower { .. } => 18,
            Self::MulticastLost => 19,
            Self::Unpadded { .. } => 20,
            Self::PadLeaks => 21,
            Self::NotServed { .. } => 22,
            Self::Died { .. } => 23,
        }
    }

    /// Whose fault it most likely is.
    pub fn whose(&self) -> Whose {
        match self {
            Self::Loss { period: None, .. }
            | Self::Duplicated { period: None }
            | Self::Swapped { period: None } => Whose::Link,
            _ => Whose::Stack,
        }
    }

    /// What to look at.
    pub fn look(&self) -> &'static str {
        match self {
            Self::Dead => {
                "the link's lamp, the PHY's reset and clock, the MAC's transmitter, and whether the board has \
                 this address"
            }
            Self::Deaf { .. } => {
                "the receiver: its interrupt, the owner bits of its descriptors, the MAC's address filter, and \
                 whether the board has this address"
            }
            Self::BroadcastLost => "the MAC's filter: it has to let broadcasts through",
            Self::Tagged { .. } => {
                "whether the MAC inserts VLAN tags, or the driver hands up what it should have taken out"
            }
            Self::ArpStops { .. } => {
                "whether buffers of answers are given back once they were sent, and tables of neighbors give \
                 up old entries"
            }
            Self::ArpSleeps => {
                "what is put to sleep when nothing comes (the MAC, the PHY, the processor), and what of a frame \
                 wakes it"
            }
            Self::NoEcho => {
                "the stack's option for it, as it may be built without: LWIP_ICMP of lwIP, the feature \
                 auto-icmp-echo-reply of smoltcp and of embassy-net; then a filter between. What needs echoes isn't \
                 checked without"
            }
            Self::WrongLength => {
                "which length the driver hands on: the frame's with its check sequence or padding, or the \
                 packet's"
            }
            Self::Sums {
                pattern: SumPattern::Zero,
                ..
            } => {
                "checksum offload: the stack leaves sums to the MAC, which doesn't fill them in; the bits of \
                 the transmit descriptor, or the stack's setting"
            }
            Self::Sums {
                pattern: SumPattern::Odd,
                ..
            } => {
                "the last byte of an odd length, which counts as the high one of its word (RFC 1071)"
            }
            Self::Sums { .. } => {
                "what changes frames after their sum was made: cache, DMA, or two owners"
            }
            Self::LongLost { .. } => {
                "the size of buffers and descriptors, frames in several descriptors, and the MAC's limit of length"
            }
            Self::Spoilt {
                is_aligned: true, ..
            }
            | Self::SpoiltAndCaught { .. } => {
                "cache maintenance: invalidate what DMA has written before it is read, clean what was written \
                 before DMA reads it, and let no buffer share a line with anything else"
            }
            Self::Spoilt { .. } => "where the frame is copied, and who owns the buffer meanwhile",
            Self::TrailerTaken => {
                "the stack's input: what counts is the length in the IP header, not that of the frame"
            }
            Self::Stuck { .. } => {
                "the interrupt: one that is cleared after the ring was looked at, not before, misses a frame; \
                 and whether the ring is emptied at each"
            }
            Self::Loss {
                period: Some(_), ..
            } => {
                "one descriptor of the ring, whose owner bit, buffer or wrap bit isn't set like the others'"
            }
            Self::Loss { period: None, .. } => {
                "the cable, the duplex of both ends, and a switch's counters"
            }
            Self::Ring { .. } => {
                "the number of receive descriptors, and how soon they are given back: a burst has to fit in, or \
                 to be taken as it comes"
            }
            Self::MixedLost { .. } => {
                "what a descriptor keeps of the frame before: its length, its buffer, and a frame that spans several"
            }
            Self::Duplicated { .. } => "a descriptor that is handed over twice",
            Self::Swapped { .. } => "the order in which descriptors are looked at",
            Self::Slower { .. } => {
                "what grows with each frame: a list that is searched, a pool that is never given back"
            }
            Self::MulticastLost => {
                "the MAC's multicast filter: 33:33 groups of IPv6 have to pass it, by hash or all of them"
            }
            Self::Unpadded { .. } => {
                "automatic padding in the MAC, or a driver that fills frames up to 60 bytes"
            }
            Self::PadLeaks => {
                "the driver that fills frames up: with zeros, not with what the buffer held before"
            }
            Self::NotServed { .. } => {
                "how a connection gives its place back that ended as in that check: its control block, its \
                 timers, and what the server waits for"
            }
            Self::Died { .. } => "what the board's console says; and the frames of that check",
        }
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Dead => f.write_str("nobody answers, and nothing is heard of the board"),
            Self::Deaf { sent } => write!(
                f,
                "the board sends ({sent} frames by itself), but answers nothing: it doesn't receive"
            ),
            Self::BroadcastLost => {
                f.write_str("broadcasts don't arrive, frames to its own address do")
            }
            Self::Tagged { vlan } => write!(f, "its frames have a VLAN tag, of VLAN {vlan}"),
            Self::ArpStops { after } => write!(f, "it answers ARP {after} times, and then no more"),
            Self::ArpSleeps => {
                f.write_str("once nothing came for a minute, it doesn't answer ARP any more")
            }
            Self::NoEcho => f.write_str("it answers ARP, but no echo (ping)"),
            Self::WrongLength => {
                f.write_str("the lengths in its IP headers aren't those of its packets")
            }
            Self::Sums { of, pattern, more } => pattern.say(of, more, f),
            Self::LongLost { way, passes, fails } => {
                write!(f, "frames of {passes} bytes pass, of {fails} don't")?;
                f.write_str(on_the_way(way))
            }
            Self::Spoilt {
                first,
                count,
                is_aligned,
            } => {
                write!(
                    f,
                    "{count} bytes come back wrong, from byte {first} of the frame on"
                )?;
                if is_aligned {
                    f.write_str(": a line of the cache")?;
                }
                Ok(())
            }
            Self::SpoiltAndCaught { period, shortest } => {
                match period {
                    Some(n) => write!(f, "every {} long frame is lost", nth(n))?,
                    None => f.write_str("long frames are lost now and then")?,
                }
                write!(
                    f,
                    ", from {shortest} bytes on, and shorter ones never: bytes change, and a sum catches it"
                )
            }
            Self::TrailerTaken => {
                f.write_str("bytes behind a packet in its frame are taken for its data")
            }
            Self::Stuck { period, percent } => match period {
                Some(n) => write!(f, "every {} frame stays where it is until the next", nth(n)),
                None => write!(
                    f,
                    "{percent} % of frames stay where they are until the next"
                ),
            },
            Self::Loss {
                way,
                period,
                lost,
                of,
            } => {
                match period {
                    Some(n) => write!(f, "every {} frame is lost", nth(n))?,
                    None => write!(f, "{lost} of {of} echoes are lost, without a period")?,
                }
                f.write_str(on_the_way(way))
            }
            Self::Ring { most, of } => at_once(of, most, "what comes behind them is lost", f),
            Self::MixedLost { answered, of } => at_once(of, answered, ONLY_MIXED, f),
            Self::Duplicated { period } => match period {
                Some(n) => write!(f, "every {} frame comes twice", nth(n)),
                None => f.write_str("frames come twice"),
            },
            Self::Swapped { period } => match period {
                Some(n) => write!(f, "every {} frame is overtaken by the next", nth(n)),
                None => f.write_str("frames overtake each other"),
            },
            Self::Slower { first, last } => write!(
                f,
                "answers come later and later: after {first:.1?} at first, {last:.1?} at last"
            ),
            Self::MulticastLost => {
                f.write_str("frames to a multicast group don't arrive, others do")
            }
            Self::Unpadded { shortest } => write!(
                f,
                "its short frames aren't filled up: one has {shortest} bytes, and Ethernet carries 60 at least"
            ),
            Self::PadLeaks => {
                f.write_str("its short frames are filled up with what was in the memory before")
            }
            Self::NotServed { after } => {
                write!(f, "its server greets nobody any more since {after}")
            }
            Self::Died { after } => write!(f, "it doesn't answer any more since {after}"),
        }
    }
}

impl SumPattern {
    fn say(self, of: &str, more: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => write!(f, "its {of} checksums are zero: nobody fills them in"),
            Self::All => write!(f, "none of its {of} checksums is right"),
            Self::Odd => write!(f, "its {of} checksums over odd lengths are wrong"),
            Self::Every(n) => write!(f, "every {} of its {of} checksums is wrong", nth(n)),
            Self::Some(wrong, all) => {
                write!(f, "{wrong} of {all} of its {of} checksums are wrong")
            }
        }?;
        match more {
            0 => Ok(()),
            1 => f.write_str(", and some of another protocol"),
            _ => write!(f, ", and some of {more} other protocols"),
        }
    }
}

const ONLY_MIXED: &str = "short and long ones by turns; where all are of one length, all are";

/// What becomes of a burst.
fn at_once(of: usize, answered: usize, rest: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "of {of} frames at once only {answered} are answered: {rest}"
    )
}

fn on_the_way(way: Option<Direction>) -> &'static str {
    match way {
        Some(Direction::In) => ", on the way to the board",
        Some(Direction::Out) => ", on the way from the board",
        None => "",
    }
}

/// `50th`.
fn nth(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (1, teens) if teens != 11 => "st",
        (2, teens) if teens != 12 => "nd",
        (3, teens) if teens != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
