//! The testbed on smoltcp: core's polled server and a client's sockets on one stack, over a
//! loopback device, under virtual time.
//!
//! As in [`memory`](crate::memory), time stands still but in [`Connection::pass`] and while a
//! client waits. What is leaked here is a few kilobytes a case, until the tests end.

use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::receiver::{self, Receiver};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams as _, Local, Stream as _};
use greet_smoltcp::error::StreamError;
use greet_smoltcp::listener::Listener;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::{self, Stream};
use smoltcp::iface::Config;
use smoltcp::phy::{self, Device, Medium};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

use crate::testbed::{Connection, Report, Testbed};

/// The adapter's own device.
type Ring = Loopback<8, 1514>;

/// A stack over a loopback device with this medium and this address.
pub struct OnSmoltcp<D> {
    medium: Medium,
    address: IpAddress,
    device: fn(Medium) -> D,
}

// Derived ones would ask for a device that can be copied.
impl<D> Copy for OnSmoltcp<D> {}
impl<D> Clone for OnSmoltcp<D> {
    fn clone(&self) -> Self {
        *self
    }
}

/// A connection to a server of its own, on one stack with it.
pub struct Dialogue<D> {
    stack: Stack<'static, D>,
    listener: Listener,
    server: Server<stream::Connection, 1>,
    connection: stream::Connection,
    now: Instant,
}

const V4: IpAddress = IpAddress::v4(192, 0, 2, 1);
const V6: IpAddress = IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1);

impl OnSmoltcp<Ring> {
    /// By name: both media, both versions of IP.
    pub const ALL: [(&'static str, Self); 4] = [
        ("ip-v4", Self::new(Medium::Ip, V4, Ring::new)),
        ("ip-v6", Self::new(Medium::Ip, V6, Ring::new)),
        ("eth-v4", Self::new(Medium::Ethernet, V4, Ring::new)),
        ("eth-v6", Self::new(Medium::Ethernet, V6, Ring::new)),
    ];
}

impl OnSmoltcp<phy::Loopback> {
    /// smoltcp's own loopback device, which needs a heap and verifies no checksums.
    pub const ITS_OWN: Self = Self::new(Medium::Ethernet, V4, phy::Loopback::new);
}

impl<D: Device> OnSmoltcp<D> {
    const fn new(medium: Medium, address: IpAddress, device: fn(Medium) -> D) -> Self {
        Self {
            medium,
            address,
            device,
        }
    }

    fn stack<T: Device>(self, device: T) -> io::Result<Stack<'static, T>> {
        let config = Config::new(match self.medium {
            Medium::Ethernet => HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, 1])),
            Medium::Ip => HardwareAddress::Ip,
        });
        let slots = leak(SocketSlots::<2, 0>::new());
        let network = IpCidr::new(self.address, 24);
        Stack::new(device, config, &[network], slots).map_err(io::Error::other)
    }
}

impl<D: Device> Testbed for OnSmoltcp<D> {
    type Connection = Dialogue<D>;

    fn connect(&mut self, limits: &Limits) -> io::Result<Dialogue<D>> {
        let mut stack = self.stack((self.device)(self.medium))?;
        let net = stack.net();
        let places = leak(TcpBuffers::<1, 1024, 1031>::new());
        let listener = net.listen(places, 8000).map_err(io::Error::other)?;
        let outgoing = leak(TcpBuffers::<1, 1024, 2048>::new());
        net.add_clients(outgoing).map_err(io::Error::other)?;
        let peer = SocketAddr::new(self.address.into(), 8000);
        let connection = net.connect(peer).map_err(io::Error::other)?;
        Ok(Dialogue {
            stack,
            listener,
            server: Server::new(*limits),
            connection,
            now: Instant::from_millis(1_000_000),
        })
    }

