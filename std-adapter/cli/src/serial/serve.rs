//! `greet serve --serial`: one line, whose names are greeted until the server is stopped or the port is
//! gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{self, Duration};

use anyhow::Result;
use greet_std::core::drive::drive;
use greet_std::core::limits::Limits;
use greet_std::core::lines::{SerialLines, Tally};
use greet_std::core::machine::Machine as _;
use greet_std::core::time::Instant;

use super::SETTLE;
use super::port::Port;
use super::settings::SerialArgs;
use crate::wording::Wording;

/// A server on a port that is open.
pub struct Server {
    port: Port,
    baud: u32,
    lines: Box<SerialLines>,
    handle: Handle,
}

/// Stops it, from any thread.
#[derive(Clone, Default)]
pub struct Handle(Arc<AtomicU8>);

const GRACEFULLY: u8 = 1;
const AT_ONCE: u8 = 2;

impl Handle {
    /// What has begun is answered.
    pub fn stop(&self) {
        self.0.fetch_max(GRACEFULLY, Ordering::Relaxed);
    }

    /// Nothing is.
    pub fn abort(&self) {
        self.0.fetch_max(AT_ONCE, Ordering::Relaxed);
    }
}

impl Server {
    /// Opens the port, if one is named.
    ///
    /// # Errors
    ///
    /// It can't be opened, and why.
    pub fn open(
        args: &SerialArgs,
        deadline: Duration,
        settle: Option<Duration>,
    ) -> Result<Option<Self>> {
        let limits = Limits::DEFAULT
            .with_deadline(deadline)
            .with_settle(settle.unwrap_or(SETTLE));
        Ok(args.open()?.map(|port| Self {
            port,
            baud: args.baud.get(),
            lines: Box::new(SerialLines::new(limits)),
            handle: Handle::default(),
        }))
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The name of its port, and its speed.
    pub fn place(&self) -> (&str, u32) {
        (self.port.name(), self.baud)
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    ///
    /// The port is gone.
    pub fn run(mut self, wording: Wording) -> Result<Tally> {
        let start = time::Instant::now();
        let mut abandoned = 0;
        loop {
            // Asked before anything is read: what came before a stop counts.
            let asked = self.handle.0.load(Ordering::Relaxed);
            let now = Instant::at(start.elapsed());
            let mut more = drive(&mut *self.lines, &mut self.port, now);
            match asked {
                0 => {}
                GRACEFULLY => {
                    let before = self.lines.want();
                    self.lines.wind_down(now);
                    more |= self.lines.want() != before;
                }
                _ => return Ok(self.lines.tally()),
            }
            let name = self.port.name();
            if let Some((lines, why)) = self.lines.take_refusals() {
                wording.refused_on_serial(name, lines, why);
            }
            let tally = self.lines.tally();
            if tally.abandoned > abandoned {
                wording.abandoned_on_serial(name);
                abandoned = tally.abandoned;
            }
            match self.lines.outcome() {
                None if more => {}
                None => {
                    let reads = self.lines.want().reads();
                    self.port.wait(reads, self.lines.due(), now);
                }
                // It ends by a stop, or as the port does.
                Some(_) if asked > 0 => return Ok(tally),
                Some(_) => return Err(self.port.gone()),
            }
        }
    }
}
