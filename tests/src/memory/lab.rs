//! The lab in memory: a probe and a server of one's own, under virtual time.
//!
//! It can do all that a check may ask for. Time stands still until neither side has anything left
//! to do; then it jumps.

use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::limits::Limits;
use greet_core::probe::{Ability, Dial, Lab, LabError};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;

use super::{Backlog, End, Mailbox, Wire};

/// A server that is polled, good or bad.
pub trait Service {
    /// Does what is to be done now, and says when it wants to be called again.
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant;

    /// So many SYNs came without the rest of a handshake.
    fn half_open(&mut self, _count: usize) {}
}

/// Core's own server and responder.
pub struct Ours {
    server: Server<End<false>, 4>,
    responder: Responder<16>,
}

/// A probe's side, and the server's.
pub struct MemoryLab<S> {
    backlog: Backlog<false>,
    mailbox: Mailbox,
    service: S,
    slots: Vec<Option<End<false>>>,
    /// So many connections its machine has files for.
    files: usize,
    now: Instant,
}

/// What is said where its machine has no more files.
pub const NO_FILES: &str = "this machine lacks files";

impl Default for Ours {
    fn default() -> Self {
        Self {
            server: Server::new(Limits::DEFAULT),
            responder: Responder::new(REPLIES_PER_SECOND),
        }
    }
}

impl Service for Ours {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        let next = self.server.poll(backlog, now, |_| {});
        let more = self.responder.poll(mailbox, now, |_| {});
        next.min(more)
    }
}

impl<S: Service> MemoryLab<S> {
    /// A lab for this server, with so many slots.
    pub fn new(service: S, slots: usize) -> Self {
        Self {
            backlog: Backlog::new(),
            mailbox: Mailbox::new(),
            service,
            slots: std::iter::repeat_with(|| None).take(slots).collect(),
            files: slots,
            now: Instant::from_millis(1_000_000),
        }
    }

    /// Its machine has fewer files than it has slots.
    #[must_use]
    pub fn with_files(mut self, files: usize) -> Self {
        self.files = files;
        self
    }

    fn moves(&self) -> usize {
        let streams = self.slots.iter().flatten().map(End::moves).sum::<usize>();
        streams + self.mailbox.unfetched()
    }
}

impl<S: Service> Lab for MemoryLab<S> {
    type Stream<'a>
        = &'a mut End<false>
    where
        S: 'a;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        let before = self.moves();
        let next = self
            .service
            .poll(&mut self.backlog, &mut self.mailbox, self.now);
        if self.moves() == before {
            self.now = self.now.max(next.min(until));
        }
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn connect(&mut self, slot: usize, dial: Dial) -> Result<(), LabError> {
        let wire = match dial {
            Dial::Plain => Wire::default(),
            Dial::Tight => Wire {
                down: 7,
                ..Wire::default()
            },
        };
        if self.slots.iter().flatten().count() == self.files {
            return Err(LabError::Lacks(NO_FILES));
        }
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        assert!(place.is_none(), "the slot is taken");
        *place = Some(self.backlog.connect(wire).0);
        Ok(())
    }

    fn stream(&mut self, slot: usize) -> Option<&mut End<false>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    fn close(&mut self, slot: usize) {
        self.slots[slot] = None;
    }

    fn lacks(&self, _: Ability) -> Option<&'static str> {
        None
    }

    fn half_open(&mut self, count: usize) -> Result<(), LabError> {
        self.service.half_open(count);
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), LabError>> {
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
        self.mailbox.post(datagram, from);
        Poll::Ready(Ok(()))
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        match self.mailbox.fetch() {
            Some((datagram, _)) => {
                let len = datagram.len().min(buffer.len());
                buffer[..len].copy_from_slice(&datagram[..len]);
                Poll::Ready(Ok(datagram.len()))
            }
            None => Poll::Pending,
        }
    }
}
