//! The device as smoltcp sees it: what comes goes through the [SYN filter](crate::syn_filter),
//! clients of the backlog come as if from the network, and no more leaves than the
//! [`pace`](crate::pace) allows.

use smoltcp::phy::{Device, DeviceCapabilities, PacketMeta, RxToken};
use smoltcp::time::Instant;
use syn_backlog::queue::Place;

use crate::pace::Pace;
use crate::syn_filter::SynFilter;

/// A device behind the SYN filter.
pub(crate) struct Filtered<'g, 'a, D: ?Sized> {
    pub(crate) device: &'g mut D,
    pub(crate) filter: &'g mut SynFilter<'a>,
    pub(crate) pace: &'g mut Pace,
}

/// A frame from the device or from the backlog.
pub(crate) enum Frame<'t, 'a, R> {
    Arrived {
        token: R,
        filter: &'t mut SynFilter<'a>,
        now: Instant,
    },
    Kept(&'t mut Place),
}

impl<'a, D: Device + ?Sized> Device for Filtered<'_, 'a, D> {
    type RxToken<'t>
        = Frame<'t, 'a, D::RxToken<'t>>
    where
        Self: 't;
    type TxToken<'t>
        = D::TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // A device without room to send may still have frames, and get room by them.
        if let Some(client) = self.filter.next_client(now)
            && self.device.transmit(now).is_some()
        {
            let frame = Frame::Kept(self.filter.take(client)?);
            return Some((frame, self.device.transmit(now)?));
        }
        let (token, reply) = self.device.receive(now)?;
        self.pace.came();
        let filter = &mut *self.filter;
        Some((Frame::Arrived { token, filter, now }, reply))
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let token = self.device.transmit(now)?;
        self.pace.leaves().then_some(token)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

impl<R: RxToken> RxToken for Frame<'_, '_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        match self {
            Frame::Arrived { token, filter, now } => token.consume(|frame| {
                if filter.admit(frame, now) {
                    read(frame)
                } else {
                    read(&[]) // smoltcp ignores an empty frame
                }
            }),
            Frame::Kept(place) => {
                let syn = read(place.frame());
                place.free();
                syn
            }
        }
    }

    fn meta(&self) -> PacketMeta {
        match self {
            Frame::Arrived { token, .. } => token.meta(),
            Frame::Kept(_) => PacketMeta::default(),
        }
    }
}
