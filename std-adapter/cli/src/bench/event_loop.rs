//! One event loop, with its share of the clients: it begins, moves and ends their greetings.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::task::Poll;
use std::thread;
use std::time::Instant;

use mio::{Events, Token, Waker};

use super::client::{Client, Greeting, Server};
use super::fault::lack;
use super::load::{LOOK, Load};
use super::patience::Patience;
use super::share::Share;
use crate::signals;

/// A loop of clients.
pub struct EventLoop<'a> {
    load: &'a Load<'a>,
    poll: mio::Poll,
    clients: Vec<Client>,
    /// The places of clients who have room for a greeting.
    idle: Vec<usize>,
    /// The next greeting, which isn't due yet, or for which this machine has no room.
    ahead: Option<(u64, Instant)>,
    /// Since when there has been no room for a single client.
    starved: Option<Instant>,
    clock: Option<Sender<Instant>>,
    /// Nothing is left to begin.
    over: bool,
    looked: Instant,
    patience: Patience,
    share: Share,
}

/// The token of the clock; clients have those below.
const CLOCK: Token = Token(usize::MAX);

impl<'a> EventLoop<'a> {
    pub fn new(load: &'a Load<'a>, clients: usize) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let clock = match load.args.rate {
            Some(_) => Some(clock(Waker::new(poll.registry(), CLOCK)?)),
            None => None,
        };
        Ok(Self {
            load,
            poll,
            clients: (0..clients).map(|_| Client::new()).collect(),
            idle: (0..clients).rev().collect(),
            ahead: None,
            starved: None,
            clock,
            over: false,
            looked: load.start,
            patience: Patience::default(),
            share: Share::new(),
        })
    }

    pub fn run(mut self) -> io::Result<Share> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.begin();
            if self.over && self.clients.iter().all(Client::is_done) || signals::noted().is_some() {
                break;
            }
            match self.poll.poll(&mut events, Some(LOOK)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                if event.token() != CLOCK {
                    self.go_on(event.token().0);
                }
            }
            self.give_up();
        }
        self.share.ended = self.load.start.elapsed();
        Ok(self.share)
    }

    /// Begins greetings as long as a client has room and one is due.
    fn begin(&mut self) {
        if let Some(place) = self.fill() {
            self.go_on(place);
        }
    }

    /// As [`begin`](Self::begin), but leaves one client to go on, who had room for more lines.
    fn fill(&mut self) -> Option<usize> {
        let mut filling = None;
        while !self.over
            && let Some(place) = self.idle.last().copied()
        {
            let now = Instant::now();
            let was_ahead = self.ahead.is_some();
            let next = self.ahead.take().or_else(|| self.load.take(now));
            let Some((number, due)) = next.filter(|_| !self.load.is_over(now)) else {
                self.over = true;
                return filling;
            };
            if due > now {
                self.ahead = Some((number, due));
                if self.clients.iter().all(Client::is_done) {
                    thread::sleep(LOOK.min(due - now)); // nobody else is to be waited for
                    continue;
                }
                if let Some(clock) = &self.clock
                    && !was_ahead
                {
                    let _ = clock.send(due); // it listens as long as this loop lives
                }
                return filling;
            }
            let greeting = Greeting {
                number,
                // A reply that comes late makes the next late as well: with a rate, each counts
                // from when it was due, not from when it could be sent.
                begun: self.load.args.rate.map_or(now, |_| due),
                asked: now,
                due: now.checked_add(self.load.args.timeout),
            };
            let registry = self.poll.registry();
            let client = &mut self.clients[place];
            let was_busy = client.is_busy();
            match client.begin(self.load.server, greeting, registry, Token(place)) {
                Ok(()) => {
                    self.starved = None;
                    self.share.begun += 1;
                    if !was_busy {
                        self.load.joined();
                    }
                    if !client.is_asking() {
                        filling = Some(place);
                        continue;
                    }
                    filling = None;
                    self.idle.pop();
                    // On a loopback it is connected by now, though the system says `in progress`.
                    self.go_on(place);
                }
                Err(error) => {
                    let Some(what) = lack(&error) else {
                        self.share.begun += 1;
                        self.load.failed(&error);
                        continue;
                    };
                    self.load.lacks(what);
                    self.starve((number, due), now);
                    return filling;
                }
            }
        }
        filling
    }

    /// Keeps a greeting for which there is no room until a client of this loop has ended; where
    /// there is none, no longer than an answer may take.
    fn starve(&mut self, next: (u64, Instant), now: Instant) {
        self.ahead = Some(next);
        if self.idle.len() < self.clients.len() {
            self.starved = None;
            return;
        }
        let since = *self.starved.get_or_insert(now);
        self.over = now.saturating_duration_since(since) >= self.load.args.timeout;
    }

    fn go_on(&mut self, place: usize) {
        let Some(client) = self.clients.get_mut(place) else {
            return;
        };
        loop {
            let (was_asking, was_busy) = (client.is_asking(), client.is_busy());
            let Poll::Ready(result) = client.go_on() else {
                return;
            };
            if was_asking && !client.is_asking() {
                self.idle.push(place);
            }
            if was_busy && !client.is_busy() {
                self.load.left();
            }
            let now = Instant::now();
            match result {
                Ok(greeting) if greeting.due.is_none_or(|due| now <= due) => {
                    self.load.succeeded();
                    self.patience
                        .heard(now.saturating_duration_since(greeting.asked));
                    self.share.answered(&greeting, self.load.start, now);
                }
                Ok(greeting) => late(&mut self.share, self.load, &greeting),
                Err(error) => self.load.failed(&error),
            }
        }
    }

    /// Ends whatever takes too long.
    fn give_up(&mut self) {
        let now = Instant::now();
        if now < self.looked + LOOK {
            return;
        }
        self.looked = now;
        for (place, client) in self.clients.iter_mut().enumerate() {
            let (was_asking, was_busy) = (client.is_asking(), client.is_busy());
            while let Some(greeting) = client.give_up(now) {
                late(&mut self.share, self.load, &greeting);
            }
            client.move_on(now, &self.patience);
            if was_asking && !client.is_asking() {
                self.idle.push(place);
            }
            if was_busy && !client.is_busy() {
                self.load.left();
            }
        }
    }
}

/// A greeting wasn't answered in time, which UDP may do by itself.
fn late(share: &mut Share, load: &Load<'_>, greeting: &Greeting) {
    if let Server::Udp(_) = load.server {
        share.late(greeting, load.start);
        load.lost();
    } else {
        load.failed(&io::ErrorKind::TimedOut.into());
    }
}

/// Wakes a loop at each moment that it is sent: an event loop's own timeout counts milliseconds.
fn clock(waker: Waker) -> Sender<Instant> {
    let (sender, moments) = mpsc::channel::<Instant>();
    let waker = Arc::new(waker);
    thread::spawn(move || {
        for moment in moments {
            if let Some(early) = moment.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            if waker.wake().is_err() {
                return; // the loop looks again in a while
            }
        }
    });
    sender
}
