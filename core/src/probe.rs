//! Grades any greet server, over any network stack: checks, each a sentence of the protocol.
//!
//! A stack is a [`ProbeStack`]: streams, time, and what else it can do. A check whose needs it can't
//! meet is skipped, and says why. There is no heap here, so a board can grade a desktop as well.
//! What a report looks like is the caller's business: [`run`] hands out [`Event`]s.
//!
//! [`CASES`] holds the checks.

use core::time::Duration;

mod bytes;
mod case;
mod cases;
mod need;
mod pipeline;
mod session;
mod stack;
mod verdict;

pub use bytes::Repeat;
pub use case::{
    About, AfterSend, Body, Case, Dialog, Level, Line, Message, Procedure, Reply, Vector, Whose,
};
pub use cases::CASES;
pub use need::{Mode, Need};
pub use session::Session;
pub use stack::{Dial, ProbeStack, StackError};
pub use verdict::{Cause, End, Expected, Failure, Verdict};

use crate::limits::Limits;
use crate::time::Instant;
use session::{Answers, Known};

/// How much room [`run`] needs for what it sends and receives. A datagram that is longer needs
/// more, 8000 bytes at most.
pub const ROOM: usize = 1100;

/// How hard to probe.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long the server may take for one answer. It may take [`deadline`](Self::deadline) longer
    /// to let a client connect.
    pub timeout: Duration,
    /// How many clients come at once, and how many silent ones take the server's places.
    pub clients: u16,
    /// How many clients come one after the other; ten times as many lines are sent without waiting.
    pub rounds: u16,
    /// The server's deadline, at the latest; zero: it isn't waited for.
    pub deadline: Duration,
}

impl Plan {
    /// 5 s, 4 clients, a thousand in a row, and the protocol's deadline.
    pub const DEFAULT: Self = Self {
        timeout: Duration::from_secs(5),
        clients: 4,
        rounds: 1000,
        deadline: Limits::DEFAULT.deadline(),
    };
}

impl Default for Plan {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens while checks run.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A check begins.
    Started {
        /// Which one.
        check: &'static About,
    },
    /// A check has ended.
    Ended {
        /// Which one.
        check: &'static About,
        /// How.
        verdict: Verdict,
        /// What came from the server last, for a reply that is another than was due.
        actual: &'a [u8],
    },
    /// The server has been waited for, and may take so much longer. Comes once a second at most.
    Waiting {
        /// Until the wait is given up.
        left: Duration,
    },
    /// One greeting of the many in a row.
    Greeting {
        /// From connecting to FIN.
        took: Duration,
    },
    /// All of the many in a row.
    InARow {
        /// How many.
        greetings: u16,
        /// In which time.
        within: Duration,
    },
    /// The server greets nobody: no check was run.
    NotGreeting {
        /// Where it was asked.
        mode: Mode,
        /// What it did instead.
        failure: Failure,
        /// What it said.
        actual: &'a [u8],
    },
    /// The server doesn't greet any more: the checks after this one are skipped.
    Stopped {
        /// After which check.
        after: &'static About,
    },
}

/// How many checks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The sentence held.
    pub passed: u16,
    /// It was a MUST, and was broken.
    pub failed: u16,
    /// It was a SHOULD, and was broken: worse than it should be.
    pub worse: u16,
    /// It was a MAY, and didn't hold: to be noted.
    pub noted: u16,
    /// Something else got in the way.
    pub inconclusive: u16,
    /// Nothing was checked.
    pub skipped: u16,
    /// Whether there was a greet server, and still is.
    pub server: ServerState,
}

/// What became of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerState {
    /// It greets.
    #[default]
    Lives,
    /// It greeted, and doesn't any more.
    Stopped,
    /// It never did.
    NeverGreeted,
}

/// Runs the checks that `only` picks, and reports them. `room` should have [`ROOM`] bytes or more.
///
/// Before the first check of a mode and after each check the server must greet an honest client; one
/// that doesn't is asked again for the plan's deadline and timeout, as a board may be busy or restart,
/// and once at least where the stack can't [time](Need::Timing) its segments. After that the rest is
/// skipped.
pub fn run<S: ProbeStack>(
    stack: &mut S,
    plan: &Plan,
    room: &mut [u8],
    only: impl Fn(&About) -> bool,
    report: &mut dyn FnMut(Event<'_>),
) -> Summary {
    let session = Session {
        stack,
        plan: *plan,
        known: Known::default(),
        room,
        received: 0,
        waits_until: Instant::START,
        told: Instant::START,
        report,
    };
    Runner {
        session,
        summary: Summary::default(),
    }
    .run(&only)
}

/// One run, the same code for every stack.
struct Runner<'a> {
    session: Session<'a>,
    summary: Summary,
}

