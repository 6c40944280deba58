//! One run: which checks come, in which order, why one can't run, and whether the server lives on after it.
//!
//! What a check does is its own business, and what a report looks like the caller's.

use super::case::{About, Body, Case, Level, Procedure};
use super::cases::{self, CASES, WAITING};
use super::chance::Chance;
use super::ending::{Endings, OF_FIN};
use super::need::{Mode, Need};
use super::session::{Answers, Known, Session, Waits};
use super::stack::ProbeStack;
use super::verdict::{Cause, End, Failure, Verdict};
use super::{Event, Plan, ServerState, Summary};
use crate::time::Instant;

/// One run, the same code for every stack.
pub(super) struct Runner<'a> {
    session: Session<'a>,
    summary: Summary,
}

impl<'a> Runner<'a> {
    pub(super) fn new<S: ProbeStack>(
        stack: &'a mut S,
        plan: &Plan,
        room: &'a mut [u8],
        report: &'a mut dyn FnMut(Event<'_>),
    ) -> Self {
        let half_close = stack.unsupported(Need::Connections).map(|_| false);
        let session = Session {
            stack,
            plan: *plan,
            known: Known {
                half_close,
                ..Known::default()
            },
            endings: Endings::UNKNOWN,
            room,
            received: 0,
            connections: 0,
            waits_for: "",
            waits_until: Instant::START,
            told: Instant::START,
            nudge: None,
            silent: None,
            report,
        };
        let summary = Summary::default();
        Self { session, summary }
    }

    pub(super) fn run(mut self, only: &dyn Fn(&About) -> bool) -> Summary {
        if !self.greets(only) {
            self.summary.server = ServerState::NeverGreeted;
            return self.summary;
        }
        let all = || CASES.iter().copied().flatten();
        let asked = WAITING.map(|id| all().any(|case| case.about.id == id && only(&case.about)));
        self.session.known.waits.asked = asked;
        for case in all().filter(|case| only(&case.about)) {
            self.check(case);
        }
        self.summary
    }

    pub(super) fn soak(
        mut self,
        only: &dyn Fn(&About) -> bool,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Summary {
        if !self.greets(only) {
            self.summary.server = ServerState::NeverGreeted;
            return self.summary;
        }
        let all = || {
            let all = CASES.iter().copied().flatten();
            all.filter(|case| only(&case.about))
        };
        let (count, seed) = (all().count(), self.session.plan.seed);
        let mut chance = Chance::new(seed);
        while count > 0 && goes_on() {
            // Each check by itself, with an order of its own, whenever its turn comes.
            self.session.known.waits = Waits::default();
            self.session.plan.seed = chance.seed();
            if let Some(case) = all().nth(chance.below(count)) {
                self.check(case);
            }
            if self.summary.failed > 0 || self.summary.server != ServerState::Lives {
                break;
            }
        }
        self.summary
    }

    /// Runs a check, unless something is missing for it.
    fn check(&mut self, case: &'static Case) {
        let check = &case.about;
        (self.session.report)(Event::Started { check });
        let unmet = if self.summary.server == ServerState::Lives {
            self.unmet(check)
        } else {
            Some("the server doesn't greet any more")
        };
        if let Some(reason) = unmet {
            return self.end(check, Verdict::Skipped(reason));
        }
        if check.group() == "udp" {
            self.session.begin_silent();
        }
        let mut verdict = self.run_once(case);
        // That asks again and again by itself, as long as there is patience; and a SYN was repeated before it was
        // unanswered.
        let outlasts_losses = check.needs.contains(&Need::HalfOpen)
            || check.level == Level::May && is_unreachable(&verdict);
        if !outlasts_losses && self.may_be_lost(&verdict) {
            verdict = self.run_once(case);
        }
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

    fn run_once(&mut self, case: &Case) -> Verdict {
        self.session.endings.is_strict = OF_FIN.contains(&case.about.id);
        let verdict = case.body.run(&mut self.session);
        self.session.endings.is_strict = false;
        self.session.close_all();
        verdict
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
                self.session.tell_link(None);
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
            let reason = self.session.stack.unsupported(Need::Connections);
            return Some(reason.unwrap_or("needs half-close"));
        }
        let crowd = [Need::Two, Need::Clients, Need::OneMore, Need::HalfOpen];
        if check.needs.iter().any(|need| crowd.contains(need)) {
            self.session.seek_places();
        }
        let Session {
            stack, plan, known, ..
        } = &self.session;
        let clients = usize::from(plan.clients);
        let missing = check.needs.iter().find_map(|need| {
            let slots = |needed: usize| {
                let few = stack.slots() < needed;
                few.then(|| stack.unsupported(*need).unwrap_or(TOO_FEW_SLOTS))
            };
            match need {
                Need::Two => slots(2),
                Need::Clients => slots(clients),
                Need::OneMore => slots(clients + 1),
                Need::Deadline if plan.quick => Some("a quick run doesn't wait for the deadline"),
                Need::Deadline => plan
                    .deadline
                    .is_zero()
                    .then_some("no deadline was given to wait for"),
                Need::Udp => stack.unsupported(*need).or(match known.answers {
                    Answers::None => Some("no message is answered: does the receiver reply?"),
                    Answers::Closed => Some("nobody listens at this UDP port"),
                    Answers::Unknown | Answers::Some => None,
                }),
                Need::HalfClose | Need::Reassembly => None,
                _ => stack.unsupported(*need),
            }
        });
        let fragments = check.needs.contains(&Need::Reassembly);
        if missing.is_none() && fragments && !self.session.reassembles() {
            return Some("needs reassembly");
        }
        missing
    }

    /// Whether a check failed on a link that is known to lose segments, and may have failed for that. TCP
    /// gets over losses, but some stacks don't get over all of them: one repeats nothing once a late ACK
    /// has closed the window, another sends more than the window allows in a fast retransmission, and from
    /// then on its peer takes none of its ACKs.
    fn may_be_lost(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Failed(failure) => {
                self.session.loses() && self.session.may_be_lost(failure.cause)
            }
            _ => false,
        }
    }

    /// Reports a check that ran, after a look whether the server lives on.
    fn conclude(&mut self, check: &'static About, mut verdict: Verdict) {
        if let Verdict::Skipped(_) = verdict {
            return self.end(check, verdict);
        }
        // What came is shown before the next greeting overwrites it.
        let failed = matches!(verdict, Verdict::Failed(_));
        let suspicion = self.session.suspect(check, &verdict);
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
        if let Err(cause) = alive {
            self.summary.server = ServerState::Stopped;
            let during = "the greeting after it";
            let Session {
                room,
                received,
                report,
                ..
            } = &mut self.session;
            report(Event::Stopped {
                after: check,
                failure: Failure { during, cause },
                actual: room.get(..*received).unwrap_or_default(),
            });
        } else if let Some(suspicion) = suspicion {
            self.session.look_into(suspicion);
        }
    }

    /// Counts a verdict and reports it, with what came last.
    fn end(&mut self, check: &'static About, verdict: Verdict) {
        self.summary.count(check.level, &verdict);
        self.session.tell_link(None);
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

/// Whether no connection came about.
fn is_unreachable(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Failed(Failure {
            cause: Cause::Unreachable,
            ..
        })
    )
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
