//! A polled receiver that answers: each message goes back to its sender with `Hello, ` before it.
//!
//! What may never be answered is decided here and nowhere else, as an answer is larger than what
//! asked for it and a sender can be forged. Servers of boards and desktops call
//! [`Responder::poll`]; no clock and no address of a real network may enter.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use core::task::Poll;

use crate::error::{Refusal, TextError};
use crate::limits::{GREETING, REFUSAL};
use crate::receiver::{Event, RETRY, Receiver, Tally};
use crate::text::Text;
use crate::time::Instant;
use crate::transport::{Datagram, Datagrams, Local};

/// How many replies one source gets in a second by default.
pub const REPLIES_PER_SECOND: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// Takes messages from one UDP socket and answers them.
///
/// Never answered are messages that start with `Hello, ` or `Error: `, datagrams from port 0 or
/// from the socket's [own address](Datagrams::is_own), and more than a number of datagrams of one
/// source in a second. So many sources are told apart in a second as there are `SOURCES`, at four
/// bytes each. Where there are more, they share what is left: no more than `SOURCES` times the number
/// leave in a second, whoever forges whatever. A flood of a fifth as many sources takes the reply of
/// another from less than one in a thousand. An answer for which the socket has no room is dropped,
/// so that nobody waits for it.
///
/// All memory is in here: about 1 KiB, and the sources.
pub struct Responder<const SOURCES: usize> {
    receiver: Receiver,
    quota: Quota<SOURCES>,
}

impl<const SOURCES: usize> Responder<SOURCES> {
    /// A responder that has seen nothing and grants each source so many replies in a second; one
    /// that tells no sources apart doesn't compile.
    ///
    /// With [`REPLIES_PER_SECOND`] it is all zeros, which take no flash in a `static`.
    pub const fn new(per_second: NonZeroU16) -> Self {
        const { assert!(SOURCES > 0, "a responder needs a source") };
        Self {
            receiver: Receiver::new(),
            quota: Quota {
                places: [Place::FREE; SOURCES],
                second: 0,
                key: 0,
                per_second: if per_second.get() == REPLIES_PER_SECOND.get() {
                    None
                } else {
                    Some(per_second)
                },
            },
        }
    }

    /// Makes a number that nobody else knows choose which sources are in each other's way where there
    /// are many. Without it, whoever has many addresses can choose those that are in another's way.
    #[must_use]
    pub const fn keyed(mut self, key: u32) -> Self {
        self.quota.key = key;
        self
    }

    /// Takes what has come, up to [`BATCH`](Receiver::BATCH) datagrams, reports it and answers it.
    ///
    /// Returns when to call again, as [`Receiver::poll`] does.
    pub fn poll<D: Datagrams>(
        &mut self,
        socket: &mut D,
        now: Instant,
        mut report: impl FnMut(Event<'_, D::Error>),
    ) -> Instant {
        for _ in 0..Receiver::BATCH {
            match self.receiver.take(socket) {
                Poll::Ready(Ok(Datagram { len, from, local })) => {
                    let text = self.receiver.read(len);
                    let answer = Answer::to(text);
                    report(Event::new(from, text));
                    self.answer(answer, socket, from, local, now);
                }
                Poll::Ready(Err(error)) => {
                    report(Event::Failed { error: &error });
                    return now + RETRY;
                }
                Poll::Pending => return Instant::NEVER,
            }
        }
        now
    }

    /// What has come so far, and what was answered.
    pub fn tally(&self) -> &Tally {
        self.receiver.tally()
    }

    fn answer<D: Datagrams>(
        &mut self,
        answer: Answer,
        socket: &mut D,
        to: SocketAddr,
        via: Local,
        now: Instant,
    ) {
        if answer == Answer::Nothing || to.port() == 0 || socket.is_own(to) {
            return;
        }
        let Receiver { buffer, tally } = &mut self.receiver;
        if !self.quota.grants(to.ip(), now) {
            tally.limited = tally.limited.saturating_add(1);
            return;
        }
        let sent = match answer {
            Answer::Nothing => return,
            Answer::Greeting { len } => {
                buffer.restore();
                socket.send_to(buffer.reply(0, GREETING.len() + len), to, via)
            }
            Answer::Refusal(why) => {
                let len = buffer.refuse(Refusal::Message(why));
                socket.send_to(buffer.reply(0, len), to, via)
            }
        };
        let counter = match sent {
            Poll::Ready(Ok(())) => &mut tally.replies,
            // A forged address, a full socket: not the next sender's problem.
            Poll::Ready(Err(_)) | Poll::Pending => &mut tally.unsent,
        };
        *counter = counter.saturating_add(1);
    }
}

impl<const COUNTERS: usize> fmt::Debug for Responder<COUNTERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Responder");
        shown.field("tally", self.tally()).finish_non_exhaustive()
    }
}

/// What goes back; the greeting is in the receiver's buffer already.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Nothing,
    Greeting { len: usize },
    Refusal(TextError),
}

impl Answer {
    /// Nothing that is an answer itself is answered: two responders would go on for ever.
    fn to(text: Result<Text<'_>, TextError>) -> Self {
        match text {
            Ok(text)
                if [GREETING, REFUSAL]
                    .iter()
                    .any(|s| text.as_str().starts_with(s)) =>
            {
                Self::Nothing
            }
            Ok(text) => Self::Greeting {
                len: text.as_bytes().len(),
            },
            Err(why) => Self::Refusal(why),
        }
    }
}

