//! After a failure that length may explain: which lengths pass and which don't, and on which way the others
//! are lost. After wrong bytes: whether that happens again, and where.
//!
//! Each runs once over TCP and once over UDP. A length counts as lost only if it is lost again and again,
//! and so are longer ones, while shorter ones pass: a link that loses now and then has no such length.

use core::mem;
use core::time::Duration;

use embedded_io::ErrorKind;

use super::Event;
use super::case::About;
use super::fact::{Again, Fact, Way};
use super::need::{Mode, Need};
use super::sample::{LENGTHS, Sample};
use super::session::Session;
use super::stack::Dial;
use super::verdict::{Cause, End, Expected, Failure, Verdict};
use crate::limits::GREETING;
use crate::time::Instant;

/// What is so long passes: every honest client sends as much.
const SHORT: u16 = 12;

/// Below this many bytes a failure isn't looked into.
const LONG: u16 = 64;

/// How often what doesn't pass is tried again before it counts.
const TRIES: u8 = 2;

/// How long a search may take.
const MOST: Duration = Duration::from_secs(10);

/// How often much the same is sent to see bytes come back wrong again, in which time, and how often that
/// is enough.
const REPEATS: u16 = 200;
const REPEATING: Duration = Duration::from_secs(3);
const ENOUGH: usize = 4;

/// What a failure may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Something is too long.
    Length { way: Way, fails: u16 },
    /// Bytes were wrong.
    Bytes { way: Way, len: u16, wrong: Wrong },
}

/// Which bytes of a text came back wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    first: u16,
    count: u16,
}

/// What became of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Right,
    Wrong(Wrong),
    /// It was refused as no text at this byte, which it is.
    Refused(u16),
    Lost,
}

