//! Grades any greet server, over any network stack: checks, each a sentence of the protocol.
//!
//! A stack is a [`ProbeStack`]: streams, time, and what else it can do. A check whose needs it can't
//! meet is skipped, and says why. There is no heap here, so a board can grade a desktop as well.
//! What a report looks like is the caller's business: [`run`] hands out [`Event`]s.
//!
//! [`CASES`] holds the checks.

use core::time::Duration;

mod beside;
mod bytes;
mod case;
mod cases;
mod chance;
mod datagrams;
mod ending;
mod fact;
mod greet;
mod link;
mod need;
mod noted;
mod nudge;
mod pace;
mod pipeline;
mod runner;
mod sample;
mod search;
mod session;
mod silent;
mod stack;
mod usual_end;
mod verdict;

pub use bytes::Repeat;
pub use case::{
    About, AfterSend, Body, Case, Dialog, Level, Line, Message, Procedure, Reply, Vector, Whose,
};
pub use cases::CASES;
pub use fact::{Again, Beyond, Fact, Way};
pub use link::LinkCounters;
pub use need::{Mode, Need};
pub use sample::Sample;
pub use session::Session;
pub use stack::{Dial, ProbeStack, StackError};
pub use verdict::{Cause, End, Expected, Failure, Verdict};

use crate::limits::Limits;
use runner::Runner;

/// How much room [`run`] needs for what it sends and receives. A datagram that is longer needs
/// more, 8000 bytes at most.
pub const ROOM: usize = 1100;

/// How hard to probe.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long the server may take for one answer. It may take [`deadline`](Self::deadline) longer
    /// to let a client connect.
    pub timeout: Duration,
    /// How many clients come at once, and how many silent ones take the server's places; zero: as many
    /// as the server is found to serve at once.
    pub clients: u16,
    /// How many clients come one after the other, or fewer if that takes long; ten times as many lines are
    /// sent without waiting.
    pub rounds: u16,
    /// The server's deadline, at the latest; zero: it isn't waited for.
    pub deadline: Duration,
    /// What is left to chance follows from it: the same seed, the same run.
    pub seed: u64,
    /// Whether checks of many lengths and clients go on until all have had their turn, however long
    /// that takes.
    pub thorough: bool,
    /// Leaves out the checks that wait for the deadline, and tries fewer orders.
    pub quick: bool,
}

impl Plan {
    /// 5 s, 4 clients, a thousand in a row, and the protocol's deadline; seed 1, and neither thorough nor
    /// quick.
    pub const DEFAULT: Self = Self {
        timeout: Duration::from_secs(5),
        clients: 4,
        rounds: 1000,
        deadline: Limits::DEFAULT.deadline(),
        seed: 1,
        thorough: false,
        quick: false,
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
        /// What for: `the deadline`.
        what: &'static str,
        /// Until the wait is given up.
        left: Duration,
    },
    /// A check has measured something.
    Found {
        /// What.
        fact: Fact,
    },
    /// After a check an honest client was greeted.
    Alive {
        /// From connecting to FIN.
        took: Duration,
        /// How many connections were begun up to now.
        connections: u64,
    },
    /// What this side saw of the link since this came last, where its stack
    /// [tells](ProbeStack::link). Comes with each greeting of the many in a row, and with the end of each
    /// check.
    Link {
        /// What it saw.
        seen: LinkCounters,
        /// Of one greeting of the many in a row, and nothing else: from connecting to FIN.
        greeting: Option<Duration>,
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
        /// What came of the last greeting that was tried.
        failure: Failure,
        /// What the server said then.
        actual: &'a [u8],
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
    Runner::new(stack, plan, room, report).run(&only)
}

/// Runs the checks that `only` picks one after the other in orders that follow from the plan's seed, again
/// and again, and reports them as [`run`] does. It ends once a MUST is broken, when the server has
/// stopped, or when `goes_on`, which is asked before each check, says no.
pub fn soak<S: ProbeStack>(
    stack: &mut S,
    plan: &Plan,
    room: &mut [u8],
    only: impl Fn(&About) -> bool,
    goes_on: &mut dyn FnMut() -> bool,
    report: &mut dyn FnMut(Event<'_>),
) -> Summary {
    Runner::new(stack, plan, room, report).soak(&only, goes_on)
}
