//! A host of a simulated network for an embassy application: embassy-net on its card, and the network's
//! time as embassy's.
//!
//! So an application is tested under loss, delay and reordering by seed, as it is: it sees a
//! [`Stack`](embassy_net::Stack) and embassy's timers. No real time passes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embassy_net::{Config, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, TxToken};
use greet_core::time::Instant;
use smoltcp::phy::{Device, RxToken as _, TxToken as _};
use smoltcp::time::Instant as NetworkInstant;
use smoltcp::wire::IpCidr;
use smoltcp_sim::{Boot, Card, HostId, Network};

use crate::cable::Received;
use crate::virtual_time::Time;

/// So many sockets an application may have.
const SOCKETS: usize = 80;

/// Boots a host with an application, which `start` makes of the stack, now and after every reboot.
///
/// Of the host's addresses the first is used, which must be of IPv4. The clocks of all hosts with
/// embassy must be the network's: no drift, and booted at its start, as there is one time for all.
///
/// # Panics
///
/// At boot, if that is not so of the address.
pub fn boot<'a, F: Future + 'a>(
    network: &mut Network<'a>,
    host: HostId,
    time: &'a Time,
    start: impl FnMut(Stack<'static>) -> F + 'a,
) {
    boot_behind(network, host, time, |card| card, start);
}

/// The same with a driver that stands before the card.
///
/// # Panics
///
/// As [`boot`] does.
pub fn boot_behind<'a, D: Driver + 'a, F: Future + 'a>(
    network: &mut Network<'a>,
    host: HostId,
    time: &'a Time,
    mut before: impl FnMut(Driven) -> D + 'a,
    mut start: impl FnMut(Stack<'static>) -> F + 'a,
) {
    network.boot_program(host, move |boot| {
        let mut program = Program::new(boot, &mut before, &mut start);
        move |now: NetworkInstant| {
            let micros = now.total_micros().unsigned_abs();
            time.go_to(Instant::from_micros(micros));
            program.run();
            match time.next() {
                Instant::NEVER => None,
                next => i64::try_from(next.as_micros())
                    .ok()
                    .map(NetworkInstant::from_micros),
            }
        }
    });
}

/// The stack's task and the application's.
struct Program<'a> {
    stack: Task<'a>,
    application: Task<'a>,
}

impl<'a> Program<'a> {
    fn new<D: Driver + 'a, F: Future + 'a>(
        boot: Boot,
        before: impl FnOnce(Driven) -> D,
        start: impl FnOnce(Stack<'static>) -> F,
    ) -> Self {
        let address = boot.addresses.first().map(|cidr| match cidr {
            IpCidr::Ipv4(cidr) => Ipv4Cidr::new(cidr.address(), cidr.prefix_len()),
            IpCidr::Ipv6(_) => panic!("an address that isn't of IPv4"),
        });
        let config = Config::ipv4_static(StaticConfigV4 {
            address: address.expect("a host has an address"),
            gateway: None,
            dns_servers: <_>::default(),
        });
        let Boot {
            card, mut random, ..
        } = boot;
        // For as long as the program runs, as those of a board.
        let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
        let (stack, mut runner) =
            embassy_net::new(before(Driven(card)), config, resources, random.next_u64());
        Self {
            stack: Task::new(async move { runner.run().await }),
            application: Task::new(start(stack)),
        }
    }

    /// Polls both until neither has anything to do.
    fn run(&mut self) {
        // Frames may have come, which wake nobody here.
        self.stack.wakes.wake_by_ref();
        while self.stack.poll() | self.application.poll() {}
    }
}

struct Task<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    wakes: Arc<Woken>,
    waker: Waker,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Task<'a> {
    fn new(future: impl Future + 'a) -> Self {
        let wakes = Arc::new(Woken(AtomicBool::new(true)));
        Self {
            future: Some(Box::pin(async { _ = future.await })),
            waker: Waker::from(Arc::clone(&wakes)),
            wakes,
        }
    }

    /// Polls it if it was woken, and says whether it was.
    fn poll(&mut self) -> bool {
        let was_woken = self.wakes.0.swap(false, Ordering::Relaxed);
        if was_woken && let Some(future) = &mut self.future {
            let mut context = Context::from_waker(&self.waker);
            if let Poll::Ready(()) = future.as_mut().poll(&mut context) {
                self.future = None;
            }
        }
        was_woken
    }
}

/// The card of a host, as embassy-net has it.
pub struct Driven(Card);

impl fmt::Debug for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Driven").field(&self.0).finish()
    }
}

impl Driver for Driven {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _context: &mut Context<'_>) -> Option<(Received, Sent<'_>)> {
        let (frame, room) = self.0.receive(NetworkInstant::ZERO)?;
        Some((Received::new(frame.consume(<[u8]>::to_vec)), Sent(room)))
    }

    fn transmit(&mut self, _context: &mut Context<'_>) -> Option<Sent<'_>> {
        self.0.transmit(NetworkInstant::ZERO).map(Sent)
    }

    fn link_state(&mut self, _context: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = self.0.capabilities().max_transmission_unit;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ip
    }
}

/// Room for a packet that goes.
#[derive(Debug)]
pub struct Sent<'a>(<Card as Device>::TxToken<'a>);

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.0.consume(len, write)
    }
}
