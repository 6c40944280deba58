//! Lines for stdout and stderr, written by a thread of their own, so that no client waits for a
//! terminal.
//!
//! Lines are gathered for a millisecond and written together: under load many lines are one write,
//! and a server that goes idle has printed everything a moment later.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Where a line goes.
#[derive(Clone, Copy)]
pub enum Target {
    Out,
    Err,
}

/// Takes lines from any thread.
pub struct Console {
    pending: Mutex<Pending>,
    filled: Condvar,
}

#[derive(Default)]
struct Pending {
    out: Vec<u8>,
    err: Vec<u8>,
    /// Lines that found no room.
    lost: u64,
    closed: bool,
    /// The writer sleeps until there is something.
    idle: bool,
}

impl Console {
    /// How long lines are gathered.
    const GATHER: Duration = Duration::from_millis(1);

    /// So much waits for a reader that is slower than the server. More is counted, not kept.
    const ROOM: usize = 16 * 1024 * 1024;

    /// Lets `work` print, and returns when all of it is written.
    pub fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        let console = Self {
            pending: Mutex::default(),
            filled: Condvar::new(),
        };
        thread::scope(|scope| {
            let writer = scope.spawn(|| console.write_all());
            let result = {
                let _close = CloseOnDrop(&console);
                work(&console)
            };
            let _ = writer.join();
            result
        })
    }

    /// Appends what `write` writes: whole lines, line feed included.
    pub fn print(&self, target: Target, write: impl FnOnce(&mut Vec<u8>)) {
        let mut pending = self.lock();
        let lines = match target {
            Target::Out => &mut pending.out,
            Target::Err => &mut pending.err,
        };
        if lines.len() < Self::ROOM {
            write(lines);
        } else {
            pending.lost += 1;
        }
        if mem::take(&mut pending.idle) {
            drop(pending);
            self.filled.notify_one();
        }
    }

    fn write_all(&self) {
        let mut out = Some(io::stdout());
        let (mut out_lines, mut err_lines) = (Vec::new(), Vec::new());
        loop {
            let mut pending = self.lock();
            while pending.is_empty() && !pending.closed {
                pending.idle = true;
                pending = self
                    .filled
                    .wait(pending)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let closed = pending.closed;
            if !closed {
                drop(pending);
                thread::sleep(Self::GATHER);
                pending = self.lock();
            }
            mem::swap(&mut pending.out, &mut out_lines);
            mem::swap(&mut pending.err, &mut err_lines);
            let lost = mem::take(&mut pending.lost);
            drop(pending);

            if let Some(stdout) = &mut out
                && stdout
                    .write_all(&out_lines)
                    .and_then(|()| stdout.flush())
                    .is_err()
            {
                out = None; // nobody reads it any more; clients are still served
            }
            if lost > 0 {
                let _ = writeln!(
                    err_lines,
                    "greet: {lost} lines not shown: stdout is read too slowly"
                );
            }
            // Where stderr is gone as well, there is nobody to tell.
            let _ = io::stderr().write_all(&err_lines);
            out_lines.clear();
            err_lines.clear();
            if closed && self.lock().is_empty() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.out.is_empty() && self.err.is_empty() && self.lost == 0
    }
}

struct CloseOnDrop<'a>(&'a Console);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_one();
    }
}

/// Prints a result on stdout. A reader that has gone away wanted no more.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write to stdout")
        }
        _ => Ok(()),
    }
}
