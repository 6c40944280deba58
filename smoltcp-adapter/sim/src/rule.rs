//! Faults by plan instead of by chance: which packets, and what happens to them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use smoltcp::wire::IpAddress;

use crate::segment::Segment;

/// Something that happens to certain segments and datagrams, by their number.
///
/// A rule begins with what it does and goes on with which packets it is for; without a word on
/// that, it is for every segment and datagram, from wherever to wherever. Packets are counted
/// from when the rule is [added](crate::Network::add_rule), those alone that it is for.
///
/// ```
/// use core::time::Duration;
/// use smoltcp::wire::IpAddress;
/// use smoltcp_sim::Rule;
///
/// // The second SYN is lost.
/// Rule::drop().syn().nth(2);
/// // Of the segments with data to port 80, every fifth is lost.
/// Rule::drop().payload().port(80).every(5);
/// // The first FIN of 10.0.0.1 is late.
/// Rule::delay(Duration::from_millis(300)).fin().from(IpAddress::v4(10, 0, 0, 1)).nth(1);
/// // Three segments that close the window come twice.
/// Rule::duplicate().when(|segment| segment.tcp.is_some_and(|tcp| tcp.window == 0)).times(3);
/// ```
#[must_use = "a rule does something when it is added to a network or to a device"]
pub struct Rule {
    deed: Deed,
    tests: Vec<Test>,
    skip: u64,
    every: u64,
    times: u64,
    seen: u64,
    done: u64,
}

type Test = Box<dyn FnMut(&Segment<'_>) -> bool + Send>;

/// What a rule does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Drop,
    Delay(Duration),
    Duplicate,
    Stick,
}

impl Rule {
    /// They are lost.
    pub const fn drop() -> Self {
        Self::of(Deed::Drop)
    }

    /// They take so much longer, and later ones overtake them.
    pub const fn delay(by: Duration) -> Self {
        Self::of(Deed::Delay(by))
    }

    /// They arrive twice.
    pub const fn duplicate() -> Self {
        Self::of(Deed::Duplicate)
    }

    /// They stay where they are until another packet is sent the same way, and leave in front of it: as
    /// in a driver that misses an interrupt.
    pub const fn stick() -> Self {
        Self::of(Deed::Stick)
    }

    const fn of(deed: Deed) -> Self {
        Self {
            deed,
            tests: Vec::new(),
            skip: 0,
            every: 1,
            times: u64::MAX,
            seen: 0,
            done: 0,
        }
    }

    /// Only those of which this says yes. It is asked in the order in which packets are sent, about
    /// those that the conditions before it let through.
    pub fn when(mut self, test: impl FnMut(&Segment<'_>) -> bool + Send + 'static) -> Self {
        self.tests.push(Box::new(test));
        self
    }

    /// Only those that open a connection: SYN without ACK.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method has one lifetime"
    )]
    pub fn syn(self) -> Self {
        self.when(|segment| segment.is_syn())
    }

    /// Only the answers to those: SYN with ACK.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method has one lifetime"
    )]
    pub fn syn_ack(self) -> Self {
        self.when(|segment| segment.is_syn_ack())
    }

    /// Only those with FIN.
    pub fn fin(self) -> Self {
        self.when(|segment| segment.tcp.is_some_and(|tcp| tcp.fin))
    }

    /// Only those with RST.
    pub fn rst(self) -> Self {
        self.when(|segment| segment.tcp.is_some_and(|tcp| tcp.rst))
    }

    /// Only those that carry something.
    pub fn payload(self) -> Self {
        self.when(|segment| !segment.payload.is_empty())
    }

    /// Only those from this address.
    pub fn from(self, address: impl Into<IpAddress>) -> Self {
        let address = address.into();
        self.when(move |segment| segment.from.addr == address)
    }

    /// Only those to this address.
    pub fn to(self, address: impl Into<IpAddress>) -> Self {
        let address = address.into();
        self.when(move |segment| segment.to.addr == address)
    }

    /// Only those to this port.
    pub fn port(self, port: u16) -> Self {
        self.when(move |segment| segment.to.port == port)
    }

    /// Not the first `count` of them.
    pub const fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Only one in `count`: with 5, the fifth, the tenth and so on. 0 counts as 1.
    pub const fn every(mut self, count: u64) -> Self {
        self.every = if count == 0 { 1 } else { count };
        self
    }

    /// So many times, and never again.
    pub const fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    /// Only this one of them, the first being 1.
    pub const fn nth(self, number: u64) -> Self {
        self.skip(number.saturating_sub(1)).times(1)
    }

    /// Looks at a packet that is sent. Says what happens to it, if something does.
    pub(crate) fn judge(&mut self, segment: &Segment<'_>) -> Option<Deed> {
        if self.done >= self.times || !self.tests.iter_mut().all(|test| test(segment)) {
            return None;
        }
        self.seen += 1;
        let number = self.seen.checked_sub(self.skip)?;
        if number == 0 || !number.is_multiple_of(self.every) {
            return None;
        }
        self.done += 1;
        Some(self.deed)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("deed", &self.deed)
            .field("seen", &self.seen)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltcp::wire::IpEndpoint;

    /// The numbers of those of twenty datagrams that the rule hits, from 1.
    fn hit(mut rule: Rule) -> Vec<u8> {
        let end = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 7);
        let hits = (1..=20).filter(|number| {
            let segment = Segment {
                from: end,
                to: end,
                tcp: None,
                payload: &[*number],
            };
            rule.judge(&segment).is_some()
        });
        hits.collect()
    }

    #[test]
    fn packets_are_counted_as_they_are_told() {
        assert_eq!(hit(Rule::drop().nth(2)), [2]);
        assert_eq!(hit(Rule::drop().every(5)), [5, 10, 15, 20]);
        assert_eq!(hit(Rule::drop().skip(3).every(5)), [8, 13, 18]);
        assert_eq!(hit(Rule::drop().skip(3).times(2)), [4, 5]);
        assert_eq!(hit(Rule::drop().every(0).times(1)), [1]);
        assert_eq!(hit(Rule::drop().nth(0)), [1]);
    }

    #[test]
    fn only_those_that_it_is_for_are_counted() {
        let even = Rule::drop().when(|segment| segment.payload[0] % 2 == 0);
        assert_eq!(hit(even.nth(3)), [6]);
        assert!(hit(Rule::drop().syn()).is_empty());
        assert_eq!(hit(Rule::drop().port(7).nth(1)), [1]);
        assert!(hit(Rule::drop().to(IpAddress::v4(10, 0, 0, 2))).is_empty());
    }
}
