//! The adapter on one end of a cable, plain smoltcp on the other, in virtual time.

use embedded_io::ErrorKind;
use greet_contract::{CableEnd, Lack, Peers, Target, World, cable};
use greet_core::time::Instant;
use greet_smoltcp::datagrams::{Binding, Datagrams};
use greet_smoltcp::listener::{Listener, Listening};
use greet_smoltcp::net::Clients;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::iface::Config;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::device::Port;
use crate::peers::{LISTENING, SmoltcpPeers};

/// The adapter's addresses and ports.
pub(crate) const ADDRESSES: [IpAddress; 2] =
    [IpAddress::v4(192, 0, 2, 1), IpAddress::v4(192, 0, 2, 2)];
pub(crate) const TCP: u16 = 8000;
pub(crate) const UDP: u16 = 8001;

const PLACES: usize = 3;

pub(crate) struct SmoltcpWorld {
    stack: Stack<'static, Port>,
    listener: Listener,
    clients: Clients,
    binding: Binding,
    end: CableEnd,
    peers: SmoltcpPeers,
    now: Instant,
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

impl SmoltcpWorld {
    pub(crate) fn new() -> Self {
        let (ours, theirs) = cable();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 3;
        let slots = leak(SocketSlots::<{ PLACES + 3 }, 4>::new());
        let addresses = ADDRESSES.map(|address| IpCidr::new(address, 24));
        let mut stack = Stack::new(Port(ours.clone()), config, &addresses, slots).expect("a stack");
        let net = stack.net();
        let listener = net
            .listen(leak(TcpBuffers::<PLACES, 1025, 1031>::new()), TCP)
            .expect("a listener");
        let clients = net
            .add_clients(leak(TcpBuffers::<2, 1031, 1024>::new()))
            .expect("clients");
        let binding = net
            .bind(leak(UdpBuffers::<4, 4096, 4096>::new()), UDP)
            .expect("a socket");
        Self {
            stack,
            listener,
            clients,
            binding,
            end: ours,
            peers: SmoltcpPeers::new(theirs),
            now: Instant::from_millis(1_000),
        }
    }

    /// What smoltcp calls the time.
    fn at(moment: Instant) -> smoltcp::time::Instant {
        smoltcp::time::Instant::from_micros(i64::try_from(moment.as_micros()).expect("soon"))
    }

    /// Polls both ends once, and lets time go on to what is due next if neither has sent anything.
    /// Says whether a frame came in at the adapter's end, and when it is due.
    fn step(&mut self, until: Instant) -> (bool, Instant) {
        let came = self.end.waiting() > 0;
        let due = self.stack.poll(self.now, |_net| Instant::NEVER);
        let sent = self.peers.waiting() > 0;
        let peers = self
            .peers
            .poll(Self::at(self.now))
            .map_or(Instant::NEVER, |at| {
                Instant::from_micros(at.total_micros().unsigned_abs())
            });
        if !came && !sent && self.end.waiting() == 0 {
            self.now = due.min(peers).min(until).max(self.now);
        }
        (came, due)
    }
}

impl World for SmoltcpWorld {
    type Handle = Connection;
    type Listener<'a> = Listening<'a, 'static>;
    type Datagrams<'a> = Datagrams<'a, 'static>;

    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) {
        let mut due = Instant::NEVER;
        while self.now < until {
            // A frame wakes it, or the time that it asked for.
            let is_due = self.now >= due;
            let (came, next) = self.step(until);
            if came || is_due {
                return;
            }
            due = next;
        }
    }

    fn pass(&mut self, until: Instant) {
        self.step(until);
    }

    fn listener(&mut self) -> Listening<'_, 'static> {
        self.listener.on(self.stack.net())
    }

    fn datagrams(&mut self) -> Datagrams<'_, 'static> {
        self.binding.on(self.stack.net())
    }

    fn connect(&mut self, to: Target) -> Result<Connection, ErrorKind> {
        let mut to_port = LISTENING;
        if to == Target::Nobody {
            to_port.set_port(1);
        }
        self.stack
            .net()
            .connect_with(&self.clients, to_port)
            .map_err(|_| ErrorKind::AddrNotAvailable)
    }

    fn places(&self) -> usize {
        PLACES
    }

    fn peers(&mut self) -> &mut dyn Peers {
        &mut self.peers
    }

    fn lacks(&self, _: Lack) -> Option<&'static str> {
        None
    }
}
