//! A greet server on smoltcp's own sockets, as many as it has places: without the adapter, and without a backlog.

use greet_wire::smoltcp::iface::SocketHandle;
use greet_wire::smoltcp::socket::tcp::{Socket, SocketBuffer};
use greet_wire::smoltcp::time::{Duration, Instant};
use greet_wire::smoltcp_sim::{HostId, Network, Stack};

/// As many as the server with the adapter has.
const PLACES: usize = 8;
/// A reply has seven bytes more than its name.
const NAME: usize = 1025;
const REPLY: usize = 1031;
const DEADLINE: Duration = Duration::from_secs(10);
const HANDSHAKE: Duration = Duration::from_secs(5);
const LINGER: Duration = Duration::from_secs(1);
/// How long a name must be quiet that may have come in more than one segment.
const SETTLE: Duration = Duration::from_millis(20);
/// The default MSS: less is one segment.
const SEGMENT: usize = 536;

pub fn serve(network: &mut Network<'static>, board: HostId) {
    network.boot(board, |stack: &mut Stack| {
        let mut places: Vec<_> = (0..PLACES).map(|_| Place::new(stack)).collect();
        move |stack: &mut Stack, now: Instant| {
            let due = places.iter_mut().map(|place| {
                let socket = stack.sockets.get_mut(place.socket);
                place.drive(socket, now)
            });
            due.min()
        }
    });
}

enum State {
    Listening,
    Reading { since: Instant, last: Instant },
    Replied { since: Instant },
}

struct Place {
    socket: SocketHandle,
    state: State,
    name: Vec<u8>,
}

impl Place {
    fn new(stack: &mut Stack) -> Self {
        let buffer = |len| SocketBuffer::new(vec![0; len]);
        let mut socket = Socket::new(buffer(NAME), buffer(REPLY));
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        Self {
            socket: stack.sockets.add(socket),
            state: State::Listening,
            name: Vec::new(),
        }
    }

    /// Does what can be done, and says when to come back.
    fn drive(&mut self, socket: &mut Socket<'_>, now: Instant) -> Instant {
        if matches!(self.state, State::Listening) {
            if !socket.is_open() {
                socket.set_timeout(Some(HANDSHAKE));
                socket.listen(8000).expect("it is closed");
            }
            if !socket.may_send() {
                return now + DEADLINE;
            }
            socket.set_timeout(Some(DEADLINE + LINGER));
            self.name.clear();
            self.state = State::Reading {
                since: now,
                last: now,
            };
        }
        if let State::Reading { since, last } = &mut self.state {
            let name = &mut self.name;
            let read = socket.recv(|bytes| {
                name.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            });
            if read.is_ok_and(|len| len > 0) {
                *last = now;
            }
            let deadline = *since + DEADLINE;
            let due = if socket.may_recv() {
                whole_at(&self.name, *last).unwrap_or(deadline)
            } else {
                now
            };
            if now < due.min(deadline) {
                return due.min(deadline);
            }
            let is_late = due > now;
            // All of it, as the buffer is empty; or the client is gone, which is seen below.
            let _ = socket.send_slice(&reply(&self.name, is_late));
            socket.close();
            self.state = State::Replied { since: now };
        }
        let _ = socket.recv(|bytes| (bytes.len(), ()));
        let State::Replied { since } = self.state else {
            return now;
        };
        let patience = if socket.send_queue() > 0 {
            DEADLINE
        } else {
            LINGER
        };
        if socket.is_open() && now < since + patience {
            return since + patience;
        }
        if socket.is_open() {
            socket.abort(); // it listens again once RST has left
        }
        self.state = State::Listening;
        now
    }
}

/// When a name is complete if nothing more comes; `None`: it can't be.
fn whole_at(name: &[u8], last: Instant) -> Option<Instant> {
    let is_cut = std::str::from_utf8(name).is_err_and(|error| error.error_len().is_none());
    match name.len() {
        NAME.. => Some(last),
        0 => None,
        _ if is_cut => None,
        SEGMENT.. => Some(last + SETTLE),
        _ => Some(last),
    }
}

fn reply(name: &[u8], is_late: bool) -> Vec<u8> {
    match std::str::from_utf8(name) {
        _ if is_late => "Error: no name within 10 s\n".into(),
        _ if name.len() >= NAME => "Error: name is longer than 1024 bytes\n".into(),
        Err(error) => format!("Error: name is not UTF-8 at byte {}\n", error.valid_up_to()).into(),
        Ok(name) => format!("Hello, {name}").into(),
    }
}
