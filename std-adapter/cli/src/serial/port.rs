//! An open serial port as a stream, and the only place that waits for one.
//!
//! The system's port blocks for as long as its timeout says, on every system, so a call that mustn't is
//! made with none, and waiting is a read with one. What comes then is held.

use std::io;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use anyhow::{Error, anyhow};
use greet_std::core::embedded_io::ErrorType;
use greet_std::core::time::Instant;
use greet_std::core::transport::Stream;
use serialport::{ClearBuffer, SerialPort};

/// How long a wait takes at most, as nothing but bytes ends it: not a stop, and no line of stdin.
const TICK: Duration = Duration::from_millis(20);

/// The same while bytes leave, of which nobody hears when they have.
const SENDING: Duration = Duration::from_millis(1);

/// So many bytes wait in the system at most: a write of more might block, and what waits there can't be
/// taken back.
const QUEUED: usize = 256;

/// An open port.
pub struct Port {
    inner: Box<dyn SerialPort>,
    name: String,
    /// What came while somebody waited, and which part of it nobody has taken.
    held: [u8; 256],
    taken: usize,
    len: usize,
    /// What ended it.
    fault: Option<io::Error>,
}

impl Port {
    pub(super) fn new(inner: Box<dyn SerialPort>, name: &str) -> Self {
        Self {
            inner,
            name: name.to_owned(),
            held: [0; _],
            taken: 0,
            len: 0,
            fault: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until a byte comes, if it `reads`; until this time at the latest, and no longer than a
    /// moment.
    pub(super) fn wait(&mut self, reads: bool, until: Instant, now: Instant) {
        let tick = if self.queued() > 0 { SENDING } else { TICK };
        let time = until.wait(now).map_or(tick, |time| time.min(tick));
        if !reads || self.taken < self.len {
            thread::sleep(time);
            return;
        }
        let mut held = self.held;
        let came = self.call(time, |port| port.read(&mut held));
        if let Poll::Ready(Ok(len)) = came.map_ok(|len| len.min(held.len())) {
            (self.held, self.taken, self.len) = (held, 0, len);
        }
    }

    /// Throws away what has come.
    pub(super) fn discard(&mut self) {
        self.taken = self.len;
        // What is still there is read and thrown away.
        let _ = self.inner.clear(ClearBuffer::Input);
    }

    /// Whether it has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.fault.is_some()
    }

    /// What ended it, as a sentence.
    pub(super) fn gone(&self) -> Error {
        let name = &self.name;
        match &self.fault {
            Some(error) => anyhow!("{name} is gone: {error} (was it unplugged?)"),
            None => anyhow!("{name} is gone"),
        }
    }

    /// How many bytes wait to leave.
    fn queued(&self) -> usize {
        let queued = self.inner.bytes_to_write().unwrap_or(0);
        usize::try_from(queued).unwrap_or(usize::MAX)
    }

    /// Makes a call that may take so long. What it couldn't do in that time is pending; any other error
    /// is the end.
    fn call(
        &mut self,
        time: Duration,
        mut call: impl FnMut(&mut dyn SerialPort) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let ended = match &self.fault {
            Some(error) => error.kind().into(),
            None => loop {
                let done = self.inner.set_timeout(time).map_err(io::Error::from);
                match done.and_then(|()| call(&mut *self.inner)) {
                    Ok(0) => break io::ErrorKind::BrokenPipe.into(),
                    Ok(len) => return Poll::Ready(Ok(len)),
                    Err(error) => match error.kind() {
                        io::ErrorKind::Interrupted => {}
                        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                            return Poll::Pending;
                        }
                        _ => break error,
                    },
                }
            },
        };
        let kind = ended.kind();
        self.fault.get_or_insert(ended);
        Poll::Ready(Err(kind.into()))
    }
}

impl ErrorType for Port {
    type Error = io::Error;
}

impl Stream for Port {
    fn receive(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let held = &self.held[self.taken..self.len];
        if held.is_empty() {
            return self.call(Duration::ZERO, |port| port.read(buffer));
        }
        let n = held.len().min(buffer.len());
        buffer[..n].copy_from_slice(&held[..n]);
        self.taken += n;
        Poll::Ready(Ok(n))
    }

    fn send(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.queued() >= QUEUED {
            return Poll::Pending;
        }
        let some = &bytes[..bytes.len().min(QUEUED)];
        self.call(Duration::ZERO, |port| port.write(some))
    }

    /// There is no FIN: it is done once all has left.
    fn finish(&mut self) -> Poll<io::Result<()>> {
        if self.queued() > 0 && self.fault.is_none() {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn in_one_segment(&self, _len: usize) -> bool {
        false
    }

    fn abort(&mut self) {
        let _ = self.inner.clear(ClearBuffer::Output);
    }
}
