//! The second host: a whole stack of smoltcp at the end of a cable, from which a server is graded.
//!
//! It has hardware and IP addresses of its own and answers ARP, neighbor discovery and pings by itself, so
//! that the machine's own stack never hears of its connections.

use core::fmt;
use core::mem;
use core::net::SocketAddr;
use core::task::Poll;
use std::cell::RefCell;
use std::rc::Rc;

use embedded_io::ErrorKind;
use greet_core::probe::{Dial, LinkCounters, Mode, Need, ProbeStack, StackError};
use greet_core::time::Instant;
use smoltcp::phy::Medium;
use smoltcp::wire::{EthernetAddress, IpCidr};
use smoltcp_sim::{Counters, Trace};

use crate::cable::Notes;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::frames::Frames;
use crate::impairment::Impairment;

mod inner;
mod lent;

use inner::Inner;
pub use inner::MOST_SLOTS;
pub use lent::Lent;

/// Who the second host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its hardware address.
    pub hardware: EthernetAddress,
    /// Its IP address and its network.
    pub address: IpCidr,
}

/// What the second host is for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Task {
    /// Who it is.
    pub own: Own,
    /// Where the server to grade greets once for each connection, if it does.
    pub name: Option<SocketAddr>,
    /// Where it greets each line.
    pub lines: Option<SocketAddr>,
    /// Where it answers messages over UDP.
    pub udp: Option<SocketAddr>,
    /// How many connections to hold at once, at most [`MOST_SLOTS`].
    pub slots: usize,
    /// What the cable does to frames.
    pub impairment: Impairment,
    /// Sequence numbers and ports follow from it: another one for each run.
    pub chance: u64,
    /// Whether to come to an end: nothing is waited for any more.
    pub interrupted: fn() -> bool,
}

impl Task {
    /// To grade the server at this address, of one greeting for each connection, with five connections at
    /// once, over a cable that is left as it is.
    pub fn new(own: Own, name: impl Into<Option<SocketAddr>>) -> Self {
        Self {
            own,
            name: name.into(),
            lines: None,
            udp: None,
            slots: 5,
            impairment: Impairment::default(),
            chance: 0,
            interrupted: || false,
        }
    }

    /// Every address that is asked.
    fn peers(&self) -> impl Iterator<Item = SocketAddr> {
        [self.name, self.lines, self.udp].into_iter().flatten()
    }

    /// Where it is in this mode.
    fn server(&self, mode: Mode) -> Option<SocketAddr> {
        match mode {
            Mode::Name => self.name,
            Mode::Lines => self.lines,
        }
    }
}

/// A host of its own at the end of a cable: a [`ProbeStack`], which can send SYNs of which nothing follows as
/// well.
pub struct Host<F>(Rc<RefCell<Inner<F>>>);

/// What a [`Host`] keeps of its frames. It can be asked while the host is at work.
pub struct Recording<F>(Rc<RefCell<Inner<F>>>);

impl<F: Frames> Host<F> {
    /// Puts a host on a cable.
    ///
    /// Memory for its sockets is never given back: a process makes few of these.
    ///
    /// # Errors
    ///
    /// [`Error::NotOnNetwork`], [`Error::Setup`], or what the cable says.
    pub fn new(frames: F, task: Task) -> Result<Self, Error> {
        Ok(Self(Rc::new(RefCell::new(Inner::new(frames, task)?))))
    }

    /// What it keeps of its frames.
    pub fn recording(&self) -> Recording<F> {
        Recording(Rc::clone(&self.0))
    }
}

impl<F: Frames> Recording<F> {
    /// Takes the frames since this was called last, or since the start.
    pub fn take(&self) -> Evidence {
        let mut inner = self.0.borrow_mut();
        let judged = mem::take(&mut inner.judged);
        // What was sent after the end of all waiting has no time of its own.
        let most = if inner.is_late() { judged } else { usize::MAX };
        let link = &mut inner.stack.device().link;
        let trace = link.take_trace();
        let trace = trace.unwrap_or_else(|| Trace::new(Medium::Ethernet));
        let cable = link.get_mut();
        let stamps = mem::take(&mut cable.stamps);
        Evidence::new(&trace, stamps, judged, most, cable.frames.origin())
    }

    /// Begins a check: what the link does to frames from now on follows from its seed and the check's name,
    /// whatever was before. So a check has the same link alone and among others.
    pub fn begin(&self, check: &str) {
        let mut inner = self.0.borrow_mut();
        inner.judged = 0;
        let seed = inner.seed();
        let seed = check.bytes().fold(seed, |seed, byte| {
            // FNV-1a
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let link = inner.link();
        link.reseed(seed);
        link.take_trace();
        link.get_mut().stamps.clear();
    }

    /// What the impaired link did to frames.
    pub fn counters(&self) -> Counters {
        self.0.borrow_mut().link().counters()
    }

    /// What was seen of the cable that its owner should know.
    pub fn notes(&self) -> Notes {
        self.0.borrow_mut().cable().notes
    }

    /// Whether the cable carries nothing any more.
    pub fn has_failed(&self) -> bool {
        self.0.borrow_mut().cable().failure.is_some()
    }

    /// Why the cable carries nothing any more, if so. It is told once.
    pub fn failure(&self) -> Option<Error> {
        self.0.borrow_mut().cable().failure.take()
    }
}

impl<F: Frames> ProbeStack for Host<F> {
    type Stream<'a>
        = Lent<'a, F>
    where
        F: 'a;

    fn now(&mut self) -> Instant {
        self.0.borrow_mut().now()
    }

    fn wait(&mut self, until: Instant) {
        self.0.borrow_mut().wait(until);
    }

    fn slots(&self) -> usize {
        self.0.borrow().slots.len()
    }

    fn connect(&mut self, slot: usize, mode: Mode, dial: Dial) -> Result<(), StackError> {
        self.0.borrow_mut().connect(slot, mode, dial)
    }

    fn connect_again(&mut self, slot: usize, mode: Mode) -> Result<(), StackError> {
        self.0.borrow_mut().connect_again(slot, mode)
    }

    fn stream(&mut self, slot: usize) -> Option<Lent<'_, F>> {
        let mut inner = self.0.borrow_mut();
        inner.slots.get(slot)?.as_ref()?;
        inner.look();
        Some(Lent { inner, slot })
    }

    fn close(&mut self, slot: usize) {
        self.0.borrow_mut().close(slot);
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        self.0.borrow().unsupported(need)
    }

    fn half_open(&mut self, count: usize) -> Result<(), StackError> {
        self.0.borrow_mut().half_open(count)
    }

    fn end_half_open(&mut self) {
        self.0.borrow_mut().end_half_open();
    }

    fn link(&mut self) -> Option<LinkCounters> {
        let mut inner = self.0.borrow_mut();
        Some(inner.stack.device().watch.get_mut().take())
    }

    fn send_datagram(&mut self, datagram: &[u8]) -> Poll<Result<(), StackError>> {
        self.0.borrow_mut().send_datagram(datagram)
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.0.borrow_mut().receive_datagram(buffer)
    }
}

impl<F: Frames> fmt::Debug for Host<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("task", &self.0.borrow().task)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Recording<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}
