//! Connections that are kept, each with so many lines on their way: it sends them in one piece, takes
//! all replies, compares every byte, and sends the next.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
    sockopt,
};

use super::{Family, PATIENCE};

/// So many different batches each connection sends in turn, so that no reply passes for another.
const BATCHES: usize = 4;

/// Connections to a server that keeps them.
pub(crate) struct LinesLoad {
    connections: Vec<Connection>,
    epoll: OwnedFd,
}

struct Connection {
    socket: OwnedFd,
    /// Names and their replies.
    batches: [(Vec<u8>, Vec<u8>); BATCHES],
    turn: usize,
    received: usize,
}

impl LinesLoad {
    /// Opens so many connections.
    pub(crate) fn open(
        target: SocketAddr,
        connections: usize,
        depth: usize,
    ) -> anyhow::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let connections = (0..connections)
            .map(|index| Connection::open(target, index, depth, &epoll))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { connections, epoll })
    }

    /// Has each connection send so many batches, and says how long that took.
    ///
    /// # Errors
    ///
    /// A reply is wrong or doesn't come.
    pub(crate) fn run(&mut self, batches: u64) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let mut left = vec![batches; self.connections.len()];
        let mut busy = left.len();
        for connection in &mut self.connections {
            connection.send()?;
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut events = Vec::<Event>::with_capacity(1024);
        while busy > 0 {
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, Some(&PATIENCE)) {
                Ok(0) => bail!("{busy} connections wait in vain"),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let index = usize::try_from(event.data.u64())?;
                let (connection, left) = (&mut self.connections[index], &mut left[index]);
                if *left == 0 || !connection.take(&mut buffer)? {
                    continue;
                }
                *left -= 1;
                if *left > 0 {
                    connection.send()?;
                } else {
                    busy -= 1;
                }
            }
        }
        Ok(start.elapsed())
    }
}

impl Connection {
    fn open(
        target: SocketAddr,
        index: usize,
        depth: usize,
        epoll: &OwnedFd,
    ) -> anyhow::Result<Self> {
        let socket = socket_with(
            AddressFamily::of(target),
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        connect(&socket, &target).context("can't connect")?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        rustix::io::ioctl_fionbio(&socket, true)?;
        let watched = EventData::new_u64(index as u64);
        epoll::add(epoll, &socket, watched, EventFlags::IN | EventFlags::ET)?;
        let batches = std::array::from_fn(|turn| {
            let (mut names, mut replies) = (Vec::new(), Vec::new());
            for line in 0..depth {
                let name = format!("client {index:03} {}\n", turn * depth + line);
                names.extend_from_slice(name.as_bytes());
                replies.extend_from_slice(b"Hello, ");
                replies.extend_from_slice(name.as_bytes());
            }
            (names, replies)
        });
        Ok(Self {
            socket,
            batches,
            turn: 0,
            received: 0,
        })
    }

    fn send(&self) -> anyhow::Result<()> {
        let (names, _) = &self.batches[self.turn];
        let len = send(&self.socket, names, SendFlags::NOSIGNAL).context("can't send names")?;
        ensure!(len == names.len(), "only {len} bytes of names were taken");
        Ok(())
    }

    /// `true`: all replies to a batch have come.
    fn take(&mut self, buffer: &mut [u8]) -> anyhow::Result<bool> {
        let (_, replies) = &self.batches[self.turn];
        let len = match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((len, _)) => len,
            Err(Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(error).context("a reply was lost"),
        };
        ensure!(len > 0, "FIN instead of replies");
        let expected = &replies[self.received..];
        ensure!(
            expected.starts_with(&buffer[..len]),
            "a reply is wrong: {:?} instead of {:?}",
            String::from_utf8_lossy(&buffer[..len]),
            String::from_utf8_lossy(expected)
        );
        self.received += len;
        if self.received < replies.len() {
            return Ok(false);
        }
        self.received = 0;
        self.turn = (self.turn + 1) % BATCHES;
        Ok(true)
    }
}
