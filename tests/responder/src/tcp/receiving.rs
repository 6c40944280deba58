//! The receiving half of a connection: which segments are acceptable, what becomes of their text, and when
//! it is acknowledged (RFC 9293, sections 3.4, 3.8.6 and 3.10.7.4; RFC 5681, section 4.2).

use std::time::Duration;

use crate::fault::{Fault, Wrong};
use crate::tcp::order::Order;
use crate::tcp::segment::{FIN, SYN, Segment, URG, octets};

/// So many octets wait at most for whoever reads them.
pub const ROOM: u32 = 8192;
/// By how much the window opens at least, once it was closed (section 3.8.6.2.2).
const STEP: u32 = ROOM / 2;
/// How long an acknowledgment may wait for text to go with.
const DELAY: Duration = Duration::from_millis(200);
/// The scale of the window, where both can.
pub const SCALE: u8 = 2;

/// Text that came, and where it stands.
#[derive(Debug)]
struct Piece {
    seq: u32,
    text: Vec<u8>,
    has_end: bool,
    /// It counts and isn't read, which is a fault.
    is_lost: bool,
}

/// The receiving half.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub struct Receiving {
    wrong: Wrong,
    order: Order,
    /// The number of the other's SYN.
    pub irs: u32,
    /// What is expected next (RCV.NXT).
    pub nxt: u32,
    /// The end of the window, which never moves back.
    edge: u32,
    /// What is ahead of what is expected.
    held: Vec<Piece>,
    /// What can be read.
    inbox: Vec<u8>,
    /// FIN was taken.
    pub has_end: bool,
    /// Nobody reads any more.
    is_shut: bool,
    is_scaled: bool,
    /// Segments since the last acknowledgment.
    count: u32,
    /// An acknowledgment goes at once.
    pub is_owed: bool,
    /// One goes then at the latest.
    pub owed_at: Option<Duration>,
}

impl Receiving {
    /// After this SYN.
    pub fn new(syn: &Segment, wrong: Wrong) -> Self {
        let nxt = syn.seq.wrapping_add(1);
        let mut receiving = Self {
            wrong,
            order: Order(wrong),
            irs: syn.seq,
            nxt,
            edge: nxt.wrapping_add(ROOM),
            held: Vec::new(),
            inbox: Vec::new(),
            has_end: false,
            is_shut: false,
            is_scaled: syn.scale.is_some() || wrong.is(Fault::ScaleAlways),
            count: 0,
            is_owed: false,
            owed_at: None,
        };
        if !syn.text.is_empty() {
            let piece = receiving.piece(syn);
            if wrong.is(Fault::DataOnSynLost) {
                receiving.deliver(&piece);
            } else {
                receiving.held.push(piece);
            }
        }
        receiving
    }

    /// The scale to offer.
    pub fn scale(&self) -> Option<u8> {
        self.is_scaled.then_some(SCALE)
    }

    /// The window, as the other knows it (RCV.WND).
    pub fn window(&self) -> u32 {
        if self.order.before(self.edge, self.nxt) {
            return 0;
        }
        self.edge.wrapping_sub(self.nxt)
    }

    /// Whether a segment is acceptable (section 3.4, table 6).
    pub fn accepts(&self, segment: &Segment) -> bool {
        let (len, window) = (segment.len(), self.window());
        let is_in = |seq| self.order.within(seq, self.nxt, window);
        match (len, window) {
            (0, 0) => segment.seq == self.nxt,
            (0, _) => is_in(segment.seq),
            (_, 0) => false,
            _ => is_in(segment.seq) || is_in(segment.seq.wrapping_add(len - 1)),
        }
    }

    fn piece(&self, segment: &Segment) -> Piece {
        let has_end = segment.has(FIN) && !segment.has(SYN);
        Piece {
            seq: segment.seq.wrapping_add(u32::from(segment.has(SYN))),
            text: segment.text.clone(),
            has_end,
            is_lost: segment.has(URG) && self.wrong.is(Fault::UrgentLost)
                || has_end && self.wrong.is(Fault::FinDataDropped)
                || segment.has(SYN) && self.wrong.is(Fault::DataOnSynLost),
        }
    }

