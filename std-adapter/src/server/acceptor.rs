//! The usual client: accepted, read, answered and closed by one thread without a wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use greet_core::drive::drive;
use greet_core::machine::Service;
use greet_core::server::Event;

use super::Shared;
use super::handoff::Handoff;
use super::slow_connection::{SlowConnection, end};
use super::stop::Phase;
use super::wake::Wake;
use crate::listener::BACKLOG;
use crate::stream::Stream;
use crate::{failure, sys};

/// So long at least a server that stops tries to empty its backlog, however short its deadline is.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// So many at most had connected before the stop. New clients may go on coming behind them.
const MOST_WAITING: usize = BACKLOG as usize + 1;

/// Accepts clients, one after the other, and serves those who can be served at once.
pub(super) struct Acceptor<'a, M: Service> {
    /// Closed when the last acceptor leaves: then new clients are refused at once.
    listener: Arc<TcpListener>,
    shared: Shared<'a, M::Config>,
    /// To the event loop of this worker.
    handoff: Arc<Handoff<M>>,
    /// The place of the next client.
    has_place: bool,
    machine: Box<M>,
    tally: M::Tally,
}

impl<'a, M: Service> Acceptor<'a, M> {
    pub(super) fn new(
        listener: Arc<TcpListener>,
        shared: Shared<'a, M::Config>,
        handoff: Arc<Handoff<M>>,
    ) -> Self {
        Self {
            listener,
            shared,
            handoff,
            has_place: false,
            machine: Box::new(M::VACANT),
            tally: M::NONE,
        }
    }

    /// Serves until the server stops, and then those who had connected before.
    pub(super) fn run(mut self, report: impl Fn(Event<'_, M, io::Error>)) -> io::Result<M::Tally> {
        let Shared {
            handle,
            places,
            clock,
            patience,
            ..
        } = self.shared;
        // When, and after how many more, a server that stops gives its backlog up.
        let mut give_up = None;
        let mut left = MOST_WAITING;
        let mut passed = 0; // connections in a row that are gone already
        loop {
            self.has_place = self.has_place || self.take_place();
            if !self.has_place {
                return Ok(self.tally);
            }
            match (handle.phase(), give_up) {
                (Phase::Serving, _) => {}
                (Phase::Stopping, None) => {
                    give_up = Some(clock.now() + patience.max(LEAST_PATIENCE));
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
                    passed = 0;
                    self.serve(Stream::from_non_blocking(socket), peer, &report);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(self.tally),
                Err(error) if handle.phase() != Phase::Serving && Wake::has_ended(&error) => {
                    return Ok(self.tally);
                }
                Err(error)
                    if passed < failure::IN_A_ROW && failure::is_about_connection(&error) =>
                {
                    passed += 1;
                }
                Err(error) => {
                    passed = 0;
                    let crowded =
                        failure::is_lack_of_files(&error) && sys::is_awaited(&self.listener);
                    let call = crowded.then_some(|| handle.wake_loops());
                    places.starve(clock, call, || {
                        report(Event::AcceptFailed { error: &error });
                    });
                }
            }
        }
    }

    fn take_place(&self) -> bool {
        let Shared { handle, places, .. } = self.shared;
        let is_awaited = || match handle.phase() {
            Phase::Serving => sys::wait_for_client(&self.listener),
            // A stop wakes nobody who begins to wait after it.
            _ => sys::is_awaited(&self.listener),
        };
        places.take(is_awaited, || handle.wake_loops())
    }

    /// Serves one client as far as possible at once. Who isn't done then takes the place along.
    fn serve(
        &mut self,
        mut stream: Stream,
        peer: SocketAddr,
        report: impl Fn(Event<'_, M, io::Error>),
    ) {
        let Shared {
            clock,
            config,
            handle,
            ..
        } = self.shared;
        report(Event::Connected { peer: &peer });
        let now = clock.now();
        self.machine.begin(now, config);
        let more = drive(&mut *self.machine, &mut stream, now);
        if self.machine.outcome().is_some() {
            drop(stream); // before anybody is told
            end(&*self.machine, &peer, &mut self.tally, report);
            return;
        }
        let socket = stream.into_inner();
        let connection = SlowConnection::new(socket, peer, &mut self.machine, more, now);
        match self.handoff.put(connection) {
            Ok(()) => {
                self.has_place = false;
                self.shared.places.hand_on();
                if handle.phase() != Phase::Serving {
                    self.handoff.wake(); // the loop has told all whom it knows that the server stops
                }
            }
            Err((connection, error)) => {
                let kind = error.kind().into();
                connection.lose(kind, config, &mut self.tally, report);
            }
        }
    }
}

/// Also on a panic: others may sleep until this acceptor leaves.
impl<M: Service> Drop for Acceptor<'_, M> {
    fn drop(&mut self) {
        if self.has_place {
            self.shared.places.give_up();
        }
        self.shared.handle.leave();
        // The loop ends when it has no connections and nobody can bring more.
        self.handoff.close();
    }
}
