//! How a client begins on a line of which it doesn't know what was said before.

use std::io;
use std::task::{Poll, ready};
use std::time::Duration;

use anyhow::{Result, bail};
use greet_std::core::time::Instant;
use greet_std::core::transport::Stream as _;

use super::SETTLE;
use super::port::Port;

/// Sent first. The first ends what was begun, or what is thrown away of it; the other is answered in any
/// case.
const LINE_FEEDS: &[u8] = b"\n\n";

/// The answer to that.
const ANSWER: &[u8; 8] = b"Hello, \n";

/// Two line feeds are sent, and what comes is thrown away until they are answered and the line is quiet.
#[derive(Default)]
pub struct Begin {
    sent: usize,
    /// What came last, and when.
    tail: [u8; ANSWER.len()],
    heard: Option<Instant>,
}

impl Begin {
    /// Goes on, and says whether the line is ready.
    pub fn poll(&mut self, port: &mut Port, now: Instant) -> Poll<io::Result<()>> {
        while self.sent < LINE_FEEDS.len() {
            self.sent += ready!(port.send(&LINE_FEEDS[self.sent..]))?;
        }
        let mut came = [0; 256];
        while let Poll::Ready(n) = port.receive(&mut came) {
            for byte in &came[..n?] {
                self.tail.rotate_left(1);
                self.tail[ANSWER.len() - 1] = *byte;
            }
            self.heard = Some(now);
        }
        if now >= self.due() {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    /// When it is to be polled, if nothing comes.
    pub fn due(&self) -> Instant {
        match self.heard {
            Some(heard) if self.tail == *ANSWER => heard + SETTLE,
            _ => Instant::NEVER,
        }
    }

    /// All of it, on a port that was just opened.
    ///
    /// # Errors
    ///
    /// Nobody answers within this time, or the line is never quiet.
    pub fn run(port: &mut Port, timeout: Duration, clock: impl Fn() -> Instant) -> Result<()> {
        let mut begin = Self::default();
        let until = clock() + timeout;
        port.discard();
        loop {
            let now = clock();
            match begin.poll(port, now) {
                Poll::Ready(Ok(())) => return Ok(()),
                Poll::Ready(Err(_)) => return Err(port.gone()),
                Poll::Pending if now < until => port.wait(true, begin.due().min(until), now),
                Poll::Pending if begin.heard.is_some() => bail!(
                    "{} isn't quiet, or what comes is no greeting: something else talks there, or at \
                     another speed (--baud)",
                    port.name()
                ),
                Poll::Pending => bail!(
                    "nobody answers on {} within {timeout:?} (does a server take lines there, as \
                     `greet serve --serial` does, at this speed, and are RX and TX crossed?)",
                    port.name()
                ),
            }
        }
    }
}