impl Runner<'_> {
    fn run(mut self, only: &dyn Fn(&About) -> bool) -> Summary {
        if !self.greets(only) {
            self.summary.server = ServerState::NeverGreeted;
            return self.summary;
        }
        for case in CASES
            .iter()
            .copied()
            .flatten()
            .filter(|case| only(&case.about))
        {
            let check = &case.about;
            (self.session.report)(Event::Started { check });
            let unmet = if self.summary.server == ServerState::Lives {
                self.unmet(check)
            } else {
                Some("the server doesn't greet any more")
            };
            if let Some(reason) = unmet {
                self.end(check, Verdict::Skipped(reason));
                continue;
            }
            let verdict = case.body.run(&mut self.session);
            self.session.close_all();
            self.conclude(check, verdict);
            if check.needs.contains(&Need::Udp) {
                match verdict {
                    Verdict::Passed | Verdict::PassedWithLoss { .. } => {
                        self.session.known.answers = Answers::Some;
                    }
                    // One silence isn't all.
                    _ if is_silence(&verdict) => self.session.seek_answers(),
                    _ => {}
                }
            }
        }
        self.summary
    }

    /// Whether there is a greet server at each address that the checks will ask.
    fn greets(&mut self, only: &dyn Fn(&About) -> bool) -> bool {
        for mode in [Mode::Name, Mode::Lines] {
            let asked = CASES
                .iter()
                .copied()
                .flatten()
                .any(|case| case.about.mode() == Some(mode) && only(&case.about));
            let here = asked && self.session.stack.unsupported(mode.into()).is_none();
            if !here && mode != self.session.home() {
                continue;
            }
            if let Err(cause) = self.session.greet_first(mode) {
                let during = "a first greeting";
                let failure = Failure { during, cause };
                let Session {
                    room,
                    received,
                    report,
                    ..
                } = &mut self.session;
                let actual = room.get(..*received).unwrap_or_default();
                report(Event::NotGreeting {
                    mode,
                    failure,
                    actual,
                });
                return false;
            }
        }
        true
    }

    /// Why a check can't run.
    fn unmet(&mut self, check: &About) -> Option<&'static str> {
        const TOO_FEW_SLOTS: &str = "this stack can't hold so many connections";
        let asks_for_it = check.needs.contains(&Need::HalfClose);
        // Every greeting in lines mode ends with FIN, unless it costs the reply.
        let may_use_it = asks_for_it || check.mode() == Some(Mode::Lines);
        if may_use_it && !self.session.half_closes() && asks_for_it {
            return Some("needs half-close");
        }
        let Session {
            stack, plan, known, ..
        } = &self.session;
        let slots = |needed: usize| (stack.slots() < needed).then_some(TOO_FEW_SLOTS);
        let clients = usize::from(plan.clients);
        check.needs.iter().find_map(|need| match need {
            Need::Two => slots(2),
            Need::Clients => slots(clients),
            Need::OneMore => slots(clients + 1),
            Need::Deadline => plan
                .deadline
                .is_zero()
                .then_some("no deadline was given to wait for"),
            Need::Udp => stack.unsupported(*need).or(match known.answers {
                Answers::None => Some("no message is answered: does the receiver reply?"),
                Answers::Closed => Some("nobody listens at this UDP port"),
                Answers::Unknown | Answers::Some => None,
            }),
            Need::HalfClose => None,
            _ => stack.unsupported(*need),
        })
    }

    /// Reports a check that ran, after a look whether the server lives on.
    fn conclude(&mut self, check: &'static About, mut verdict: Verdict) {
        if let Verdict::Skipped(_) = verdict {
            return self.end(check, verdict);
        }
        // What came is shown before the next greeting overwrites it.
        let failed = matches!(verdict, Verdict::Failed(_));
        if failed {
            self.end(check, verdict);
        }
        let mode = check.mode().unwrap_or(self.session.home());
        let alive = self.session.is_alive(mode);
        if !failed {
            if let Err(cause) = alive {
                let during = "the greeting after it";
                verdict = Verdict::Failed(Failure { during, cause });
            }
            self.end(check, verdict);
        }
        if alive.is_err() {
            self.summary.server = ServerState::Stopped;
            (self.session.report)(Event::Stopped { after: check });
        }
    }

    /// Counts a verdict and reports it, with what came last.
    fn end(&mut self, check: &'static About, verdict: Verdict) {
        self.summary.count(check.level, &verdict);
        let Session {
            room,
            received,
            report,
            ..
        } = &mut self.session;
        let actual = room.get(..*received).unwrap_or_default();
        report(Event::Ended {
            check,
            verdict,
            actual,
        });
    }
}

impl Body {
    fn run(&self, session: &mut Session<'_>) -> Verdict {
        let done = match self {
            Self::Tcp(vector) => cases::vector(session, vector),
            Self::Lines(dialog) => cases::dialog(session, dialog),
            Self::Udp(message) => cases::message(session, message),
            Self::Run(Procedure(procedure)) => procedure(session),
        };
        done.unwrap_or_else(Verdict::from)
    }
}

impl Summary {
    fn count(&mut self, level: Level, verdict: &Verdict) {
        let counter = match (verdict, level) {
            (Verdict::Passed | Verdict::PassedWithLoss { .. }, _) => &mut self.passed,
            (Verdict::Failed(_), Level::Must) => &mut self.failed,
            (Verdict::Failed(_), Level::Should) => &mut self.worse,
            (Verdict::Failed(_), Level::May) => &mut self.noted,
            (Verdict::Inconclusive(_), _) => &mut self.inconclusive,
            (Verdict::Skipped(_), _) => &mut self.skipped,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Whether this end says that there is nobody at all.
fn is_silence(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Failed(Failure {
            cause: Cause::Reply {
                end: End::Silence | End::Broken(_),
                ..
            },
            ..
        })
    )
}
