//! The greet image without greet: smoltcp's sockets by hand, for the size report to subtract.
//!
//! It echoes what comes over TCP and shows what comes over UDP, on the same board with the same
//! number of sockets and the same buffers. Nobody should copy it: it has none of the care for
//! clients that are slow, silent or gone, which is what greet is for.

#![no_std]
#![no_main]

use core::net::SocketAddr;

use cortex_m_rt::entry;
use firmware::board::{self, Board};
use firmware::console::Console;
use firmware::network::{self, PLACES, TCP_BUFFER, UDP_BYTES, UDP_SLOTS};
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{tcp, udp};
use smoltcp::storage::{PacketMetadata, RingBuffer};

#[entry]
fn main() -> ! {
    let Some(Ok(mut board)) = Board::take() else {
        board::fail("no network chip")
    };
    let mut console = Console::<1024>::new();
    let mut network = network::start(&mut board);

    let mut received = [[0; TCP_BUFFER]; PLACES];
    let mut to_send = [[0; TCP_BUFFER]; PLACES];
    let mut datagrams = [0; UDP_BYTES];
    let mut slots = [PacketMetadata::EMPTY; UDP_SLOTS];
    let mut replies = [0; 0];
    let mut no_slots = [PacketMetadata::EMPTY; 0];

    let mut storage = [const { SocketStorage::EMPTY }; PLACES + 2];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let mut tcp: heapless::Vec<SocketHandle, PLACES> = heapless::Vec::new();
    for (received, to_send) in received.iter_mut().zip(&mut to_send) {
        let socket = tcp::Socket::new(
            RingBuffer::new(&mut received[..]),
            RingBuffer::new(&mut to_send[..]),
        );
        let _ = tcp.push(sockets.add(socket));
    }
    let mut socket = udp::Socket::new(
        udp::PacketBuffer::new(&mut slots[..], &mut datagrams[..]),
        udp::PacketBuffer::new(&mut no_slots[..], &mut replies[..]),
    );
    let _ = socket.bind(8001);
    let udp = sockets.add(socket);
    console.line(format_args!("READY"));

    loop {
        board.acknowledge();
        let now = network::instant(board.now());
        network
            .interface
            .poll(now, &mut board.ethernet, &mut sockets);
        for handle in &tcp {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(*handle);
            if !socket.is_open() {
                let _ = socket.listen(8000);
            }
            if socket.can_recv() {
                let mut bytes = [0; 64];
                if let Ok(len) = socket.recv_slice(&mut bytes) {
                    let _ = socket.send_slice(&bytes[..len]);
                }
                if let Some(peer) = socket.remote_endpoint() {
                    let peer = SocketAddr::from(peer);
                    console.line(format_args!("Connection from {peer}"));
                }
                socket.close();
            }
        }
        let socket = sockets.get_mut::<udp::Socket<'_>>(udp);
        while let Ok((bytes, from)) = socket.recv() {
            let from = SocketAddr::from(from.endpoint);
            if let Ok(text) = core::str::from_utf8(bytes) {
                console.line(format_args!("Received message: {text} from {from}"));
            }
        }
        let now = network::instant(board.now());
        network
            .interface
            .poll(now, &mut board.ethernet, &mut sockets);
        let next = network.interface.poll_at(now, &sockets);
        if console.flush(&mut board.uart) {
            board.sleep(next.map(network::since_start));
        }
    }
}