    /// Takes the text and the FIN of an acceptable segment (seventh and eighth).
    pub fn take(&mut self, segment: &Segment, now: Duration) {
        let mut piece = self.piece(segment);
        let room = self.edge.wrapping_sub(piece.seq) as usize;
        if piece.text.len() > room && !self.wrong.is(Fault::RxBeyondWindowTaken) {
            piece.text.truncate(room);
            piece.has_end = false;
        }
        let is_ahead = self.order.before(self.nxt, piece.seq);
        if is_ahead && piece.has_end && self.wrong.is(Fault::EarlyFinTaken) {
            self.has_end = true;
            self.nxt = self.nxt.wrapping_add(1);
        }
        if is_ahead && self.wrong.is(Fault::OutOfOrderTakenInPlace) {
            self.nxt = piece.seq;
            self.deliver(&piece);
            self.is_owed = true;
            return;
        }
        let fills = !self.held.is_empty();
        // What is ahead, and what fills a gap, is acknowledged at once (RFC 5681, section 4.2).
        self.is_owed |= is_ahead || fills || piece.has_end;
        if is_ahead && self.wrong.is(Fault::OutOfOrderNotHeld) {
            return;
        }
        self.held.push(piece);
        if self.join() {
            self.count += 1;
            self.is_owed |= self.count > 1 && !self.wrong.is(Fault::NoAckEverySecond);
            self.owed_at.get_or_insert(now + self.delay());
        }
    }

    fn delay(&self) -> Duration {
        match () {
            () if self.wrong.is(Fault::AckDelayedLong) => 4 * DELAY,
            () if self.wrong.is(Fault::ClockFast) => DELAY / 10,
            () => DELAY,
        }
    }

    /// Text that has come again is taken again, which is a fault.
    pub fn take_again(&mut self, segment: &Segment) {
        self.inbox.extend(&segment.text);
    }

    /// Delivers what is in place; whether anything was.
    pub fn join(&mut self) -> bool {
        let mut came = false;
        while let Some(at) = self
            .held
            .iter()
            .position(|piece| !self.order.before(self.nxt, piece.seq))
        {
            let piece = self.held.remove(at);
            came |= self.deliver(&piece);
        }
        came
    }

    /// Delivers a piece that isn't ahead: what is new of it.
    fn deliver(&mut self, piece: &Piece) -> bool {
        let behind = self.has_end && !self.wrong.is(Fault::FinDataAfterTaken);
        let end = piece.seq.wrapping_add(octets(&piece.text));
        if behind || self.order.before(end, self.nxt) {
            return false;
        }
        let old = self.nxt.wrapping_sub(piece.seq) as usize;
        let Some(new) = piece.text.len().checked_sub(old) else {
            return false;
        };
        let text = if self.wrong.is(Fault::OverlapNewWins) {
            &piece.text[..new]
        } else {
            &piece.text[old..]
        };
        if !piece.is_lost && !self.is_shut {
            self.inbox.extend(text);
        }
        self.nxt = end;
        if piece.has_end && !self.has_end {
            self.has_end = true;
            self.nxt = self.nxt.wrapping_add(1);
        }
        new > 0 || piece.has_end
    }

    /// The window of the next segment to go: what it says there.
    pub fn advertise(&mut self, is_syn: bool) -> u16 {
        let free = ROOM - octets(&self.inbox).min(ROOM);
        let edge = self.nxt.wrapping_add(free);
        let grows = edge.wrapping_sub(self.edge);
        let is_back = self.order.before(edge, self.edge);
        if !is_back && (grows >= self.step() || self.inbox.is_empty()) {
            self.edge = edge;
        }
        let mut window = self.window();
        if self.wrong.is(Fault::WindowLeft) && self.nxt != self.irs.wrapping_add(1) {
            window = window.saturating_sub(1024);
        }
        if self.is_scaled && !is_syn {
            // Rounded up, lest the edge move back (RFC 7323, section 2.4).
            let window = window.div_ceil(1 << SCALE);
            self.edge = self
                .order
                .later(self.edge, self.nxt.wrapping_add(window << SCALE));
            return u16::try_from(window).unwrap_or(u16::MAX);
        }
        u16::try_from(window).unwrap_or(u16::MAX)
    }

    /// Whether the window has opened so far that the other has to hear of it.
    pub fn has_opened(&self) -> bool {
        let free = ROOM - octets(&self.inbox).min(ROOM);
        free >= self.window() + self.step()
    }

    fn step(&self) -> u32 {
        if self.wrong.is(Fault::SillyReceiver) && self.window() < STEP {
            1
        } else {
            STEP
        }
    }

    /// An acknowledgment has gone.
    pub fn acknowledged(&mut self) {
        self.count = 0;
        self.is_owed = false;
        self.owed_at = None;
    }

    /// Gives what can be read. `None`: nothing now; 0: nothing any more.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let len = self.inbox.len().min(buffer.len());
        if len == 0 {
            return self.has_end.then_some(0);
        }
        buffer[..len].copy_from_slice(&self.inbox[..len]);
        self.inbox.drain(..len);
        Some(len)
    }

    /// What comes from now on is taken and thrown away.
    pub fn shut(&mut self) {
        self.is_shut = true;
        self.inbox.clear();
    }
}
