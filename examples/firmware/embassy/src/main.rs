//! A greet server for the same board with embassy: its executor, its time, and embassy-net behind a
//! backlog.
//!
//! The protocol is core's, in tasks; what carries it over embassy-net is `embassy-backlog`'s. Tasks sleep until the chip's interrupt or a timer wakes them.

#![no_std]
#![no_main]

use core::fmt::Display;
use core::net::{Ipv4Addr, SocketAddr};

use cortex_m_rt::{entry, exception};
use embassy_backlog::greet::{Clock, Messages, Port, Socket};
use embassy_backlog::{Backlog, Behind, Buffers, Listener};
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use embassy_sync::waitqueue::AtomicWaker;
use firmware::board::{self, ADDRESS, Board, GATEWAY, LINES_PORT, PORTS};
use firmware::network::Peer;
use greet_core::asynch::{respond, serve};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::lines::{End, Lines};
use greet_core::machine::Service;
use greet_core::receiver;
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::{Event, Server};
use lan9118::{Card, Mmio};
use static_cell::{ConstStaticCell, StaticCell};

mod console;
mod executor;
mod time;

/// How many connections there can be at once, of each kind, and how many clients more may wait.
const PLACES: usize = 4;
const WAITING: usize = 8;

type Driver = Behind<'static, Card<'static, Mmio>, WAITING>;
type Sockets = ConstStaticCell<Buffers<PLACES, 1025, 1031>>;

static FRAMES: AtomicWaker = AtomicWaker::new();

#[entry]
fn main() -> ! {
    executor::run(start)
}

fn start(spawner: Spawner) {
    static BACKLOG: StaticCell<Backlog<WAITING>> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<{ 2 * PLACES + 1 }>> = StaticCell::new();
    let Some(board) = Board::take() else {
        board::fail("the board is in use")
    };
    let (mut board, chip) = board.unwrap_or_else(|error| board::fail(error));
    let seed = board.seed();
    time::begin(board);

    let (address, prefix) = ADDRESS;
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address.into(), prefix),
        gateway: Some(Ipv4Addr::from(GATEWAY)),
        dns_servers: <_>::default(),
    });
    let backlog: &'static _ = BACKLOG.init(Backlog::new());
    let card = Card::new(chip, &FRAMES, board::expect_frames);
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(backlog.before(card), config, resources, seed);

    spawn(spawner, network(runner));
    spawn(spawner, console::send());
    spawn(spawner, messages(stack));
    spawn(spawner, greetings(stack, backlog));
    spawn(spawner, lines(stack, backlog));
    let (tcp, udp) = (u32::from(PORTS.0), u32::from(PORTS.1));
    console::line(format_args!("Server is listening on port {tcp}..."));
    console::line(format_args!("Receiver is listening on UDP port {udp}..."));
    let port = u32::from(LINES_PORT);
    console::line(format_args!("Lines server is listening on port {port}..."));
    console::line(format_args!("READY"));
}

fn spawn<S>(spawner: Spawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(_) => board::fail("a task is there twice"),
    }
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Driver>) {
    runner.run().await;
}

#[embassy_executor::task]
async fn greetings(stack: Stack<'static>, backlog: &'static Backlog<WAITING>) {
    static BUFFERS: Sockets = ConstStaticCell::new(Buffers::new());
    static SERVER: Places<Exchange> = StaticCell::new();
    let listener = Listener::new(stack, backlog, PORTS.0, BUFFERS.take());
    let server = SERVER.init_with(|| Server::new(Limits::DEFAULT));
    answer(listener, server, |peer, outcome| match outcome {
        Outcome::Greeted => {}
        Outcome::Refused(why) => refused(peer, why),
        Outcome::Abandoned(why) => abandoned(peer, why),
    })
    .await;
}

#[embassy_executor::task]
async fn lines(stack: Stack<'static>, backlog: &'static Backlog<WAITING>) {
    static BUFFERS: Sockets = ConstStaticCell::new(Buffers::new());
    static SERVER: Places<Lines> = StaticCell::new();
    let listener = Listener::new(stack, backlog, LINES_PORT, BUFFERS.take());
    let server = SERVER.init_with(|| Server::serving(Limits::DEFAULT));
    answer(listener, server, |peer, outcome| match outcome.end {
        End::Refused(why) => refused(peer, why),
        End::Abandoned(why) => abandoned(peer, why),
        _ => {}
    })
    .await;
}

type Places<M> = StaticCell<Server<Socket<'static>, PLACES, M>>;

/// Serves a port in one task, and says who comes and how it ends.
async fn answer<M: Service>(
    listener: Listener<'static, PLACES, WAITING>,
    server: &'static mut Server<Socket<'static>, PLACES, M>,
    ended: impl Fn(&SocketAddr, M::Outcome),
) {
    serve(server, &mut Port(listener), &Clock, |event| match event {
        Event::Connected { peer } => {
            console::line(format_args!("Connection from {}", Peer(peer)));
        }
        Event::Ended { peer, outcome, .. } => ended(peer, outcome),
        _ => {}
    })
    .await;
}

#[embassy_executor::task]
async fn messages(stack: Stack<'static>) {
    static METAS: StaticCell<[[PacketMetadata; 64]; 2]> = StaticCell::new();
    static BUFFERS: ConstStaticCell<([u8; 12_288], [u8; 4096])> =
        ConstStaticCell::new(([0; _], [0; _]));
    static RESPONDER: StaticCell<Responder<32>> = StaticCell::new();
    let [metas, metas_out] = METAS.init([[PacketMetadata::EMPTY; 64]; 2]);
    let (incoming, outgoing) = BUFFERS.take();
    let mut socket = UdpSocket::new(stack, metas, incoming, metas_out, outgoing);
    if socket.bind(PORTS.1).is_err() {
        board::fail("the port for messages is in use");
    }
    let responder = RESPONDER.init(Responder::new(REPLIES_PER_SECOND));
    let mut socket = Messages { socket, stack };
    respond(responder, &mut socket, &Clock, |event| match event {
        receiver::Event::Message { from, text } => {
            console::line(format_args!(
                "Received message: {text} from {}",
                Peer(&from)
            ));
        }
        receiver::Event::Refused { from, why } => refused(&from, why),
        _ => {}
    })
    .await;
}

fn refused(peer: &SocketAddr, why: impl Display) {
    console::line(format_args!("Refused {}: {why}", Peer(peer)));
}

fn abandoned(peer: &SocketAddr, why: impl Display) {
    console::line(format_args!("Abandoned by {}: {why}", Peer(peer)));
}

/// All interrupts of the chip, of which the board lets one come.
#[exception]
#[allow(
    unsafe_code,
    reason = "a handler is declared so; it does nothing unsafe"
)]
unsafe fn DefaultHandler(number: i16) {
    board::mask(number);
    FRAMES.wake();
}
