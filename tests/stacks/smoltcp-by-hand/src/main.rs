//! A greet server and a responder on smoltcp's own sockets, in one loop: more of them listen than there
//! are places, as a client who finds none that listens is reset.

use std::error::Error;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Medium, TunTapInterface, wait};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr};

const SOCKETS: usize = 12;
const LIMIT: usize = 1024;
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a name must be quiet that may have come in more than one segment.
const SETTLE: Duration = Duration::from_millis(20);
const HANDSHAKE: Duration = Duration::from_secs(5);
const LINGER: Duration = Duration::from_secs(1);
/// The default MSS: less is one segment.
const SEGMENT: usize = 536;

/// What is going on in one socket.
struct Client {
    handle: SocketHandle,
    state: State,
    name: Vec<u8>,
    /// When this state began, and when the last bytes came.
    since: Instant,
    last: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Listening,
    Reading,
    /// The reply and FIN are queued; what comes is thrown away.
    Replied,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().ok_or("which interface?")?;
    let address: Ipv4Addr = arguments.next().ok_or("which address?")?.parse()?;
    let mut device = TunTapInterface::new(&interface, Medium::Ethernet)?;
    let fd = device.as_raw_fd();
    let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 4]).into());
    config.random_seed = std::process::id().into();
    let mut interface = Interface::new(config, &mut device, Instant::now());
    interface.update_ip_addrs(|all| {
        let _ = all.push(IpCidr::new(address.into(), 24)); // the first one has room
    });

    let mut sockets = SocketSet::new(Vec::new());
    let mut clients: Vec<_> = (0..SOCKETS)
        .map(|_| Client::new(sockets.add(tcp_socket())))
        .collect();
    let inbox = sockets.add(udp_socket());
    sockets.get_mut::<udp::Socket<'_>>(inbox).bind(8001)?;
    loop {
        let now = Instant::now();
        interface.poll(now, &mut device, &mut sockets);
        let mut due = now + DEADLINE;
        for client in &mut clients {
            let socket = sockets.get_mut(client.handle);
            due = due.min(client.drive(socket, now));
        }
        respond(sockets.get_mut(inbox));
        // What was queued goes out before anybody sleeps. Nothing comes in that nobody would look at.
        interface.poll_egress(now, &mut device, &mut sockets);
        let stack = interface.poll_delay(now, &sockets);
        let pause = stack.map_or(due - now, |delay| delay.min(due - now));
        wait(fd, Some(pause))?;
    }
}

fn tcp_socket() -> tcp::Socket<'static> {
    let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
    // Linux sends segments of up to half the window: with less room it cuts a name below 536 bytes.
    let mut socket = tcp::Socket::new(buffer(2 * LIMIT), buffer(7 + LIMIT));
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}

fn udp_socket() -> udp::Socket<'static> {
    let buffer =
        |slots, len| udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; slots], vec![0; len]);
    udp::Socket::new(buffer(64, 16_384), buffer(32, 16_384))
}

impl Client {
    fn new(handle: SocketHandle) -> Self {
        Self {
            handle,
            state: State::Listening,
            name: Vec::new(),
            since: Instant::ZERO,
            last: Instant::ZERO,
        }
    }

    /// Does what can be done, and returns when to come back.
    fn drive(&mut self, socket: &mut tcp::Socket<'_>, now: Instant) -> Instant {
        if self.state == State::Listening {
            if !socket.is_open() {
                // A handshake that nobody completes gives its socket back.
                socket.set_timeout(Some(HANDSHAKE));
                socket.listen(8000).expect("it isn't open");
            }
            if !socket.may_send() {
                return now + DEADLINE;
            }
            // So does a client who has vanished.
            socket.set_timeout(Some(DEADLINE + LINGER));
            *self = Self {
                state: State::Reading,
                since: now,
                last: now,
                ..Self::new(self.handle)
            };
        }
        if self.state == State::Reading {
            let read = socket.recv(|bytes| (bytes.len(), bytes.to_vec()));
            if let Ok(bytes) = read
                && !bytes.is_empty()
            {
                self.name.extend(bytes);
                self.last = now;
            }
            let reply = match self.whole(socket, now) {
                Ok(()) => reply(&self.name, "name"),
                Err(at) if now < self.since + DEADLINE => return at.min(self.since + DEADLINE),
                Err(_) => format!("Error: no name within {} s\n", DEADLINE.secs()).into(),
            };
            // All of it, as the buffer is empty; or the client is gone, which is seen below.
            let _ = socket.send_slice(&reply);
            socket.close();
            (self.state, self.since) = (State::Replied, now);
        }
        let _ = socket.recv(|bytes| (bytes.len(), ()));
        // In TIME-WAIT it can listen again.
        let patience = if socket.send_queue() > 0 {
            DEADLINE
        } else {
            LINGER
        };
        if !socket.is_open() {
            self.state = State::Listening;
        } else if now >= self.since + patience {
            socket.abort(); // it listens again once RST has left
            self.state = State::Listening;
        }
        if self.state == State::Listening {
            now
        } else {
            self.since + patience
        }
    }

    /// Whether the name is complete; if not, when it will be if nothing more comes.
    fn whole(&self, socket: &tcp::Socket<'_>, now: Instant) -> Result<(), Instant> {
        let is_cut = std::str::from_utf8(&self.name).is_err_and(|e| e.error_len().is_none());
        let quiet = self.last + SETTLE;
        match self.name.len() {
            _ if !socket.may_recv() => Ok(()),
            len if len > LIMIT => Ok(()),
            0 => Err(now + DEADLINE),
            _ if is_cut => Err(now + DEADLINE),
            SEGMENT.. if now < quiet => Err(quiet),
            _ => Ok(()),
        }
    }
}

fn respond(socket: &mut udp::Socket<'_>) {
    let mut message = [0; 8192];
    while socket.can_recv() && socket.can_send() {
        let Ok((len, from)) = socket.recv_slice(&mut message) else {
            continue; // longer than any that comes here
        };
        let message = &message[..len];
        let is_answer = message.starts_with(b"Hello, ") || message.starts_with(b"Error: ");
        let reply = reply(message, "message");
        // An answer to an answer would go on for ever.
        if from.endpoint.port != 0 && !(is_answer && reply.starts_with(b"Hello, ")) {
            let _ = socket.send_slice(&reply, from); // without room it is lost, as UDP may
        }
    }
}

fn reply(text: &[u8], what: &str) -> Vec<u8> {
    match std::str::from_utf8(text) {
        _ if text.len() > LIMIT => format!("Error: {what} is longer than {LIMIT} bytes\n").into(),
        Err(error) => format!(
            "Error: {what} is not UTF-8 at byte {}\n",
            error.valid_up_to()
        )
        .into(),
        Ok(text) => format!("Hello, {text}").into(),
    }
}
