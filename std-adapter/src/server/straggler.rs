//! A client who would make an acceptor wait.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use greet_core::exchange::{Exchange, Outcome, Status};
use greet_core::limits::Limits;
use mio::{Interest, Registry, Token};

use crate::stream::Stream;

/// An accepted client that an event loop watches, and its place.
pub(super) struct Straggler {
    pub(super) stream: Stream<mio::net::TcpStream>,
    pub(super) peer: SocketAddr,
    pub(super) accepted: Duration,
    /// `None`: nothing has come yet. So a thousand silent clients cost a thousand times 64 bytes.
    pub(super) exchange: Option<Box<Exchange>>,
    /// What mio watches for.
    interest: Interest,
}

impl Straggler {
    pub(super) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        accepted: Duration,
        exchange: Option<Box<Exchange>>,
    ) -> Self {
        let interest = interest(exchange.as_deref());
        Self {
            stream: Stream::from_non_blocking(mio::net::TcpStream::from_std(stream)),
            peer,
            accepted,
            exchange,
            interest,
        }
    }

    /// When it must be looked at.
    pub(super) fn due(&self, limits: &Limits) -> Duration {
        let due = match &self.exchange {
            Some(exchange) => exchange.timeout(),
            None => self.accepted.checked_add(limits.deadline),
        };
        due.unwrap_or(Duration::MAX)
    }

    /// Ends its exchange for a reason of our own side.
    pub(super) fn lose(&mut self, error: &io::Error, limits: &Limits) -> Option<Outcome> {
        let exchange = self
            .exchange
            .get_or_insert_with(|| Box::new(Exchange::new(self.accepted, limits)));
        exchange.connection_lost(error.kind().into());
        match exchange.status() {
            Status::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Has it watched from now on.
    pub(super) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.stream.get_mut(), token, self.interest)
    }

    /// Has it watched for what it waits for now.
    pub(super) fn watch_on(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = interest(self.exchange.as_deref());
        if interest == self.interest {
            return Ok(());
        }
        self.interest = interest;
        registry.reregister(self.stream.get_mut(), token, interest)
    }
}

fn interest(exchange: Option<&Exchange>) -> Interest {
    match exchange.map(Exchange::status) {
        Some(Status::Replying) => Interest::READABLE | Interest::WRITABLE,
        _ => Interest::READABLE,
    }
}
