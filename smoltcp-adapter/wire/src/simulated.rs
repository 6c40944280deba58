//! A port of a simulated network: a cable in virtual time, which needs no privilege.

use core::fmt;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greet_core::time::Instant;
use smoltcp::phy::{Device, RxToken as _, TxToken as _};
use smoltcp::wire::HardwareAddress;
use smoltcp_sim::{Boot, Card, HostId, Network};

use crate::error::Error;
use crate::frames::{Frames, Seen};
use crate::moments;

/// The frames that come to one host of a simulated network of Ethernet, and leave it.
///
/// The host runs nothing else, and whoever speaks through this has to have its
/// [hardware address](Frames::hardware). Time goes on by one event at most with each wait.
pub struct Simulated<'a> {
    network: Network<'a>,
    host: HostId,
    card: Rc<RefCell<Option<Card>>>,
    hardware: Option<[u8; 6]>,
    mtu: usize,
}

impl<'a> Simulated<'a> {
    /// Takes the network card of this host, and the network with it.
    pub fn new(mut network: Network<'a>, host: HostId) -> Self {
        let card = Rc::new(RefCell::new(None));
        let hardware = Rc::new(Cell::new(None));
        let taken = (Rc::clone(&card), Rc::clone(&hardware));
        network.boot_program(host, move |boot: Boot| {
            if let HardwareAddress::Ethernet(address) = boot.hardware_address {
                taken.1.set(Some(address.0));
            }
            taken.0.replace(Some(boot.card));
            |_now| None
        });
        let mtu = card
            .borrow()
            .as_ref()
            .map_or(0, |card: &Card| card.capabilities().ip_mtu());
        Self {
            network,
            host,
            card,
            hardware: hardware.get(),
            mtu,
        }
    }

    /// Gives a frame to the card. `false`: it has no room.
    fn put(&mut self, frame: &[u8]) -> bool {
        let now = self.network.now();
        let mut card = self.card.borrow_mut();
        let Some(card) = card.as_mut() else {
            return true; // a host that is down sends nothing
        };
        let Some(token) = card.transmit(now) else {
            return false;
        };
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        true
    }

    /// The network.
    pub fn network(&mut self) -> &mut Network<'a> {
        &mut self.network
    }
}

impl Frames for Simulated<'_> {
    fn now(&mut self) -> Instant {
        moments::core(self.network.now())
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        match self.network.next_event() {
            Some(next) if moments::core(next) <= until => _ = self.network.step(),
            _ => self.network.run_until(moments::smoltcp(until)),
        }
        Ok(())
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        let now = self.network.now();
        if !self.put(frame) {
            // A card learns what time it is, and what has left it, when its host is polled.
            self.network.wake(self.host);
            self.network.run_until(now);
            if !self.put(frame) {
                return Ok(false);
            }
        }
        self.network.wake(self.host);
        self.network.run_until(now);
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        let now = self.network.now();
        let mut card = self.card.borrow_mut();
        let Some((token, _)) = card.as_mut().and_then(|card| card.receive(now)) else {
            return Ok(None);
        };
        let len = token.consume(|frame| {
            let len = frame.len().min(into.len());
            let parts = into.get_mut(..len).zip(frame.get(..len));
            if let Some((room, frame)) = parts {
                room.copy_from_slice(frame);
            }
            len
        });
        Ok(Some(Seen::new(len, moments::core(now))))
    }

    fn mtu(&self) -> usize {
        self.mtu
    }

    /// That of the host, which is the only one to which the network carries frames.
    fn hardware(&self) -> Option<[u8; 6]> {
        self.hardware
    }

    fn name(&self) -> &'static str {
        "a simulated network"
    }
}

impl fmt::Debug for Simulated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulated")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
