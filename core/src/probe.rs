//! Grades any greet server, over any network stack: checks, each a sentence of the protocol.
//!
//! A stack brings a [`Lab`]: streams, time, and what else it can do. A check whose need it can't
//! meet is skipped, and says why. There is no heap here, so a board can grade a desktop as well.
//! What a report looks like is the caller's business: [`run`] hands out [`Event`]s.

use core::time::Duration;

mod check;
mod checks;
mod datagrams;
mod lab;
mod session;
mod table;
mod vectors;

pub use check::{Act, Cause, Check, End, Expected, Failure, Level, Moment, Run, Verdict};
pub use lab::{Ability, Dial, Lab, LabError};
pub use table::CHECKS;
pub use vectors::{Message, Reply, Then, Vector};

use session::Session;

use crate::time::Instant;

/// How much room [`run`] needs for what it sends and receives. A datagram that is longer needs
/// more, 8000 bytes at most.
pub const ROOM: usize = 1100;

/// How hard to probe.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long the server may take for one answer.
    pub timeout: Duration,
    /// How many clients come at once, and how many silent ones take the server's places.
    pub clients: u16,
    /// How many clients come one after the other.
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
        deadline: checks::DEADLINE,
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
        /// Which.
        check: &'static Check,
    },
    /// A check has ended.
    Ended {
        /// Which.
        check: &'static Check,
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
        /// What it did instead.
        failure: Failure,
        /// What it said.
        actual: &'a [u8],
    },
    /// The server doesn't greet any more: the checks after this one are skipped.
    Stopped {
        /// After which check.
        after: &'static Check,
    },
}

/// How many checks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The server did what it must.
    pub passed: u16,
    /// It broke the protocol.
    pub failed: u16,
    /// It failed at what it should do.
    pub failed_should: u16,
    /// Nothing was checked.
    pub skipped: u16,
    /// Whether there was a greet server, and still is.
    pub server: Server,
}

/// What became of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Server {
    /// It greets.
    #[default]
    Lives,
    /// It greeted, and doesn't any more.
    Stopped,
    /// It never did.
    NeverGreeted,
}

/// Runs the checks that `only` picks, and reports them. `scratch` should have [`ROOM`] bytes or
/// more.
///
/// Before the first and after each check the server must greet an honest client; one that doesn't
/// is asked again for the plan's timeout, as a board may restart, and once at least where the lab
/// [lacks](Lab::lacks) [`Ability::Timing`]. After that the rest is skipped.
pub fn run<L: Lab>(
    lab: &mut L,
    plan: &Plan,
    scratch: &mut [u8],
    only: impl Fn(&Check) -> bool,
    report: &mut dyn FnMut(Event<'_>),
) -> Summary {
    let mut session = Session {
        lab,
        plan: *plan,
        scratch,
        received: 0,
        waits_until: Instant::START,
        told: Instant::START,
        report,
    };
    let mut summary = Summary::default();
    if let Err(cause) = session.greet(0, u16::MAX) {
        summary.server = Server::NeverGreeted;
        let failure = Failure {
            during: "a first greeting",
            cause,
        };
        let actual = session.scratch.get(..session.received).unwrap_or_default();
        (session.report)(Event::NotGreeting { failure, actual });
        return summary;
    }
    let mut udp = session.lab.lacks(Ability::Udp);
    for check in CHECKS.iter().filter(|check| only(check)) {
        (session.report)(Event::Started { check });
        let mut verdict = match (summary.server, udp) {
            (Server::Lives, Some(reason)) if check.act.is_udp() => Verdict::Skipped(reason),
            (Server::Lives, _) => checks::run(&mut session, check.act),
            _ => Verdict::Skipped("the server doesn't greet any more"),
        };
        if check.act.is_udp() && udp.is_none() && checks::is_silence(&verdict) {
            udp = Some("no message is answered: does the receiver reply?");
        }
        session.close_all();
        let skipped = matches!(verdict, Verdict::Skipped(_));
        let failed = matches!(verdict, Verdict::Failed(_));
        if failed || skipped {
            summary.end(&mut session, check, verdict);
        }
        if skipped || summary.server != Server::Lives {
            continue;
        }
        let alive = session.is_alive();
        if let Err(cause) = alive
            && !failed
        {
            let during = "the greeting after it";
            verdict = Verdict::Failed(Failure { during, cause });
        }
        if !failed {
            summary.end(&mut session, check, verdict);
        }
        if alive.is_err() {
            summary.server = Server::Stopped;
            (session.report)(Event::Stopped { after: check });
        }
    }
    summary
}

impl Summary {
    /// Counts a verdict and reports it, with what came last.
    fn end<L: Lab>(
        &mut self,
        session: &mut Session<'_, L>,
        check: &'static Check,
        verdict: Verdict,
    ) {
        self.count(check, &verdict);
        let actual = session.scratch.get(..session.received).unwrap_or_default();
        (session.report)(Event::Ended {
            check,
            verdict,
            actual,
        });
    }

    fn count(&mut self, check: &Check, verdict: &Verdict) {
        let counter = match (verdict, check.level) {
            (Verdict::Passed | Verdict::PassedWithLoss { .. }, _) => &mut self.passed,
            (Verdict::Failed(_), Level::Must) => &mut self.failed,
            (Verdict::Failed(_), Level::Should) => &mut self.failed_should,
            (Verdict::Skipped(_), _) => &mut self.skipped,
        };
        *counter = counter.saturating_add(1);
    }
}
