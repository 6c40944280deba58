//! The sending half of a connection: what is sent when, what is acknowledged, and what is sent again (RFC
//! 9293, sections 3.8 and 3.10.8; RFC 5681; RFC 6298).

use std::time::Duration;

use crate::fault::{Fault, Wrong};
use crate::tcp::congestion::Congestion;
use crate::tcp::order::Order;
use crate::tcp::rto::Rto;
use crate::tcp::segment::octets;

/// So many octets wait at most to be sent.
const ROOM: usize = 4096;
/// So often something is sent again: after the last, 243 s have passed (R2 of section 3.8.3).
const TRIES: u32 = 8;
/// How long a small segment waits for a window to open (section 3.8.6.2.1).
const OVERRIDE: Duration = Duration::from_millis(500);

/// A piece of what is sent, and where it stands.
#[derive(Debug)]
pub struct Chunk {
    /// The number of its first octet.
    pub seq: u32,
    /// The text.
    pub text: Vec<u8>,
    /// FIN follows.
    pub has_end: bool,
    /// Nothing is queued behind it.
    pub is_last: bool,
}

/// What time has brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Expired {
    /// Nothing.
    Nothing,
    /// Something can go.
    Send,
    /// A window has to be asked whether it is still closed.
    Probe,
    /// The other is gone.
    GiveUp,
}

/// The sending half.
#[derive(Debug)]
pub struct Sending {
    wrong: Wrong,
    order: Order,
    /// The oldest number that isn't acknowledged (SND.UNA).
    pub una: u32,
    /// Behind what was sent (SND.NXT).
    pub nxt: u32,
    /// What is sent next: before `nxt` where something is sent again.
    next: u32,
    /// Where the queue begins.
    base: u32,
    queue: Vec<u8>,
    /// FIN follows the queue.
    pub has_end: bool,
    window: u32,
    widest: u32,
    wl1: u32,
    wl2: u32,
    /// The most text of a segment.
    pub mss: u32,
    congestion: Congestion,
    /// The first segment goes again.
    is_lost: bool,
    /// A small segment has waited long enough.
    is_forced: bool,
    /// How long an acknowledgment is waited for.
    pub rto: Rto,
    tries: u32,
    gap: Duration,
    again_at: Option<Duration>,
    probe_at: Option<Duration>,
}

impl Sending {
    /// After a SYN with this number, which goes now.
    pub fn new(iss: u32, mss: u32, window: u32, now: Duration, wrong: Wrong) -> Self {
        let nxt = iss.wrapping_add(1);
        let rto = Rto::new(wrong);
        Self {
            wrong,
            order: Order(wrong),
            una: iss,
            nxt,
            next: nxt,
            base: nxt,
            queue: Vec::new(),
            has_end: false,
            window,
            // Not that of the SYN: in LISTEN no window is noted (section 3.10.7.2).
            widest: 0,
            wl1: 0,
            wl2: 0,
            mss,
            congestion: Congestion::new(nxt, mss, true),
            is_lost: false,
            is_forced: false,
            again_at: Some(now + rto.span()),
            rto,
            tries: 0,
            gap: Duration::ZERO,
            probe_at: None,
        }
    }

    fn end(&self) -> u32 {
        self.base.wrapping_add(octets(&self.queue))
    }

    /// Whether FIN was sent and acknowledged.
    pub fn is_finished(&self) -> bool {
        self.has_end && self.una == self.end().wrapping_add(1)
    }

    /// Queues text, as far as there is room.
    pub fn queue(&mut self, text: &[u8]) -> usize {
        let len = text.len().min(ROOM - self.queue.len());
        self.queue.extend(&text[..len]);
        len
    }

    /// The SYN is acknowledged: from now on there is text.
    pub fn establish(&mut self) {
        let is_slow = self.tries > 0;
        if is_slow {
            self.rto.begin_slow();
        }
        self.congestion = Congestion::new(self.nxt, self.mss, is_slow);
        self.una = self.nxt;
        self.next = self.nxt;
        self.tries = 0;
        self.again_at = None;
    }

