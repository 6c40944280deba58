//! A polled receiver that answers: each message goes back to its sender with `Hello, ` before it.
//!
//! What may never be answered is decided here and nowhere else, as an answer is larger than what
//! asked for it and a sender can be forged. Servers of boards and desktops call
//! [`Responder::poll`]; no clock and no address of a real network may enter.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use core::task::Poll;
use core::time::Duration;

use crate::error::{Refusal, TextError};
use crate::limits::{GREETING, REFUSAL};
use crate::receiver::{Event, RETRY, Receiver, Tally};
use crate::text::Text;
use crate::transport::Datagrams;

/// How many replies one source gets in a second by default.
pub const REPLIES_PER_SECOND: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// Takes messages from one UDP socket and answers them.
///
/// Never answered are messages that start with `Hello, ` or `Error: `, datagrams from port 0 or
/// from the socket's [own address](Datagrams::is_own), and more than a number of datagrams of one
/// source in a second. Those are counted in `COUNTERS` counters of two bytes: sources that fall on
/// the same counter share its replies for that second, and no more than `COUNTERS` times the number
/// leave in a second, whoever forges whatever. An answer for which the socket has no room is
/// dropped, so that nobody waits for it.
///
/// All memory is in here: about 1 KiB, and the counters.
pub struct Responder<const COUNTERS: usize> {
    receiver: Receiver,
    quota: Quota<COUNTERS>,
}

impl<const COUNTERS: usize> Responder<COUNTERS> {
    /// A responder that has seen nothing and grants each source so many replies in a second; one
    /// without any counter doesn't compile.
    ///
    /// With [`REPLIES_PER_SECOND`] it is all zeros, which take no flash in a `static`.
    pub const fn new(per_second: NonZeroU16) -> Self {
        const { assert!(COUNTERS > 0, "a responder needs a counter") };
        Self {
            receiver: Receiver::new(),
            quota: Quota {
                counts: [0; COUNTERS],
                second: 0,
                per_second: if per_second.get() == REPLIES_PER_SECOND.get() {
                    None
                } else {
                    Some(per_second)
                },
            },
        }
    }

    /// Takes what has come, up to [`BATCH`](Receiver::BATCH) datagrams, reports it and answers it.
    ///
    /// Returns when to call again, as [`Receiver::poll`] does.
    pub fn poll<D: Datagrams>(
        &mut self,
        socket: &mut D,
        now: Duration,
        mut report: impl FnMut(Event<'_, D::Error>),
    ) -> Option<Duration> {
        for _ in 0..Receiver::BATCH {
            match self.receiver.take(socket) {
                Poll::Ready(Ok((len, from))) => {
                    let text = self.receiver.read(len);
                    let answer = Answer::to(text);
                    report(Event::new(from, text));
                    self.answer(answer, socket, from, now);
                }
                Poll::Ready(Err(error)) => {
                    report(Event::Failed { error: &error });
                    return Some(now.saturating_add(RETRY));
                }
                Poll::Pending => return None,
            }
        }
        Some(now)
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
        now: Duration,
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
                socket.send_to(buffer.reply(0, GREETING.len() + len), to)
            }
            Answer::Refusal(why) => {
                let len = buffer.refuse(Refusal::Message(why));
                socket.send_to(buffer.reply(0, len), to)
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
struct Quota<const COUNTERS: usize> {
    counts: [u16; COUNTERS],
    second: u64,
    /// `None`: [`REPLIES_PER_SECOND`]. So a responder with these is all zeros, and costs no flash in
    /// a `static`.
    per_second: Option<NonZeroU16>,
}

impl<const COUNTERS: usize> Quota<COUNTERS> {
    /// Counts one reply, unless the source has had its share.
    fn grants(&mut self, source: IpAddr, now: Duration) -> bool {
        if self.second != now.as_secs() {
            self.second = now.as_secs();
            self.counts.fill(0);
        }
        let most = self.per_second.unwrap_or(REPLIES_PER_SECOND).get();
        let index = self.index(source);
        match self.counts.get_mut(index) {
            Some(count) if *count < most => {
                *count += 1;
                true
            }
            _ => false,
        }
    }

    /// FNV-1a over the second and the address: two sources that share a counter by accident part in
    /// the next second. A secret in it would be worth nothing, as whoever wants to use up another's
    /// replies can forge that very address.
    fn index(&self, source: IpAddr) -> usize {
        let mut hash = 0x811c_9dc5_u32;
        let mut eat = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        };
        eat(&self.second.to_le_bytes());
        match source.to_canonical() {
            IpAddr::V4(ip) => eat(&ip.octets()),
            IpAddr::V6(ip) => eat(&ip.octets()),
        }
        // FNV-1a leaves the lowest bits to the lowest bits of the bytes; this spreads the others.
        hash = (hash ^ hash >> 16).wrapping_mul(0x7feb_352d);
        hash ^= hash >> 15;
        usize::try_from(hash).unwrap_or_default() % COUNTERS
    }
}
