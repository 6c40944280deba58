//! A greet server, a lines server and a responder on embassy-net behind this project's backlog, as on a
//! board: a task for each port, and no socket more than clients are served at once.

use std::net::Ipv4Addr;

use embassy_backlog::greet::{Clock, Messages, Port, Socket};
use embassy_backlog::{Backlog, Behind, Buffers, Listener};
use embassy_executor::{Executor, Spawner};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_net_tuntap::TunTapDevice;
use greet_core::asynch::{respond, serve};
use greet_core::exchange::Exchange;
use greet_core::limits::{LINES_PORT, Limits, TCP_PORT, UDP_PORT};
use greet_core::lines::Lines;
use greet_core::machine::Service;
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use static_cell::{ConstStaticCell, StaticCell};

const PLACES: usize = 8;
const WAITING: usize = 16;

type Waiting = Backlog<WAITING>;
type Sockets = ConstStaticCell<Buffers<PLACES, 1025, 1031>>;
type Places<M> = Server<Socket<'static>, PLACES, M>;

fn main() {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    EXECUTOR.init(Executor::new()).run(start);
}

fn start(spawner: Spawner) {
    static BACKLOG: StaticCell<Waiting> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<{ 2 * PLACES + 1 }>> = StaticCell::new();
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().expect("which interface?");
    let address: Ipv4Addr = arguments
        .next()
        .and_then(|a| a.parse().ok())
        .expect("which address?");
    let device = TunTapDevice::new(&interface).expect("a TAP device");
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: <_>::default(),
    });
    let seed = u64::from(std::process::id());
    let backlog = &*BACKLOG.init(Backlog::new());
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(backlog.before(device), config, resources, seed);
    spawner.spawn(run(runner).expect("one of them"));
    spawner.spawn(messages(stack).expect("one of them"));
    spawner.spawn(greetings(stack, backlog).expect("one of them"));
    spawner.spawn(lines(stack, backlog).expect("one of them"));
}

#[embassy_executor::task]
async fn run(mut runner: Runner<'static, Behind<'static, TunTapDevice, WAITING>>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn greetings(stack: Stack<'static>, backlog: &'static Waiting) {
    static BUFFERS: Sockets = ConstStaticCell::new(Buffers::new());
    let listener = Listener::new(stack, backlog, TCP_PORT, BUFFERS.take());
    answer(listener, Places::<Exchange>::serving(Limits::DEFAULT)).await;
}

#[embassy_executor::task]
async fn lines(stack: Stack<'static>, backlog: &'static Waiting) {
    static BUFFERS: Sockets = ConstStaticCell::new(Buffers::new());
    let listener = Listener::new(stack, backlog, LINES_PORT, BUFFERS.take());
    answer(listener, Places::<Lines>::serving(Limits::DEFAULT)).await;
}

async fn answer<M: Service>(listener: Listener<'static, PLACES, WAITING>, mut server: Places<M>) {
    serve(&mut server, &mut Port(listener), &Clock, |_event| ()).await;
}

#[embassy_executor::task]
async fn messages(stack: Stack<'static>) {
    let (mut received, mut sent) = ([0; 16_384], [0; 8192]);
    let (mut waiting, mut leaving) = ([PacketMetadata::EMPTY; 64], [PacketMetadata::EMPTY; 64]);
    let mut socket = UdpSocket::new(stack, &mut waiting, &mut received, &mut leaving, &mut sent);
    socket.bind(UDP_PORT).expect("a free port");
    let mut socket = Messages { socket, stack };
    let mut responder = Responder::<32>::new(REPLIES_PER_SECOND);
    respond(&mut responder, &mut socket, &Clock, |_event| ()).await;
}
