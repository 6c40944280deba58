//! Between the stack and its cable: keeps some segments from the stack, so that it doesn't answer them,
//! hears what the stack ignores, and tells the link the time.

use core::cell::RefCell;
use core::ops::Range;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use smoltcp_sim::{Impaired, Segment};

use crate::cable::Cable;
use crate::frames::Frames;
use crate::moments;
use crate::unreachable::{Ends, refused};
use crate::watch::Watch;

/// A cable behind a link, and what goes by.
#[derive(Debug)]
pub(crate) struct Shield<F> {
    pub(crate) link: Impaired<Cable<F>>,
    pub(crate) heard: Heard,
    /// Both tokens of a frame that comes look at it.
    pub(crate) watch: RefCell<Watch>,
}

/// What is kept from the stack, or heard in its place.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The ports of TCP at which nothing is heard: there handshakes shall never end.
    pub(crate) deaf: Range<u16>,
    /// The datagrams whose fate is of interest.
    pub(crate) datagrams: Option<Ends>,
    /// Nobody listens where they go.
    pub(crate) is_refused: bool,
}

impl<F: Frames> Device for Shield<F> {
    type RxToken<'t>
        = RxToken<'t, <Impaired<Cable<F>> as Device>::RxToken<'t>>
    where
        F: 't;
    type TxToken<'t>
        = TxToken<'t, F>
    where
        F: 't;

    fn receive(&mut self, _stacks: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let Self { link, heard, watch } = self;
        let now = now(link);
        // What answers it is sent later than this.
        let (token, _) = link.receive(now)?;
        let shown = RxToken {
            token,
            heard,
            watch,
            now: moments::core(now),
        };
        Some((shown, TxToken { link, watch }))
    }

    fn transmit(&mut self, _stacks: Instant) -> Option<Self::TxToken<'_>> {
        let Self { link, watch, .. } = self;
        let now = now(link);
        link.transmit(now)?;
        Some(TxToken { link, watch })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.link.capabilities()
    }
}

/// What time it is. The stack's own stands still for as long as it is polled, and what it takes and gives
/// meanwhile would have none.
fn now<F: Frames>(link: &mut Impaired<Cable<F>>) -> Instant {
    moments::smoltcp(link.get_mut().frames.now())
}

/// Takes one frame from a stack, in the moment in which it is written.
pub(crate) struct TxToken<'t, F> {
    link: &'t mut Impaired<Cable<F>>,
    watch: &'t RefCell<Watch>,
}

impl<F: Frames> phy::TxToken for TxToken<'_, F> {
    fn consume<T, W: FnOnce(&mut [u8]) -> T>(self, len: usize, write: W) -> T {
        let now = now(self.link);
        match self.link.transmit(now) {
            Some(token) => token.consume(len, |frame| {
                let written = write(frame);
                self.watch.borrow_mut().leaves(frame, moments::core(now));
                written
            }),
            // An answer for which the link has no room is lost.
            None => write(&mut vec![0; len]),
        }
    }
}

/// Shows one frame to a stack, or an empty one, which it ignores.
pub(crate) struct RxToken<'t, R> {
    token: R,
    heard: &'t mut Heard,
    watch: &'t RefCell<Watch>,
    now: greet_core::time::Instant,
}

impl<R: phy::RxToken> phy::RxToken for RxToken<'_, R> {
    fn consume<T, F: FnOnce(&[u8]) -> T>(self, read: F) -> T {
        let Self {
            token,
            heard,
            watch,
            now,
        } = self;
        token.consume(|frame| {
            let is_shown = heard.is_shown(frame);
            if is_shown {
                watch.borrow_mut().comes(frame, now);
            }
            read(if is_shown { frame } else { &[] })
        })
    }

    fn meta(&self) -> PacketMeta {
        self.token.meta()
    }
}

impl Heard {
    /// Hears a frame. Whether the stack shall, too.
    fn is_shown(&mut self, frame: &[u8]) -> bool {
        if self.datagrams.is_some() && refused(frame) == self.datagrams {
            self.is_refused = true;
        }
        self.deaf.is_empty()
            || Segment::read(Medium::Ethernet, frame).is_none_or(|segment| {
                segment.tcp.is_none() || !self.deaf.contains(&segment.to.port)
            })
    }
}
