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
#[cfg(feature = "reply")]
use firmware::network::SOURCES;
use firmware::network::{self, BACKLOG, DATAGRAMS, MESSAGES, NAME, PLACES, Peer, REPLIES, REPLY};
use greet_core::error::Refusal;
use greet_core::exchange::Outcome;
use greet_core::limits::Limits;
use greet_core::receiver;
#[cfg(feature = "reply")]
use greet_core::responder::{self, Responder};
use greet_core::server::{self, Server};
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;
use static_cell::ConstStaticCell;

#[cfg(feature = "dhcp")]
mod dhcp;
#[cfg(feature = "lines")]
mod lines;

/// All TCP connections, UDP, and DHCP.
const SOCKETS: usize = PLACES + 2 + if cfg!(feature = "lines") { PLACES } else { 0 };
/// How many bytes of lines may wait for the serial line.
const LINES: usize = 2048;

/// All zeros at first, so it takes no flash.
struct Memory {
    slots: SocketSlots<'static, SOCKETS, BACKLOG>,
    tcp: TcpBuffers<PLACES, NAME, REPLY>,
    udp: UdpBuffers<DATAGRAMS, MESSAGES, REPLIES>,
    server: Server<Connection, PLACES>,
    messages: Messages,
    #[cfg(feature = "lines")]
    lines: lines::Memory,
    console: Console<LINES>,
}

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory {
    slots: SocketSlots::new(),
    tcp: TcpBuffers::new(),
    udp: UdpBuffers::new(),
    server: Server::new(Limits::DEFAULT),
    #[cfg(not(feature = "reply"))]
    messages: Messages::new(),
    #[cfg(feature = "reply")]
    messages: Messages::new(responder::REPLIES_PER_SECOND),
    #[cfg(feature = "lines")]
    lines: lines::Memory::new(),
    console: Console::new(),
});

#[cfg(not(feature = "reply"))]
type Messages = receiver::Receiver;
#[cfg(feature = "reply")]
type Messages = Responder<SOURCES>;

#[entry]
fn main() -> ! {
    let Some(board) = Board::take() else {
        board::fail("the board is in use")
    };
    let (mut board, ethernet) = board.unwrap_or_else(|error| board::fail(error));
    let Memory {
        slots,
        tcp,
        udp,
        server,
        messages,
        #[cfg(feature = "lines")]
        lines,
        console,
    } = MEMORY.take();

    let config = network::config(&mut board, &ethernet);
    let Ok(mut stack) = Stack::new(ethernet, config, &[], slots) else {
        board::fail("the chip's address is no address of a single host")
    };
    let setup = stack.net();
    #[cfg(not(feature = "dhcp"))]
    {
        let Ok(()) = setup.add_address(network::address().into()) else {
            board::fail("the board's address is no address of a single host")
        };
        network::route(setup.interface(), network::gateway());
    }
    let (Ok(listener), Ok(binding)) = (setup.listen(tcp, PORTS.0), setup.bind(udp, PORTS.1)) else {
        board::fail("the sockets need more slots")
    };
    #[cfg(feature = "lines")]
    let Some(mut lines) = lines.listen(setup) else {
        board::fail("lines mode needs more slots")
    };
    #[cfg(feature = "dhcp")]
    let Ok(dhcp) = setup.add(dhcp::socket()) else {
        board::fail("DHCP needs one more slot")
    };
    #[cfg(not(feature = "dhcp"))]
    ready(console);

    loop {
        board.acknowledge(stack.device());
        let now = board.now();
        let wake = stack.poll(now, |net| {
            #[cfg(feature = "dhcp")]
            if dhcp::poll(net, dhcp, console) {
                ready(console);
            }
            let next_client = server.poll(&mut listener.on(net), now, |event| {
                use server::Event::{Connected, Ended};
                match event {
                    Connected { peer } => {
                        console.line(format_args!("Connection from {}", Peer(peer)));
                    }
                    Ended { peer, outcome, .. } => match outcome {
                        Outcome::Greeted => {}
                        Outcome::Refused(why) => refused(console, peer, why),
                        Outcome::Abandoned(why) => {
                            console.line(format_args!("Abandoned by {}: {why}", Peer(peer)));
                        }
                    },
                    _ => {}
                }
            });
            let next_message = messages.poll(&mut binding.on(net), now, |event| {
                use receiver::Event::{Message, Refused};
                match event {
                    Message { from, text } => {
                        console.line(format_args!(
                            "Received message: {text} from {}",
                            Peer(&from)
                        ));
                    }
                    Refused { from, why } => refused(console, &from, why),
                    _ => {}
                }
            });
            #[cfg(feature = "lines")]
            let next_client = lines.poll(net, now, console).min(next_client);
            next_client.min(next_message)
        });
        // While lines wait, the loop goes on: at the serial line's speed, not at the network's.
        if console.flush(&mut board.uart) {
            board.sleep(wake);
        }
    }
}

fn ready(console: &mut Console<LINES>) {
    let (tcp, udp) = (u32::from(PORTS.0), u32::from(PORTS.1));
    console.line(format_args!("Server is listening on port {tcp}..."));
    console.line(format_args!("Receiver is listening on UDP port {udp}..."));
    #[cfg(feature = "lines")]
    {
        let port = u32::from(board::LINES_PORT);
        console.line(format_args!("Lines server is listening on port {port}..."));
    }
    console.line(format_args!("READY"));
}

#[inline(never)]
fn refused(console: &mut Console<LINES>, peer: &SocketAddr, why: Refusal) {
    console.line(format_args!("Refused {}: {why}", Peer(peer)));
}
