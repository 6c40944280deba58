//! Who is behind the ports: greet's machines, driven over whatever carries bytes.

use std::fmt;
use std::time::Duration;

use greet_core::drive::drive;
use greet_core::exchange::Exchange;
use greet_core::limits::{LINES_PORT, Limits, TCP_PORT};
use greet_core::lines::Lines;
use greet_core::machine::{Machine, Service as _};
use greet_core::time::Instant;
use greet_core::transport::Stream;

/// One conversation.
pub enum Conversation {
    /// One greeting.
    Name(Box<Exchange>),
    /// One for each line.
    Lines(Box<Lines>),
}

impl Conversation {
    /// Whether somebody listens at this port.
    pub fn is_at(port: u16) -> bool {
        port == TCP_PORT || port == LINES_PORT
    }

    /// With a client of this port that connected now.
    pub fn begin(port: u16, now: Duration) -> Self {
        let now = Instant::at(now);
        if port == LINES_PORT {
            let mut lines = Box::new(Lines::VACANT);
            lines.begin(now, &Limits::DEFAULT);
            Self::Lines(lines)
        } else {
            Self::Name(Box::new(Exchange::new(now, Limits::DEFAULT)))
        }
    }

    /// Carries bytes as far as they go. Whether it is over.
    pub fn drive(&mut self, stream: &mut impl Stream, now: Duration) -> bool {
        let now = Instant::at(now);
        match self {
            Self::Name(exchange) => driven(exchange.as_mut(), stream, now),
            Self::Lines(lines) => driven(lines.as_mut(), stream, now),
        }
    }

    /// When it has something to do by itself.
    pub fn due(&self) -> Option<Duration> {
        let due = match self {
            Self::Name(exchange) => exchange.due(),
            Self::Lines(lines) => lines.due(),
        };
        (due != Instant::NEVER).then(|| due.since(Instant::START))
    }
}

fn driven<M: Machine>(machine: &mut M, stream: &mut impl Stream, now: Instant) -> bool {
    while drive(machine, stream, now) {}
    machine.outcome().is_some()
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(_) => "Name",
            Self::Lines(_) => "Lines",
        })
    }
}