/// How many replies each source has had in this second, in fixed memory.
///
/// A source has a place in one row of [`WAYS`] places, which its address and the second choose. Where
/// all of them are taken, it takes over the one with the fewest replies, and these count as its own:
/// as no count ever falls within the second, neither a source nor all together get more than their
/// share. So a source is only silenced by another where as many sources as a row has places use up
/// their shares in the same row, or where one does that has its mark.
struct Quota<const SOURCES: usize> {
    places: [Place; SOURCES],
    second: u64,
    key: u32,
    /// `None`: [`REPLIES_PER_SECOND`]. So a responder with these is all zeros, and costs no flash in
    /// a `static`.
    per_second: Option<NonZeroU16>,
}

/// So many places are in a row: one line of a large processor's cache.
const WAYS: usize = 16;

#[derive(Clone, Copy)]
struct Place {
    /// Tells the sources of a row apart.
    mark: u16,
    replies: u16,
}

impl Place {
    const FREE: Self = Self {
        mark: 0,
        replies: 0,
    };
}

impl<const SOURCES: usize> Quota<SOURCES> {
    /// Counts one reply, unless the source has had its share.
    fn grants(&mut self, source: IpAddr, now: Instant) -> bool {
        if self.second != now.as_micros() / 1_000_000 {
            self.second = now.as_micros() / 1_000_000;
            self.places.fill(Place::FREE);
        }
        let most = self.per_second.unwrap_or(REPLIES_PER_SECOND).get();
        let hash = hash(self.key, self.second, source);
        let row = usize::try_from(hash).unwrap_or_default() % SOURCES / WAYS * WAYS;
        let mark = (hash >> 16) as u16;
        let mut own: Option<&mut Place> = None;
        for place in self.places.iter_mut().skip(row).take(WAYS) {
            if place.mark == mark {
                own = Some(place);
                break;
            }
            if own.as_ref().is_none_or(|own| place.replies < own.replies) {
                own = Some(place);
            }
        }
        match own {
            Some(place) if place.replies < most => {
                place.mark = mark;
                place.replies += 1;
                true
            }
            _ => false,
        }
    }
}

/// Mixes the second and the address: two sources that are in each other's way by accident part in the
/// next second.
fn hash(key: u32, second: u64, source: IpAddr) -> u32 {
    let address = match source {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let (second, address) = (second.to_le_bytes(), address.octets());
    let (second, _) = second.as_chunks::<4>();
    let (address, _) = address.as_chunks::<4>();
    second
        .iter()
        .chain(address)
        .fold(key, |hash, word| mix(hash ^ u32::from_le_bytes(*word)))
}

/// Each bit that goes in turns about half of those that come out. By Chris Wellons, found by search
/// (<https://nullprogram.com/blog/2018/07/31/>), and public domain.
const fn mix(mut bits: u32) -> u32 {
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x7feb_352d);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x846c_a68b);
    bits ^ bits >> 16
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn v4(bits: u32) -> IpAddr {
        Ipv4Addr::from_bits(bits).into()
    }

    /// Neighbours, as the hosts of a network are, must not meet in the same rows.
    #[test]
    fn neighbours_spread_over_all_rows_and_marks() {
        const SOURCES: u32 = 1 << 14;
        for (shift, second) in [(0, 0), (8, 0), (16, 1), (0, 1 << 33)] {
            for key in [0, 7] {
                for low in [0, 16] {
                    let mut counts = [0_u32; 64];
                    for source in 0..SOURCES {
                        let hash = hash(key, second, v4(source << shift));
                        counts[usize::try_from(hash >> low).expect("64 bits") % 64] += 1;
                    }
                    // 256 in each on average, 16 the standard deviation.
                    let range = 256 - 5 * 16..256 + 5 * 16;
                    assert!(
                        counts.iter().all(|count| range.contains(count)),
                        "{shift} {second} {key} {low}: {counts:?}"
                    );
                }
            }
        }
    }

    /// Whatever bit of the key, the second or the address turns, each bit of the hash turns half of
    /// the time.
    #[test]
    fn every_bit_turns_every_other_bit() {
        const TRIALS: u32 = 1_000;
        for bit in 0..32 + 64 + 128 {
            let mut turned = [0_u32; 32];
            for trial in 0..TRIALS {
                let (mut key, mut second) = (mix(trial), u64::from(trial) << 20);
                let mut address = u128::from(mix(!trial)) << (trial % 96);
                let address_of = |bits| Ipv6Addr::from_bits(bits).into();
                let before = hash(key, second, address_of(address));
                match bit {
                    0..32 => key ^= 1 << bit,
                    32..96 => second ^= 1 << (bit - 32),
                    _ => address ^= 1 << (bit - 96),
                }
                let changed = before ^ hash(key, second, address_of(address));
                for (place, count) in turned.iter_mut().enumerate() {
                    *count += changed >> place & 1;
                }
            }
            // Half of them on average; 16 the standard deviation.
            assert!(
                turned.iter().all(|count| (400..600).contains(count)),
                "bit {bit}: {turned:?}"
            );
        }
    }
}
