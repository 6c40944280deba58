//! The usual client: accepted, read, answered and closed by one thread without a wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use greet_core::drive;
use greet_core::exchange::{Exchange, Status};
use greet_core::server::{Event, Tally};

use super::Shared;
use super::inbox::Inbox;
use super::stop::Phase;
use super::straggler::Straggler;
use super::wake::Wake;
use crate::listener::BACKLOG;
use crate::stream::Stream;
use crate::sys;

/// So long at least a server that stops tries to empty its backlog, however short its deadline is.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// So many at most had connected before the stop. New clients may go on coming behind them.
const MOST_WAITING: usize = BACKLOG as usize + 1;

/// Accepts clients, one after the other, and serves those who can be served at once.
pub(super) struct Acceptor<'a> {
    /// Closed when the last acceptor leaves: then new clients are refused at once.
    listener: Arc<TcpListener>,
    shared: Shared<'a>,
    /// To the event loop of this worker.
    inbox: Arc<Inbox>,
    /// The place of the next client.
    has_place: bool,
    exchange: Box<Exchange>,
    tally: Tally,
}

impl<'a> Acceptor<'a> {
    pub(super) fn new(listener: Arc<TcpListener>, shared: Shared<'a>, inbox: Arc<Inbox>) -> Self {
        let exchange = Box::new(Exchange::new(shared.clock.now(), shared.limits));
        Self {
            listener,
            shared,
            inbox,
            has_place: false,
            exchange,
            tally: Tally::default(),
        }
    }

    /// Serves until the server stops, and then those who had connected before.
    pub(super) fn run(mut self, report: impl Fn(Event<'_, io::Error>)) -> io::Result<Tally> {
        let Shared {
            handle,
            places,
            clock,
            limits,
            ..
        } = self.shared;
        // When, and after how many more, a server that stops gives its backlog up.
        let mut give_up = None;
        let mut left = MOST_WAITING;
        loop {
            self.has_place = self.has_place || places.take();
            if !self.has_place {
                return Ok(self.tally);
            }
            match (handle.phase(), give_up) {
                (Phase::Serving, _) => {}
                (Phase::Stopping, None) => {
                    let patience = limits.deadline.max(LEAST_PATIENCE);
                    give_up = Some(clock.now().saturating_add(patience));
                }
                (Phase::Stopping, Some(give_up)) if left > 0 && clock.now() < give_up => left -= 1,
                (Phase::Stopping | Phase::Leaving | Phase::Aborting, _) => return Ok(self.tally),
            }
            match sys::accept(&self.listener) {
                // A backlog is first come, first served: who had connected before has been accepted.
                Ok((_, peer)) if handle.phase() != Phase::Serving && handle.is_own(peer) => {
                    return Ok(self.tally);
                }
                Ok((socket, peer)) => {
                    self.serve(Stream::from_non_blocking(socket), peer, &report);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(self.tally),
                Err(error) if handle.phase() != Phase::Serving && Wake::has_ended(&error) => {
                    return Ok(self.tally);
                }
                Err(error) if sys::is_about_peer(&error) => {}
                Err(error) => {
                    places.starve(clock, || report(Event::AcceptFailed { error: &error }));
                }
            }
        }
    }

    /// Serves one client as far as possible at once. Who isn't done then takes the place along.
    fn serve(
        &mut self,
        mut stream: Stream,
        peer: SocketAddr,
        report: impl Fn(Event<'_, io::Error>),
    ) {
        let Shared { clock, limits, .. } = self.shared;
        report(Event::Connected { peer: &peer });
        let accepted = clock.now();
        self.exchange.restart(accepted, limits);
        let status = drive::exchange(&mut self.exchange, &mut stream, accepted);
        if let Status::Done(outcome) = status {
            drop(stream); // before anybody is told
            self.tally.count(outcome);
            report(Event::end(&peer, &self.exchange, outcome));
            return;
        }
        let exchange = (!self.exchange.is_untouched()).then(|| {
            let fresh = Box::new(Exchange::new(accepted, limits));
            std::mem::replace(&mut self.exchange, fresh)
        });
        let straggler = Straggler::new(stream.into_inner(), peer, accepted, exchange);
        if let Err((straggler, error)) = self.inbox.put(straggler, limits) {
            self.lose(straggler, &error, &report);
        } else {
            self.has_place = false;
        }
    }

    /// Ends a client whom the system can't watch.
    fn lose(
        &mut self,
        mut straggler: Straggler,
        error: &io::Error,
        report: impl Fn(Event<'_, io::Error>),
    ) {
        if let Some(outcome) = straggler.lose(error, self.shared.limits) {
            drop(straggler.stream); // before anybody is told
            self.tally.count(outcome);
            if let Some(exchange) = &straggler.exchange {
                report(Event::end(&straggler.peer, exchange, outcome));
            }
        }
    }
}

/// Also on a panic: others may sleep until this acceptor leaves.
impl Drop for Acceptor<'_> {
    fn drop(&mut self) {
        if self.has_place {
            self.shared.places.give_back();
        }
        self.shared.handle.leave();
        // The loop ends when it has no stragglers and nobody can bring more.
        self.inbox.close();
    }
}
