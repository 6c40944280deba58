//! A stack on a loopback device under a virtual clock, and a crowd of clients, for all tests.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod peer;

use std::net::SocketAddr;
use std::time::Duration;

use greet_core::client::Client;
use greet_core::request::{Answer, RequestError};
use greet_core::text::Text;
use greet_smoltcp::error::ConnectError;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::net::Net;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::SocketSlots;
use greet_smoltcp::stream::Connection;
use smoltcp::iface::Config;
use smoltcp::phy::{Device, Medium};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

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
    pub(crate) now: Duration,
    /// How often the stack was polled.
    pub(crate) polls: usize,
    /// So often it may be polled at one moment.
    pub(crate) at_once: usize,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            now: Duration::ZERO,
            polls: 0,
            at_once: 100,
        }
    }

    /// Polls until `until` comes, or `application` returns `false`, or nobody wants to be called
    /// again. Returns whether `application` ended it.
    pub(crate) fn run<'a, D: Device>(
        &mut self,
        stack: &mut Stack<'a, D>,
        until: Duration,
        mut application: impl FnMut(&mut Net<'a>, Duration) -> (bool, Option<Duration>),
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
            match next {
                Some(next) if next <= until => {
                    assert!(next >= now, "{next:?} is before {now:?}");
                    at_this_time = if next == now { at_this_time + 1 } else { 0 };
                    assert!(at_this_time < self.at_once, "it spins at {now:?}");
                    self.now = next;
                }
                _ => {
                    self.now = until.max(now);
                    return false;
                }
            }
        }
    }
}

/// One client of core, from connect to its answer.
pub(crate) struct Caller<'n> {
    peer: SocketAddr,
    client: Client<'n>,
    connection: Option<Connection>,
    pub(crate) answer: Option<Result<String, RequestError>>,
}

impl<'n> Caller<'n> {
    pub(crate) fn new(peer: SocketAddr, name: &'n str, now: Duration, timeout: Duration) -> Self {
        Self {
            peer,
            client: Client::new(Text::new(name).expect("short"), now, timeout),
            connection: None,
            answer: None,
        }
    }

    /// Goes as far as it can, and returns when to come back.
    pub(crate) fn poll(&mut self, net: &mut Net<'_>, now: Duration) -> Option<Duration> {
        if self.answer.is_some() {
            return None;
        }
        if self.connection.is_none() {
            match net.connect(self.peer) {
                Ok(connection) => self.connection = Some(connection),
                Err(ConnectError::NoSocket) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        let connection = self.connection.as_ref()?;
        let answer = self.client.poll(&mut connection.on(net), now);
        let std::task::Poll::Ready(answer) = answer else {
            return self.client.next_poll();
        };
        let answer = answer.map(|answer| match answer {
            Answer::Greeted => String::new(),
            Answer::Refused(why) => why.to_owned(),
        });
        self.answer = Some(answer.map(|refusal| {
            if refusal.is_empty() {
                String::from_utf8(self.client.reply().to_vec()).expect("UTF-8")
            } else {
                refusal
            }
        }));
        self.connection.take()?.release(net);
        None
    }
}

pub(crate) fn earlier(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        _ => a.or(b),
    }
}
