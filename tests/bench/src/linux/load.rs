//! A client for each greeting, so many at once: connect, send the name, take the reply up to FIN,
//! compare every byte.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

pub(crate) mod lines;

/// Nobody answers for so long: the server hangs.
const PATIENCE: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) target: SocketAddr,
    /// Greetings that are under way at once.
    pub(crate) clients: usize,
    pub(crate) sends: Sends,
}

/// When a client sends its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sends {
    /// Once connected, as usual.
    AtOnce,
    /// After others had their turn, when the server has most likely accepted it.
    Late,
}

struct Client {
    socket: OwnedFd,
    greeting: Greeting,
    /// The name has left.
    sent: bool,
    received: usize,
}

/// What is expected: `Hello, client 123`.
struct Greeting {
    bytes: [u8; 32],
    len: usize,
}

impl Load {
    /// Asks for so many greetings, and says how long they took.
    ///
    /// # Errors
    ///
    /// A reply is wrong, cut short, reset or doesn't come.
    pub(crate) fn run(&self, greetings: u64) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut numbers = 0..greetings;
        let mut clients = Vec::with_capacity(self.clients);
        for number in numbers.by_ref().take(self.clients) {
            clients.push(Some(self.start(number, clients.len(), &epoll)?));
        }
        let mut open = clients.len();
        let mut events = Vec::<Event>::with_capacity(1024);
        while open > 0 {
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&epoll, spare, Some(&PATIENCE)) {
                Ok(0) => bail!("{open} of {} clients wait in vain", self.clients),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let index = usize::try_from(event.data.u64())?;
                let Some(client) = clients[index].as_mut() else {
                    continue;
                };
                if !client.go_on()? {
                    continue;
                }
                clients[index] = None; // closes it, before the next one opens
                if let Some(number) = numbers.next() {
                    clients[index] = Some(self.start(number, index, &epoll)?);
                } else {
                    open -= 1;
                }
            }
        }
        Ok(start.elapsed())
    }

    fn start(&self, number: u64, index: usize, epoll: &OwnedFd) -> anyhow::Result<Client> {
        let socket = socket_with(
            AddressFamily::of(self.target),
            SocketType::STREAM,
            SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            None,
        )?;
        match connect(&socket, &self.target) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error).context("can't connect"),
        }
        let mut client = Client {
            socket,
            greeting: Greeting::to(number),
            sent: false,
            received: 0,
        };
        // On a loopback it is connected by now, though the system says `in progress`. A client that
        // blocks sends here as well.
        if self.sends == Sends::AtOnce {
            client.send()?;
        }
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        epoll::add(
            epoll,
            &client.socket,
            EventData::new_u64(index as u64),
            interest,
        )?;
        Ok(client)
    }
}

impl Client {
    fn send(&mut self) -> anyhow::Result<()> {
        let name = self.greeting.name();
        match send(&self.socket, name, SendFlags::NOSIGNAL) {
            Ok(len) => ensure!(len == name.len(), "only {len} bytes of a name were taken"),
            Err(Errno::AGAIN) => return Ok(()), // not connected yet
            Err(error) => return Err(error).context("can't send a name"),
        }
        self.sent = true;
        Ok(())
    }

    /// `true`: it has the whole greeting.
    fn go_on(&mut self) -> anyhow::Result<bool> {
        if !self.sent {
            self.send()?;
        }
        loop {
            let mut buffer = [0; 64];
            let len = match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Ok((len, _)) => len,
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error).context("a reply was lost"),
            };
            let expected = &self.greeting.whole()[self.received..];
            if len == 0 {
                ensure!(expected.is_empty(), "FIN instead of {expected:?}");
                return Ok(true);
            }
            let received = &buffer[..len];
            ensure!(
                expected.starts_with(received),
                "{received:?} instead of {expected:?}"
            );
            self.received += len;
        }
    }
}

impl Greeting {
    const START: &[u8] = b"Hello, client ";
    const NAME: usize = b"Hello, ".len();

    fn to(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..Self::START.len()].copy_from_slice(Self::START);
        let mut len = Self::START.len();
        let mut divisor = 100_000;
        while divisor > 0 {
            bytes[len] = b'0' + u8::try_from(number / divisor % 10).unwrap_or_default();
            len += 1;
            divisor /= 10;
        }
        Self { bytes, len }
    }

    fn whole(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn name(&self) -> &[u8] {
        &self.bytes[Self::NAME..self.len]
    }
}

pub(super) trait Family {
    fn of(address: SocketAddr) -> Self;
}

impl Family for AddressFamily {
    fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() {
            Self::INET
        } else {
            Self::INET6
        }
    }
}
