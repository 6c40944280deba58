//! Plain smoltcp applications that the tests run: a flood of numbered datagrams, and one TCP
//! exchange. Nothing here is judged.

use core::time::Duration;
use std::cell::{Cell, RefCell};

use smoltcp::socket::{tcp, udp};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};
use smoltcp_sim::{Counters, Host, HostId, Link, LinkId, Network, Stack};

pub(crate) const SENDER: [u8; 4] = [10, 0, 0, 1];
pub(crate) const RECEIVER: [u8; 4] = [10, 0, 0, 2];
const PORT: u16 = 9;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A moment so many milliseconds after the start.
pub(crate) fn at(millis: u64) -> Instant {
    Instant::ZERO + ms(millis).into()
}

pub(crate) fn cidr([a, b, c, d]: [u8; 4]) -> IpCidr {
    IpCidr::new(IpAddress::v4(a, b, c, d), 24)
}

pub(crate) fn address([a, b, c, d]: [u8; 4]) -> IpAddress {
    IpAddress::v4(a, b, c, d)
}

/// An application, as a closure.
pub(crate) type Polled<'a> = Box<dyn FnMut(&mut Stack, Instant) -> Option<Instant> + 'a>;

/// What came, and when by the receiver's clock.
pub(crate) type Heard = RefCell<Vec<(Instant, Vec<u8>)>>;

/// Two hosts and a link, and no application yet.
pub(crate) fn pair(network: &mut Network<'_>, link: Link) -> (HostId, HostId, LinkId) {
    let sender = network.add(Host::new("sender", cidr(SENDER))).unwrap();
    let receiver = network.add(Host::new("receiver", cidr(RECEIVER))).unwrap();
    let link = network.link(sender, receiver, link).unwrap();
    (sender, receiver, link)
}

/// Sends `count` datagrams of `len` bytes, one each `every`, that start with their number.
pub(crate) fn flood(
    count: u32,
    len: usize,
    every: Duration,
) -> impl FnMut(&mut Stack) -> Polled<'static> {
    move |stack| {
        let handle = stack.sockets.add(udp_socket());
        stack
            .sockets
            .get_mut::<udp::Socket<'_>>(handle)
            .bind(7)
            .unwrap();
        let mut sent = 0;
        Box::new(move |stack, now| {
            let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
            while sent < count && now >= Instant::ZERO + (every * sent).into() && socket.can_send()
            {
                let mut datagram = vec![0x55; len];
                datagram[..4].copy_from_slice(&sent.to_be_bytes());
                socket
                    .send_slice(&datagram, (address(RECEIVER), PORT))
                    .unwrap();
                sent += 1;
            }
            (sent < count).then(|| Instant::ZERO + (every * sent).into())
        })
    }
}

/// Notes every datagram that comes.
pub(crate) fn note<'a>(heard: &'a Heard) -> impl FnMut(&mut Stack) -> Polled<'a> {
    move |stack| {
        let handle = stack.sockets.add(udp_socket());
        stack
            .sockets
            .get_mut::<udp::Socket<'_>>(handle)
            .bind(PORT)
            .unwrap();
        Box::new(move |stack, now| {
            let socket = stack.sockets.get_mut::<udp::Socket<'_>>(handle);
            while let Ok((datagram, _)) = socket.recv() {
                heard.borrow_mut().push((now, datagram.to_vec()));
            }
            None
        })
    }
}

/// The numbers of the datagrams that came.
pub(crate) fn numbers(heard: &Heard) -> Vec<u32> {
    heard
        .borrow()
        .iter()
        .map(|(_, datagram)| u32::from_be_bytes(datagram[..4].try_into().unwrap()))
        .collect()
}

/// Runs a flood of datagrams of 100 bytes, one each millisecond, over one link.
pub(crate) fn flooded(seed: u64, count: u32, link: Link) -> (Counters, Heard) {
    let heard = Heard::default();
    let mut network = Network::new(seed);
    let (sender, receiver, _) = pair(&mut network, link);
    network.boot(sender, flood(count, 100, ms(1)));
    network.boot(receiver, note(&heard));
    network.run_for(Duration::from_mins(1) + ms(u64::from(count)));
    let counters = network.counters();
    drop(network);
    (counters, heard)
}

/// Sends `request` over TCP and waits for it to come back, then closes; and again, if it was lost.
pub(crate) fn ask<'a>(
    request: &'static [u8],
    done: &'a Cell<u32>,
) -> impl FnMut(&mut Stack) -> Polled<'a> {
    move |stack| {
        let handle = stack.sockets.add(tcp_socket());
        let Stack {
            interface, sockets, ..
        } = stack;
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket
            .connect(interface.context(), (address(RECEIVER), PORT), 49_152)
            .unwrap();
        let mut sent = false;
        let mut reply = Vec::new();
        Box::new(move |stack, _| {
            let socket = stack.sockets.get_mut::<tcp::Socket<'_>>(handle);
            if socket.can_send() && !sent {
                socket.send_slice(request).unwrap();
                sent = true;
            }
            while socket.can_recv() {
                reply.extend(socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap());
            }
            if reply.len() == request.len() {
                assert_eq!(reply, request);
                reply.clear();
                socket.close();
                done.set(done.get() + 1);
            }
            None
        })
    }
}

/// Sends back what comes over TCP, and closes when the other side does.
pub(crate) fn echo(
    stack: &mut Stack,
) -> impl FnMut(&mut Stack, Instant) -> Option<Instant> + use<> {
    let handle = stack.sockets.add(tcp_socket());
    move |stack, _| {
        let socket = stack.sockets.get_mut::<tcp::Socket<'_>>(handle);
        if !socket.is_open() {
            socket.listen(PORT).unwrap();
        }
        while socket.can_recv() && socket.can_send() {
            let bytes = socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap();
            assert_eq!(socket.send_slice(&bytes), Ok(bytes.len()));
        }
        if !socket.may_recv() && socket.may_send() {
            socket.close();
        }
        None
    }
}

pub(crate) fn udp_socket() -> udp::Socket<'static> {
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 256], vec![0; 65_536]);
    udp::Socket::new(buffer(), buffer())
}

fn tcp_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; 2048]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_ack_delay(None);
    socket
}
