//! Lines on their way to one of the two streams, written by a thread of its own: whoever prints never
//! waits, and a stream that blocks holds up nobody but itself.
//!
//! Lines are gathered for a millisecond and written together: under load many lines are one write,
//! and a server that goes idle has printed everything a moment later.

use std::io::Write as _;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::target::{Target, Written};

/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(1);

/// So much waits for a stream that is slower than the program. More is counted, not kept.
const ROOM: usize = 16 * 1024 * 1024;

/// How long a stream that fails is left alone before it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the last lines have when the program must end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The way to one stream.
pub struct Lines {
    target: Target,
    state: Mutex<State>,
    /// The writer has something to do.
    filled: Condvar,
    /// It has nothing left to do.
    emptied: Condvar,
}

struct State {
    pending: Vec<u8>,
    writer: Writer,
    /// Lines that were taken, and those of them that were written.
    taken: u64,
    written: u64,
    /// Lines that found no room.
    dropped: u64,
    /// So many lost lines were reported.
    told: u64,
    /// The reader went away: nothing is lost that nobody wants.
    gone: bool,
    /// The program ends: what can't be written now never will be.
    closing: bool,
    /// It doesn't wait for a stream any more.
    hurried: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Writer {
    Absent,
    Idle,
    Busy,
}

impl Lines {
    pub const fn new(target: Target) -> Self {
        Self {
            target,
            state: Mutex::new(State {
                pending: Vec::new(),
                writer: Writer::Absent,
                taken: 0,
                written: 0,
                dropped: 0,
                told: 0,
                gone: false,
                closing: false,
                hurried: false,
            }),
            filled: Condvar::new(),
            emptied: Condvar::new(),
        }
    }

    /// Appends what `write` writes: a whole line, line feed included. Without room it is counted.
    pub fn print(&'static self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if state.pending.len() < ROOM {
            self.append(state, write);
        } else if !state.gone {
            state.dropped += 1;
        }
    }

    /// As [`Lines::print`], for a last line, which has its own room.
    pub fn print_last(&'static self, write: impl FnOnce(&mut Vec<u8>)) {
        self.append(self.lock(), write);
    }

    /// Lines that weren't written so far, the dropped ones included.
    pub fn missing(&self) -> u64 {
        self.lock().missing()
    }

    /// Lines that found no room.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Waits until all is written: for so long at most.
    pub fn settle(&self, at_most: Duration) {
        let busy = |state: &mut State| state.writer == Writer::Busy;
        // Settled or not, the caller goes on.
        drop(self.emptied.wait_timeout_while(self.lock(), at_most, busy));
    }

    /// Waits until all is written, or fails to be. Once it is hurried, a moment at most.
    pub fn close(&self) {
        let waits = |state: &mut State| state.writer == Writer::Busy && !state.hurried;
        let mut state = self.lock();
        state.closing = true;
        self.filled.notify_one();
        drop(self.emptied.wait_while(state, waits));
        self.settle(LAST_WORDS);
    }

    /// From now on, a stream that blocks doesn't keep the program.
    pub fn hurry(&self) {
        self.lock().hurried = true;
        self.emptied.notify_all();
    }

    /// Says on stderr how many lines were lost since it was said last.
    pub fn tell_lost(&'static self, lost: impl Fn(&Self) -> u64) {
        let lost = lost(self);
        let mut state = self.lock();
        // Fewer than were told: some were written after all.
        let untold = lost.saturating_sub(state.told);
        state.told += untold;
        drop(state);
        if untold > 0 {
            let name = self.target.name();
            super::ERR.print_last(|lines| {
                // A vector takes everything.
                let _ = writeln!(
                    lines,
                    "greet: {untold} lines not shown: {name} took them too slowly or not at all"
                );
            });
        }
    }

    fn append(&'static self, mut state: MutexGuard<'_, State>, write: impl FnOnce(&mut Vec<u8>)) {
        if state.gone {
            return;
        }
        let before = state.pending.len();
        write(&mut state.pending);
        state.taken += lines_in(&state.pending[before..]);
        let writer = mem::replace(&mut state.writer, Writer::Busy);
        drop(state);
        match writer {
            Writer::Busy => {}
            Writer::Idle => self.filled.notify_one(),
            Writer::Absent => {
                let writer = thread::Builder::new().name(format!("greet-{}", self.target.name()));
                if writer.spawn(|| self.write_for_ever()).is_err() {
                    self.write_pending(Writer::Absent); // no thread is to be had: this one does it
                }
            }
        }
    }

    fn write_for_ever(&'static self) {
        loop {
            if !self.lock().closing {
                thread::sleep(GATHER);
            }
            self.write_pending(Writer::Idle);
            let idle = |state: &mut State| state.writer == Writer::Idle;
            drop(self.filled.wait_while(self.lock(), idle));
        }
    }

    /// Writes until nothing is pending. The writer is in another state then.
    fn write_pending(&'static self, then: Writer) {
        let mut lines = Vec::new();
        loop {
            if self.target == Target::Err {
                // What was printed before stands before, unless that stream is stuck.
                super::OUT.settle(super::POLITE);
            }
            mem::swap(&mut self.lock().pending, &mut lines);
            self.write_all(&lines);
            lines.clear();
            let mut state = self.lock();
            if state.pending.is_empty() {
                state.writer = then;
                drop(state);
                self.emptied.notify_all();
                return;
            }
        }
    }

    fn write_all(&'static self, mut lines: &[u8]) {
        while !lines.is_empty() {
            let closing = self.lock().closing;
            match self.target.write(lines) {
                Written::Some(count) => {
                    self.lock().written += lines_in(&lines[..count]);
                    lines = &lines[count..];
                }
                Written::NotNow => self.target.wait(PAUSE),
                Written::Gone => return self.lose_reader(),
                Written::Failed(_) if closing => return,
                Written::Failed(_) => {
                    let open = |state: &mut State| !state.closing;
                    drop(self.filled.wait_timeout_while(self.lock(), PAUSE, open));
                }
            }
        }
        self.tell_lost(Self::dropped);
    }

    /// From now on nothing is written. Who looks for lines at the other stream learns why.
    fn lose_reader(&self) {
        let mut state = self.lock();
        state.gone = true;
        state.pending.clear();
        let closing = state.closing;
        drop(state);
        if !closing {
            let name = self.target.name();
            super::complain(format_args!(
                "greet: nobody reads {name} any more; going on without"
            ));
        }
    }

    /// No code panics while it holds the lock and the state is half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn missing(&self) -> u64 {
        if self.gone {
            0
        } else {
            self.dropped + self.taken - self.written
        }
    }
}

#[expect(clippy::naive_bytecount, reason = "vectorized, and lines are short")]
fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
