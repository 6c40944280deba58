//! Clients who would make an acceptor wait: an event loop over their sockets, with deadlines.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use greet_core::drive;
use greet_core::exchange::{Exchange, Outcome, Status};
use greet_core::server::{Event, Tally};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use super::Shared;
use super::stop::Phase;
use crate::clock::wait;
use crate::stream::Stream;

/// The token of [`Stragglers::waker`]. A slab never gets so large.
const WAKE: Token = Token(usize::MAX);

/// So many readiness events are taken at once.
const BATCH: usize = 1024;

/// So many buffers are kept for the next stragglers.
const SPARE: usize = 64;

/// The event loop of one worker, not yet running.
pub(super) struct Stragglers {
    poll: Poll,
    waker: Arc<Waker>,
}

/// A client whom an acceptor hands over, and its place with it.
pub(super) struct Newcomer {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) accepted: Duration,
    /// `None`: nothing has come yet.
    pub(super) exchange: Option<Box<Exchange>>,
}

struct Straggler {
    stream: Stream<mio::net::TcpStream>,
    peer: SocketAddr,
    accepted: Duration,
    /// When it must be looked at. It stands in the timers under this time.
    due: Duration,
    /// Taken when the first bytes come: a thousand silent clients cost a thousand times 100 bytes.
    exchange: Option<Box<Exchange>>,
    /// What mio watches for.
    interest: Interest,
}

struct Loop<'a, R> {
    poll: Poll,
    shared: Shared<'a>,
    report: R,
    stragglers: Slab<Straggler>,
    timers: BTreeSet<(Duration, usize)>,
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
        Ok(Self { poll, waker })
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Serves until no more newcomers can come and all are served, or until the server stops at
    /// once.
    pub(super) fn run(
        self,
        newcomers: &Receiver<Newcomer>,
        shared: Shared<'_>,
        report: impl Fn(Event<'_, io::Error>),
    ) -> io::Result<Tally> {
        let mut this = Loop {
            poll: self.poll,
            shared,
            report,
            stragglers: Slab::new(),
            timers: BTreeSet::new(),
            spare: Vec::new(),
            tally: Tally::default(),
        };
        this.run(newcomers)?;
        Ok(this.tally)
    }
}

impl<R: Fn(Event<'_, io::Error>)> Loop<'_, R> {
    fn run(&mut self, newcomers: &Receiver<Newcomer>) -> io::Result<()> {
        let clock = self.shared.clock;
        let mut events = Events::with_capacity(BATCH);
        loop {
            let due = self.timers.first().map(|&(due, _)| due);
            match self.poll.poll(&mut events, wait(due, clock.now())) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                self.drive(event.token().0);
            }
            let more = loop {
                match newcomers.try_recv() {
                    Ok(newcomer) => self.admit(newcomer),
                    Err(TryRecvError::Empty) => break true,
                    Err(TryRecvError::Disconnected) => break false,
                }
            };
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
            if !more && self.stragglers.is_empty() {
                return Ok(());
            }
        }
    }

    fn admit(&mut self, newcomer: Newcomer) {
        let Newcomer {
            stream,
            peer,
            accepted,
            exchange,
        } = newcomer;
        let due = match &exchange {
            Some(exchange) => exchange.timeout(),
            None => accepted.checked_add(self.shared.limits.deadline),
        }
        .unwrap_or(Duration::MAX);
        let interest = exchange.as_deref().map_or(Interest::READABLE, interest);
        let entry = self.stragglers.vacant_entry();
        let key = entry.key();
        let mut stream = Stream::from_non_blocking(mio::net::TcpStream::from_std(stream));
        let registered = self
            .poll
            .registry()
            .register(stream.get_mut(), Token(key), interest);
        entry.insert(Straggler {
            stream,
            peer,
            accepted,
            due,
            exchange,
            interest,
        });
        self.timers.insert((due, key));
        if let Err(error) = registered {
            self.lose(key, &error);
        }
    }

    /// Moves one straggler on as far as possible.
    fn drive(&mut self, key: usize) {
        // Not there: the waker, or somebody who ended earlier in this batch.
        let Some(straggler) = self.stragglers.get_mut(key) else {
            return;
        };
        let Straggler {
            stream,
            accepted,
            due,
            interest: watched,
            exchange: place,
            ..
        } = straggler;
        let limits = self.shared.limits;
        let exchange = place.get_or_insert_with(|| match self.spare.pop() {
            Some(mut spare) => {
                spare.restart(*accepted, limits);
                spare
            }
            None => Box::new(Exchange::new(*accepted, limits)),
        });
        // The time of each, not of the batch: it may be long, and what settles from then on would be
        // greeted before it is quiet.
        let status = drive::exchange(exchange, stream, self.shared.clock.now());
        if let Status::Done(outcome) = status {
            return self.end(key, outcome);
        }
        let next = exchange.timeout().unwrap_or(Duration::MAX);
        if next != *due {
            self.timers.remove(&(*due, key));
            self.timers.insert((next, key));
            *due = next;
        }
        let wanted = interest(exchange);
        if wanted != *watched {
            *watched = wanted;
            let registry = self.poll.registry();
            if let Err(error) = registry.reregister(stream.get_mut(), Token(key), wanted) {
                return self.lose(key, &error);
            }
        }
        if exchange.is_untouched() {
            self.spare.extend(place.take());
        }
    }

    fn end(&mut self, key: usize, outcome: Outcome) {
        let Straggler {
            mut stream,
            peer,
            due,
            exchange,
            ..
        } = self.stragglers.remove(key);
        self.timers.remove(&(due, key));
        // It fails only for what isn't registered; closing ends the watch in any case.
        let _ = self.poll.registry().deregister(stream.get_mut());
        drop(stream); // before anybody is told
        self.shared.places.give_back();
        self.tally.count(outcome);
        if let Some(exchange) = exchange {
            (self.report)(Event::end(peer, &exchange, outcome));
            if self.spare.len() < SPARE {
                self.spare.push(exchange);
            }
        }
    }

    /// Ends an exchange for a reason of our own side.
    fn lose(&mut self, key: usize, error: &io::Error) {
        let limits = self.shared.limits;
        let straggler = &mut self.stragglers[key];
        let exchange = straggler
            .exchange
            .get_or_insert_with(|| Box::new(Exchange::new(straggler.accepted, limits)));
        exchange.connection_lost(error.kind().into());
        if let Status::Done(outcome) = exchange.status() {
            self.end(key, outcome);
        }
    }

    fn abandon_all(&mut self) {
        let keys: Vec<usize> = self.stragglers.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.drive(key); // what can still be done at once is done
            if self.stragglers.contains(key) {
                self.lose(key, &io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

/// What an exchange waits for.
fn interest(exchange: &Exchange) -> Interest {
    match exchange.status() {
        Status::Replying => Interest::READABLE | Interest::WRITABLE,
        _ => Interest::READABLE,
    }
}
