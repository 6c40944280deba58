//! Clients who would make an acceptor wait: an event loop over their sockets, with deadlines.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use greet_core::drive::drive;
use greet_core::machine::Service;
use greet_core::server::Event;
use greet_core::time::Instant;
use mio::{Events, Poll, Token, Waker};

use super::Shared;
use super::emptied::Emptied;
use super::handoff::{Arrivals, Handoff};
use super::slow_connection::{SlowConnection, due, end};
use super::stop::Phase;
use crate::clock::wait_for;

/// The token of [`EventLoop::waker`]. No client gets so large a key.
const WAKE: Token = Token(usize::MAX);

/// So many readiness events are taken at once.
const BATCH: usize = 1024;

/// So many buffers are kept for the next connections.
const SPARE: usize = 64;

/// The event loop of one worker, not yet running.
pub(super) struct EventLoop<M: Service> {
    poll: Poll,
    handoff: Arc<Handoff<M>>,
    waker: Arc<Waker>,
}

struct Loop<'a, M: Service, R> {
    poll: Poll,
    handoff: &'a Handoff<M>,
    shared: Shared<'a, M::Config>,
    report: R,
    /// By their keys.
    connections: Vec<Option<SlowConnection<M>>>,
    /// When each of them is looked at. Who has more to do at once stands here as well: so the others
    /// have their turn before.
    timers: BTreeSet<(Instant, usize)>,
    /// Nobody gives way earlier.
    room_at: Instant,
    scratch: Box<M>,
    /// Keys that the handoff can give to others.
    gone: Vec<usize>,
    /// Boxes, as one moves to a connection and back, not what is in it.
    spare: Vec<Box<M>>,
    tally: M::Tally,
    /// The server stops, and all know it.
    winding_down: bool,
}

