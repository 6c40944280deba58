//! Who waits, and for which port: what the driver's and the listeners' side share.

use core::cell::RefCell;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use core::task::Waker;

use embassy_time::Instant;
use syn_backlog::host::{Host, Network};
use syn_backlog::queue::{Backlog as Queue, Place, WhenFull};
use syn_backlog::segment::Segment;
use syn_backlog::time::Instant as Moment;

/// So many ports can have listeners.
const PORTS: usize = 4;
/// A stack has one address of each version.
const ADDRESSES: usize = 2;

/// Room for so many clients who wait, at 136 bytes each, for all listeners of a stack.
pub struct Backlog<const WAITING: usize>(RefCell<State<WAITING>>);

struct State<const WAITING: usize> {
    places: [Place; WAITING],
    ports: [Port; PORTS],
    networks: [Network; ADDRESSES],
    addresses: usize,
}

struct Port {
    /// 0: none.
    number: u16,
    /// So many of its sockets listen.
    listening: usize,
    /// Who looks after them.
    waker: Option<Waker>,
}

const NO_ADDRESS: Network = Network {
    address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    prefix: 0,
};

impl<const WAITING: usize> Backlog<WAITING> {
    /// A backlog in which nobody waits.
    pub const fn new() -> Self {
        Self(RefCell::new(State {
            places: [Place::EMPTY; WAITING],
            ports: [const {
                Port {
                    number: 0,
                    listening: 0,
                    waker: None,
                }
            }; PORTS],
            networks: [NO_ADDRESS; ADDRESSES],
            addresses: 0,
        }))
    }

    /// How many clients wait for this port.
    pub fn waiting_at(&self, port: u16) -> usize {
        let state = &mut *self.0.borrow_mut();
        Queue::new(&mut state.places).waiting_at(port, now())
    }

    /// Takes a port under its care. `false`: there is no room for another.
    pub(crate) fn open(&self, number: u16) -> bool {
        let state = &mut *self.0.borrow_mut();
        let known = state.ports.iter().position(|port| port.number == number);
        let free = || state.ports.iter().position(|port| port.number == 0);
        let Some(index) = known.or_else(free) else {
            return false;
        };
        if let Some(port) = state.ports.get_mut(index) {
            port.number = number;
        }
        true
    }

    /// How many sockets of a port listen now, and who is to look again once that may have changed.
    pub(crate) fn set_listening(&self, number: u16, listening: usize, waker: &Waker) {
        let state = &mut *self.0.borrow_mut();
        for port in &mut state.ports {
            if port.number == number {
                port.listening = listening;
                port.waker = Some(waker.clone());
            }
        }
    }

    /// The stack's addresses, as only what is sent to one of them is for it.
    pub(crate) fn set_addresses(&self, addresses: impl Iterator<Item = Network>) {
        let state = &mut *self.0.borrow_mut();
        state.addresses = 0;
        for (own, address) in state.networks.iter_mut().zip(addresses) {
            *own = address;
            state.addresses += 1;
        }
    }

    /// Whether a client waits for whom a socket listens.
    pub(crate) fn has_next(&self) -> bool {
        self.0.borrow_mut().next().is_some()
    }

    /// Takes the client who has waited longest of those for whom a socket listens: its SYN goes into
    /// `frame`, and its length is returned.
    pub(crate) fn take(&self, frame: &mut [u8]) -> Option<usize> {
        let state = &mut *self.0.borrow_mut();
        let index = state.next()?;
        let place = state.places.get_mut(index)?;
        let len = place.frame().len();
        frame.get_mut(..len)?.copy_from_slice(place.frame());
        let port = Segment::find(place.frame(), syn_backlog::segment::Link::Ip)
            .or_else(|| Segment::find(place.frame(), syn_backlog::segment::Link::Ethernet))
            .map(|syn| syn.port());
        place.free();
        if let Some(port) = port {
            state.passes(port);
        }
        Some(len)
    }

    /// Whether a frame that has come goes on to the stack.
    pub(crate) fn admits(&self, frame: &[u8], host: &Host) -> bool {
        let Some(syn) = Segment::find(frame, host.link).filter(Segment::is_syn) else {
            return true;
        };
        let state = &mut *self.0.borrow_mut();
        let Some(port) = state.ports.iter().find(|port| port.number == syn.port()) else {
            return true; // the stack's to reset, or somebody else's socket
        };
        let listens = port.listening > 0;
        let networks = state.networks.get(..state.addresses).unwrap_or_default();
        let is_for_us = host.destination(&syn, networks).is_some();
        match (listens, is_for_us) {
            (true, true) => state.passes(syn.port()),
            (false, true) => {
                Queue::new(&mut state.places).enqueue(&syn, WhenFull::DropNew, now());
                state.wake(syn.port());
            }
            (_, false) => {}
        }
        listens
    }
}

impl<const WAITING: usize> State<WAITING> {
    fn next(&mut self) -> Option<usize> {
        let ports = &self.ports;
        let listens = |number| {
            ports
                .iter()
                .any(|port| port.number == number && port.listening > 0)
        };
        Queue::new(&mut self.places).next(listens, now())
    }

    /// A SYN goes on to the stack: one socket less listens, as far as is known here.
    fn passes(&mut self, number: u16) {
        for port in &mut self.ports {
            if port.number == number {
                port.listening = port.listening.saturating_sub(1);
            }
        }
        self.wake(number);
    }

    fn wake(&mut self, number: u16) {
        for port in &mut self.ports {
            if port.number == number
                && let Some(waker) = port.waker.take()
            {
                waker.wake();
            }
        }
    }
}

fn now() -> Moment {
    // Zero is before everything, and what is there then is gone.
    Moment::from_micros(Instant::now().as_micros().saturating_add(1))
}

impl<const WAITING: usize> Default for Backlog<WAITING> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WAITING: usize> fmt::Debug for Backlog<WAITING> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog")
            .field("room", &WAITING)
            .finish_non_exhaustive()
    }
}
