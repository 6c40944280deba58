//! The lab in memory: a probe and a server of one's own, under virtual time.
//!
//! It can do all that a check may ask for. Time stands still until neither side has anything left
//! to do; then it jumps.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Poll;

use embedded_io::ErrorKind;
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;

use super::{Backlog, End, Mailbox, Wire};

/// Who sends the probe's datagrams.
const SENDER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

/// A server that is polled, good or bad, over [streams](End) of this kind.
pub trait Service<const TAKES_ALL: bool = false> {
    /// Does what is to be done now, and says when it wants to be called again.
    fn poll(
        &mut self,
        backlog: &mut Backlog<TAKES_ALL>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant;

    /// The same for those who connect in lines mode; by default nobody is there for them.
    fn poll_lines(&mut self, _backlog: &mut Backlog<TAKES_ALL>, _now: Instant) -> Instant {
        Instant::NEVER
    }

    /// So many SYNs came without the rest of a handshake.
    fn half_open(&mut self, _count: usize) {}

    /// Whether a client is let in that comes from the port of an earlier one.
    fn lets_in_again(&self) -> bool {
        true
    }

    /// Whether a client is let in that connects now. What those before it did may be looked at first.
    fn lets_in(&mut self, _backlog: &mut Backlog<TAKES_ALL>, _now: Instant) -> bool {
        true
    }
}

/// Core's own servers and responder.
pub struct Ours<const TAKES_ALL: bool = false> {
    server: Server<End<TAKES_ALL>, 4>,
    lines: Server<End<TAKES_ALL>, 4, Lines>,
    responder: Responder<16>,
}

/// A probe's side, and the server's.
pub struct MemoryLab<S, const TAKES_ALL: bool = false> {
    backlog: Backlog<TAKES_ALL>,
    lines: Backlog<TAKES_ALL>,
    mailbox: Mailbox,
    service: S,
    slots: Vec<Option<End<TAKES_ALL>>>,
    /// So many connections its machine has files for.
    files: usize,
    untimely: Option<&'static str>,
    /// Of so many long datagrams to the server one is spoiled, and so many have left.
    spoils: Option<u32>,
    long: u32,
    now: Instant,
}

/// What is said where its machine has no more files.
pub const NO_FILES: &str = "this machine lacks files";

impl<const TAKES_ALL: bool> Default for Ours<TAKES_ALL> {
    fn default() -> Self {
        Self {
            server: Server::new(Limits::DEFAULT),
            lines: Server::serving(Limits::DEFAULT),
            responder: Responder::new(REPLIES_PER_SECOND),
        }
    }
}

impl<const TAKES_ALL: bool> Service<TAKES_ALL> for Ours<TAKES_ALL> {
    fn poll(
        &mut self,
        backlog: &mut Backlog<TAKES_ALL>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        let next = self.server.poll(backlog, now, |_| {});
        let more = self.responder.poll(mailbox, now, |_| {});
        next.min(more)
    }

    fn poll_lines(&mut self, backlog: &mut Backlog<TAKES_ALL>, now: Instant) -> Instant {
        self.lines.poll(backlog, now, |_| {})
    }
}

impl<S: Service<TAKES_ALL>, const TAKES_ALL: bool> MemoryLab<S, TAKES_ALL> {
    /// A lab for this server, with so many slots.
    pub fn new(service: S, slots: usize) -> Self {
        Self {
            backlog: Backlog::new(),
            lines: Backlog::new(),
            mailbox: Mailbox::new(),
            service,
            slots: std::iter::repeat_with(|| None).take(slots).collect(),
            files: slots,
            untimely: None,
            spoils: None,
            long: 0,
            now: Instant::from_millis(1_000_000),
        }
    }

    /// Its machine has fewer files than it has slots.
    #[must_use]
    pub fn with_files(mut self, files: usize) -> Self {
        self.files = files;
        self
    }

    /// The same, with a reason why bytes don't arrive as they were sent, though they do.
    #[must_use]
    pub fn untimely(mut self, reason: &'static str) -> Self {
        self.untimely = Some(reason);
        self
    }

    /// The same, below whose server bytes of one of so many long datagrams change: where there is a checksum, it is
    /// lost.
    #[must_use]
    pub fn spoiling(mut self, every: u32) -> Self {
        self.spoils = Some(every);
        self
    }

    fn is_spoiled(&mut self, datagram: &[u8]) -> bool {
        self.long += u32::from(datagram.len() > 100);
        let is_nth = |every| self.long.is_multiple_of(every);
        datagram.len() > 100 && self.spoils.is_some_and(is_nth)
    }

    fn moves(&self) -> usize {
        let streams = self.slots.iter().flatten().map(End::moves).sum::<usize>();
        streams + self.mailbox.unfetched()
    }
}

impl<S: Service<TAKES_ALL>, const TAKES_ALL: bool> ProbeStack for MemoryLab<S, TAKES_ALL> {
    type Stream<'a>
        = &'a mut End<TAKES_ALL>
    where
        S: 'a;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        let before = self.moves();
        let next = self
            .service
            .poll(&mut self.backlog, &mut self.mailbox, self.now)
            .min(self.service.poll_lines(&mut self.lines, self.now));
        if self.moves() == before {
            self.now = self.now.max(next.min(until));
        }
    }

    fn slots(&self) -> usize {
        self.slots.len()
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        let wire = match dial {
            Dial::Plain => Wire::default(),
            Dial::SmallWindow => Wire {
                down: 7,
                ..Wire::default()
            },
        };
        if self.slots.iter().flatten().count() == self.files {
            return Err(StackError::Lacks(NO_FILES));
        }
        let place = self.slots.get_mut(slot).ok_or(ErrorKind::OutOfMemory)?;
        assert!(place.is_none(), "the slot is taken");
        let backlog = match mode {
            Mode::Name if !self.service.lets_in(&mut self.backlog, self.now) => {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            Mode::Name => &mut self.backlog,
            Mode::Lines => &mut self.lines,
        };
        *place = Some(backlog.connect(wire).0);
        Ok(())
    }

    /// There are no ports in memory.
    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        if !self.service.lets_in_again() {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        self.connect(slot, mode, Dial::Plain)
    }

    fn stream(&mut self, slot: usize) -> Option<&mut End<TAKES_ALL>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    fn close(&mut self, slot: usize) {
        self.slots[slot] = None;
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Timing => self.untimely,
            _ => None,
        }
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        self.service.half_open(count);
        Ok(())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        if !self.is_spoiled(datagram) {
            self.mailbox.post(datagram, SENDER);
        }
        Poll::Ready(Ok(()))
    }

    fn send_unchecked(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        let mut datagram = datagram.to_vec();
        if self.is_spoiled(&datagram) {
            datagram[64..96].fill(b'#');
        }
        self.mailbox.post(&datagram, SENDER);
        Poll::Ready(Ok(()))
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        match self.mailbox.fetch() {
            Some((datagram, to)) => {
                assert_eq!(to, SENDER, "somebody else is answered");
                let len = datagram.len().min(buffer.len());
                buffer[..len].copy_from_slice(&datagram[..len]);
                Poll::Ready(Ok(datagram.len()))
            }
            None => Poll::Pending,
        }
    }
}
