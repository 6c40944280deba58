//! Clients who would make an acceptor wait: an event loop over their sockets, with deadlines.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use greet_core::drive;
use greet_core::exchange::{Exchange, Outcome, Status};
use greet_core::server::{Event, Tally};
use mio::{Events, Poll, Token, Waker};

use super::Shared;
use super::inbox::{Arrivals, Inbox};
use super::stop::Phase;
use super::straggler::Straggler;
use crate::clock::wait_for;

/// The token of [`Stragglers::waker`]. No client gets so large a key.
const WAKE: Token = Token(usize::MAX);

/// So many readiness events are taken at once.
const BATCH: usize = 1024;

/// So many buffers are kept for the next stragglers.
const SPARE: usize = 64;

/// The event loop of one worker, not yet running.
pub(super) struct Stragglers {
    poll: Poll,
    inbox: Arc<Inbox>,
    waker: Arc<Waker>,
}

struct Loop<'a, R> {
    poll: Poll,
    inbox: &'a Inbox,
    shared: Shared<'a>,
    report: R,
    /// By their keys.
    stragglers: Vec<Option<Straggler>>,
    /// When each of them is due.
    timers: BTreeSet<(Duration, usize)>,
    /// Keys that the inbox can give to others.
    gone: Vec<usize>,
    #[expect(
        clippy::vec_box,
        reason = "a box moves to a straggler and back, not what is in it"
    )]
    spare: Vec<Box<Exchange>>,
    tally: Tally,
}

impl Stragglers {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let inbox = Inbox::new(poll.registry().try_clone()?, Arc::clone(&waker));
        Ok(Self {
            poll,
            inbox: Arc::new(inbox),
            waker,
        })
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Serves until no more clients can come and all are served, or until the server stops at once.
    pub(super) fn run(
        self,
        shared: Shared<'_>,
        report: impl Fn(Event<'_, io::Error>),
    ) -> io::Result<Tally> {
        let mut this = Loop {
            poll: self.poll,
            inbox: &self.inbox,
            shared,
            report,
            stragglers: Vec::new(),
            timers: BTreeSet::new(),
            gone: Vec::new(),
            spare: Vec::new(),
            tally: Tally::default(),
        };
        this.run()?;
        Ok(this.tally)
    }
}

impl<R: Fn(Event<'_, io::Error>)> Loop<'_, R> {
    fn run(&mut self) -> io::Result<()> {
        let clock = self.shared.clock;
        let mut events = Events::with_capacity(BATCH);
        let mut arrivals = Arrivals::new();
        loop {
            let now = clock.now();
            let due = self
                .inbox
                .sleep_until(self.wakes_at(now, !events.is_empty()));
            wait_for(&mut self.poll, &mut events, Some(due), now)?;
            let more = self.inbox.take(&mut arrivals, &mut self.gone);
            for (key, straggler) in arrivals.drain(..) {
                self.admit(key, straggler);
            }
            arrivals.shrink_to(BATCH);
            for event in &events {
                self.drive(event.token().0);
            }
            // Each is due later, or gone, after it was driven.
            let now = clock.now();
            while let Some(&(due, key)) = self.timers.first()
                && due <= now
            {
                self.drive(key);
            }
            if self.shared.handle.phase() == Phase::Aborting {
                self.abandon_all();
            }
            if !more && self.timers.is_empty() {
                return Ok(());
            }
        }
    }

    /// When to look at the time again at the latest: when the first is due. While there is something
    /// to do, also when one who is accepted from now on would be due, so that nobody need wake us for
    /// that one.
    fn wakes_at(&self, now: Duration, busy: bool) -> Duration {
        let first = self.timers.first().map_or(Duration::MAX, |&(due, _)| due);
        if busy {
            first.min(now.saturating_add(self.shared.limits.deadline))
        } else {
            first
        }
    }

    fn admit(&mut self, key: usize, straggler: Straggler) {
        if self.stragglers.len() <= key {
            self.stragglers.resize_with(key + 1, || None);
        }
        self.timers.insert((straggler.due(self.shared.limits), key));
        self.stragglers[key] = Some(straggler);
    }

    /// Moves one straggler on as far as possible.
    fn drive(&mut self, key: usize) {
        // Not there: the waker, or somebody who ended earlier in this batch.
        let Some(Some(straggler)) = self.stragglers.get_mut(key) else {
            return;
        };
        let limits = self.shared.limits;
        let due = straggler.due(limits);
        let exchange = straggler
            .exchange
            .get_or_insert_with(|| match self.spare.pop() {
                Some(mut spare) => {
                    spare.restart(straggler.accepted, limits);
                    spare
                }
                None => Box::new(Exchange::new(straggler.accepted, limits)),
            });
        // The time of each, not of the batch: it may be long, and what settles from then on would be
        // greeted before it is quiet.
        let now = self.shared.clock.now();
        if let Status::Done(outcome) = drive::exchange(exchange, &mut straggler.stream, now) {
            return self.end(key, due, outcome);
        }
        if exchange.is_untouched() {
            self.spare.extend(straggler.exchange.take());
        }
        let next = straggler.due(limits);
        if next != due {
            self.timers.remove(&(due, key));
            self.timers.insert((next, key));
        }
        if let Err(error) = straggler.watch_on(self.poll.registry(), Token(key)) {
            self.lose(key, &error);
        }
    }

    /// Forgets one that is done, and stands in the timers under `due`.
    fn end(&mut self, key: usize, due: Duration, outcome: Outcome) {
        self.timers.remove(&(due, key));
        let Some(straggler) = self.stragglers[key].take() else {
            return;
        };
        drop(straggler.stream); // before anybody is told
        self.gone.push(key);
        self.shared.places.give_back();
        self.tally.count(outcome);
        if let Some(exchange) = straggler.exchange {
            (self.report)(Event::end(&straggler.peer, &exchange, outcome));
            if self.spare.len() < SPARE {
                self.spare.push(exchange);
            }
        }
    }

    /// Ends an exchange for a reason of our own side.
    fn lose(&mut self, key: usize, error: &io::Error) {
        let limits = self.shared.limits;
        let Some(Some(straggler)) = self.stragglers.get_mut(key) else {
            return;
        };
        let due = straggler.due(limits);
        if let Some(outcome) = straggler.lose(error, limits) {
            self.end(key, due, outcome);
        }
    }

    fn abandon_all(&mut self) {
        for key in 0..self.stragglers.len() {
            self.drive(key); // what can still be done at once is done
            self.lose(key, &io::ErrorKind::ConnectionAborted.into());
        }
    }
}
