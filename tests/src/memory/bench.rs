//! The testbed in memory: core's polled server behind a pipe, under virtual time.
//!
//! Time stands still but in [`Connection::pass`] and while a client waits; then it jumps to the
//! next moment at which the server has something to do. If there is none, nothing will ever come,
//! and the client is told so.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use greet_core::exchange::Tally;
use greet_core::limits::Limits;
use greet_core::receiver::{self, Receiver};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::Stream;

use super::{Backlog, End, Mailbox, Wire};
use crate::testbed::{Connection, Report, Testbed};

/// A server in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory<const TAKES_ALL: bool> {
    /// How its wires treat their bytes.
    pub wire: Wire,
}

/// A connection to a server of its own.
pub struct Dialogue<const TAKES_ALL: bool> {
    end: End<TAKES_ALL>,
    backlog: Backlog<TAKES_ALL>,
    server: Server<End<TAKES_ALL>, 1>,
    now: Instant,
}

impl<const TAKES_ALL: bool> Testbed for Memory<TAKES_ALL> {
    type Connection = Dialogue<TAKES_ALL>;

    fn connect(&mut self, limits: &Limits) -> io::Result<Self::Connection> {
        let backlog = Backlog::new();
        let (end, _) = backlog.connect(self.wire);
        Ok(Dialogue {
            end,
            backlog,
            server: Server::new(*limits),
            now: Instant::from_millis(1_000_000),
        })
    }

    fn deliver(&mut self, datagram: &[u8]) -> io::Result<Report> {
        let mut mailbox = Mailbox::new();
        mailbox.post(datagram, SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
        let mut reports = Vec::new();
        Receiver::new().poll(&mut mailbox, Instant::START, |event| match event {
            receiver::Event::Message { text, .. } => reports.push(Report::Shown(text.to_string())),
            receiver::Event::Refused { why, .. } => reports.push(Report::Refused(why.to_string())),
            _ => {}
        });
        match <[Report; 1]>::try_from(reports) {
            Ok([report]) => Ok(report),
            Err(reports) => Err(io::Error::other(format!("{} reports", reports.len()))),
        }
    }

    fn answer(&mut self, datagrams: &[&[u8]]) -> io::Result<Vec<u8>> {
        let mut mailbox = Mailbox::new();
        for datagram in datagrams {
            mailbox.post(datagram, SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
        }
        let mut responder = Responder::<1>::new(REPLIES_PER_SECOND);
        responder.poll(&mut mailbox, Instant::START, |_| {});
        let (answer, _) = mailbox
            .fetch()
            .ok_or_else(|| io::Error::other("nothing was answered"))?;
        match mailbox.fetch() {
            None => Ok(answer),
            Some(second) => Err(io::Error::other(format!("a second reply: {second:?}"))),
        }
    }
}

impl<const TAKES_ALL: bool> Dialogue<TAKES_ALL> {
    /// How the server's exchanges ended so far.
    pub fn tally(&self) -> Tally {
        *self.server.tally()
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets the server do what is to be done now, and says when it wants to be called again.
    fn serve(&mut self) -> Instant {
        loop {
            let next = self.server.poll(&mut self.backlog, self.now, |_| {});
            if next != self.now {
                return next;
            }
        }
    }

    /// Lets the server go on, and time if need be.
    fn wait(&mut self) -> io::Result<()> {
        let moves = self.end.moves();
        let next = self.serve();
        if self.end.moves() != moves {
            return Ok(());
        }
        if next <= self.now || next == Instant::NEVER {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "neither side has anything left to do",
            ));
        }
        self.now = next;
        Ok(())
    }
}

impl<const TAKES_ALL: bool> Connection for Dialogue<TAKES_ALL> {
    fn send(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            match self.end.send(piece) {
                Poll::Ready(Ok(n)) => piece = &piece[n..],
                Poll::Ready(Err(fault)) => return Err(io::Error::other(fault)),
                Poll::Pending => self.wait()?,
            }
        }
        Ok(())
    }

    fn half_close(&mut self) -> io::Result<()> {
        loop {
            match self.end.finish() {
                Poll::Ready(result) => return result.map_err(io::Error::other),
                Poll::Pending => self.wait()?,
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.end.receive(buffer) {
                Poll::Ready(Ok(n)) => return Ok(n),
                Poll::Ready(Err(fault)) => return Err(io::Error::other(fault)),
                Poll::Pending => self.wait()?,
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.serve();
            if next >= until {
                break;
            }
            self.now = next;
        }
        self.now = until;
        self.serve();
    }
}
