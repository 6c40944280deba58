//! What a program reserves, in bytes: `cargo run -p greet-smoltcp --example sizes`
//!
//! Sizes are those of the machine that this runs on. On a 32-bit microcontroller pointers, and what
//! is made of them, take half as much.

use std::mem::size_of;

use greet_core::client::Client;
use greet_core::receiver::Receiver;
use greet_core::request::Request;
use greet_core::server::Server;
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use greet_smoltcp::stream::Connection;

type Device = Loopback<4, 1514>;

fn main() {
    println!("| what | bytes |\n|---|---:|");
    let row = |what: &str, bytes: usize| println!("| {what} | {bytes} |");
    let (none, one) = (
        size_of::<SocketSlots<'_, 0, 0>>(),
        size_of::<SocketSlots<'_, 1, 0>>(),
    );
    row("a socket of any kind, in `SocketSlots`", one - none);
    row(
        "a client in its backlog",
        size_of::<SocketSlots<'_, 0, 1>>() - none,
    );
    row(
        "a pair of buffers, `TcpBuffers<1, 1025, 1031>`",
        size_of::<TcpBuffers<1, 1025, 1031>>(),
    );
    row(
        "`UdpBuffers<4, 1500, 1500>`",
        size_of::<UdpBuffers<4, 1500, 1500>>(),
    );
    row(
        "`Stack`, without its device",
        size_of::<Stack<'_, Device>>() - size_of::<Device>(),
    );
    row("the device `Loopback<4, 1514>`", size_of::<Device>());
    let (one, two) = (
        size_of::<Server<Connection, 1>>(),
        size_of::<Server<Connection, 2>>(),
    );
    row("core's `Server`, for each place", two - one);
    row("core's `Server`, besides", one - (two - one));
    row("core's `Client`", size_of::<Client<Request<'_>>>());
    row("core's `Receiver`", size_of::<Receiver>());
}
