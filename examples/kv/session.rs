//! The server's side of one connection, as a [`Machine`]: lines in, a reply for each out, in order.
//! What a line asks is the [store](super::store)'s business.

use greet_core::embedded_io::ErrorKind;
use greet_core::machine::{Machine, Service, Want};
use greet_core::time::Instant;

use super::store::Store;

/// The longest line, its line feed included. No reply is longer.
pub const LINE: usize = 128;
/// How long a client may neither ask nor take a reply.
pub const IDLE: core::time::Duration = core::time::Duration::from_mins(1);
/// So many bytes of replies may wait. Where there is no room for one more, nothing is read.
pub const REPLIES: usize = 8 * LINE;

/// One client. All memory of its connection is in here.
#[derive(Debug)]
pub struct Session<'a> {
    store: Option<&'a Store>,
    input: [u8; LINE],
    len: usize,
    /// A line was too long, and the rest of it is thrown away.
    skipping: bool,
    /// FIN came. Ours follows the last reply.
    fin: bool,
    /// The server stops: so many more lines are answered.
    ending: Option<usize>,
    output: heapless::Vec<u8, REPLIES>,
    deadline: Instant,
    outcome: Option<Result<(), ErrorKind>>,
}

impl Session<'_> {
    /// Answers lines as long as there is one, and room for the reply.
    fn work(&mut self, now: Instant) {
        while self.output.len() + LINE <= REPLIES {
            let line = &self.input[..self.len];
            let end = line.iter().position(|byte| *byte == b'\n');
            if end.is_none() && self.len < LINE && (self.len == 0 || !self.fin) {
                return;
            }
            if !self.skipping {
                let mut say = |part: &[u8]| _ = self.output.extend_from_slice(part);
                match (self.store, end) {
                    (Some(store), Some(end)) => store.answer(&line[..end], say),
                    _ => say(b"ERROR no end of line\n"),
                }
            }
            self.skipping = end.is_none();
            let rest = end.map_or(self.len, |end| end + 1)..self.len;
            self.len = rest.len();
            self.input.copy_within(rest, 0);
            self.deadline = now + IDLE;
            if let (Some(lines), Some(_)) = (&mut self.ending, end) {
                *lines = lines.saturating_sub(1);
                if *lines == 0 {
                    (self.fin, self.len) = (true, 0);
                }
            }
        }
    }
}

impl Machine for Session<'_> {
    type Outcome = Result<(), ErrorKind>;

    fn want(&self) -> Want {
        match self.outcome {
            Some(_) => Want::Done,
            None if self.fin || self.len == LINE => Want::Write,
            None if !self.output.is_empty() => Want::Both,
            None => Want::Read,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.input[self.len..]
    }

    fn received(&mut self, n: usize, now: Instant) {
        self.len += n.min(LINE - self.len);
        self.work(now);
    }

    fn received_fin(&mut self, now: Instant) {
        self.fin = true;
        self.work(now);
    }

    fn transmit(&self) -> &[u8] {
        &self.output
    }

    fn fin_follows(&self) -> bool {
        self.fin && self.len == 0
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        self.output.drain(..n.min(self.output.len()));
        self.deadline = now + IDLE;
        self.work(now);
    }

    fn finished(&mut self, _now: Instant) {
        if self.fin_follows() && self.output.is_empty() {
            self.outcome.get_or_insert(Ok(()));
        }
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.outcome.get_or_insert(Err(kind));
    }

    fn due(&self) -> Instant {
        self.outcome.map_or(self.deadline, |_| Instant::NEVER)
    }

    fn timeout(&mut self, now: Instant) {
        if now >= self.deadline {
            self.outcome.get_or_insert(Err(ErrorKind::TimedOut));
        }
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.outcome
    }

    /// A part of the replies mustn't look like all of them.
    fn resets(&self) -> bool {
        self.outcome == Some(Err(ErrorKind::TimedOut))
    }
}

impl<'a> Service for Session<'a> {
    type Config = &'a Store;
    type Tally = u64;
    /// Until when it may be silent: all that is kept of a client who asks for nothing.
    type Dormant = Instant;
    const VACANT: Self = Self {
        store: None,
        input: [0; LINE],
        len: 0,
        skipping: false,
        fin: false,
        ending: None,
        output: heapless::Vec::new(),
        deadline: Instant::START,
        outcome: None,
    };
    const NONE: u64 = 0;

    fn begin(&mut self, since: Instant, store: &&'a Store) {
        (*self, self.store, self.deadline) = (Self::VACANT, Some(*store), since + IDLE);
    }

    fn dormant(&self) -> Option<Instant> {
        let is_idle = self.len == 0 && !self.skipping && self.output.is_empty() && !self.fin;
        is_idle.then_some(self.deadline)
    }

    fn resume(&mut self, deadline: Instant, store: &&'a Store) {
        (*self, self.store, self.deadline) = (Self::VACANT, Some(*store), deadline);
    }

    fn wind_down(&mut self, _now: Instant) {
        let lines = self.input[..self.len].iter().filter(|byte| **byte == b'\n');
        let has_begun = self.skipping
            || self.input[..self.len]
                .last()
                .is_some_and(|byte| *byte != b'\n');
        let lines = lines.count() + usize::from(has_begun);
        self.ending = Some(lines);
        self.fin |= lines == 0;
    }

    fn count(tally: &mut u64, _outcome: Self::Outcome) {
        *tally += 1;
    }
}
