//! embassy-net on one end of a cable, plain smoltcp on the other, in virtual time.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use embassy_backlog::greet::{Messages, Port, Socket};
use embassy_backlog::{Backlog, Buffers, Listener};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, TxToken};
use greet_async_examples::cable::Received;
use greet_async_examples::virtual_time::Time;
use greet_contract::{CableEnd, Lack, Peers, Target, World, cable};
use greet_core::asynch::Polled;
use greet_core::asynch::embedded_io_async::ErrorKind;
use greet_core::time::Instant;
use smoltcp::wire::IpAddress;

use crate::peers::SmoltcpPeers;

/// The adapter's address, and one that isn't its; its ports.
pub(crate) const ADDRESSES: [IpAddress; 2] =
    [IpAddress::v4(192, 0, 2, 1), IpAddress::v4(192, 0, 2, 2)];
pub(crate) const TCP: u16 = 8000;
pub(crate) const UDP: u16 = 8001;

const PLACES: usize = 3;
const WAITING: usize = 4;

pub(crate) struct EmbassyWorld {
    port: Port<'static, PLACES, WAITING>,
    messages: Messages<'static>,
    stack: Pin<Box<dyn Future<Output = ()>>>,
    stack_wakes: Arc<Woken>,
    /// What has woken the adapter's side.
    wakes: Arc<Woken>,
    waker: Waker,
    end: CableEnd,
    peers: SmoltcpPeers,
    now: Instant,
    time: Time,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

impl EmbassyWorld {
    pub(crate) fn new() -> Self {
        let time = Time::begin();
        let now = Instant::from_millis(1_000);
        time.go_to(now);
        let (ours, theirs) = cable();
        let backlog: &'static Backlog<WAITING> = leak(Backlog::new());
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(Ipv4Addr::new(192, 0, 2, 1), 24),
            gateway: None,
            dns_servers: <_>::default(),
        });
        let driver = backlog.before(End(ours.clone()));
        let resources = leak(StackResources::<{ PLACES + 2 }>::new());
        let (stack, mut runner) = embassy_net::new(driver, config, resources, 3);
        let buffers = leak(Buffers::<PLACES, 1025, 1031>::new());
        let mut socket = UdpSocket::new(
            stack,
            leak([PacketMetadata::EMPTY; 4]),
            leak([0; 4096]),
            leak([PacketMetadata::EMPTY; 4]),
            leak([0; 4096]),
        );
        socket.bind(UDP).expect("a port");
        let wakes = Arc::<Woken>::default();
        let mut world = Self {
            port: Port(Listener::new(stack, backlog, TCP, buffers)),
            messages: Messages { socket, stack },
            stack: Box::pin(async move { runner.run().await }),
            stack_wakes: Arc::default(),
            waker: Arc::clone(&wakes).into(),
            wakes,
            end: ours,
            peers: SmoltcpPeers::new(theirs),
            now,
            time,
        };
        // Somebody accepts, or is about to: as in any program, before a client comes.
        let listening = greet_core::transport::Listener::accept(&mut world.listener(), now);
        assert!(listening.is_pending());
        world
    }

    /// Polls both ends, and lets time go on to what is due next if neither has anything to do.
    fn step(&mut self, until: Instant) {
        self.time.go_to(self.now);
        let came = self.end.waiting() > 0;
        if self.stack_wakes.take() | came {
            let waker = Waker::from(Arc::clone(&self.stack_wakes));
            let polled = self.stack.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending(), "a stack never ends");
        }
        let micros = i64::try_from(self.now.as_micros()).expect("soon");
        let sent = self.peers.waiting() > 0;
        let peers = self
            .peers
            .poll(smoltcp::time::Instant::from_micros(micros))
            .map_or(Instant::NEVER, |at| {
                Instant::from_micros(at.total_micros().unsigned_abs())
            });
        let rests = !came && !sent && self.end.waiting() == 0;
        if rests && !self.stack_wakes.0.load(Ordering::Relaxed) {
            let due = self.time.next().min(peers);
            self.now = due.min(until).max(self.now);
            self.time.go_to(self.now);
        }
    }
}

impl World for EmbassyWorld {
    type Handle = Socket<'static>;
    type Listener<'a> = Polled<'a, &'a mut Port<'static, PLACES, WAITING>>;
    type Datagrams<'a> = Polled<'a, &'a mut Messages<'static>>;

    fn now(&mut self) -> Instant {
        self.now
    }

    /// No more than the wakers say.
    fn wait(&mut self, until: Instant) {
        while !self.wakes.take() && self.now < until {
            self.step(until);
        }
    }

    fn pass(&mut self, until: Instant) {
        self.step(until);
    }

    fn listener(&mut self) -> Self::Listener<'_> {
        Polled::new(&mut self.port, &self.waker)
    }

    fn datagrams(&mut self) -> Self::Datagrams<'_> {
        Polled::new(&mut self.messages, &self.waker)
    }

    fn connect(&mut self, _to: Target) -> Result<Socket<'static>, ErrorKind> {
        Err(ErrorKind::Unsupported)
    }

    fn places(&self) -> usize {
        PLACES
    }

    fn peers(&mut self) -> &mut dyn Peers {
        &mut self.peers
    }

    fn lacks(&self, what: Lack) -> Option<&'static str> {
        match what {
            Lack::Connect => Some("embassy-net's `connect` is awaited before there is a stream"),
            Lack::TwoAddresses => Some("embassy-net has one address of each version"),
            _ => None,
        }
    }
}

/// The cable's end as a driver. Frames wake nobody: the world looks for them.
struct End(CableEnd);

struct Sent<'a>(&'a CableEnd);

impl Driver for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: &mut Context<'_>) -> Option<(Received, Sent<'_>)> {
        Some((Received::new(self.0.receive()?), Sent(&self.0)))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Sent<'_>> {
        Some(Sent(&self.0))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1500;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ip
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let result = write(&mut frame);
        self.0.send(frame);
        result
    }
}
