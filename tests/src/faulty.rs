//! A server that can be broken on purpose, one fault at a time, to see a check fail.
//!
//! Without a fault it is as good as any. An honest client that is alone always gets the right bytes, as
//! a server that never greets isn't graded at all.

use std::task::Poll;
use std::time::Duration;

use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::{Machine, Service as _, Want};
use greet_core::time::Instant;
use greet_core::transport::{Listener, Stream};

use crate::memory::lab::{Ours, Service};
use crate::memory::{Backlog, End, Mailbox};

mod datagrams;
mod lines;
mod lines_fault;
mod texts;

pub use lines::FaultyLines;
pub use lines_fault::LinesFault;
pub use texts::{FaultyTexts, TextFault};

use datagrams::Inbox;

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The last byte of a reply is another.
    FlipsLastByte,
    /// A reply never ends.
    KeepsOpen,
    /// No greeting ends before its client does, an honest one's neither.
    NeverEnds,
    /// RST ends each reply, once everybody has taken it.
    EndsWithReset,
    /// What is not taken 20 ms after the reply is thrown away.
    Impatient,
    /// What doesn't fit into one write is lost.
    WritesOnce,
    /// A client that half-closes is taken for one that left.
    FinIsFarewell,
    /// So is one that half-closes later than its name came, but not one that does at once.
    LateFinIsFarewell,
    /// A client that leaves without a name ends the server.
    DiesOfLeaving,
    /// A client that resets ends the server.
    DiesOfReset,
    /// A client that isn't there any more when its reply leaves ends the server.
    DiesOfBrokenPipe,
    /// Places don't come back for ever.
    LeaksPlaces,
    /// One client after the other.
    OneByOne,
    /// All clients share one reply.
    SharesReply,
    /// Clients for whom there is no place are sent away.
    SendsAway,
    /// Everything takes longer when others are there.
    Crowded,
    /// A half-open connection keeps its place.
    KeepsHalfOpen,
    /// Nobody is ever late.
    Endless,
    /// All that waits for time takes a tenth of it.
    FastClock,
    /// The deadline comes ten times too early, and nothing else.
    EarlyDeadline,
    /// All that waits for time takes ten times as long.
    SlowClock,
    /// Who comes from the port of an earlier client is refused.
    TimeWait,
    /// Names of more than 900 bytes don't arrive.
    LosesLongNames,
    /// Greetings of such names don't.
    LosesLongGreetings,
    /// In every third long greeting 32 bytes are those of the one before, at an aligned place.
    StaleBytes,
    /// The first quiet ends every name.
    Hasty,
    /// Every datagram is answered, the answers too, and all in the same way.
    Chatty,
    /// Most datagrams of a burst are lost.
    Lossy,
    /// No datagram is answered.
    Deaf,
    /// What comes in fragments is thrown away.
    DropsFragments,
    /// Once in fifteen replies beside others it is another client's.
    MixesUpRarely,
    /// Of the datagrams that come at once, those behind the fourth are lost.
    SmallRing,
    /// Messages of more than 900 bytes don't arrive.
    LosesLongMessages,
    /// Answers to them don't.
    LosesLongAnswers,
    /// In every third long answer 32 bytes are those of the one before, at an aligned place.
    StaleAnswers,
    /// No fault: clients for whom there is no place are reset, and may come back.
    TurnsAway,
}

impl Fault {
    /// All that are some.
    pub const ALL: [Self; 35] = [
        Self::FlipsLastByte,
        Self::KeepsOpen,
        Self::NeverEnds,
        Self::EndsWithReset,
        Self::Impatient,
        Self::WritesOnce,
        Self::FinIsFarewell,
        Self::LateFinIsFarewell,
        Self::DiesOfLeaving,
        Self::DiesOfReset,
        Self::DiesOfBrokenPipe,
        Self::LeaksPlaces,
        Self::OneByOne,
        Self::SharesReply,
        Self::SendsAway,
        Self::Crowded,
        Self::KeepsHalfOpen,
        Self::Endless,
        Self::FastClock,
        Self::EarlyDeadline,
        Self::SlowClock,
        Self::TimeWait,
        Self::LosesLongNames,
        Self::LosesLongGreetings,
        Self::StaleBytes,
        Self::Hasty,
        Self::Chatty,
        Self::Lossy,
        Self::Deaf,
        Self::DropsFragments,
        Self::MixesUpRarely,
        Self::SmallRing,
        Self::LosesLongMessages,
        Self::LosesLongAnswers,
        Self::StaleAnswers,
    ];
}

/// A server with a fault.
pub struct Faulty {
    fault: Fault,
    clients: Vec<Client>,
    dead: bool,
    served: usize,
    half_open: usize,
    last_reply: Vec<u8>,
    beside_others: usize,
    stale: Stale,
    inbox: Inbox,
    ours: Ours,
}

