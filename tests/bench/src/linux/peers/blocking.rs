//! The best design known for one greeting a connection: blocking accept, receive at once, reply and
//! FIN in one segment. An epoll thread serves who has sent nothing yet.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags, accept_with, recv, send, shutdown};

use super::epoll::Connections;
use super::{Reply, announce, listen};

struct Late {
    epoll: OwnedFd,
    connections: Mutex<Connections>,
}

pub(super) fn serve() -> anyhow::Result<()> {
    let listener = listen()?;
    announce(listener.local_addr()?)?;
    let late = Late {
        epoll: epoll::create(CreateFlags::CLOEXEC)?,
        connections: Mutex::default(),
    };
    thread::scope(|scope| {
        scope.spawn(|| late.serve());
        let mut reply = Reply::new();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        loop {
            match accept_with(&listener, flags) {
                Ok(connection) => {
                    if !answer(&connection, &mut reply) {
                        late.watch(connection)?;
                    }
                }
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(error) => return Err(error.into()),
            }
        }
    })
}

/// `false`: nothing has come yet.
fn answer(connection: &OwnedFd, reply: &mut Reply) -> bool {
    match recv(connection, reply.space(), RecvFlags::empty()) {
        Ok((len, _)) if len > 0 => {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            let _ = send(connection, reply.with_name_of(len), flags);
            let _ = shutdown(connection, Shutdown::Write);
            true
        }
        Err(Errno::AGAIN | Errno::INTR) => false,
        _ => true,
    }
}

impl Late {
    fn watch(&self, connection: OwnedFd) -> rustix::io::Result<()> {
        let mut connections = self.lock();
        let index = connections.next();
        let interest = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(
            &self.epoll,
            connection.as_fd(),
            EventData::new_u64(index),
            interest,
        )?;
        connections.put(index, connection);
        Ok(())
    }

    fn serve(&self) -> rustix::io::Result<()> {
        let mut reply = Reply::new();
        let mut events = Vec::<Event>::with_capacity(1024);
        loop {
            events.clear();
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                None,
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            let mut connections = self.lock();
            for event in &events {
                let index = event.data.u64();
                if connections
                    .get(index)
                    .is_some_and(|connection| answer(connection, &mut reply))
                {
                    connections.close(index);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
