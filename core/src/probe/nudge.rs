//! A greeting that stands still, and a frame of somebody else's that is sent meanwhile. Where greetings go on at
//! once then, and don't without, frames stay in a driver until the next one comes or leaves. What is lost comes
//! only when it is sent again, whoever else sends.

use core::time::Duration;

use super::Event;
use super::chance::Chance;
use super::fact::Fact;
use super::need::Need;
use super::noted::Nudge;
use super::session::Session;
use super::stack::Dial;
use crate::time::Instant;

/// Greetings in a row that stood still, up to now.
#[derive(Debug)]
pub(super) struct Nudges {
    chance: Chance,
    /// Which of the next few is left alone.
    alone: u16,
    /// How long the first greetings took.
    first: [Duration; FIRST],
    greeted: usize,
    /// How many were nudged and how many were left alone, and how many of each went on at once.
    nudged: u16,
    came: u16,
    left: u16,
    came_alone: u16,
}

/// So many greetings say how long one takes.
const FIRST: usize = 9;

/// A board that takes longer is too far away: no segment is sent again before 200 ms are over (Linux; RFC 6298 has a
/// second), and all is to be seen before that.
const NEAR: Duration = Duration::from_millis(15);

/// So many greetings that stand still tell enough; of so many that follow each other, one is left alone.
const MOST: u16 = 24;
const ALONE: u16 = 4;

/// Who nudges.
const BESIDE: usize = 1;

impl Nudges {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            alone: one_of_few(&mut chance),
            chance,
            first: [Duration::ZERO; FIRST],
            greeted: 0,
            nudged: 0,
            came: 0,
            left: 0,
            came_alone: 0,
        }
    }

    /// How long a greeting takes, once that is known.
    fn usual(&self) -> Option<Duration> {
        let mut first = self.first;
        first.sort_unstable();
        let usual = first.get(FIRST / 2).copied()?;
        (self.greeted >= FIRST).then_some(usual)
    }

    /// Whether a greeting took so long that something of it was sent again, here or there.
    pub(super) fn is_late(&self, took: Duration) -> bool {
        const AGAIN: Duration = Duration::from_millis(150);
        self.usual().is_some_and(|usual| took > usual * 3 + AGAIN)
    }

    /// Whether another one that stands still would tell anything. Where no frame helps, more of them would only
    /// disturb a link of which losses are counted.
    fn goes_on(&self) -> bool {
        let is_near = self.usual().is_some_and(|usual| usual <= NEAR);
        let is_block = (self.nudged + self.left).is_multiple_of(ALONE);
        let is_in_vain = is_block && self.came * 2 < self.nudged;
        is_near && self.nudged + self.left < MOST && !is_in_vain
    }

    /// A greeting begins.
    pub(super) fn watch(&mut self, session: &mut Session<'_>) {
        let can = session.stack.slots() > BESIDE
            && [Need::Connections, Need::Timing]
                .iter()
                .all(|need| session.stack.unsupported(*need).is_none());
        let Some(usual) = self.usual().filter(|_| can && self.goes_on()) else {
            return;
        };
        session.nudge = Some(Nudge {
            at: session.stack.now() + usual * 3 + Duration::from_millis(40),
            sends: (self.nudged + self.left) % ALONE != self.alone,
            passed: None,
        });
    }

    /// It is over, after so long if it was one.
    pub(super) fn note(&mut self, session: &mut Session<'_>, took: Option<Duration>) {
        if let (Some(took), Some(place)) = (took, self.first.get_mut(self.greeted)) {
            *place = took;
            self.greeted += 1;
        }
        let Some(Nudge {
            sends,
            passed: Some(passed),
            ..
        }) = session.nudge.take()
        else {
            return;
        };
        let soon = self.usual().unwrap_or_default() * 3 + Duration::from_millis(20);
        let came = took.is_some() && session.stack.now() <= passed + soon;
        let (all, those) = if sends {
            session.stack.close(BESIDE);
            (&mut self.nudged, &mut self.came)
        } else {
            (&mut self.left, &mut self.came_alone)
        };
        *all += 1;
        *those += u16::from(came);
        if (self.nudged + self.left).is_multiple_of(ALONE) {
            self.alone = one_of_few(&mut self.chance);
        }
    }

    /// Tells what came of it, if anything stood still.
    pub(super) fn tell(&self, session: &mut Session<'_>) {
        let Self {
            nudged,
            came,
            left,
            came_alone,
            ..
        } = *self;
        if nudged + left > 0 {
            let fact = Fact::Nudged {
                nudged,
                came,
                left,
                came_alone,
            };
            (session.report)(Event::Found { fact });
        }
    }
}

fn one_of_few(chance: &mut Chance) -> u16 {
    u16::try_from(chance.below(ALONE.into())).unwrap_or_default()
}

impl Session<'_> {
    /// Whatever is waited for: nudges once it is time, and says when that will be.
    pub(super) fn nudge_when_due(&mut self, now: Instant) -> Instant {
        let Some(nudge) = &mut self.nudge else {
            return Instant::NEVER;
        };
        if nudge.passed.is_some() {
            return Instant::NEVER;
        }
        if now < nudge.at {
            return nudge.at;
        }
        nudge.passed = Some(now);
        if nudge.sends {
            self.connections += 1;
            let mode = self.home();
            // Where there is none, it comes as if it was left alone.
            let _ = self.stack.connect(BESIDE, mode, Dial::Plain);
        }
        Instant::NEVER
    }
}