struct Client {
    end: End<false>,
    exchange: Exchange,
    since: Instant,
    /// How much it has sent, and whether that was too much to arrive.
    came: usize,
    lost: bool,
    /// Nothing of its answer arrives.
    silent: bool,
    /// It is done, and closed then.
    until: Option<Instant>,
}

/// More bytes of text are lost, or stale.
const LONG: usize = 900;

/// Memory that isn't written back in time.
#[derive(Default)]
struct Stale {
    before: Vec<u8>,
    count: usize,
}

impl Stale {
    fn mix(&mut self, reply: &mut [u8]) {
        const LINE: std::ops::Range<usize> = 128..160;
        if reply.len() < LINE.end {
            return;
        }
        let came = reply.to_vec();
        self.count += 1;
        if self.count.is_multiple_of(3) {
            reply[LINE].copy_from_slice(&self.before[LINE]);
        }
        self.before = came;
    }
}

const PLACES: usize = 8;

impl Faulty {
    /// A server with this fault.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            clients: Vec::new(),
            dead: false,
            served: 0,
            half_open: 0,
            last_reply: Vec::new(),
            beside_others: 0,
            stale: Stale::default(),
            inbox: Inbox::default(),
            ours: Ours::default(),
        }
    }

    fn places(&self) -> usize {
        match self.fault {
            Fault::OneByOne => 1,
            Fault::LeaksPlaces => PLACES.saturating_sub(self.served / 100),
            Fault::KeepsHalfOpen => PLACES.saturating_sub(self.half_open),
            Fault::SendsAway | Fault::TurnsAway => 4,
            _ => PLACES,
        }
    }

    fn accept(&mut self, backlog: &mut Backlog<false>, now: Instant) {
        let limits = match self.fault {
            Fault::Hasty => Limits::DEFAULT.with_settle(Duration::ZERO),
            Fault::FastClock => Limits::DEFAULT
                .with_settle(Limits::DEFAULT.settle() / 10)
                .with_deadline(Limits::DEFAULT.deadline() / 10),
            Fault::EarlyDeadline => Limits::DEFAULT.with_deadline(Limits::DEFAULT.deadline() / 10),
            Fault::SlowClock => Limits::DEFAULT
                .with_settle(Limits::DEFAULT.settle() * 10)
                .with_deadline(Limits::DEFAULT.deadline() * 10),
            Fault::Endless => Limits::DEFAULT.with_deadline(Duration::from_secs(10_000)),
            _ => Limits::DEFAULT,
        };
        let turns_away = matches!(self.fault, Fault::SendsAway | Fault::TurnsAway);
        while self.clients.len() < self.places() || turns_away {
            let Poll::Ready(Ok((mut end, _))) = backlog.accept(now) else {
                return;
            };
            if self.clients.len() < self.places() {
                self.clients.push(Client {
                    end,
                    exchange: Exchange::new(now, limits),
                    since: now,
                    came: 0,
                    lost: false,
                    silent: false,
                    until: None,
                });
            } else if self.fault == Fault::TurnsAway {
                end.abort();
            }
        }
    }

    /// Everybody's bytes come before anybody's answer.
    fn receive(&mut self, now: Instant) {
        let fault = self.fault;
        for client in &mut self.clients {
            if self.dead {
                return;
            }
            let exchange = &mut client.exchange;
            let mut came = false;
            while exchange.want().reads() {
                match client.end.receive(exchange.space()) {
                    Poll::Ready(Ok(0)) => {
                        let late = !came && exchange.dormant().is_none();
                        if fault == Fault::FinIsFarewell
                            || fault == Fault::LateFinIsFarewell && late
                        {
                            exchange.lost(embedded_io::ErrorKind::ConnectionReset);
                        }
                        self.dead |= fault == Fault::DiesOfLeaving && exchange.dormant().is_some();
                        exchange.received_fin(now);
                    }
                    Poll::Ready(Ok(n)) => {
                        came = true;
                        client.came += n;
                        client.lost |= (LONG + 1..).contains(&client.came);
                        exchange.received(n, now);
                    }
                    Poll::Ready(Err(error)) => {
                        self.dead |= fault == Fault::DiesOfReset;
                        exchange.lost(error.0);
                    }
                    Poll::Pending => {
                        let pondering = Duration::from_millis(10);
                        if fault != Fault::FinIsFarewell || now >= client.since + pondering {
                            exchange.quiet(now, |len| client.end.in_one_segment(len));
                        }
                        exchange.timeout(now);
                        break;
                    }
                }
            }
            if !exchange.transmit().is_empty() {
                self.last_reply = exchange.transmit().to_vec();
            }
        }
    }

    fn answer(&mut self, now: Instant) {
        let crowded = self.clients.len() > 1;
        for client in &mut self.clients {
            if self.dead {
                return;
            }
            if self.fault == Fault::Crowded
                && crowded
                && now < client.since + Duration::from_millis(200)
            {
                continue;
            }
            let exchange = &mut client.exchange;
            while !exchange.transmit().is_empty() {
                let mut reply = exchange.transmit().to_vec();
                if crowded {
                    self.beside_others += 1;
                }
                let mixes_up = crowded && self.beside_others.is_multiple_of(15);
                if self.fault == Fault::SharesReply
                    || self.fault == Fault::MixesUpRarely && mixes_up
                {
                    reply.clone_from(&self.last_reply);
                }
                let is_late = reply.starts_with(b"Error: no name within ");
                let says_another = matches!(
                    self.fault,
                    Fault::FastClock | Fault::SlowClock | Fault::EarlyDeadline
                );
                if is_late && says_another {
                    reply = b"Error: no name within 10 s\n".to_vec();
                }
                let is_long = reply.len() > LONG + 7;
                if is_long && self.fault == Fault::LosesLongGreetings
                    || client.lost && self.fault == Fault::LosesLongNames
                {
                    exchange.lost(embedded_io::ErrorKind::Other);
                    client.silent = true;
                    client.until = Some(now + Limits::DEFAULT.deadline());
                    break;
                }
                if self.fault == Fault::StaleBytes {
                    self.stale.mix(&mut reply);
                }
                let honest = reply.starts_with(b"Hello, client ");
                if self.fault == Fault::FlipsLastByte
                    && !honest
                    && let Some(last) = reply.last_mut()
                {
                    *last ^= 1;
                }
                match client.end.send(&reply) {
                    Poll::Ready(Ok(_)) if self.fault == Fault::WritesOnce || says_another => {
                        exchange.transmitted(usize::MAX, now);
                    }
                    Poll::Ready(Ok(n)) => exchange.transmitted(n, now),
                    Poll::Ready(Err(error)) => exchange.lost(error.0),
                    Poll::Pending => break,
                }
                if self.fault == Fault::KeepsOpen && !honest {
                    client.until = Some(now + Duration::from_secs(6));
                    exchange.lost(embedded_io::ErrorKind::Other);
                }
            }
            if exchange.want() == Want::Write && exchange.transmit().is_empty() {
                let ends = !matches!(self.fault, Fault::EndsWithReset | Fault::NeverEnds);
                let failed = ends && matches!(client.end.finish(), Poll::Ready(Err(_)));
                self.dead |= self.fault == Fault::DiesOfBrokenPipe && failed;
                exchange.finished(now);
            }
            if let Some(outcome) = exchange.outcome() {
                client.silent |= self.fault == Fault::NeverEnds;
                let patience = match self.fault {
                    Fault::NeverEnds => Limits::DEFAULT.deadline(),
                    Fault::Impatient if outcome == Outcome::Greeted => Duration::from_millis(20),
                    Fault::EndsWithReset => Duration::from_millis(300),
                    _ => Duration::ZERO,
                };
                client.until.get_or_insert(now + patience);
            }
        }
    }

    fn release(&mut self, now: Instant) {
        let (fault, before) = (self.fault, self.clients.len());
        self.clients.retain_mut(|client| {
            let mut has_left = || match client.end.receive(&mut [0]) {
                Poll::Ready(Ok(n)) => n == 0 && fault == Fault::NeverEnds,
                Poll::Ready(Err(_)) => true,
                Poll::Pending => false,
            };
            let done =
                client.until.is_some_and(|until| now >= until) || client.silent && has_left();
            if done && matches!(fault, Fault::Impatient | Fault::EndsWithReset) {
                client.end.abort();
            }
            !done
        });
        self.served += before - self.clients.len();
    }
}

impl Service for Faulty {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        if self.dead {
            return Instant::NEVER;
        }
        let next = self.inbox.poll(self.fault, &mut self.ours, mailbox, now);
        self.accept(backlog, now);
        self.receive(now);
        if self.dead {
            return Instant::NEVER;
        }
        self.answer(now);
        self.release(now);
        let slow = |client: &Client| [10, 200].map(|ms| client.since + Duration::from_millis(ms));
        let due = self.clients.iter().flat_map(|client| {
            let soon = slow(client).into_iter().filter(|at| *at > now);
            soon.chain([client.exchange.due()]).chain(client.until)
        });
        let more = backlog.waiting() > 0 && self.clients.len() < self.places();
        due.chain(more.then_some(now)).fold(next, Instant::min)
    }

    fn poll_lines(&mut self, backlog: &mut Backlog<false>, now: Instant) -> Instant {
        self.ours.poll_lines(backlog, now)
    }

    fn lets_in_again(&self) -> bool {
        self.fault != Fault::TimeWait
    }

    fn half_open(&mut self, count: usize) {
        self.half_open += 2 * count;
    }
}
