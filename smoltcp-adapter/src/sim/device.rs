//! A host's network card: two queues of frames that smoltcp fills and empties.
//!
//! The network moves frames between the queues of different hosts. Frames are used again and again;
//! in the long run none is allocated.

use std::collections::VecDeque;
use std::vec::Vec;

use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

pub(super) type Frame = Vec<u8>;

pub(super) struct Device {
    /// What came and wasn't looked at.
    pub(super) received: VecDeque<Frame>,
    /// What the stack sent.
    pub(super) sent: Vec<Frame>,
    /// Frames that nobody uses. The network lends them while the host runs.
    pub(super) spare: Vec<Frame>,
    /// The frame that the stack looks at.
    open: Frame,
    medium: Medium,
    mtu: usize,
    checksums: ChecksumCapabilities,
}

impl Device {
    /// A card for frames of up to `mtu` bytes, the Ethernet header included.
    pub(super) fn new(medium: Medium, mtu: usize, checksums: ChecksumCapabilities) -> Self {
        Self {
            received: VecDeque::new(),
            sent: Vec::new(),
            spare: Vec::new(),
            open: Vec::new(),
            medium,
            mtu,
            checksums,
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        let frame = self.received.pop_front()?;
        let seen = core::mem::replace(&mut self.open, frame);
        if seen.capacity() > 0 {
            self.spare.push(seen);
        }
        let received = Received { frame: &self.open };
        let sender = Sender {
            sent: &mut self.sent,
            spare: &mut self.spare,
        };
        Some((received, sender))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sender<'_>> {
        Some(Sender {
            sent: &mut self.sent,
            spare: &mut self.spare,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = self.checksums.clone();
        capabilities
    }
}

/// Shows one frame to the stack.
pub(super) struct Received<'a> {
    frame: &'a Frame,
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.frame)
    }
}

/// Takes one frame from the stack.
pub(super) struct Sender<'a> {
    sent: &'a mut Vec<Frame>,
    spare: &'a mut Vec<Frame>,
}

impl phy::TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.spare.pop().unwrap_or_default();
        frame.clear();
        frame.resize(len, 0); // what the stack leaves out must not be what another frame had
        let result = f(&mut frame);
        self.sent.push(frame);
        result
    }
}
