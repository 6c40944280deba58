//! What a segment does in which state, event by event as RFC 9293, section 3.10.7, has them: ordinals are those
//! of section 3.10.7.4.

use std::time::Duration;

use super::{Connection, LINGER, State};
use crate::fault::Fault;
use crate::tcp::segment::{ACK, FIN, RST, SYN, Segment};
use crate::tcp::sending::Sending;

impl Connection {
    /// A segment arrives.
    pub fn arrives(&mut self, segment: &Segment, now: Duration) {
        self.moved = now;
        let is_syn = segment.has(SYN) && !segment.has(RST);
        if is_syn && self.state == State::SynReceived && segment.seq == self.receiving.irs {
            if self.wrong.is(Fault::SynAgainNewIsn) {
                self.iss = self.iss.wrapping_add(0x1234_5678);
                let mss = self.sending.mss;
                self.sending = Sending::new(self.iss, mss, segment.window.into(), now, self.wrong);
            }
            return self.synchronize();
        }
        if is_syn && self.state != State::SynReceived {
            return self.syn_within(segment, now);
        }
        let is_old = self
            .stamps
            .as_ref()
            .is_some_and(|stamps| stamps.is_old(segment));
        if !self.receiving.accepts(segment) || is_old && !segment.has(RST) {
            return self.unacceptable(segment, now);
        }
        if let Some(stamps) = &mut self.stamps {
            stamps.note(segment);
        }
        if segment.has(RST) {
            return self.reset(segment, now);
        }
        if is_syn {
            self.state = State::Closed; // back to LISTEN (fourth)
            return;
        }
        if !segment.has(ACK) {
            if self.wrong.is(Fault::FlagsNoneTaken) {
                self.take(segment, now);
            }
            return;
        }
        if !self.acknowledged(segment, now) {
            return;
        }
        self.take(segment, now);
    }

    /// RFC 5961, section 4.2.
    fn syn_within(&mut self, segment: &Segment, now: Duration) {
        match () {
            () if self.wrong.is(Fault::SynIgnored) => {}
            () if self.wrong.is(Fault::SynKills) => self.abort(),
            () if self.wrong.is(Fault::ChallengeWrongSeq) => {
                self.emit(segment.ack.wrapping_add(1000), 0, Vec::new());
            }
            () => self.challenge(now),
        }
    }

    /// Outside of the window (first).
    fn unacceptable(&mut self, segment: &Segment, now: Duration) {
        if segment.has(RST) {
            if self.wrong.is(Fault::RstAnswered) {
                self.emit_ack();
            }
            if self.wrong.is(Fault::RstAnywhere) {
                self.state = State::Closed;
            }
            return;
        }
        // A window of zero takes no text, but what comes with a probe (section 3.10.7.4, first).
        let is_probe = self.receiving.window() == 0 && segment.seq == self.receiving.nxt;
        if is_probe && segment.has(ACK) && self.state != State::SynReceived {
            self.acknowledged(segment, now);
        }
        let is_alive = segment.seq.wrapping_add(1) == self.receiving.nxt
            && segment.len() < 2
            && !segment.has(FIN);
        let is_quiet = is_alive && self.wrong.is(Fault::KeepaliveIgnored)
            || !segment.text.is_empty() && self.wrong.is(Fault::OldNotAcked)
            || self.receiving.window() == 0 && self.wrong.is(Fault::ZeroProbeIgnored)
            || segment.has(FIN)
                && self.state == State::TimeWait
                && self.wrong.is(Fault::TimewaitSilentFin);
        if is_quiet || self.state == State::Closed {
            return;
        }
        if self.wrong.is(Fault::OldTakenAgain) && self.state == State::Established {
            self.receiving.take_again(segment);
        }
        if segment.has(FIN) && self.state == State::TimeWait {
            self.ends_at = Some(now + self.linger());
        }
        if segment.is_empty() {
            self.challenge(now);
        } else {
            self.emit_ack();
        }
    }

    /// RST in the window (second; RFC 5961, section 3.2).
    fn reset(&mut self, segment: &Segment, now: Duration) {
        let is_kept = self.wrong.is(Fault::RstIgnored)
            || self.state == State::SynReceived && self.wrong.is(Fault::SynrcvdRstKeepsPlace);
        if self.state == State::TimeWait && self.wrong.is(Fault::TimewaitAcksRst) {
            return self.emit_ack();
        }
        let is_exact = segment.seq == self.receiving.nxt;
        if is_kept {
        } else if is_exact || self.wrong.is(Fault::RstInWindow) || self.wrong.is(Fault::RstAnywhere)
        {
            if self.wrong.is(Fault::RstAnswered) {
                self.emit_ack();
            }
            self.state = State::Closed;
        } else {
            self.challenge(now);
        }
    }