    /// Takes an acknowledgment of something that was sent, or of what has been acknowledged last; a bare one
    /// may be a duplicate.
    pub fn acknowledge(&mut self, ack: u32, is_bare: bool, window: u32, now: Duration) {
        if ack == self.una {
            let is_duplicate = is_bare && window == self.window && self.una != self.nxt;
            if is_duplicate && window > 0 {
                self.duplicate();
            }
            return;
        }
        let acked = ack.wrapping_sub(self.una);
        let text = ack.wrapping_sub(self.base).min(octets(&self.queue));
        self.queue.drain(..text as usize);
        self.base = self.base.wrapping_add(text);
        self.una = ack;
        self.next = self.order.later(self.next, ack);
        let is_after_timeout = self.tries > 0;
        self.tries = 0;
        self.rto.acknowledged(ack, self.order, now);
        self.again_at = (self.una != self.nxt).then(|| now + self.rto.span());
        self.is_lost = self
            .congestion
            .acknowledged(ack, acked, self.mss, self.order);
        if is_after_timeout && self.wrong.is(Fault::SlowStartSkipped) {
            self.congestion.window = u32::MAX / 2;
        }
    }

    fn duplicate(&mut self) {
        if self.wrong.is(Fault::NoFastRetransmit) {
            return;
        }
        let out = (self.una, self.nxt);
        let is_lost = self.congestion.duplicate(out, self.mss, self.order);
        if is_lost && self.wrong.is(Fault::ResendsAll) {
            self.next = self.una;
            self.congestion.window = u32::MAX / 2;
            return;
        }
        self.is_lost |= is_lost;
    }

    /// Takes the window of a segment, unless an older one came later.
    pub fn open(&mut self, seq: u32, ack: u32, window: u32) {
        let is_newer = self.order.before(self.wl1, seq)
            || self.wl1 == seq && !self.order.before(ack, self.wl2);
        if !is_newer {
            return;
        }
        if self.window == 0 && window > 0 {
            // What the closed window didn't take goes again.
            self.next = self.una;
            self.probe_at = None;
            self.tries = 0;
        }
        self.window = window;
        self.widest = self.widest.max(window);
        (self.wl1, self.wl2) = (seq, ack);
    }

    /// The first window of a connection.
    pub fn open_first(&mut self, seq: u32, ack: u32, window: u32) {
        (self.wl1, self.wl2) = (seq, ack);
        self.window = window;
        self.widest = self.widest.max(window);
    }

    /// The window, as the other said last (SND.WND).
    pub fn window(&self) -> u32 {
        self.window
    }

    /// The widest window that there was (MAX.SND.WND of RFC 5961).
    pub fn widest(&self) -> u32 {
        self.widest
    }

    /// An answer has come, if only to say that the window is still closed.
    pub fn is_heard(&mut self) {
        if self.window == 0 {
            self.tries = 0;
        }
    }

    /// The path takes no more than this of text.
    pub fn narrow(&mut self, mss: u32) {
        if mss < self.mss {
            self.mss = mss;
            if self.nxt.wrapping_sub(self.una) > mss {
                self.next = self.una;
            }
        }
    }

    /// What goes next, if anything may.
    pub fn next(&mut self, now: Duration) -> Option<Chunk> {
        if self.is_lost {
            self.is_lost = false;
            return self.first(self.mss.min(self.window), now);
        }
        let (end, out) = (self.end(), self.next.wrapping_sub(self.una));
        if self.order.before(end, self.next) {
            return None;
        }
        let is_again = self.order.before(self.next, self.nxt);
        let mut window = self.window;
        if window == 0 && self.wrong.is(Fault::SendsIntoClosedWindow) {
            window = self.widest.max(self.mss);
        }
        let allowed = if self.wrong.is(Fault::CwndIgnored) {
            window
        } else {
            window.min(self.congestion.window)
        };
        let waiting = end.wrapping_sub(self.next);
        let len = waiting.min(self.mss).min(allowed.saturating_sub(out));
        let is_all = len == waiting;
        let has_end = self.has_end && is_all && window > out.saturating_add(len);
        let is_worth = len == self.mss || is_all || len * 2 >= self.widest;
        let is_free = self.is_forced || self.wrong.is(Fault::SillyWindows);
        if len == 0 && !has_end || !is_worth && !is_free {
            return None;
        }
        self.is_forced = false;
        let chunk = self.chunk(self.next, len, has_end);
        self.next = self.next.wrapping_add(len + u32::from(has_end));
        if is_again {
            self.rto.forget();
        } else {
            self.rto.sent(self.next, now);
        }
        self.nxt = self.order.later(self.nxt, self.next);
        self.again_at.get_or_insert(now + self.rto.span());
        Some(self.changed(chunk, is_again))
    }

