//! What a tester's own TCP saw of the link to the server, in plain numbers.
//!
//! A [`ProbeStack`](super::ProbeStack) fills them as far as it knows them; what they mean together, a
//! report says. No stack's types may enter.

use core::time::Duration;

/// What this side saw of its own segments and of those that came, over one connection or many.
///
/// What a stack doesn't know stays 0, or `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkCounters {
    /// Segments sent, those sent again among them.
    pub sent: u32,
    /// Segments sent again, SYN and FIN as well.
    pub sent_again: u32,
    /// Of those, how many the peer said it had already (RFC 2883).
    pub needless: u32,
    /// Segments that came.
    pub received: u32,
    /// Segments that came with nothing but what had come before.
    pub received_again: u32,
    /// Segments that came with a gap before them.
    pub out_of_order: u32,
    /// How often segments overtook each other on their way to the peer, as it acknowledged them.
    pub overtaken: u32,
    /// Packets that came with a wrong checksum.
    pub wrong_sums: u32,
    /// Of those, how many had data of an odd length.
    pub wrong_sums_odd: u32,
    /// Packets that came with a right checksum over data of an odd length.
    pub right_sums_odd: u32,
    /// How much the peer takes in a segment (RFC 9293, section 3.7.1): the least that it announced. A system
    /// may know it only as half of a small window.
    pub mss: Option<u16>,
    /// The largest window that the peer announced, in bytes.
    pub window: Option<u32>,
    /// The smoothed round-trip time (RFC 6298), and its variation.
    pub rtt: Option<(Duration, Duration)>,
}

impl LinkCounters {
    /// Adds what was seen beside or after this. Of round-trip times the shorter one stays.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.sent, other.sent),
            (&mut self.sent_again, other.sent_again),
            (&mut self.needless, other.needless),
            (&mut self.received, other.received),
            (&mut self.received_again, other.received_again),
            (&mut self.out_of_order, other.out_of_order),
            (&mut self.overtaken, other.overtaken),
            (&mut self.wrong_sums, other.wrong_sums),
            (&mut self.wrong_sums_odd, other.wrong_sums_odd),
            (&mut self.right_sums_odd, other.right_sums_odd),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.mss = least(self.mss, other.mss);
        self.window = self.window.max(other.window);
        self.rtt = least(self.rtt, other.rtt);
    }
}

/// `None` is no least one.
fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_added_and_announcements_kept() {
        let mut seen = LinkCounters::default();
        let one = LinkCounters {
            sent: 5,
            sent_again: 1,
            mss: Some(1460),
            window: Some(5840),
            rtt: Some((Duration::from_micros(300), Duration::from_micros(20))),
            ..LinkCounters::default()
        };
        seen.add(&one);
        assert_eq!(seen, one);
        let two = LinkCounters {
            sent: u32::MAX,
            mss: Some(536),
            window: Some(1024),
            rtt: None,
            ..one
        };
        seen.add(&two);
        assert_eq!((seen.sent, seen.sent_again), (u32::MAX, 2));
        assert_eq!((seen.mss, seen.window), (Some(536), Some(5840)));
        assert_eq!(seen.rtt, one.rtt);
    }
}
