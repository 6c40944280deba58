//! Keeps some segments from the stack, so that it doesn't answer them: those of handshakes that shall never
//! end.

use core::ops::Range;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp_sim::Segment;

/// A device, and the ports of this host at which nothing is heard.
#[derive(Debug)]
pub(crate) struct Shield<D> {
    pub(crate) device: D,
    /// Of TCP.
    pub(crate) deaf: Range<u16>,
}

impl<D: Device> Device for Shield<D> {
    type RxToken<'t>
        = RxToken<D::RxToken<'t>>
    where
        D: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        D: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (token, answer) = self.device.receive(now)?;
        let deaf = self.deaf.clone();
        Some((RxToken { token, deaf }, answer))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.device.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

/// Shows one frame to a stack, or an empty one, which it ignores.
pub(crate) struct RxToken<R> {
    token: R,
    deaf: Range<u16>,
}

impl<R: phy::RxToken> phy::RxToken for RxToken<R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        let Self { token, deaf } = self;
        token.consume(|frame| {
            let is_heard = deaf.is_empty()
                || Segment::read(Medium::Ethernet, frame).is_none_or(|segment| {
                    segment.tcp.is_none() || !deaf.contains(&segment.to.port)
                });
            read(if is_heard { frame } else { &[] })
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}
