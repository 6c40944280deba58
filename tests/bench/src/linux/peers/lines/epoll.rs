//! The yardstick for lines: one thread, edge-triggered epoll, a buffer for each connection, memchr, and
//! one send for all lines that one receive brought.

use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};

use super::{LINE, ROOM, announce, answer, listen};

const LISTENER: u64 = u64::MAX;

#[derive(Default)]
struct Connections {
    open: Vec<Option<Connection>>,
    free: Vec<usize>,
}

struct Connection {
    socket: OwnedFd,
    /// The beginning of a line.
    rest: Vec<u8>,
    /// Replies that the socket had no room for. Nothing is received before they have left.
    unsent: Vec<u8>,
}

pub(super) fn serve() -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    sockopt::set_tcp_nodelay(&listener, true)?; // inherited
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let flags = EventFlags::IN | EventFlags::ET;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), flags)?;
    announce(listener.local_addr()?)?;

    let mut connections = Connections::default();
    let (mut input, mut out) = (vec![0; ROOM], Vec::with_capacity(8 * ROOM));
    let mut events = Vec::<Event>::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            if event.data.u64() == LISTENER {
                accept_all(&listener, &epoll, &mut connections)?;
                continue;
            }
            let index = usize::try_from(event.data.u64())?;
            if let Some(connection) = &mut connections.open[index] {
                let flags = event.flags;
                let hangs_up = flags.contains(EventFlags::RDHUP);
                if connection.go_on(&mut input, &mut out, hangs_up).is_err() {
                    connections.open[index] = None;
                    connections.free.push(index);
                }
            }
        }
    }
}

fn accept_all(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Connections,
) -> anyhow::Result<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    loop {
        match accept_with(listener, flags) {
            Ok(socket) => {
                let index = connections.free.pop().unwrap_or(connections.open.len());
                if index == connections.open.len() {
                    connections.open.push(None);
                }
                let watched = EventData::new_u64(index as u64);
                epoll::add(epoll, socket.as_fd(), watched, interest)?;
                connections.open[index] = Some(Connection {
                    socket,
                    rest: Vec::new(),
                    unsent: Vec::new(),
                });
            }
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

impl Connection {
    /// Answers until nothing more has come, or there is no room for answers. An error: it has ended.
    fn go_on(&mut self, input: &mut [u8], out: &mut Vec<u8>, hangs_up: bool) -> Result<(), Errno> {
        loop {
            if !self.unsent.is_empty() {
                let sent = self.send(&self.unsent)?;
                self.unsent.drain(..sent);
                if !self.unsent.is_empty() {
                    return Ok(());
                }
            }
            let begun = self.rest.len();
            input[..begun].copy_from_slice(&self.rest);
            self.rest.clear();
            let came = match recv(&self.socket, &mut input[begun..], RecvFlags::empty()) {
                Ok((0, _)) => return Err(Errno::PIPE),
                Ok((len, _)) => len,
                Err(Errno::AGAIN) => 0,
                Err(error) => return Err(error),
            };
            let all = &input[..begun + came];
            out.clear();
            let answered = answer(all, out);
            self.rest.extend_from_slice(&all[answered..]);
            if self.rest.len() > LINE {
                return Err(Errno::MSGSIZE);
            }
            let sent = self.send(out)?;
            self.unsent.extend_from_slice(&out[sent..]);
            // What doesn't fill the room has emptied the socket (epoll(7)).
            if came == 0 || begun + came < input.len() && !hangs_up && self.unsent.is_empty() {
                return Ok(());
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            Err(Errno::AGAIN) => Ok(0),
            done => done,
        }
    }
}
