//! A greet server and a responder on smoltcp with this project's adapter, as on a board.

use std::error::Error;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::time;

use greet_core::limits::{Limits, TCP_PORT, UDP_PORT};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use smoltcp::iface::Config;
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::wire::{EthernetAddress, IpCidr};

const PLACES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().ok_or("which interface?")?;
    let address: Ipv4Addr = arguments.next().ok_or("which address?")?.parse()?;
    let device = TunTapInterface::new(&interface, Medium::Ethernet)?;
    let fd = device.as_raw_fd();

    let mut slots = SocketSlots::<{ PLACES + 1 }, 8>::new();
    let mut places = TcpBuffers::<PLACES, 1025, 1031>::new();
    let mut messages = UdpBuffers::<64, 12_288, 4096>::new();
    let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 3]).into());
    config.random_seed = std::process::id().into();
    let address = IpCidr::new(address.into(), 24);
    let mut stack = Stack::new(device, config, &[address], &mut slots)?;
    let listener = stack.net().listen(&mut places, TCP_PORT)?;
    let inbox = stack.net().bind(&mut messages, UDP_PORT)?;
    let mut server = Server::<_, PLACES>::new(Limits::DEFAULT);
    let mut responder = Responder::<32>::new(REPLIES_PER_SECOND);

    let start = time::Instant::now();
    loop {
        let now = Instant::at(start.elapsed());
        let next = stack.poll(now, |net| {
            let a = server.poll(&mut listener.on(net), now, |_| ());
            let b = responder.poll(&mut inbox.on(net), now, |_| ());
            a.min(b)
        });
        let pause = next.wait(Instant::at(start.elapsed()));
        wait(fd, pause.map(Into::into))?;
    }
}
