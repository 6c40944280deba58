//! A server and clients on one stack, over a loopback device and under a virtual clock, for all tests.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod host;
pub(crate) mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use greet_core::client::Client;
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request, RequestError};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::error::ConnectError;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::net::Net;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp::iface::Config;
use smoltcp::phy::{Device, Medium};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Some moment, where any will do.
pub(crate) const NOW: Instant = Instant::from_millis(1_000);

/// The loopback device of all tests.
pub(crate) type Ring = Loopback<8, 1514>;

/// What a stack runs over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) medium: Medium,
    pub(crate) address: IpAddress,
}

impl Path {
    pub(crate) const V4: IpAddress = IpAddress::v4(192, 0, 2, 1);
    pub(crate) const V6: IpAddress = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1);

    pub(crate) const IP: Self = Self {
        medium: Medium::Ip,
        address: Self::V4,
    };

    pub(crate) const ALL: [Self; 4] = [
        Self::IP,
        Self {
            medium: Medium::Ip,
            address: Self::V6,
        },
        Self {
            medium: Medium::Ethernet,
            address: Self::V4,
        },
        Self {
            medium: Medium::Ethernet,
            address: Self::V6,
        },
    ];

    pub(crate) fn config(self) -> Config {
        Config::new(match self.medium {
            Medium::Ethernet => HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, 1])),
            Medium::Ip => HardwareAddress::Ip,
        })
    }

    pub(crate) fn port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address.into(), port)
    }

    pub(crate) fn stack<'a, const S: usize, const B: usize>(
        self,
        slots: &'a mut SocketSlots<'a, S, B>,
    ) -> Stack<'a, Ring> {
        self.stack_on(Ring::new(self.medium), slots)
    }

    pub(crate) fn stack_on<'a, D: Device, const S: usize, const B: usize>(
        self,
        device: D,
        slots: &'a mut SocketSlots<'a, S, B>,
    ) -> Stack<'a, D> {
        let network = IpCidr::new(self.address, 24);
        Stack::new(device, self.config(), &[network], slots).expect("a stack")
    }
}

/// Virtual time, which jumps to where the stack asks for it.
pub(crate) struct Clock {
    pub(crate) now: Instant,
    /// How often the stack was polled.
    pub(crate) polls: usize,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            now: Instant::START,
            polls: 0,
        }
    }

    /// Polls until `until` comes, or `application` returns `false`, or nobody wants to be called
    /// again. Returns whether `application` ended it.
    pub(crate) fn run<'a, D: Device>(
        &mut self,
        stack: &mut Stack<'a, D>,
        until: Instant,
        mut application: impl FnMut(&mut Net<'a>, Instant) -> (bool, Instant),
    ) -> bool {
        let mut at_this_time = 0;
        loop {
            let now = self.now;
            let mut go_on = true;
            let next = stack.poll(now, |net| {
                let (more, next) = application(net, now);
                go_on &= more;
                next
            });
            self.polls += 1;
            if !go_on {
                return true;
            }
            if next > until || next == Instant::NEVER {
                self.now = until.max(now);
                return false;
            }
            assert!(next >= now, "{next:?} is before {now:?}");
            at_this_time = if next == now { at_this_time + 1 } else { 0 };
            assert!(at_this_time < 100, "it spins at {now:?}");
            self.now = next;
        }
    }
}

/// A server with so many places, and sockets for so many clients, on one stack over the loopback.
pub(crate) struct Exercise<const PLACES: usize, const CLIENTS: usize> {
    pub(crate) path: Path,
    pub(crate) stack: Stack<'static, Ring>,
    pub(crate) listener: Listener,
    pub(crate) server: Server<Connection, PLACES>,
    pub(crate) clock: Clock,
}

impl<const PLACES: usize, const CLIENTS: usize> Exercise<PLACES, CLIENTS> {
    pub(crate) fn new(path: Path) -> Self {
        let mut stack = path.stack(leak(SocketSlots::<72, 64>::new()));
        let places = leak(TcpBuffers::<PLACES, 1024, 1031>::new());
        let clients = leak(TcpBuffers::<CLIENTS, 1031, 1024>::new());
        let listener = stack.net().listen(places, 8000).expect("a listener");
        stack.net().add_clients(clients).expect("enough slots");
        Self {
            path,
            stack,
            listener,
            server: Server::new(Limits::DEFAULT),
            clock: Clock::new(),
        }
    }

    /// A client with this name, who has five seconds from now on.
    pub(crate) fn caller<'n>(&self, name: &'n str) -> Caller<'n> {
        Caller::new(self.path.port(8000), name, self.clock.now, 5 * SECOND)
    }

    /// What a client gets for this name.
    pub(crate) fn greet(&mut self, name: &str) -> Option<Result<String, RequestError>> {
        let mut caller = self.caller(name);
        let until = self.clock.now + 5 * SECOND;
        self.run(until, |net, now| {
            let next = caller.poll(net, now);
            (caller.answer.is_none(), next)
        });
        caller.answer
    }

    /// How many sockets listen, and how many a client could take.
    pub(crate) fn free_sockets(&mut self) -> (usize, usize) {
        let net = self.stack.net();
        (net.listening(&self.listener), net.idle())
    }

    /// As [`Clock::run`], with the server as another application.
    pub(crate) fn run(
        &mut self,
        until: Instant,
        mut application: impl FnMut(&mut Net<'static>, Instant) -> (bool, Instant),
    ) -> bool {
        let Self {
            stack,
            listener,
            server,
            clock,
            ..
        } = self;
        clock.run(stack, until, |net, now| {
            let server = server.poll(&mut listener.on(net), now, |_| ());
            let (go_on, next) = application(net, now);
            (go_on, server.min(next))
        })
    }
}

/// Memory for as long as the test runs, so that what borrows it can be handed out.
pub(crate) fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// One client of core, from connect to its answer.
pub(crate) struct Caller<'n> {
    peer: SocketAddr,
    client: Client<Request<'n>>,
    connection: Option<Connection>,
    pub(crate) answer: Option<Result<String, RequestError>>,
}

impl<'n> Caller<'n> {
    pub(crate) fn new(peer: SocketAddr, name: &'n str, now: Instant, timeout: Duration) -> Self {
        Self {
            peer,
            client: Client::new(Request::new(Text::new(name).expect("short"), now + timeout)),
            connection: None,
            answer: None,
        }
    }

    /// Goes as far as it can, and returns when to come back.
    pub(crate) fn poll(&mut self, net: &mut Net<'_>, now: Instant) -> Instant {
        if self.answer.is_some() {
            return Instant::NEVER;
        }
        if self.connection.is_none() {
            match net.connect(self.peer) {
                Ok(connection) => self.connection = Some(connection),
                Err(ConnectError::NoSocket) => return Instant::NEVER,
                Err(error) => panic!("{error}"),
            }
        }
        let Some(connection) = &self.connection else {
            return Instant::NEVER;
        };
        if self.client.poll(&mut connection.on(net), now).is_pending() {
            return self.client.due();
        }
        let request = self.client.machine();
        self.answer = request.answer().map(|answer| {
            answer.map(|answer| match answer {
                Answer::Greeted => String::from_utf8(request.reply().to_vec()).expect("UTF-8"),
                Answer::Refused(why) => why.to_owned(),
            })
        });
        if let Some(connection) = self.connection.take() {
            connection.release(net);
        }
        Instant::NEVER
    }
}
