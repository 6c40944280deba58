//! `greet probe --serial`: a serial line to grade a server over.
//!
//! There is one line and no connection: who connects here begins on it anew, and who closes leaves it as
//! it is.

use std::io;
use std::task::{Poll, ready};
use std::time::{self, Duration};

use anyhow::Result;
use greet_std::core::embedded_io::{ErrorKind, ErrorType};
use greet_std::core::probe::{Dial, Mode, Need, ProbeStack, StackError};
use greet_std::core::time::Instant;
use greet_std::core::transport::Stream;

use super::begin::Begin;
use super::port::Port;
use super::settings::{Flow, SerialArgs};

/// A line to somebody who takes lines.
pub struct SerialStack {
    port: Port,
    start: time::Instant,
    has_flow_control: bool,
    /// What is at work on the line.
    slot: Option<Line>,
}

enum Line {
    Begins(Begin),
    Open,
}

/// The line, as a connection.
pub struct Connection<'a>(&'a mut SerialStack);

impl SerialStack {
    /// Opens the port, if one is named, and sees that somebody answers.
    ///
    /// # Errors
    ///
    /// It can't be opened, or nobody answers within this time.
    pub fn open(args: &SerialArgs, timeout: Duration) -> Result<Option<Self>> {
        let Some(port) = args.open()? else {
            return Ok(None);
        };
        let mut stack = Self {
            port,
            start: time::Instant::now(),
            has_flow_control: args.flow_control != Flow::None,
            slot: None,
        };
        let start = stack.start;
        let clock = || Instant::at(start.elapsed());
        Begin::run(&mut stack.port, timeout, clock)?;
        Ok(Some(stack))
    }

    fn poll_open(&mut self) -> Poll<io::Result<()>> {
        let now = Instant::at(self.start.elapsed());
        if let Some(Line::Begins(begin)) = &mut self.slot {
            ready!(begin.poll(&mut self.port, now))?;
            self.slot = Some(Line::Open);
        }
        Poll::Ready(Ok(()))
    }
}

impl ProbeStack for SerialStack {
    type Stream<'a> = Connection<'a>;

    fn now(&mut self) -> Instant {
        Instant::at(self.start.elapsed())
    }

    fn wait(&mut self, until: Instant) {
        let due = match &self.slot {
            Some(Line::Begins(begin)) => begin.due(),
            _ => Instant::NEVER,
        };
        let now = self.now();
        self.port.wait(true, due.min(until), now);
    }

    fn slots(&self) -> usize {
        1
    }

    fn connect(&mut self, slot: usize, mode: Mode, _dial: Dial) -> Result<(), StackError> {
        if slot > 0 || mode != Mode::Lines || self.slot.is_some() {
            return Err(ErrorKind::Unsupported.into());
        }
        self.slot = Some(Line::Begins(Begin::default()));
        Ok(())
    }

    fn stream(&mut self, slot: usize) -> Option<Connection<'_>> {
        (slot == 0 && self.slot.is_some()).then_some(Connection(self))
    }

    fn close(&mut self, _slot: usize) {
        self.slot = None;
    }

    fn unsupported(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Name => Some("a serial line takes lines alone"),
            Need::Two | Need::Clients | Need::OneMore => Some("a serial line is for one client"),
            Need::Connections | Need::HalfClose => {
                Some("a serial line has no FIN, and no connection that could end")
            }
            Need::Reset | Need::HalfOpen => Some("a serial line has no connections"),
            Need::SmallWindow | Need::TinyWindow => Some("a serial line has no windows"),
            Need::Udp => Some("a serial line has no UDP"),
            Need::FlowControl if !self.has_flow_control => {
                Some("without --flow-control a serial line loses what comes while nobody reads")
            }
            _ => None,
        }
    }

    fn send_datagram(&mut self, _datagram: &[u8]) -> Poll<Result<(), StackError>> {
        Poll::Ready(Err(ErrorKind::Unsupported.into()))
    }

    fn receive_datagram(&mut self, _buffer: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        Poll::Ready(Err(ErrorKind::Unsupported))
    }
}

impl ErrorType for Connection<'_> {
    type Error = io::Error;
}

impl Stream for Connection<'_> {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        ready!(self.0.poll_open())?;
        self.0.port.receive(buffer)
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.0.poll_open())?;
        match bytes {
            [] => Poll::Ready(Ok(0)),
            _ => self.0.port.send(bytes),
        }
    }

    fn finish(&mut self) -> Poll<io::Result<()>> {
        self.0.port.finish()
    }

    fn in_one_segment(&self, _len: usize) -> bool {
        false
    }

    fn abort(&mut self) {
        self.0.port.abort();
    }
}
