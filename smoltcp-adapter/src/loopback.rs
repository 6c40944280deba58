//! A loopback device without a heap: a ring of fixed frames, with checksums computed and verified.
//!
//! For tests, for examples, and for a microcontroller that talks to itself. Frames are neither
//! lost nor changed; while the ring is full, the stack waits.

use core::fmt;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// A ring of `FRAMES` frames of up to `MTU` bytes; on Ethernet, `MTU` counts the header of 14
/// bytes.
///
/// One frame is kept free for the answer to another that is being read, so at least two are
/// needed; with four, nothing in an exchange of greetings has to wait.
pub struct Loopback<const FRAMES: usize, const MTU: usize> {
    frames: [Frame<MTU>; FRAMES],
    ring: Ring,
    medium: Medium,
}

struct Frame<const MTU: usize> {
    bytes: [u8; MTU],
    len: usize,
}

/// Which frames of the ring are in use.
struct Ring {
    /// The oldest.
    first: usize,
    len: usize,
}

/// A frame that has come.
#[derive(Debug)]
pub struct RxToken<'t>(&'t [u8]);

/// Room for a frame to send.
pub struct TxToken<'t, const MTU: usize> {
    frame: &'t mut Frame<MTU>,
    ring: &'t mut Ring,
}

impl<const FRAMES: usize, const MTU: usize> Loopback<FRAMES, MTU> {
    /// An empty ring.
    pub const fn new(medium: Medium) -> Self {
        const {
            assert!(
                FRAMES >= 2,
                "an answer needs a frame beside the one it answers"
            );
        };
        Self {
            frames: [const {
                Frame {
                    bytes: [0; MTU],
                    len: 0,
                }
            }; FRAMES],
            ring: Ring { first: 0, len: 0 },
            medium,
        }
    }
}

impl<const FRAMES: usize, const MTU: usize> Device for Loopback<FRAMES, MTU> {
    type RxToken<'t> = RxToken<'t>;
    type TxToken<'t> = TxToken<'t, MTU>;

    fn receive(&mut self, _now: Instant) -> Option<(RxToken<'_>, TxToken<'_, MTU>)> {
        let Ring { first, len } = self.ring;
        if len == 0 {
            return None;
        }
        let answer = (first + len) % FRAMES;
        let [frame, room] = self.frames.get_disjoint_mut([first, answer]).ok()?;
        self.ring = Ring {
            first: (first + 1) % FRAMES,
            len: len - 1,
        };
        let rx = RxToken(frame.bytes.get(..frame.len)?);
        let tx = TxToken {
            frame: room,
            ring: &mut self.ring,
        };
        Some((rx, tx))
    }

    fn transmit(&mut self, _now: Instant) -> Option<TxToken<'_, MTU>> {
        let Ring { first, len } = self.ring;
        if len + 1 >= FRAMES {
            return None;
        }
        Some(TxToken {
            frame: self.frames.get_mut((first + len) % FRAMES)?,
            ring: &mut self.ring,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default(); // all checksums both ways
        capabilities.medium = self.medium;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl<const MTU: usize> phy::TxToken for TxToken<'_, MTU> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let Self { frame, ring } = self;
        let room = len.min(MTU); // smoltcp never asks for more
        frame.len = room;
        ring.len += 1;
        write(frame.bytes.get_mut(..room).unwrap_or_default())
    }
}

impl<const FRAMES: usize, const MTU: usize> fmt::Debug for Loopback<FRAMES, MTU> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback")
            .field("medium", &self.medium)
            .field("waiting", &self.ring.len)
            .finish_non_exhaustive()
    }
}

impl<const MTU: usize> fmt::Debug for TxToken<'_, MTU> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxToken").finish_non_exhaustive()
    }
}