    /// The acknowledgment (fifth). Whether the segment is still looked at.
    fn acknowledged(&mut self, segment: &Segment, now: Duration) -> bool {
        let mut ack = segment.ack;
        let window = u32::from(segment.window) << self.scale();
        if self.state == State::SynReceived {
            if ack != self.sending.nxt {
                if !self.wrong.is(Fault::SynrcvdBadAckSilent) {
                    let refusal = Segment {
                        seq: ack,
                        flags: RST,
                        ..self.blank()
                    };
                    self.out.push(refusal);
                }
                return false;
            }
            if !segment.text.is_empty() && self.wrong.is(Fault::DataInThirdReset) {
                self.abort();
                return false;
            }
            self.state = State::Established;
            self.ends_at = None;
            self.sending.establish();
            self.sending.open_first(segment.seq, ack, window);
            if self.receiving.join() {
                self.receiving.is_owed = true;
            }
            return true;
        }
        if self.order.before(self.sending.nxt, ack) {
            if !self.wrong.is(Fault::AckUnsentTaken) {
                self.challenge(now);
                return false;
            }
            ack = self.sending.nxt;
        }
        if self.order.before(ack, self.sending.una) {
            let oldest = self.sending.una.wrapping_sub(self.sending.widest());
            if self.order.before(ack, oldest) && !self.wrong.is(Fault::AckOldTaken) {
                self.challenge(now);
                return false;
            }
            return true;
        }
        self.sending.is_heard();
        let is_bare = segment.is_empty();
        let edge = self.sending.una.wrapping_add(self.sending.window());
        let is_update = is_bare && ack == self.sending.una;
        self.sending.acknowledge(ack, is_bare, window, now);
        if self.wrong.is(Fault::WindowShrinkDies)
            && self.order.before(ack.wrapping_add(window), edge)
            && self
                .order
                .before(ack.wrapping_add(window), self.sending.nxt)
        {
            self.state = State::Closed;
            return false;
        }
        if !(is_update && self.wrong.is(Fault::WindowUpdateIgnored)) {
            self.sending.open(segment.seq, ack, window);
        }
        if self.sending.is_finished() {
            self.finished(now);
        }
        self.state != State::Closed
    }

    fn scale(&self) -> u8 {
        if self.receiving.scale().is_some() {
            self.their_scale
        } else {
            0
        }
    }

    /// FIN is acknowledged.
    fn finished(&mut self, now: Duration) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if !self.wrong.is(Fault::FinWaitForEver) {
                    self.ends_at = Some(now + self.linger());
                }
            }
            State::Closing => self.wait(now),
            State::LastAck if !self.wrong.is(Fault::LastAckLostForEver) => {
                self.state = State::Closed;
            }
            _ => {}
        }
    }

    fn wait(&mut self, now: Duration) {
        self.state = State::TimeWait;
        let is_endless = self.wrong.is(Fault::TimewaitForEver);
        self.ends_at = (!is_endless).then(|| now + self.linger());
    }

    fn linger(&self) -> Duration {
        if self.wrong.is(Fault::ClockFast) {
            return LINGER / 10;
        }
        LINGER
    }

    /// The text and the FIN (seventh and eighth).
    fn take(&mut self, segment: &Segment, now: Duration) {
        let is_open = matches!(
            self.state,
            State::Established | State::FinWait1 | State::FinWait2
        );
        let is_crossing = self.state == State::FinWait1 && segment.has(FIN);
        let is_after = self.receiving.has_end && self.wrong.is(Fault::FinDataAfterTaken);
        if is_crossing && self.wrong.is(Fault::CrossedFinLost) {
            return;
        }
        if !is_open && !is_after {
            self.receiving.is_owed |= !segment.text.is_empty(); // what is behind FIN isn't taken
            return;
        }
        if !segment.text.is_empty() || segment.has(FIN) {
            self.receiving.take(segment, now);
        }
        if !is_open || !self.receiving.has_end {
            return;
        }
        match self.state {
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait(now),
            _ => self.state = State::CloseWait,
        }
    }
}
