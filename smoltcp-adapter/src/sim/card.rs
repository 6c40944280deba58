//! A host's network card: two queues of frames, between a smoltcp stack and the network.
//!
//! Frames are used again and again; in the long run none is allocated.

use core::cell::RefCell;
use core::fmt;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

pub(super) type Frame = Vec<u8>;

/// Frames that nobody uses, of all hosts of a network together.
pub(super) type Spare = Rc<RefCell<Vec<Frame>>>;

/// The network card of a simulated host: a smoltcp device.
///
/// It never blocks and is never full: the links have the limits.
pub struct Card {
    queues: Rc<RefCell<Queues>>,
    spare: Spare,
    capabilities: DeviceCapabilities,
}

/// What the network sees of a card.
#[derive(Default)]
pub(super) struct Queues {
    /// What came and wasn't looked at.
    pub(super) received: VecDeque<Frame>,
    /// What the stack sent.
    pub(super) sent: Vec<Frame>,
}

impl Card {
    /// A card for frames of up to `mtu` bytes, the Ethernet header included.
    pub(super) fn new(
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
        let frame = self.queues.borrow_mut().received.pop_front()?;
        let received = RxToken {
            frame,
            spare: &self.spare,
        };
        Some((received, self.sender()))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_>> {
        Some(self.sender())
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
