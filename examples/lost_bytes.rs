//! Finds a bug that no test without losses finds, in a smoltcp application that knows no greeting.
//!
//! The application is an echo server for one client at a time. It closes when the client has said all,
//! and resets whoever hasn't fetched the rest half a second later. Over a good network it passes every
//! test. Here it is run over links that lose a tenth of all packets, a seed after the other, until bytes
//! are missing. The ladder diagram shows why; a file for Wireshark is written where an argument says.
//!
//! `cargo run --example lost_bytes [FILE.pcapng]`

use std::cell::RefCell;
use std::error::Error;
use std::fs::File;
use std::time::Duration;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};
use smoltcp_sim::{Host, Ladder, Link, Network, Probability, Stack, Tap};

/// The bug: a segment that is lost is repeated after a second.
const GRACE: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(500);

/// The application under test.
struct Echo {
    handle: SocketHandle,
    closes: Option<Instant>,
}

impl Echo {
    fn new(sockets: &mut SocketSet<'_>) -> Self {
        Self {
            handle: sockets.add(socket()),
            closes: None,
        }
    }

    /// Returns when to be polled again at the latest.
    fn poll(&mut self, sockets: &mut SocketSet<'_>, now: Instant) -> Option<Instant> {
        let socket = sockets.get_mut::<Socket<'_>>(self.handle);
        if !socket.is_open() {
            self.closes = None;
            socket.listen(7).expect("port 7 is one");
        }
        while socket.can_recv() && socket.can_send() {
            let mut chunk = [0; 512];
            let room = socket.send_capacity() - socket.send_queue();
            let room = room.min(chunk.len());
            let came = socket.recv_slice(&mut chunk[..room]).expect("it can");
            socket.send_slice(&chunk[..came]).expect("it can");
        }
        if !socket.may_recv() && socket.may_send() {
            socket.close();
            self.closes = Some(now + GRACE);
        }
        if self.closes.is_some_and(|at| at <= now) {
            socket.abort();
        }
        self.closes
    }
}

/// One client on a lossy link. Returns what came back, and the network with its trace.
fn exchange(seed: u64, sent: &[u8]) -> Result<(Vec<u8>, Network<'_>), Box<dyn Error>> {
    let address = IpAddress::v4(10, 0, 0, 1);
    let mut network = Network::new(seed);
    network.record();
    let server = network.add(Host::new("server", IpCidr::new(address, 24)))?;
    let client = network.add(Host::new("client", "10.0.0.2/24".parse().expect("a CIDR")))?;
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(10));
    network.link(server, client, link)?;

    network.boot(server, |stack: &mut Stack| {
        let mut echo = Echo::new(&mut stack.sockets);
        move |stack: &mut Stack, now: Instant| echo.poll(&mut stack.sockets, now)
    });
    let came = std::rc::Rc::new(RefCell::new((Vec::new(), false)));
    let coming = came.clone();
    network.boot(client, move |stack: &mut Stack| {
        let handle = stack.sockets.add(socket());
        let context = stack.interface.context();
        let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
        let connecting = socket.connect(context, (address, 7), 50_000);
        connecting.expect("the socket is new");
        let (coming, mut left) = (coming.clone(), sent);
        move |stack: &mut Stack, _now: Instant| {
            let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
            while socket.can_send() && !left.is_empty() {
                let n = socket.send_slice(left).expect("it can");
                left = &left[n..];
                if left.is_empty() {
                    socket.close();
                }
            }
            let (bytes, ended) = &mut *coming.borrow_mut();
            while socket.can_recv() {
                let more = socket.recv(|piece| (piece.len(), piece.to_vec()));
                bytes.extend(more.expect("it can"));
            }
            *ended = left.is_empty() && !socket.may_recv();
            None
        }
    });
    network.run_while(Duration::from_mins(2), || !came.borrow().1);
    let bytes = came.borrow().0.clone();
    Ok((bytes, network))
}

fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; 2048]);
    Socket::new(buffer(), buffer())
}

fn main() -> Result<(), Box<dyn Error>> {
    let sent: Vec<u8> = (b'a'..=b'z').cycle().take(3000).collect();
    for seed in 0.. {
        let (came, network) = exchange(seed, &sent)?;
        if came == sent {
            continue;
        }
        println!(
            "seed {seed}: {} of {} bytes came back",
            came.len(),
            sent.len()
        );
        let trace = network.trace().ok_or("it was recorded")?;
        for flow in trace.flows() {
            print!("{}", Ladder::new(trace, &flow));
        }
        if let Some(file) = std::env::args().nth(1) {
            trace.write_pcapng(Tap::Senders, &mut File::create(file)?)?;
        }
        break;
    }
    Ok(())
}
