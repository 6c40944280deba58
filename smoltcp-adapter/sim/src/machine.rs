//! A host that runs: boots, is polled by the network, and loses everything when it fails.
//!
//! What runs on it is any code around a smoltcp device, in a box.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::time::Instant;
use smoltcp::wire::{ETHERNET_HEADER_LEN, HardwareAddress, IpCidr};

use crate::card::{Card, Frame, Queues, Spare};
use crate::clock::{self, Clock, Nanos};
use crate::host::Host;
use crate::packet;
use crate::random::Random;

/// What a program finds when its host boots.
///
/// [`Network::boot_program`](crate::Network::boot_program) hands it out.
#[derive(Debug)]
pub struct Boot {
    /// The network card, for the program to poll.
    pub card: Card,
    /// The host's hardware address, which fits the card's medium.
    pub hardware_address: HardwareAddress,
    /// The host's addresses, for the program's interface.
    pub addresses: Vec<IpCidr>,
    /// Chance that follows from the network's seed, another at each boot.
    pub random: Random,
}

/// All that runs on a host, its smoltcp interface included.
///
/// A closure `FnMut(Instant) -> Option<Instant>` is one.
pub trait Program {
    /// Takes the frames that have come, does and sends all that there is to do at `now`, and says
    /// when to be polled again at the latest.
    ///
    /// It is polled when frames came as well, and when a card that was full has room again. Times
    /// are those of the host's clock, which counts from its boot.
    fn poll(&mut self, now: Instant) -> Option<Instant>;
}

impl<F: FnMut(Instant) -> Option<Instant>> Program for F {
    fn poll(&mut self, now: Instant) -> Option<Instant> {
        self(now)
    }
}

impl Boot {
    /// A configuration for smoltcp's interface, with a random seed.
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.hardware_address);
        config.random_seed = self.random.child(0).next_u64();
        config
    }
}

/// Makes the program, at every boot anew.
pub(crate) type Loader<'a> = Box<dyn FnMut(Boot) -> Box<dyn Program + 'a> + 'a>;

/// A host of a network.
pub(crate) struct Machine<'a> {
    pub(crate) plan: Host,
    /// When it must be polled at the latest.
    pub(crate) wake: Option<Nanos>,
    medium: Medium,
    place: usize,
    chance: Random,
    spare: Spare,
    boots: u64,
    loader: Option<Loader<'a>>,
    running: Option<Running<'a>>,
}

struct Running<'a> {
    clock: Clock,
    queues: Rc<RefCell<Queues>>,
    program: Box<dyn Program + 'a>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(
        plan: Host,
        medium: Medium,
        place: usize,
        chance: Random,
        spare: Spare,
    ) -> Self {
        Self {
            plan,
            wake: None,
            medium,
            place,
            chance,
            spare,
            boots: 0,
            loader: None,
            running: None,
        }
    }

    /// Boots with this program, now and whenever it boots again.
    pub(crate) fn install(&mut self, loader: Loader<'a>, now: Nanos) {
        self.loader = Some(loader);
        self.boot(now);
    }

    /// Loses its state, and boots at `back`.
    pub(crate) fn fail(&mut self, back: Nanos) {
        self.running = None;
        self.wake = self.loader.is_some().then_some(back);
    }

    /// Whether nothing runs on it.
    pub(crate) fn is_down(&self) -> bool {
        self.running.is_none()
    }

    /// Gives it a frame, which is lost if it is down.
    pub(crate) fn receive(&mut self, frame: Frame, now: Nanos) {
        if let Some(running) = &mut self.running {
            running.queues.borrow_mut().received.push_back(frame);
            self.wake = Some(now);
        }
    }

    /// Does all that is to do at `now`. What it sent is put into `sent`, which is empty.
    pub(crate) fn run(&mut self, now: Nanos, sent: &mut Vec<Frame>) {
        if self.running.is_none() {
            self.boot(now);
        }
        let Some(running) = &mut self.running else {
            return;
        };
        {
            let mut queues = running.queues.borrow_mut();
            queues.now = now;
            queues.is_full = false;
        }
        let micros = running.clock.shows(now);
        let next = running.program.poll(clock::instant(micros));
        // Whoever asks to come back at once is asked when the clock has moved: time goes on. A clock
        // at its end doesn't move any more.
        let wake = next.map(|next| {
            let next = clock::micros(next);
            running.clock.reaches(next.max(micros.saturating_add(1)))
        });
        self.wake = wake.filter(|wake| *wake > now);
        core::mem::swap(&mut running.queues.borrow_mut().sent, sent);
    }

    /// A frame of `len` bytes that it sent at `now` is gone when its link has all of it.
    pub(crate) fn sends(&mut self, len: usize, now: Nanos, taken: Nanos) {
        if let Some(running) = &mut self.running {
            running.queues.borrow_mut().ring.push(len, now, taken);
        }
    }

    /// All that it sent is on its way. If its card was full, it is polled when there is room.
    pub(crate) fn sent(&mut self, now: Nanos) {
        if let Some(running) = &self.running {
            let queues = running.queues.borrow();
            if queues.is_full
                && let Some(room) = queues.ring.next(now)
            {
                self.wake = Some(self.wake.map_or(room, |wake| wake.min(room)));
            }
        }
    }

    fn boot(&mut self, now: Nanos) {
        let Some(loader) = &mut self.loader else {
            return;
        };
        let (hardware_address, header_len) = if self.medium == Medium::Ethernet {
            let address = packet::hardware_address(self.place);
            (HardwareAddress::Ethernet(address), ETHERNET_HEADER_LEN)
        } else {
            (HardwareAddress::Ip, 0)
        };
        let queues = Rc::new(RefCell::default());
        let card = Card::new(
            Rc::clone(&queues),
            Rc::clone(&self.spare),
            self.medium,
            self.plan.mtu + header_len,
            self.plan.checksums.clone(),
        );
        let program = loader(Boot {
            card,
            hardware_address,
            addresses: self.plan.addresses.clone(),
            random: self.chance.child(self.boots),
        });
        self.boots += 1;
        self.wake = Some(now);
        self.running = Some(Running {
            clock: Clock::started(now, self.plan.drift),
            queues,
            program,
        });
    }
}
