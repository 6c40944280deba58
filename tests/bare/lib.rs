//! Everything that runs on a board, for the host: servers, clients and messages on one stack.
//!
//! It links neither `std` nor `alloc`, and compiles only because no crate below it does. It is
//! never run: `.ci/steps/35-bare` reads its machine code, and finds no way from our functions to a
//! panic.

#![no_std]

use core::future::{Future, pending};
use core::hint::black_box;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use greet_core::asynch::{self, Close, Copying, Timer, embedded_io_async};
use greet_core::client::Client;
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::machine::{Machine, Service};
use greet_core::pipeline::Pipeline;
use greet_core::receiver::{self, Receiver};
use greet_core::request::Request;
use greet_core::server::{Event, Server};
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::{Datagrams, Local};
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::timeouts::Timeouts;
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    // Used, so that each panic keeps its place in the source.
    black_box(info);
    loop {}
}

/// Runs everything on Ethernet. The argument keeps the compiler from knowing what will come.
#[unsafe(no_mangle)]
pub extern "C" fn ethernet(chance: u64) -> u64 {
    let address = HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, 1]));
    run(Medium::Ethernet, address, chance)
}

/// Runs everything on bare IP.
#[unsafe(no_mangle)]
pub extern "C" fn ip(chance: u64) -> u64 {
    run(Medium::Ip, HardwareAddress::Ip, chance)
}

fn run(medium: Medium, hardware: HardwareAddress, chance: u64) -> u64 {
    let chance = black_box(chance);
    let mut slots = SocketSlots::<7, 4>::new();
    let mut places = TcpBuffers::<4, 1024, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let mut inbox = UdpBuffers::<4, 2048, 2048>::new();
    let mut sender = UdpBuffers::<4, 2048, 2048>::new();
    let mut config = Config::new(black_box(hardware));
    config.random_seed = chance;
    let addresses = [IpCidr::new(IpAddress::v4(192, 0, 2, 1), 24)];
    let device = Loopback::<4, 1514>::new(black_box(medium));
    let Ok(mut stack) = Stack::new(device, config, black_box(&addresses[..]), &mut slots) else {
        return 1;
    };
    let net = stack.net();
    net.set_timeouts(Timeouts {
        handshake: Duration::new(chance, 0),
        linger: Duration::new(chance, 0),
    });
    let Ok(listener) = net.listen(&mut places, black_box(8000)) else {
        return 2;
    };
    let (Ok(_), Ok(inbox), Ok(sender)) = (
        net.add_clients(&mut outgoing),
        net.bind(&mut inbox, black_box(8001)),
        net.bind(&mut sender, 0),
    ) else {
        return 3;
    };
    let limits = Limits::DEFAULT.with_deadline(Duration::from_secs(chance));
    let mut server = Server::<_, 4>::new(black_box(limits));
    let mut receiver = Receiver::new();
    let peer = SocketAddr::new(
        IpAddr::V4(Ipv4Addr::from_bits(black_box(1))),
        black_box(8000),
    );
    let Ok(name) = Text::new(black_box("World")) else {
        return 4;
    };
    let mut now = Instant::from_micros(black_box(chance));
    let mut client = Client::new(Request::new(name, now + Request::TIMEOUT));
    let mut connection = None;
    let mut seen = 0_u64;
    while black_box(chance) > 0 {
        let next = stack.poll(now, |net| {
            let served = server.poll(&mut listener.on(net), now, |event| {
                if let Event::Ended { machine, .. } = event {
                    seen ^= machine
                        .name()
                        .map_or(0, |name| name.as_bytes().len() as u64);
                }
            });
            let received = receiver.poll(&mut inbox.on(net), now, |event| {
                if let receiver::Event::Message { .. } = event {
                    seen ^= 1;
                }
            });
            let _ = black_box(sender.on(net).send_to(
                black_box(&[7; 2000]),
                peer,
                Local::default(),
            ));
            match connection.take() {
                None => connection = net.connect(peer).ok(),
                Some(open) => match client
                    .poll(&mut greet_smoltcp::stream::Connection::on(&open, net), now)
                {
                    Poll::Ready(answer) => {
                        seen ^= u64::from(answer.is_ok());
                        let mut stream = open.on(net);
                        let mut bytes = [0; 8];
                        let _ = black_box((stream.read_ready(), stream.write_ready()));
                        let _ =
                            black_box((stream.read(&mut bytes), stream.write(black_box(&bytes))));
                        open.release(net);
                    }
                    Poll::Pending => connection = Some(open),
                },
            }
            served.min(received).min(client.due())
        });
        now = black_box(next);
        seen ^= stack.net().listening(&listener) as u64 ^ stack.net().idle() as u64;
    }
    seen ^ server.tally().total() ^ receiver.tally().messages
}

