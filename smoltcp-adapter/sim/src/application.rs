//! An application on plain smoltcp sockets, and the loop around interface and application that
//! every smoltcp program has.

use alloc::vec::Vec;
use core::fmt;

use smoltcp::iface::{Interface, PollResult, SocketSet};
use smoltcp::time::Instant;

use crate::card::Card;
use crate::machine::{Boot, Program};
use crate::random::Random;

/// What an application works with: smoltcp's interface and sockets, and a source of chance.
pub struct Stack {
    /// The interface. Polling it is the network's business.
    pub interface: Interface,
    /// The sockets, none at first.
    pub sockets: SocketSet<'static>,
    /// Chance that follows from the network's seed, for ports and the like.
    pub random: Random,
}

/// What runs on a host's [`Stack`]: any code that can be polled.
///
/// A closure `FnMut(&mut Stack, Instant) -> Option<Instant>` is one.
pub trait Application {
    /// Does what can be done at `now`, and says when to be polled again at the latest.
    ///
    /// It is polled after smoltcp's interface was, as in any loop around smoltcp, until neither
    /// moves anything. Times are those of the host's clock, which counts from its boot.
    fn poll(&mut self, stack: &mut Stack, now: Instant) -> Option<Instant>;
}

impl<F: FnMut(&mut Stack, Instant) -> Option<Instant>> Application for F {
    fn poll(&mut self, stack: &mut Stack, now: Instant) -> Option<Instant> {
        self(stack, now)
    }
}

/// A stack and its application, as a program.
pub(crate) struct Loop<A> {
    card: Card,
    stack: Stack,
    application: A,
}

impl<A: Application> Loop<A> {
    /// Sets up a stack as the host's plan says, and the application on it.
    pub(crate) fn new(boot: Boot, start: impl FnOnce(&mut Stack) -> A) -> Self {
        let config = boot.config();
        let Boot {
            mut card,
            addresses,
            random,
            ..
        } = boot;
        let mut interface = Interface::new(config, &mut card, Instant::ZERO);
        interface.update_ip_addrs(|own| {
            // No more than fit: the network refuses a plan with too many.
            own.extend(addresses.into_iter().take(own.capacity()));
        });
        let mut stack = Stack {
            interface,
            sockets: SocketSet::new(Vec::new()),
            random: random.child(1),
        };
        let application = start(&mut stack);
        Self {
            card,
            stack,
            application,
        }
    }
}

impl<A: Application> Program for Loop<A> {
    fn poll(&mut self, now: Instant) -> Option<Instant> {
        let Self {
            card,
            stack,
            application,
        } = self;
        stack.interface.poll(now, card, &mut stack.sockets);
        loop {
            let wanted = application.poll(stack, now);
            let Stack {
                interface, sockets, ..
            } = stack;
            if interface.poll(now, card, sockets) == PollResult::None {
                let due = interface
                    .poll_at(now, sockets)
                    // The card says when it has room.
                    .filter(|due| *due > now || !card.is_full());
                return match (wanted, due) {
                    (Some(wanted), Some(due)) => Some(wanted.min(due)),
                    (wanted, due) => wanted.or(due),
                };
            }
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("sockets", &self.sockets.iter().count())
            .field("random", &self.random)
            .finish_non_exhaustive()
    }
}