    fn deliver(&mut self, datagram: &[u8]) -> io::Result<Report> {
        // Frames so long that a datagram of any case needs no fragments.
        let mut stack = self.stack(Loopback::<4, 9014>::new(self.medium))?;
        let net = stack.net();
        let buffers = leak(UdpBuffers::<2, 9000, 9000>::new());
        let inbox = net.bind(buffers, 8001).map_err(io::Error::other)?;
        let buffers = leak(UdpBuffers::<2, 9000, 9000>::new());
        let sender = net.bind(buffers, 0).map_err(io::Error::other)?;
        let to = SocketAddr::new(self.address.into(), 8001);
        let Poll::Ready(Ok(())) = sender.on(net).send_to(datagram, to, Local::default()) else {
            return Err(io::Error::other("the datagram wasn't taken"));
        };
        let mut receiver = Receiver::new();
        let mut reports = Vec::new();
        stack.poll(Instant::START, |net| {
            let now = net.now();
            receiver.poll(&mut inbox.on(net), now, |event| match event {
                receiver::Event::Message { text, .. } => {
                    reports.push(Report::Shown(text.to_string()));
                }
                receiver::Event::Refused { why, .. } => {
                    reports.push(Report::Refused(why.to_string()));
                }
                _ => {}
            })
        });
        match <[Report; 1]>::try_from(reports) {
            Ok([report]) => Ok(report),
            Err(reports) => Err(io::Error::other(format!("{} reports", reports.len()))),
        }
    }

    fn answer(&mut self, datagrams: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut stack = self.stack(Loopback::<8, 9014>::new(self.medium))?;
        let net = stack.net();
        let inbox = net
            .bind(leak(UdpBuffers::<4, 9000, 9000>::new()), 8001)
            .map_err(io::Error::other)?;
        let sender = net
            .bind(leak(UdpBuffers::<4, 9000, 9000>::new()), 0)
            .map_err(io::Error::other)?;
        let to = SocketAddr::new(self.address.into(), 8001);
        for datagram in datagrams {
            let Poll::Ready(Ok(())) = sender.on(net).send_to(datagram, to, Local::default()) else {
                return Err(io::Error::other("the datagram wasn't taken"));
            };
        }
        let mut responder = Responder::<1>::new(REPLIES_PER_SECOND);
        stack.poll(Instant::START, |net| {
            let now = net.now();
            responder.poll(&mut inbox.on(net), now, |_| {})
        });
        let mut answer = vec![0; 2048];
        match sender.on(stack.net()).receive_from(&mut answer) {
            Poll::Ready(Ok(Datagram { len, from, .. })) if from == to => {
                answer.truncate(len);
                Ok(answer)
            }
            other => Err(io::Error::other(format!("no answer: {other:?}"))),
        }
    }
}

impl<D: Device> Dialogue<D> {
    fn poll(&mut self) -> Instant {
        let (listener, server, now) = (&self.listener, &mut self.server, self.now);
        self.stack
            .poll(now, |net| server.poll(&mut listener.on(net), now, |_| {}))
    }

    /// Tries until it is ready, and lets the stack and time go on in between.
    fn wait_for<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Stream<'_, '_>) -> Poll<Result<T, StreamError>>,
    ) -> io::Result<T> {
        loop {
            let next = self.poll();
            if let Poll::Ready(result) = attempt(&mut self.connection.on(self.stack.net())) {
                self.poll();
                return result.map_err(io::Error::other);
            }
            if next <= self.now || next == Instant::NEVER {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "neither side has anything left to do",
                ));
            }
            self.now = next;
        }
    }
}

impl<D: Device> Connection for Dialogue<D> {
    fn send(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            let n = self.wait_for(|stream| stream.send(piece))?;
            piece = &piece[n..];
        }
        Ok(())
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.wait_for(|stream| stream.finish())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait_for(|stream| stream.receive(buffer))
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.poll();
            if next >= until {
                break;
            }
            self.now = next;
        }
        self.now = until;
        self.poll();
    }
}

pub(crate) fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}