/// What never ends, and is never polled again once it has.
struct Line;

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Line {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        match black_box(buffer.len()) {
            0 => pending().await,
            n => Ok(n),
        }
    }
}

impl embedded_io_async::Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        match black_box(bytes.len()) {
            0 => pending().await,
            n => Ok(n),
        }
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Close for Line {
    async fn finish(&mut self) -> Result<(), ErrorKind> {
        black_box(Ok(()))
    }

    async fn abort(&mut self) {}
}

struct Clock(u64);

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::from_micros(black_box(self.0))
    }

    async fn until(&self, at: Instant) {
        if black_box(at) > self.now() {
            pending().await
        }
    }
}

/// Conversations in a task.
#[unsafe(no_mangle)]
pub extern "C" fn task(chance: u64) -> u64 {
    let clock = Clock(chance);
    let mut exchange = Exchange::new(clock.now(), Limits::DEFAULT);
    let mut buffer = [0; 64];
    let mut line = Copying::new(Line, Line, &mut buffer);
    let mut conversing = pin!(async {
        let ended = asynch::converse(&mut exchange, &mut Line, &clock).await;
        let copied = line.converse(&mut exchange, &clock).await;
        ended == copied
    });
    let mut context = Context::from_waker(Waker::noop());
    for round in 0..black_box(chance) {
        if conversing.as_mut().poll(&mut context).is_ready() {
            return round;
        }
    }
    0
}

/// Both sides of many greetings over one connection, called in any order.
#[unsafe(no_mangle)]
pub extern "C" fn lines(chance: u64) -> u64 {
    let now = Instant::from_micros(black_box(chance));
    let mut server = Lines::VACANT;
    server.begin(now, &Limits::DEFAULT);
    let mut client = Pipeline::<2048>::new(Duration::from_secs(chance)).with_depth(black_box(3));
    let mut seen = 0_u64;
    while black_box(chance) > 0 {
        if let Ok(name) = Text::new(black_box("World")) {
            seen ^= u64::from(client.queue(name).is_ok()) ^ u64::from(client.queue_last(name).is_ok());
        }
        seen ^= call(&mut server, now, black_box(chance)) ^ call(&mut client, now, black_box(chance));
        seen ^= client.next_reply().map_or(0, |reply| reply.len() as u64);
        seen ^= client.refusal().map_or(0, |sentence| sentence.len() as u64);
        server.wind_down(now);
        server.give_way(now);
        client.end_names();
    }
    seen
}

/// Calls a machine in every way.
fn call<M: Machine>(machine: &mut M, now: Instant, chance: u64) -> u64 {
    let n = usize::try_from(chance).unwrap_or_default();
    if let Some(space) = machine.space().get_mut(..n) {
        space.fill(black_box(7));
    }
    let room = machine.space().len();
    machine.received(n, now);
    machine.transmitted(black_box(n), now);
    let left = machine.transmit().len();
    match black_box(chance) {
        1 => machine.received_fin(now),
        2 => machine.finished(now),
        3 => machine.timeout(now),
        4 => machine.lost(embedded_io::ErrorKind::Other),
        _ => {}
    }
    (room ^ left) as u64 ^ machine.due().as_micros() ^ u64::from(machine.outcome().is_some())
}
