//! Clients who would make an acceptor wait: an event loop over their sockets, with deadlines.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

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

/// Who was spared a read is read so much later, if no event comes before: four system calls a second for who
/// talks without end, one more for who falls silent.
const OWED: Duration = Duration::from_millis(250);

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
        let mut this = Loop::new(self.poll, &self.handoff, shared, report);
        this.run()?;
        Ok(this.tally)
    }
}

impl<'a, M: Service, R: Fn(Event<'_, M, io::Error>)> Loop<'a, M, R> {
    fn new(poll: Poll, handoff: &'a Handoff<M>, shared: Shared<'a, M::Config>, report: R) -> Self {
        Self {
            poll,
            handoff,
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
        }
    }

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
                self.drive_on(event.token().0, bytes_alone(event));
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
        let mut emptied = Emptied::new(stream, bytes_alone);
        let more = drive(machine, &mut emptied, now);
        let owed = emptied.is_unread();
        if machine.outcome().is_some() {
            return self.end(key);
        }
        let (mut due, want) = (due(machine, more, now), machine.want());
        if owed {
            due = due.min(now + OWED);
        }
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

/// Whether an event tells of bytes, and neither of FIN nor of urgent data.
fn bytes_alone(event: &mio::event::Event) -> bool {
    event.is_readable() && !event.is_read_closed() && !event.is_priority()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    //! What no event tells of, and what one does that a short read would hide.

    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};

    use greet_core::exchange::Exchange;
    use greet_core::limits::Limits;
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::ioctl_fionread;
    use socket2::SockRef;

    use super::*;
    use crate::clock::Clock;
    use crate::server::{Server, patience};

    /// For everything that is waited for.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn shared(server: &Server) -> Shared<'_, Limits> {
        Shared {
            config: &Limits::DEFAULT,
            patience: patience::<Exchange>(&Limits::DEFAULT),
            clock: Clock::start(),
            places: &server.places,
            handle: &server.handle,
        }
    }

    /// Takes a place, as an acceptor does, for one who has connected and isn't served yet.
    fn accept(server: &Server, shared: &Shared<'_, Limits>) -> SlowConnection<Exchange> {
        let (socket, peer) = server.listener.accept().expect("a client");
        socket.set_nonblocking(true).expect("a socket");
        assert!(server.places.take(|| false, || ()));
        server.places.hand_on();
        let now = shared.clock.now();
        let mut machine = Box::new(Exchange::VACANT);
        machine.begin(now, shared.config);
        SlowConnection::new(socket, peer, &mut machine, false, now)
    }

    #[test]
    fn fin_that_no_event_tells_of_is_read_all_the_same() {
        let mut server = Server::bind("127.0.0.1:0").expect("a port");
        let event_loop = server.loops.pop().expect("a worker");
        let shared = shared(&server);
        // Half a character, and FIN: no name.
        let mut client = TcpStream::connect(server.address).expect("a server");
        client.write_all(b"\xc3").expect("a connection");
        client.shutdown(Shutdown::Write).expect("a connection");
        let connection = accept(&server, &shared);
        let mut ends = [PollFd::new(connection.stream.get_ref(), PollFlags::RDHUP)];
        poll(&mut ends, None).expect("a socket");

        let mut this = Loop::new(event_loop.poll, &event_loop.handoff, shared, |_event| ());
        this.admit(0, connection);
        this.drive_on(0, true);
        let (due, _) = *this.timers.first().expect("it was read up to FIN");
        assert!(due <= this.shared.clock.now() + OWED, "it isn't read again");
        event_loop.handoff.close();
        this.run().expect("it waits");
        assert_eq!((this.tally.total(), this.tally.not_utf8), (1, 1));
    }

    #[test]
    fn what_is_behind_urgent_data_is_read_with_the_same_event() {
        let mut server = Server::bind("127.0.0.1:0").expect("a port");
        let event_loop = server.loops.pop().expect("a worker");
        let shared = shared(&server);
        let mut client = TcpStream::connect(server.address).expect("a server");
        client.set_nodelay(true).expect("a connection");
        let connection = accept(&server, &shared);
        assert!(event_loop.handoff.put(connection).is_ok());
        let mut this = Loop::new(event_loop.poll, &event_loop.handoff, shared, |_event| ());
        let mut arrivals = Arrivals::new();
        this.handoff.take(&mut arrivals, &mut this.gone);
        for (key, connection) in arrivals {
            this.admit(key, connection);
        }

        // A read ends at the mark, within a character, so that it isn't the end of the name.
        client.write_all(b"Ren\xc3").expect("a connection");
        let urgent = SockRef::from(&client).send_out_of_band(b"\xa9");
        assert_eq!(urgent.expect("a connection"), 1);
        client.write_all(b"e!").expect("a connection");
        let watched = this.connections[0].as_ref().expect("a client");
        let begun = std::time::Instant::now();
        while ioctl_fionread(watched.stream.get_ref()).expect("a socket") < 7 {
            assert!(begun.elapsed() < PATIENCE, "the bytes don't come");
            std::thread::yield_now();
        }
        let mut events = Events::with_capacity(2);
        this.poll
            .poll(&mut events, Some(PATIENCE))
            .expect("it waits");
        for event in &events {
            this.drive_on(event.token().0, bytes_alone(event));
        }
        assert_eq!(this.tally.greeted, 1, "the rest waits for another event");
        let mut reply = String::new();
        client.read_to_string(&mut reply).expect("a reply");
        assert_eq!(reply, "Hello, Renée!");
    }
}
