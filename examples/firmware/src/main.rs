//! A greet server for a microcontroller: TCP and UDP on one Ethernet chip, without heap and without
//! operating system.
//!
//! The loop polls the stack until nothing moves, and sleeps until there is a frame, or it is time.
//! What happens is told on the serial line, in the words of the desktop's server.

#![no_std]
#![no_main]

use core::net::SocketAddr;

use cortex_m_rt::entry;
use firmware::board::{self, Board, PORTS};
use firmware::console::Console;
use firmware::network::{self, DATAGRAMS, MESSAGES, NAME, PLACES, REPLIES, REPLY};
use greet_core::error::Refusal;
use greet_core::limits::Limits;
use greet_core::receiver;
#[cfg(feature = "reply")]
use greet_core::responder::{self, Responder};
use greet_core::server::{self, Server};
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use static_cell::{ConstStaticCell, StaticCell};

#[cfg(feature = "dhcp")]
mod dhcp;

/// All TCP connections, UDP, and DHCP.
const SOCKETS: usize = PLACES + 2;
/// How many more clients may wait until a connection is free.
const BACKLOG: usize = 8;
/// How many senders of messages are told apart when their replies are counted.
#[cfg(feature = "reply")]
const COUNTERS: usize = 64;
/// How many bytes of lines may wait for the serial line.
const LINES: usize = 2048;

// The first two are zeros, which take no flash. The others would be kept there as a whole, for a few
// bytes that aren't zero; so they are made at start.
static TCP: ConstStaticCell<TcpBuffers<PLACES, NAME, REPLY>> =
    ConstStaticCell::new(TcpBuffers::new());
static CONSOLE: ConstStaticCell<Console<LINES>> = ConstStaticCell::new(Console::new());
static UDP: StaticCell<UdpBuffers<DATAGRAMS, MESSAGES, REPLIES>> = StaticCell::new();
static SLOTS: StaticCell<SocketSlots<'static, SOCKETS, BACKLOG>> = StaticCell::new();
static SERVER: StaticCell<Server<Connection, PLACES>> = StaticCell::new();
static RECEIVER: StaticCell<Messages> = StaticCell::new();

#[cfg(not(feature = "reply"))]
type Messages = receiver::Receiver;
#[cfg(feature = "reply")]
type Messages = Responder<COUNTERS>;

#[entry]
fn main() -> ! {
    let Some(board) = Board::take() else {
        board::fail("the board is in use")
    };
    let (mut board, ethernet) = board.unwrap_or_else(|error| board::fail(error));
    let console = CONSOLE.take();
    let server = in_place(&SERVER, || Server::new(Limits::DEFAULT));
    #[cfg(not(feature = "reply"))]
    let messages = in_place(&RECEIVER, Messages::new);
    #[cfg(feature = "reply")]
    let messages = in_place(&RECEIVER, || Messages::new(responder::REPLIES_PER_SECOND));

    let config = network::config(&mut board, &ethernet);
    let Ok(mut stack) = Stack::new(ethernet, config, &[], in_place(&SLOTS, SocketSlots::new))
    else {
        board::fail("the chip's address is no address of a single host")
    };
    let setup = stack.net();
    let udp = in_place(&UDP, UdpBuffers::new);
    let (Ok(listener), Ok(binding)) = (setup.listen(TCP.take(), PORTS.0), setup.bind(udp, PORTS.1))
    else {
        board::fail("the sockets need more slots")
    };
    #[cfg(feature = "dhcp")]
    let Ok(dhcp) = setup.add(dhcp::socket()) else {
        board::fail("DHCP needs one more slot")
    };
    #[cfg(not(feature = "dhcp"))]
    {
        let Ok(()) = setup.add_address(network::address().into()) else {
            board::fail("the board's address is no address of a single host")
        };
        network::route(setup.interface(), network::gateway());
        ready(console);
    }

    loop {
        board.acknowledge(stack.device());
        let now = board.now();
        let wake = stack.poll(now, |net| {
            #[cfg(feature = "dhcp")]
            if dhcp::poll(net, dhcp, console) {
                ready(console);
            }
            let next_client = server.poll(&mut listener.on(net), now, |event| {
                use server::Event::{Abandoned, Connected, Refused};
                match event {
                    Connected { peer } => console.line(format_args!("Connection from {peer}")),
                    Refused { peer, why } => refused(console, peer, why),
                    Abandoned { peer, why } => {
                        console.line(format_args!("Abandoned by {peer}: {why}"));
                    }
                    _ => {}
                }
            });
            let next_message = messages.poll(&mut binding.on(net), now, |event| {
                use receiver::Event::{Message, Refused};
                match event {
                    Message { from, text } => {
                        console.line(format_args!("Received message: {text} from {from}"));
                    }
                    Refused { from, why } => refused(console, from, why),
                    _ => {}
                }
            });
            [next_client, next_message].into_iter().flatten().min()
        });
        // While lines wait, the loop goes on: at the serial line's speed, not at the network's.
        if console.flush(&mut board.uart) {
            board.sleep(wake);
        }
    }
}

fn ready(console: &mut Console<LINES>) {
    let (tcp, udp) = PORTS;
    console.line(format_args!("Server is listening on port {tcp}..."));
    console.line(format_args!("Receiver is listening on UDP port {udp}..."));
    console.line(format_args!("READY"));
}

fn refused(console: &mut Console<LINES>, peer: SocketAddr, why: Refusal) {
    console.line(format_args!("Refused {peer}: {why}"));
}

/// Makes a value where it stays. In `main`'s own frame, all of them would have a second place on the
/// stack, for ever.
#[inline(never)]
fn in_place<T>(cell: &'static StaticCell<T>, make: impl FnOnce() -> T) -> &'static mut T {
    cell.init_with(make)
}
