//! A host's network card: two queues of frames, between a smoltcp stack and the network.
//! How long frames stay in the second is the [`ring`](crate::ring)'s business.
//!
//! Frames are used again and again; in the long run none is allocated.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::clock::Nanos;
use crate::ring::{self, Ring};

pub(crate) type Frame = Vec<u8>;

/// Frames that nobody uses, of all hosts of a network together.
pub(crate) type Spare = Rc<RefCell<Vec<Frame>>>;

/// The network card of a simulated host: a smoltcp device.
///
/// It has room for 256 frames to send. Each takes its place until its link has taken it, and for as
/// long as it takes at 1 Gbit/s, so that a program that sends whenever it can has to wait.
pub struct Card {
    queues: Rc<RefCell<Queues>>,
    spare: Spare,
    capabilities: DeviceCapabilities,
}

/// What the network sees of a card.
#[derive(Default)]
pub(crate) struct Queues {
    /// What came and wasn't looked at.
    pub(crate) received: VecDeque<Frame>,
    /// What the stack sent.
    pub(crate) sent: Vec<Frame>,
    /// What it sent before, and hasn't left.
    pub(crate) ring: Ring,
    /// The network's time.
    pub(crate) now: Nanos,
    /// The stack found no room to send.
    pub(crate) is_full: bool,
}

impl Queues {
    /// Whether there is room for one more frame than wait already.
    fn has_room(&mut self, room: usize) -> bool {
        let has_room = self
            .ring
            .has_room(room.saturating_sub(self.sent.len()), self.now);
        self.is_full |= !has_room;
        has_room
    }
}

impl Card {
    /// A card for frames of up to `mtu` bytes, the Ethernet header included.
    pub(crate) fn new(
        queues: Rc<RefCell<Queues>>,
        spare: Spare,
        medium: Medium,
        mtu: usize,
        checksums: ChecksumCapabilities,
    ) -> Self {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = medium;
        capabilities.max_transmission_unit = mtu;
        capabilities.checksum = checksums;
        Self {
            queues,
            spare,
            capabilities,
        }
    }

    /// Whether the stack has found no room to send.
    pub(crate) fn is_full(&self) -> bool {
        self.queues.borrow().is_full
    }

    fn sender(&self) -> TxToken<'_> {
        TxToken {
            queues: &self.queues,
            spare: &self.spare,
        }
    }
}

impl phy::Device for Card {
    type RxToken<'t> = RxToken<'t>;
    type TxToken<'t> = TxToken<'t>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let mut queues = self.queues.borrow_mut();
        if queues.received.is_empty() || !queues.has_room(2 * ring::FRAMES) {
            return None;
        }
        let frame = queues.received.pop_front()?;
        drop(queues);
        let received = RxToken {
            frame,
            spare: &self.spare,
        };
        Some((received, self.sender()))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        let has_room = self.queues.borrow_mut().has_room(ring::FRAMES);
        has_room.then(|| self.sender())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.capabilities.clone()
    }
}

/// Shows one frame to a stack.
pub struct RxToken<'t> {
    frame: Frame,
    spare: &'t RefCell<Vec<Frame>>,
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.frame);
        self.spare.borrow_mut().push(self.frame);
        result
    }
}

/// Takes one frame from a stack.
pub struct TxToken<'t> {
    queues: &'t RefCell<Queues>,
    spare: &'t RefCell<Vec<Frame>>,
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = self.spare.borrow_mut().pop().unwrap_or_default();
        frame.clear();
        frame.resize(len, 0); // what the stack leaves out must not be what another frame had
        let result = write(&mut frame);
        self.queues.borrow_mut().sent.push(frame);
        result
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RxToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RxToken")
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TxToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxToken").finish_non_exhaustive()
    }
}