impl Session<'_> {
    /// What may be behind a failure, while what came is still there.
    pub(super) fn suspect(&self, check: &About, verdict: &Verdict) -> Option<Suspicion> {
        let Verdict::Failed(Failure {
            cause: Cause::Reply { expected, end },
            ..
        }) = *verdict
        else {
            return None;
        };
        let len = expected.text_len()?;
        let way = match check.mode() {
            Some(Mode::Name) => Way::Stream,
            None if check.needs.contains(&Need::Udp) => Way::Datagram,
            _ => return None,
        };
        if len < LONG || end == End::Flood {
            return None;
        }
        match self.compare(expected) {
            // It may be its own end that is wrong.
            Came::Right => None,
            Came::Lost => Some(Suspicion::Length { way, fails: len }),
            Came::Wrong(wrong) => Some(Suspicion::Bytes { way, len, wrong }),
            Came::Refused(first) => Some(Suspicion::Bytes {
                way: to_the_server(way),
                len,
                wrong: Wrong { first, count: 1 },
            }),
        }
    }

    /// Looks into it, if that wasn't done before, and reports what it finds.
    pub(super) fn look_into(&mut self, suspicion: Suspicion) {
        let (way, done) = match suspicion {
            Suspicion::Length { way, .. } => (way, &mut self.known.searched.lengths),
            Suspicion::Bytes { way, .. } => (way, &mut self.known.searched.bytes),
        };
        let [over_tcp, over_udp] = done;
        let (over, done) = match way {
            Way::Stream | Way::Name | Way::Greeting => (Way::Stream, over_tcp),
            Way::Datagram | Way::Message | Way::Answer => (Way::Datagram, over_udp),
        };
        if mem::replace(done, true) {
            return;
        }
        let fact = match suspicion {
            Suspicion::Length { fails, .. } => self.boundary(over, fails),
            Suspicion::Bytes { len, wrong, .. } => self.again(over, way, len, wrong),
        };
        let Some(fact) = fact else { return };
        if let Fact::Length { passes, .. } = fact {
            let [over_tcp, over_udp] = &mut self.known.searched.longest;
            let longest = if over == Way::Stream {
                over_tcp
            } else {
                over_udp
            };
            *longest = Some(passes);
        }
        (self.report)(Event::Found { fact });
    }

    /// The longest name that isn't known to be lost for its length.
    pub(super) fn longest_name(&self) -> u16 {
        let [over_tcp, _] = self.known.searched.longest;
        over_tcp.unwrap_or(LENGTHS - 1)
    }

    /// The longest message that isn't.
    pub(super) fn longest_message(&self) -> u16 {
        let [_, over_udp] = self.known.searched.longest;
        over_udp.unwrap_or(LENGTHS - 1)
    }

    /// Which length passes and which doesn't, beside each other.
    fn boundary(&mut self, way: Way, fails: u16) -> Option<Fact> {
        let end = self.stack.now() + MOST;
        let patience = self.patience_for(way)?;
        let mut search = Search {
            session: self,
            way,
            patience,
            end,
            turn: 0,
        };
        let (mut low, mut high) = (SHORT, fails);
        if search.passes(high, TRIES + 1)? {
            return None;
        }
        loop {
            while high - low > 1 {
                let middle = low.midpoint(high);
                if search.passes(middle, TRIES)? {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            if search.passes(high, TRIES)? {
                // It was lost by chance.
                (low, high) = (high, fails);
                if low >= high {
                    return None;
                }
            } else {
                break;
            }
        }
        // Anything but a length would show here: an odd one, or one that chance hit.
        let between = high.midpoint(fails);
        for longer in [high.saturating_add(1), between, fails] {
            if longer > high && longer <= fails && search.passes(longer, TRIES)? {
                return None;
            }
        }
        for shorter in 0..3 {
            if !search.passes(low.saturating_sub(shorter).max(SHORT), TRIES)? {
                return None;
            }
        }
        let way = search.direction(high)?;
        Some(Fact::Length {
            way,
            passes: low,
            fails: high,
        })
    }

    /// Whether bytes are wrong again in text of this length.
    fn again(&mut self, over: Way, way: Way, len: u16, wrong: Wrong) -> Option<Fact> {
        let end = self.stack.now() + REPEATING;
        let patience = self.patience_for(over)?;
        let mut search = Search {
            session: self,
            way: over,
            patience,
            end,
            turn: 0,
        };
        let mut firsts = [0; ENOUGH];
        let mut seen = 0;
        let mut way = way;
        let mut worst = wrong;
        for _ in 0..REPEATS {
            let Some(came) = search.ask(len) else { break };
            let wrong = match came {
                Came::Wrong(wrong) => wrong,
                Came::Refused(first) => {
                    way = to_the_server(over);
                    Wrong { first, count: 1 }
                }
                Came::Right | Came::Lost => continue,
            };
            if wrong.count >= worst.count {
                worst = wrong;
            }
            if let Some(place) = firsts.get_mut(seen) {
                *place = wrong.first;
            }
            seen += 1;
            if seen == ENOUGH {
                break;
            }
        }
        let firsts = firsts.get(..seen).unwrap_or_default();
        let again = match firsts.first() {
            // A server may have refused what it doesn't know for text.
            None if way == to_the_server(over) => return None,
            None => Again::Never,
            Some(first) => [64, 32, 4]
                .into_iter()
                .find(|modulo| firsts.iter().all(|one| one % modulo == first % modulo))
                .filter(|_| seen == ENOUGH)
                .map_or(Again::Anywhere, |modulo| Again::At {
                    modulo,
                    rest: first % modulo,
                }),
        };
        Some(Fact::Wrong {
            way,
            len,
            first: worst.first,
            count: worst.count,
            again,
        })
    }

    /// For how long an answer is waited for: a few times what one takes. `None`: not even short ones come.
    fn patience_for(&mut self, way: Way) -> Option<Duration> {
        const LEAST: Duration = Duration::from_millis(300);
        let (mut slowest, timeout) = (Duration::ZERO, self.plan.timeout);
        let end = self.stack.now() + timeout;
        for turn in 0..3 {
            let start = self.stack.now();
            let mut search = Search {
                session: self,
                way,
                patience: timeout,
                end,
                turn,
            };
            if !search.passes(SHORT, 1)? {
                return None;
            }
            slowest = slowest.max(self.stack.now().since(start));
        }
        // Without FIN a long name is complete a while after it has come.
        let settling = if self.known.half_close == Some(false) {
            LEAST
        } else {
            Duration::ZERO
        };
        let patience = slowest.saturating_mul(4).saturating_add(settling);
        Some(patience.max(LEAST).min(timeout))
    }

    /// What became of a text of which this is the greeting.
    fn compare(&self, expected: Expected) -> Came {
        let actual = self.actual();
        if expected.is(actual) {
            return Came::Right;
        }
        if let Some(first) = refused_at(actual) {
            return Came::Refused(first);
        }
        let due = expected.bytes();
        let (mut first, mut last, mut wrong, mut len) = (None, 0_usize, 0_usize, 0_usize);
        for (at, (due, came)) in (0..).zip(due.zip(actual)) {
            len += 1;
            if due != *came {
                first = first.or(Some(at));
                last = at;
                wrong += 1;
            }
        }
        let text = GREETING.len();
        match first {
            // All of it, or another reply, tells nothing of bytes.
            Some(first) if wrong < len / 2 => {
                let (first, last) = (first.saturating_sub(text), last.saturating_sub(text));
                Came::Wrong(Wrong {
                    first: count(first),
                    count: count(last - first + 1),
                })
            }
            _ => Came::Lost,
        }
    }
}

fn count(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

const fn to_the_server(way: Way) -> Way {
    match way {
        Way::Stream | Way::Name | Way::Greeting => Way::Name,
        Way::Datagram | Way::Message | Way::Answer => Way::Message,
    }
}

const fn from_the_server(way: Way) -> Way {
    match way {
        Way::Stream | Way::Name | Way::Greeting => Way::Greeting,
        Way::Datagram | Way::Message | Way::Answer => Way::Answer,
    }
}

/// The byte at which a refusal says that there is no text.
fn refused_at(reply: &[u8]) -> Option<u16> {
    let number = [
        &b"Error: name is not UTF-8 at byte "[..],
        b"Error: message is not UTF-8 at byte ",
    ]
    .into_iter()
    .find_map(|start| reply.strip_prefix(start))?
    .strip_suffix(b"\n")?;
    number
        .iter()
        .try_fold(0_u16, |value, digit| {
            let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
            value.checked_mul(10)?.checked_add(digit)
        })
        .filter(|_| !number.is_empty())
}

/// One search at work.
struct Search<'s, 'a> {
    session: &'s mut Session<'a>,
    way: Way,
    patience: Duration,
    end: Instant,
    /// Each text is another.
    turn: u16,
}

impl Search<'_, '_> {
    /// Whether a text of this length comes back, in so many tries. `None`: there is no time left.
    fn passes(&mut self, len: u16, tries: u8) -> Option<bool> {
        for _ in 0..tries {
            if self.ask(len)? == Came::Right {
                return Some(true);
            }
            // What is lost may hold a place for a while, and then nothing passes.
            while len > SHORT && self.ask(SHORT)? != Came::Right {}
        }
        Some(false)
    }

    /// What becomes of a text of this length.
    fn ask(&mut self, len: u16) -> Option<Came> {
        if self.session.stack.now() >= self.end {
            return None;
        }
        self.turn = self.turn.wrapping_add(1);
        let seed = self.session.plan.seed.wrapping_add(self.turn.into());
        let expected = Expected::Sample(Sample::plain(seed, len));
        self.exchange(expected, |at| expected.name_byte(at))?;
        Some(self.session.compare(expected))
    }

    /// On which way text of this length is lost. One that ends with a byte that no text has gets a short
    /// answer, if it arrives.
    fn direction(&mut self, len: u16) -> Option<Way> {
        if self.refuses(len)? {
            return Some(from_the_server(self.way));
        }
        // A server that never refuses tells nothing.
        let refuses = self.refuses(SHORT)?;
        Some(if refuses {
            to_the_server(self.way)
        } else {
            self.way
        })
    }

    fn refuses(&mut self, len: u16) -> Option<bool> {
        let last = usize::from(len - 1);
        for _ in 0..=TRIES {
            let bad = |at| match at {
                at if at < last => Some(b'a'),
                at if at == last => Some(0xff),
                _ => None,
            };
            self.exchange(Expected::Nothing, bad)?;
            if refused_at(self.session.actual()) == Some(len - 1) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Sends these bytes, and takes what comes in time.
    fn exchange(
        &mut self,
        expected: Expected,
        byte: impl Fn(usize) -> Option<u8> + Copy,
    ) -> Option<()> {
        if self.session.stack.now() >= self.end {
            return None;
        }
        match self.way {
            Way::Datagram | Way::Message | Way::Answer => self.exchange_datagram(expected, byte),
            Way::Stream | Way::Name | Way::Greeting => self.exchange_stream(expected, byte),
        }
        Some(())
    }

    fn exchange_stream(&mut self, expected: Expected, byte: impl Fn(usize) -> Option<u8>) {
        const SLOT: usize = 0;
        let session = &mut *self.session;
        let fin = session.half_closes();
        let until = session.stack.now() + session.plan.timeout;
        let mut end = End::Silence;
        if session
            .open_until(Mode::Name, SLOT, Dial::Plain, until)
            .is_ok()
        {
            let until = session.stack.now() + self.patience;
            let len = session.fill(byte);
            session.send_room(SLOT, len, until);
            if fin {
                session.finish(SLOT);
            }
            session.received = 0;
            end = loop {
                if let Err(end) = session.take_of(expected, SLOT, usize::MAX, until) {
                    break end;
                }
            };
        }
        // What is half lost would hold a place for long.
        if end != End::Fin && session.stack.unsupported(Need::Reset).is_none() {
            session.stack.abort(SLOT);
        }
        session.stack.close(SLOT);
        if end != End::Fin && expected.is(session.actual()) {
            session.received = 0;
        }
    }

    fn exchange_datagram(&mut self, expected: Expected, byte: impl Fn(usize) -> Option<u8>) {
        let session = &mut *self.session;
        session.make_way(1);
        session.drain_datagrams();
        let until = session.stack.now() + self.patience;
        let _ = session.send_datagram(byte, until);
        loop {
            match session.take_datagram(until) {
                // A late answer to something else has another length.
                End::Fin
                    if matches!(expected, Expected::Sample(_))
                        && session.received != expected.bytes().count()
                        && refused_at(session.actual()).is_none() => {}
                End::Broken(ErrorKind::ConnectionRefused) | End::Fin | End::Silence => return,
                _ => {}
            }
        }
    }
}
