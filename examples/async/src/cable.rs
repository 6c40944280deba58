//! A cable in memory, for two stacks of embassy-net in one program.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};

/// Packets on their way, and who waits for one.
#[derive(Debug, Default)]
struct Way {
    packets: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
}

/// One end: a driver for embassy-net.
#[derive(Clone, Debug)]
pub struct End {
    comes: Rc<RefCell<Way>>,
    goes: Rc<RefCell<Way>>,
    address: HardwareAddress,
}

impl End {
    /// With frames of Ethernet on it, from this address, where else there are bare packets of IP.
    #[must_use]
    pub fn with_ethernet(mut self, address: [u8; 6]) -> Self {
        self.address = HardwareAddress::Ethernet(address);
        self
    }
}

/// Both ends.
pub fn cable() -> (End, End) {
    let (there, back) = <(Rc<RefCell<Way>>, Rc<RefCell<Way>>)>::default();
    let end = |comes: &Rc<_>, goes: &Rc<_>| End {
        comes: Rc::clone(comes),
        goes: Rc::clone(goes),
        address: HardwareAddress::Ip,
    };
    (end(&back, &there), end(&there, &back))
}

impl Driver for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Received, Sent<'_>)> {
        let mut way = self.comes.borrow_mut();
        if let Some(packet) = way.packets.pop_front() {
            return Some((Received(packet), Sent(&self.goes)));
        }
        way.waker = Some(context.waker().clone());
        None
    }

    fn transmit(&mut self, _context: &mut Context<'_>) -> Option<Sent<'_>> {
        Some(Sent(&self.goes))
    }

    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = match self.address {
            HardwareAddress::Ethernet(_) => 1_514,
            _ => 1_500,
        };
        // No more than a peer can take before it has its turn.
        capabilities.max_burst_size = Some(8);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.address
    }
}

/// A packet that has come, over whatever cable.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl Received {
    /// With these bytes.
    pub const fn new(packet: Vec<u8>) -> Self {
        Self(packet)
    }
}

impl RxToken for Received {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, read: F) -> R {
        read(&mut self.0)
    }
}

/// Room for a packet that goes.
#[derive(Debug)]
pub struct Sent<'a>(&'a RefCell<Way>);

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        let mut way = self.0.borrow_mut();
        way.packets.push_back(packet);
        if let Some(waker) = way.waker.take() {
            waker.wake();
        }
        result
    }
}
