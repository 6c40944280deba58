//! The greet image without greet: the exercise by hand on smoltcp's sockets, for the size report to
//! subtract.
//!
//! It greets over TCP, shows what comes over UDP, and says the same lines, on the same board with
//! the same number of sockets and the same buffers. Nobody should copy it: it takes the first bytes
//! for the name, and has none of the care for clients that are slow, silent or gone, which is what
//! greet is for.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware::board::{self, Board, PORTS};
use firmware::console::Console;
use firmware::network::{self, DATAGRAMS, MESSAGES, NAME, PLACES, Peer, REPLY};
use greet_core::time::Instant as Moment;
use smoltcp::iface::{Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::storage::RingBuffer;
use smoltcp::time::Instant;
use static_cell::{ConstStaticCell, StaticCell};

static RECEIVED: ConstStaticCell<[[u8; NAME]; PLACES]> = ConstStaticCell::new([[0; _]; _]);
static TO_SEND: ConstStaticCell<[[u8; REPLY]; PLACES]> = ConstStaticCell::new([[0; _]; _]);
static MESSAGE_BYTES: ConstStaticCell<[u8; MESSAGES]> = ConstStaticCell::new([0; _]);
static MESSAGE_SLOTS: StaticCell<[udp::PacketMetadata; DATAGRAMS]> = StaticCell::new();
static SOCKETS: StaticCell<[SocketStorage<'static>; PLACES + 2]> = StaticCell::new();
static CONSOLE: StaticCell<Console<2048>> = StaticCell::new();

#[entry]
fn main() -> ! {
    let Some(board) = Board::take() else {
        board::fail("the board is in use")
    };
    let (mut board, mut ethernet) = board.unwrap_or_else(|error| board::fail(error));
    let console = CONSOLE.init_with(Console::new);
    let config = network::config(&mut board, &ethernet);
    let mut interface = Interface::new(config, &mut ethernet, Instant::ZERO);
    interface.update_ip_addrs(|addresses| {
        let _ = addresses.push(network::address().into());
    });
    network::route(&mut interface, network::gateway());

    let storage = SOCKETS.init_with(|| [const { SocketStorage::EMPTY }; _]);
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut connections: heapless::Vec<SocketHandle, PLACES> = heapless::Vec::new();
    for (received, to_send) in RECEIVED.take().iter_mut().zip(TO_SEND.take()) {
        let socket = tcp::Socket::new(
            RingBuffer::new(&mut received[..]),
            RingBuffer::new(&mut to_send[..]),
        );
        let _ = connections.push(sockets.add(socket));
    }
    let slots = MESSAGE_SLOTS.init_with(|| [udp::PacketMetadata::EMPTY; _]);
    let mut messages = udp::Socket::new(
        udp::PacketBuffer::new(&mut slots[..], &mut MESSAGE_BYTES.take()[..]),
        udp::PacketBuffer::new(&mut [][..], &mut [][..]),
    );
    let _ = messages.bind(PORTS.1);
    let messages = sockets.add(messages);
    let (tcp, udp) = (u32::from(PORTS.0), u32::from(PORTS.1));
    console.line(format_args!("Server is listening on port {tcp}..."));
    console.line(format_args!("Receiver is listening on UDP port {udp}..."));
    console.line(format_args!("READY"));

    loop {
        board.acknowledge(&mut ethernet);
        let now = instant(board.now());
        interface.poll(now, &mut ethernet, &mut sockets);
        for handle in &connections {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
            if !socket.is_open() {
                let _ = socket.listen(PORTS.0);
            }
            if socket.can_recv() {
                if let Some(peer) = socket.remote_endpoint() {
                    console.line(format_args!("Connection from {}", Peer(&peer.into())));
                }
                let mut name = [0; NAME];
                if let Ok(len) = socket.recv_slice(&mut name)
                    && let Ok(name) = core::str::from_utf8(&name[..len])
                {
                    let _ = socket.send_slice(b"Hello, ");
                    let _ = socket.send_slice(name.as_bytes());
                }
                socket.close();
            } else if !socket.may_recv() && socket.may_send() {
                socket.close();
            }
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(messages);
        while let Ok((bytes, from)) = socket.recv() {
            if let Ok(text) = core::str::from_utf8(bytes) {
                let from = from.endpoint.into();
                console.line(format_args!(
                    "Received message: {text} from {}",
                    Peer(&from)
                ));
            }
        }
        let now = instant(board.now());
        interface.poll(now, &mut ethernet, &mut sockets);
        let next = interface.poll_at(now, &sockets);
        if console.flush(&mut board.uart) {
            board.sleep(next.map_or(Moment::NEVER, |at| {
                Moment::from_micros(at.total_micros().unsigned_abs())
            }));
        }
    }
}

fn instant(moment: Moment) -> Instant {
    Instant::from_micros(i64::try_from(moment.as_micros()).unwrap_or(i64::MAX))
}
