//! A driver behind the backlog: what comes is looked at, and clients who waited come as if from the
//! network.

use core::task::Context;

use embassy_net_driver::{Capabilities, Checksum, Driver, HardwareAddress, LinkState, RxToken};
use syn_backlog::host::{Checksums, Host};
use syn_backlog::segment::Link;

use crate::backlog::Backlog;

/// The longest SYN that waits: headers of Ethernet and IPv6, and of TCP with all its options.
const LONGEST: usize = 14 + 40 + 60;

/// A driver of a chip behind a backlog: give it to `embassy_net::new` in its place.
#[derive(Debug)]
pub struct Behind<'b, D, const WAITING: usize> {
    backlog: &'b Backlog<WAITING>,
    driver: D,
}

impl<const WAITING: usize> Backlog<WAITING> {
    /// Puts a driver behind this backlog. One for each: two drivers would take each other's clients.
    pub const fn before<D: Driver>(&self, driver: D) -> Behind<'_, D, WAITING> {
        Behind {
            backlog: self,
            driver,
        }
    }
}

impl<D: Driver, const WAITING: usize> Behind<'_, D, WAITING> {
    /// What doesn't change, of what the stack takes for its own.
    fn host(&self) -> Host {
        let checksum = self.driver.capabilities().checksum;
        let checks = |which| matches!(which, Checksum::Both | Checksum::Rx);
        let (link, hardware) = match self.driver.hardware_address() {
            HardwareAddress::Ethernet(address) => (Link::Ethernet, address),
            _ => (Link::Ip, [0; 6]),
        };
        Host {
            link,
            hardware,
            any_address: false,
            checksums: Checksums {
                ipv4: checks(checksum.ipv4),
                tcp: checks(checksum.tcp),
            },
        }
    }
}

impl<D: Driver, const WAITING: usize> Driver for Behind<'_, D, WAITING> {
    type RxToken<'a>
        = Received<'a, D::RxToken<'a>, WAITING>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        // A driver without room to send may still have frames, and get room by them.
        if self.backlog.has_next() && self.driver.transmit(context).is_some() {
            let mut frame = [0; LONGEST];
            let len = self.backlog.take(&mut frame)?;
            let kept = Received(Frame::Kept(frame, len));
            return Some((kept, self.driver.transmit(context)?));
        }
        let host = self.host();
        let (token, reply) = self.driver.receive(context)?;
        let arrived = Received(Frame::Arrived(token, self.backlog, host));
        Some((arrived, reply))
    }

    fn transmit(&mut self, context: &mut Context<'_>) -> Option<D::TxToken<'_>> {
        self.driver.transmit(context)
    }

    fn link_state(&mut self, context: &mut Context<'_>) -> LinkState {
        self.driver.link_state(context)
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn hardware_address(&self) -> HardwareAddress {
        self.driver.hardware_address()
    }
}

/// A frame that has come, now or before.
#[derive(Debug)]
pub struct Received<'a, R, const WAITING: usize>(Frame<'a, R, WAITING>);

#[derive(Debug)]
enum Frame<'a, R, const WAITING: usize> {
    Arrived(R, &'a Backlog<WAITING>, Host),
    Kept([u8; LONGEST], usize),
}

impl<R: RxToken, const WAITING: usize> RxToken for Received<'_, R, WAITING> {
    fn consume<T, F: FnOnce(&mut [u8]) -> T>(self, read: F) -> T {
        match self.0 {
            Frame::Arrived(token, backlog, host) => token.consume(|frame| {
                if backlog.admits(frame, &host) {
                    read(frame)
                } else {
                    read(&mut []) // the stack ignores an empty frame
                }
            }),
            Frame::Kept(mut frame, len) => read(frame.get_mut(..len).unwrap_or_default()),
        }
    }
}
