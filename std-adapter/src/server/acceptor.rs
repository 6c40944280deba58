//! The usual client: accepted, read, answered and closed by one thread without a wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use greet_core::drive;
use greet_core::exchange::{Exchange, Status};
use greet_core::server::{Event, Tally};
use mio::Waker;

use super::Shared;
use super::stop::Phase;
use super::stragglers::Newcomer;
use crate::stream::Stream;
use crate::sys;

/// Accepts clients, one after the other, and serves those who can be served at once.
pub(super) struct Acceptor<'a> {
    listener: &'a TcpListener,
    shared: Shared<'a>,
    /// To the event loop of this worker.
    stragglers: Sender<Newcomer>,
    waker: Arc<Waker>,
    exchange: Box<Exchange>,
    tally: Tally,
}

impl<'a> Acceptor<'a> {
    pub(super) fn new(
        listener: &'a TcpListener,
        shared: Shared<'a>,
        stragglers: Sender<Newcomer>,
        waker: Arc<Waker>,
    ) -> Self {
        let exchange = Box::new(Exchange::new(shared.clock.now(), shared.limits));
        Self {
            listener,
            shared,
            stragglers,
            waker,
            exchange,
            tally: Tally::default(),
        }
    }

    /// Serves until the server stops, and then those who had connected before.
    pub(super) fn run(mut self, report: impl Fn(Event<'_, io::Error>)) -> io::Result<Tally> {
        let result = self.accept_all(report);
        self.shared.handle.wake_acceptor();
        // The loop ends when it has no stragglers and nobody can bring more.
        drop(self.stragglers);
        let _ = self.waker.wake();
        result.map(|()| self.tally)
    }

    fn accept_all(&mut self, report: impl Fn(Event<'_, io::Error>)) -> io::Result<()> {
        let Shared {
            handle,
            places,
            clock,
            limits,
            ..
        } = self.shared;
        let mut has_place = false;
        let mut starved = false;
        let mut give_up = None;
        loop {
            match handle.phase() {
                Phase::Stopping if give_up.is_none() => {
                    // From here on, accept says when the backlog is empty.
                    self.listener.set_nonblocking(true)?;
                    give_up = Some(clock.now().saturating_add(limits.deadline));
                }
                Phase::Serving | Phase::Stopping => {}
                Phase::Aborting => return Ok(()),
            }
            has_place = has_place || places.take();
            if !has_place {
                return Ok(());
            }
            match sys::accept(self.listener) {
                Ok((socket, peer)) => {
                    if std::mem::take(&mut starved) {
                        places.recover();
                    }
                    if handle.phase() == Phase::Serving || !handle.is_own(peer) {
                        has_place = self.serve(Stream::from_non_blocking(socket), peer, &report);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if sys::is_about_peer(&error) => {}
                Err(_) if give_up.is_some_and(|give_up| clock.now() >= give_up) => return Ok(()),
                Err(error) => {
                    starved = true;
                    places.starve(|| report(Event::AcceptFailed { error: &error }));
                }
            }
        }
    }

    /// Serves one client as far as possible at once. `false`: it has taken the place along.
    fn serve(
        &mut self,
        mut stream: Stream,
        peer: SocketAddr,
        report: impl Fn(Event<'_, io::Error>),
    ) -> bool {
        let Shared { clock, limits, .. } = self.shared;
        report(Event::Connected { peer });
        let accepted = clock.now();
        self.exchange.restart(accepted, limits);
        let status = drive::exchange(&mut self.exchange, &mut stream, accepted);
        if let Status::Done(outcome) = status {
            drop(stream); // before anybody is told
            self.tally.count(outcome);
            report(Event::end(peer, &self.exchange, outcome));
            return true;
        }
        let exchange = (!self.exchange.is_untouched()).then(|| {
            let fresh = Box::new(Exchange::new(accepted, limits));
            std::mem::replace(&mut self.exchange, fresh)
        });
        let newcomer = Newcomer {
            stream: stream.into_inner(),
            peer,
            accepted,
            exchange,
        };
        // The loop outlives its acceptor, unless its thread panicked; that ends the server.
        let _ = self.stragglers.send(newcomer);
        let _ = self.waker.wake();
        false
    }
}
