//! An end of the contract's cable as smoltcp sees it: a device for IP packets.

use greet_contract::CableEnd;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

pub(crate) struct Port(pub(crate) CableEnd);

pub(crate) struct Taken(Vec<u8>);
pub(crate) struct Given<'t>(&'t CableEnd);

impl Device for Port {
    type RxToken<'t> = Taken;
    type TxToken<'t> = Given<'t>;

    fn receive(&mut self, _: Instant) -> Option<(Taken, Given<'_>)> {
        Some((Taken(self.0.receive()?), Given(&self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Given<'_>> {
        Some(Given(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

impl RxToken for Taken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Given<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.send(frame);
        result
    }
}
