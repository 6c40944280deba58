//! Lets a silent client wait for the server's deadline beside the checks over UDP, which need no place: how long
//! it waits is known beforehand.

use core::time::Duration;

use super::cases::LATE;
use super::ending::Ending;
use super::need::{Mode, Need};
use super::session::{Session, WAITS};
use super::silent::Silent;
use super::stack::Dial;
use super::verdict::{Cause, End, Expected, deadline_in};
use crate::time::Instant;

/// So many clients a server must serve at once: it is one, and another is greeted beside it to see whether the
/// server lives, whose place before may not be free yet.
const AT_ONCE: u16 = 3;

impl Session<'_> {
    /// Lets the silent client of `crowd/late` come, where that is to run later. Whatever is waited for, what it is
    /// told is read.
    pub(super) fn begin_silent(&mut self) {
        let is_known = self.known.waits.done || self.silent.is_some();
        let is_asked = self.known.waits.asked.get(LATE) == Some(&true) && !self.plan.quick;
        let has_place = self.plan.clients >= AT_ONCE && self.stack.slots() > WAITS;
        let can = [Need::Name, Need::Connections]
            .iter()
            .all(|need| self.stack.unsupported(*need).is_none());
        let is_usual = self.endings.of(Mode::Name) == Ending::Fin;
        let waits = !self.plan.deadline.is_zero();
        if is_known || !is_asked || !has_place || !can || !is_usual || !waits {
            return;
        }
        // Far from those that other checks use.
        let (slot, since) = (self.stack.slots() - 1, self.stack.now());
        if self.open(slot, Dial::Plain).is_ok() {
            self.silent = Some(Silent::new(slot, since));
        } else {
            self.stack.close(slot);
        }
    }

    /// Takes what the silent client is told, whatever is waited for.
    pub(super) fn hear_silent(&mut self) {
        if let Some(silent) = &mut self.silent {
            silent.hear(self.stack);
        }
    }

    /// The slot in which it still waits.
    pub(super) fn silent_slot(&self) -> Option<usize> {
        let silent = self.silent.filter(|silent| silent.ended.is_none());
        silent.map(|silent| silent.slot)
    }

    /// Waits for its end, and says which deadline it was told of, and after which time. An error: it was told
    /// something else. `None`: nobody waits.
    pub(super) fn take_silent(
        &mut self,
        until: Instant,
    ) -> Option<Result<(Duration, Duration), Cause>> {
        loop {
            self.hear_silent();
            let silent = self.silent?;
            let now = self.stack.now();
            if silent.ended.is_none() && now < until {
                let due = silent.since + self.plan.deadline;
                self.waits_for = "the deadline";
                self.wait(if now < due { due.min(until) } else { until });
                continue;
            }
            self.silent = None;
            self.stack.close(silent.slot);
            let (end, at) = silent.ended.unwrap_or((End::Silence, now));
            self.received = self.fill(|at| silent.told().get(at).copied());
            let due = deadline_in(self.actual()).unwrap_or_default();
            let told = self.judge(Expected::Late, end);
            return Some(told.map(|()| (due, at.since(silent.since))));
        }
    }
}