impl<M: Service> EventLoop<M> {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let handoff = Handoff::new(poll.registry().try_clone()?, Arc::clone(&waker));
        Ok(Self {
            poll,
            handoff: Arc::new(handoff),
            waker,
        })
    }

    pub(super) fn handoff(&self) -> Arc<Handoff<M>> {
        Arc::clone(&self.handoff)
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Serves until no more clients can come and all are served, or until the server stops at once.
    pub(super) fn run(
        self,
        shared: Shared<'_, M::Config>,
        report: impl Fn(Event<'_, M, io::Error>),
    ) -> io::Result<M::Tally> {
        let mut this = Loop {
            poll: self.poll,
            handoff: &self.handoff,
            shared,
            report,
            connections: Vec::new(),
            timers: BTreeSet::new(),
            room_at: Instant::NEVER,
            scratch: Box::new(M::VACANT),
            gone: Vec::new(),
            spare: Vec::new(),
            tally: M::NONE,
            winding_down: false,
        };
        this.run()?;
        Ok(this.tally)
    }
}

impl<M: Service, R: Fn(Event<'_, M, io::Error>)> Loop<'_, M, R> {
    fn run(&mut self) -> io::Result<()> {
        let clock = self.shared.clock;
        let mut events = Events::with_capacity(BATCH);
        let mut arrivals = Arrivals::new();
        let mut room_at = Instant::NEVER;
        let mut now = clock.now();
        loop {
            let due = self
                .handoff
                .sleep_until(self.wakes_at(now, !events.is_empty()).min(room_at));
            wait_for(&mut self.poll, &mut events, due, now)?;
            let more = self.handoff.take(&mut arrivals, &mut self.gone);
            for (key, connection) in arrivals.drain(..) {
                self.admit(key, connection);
                if self.winding_down {
                    self.wind_down(key);
                }
            }
            arrivals.shrink_to(BATCH);
            for event in &events {
                let bytes_alone = event.is_readable() && !event.is_read_closed();
                self.drive_on(event.token().0, bytes_alone);
            }
            // Each is looked at later, or gone, after it was driven.
            let before = clock.now();
            now = before;
            while let Some(&(due, key)) = self.timers.first()
                && due <= before
            {
                self.drive(key);
                now = clock.now();
            }
            room_at = self.make_room();
            match self.shared.handle.phase() {
                Phase::Serving => {}
                Phase::Stopping | Phase::Leaving => self.wind_down_all(),
                Phase::Aborting => self.abandon_all(),
            }
            if !more && self.timers.is_empty() {
                return Ok(());
            }
        }
    }

    /// When to look at the time again at the latest: when the first is due. While there is something
    /// to do, also when one who is accepted from now on would be due, so that nobody need wake us for
    /// that one.
    fn wakes_at(&self, now: Instant, busy: bool) -> Instant {
        let first = self.timers.first().map_or(Instant::NEVER, |&(due, _)| due);
        if busy {
            first.min(now + self.shared.patience)
        } else {
            first
        }
    }

    fn admit(&mut self, key: usize, connection: SlowConnection<M>) {
        if self.connections.len() <= key {
            self.connections.resize_with(key + 1, || None);
        }
        self.timers.insert((connection.timer, key));
        let gives_way = connection.gives_way(self.shared.config, &mut self.scratch);
        self.room_at = self.room_at.min(gives_way);
        self.connections[key] = Some(connection);
    }

    /// Moves one connection on as far as possible.
    fn drive(&mut self, key: usize) {
        self.drive_on(key, false);
    }

    /// The same where an event may say that [bytes alone](Emptied::new) have come.
    fn drive_on(&mut self, key: usize, bytes_alone: bool) {
        // Not there: the waker, or somebody who ended earlier in this batch.
        let Some(Some(connection)) = self.connections.get_mut(key) else {
            return;
        };
        let (machine, stream) = connection.awake(self.shared.config, || self.spare.pop());
        // The time of each, not of the batch: it may be long, and what settles from then on would be
        // answered before it is quiet.
        let now = self.shared.clock.now();
        let more = drive(machine, &mut Emptied::new(stream, bytes_alone), now);
        if machine.outcome().is_some() {
            return self.end(key);
        }
        let (due, want) = (due(machine, more, now), machine.want());
        if due < connection.timer || connection.timer <= now {
            self.timers.remove(&(connection.timer, key));
            self.timers.insert((due, key));
            connection.timer = due;
        }
        self.spare.extend(connection.rest());
        let gives_way = connection.gives_way(self.shared.config, &mut self.scratch);
        self.room_at = self.room_at.min(gives_way);
        if let Err(error) = connection.watch_on(want, self.poll.registry(), Token(key)) {
            self.lose(key, &error);
        }
    }

    /// While all places are taken and somebody waits for one, ends the client that has made no use of
    /// its own for longest. Returns when to look again.
    fn make_room(&mut self) -> Instant {
        if !self.shared.places.is_called() {
            return Instant::NEVER;
        }
        let now = self.shared.clock.now();
        if now < self.room_at {
            return self.room_at;
        }
        let Some((gives_way, key)) = self.first_to_go() else {
            return Instant::NEVER;
        };
        self.room_at = gives_way;
        if now < gives_way {
            return gives_way;
        }
        if !self.shared.places.answer() {
            return Instant::NEVER; // another loop has done so
        }
        self.give_way(key, now);
        if self.connections[key].is_none() {
            return Instant::NEVER;
        }
        self.shared.places.call_again();
        now
    }

    /// Whom it concerns first to give way, and from when on.
    fn first_to_go(&mut self) -> Option<(Instant, usize)> {
        let (config, scratch) = (self.shared.config, &mut self.scratch);
        self.connections
            .iter()
            .enumerate()
            .filter_map(|(key, connection)| {
                let connection = connection.as_ref()?;
                Some((connection.gives_way(config, scratch), key))
            })
            .min()
    }

    /// Ends one that gives way, unless something has come from it meanwhile. It may have something to
    /// say first.
    fn give_way(&mut self, key: usize, now: Instant) {
        self.drive(key);
        for _ in 0..2 {
            let Some(Some(connection)) = self.connections.get_mut(key) else {
                return;
            };
            connection
                .awake(self.shared.config, || self.spare.pop())
                .0
                .give_way(now);
            self.drive(key);
        }
    }

    /// Forgets one that is done.
    fn end(&mut self, key: usize) {
        let Some(connection) = self.connections[key].take() else {
            return;
        };
        self.timers.remove(&(connection.timer, key));
        let peer = connection.peer;
        let machine = connection.close(); // before anybody is told
        self.gone.push(key);
        self.shared.places.give_back();
        if let Some(machine) = machine {
            end(&*machine, &peer, &mut self.tally, &self.report);
            if self.spare.len() < SPARE {
                self.spare.push(machine);
            }
        }
    }

    /// Ends one for a reason of our own side.
    fn lose(&mut self, key: usize, error: &io::Error) {
        if let Some(Some(connection)) = self.connections.get_mut(key) {
            let (machine, _) = connection.awake(self.shared.config, || self.spare.pop());
            machine.lost(error.kind().into());
            self.end(key);
        }
    }

    /// Tells everybody once that the server stops.
    fn wind_down_all(&mut self) {
        if !self.winding_down {
            self.winding_down = true;
            for key in 0..self.connections.len() {
                self.wind_down(key);
            }
        }
    }

    /// Has one end soon that could go on for ever.
    fn wind_down(&mut self, key: usize) {
        self.drive(key); // what came before the stop counts
        if let Some(Some(connection)) = self.connections.get_mut(key) {
            let now = self.shared.clock.now();
            let (machine, _) = connection.awake(self.shared.config, || self.spare.pop());
            machine.wind_down(now);
            self.drive(key);
        }
    }

    fn abandon_all(&mut self) {
        for key in 0..self.connections.len() {
            self.drive(key); // what can still be done at once is done
            self.lose(key, &io::ErrorKind::ConnectionAborted.into());
        }
    }
}
