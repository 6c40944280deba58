//! Both servers and both clients of the exercise in one thread, on smoltcp, with no operating
//! system below: over a loopback device, without a heap.
//!
//! `cargo run --example smoltcp_loopback`

use std::error::Error;
use std::net::SocketAddr;
use std::task::Poll;
use std::time;

use greet_core::client::Client;
use greet_core::limits::{Limits, TCP_PORT, UDP_PORT};
use greet_core::receiver::{self, Receiver};
use greet_core::request::Request;
use greet_core::server::{self, Server};
use greet_core::text::{Text, shown};
use greet_core::time::Instant;
use greet_core::transport::{Datagrams, Local};
use greet_smoltcp::loopback::Loopback;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers, UdpBuffers};
use smoltcp::iface::Config;
use smoltcp::phy::Medium;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

fn main() -> Result<(), Box<dyn Error>> {
    // All memory. On a board, these are statics.
    let mut slots = SocketSlots::<7, 8>::new(); // 4 + 1 sockets for TCP, 2 for UDP
    let mut places = TcpBuffers::<4, 1025, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let mut incoming_messages = UdpBuffers::<4, 1500, 0>::new();
    let mut outgoing_messages = UdpBuffers::<4, 0, 1500>::new();

    // The stack: a device, an address, and sockets.
    let address = IpAddress::v4(127, 0, 0, 1);
    let device = Loopback::<4, 1500>::new(Medium::Ip);
    let config = Config::new(HardwareAddress::Ip);
    let mut stack = Stack::new(device, config, &[IpCidr::new(address, 8)], &mut slots)?;
    let net = stack.net();
    let listener = net.listen(&mut places, TCP_PORT)?;
    let inbox = net.bind(&mut incoming_messages, UDP_PORT)?;
    let outbox = net.bind(&mut outgoing_messages, 0)?; // any port
    net.add_clients(&mut outgoing)?;

    // 1 and 2: the TCP server and the UDP receiver.
    let mut server = Server::<_, 4>::new(Limits::DEFAULT);
    let mut receiver = Receiver::new();
    println!("Server is listening on port {TCP_PORT}...");

    // 3: the TCP client.
    let start = time::Instant::now();
    let connection = net.connect(SocketAddr::new(address.into(), TCP_PORT))?;
    let request = Request::new(Text::new("World")?, Instant::START + Request::TIMEOUT);
    let mut client = Client::new(request);

    // 4: the UDP client.
    let to = SocketAddr::new(address.into(), UDP_PORT);
    match outbox.on(net).send_to(b"Hello, UDP!", to, Local::default()) {
        Poll::Ready(sent) => sent?,
        Poll::Pending => return Err("no room for a message".into()),
    }

    let mut delivered = false;
    loop {
        let now = Instant::at(start.elapsed());
        // Everything happens in here, until nothing moves.
        let due = stack.poll(now, |net| {
            let a = server.poll(&mut listener.on(net), now, |event| {
                if let server::Event::Connected { peer } = event {
                    println!("Connection from {peer}");
                }
            });
            let b = receiver.poll(&mut inbox.on(net), now, |event| {
                if let receiver::Event::Message { from, text } = event {
                    println!("Received message: {text} from {from}");
                    delivered = true;
                }
            });
            let _ = client.poll(&mut connection.on(net), now);
            a.min(b).min(client.due())
        });
        if let (Some(answer), true) = (client.machine().answer(), delivered) {
            answer?;
            let reply = String::from_utf8_lossy(client.machine().reply());
            println!("Received: {}", shown(&reply));
            connection.release(stack.net());
            return Ok(());
        }
        // A real device would wake us up; on a loopback, only time is left to wait for.
        let pause = due.wait(Instant::at(start.elapsed()));
        std::thread::sleep(pause.ok_or("nothing is left to wait for")?);
    }
}