    /// What isn't acknowledged, from its start and no more than this.
    fn first(&mut self, most: u32, now: Duration) -> Option<Chunk> {
        let text = self.end().wrapping_sub(self.una);
        if text > octets(&self.queue) {
            return None; // FIN, and it was acknowledged
        }
        let len = text.min(most);
        let has_end = self.has_end && len == text && (len < most || most == 1 && len == 0);
        if len == 0 && !has_end {
            return None;
        }
        let chunk = self.chunk(self.una, len, has_end);
        let behind = self.una.wrapping_add(len + u32::from(has_end));
        let is_again = self.order.before(self.una, self.nxt);
        self.nxt = self.order.later(self.nxt, behind);
        self.rto.forget();
        self.again_at = Some(now + self.rto.span());
        Some(self.changed(chunk, is_again))
    }

    fn chunk(&self, seq: u32, len: u32, has_end: bool) -> Chunk {
        let from = seq.wrapping_sub(self.base) as usize;
        Chunk {
            seq,
            text: self
                .queue
                .iter()
                .skip(from)
                .take(len as usize)
                .copied()
                .collect(),
            has_end,
            is_last: seq.wrapping_add(len) == self.end(),
        }
    }

    /// What faults make of it.
    fn changed(&self, mut chunk: Chunk, is_again: bool) -> Chunk {
        if is_again && self.wrong.is(Fault::RtoOtherBytes) {
            chunk.text.iter_mut().for_each(|byte| *byte ^= 1);
        }
        chunk.has_end &= !(is_again && self.wrong.is(Fault::FinNotRepeated));
        chunk
    }

    /// An octet for a window that is closed (section 3.8.6.1).
    pub fn probe(&mut self, now: Duration) -> Option<Chunk> {
        let chunk = self.first(1, now);
        self.again_at = None;
        chunk
    }

    /// Sets the timers by what is out, after all went that may.
    pub fn arm(&mut self, now: Duration) {
        let end = self.end();
        let has_more = self.order.before(self.next, end) || self.has_end && self.next == end;
        let is_out = self.una != self.nxt;
        if self.window == 0 && (is_out || has_more) {
            self.again_at = None;
            if self.probe_at.is_none() {
                self.gap = self.rto.span();
                self.probe_at = Some(now + self.gap);
            }
        } else if has_more && !is_out {
            self.probe_at.get_or_insert(now + OVERRIDE);
        } else {
            self.probe_at = None;
        }
        if !is_out {
            self.again_at = None;
        } else if self.window > 0 {
            self.again_at.get_or_insert(now + self.rto.span());
        }
    }

    fn most_tries(&self) -> u32 {
        if self.wrong.is(Fault::GivesUpEarly) {
            3
        } else {
            TRIES
        }
    }

    /// When time brings something.
    pub fn due(&self) -> Option<Duration> {
        [self.again_at, self.probe_at].into_iter().flatten().min()
    }

    /// Waits as at first again, which is a fault.
    pub fn await_again(&mut self, now: Duration) {
        self.rto = Rto::new(self.wrong);
        self.again_at = Some(now + self.rto.span());
    }

    /// What has come of it.
    pub fn expire(&mut self, now: Duration) -> Expired {
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if is_due(self.again_at) {
            self.again_at = None;
            if self.wrong.is(Fault::NeverRetransmits) {
                return Expired::Nothing;
            }
            self.tries += 1;
            if self.tries > self.most_tries() && !self.wrong.is(Fault::NeverGivesUp) {
                return Expired::GiveUp;
            }
            let out = (self.una, self.nxt);
            self.congestion.timed_out(out, self.mss, self.tries == 1);
            self.rto.back_off();
            self.is_forced = true;
            self.next = self.una;
            self.again_at = Some(now + self.rto.span());
            return Expired::Send;
        }
        if !is_due(self.probe_at) {
            return Expired::Nothing;
        }
        if self.window > 0 {
            self.probe_at = None;
            self.is_forced = true;
            return Expired::Send;
        }
        self.tries += 1;
        if self.tries > self.most_tries() {
            return Expired::GiveUp;
        }
        self.gap = self.rto.doubled(self.gap);
        self.probe_at = Some(now + self.gap);
        if self.wrong.is(Fault::NoWindowProbe) {
            return Expired::Nothing;
        }
        Expired::Probe
    }
}
