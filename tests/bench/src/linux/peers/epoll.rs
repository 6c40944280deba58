//! The yardstick: one thread, edge-triggered epoll over the listener and its connections, accept4
//! until nobody waits.

use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

use super::{Reply, announce, listen};

const LISTENER: u64 = u64::MAX;

pub(super) fn serve() -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let flags = EventFlags::IN | EventFlags::ET;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), flags)?;
    announce(listener.local_addr()?)?;

    let mut connections = Connections::default();
    let mut reply = Reply::new();
    let mut events = Vec::<Event>::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                LISTENER => accept_all(&listener, &epoll, &mut connections)?,
                index => answer(&mut connections, index, &mut reply),
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
    let interest = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
    loop {
        match accept_with(listener, flags) {
            Ok(connection) => {
                let index = connections.next();
                let watched = EventData::new_u64(index);
                epoll::add(epoll, connection.as_fd(), watched, interest)?;
                connections.put(index, connection);
            }
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn answer(connections: &mut Connections, index: u64, reply: &mut Reply) {
    let Some(connection) = connections.get(index) else {
        return;
    };
    match recv(connection, reply.space(), RecvFlags::empty()) {
        Ok((len, _)) if len > 0 => {
            let _ = send(connection, reply.with_name_of(len), SendFlags::NOSIGNAL);
        }
        Err(Errno::AGAIN | Errno::INTR) => return,
        _ => {}
    }
    connections.close(index);
}

/// Connections by number. A C server would use the descriptor itself.
#[derive(Default)]
pub(super) struct Connections {
    open: Vec<Option<OwnedFd>>,
    free: Vec<u64>,
}

impl Connections {
    /// The number for the next connection.
    pub(super) fn next(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() as u64 - 1
        })
    }

    pub(super) fn put(&mut self, index: u64, connection: OwnedFd) {
        if let Some(place) = self.at(index) {
            *place = Some(connection);
        }
    }

    pub(super) fn get(&mut self, index: u64) -> Option<&OwnedFd> {
        self.at(index)?.as_ref()
    }

    pub(super) fn close(&mut self, index: u64) {
        if let Some(connection) = self.at(index).and_then(Option::take) {
            drop(connection);
            self.free.push(index);
        }
    }

    fn at(&mut self, index: u64) -> Option<&mut Option<OwnedFd>> {
        self.open.get_mut(usize::try_from(index).ok()?)
    }
}
