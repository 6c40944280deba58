//! What a stack is like: numbers and words that checks find on their way, and that are neither right nor
//! wrong.

use core::fmt;
use core::time::Duration;

use super::{Bench, Client, MSS, Segment};

/// The kind of the option that scales windows (RFC 7323, section 2.2).
const SCALE: u8 = 3;

/// Makes the features, their keys and their names, in the order in which a report has them.
macro_rules! features {
    ($($(#[$what:meta])+ $feature:ident = $key:literal, $name:literal)+) => {
        /// One thing to know of a stack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Feature {
            $($(#[$what])+ $feature,)+
        }

        impl Feature {
            /// Its name for programs. A value in time is in milliseconds, a length in bytes.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$feature => $key,)+
                }
            }

            /// Its name for people.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$feature => $name,)+
                }
            }
        }
    };
}

features! {
    /// The time to live of what it sends.
    TimeToLive = "ttl", "time to live"
    /// How IP identifies packets (RFC 6864, section 4).
    Identification = "ip_id", "IP identification"
    /// How many frames it takes at once.
    BurstTaken = "burst_taken", "frames taken at once"
    /// How many of 16, 64, 256 and 1024 short echoes at once it answers.
    BurstsShort = "bursts_short", "of 16, 64, 256, 1024 short at once"
    /// The same of long ones.
    BurstsLong = "bursts_long", "of 16, 64, 256, 1024 long at once"
    /// The same of short, long and others by turns.
    BurstsMixed = "bursts_mixed", "of 16, 64, 256, 1024 mixed at once"
    /// After which time without traffic it looks for a neighbor again.
    ArpExpiry = "arp_expiry_ms", "ARP expires"
    /// The longest datagram that it puts together from fragments.
    Reassembly = "reassembly_bytes", "reassembles up to"
    /// After which time it gives up fragments.
    ReassemblyTime = "reassembly_ms", "reassembly expires"
    /// The longest text that it wants in a segment (RFC 9293, section 3.7.1).
    MssOffered = "mss_offered", "MSS offered"
    /// The least MSS of another host that it keeps to.
    MssLeast = "mss_least", "least MSS kept to"
    /// The longest text that it sends where the other host names no MSS.
    MssDefault = "mss_default", "segments without an MSS"
    /// The window that it offers at first.
    Window = "window_bytes", "window"
    /// By how much a window opens again that was closed (RFC 9293, section 3.8.6.2.2).
    WindowStep = "window_step_bytes", "window opens by"
    /// By how much it shifts windows (RFC 7323, section 2).
    WindowScale = "window_scale", "window scale"
    /// Whether it takes timestamps (RFC 7323, section 3).
    Timestamps = "timestamps", "timestamps"
    /// How its initial sequence numbers go on (RFC 9293, section 3.4.1).
    InitialNumber = "isn", "initial numbers"
    /// How many bits of the steps between initial numbers can't be told.
    InitialBits = "isn_bits", "bits left to chance"
    /// How many handshakes without an end it holds.
    HalfOpen = "half_open", "half-open held"
    /// After which time its SYN and ACK go again.
    SynAckAgain = "synack_again_ms", "SYN-ACK again after"
    /// For how long its SYN and ACK go again (RFC 9293, section 3.8.3).
    HandshakeEnds = "handshake_ends_ms", "SYN-ACK again for"
    /// After which time text is acknowledged that nothing answers; the median.
    AckDelay = "ack_delay_ms", "ACK after"
    /// How many segments it takes before it acknowledges.
    AckEvery = "ack_every", "segments per ACK"
    /// What becomes of text that comes too early.
    OutOfOrder = "out_of_order", "text out of order"
    /// What becomes of urgent text (RFC 6093).
    Urgent = "urgent", "urgent text"
    /// How many segments it sends at first (RFC 5681, section 3.1).
    InitialWindow = "initial_window", "segments at first"
    /// After which time a reply goes again, at first (RFC 6298, section 2).
    Rto = "rto_ms", "initial RTO"
    /// By how much that time grows (RFC 6298, section 5.5).
    Backoff = "backoff", "backoff"
    /// Whether a third duplicate acknowledgment makes it send again (RFC 5681, section 3.2).
    FastRetransmit = "fast_retransmit", "fast retransmit"
    /// After which time it gives up a connection (RFC 9293, section 3.8.3).
    GivesUp = "gives_up_ms", "gives up after"
    /// After which time it probes a closed window (RFC 9293, section 3.8.6.1).
    WindowProbe = "window_probe_ms", "window probe after"
    /// How long a connection is held that the other host never ends.
    FinWait2 = "fin_wait_2_ms", "FIN-WAIT-2"
    /// How long a connection's numbers are kept behind its end (RFC 9293, section 3.6.1).
    TimeWait = "time_wait_ms", "TIME-WAIT"
    /// What a SYN for a connection in TIME-WAIT gets.
    SamePort = "same_port", "SYN in TIME-WAIT"
    /// Whether it sends keep-alives by itself (RFC 9293, section 3.8.4).
    KeepAlive = "keep_alive", "keep-alive"
}

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trait {
    /// A time.
    Time(Duration),
    /// More than a time: nothing had happened by then.
    Longer(Duration),
    /// So many.
    Count(u64),
    /// So many, of each of several.
    Counts([u64; 4]),
    /// So many bytes.
    Bytes(u64),
    /// So many times as much.
    Factor(f64),
    /// A word.
    Word(&'static str),
}

impl fmt::Display for Trait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(time) => short(time, f),
            Self::Longer(time) => {
                f.write_str("more than ")?;
                short(time, f)
            }
            Self::Count(count) => write!(f, "{count}"),
            Self::Counts(counts) => f.write_str(&counts.map(|count| count.to_string()).join(", ")),
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Factor(factor) => write!(f, "x{factor:.1}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// With two or three digits.
fn short(time: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if time < Duration::from_millis(1) {
        write!(f, "{} us", time.as_micros())
    } else if time < Duration::from_secs(1) {
        write!(f, "{} ms", time.as_millis())
    } else {
        write!(f, "{:.1} s", time.as_secs_f64())
    }
}

impl Bench<'_> {
    /// What was found of the stack so far, in the order of the features.
    pub fn portrait(&self) -> impl Iterator<Item = (Feature, Trait)> {
        self.portrait.iter().map(|(feature, of)| (*feature, *of))
    }

    /// What the answer to a SYN offers; the first one counts, as later ones may answer what is odd.
    pub(crate) fn portray_offer(&mut self, client: &Client, answer: &Segment) {
        let mss = answer.mss().unwrap_or(MSS);
        let mut found = vec![
            (Feature::MssOffered, Trait::Bytes(mss.into())),
            (Feature::Window, Trait::Bytes(answer.window.into())),
        ];
        // Only who was offered something answers with it.
        let syn = client.syn();
        if syn.option(SCALE).is_some() {
            let shift = answer.option(SCALE).and_then(|bytes| bytes.first());
            let shift = shift.copied().unwrap_or_default();
            found.push((Feature::WindowScale, Trait::Count(shift.into())));
        }
        for (feature, is) in found {
            self.portrait.entry(feature).or_insert(is);
        }
    }

    /// A check has found something to know; what was known of it before gives way.
    pub(crate) fn portray(&mut self, feature: Feature, is: Trait) {
        self.portrait.insert(feature, is);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_are_read_easily() {
        let ms = Duration::from_millis;
        for (is, words) in [
            (Trait::Time(Duration::from_micros(37)), "37 us"),
            (Trait::Time(ms(201)), "201 ms"),
            (Trait::Time(ms(1040)), "1.0 s"),
            (Trait::Longer(ms(60_000)), "more than 60.0 s"),
            (Trait::Count(16), "16"),
            (Trait::Counts([16, 64, 200, 300]), "16, 64, 200, 300"),
            (Trait::Bytes(1460), "1460 bytes"),
            (Trait::Factor(2.04), "x2.0"),
            (Trait::Word("held"), "held"),
        ] {
            assert_eq!(is.to_string(), words);
        }
    }
}
