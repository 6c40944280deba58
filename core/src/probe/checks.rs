//! What each check does over TCP.
//!
//! [`run`](super::run) calls these. They know the protocol from outside only: what a client sends
//! and what must come back.

use core::time::Duration;

use super::check::{Act, Cause, End, Expected, Failure, Moment, Run, Verdict};
use super::lab::{Ability, Dial, Lab};
use super::session::Session;
use super::vectors::{Then, Vector};
use super::{Event, datagrams};
use crate::limits::{DEFAULT_MSS, Limits};

/// A gap that a busy machine has stretched to this is no fault of the server's.
const STRETCHED: Duration = Duration::from_millis(15);

/// How often a check is repeated whose gaps were stretched.
const TRIES: usize = 5;

/// The name of most checks, and what comes back.
const NAME: &[Run] = &[Run(b"World", 1)];
const LONGEST: &[Run] = &[Run(b"0123456789abcdef", 64)];
const LONGEST_LEN: usize = 1024;

/// Of a name that comes bytewise: how much comes at once, and how much there is.
const AT_ONCE: usize = 560;
const BYTEWISE_NAME: &[Run] = &[Run(b"0123456789", 60)];
const BYTEWISE_LEN: usize = 600;

type Done = Result<Verdict, Failure>;

/// Runs one check over TCP. What it leaves open, the caller closes.
pub(super) fn run<L: Lab>(session: &mut Session<'_, L>, act: Act) -> Verdict {
    let done = match act {
        Act::Vector(vector) => session.vector(vector),
        Act::Bytewise => session.bytewise(),
        Act::SlowReader => session.slow_reader(),
        Act::TightReader => session.tight_reader(),
        Act::HalfClose(moment) => session.half_close(moment),
        Act::Leave => session.leave(),
        Act::Reset(moment) => session.resets(moment),
        Act::Silent => session.silent(),
        Act::AtOnce => session.at_once(),
        Act::OneMore => session.one_more(),
        Act::InARow => session.in_a_row(),
        Act::Latency => session.latency(),
        Act::HalfOpen => session.half_opens(),
        Act::Late => session.late(),
        Act::Message(message) => datagrams::message(session, message),
        Act::Burst => datagrams::burst(session),
    };
    done.unwrap_or_else(Verdict::from)
}

/// Says what was going on when something went wrong.
trait During<T> {
    fn during(self, during: &'static str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Cause> {
    fn during(self, during: &'static str) -> Result<T, Failure> {
        self.map_err(|cause| Failure { during, cause })
    }
}

impl<L: Lab> Session<'_, L> {
    fn vector(&mut self, vector: Vector) -> Done {
        let len = vector
            .send
            .iter()
            .map(|Run(b, n)| b.len() * usize::from(*n))
            .sum::<usize>();
        // Only a long name has to be whole for a while; nothing ends a short one but a gap that
        // the protocol allows for.
        let settles = vector.send.len() > 1 && len >= DEFAULT_MSS;
        if settles && let Some(reason) = self.lab.lacks(Ability::Timing) {
            return Ok(Verdict::Skipped(reason));
        }
        let expected = match vector.refusal {
            Some(sentence) => Expected::Refusal(sentence),
            None => Expected::Greeting(vector.send),
        };
        for _ in 0..TRIES {
            self.open(0, Dial::Plain).during("connecting")?;
            let mut longest = Duration::ZERO;
            for (index, run) in vector.send.iter().enumerate() {
                let before = self.lab.now();
                if index > 0 {
                    self.pause(Duration::from_millis(vector.gap_ms.into()));
                }
                self.send(0, core::slice::from_ref(run), 0, usize::MAX);
                longest = longest.max(self.lab.now().since(before));
            }
            if vector.then == Then::Fin {
                self.finish(0);
            }
            let result = self.expect(0, expected);
            self.lab.close(0);
            if result.is_ok() || !settles || longest < STRETCHED {
                return result.during("one greeting").map(|()| Verdict::Passed);
            }
        }
        Ok(Verdict::Skipped(
            "this machine is too busy to send two segments closer than 15 ms",
        ))
    }

    fn bytewise(&mut self) -> Done {
        if let Some(reason) = self.lab.lacks(Ability::Timing) {
            return Ok(Verdict::Skipped(reason));
        }
        for _ in 0..TRIES {
            self.open(0, Dial::Plain).during("connecting")?;
            let mut longest = Duration::ZERO;
            self.send(0, BYTEWISE_NAME, 0, AT_ONCE);
            for at in AT_ONCE..BYTEWISE_LEN {
                let before = self.lab.now();
                self.pause(Duration::from_millis(1));
                self.send(0, BYTEWISE_NAME, at, at + 1);
                longest = longest.max(self.lab.now().since(before));
            }
            let result = self.expect(0, Expected::Greeting(BYTEWISE_NAME));
            self.lab.close(0);
            if result.is_ok() || longest < STRETCHED {
                return result.during("one greeting").map(|()| Verdict::Passed);
            }
        }
        Ok(Verdict::Skipped(
            "this machine is too busy to send bytes closer than 15 ms",
        ))
    }

    fn slow_reader(&mut self) -> Done {
        self.open(0, Dial::Plain).during("connecting")?;
        self.send(0, LONGEST, 0, LONGEST_LEN);
        self.finish(0);
        let until = self.bound();
        self.received = 0;
        let end = loop {
            // Slow enough to be noticed, and done in a second.
            if self.received.is_multiple_of(64) {
                self.pause(Duration::from_millis(10));
            }
            if let Err(end) = self.take(0, 1, until) {
                break end;
            }
        };
        self.judge(Expected::Greeting(LONGEST), end)
            .during("reading one byte at a time")?;
        Ok(Verdict::Passed)
    }

    fn tight_reader(&mut self) -> Done {
        if let Some(reason) = self.lab.lacks(Ability::Tight) {
            return Ok(Verdict::Skipped(reason));
        }
        self.open(0, Dial::Tight).during("connecting")?;
        self.send(0, LONGEST, 0, LONGEST_LEN);
        self.finish(0);
        self.pause(Duration::from_millis(50)); // the window fills
        self.expect(0, Expected::Greeting(LONGEST))
            .during("reading through a tiny window")?;
        Ok(Verdict::Passed)
    }

    fn half_close(&mut self, moment: Moment) -> Done {
        self.open(0, Dial::Plain).during("connecting")?;
        let expected = match moment {
            Moment::Before => {
                self.finish(0);
                Expected::Greeting(&[])
            }
            Moment::During => {
                self.send_last(0, b"World");
                Expected::Greeting(NAME)
            }
            Moment::After => {
                self.send(0, NAME, 0, usize::MAX);
                self.pause(Duration::from_millis(5));
                self.finish(0);
                Expected::Greeting(NAME)
            }
        };
        self.expect(0, expected).during("one greeting")?;
        Ok(Verdict::Passed)
    }

    /// Whether the server lives on is seen by who runs the checks.
    fn leave(&mut self) -> Done {
        for _ in 0..3 {
            self.open(0, Dial::Plain).during("connecting")?;
            self.lab.close(0);
        }
        Ok(Verdict::Passed)
    }

    fn resets(&mut self, moment: Moment) -> Done {
        if let Some(reason) = self.lab.lacks(Ability::Reset) {
            return Ok(Verdict::Skipped(reason));
        }
        for _ in 0..3 {
            self.open(0, Dial::Plain).during("connecting")?;
            match moment {
                Moment::Before => {}
                Moment::During => self.send(0, &[Run(b"\xe4\xb8", 1)], 0, usize::MAX),
                Moment::After => self.send(0, NAME, 0, usize::MAX),
            }
            self.reset(0);
        }
        Ok(Verdict::Passed)
    }

    fn silent(&mut self) -> Done {
        if self.lab.slots() < 2 {
            return Ok(TOO_FEW_SLOTS);
        }
        self.open(1, Dial::Plain).during("connecting")?;
        for number in 0..3 {
            self.greet(0, number)
                .during("a greeting beside a silent client")?;
        }
        self.send_client(1, 7);
        self.expect(1, Expected::Client(7))
            .during("the silent client speaks at last")?;
        Ok(Verdict::Passed)
    }

    fn at_once(&mut self) -> Done {
        let clients = self.plan.clients;
        if self.lab.slots() < clients.into() {
            return Ok(TOO_FEW_SLOTS);
        }
        for number in 0..clients {
            self.open(number.into(), Dial::Plain)
                .during("connecting one of many")?;
        }
        // The last comes first: no order is promised.
        for number in (0..clients).rev() {
            self.send_client(number.into(), number);
        }
        for number in 0..clients {
            let slot = number.into();
            let mut greeted = self.expect(slot, Expected::Client(number));
            // Where segments are lost, its handshake may have had to give way to somebody else's.
            if greeted.is_err() && self.lab.lacks(Ability::Timing).is_some() {
                self.lab.close(slot);
                greeted = self.greet(slot, number).map(drop);
            }
            greeted.during("the greeting of one of many")?;
        }
        Ok(Verdict::Passed)
    }

    fn one_more(&mut self) -> Done {
        let clients = self.plan.clients;
        let last = usize::from(clients);
        if self.lab.slots() <= last {
            return Ok(TOO_FEW_SLOTS);
        }
        for slot in 0..last {
            self.open(slot, Dial::Plain)
                .during("connecting one of many")?;
            // Who has sent nothing may have to give way.
            self.send(slot, HELD, 0, 1);
        }
        // Where there is no backlog it may be refused, or hear nothing while the others' deadline
        // comes near: it tries again when there is a place.
        let mut until = self.bound();
        if !self.plan.deadline.is_zero() {
            until = until.min(self.lab.now() + self.plan.deadline / 2);
        }
        match self.open_until(last, Dial::Plain, until) {
            Err(cause @ Cause::Lacks(_)) => return Err(cause).during("connecting one more"),
            Err(_) => self.lab.close(last),
            Ok(()) => {}
        }
        let waiting = self.lab.stream(last).is_some();
        let greeted = self.complete_held(0);
        // Where segments are lost, its first byte may have come too late to hold a place.
        if self.lab.lacks(Ability::Timing).is_none() {
            greeted.during("a greeting while all places are taken")?;
        }
        self.lab.close(0);
        if !waiting {
            let until = self.bound();
            self.open_patiently(last, until)
                .during("connecting as soon as a place is free")?;
        }
        self.ask(last, clients).during("the greeting of one more")?;
        // A refusal of who leaves inside a character would be reset, which is another check's.
        for slot in 1..last {
            let _ = self.complete_held(slot);
        }
        Ok(Verdict::Passed)
    }

    /// The name of a client who holds a place, to its end.
    fn complete_held(&mut self, slot: usize) -> Result<(), Cause> {
        self.send(slot, HELD, 1, usize::MAX);
        self.expect(slot, Expected::Greeting(HELD))
    }

    fn in_a_row(&mut self) -> Done {
        let start = self.lab.now();
        for number in 0..self.plan.rounds {
            let took = self
                .greet(0, number)
                .during("one greeting after the other")?;
            (self.report)(Event::Greeting { took });
        }
        let within = self.lab.now().since(start);
        (self.report)(Event::InARow {
            greetings: self.plan.rounds,
            within,
        });
        Ok(Verdict::Passed)
    }

    fn latency(&mut self) -> Done {
        const FLOOR: Duration = Duration::from_millis(100);
        if let Some(reason) = self.lab.lacks(Ability::Timing) {
            return Ok(Verdict::Skipped(reason));
        }
        let crowd = usize::from(self.plan.clients)
            .min(self.lab.slots())
            .saturating_sub(1);
        if crowd == 0 {
            return Ok(TOO_FEW_SLOTS);
        }
        let alone = self.median().during("a greeting alone")?;
        for slot in 1..=crowd {
            self.open(slot, Dial::Plain)
                .during("connecting one of many")?;
        }
        let beside = self.median().during("a greeting beside silent clients")?;
        if beside > FLOOR.max(alone.saturating_mul(10)) {
            return Err(Cause::Slow { alone, beside }).during("a greeting beside silent clients");
        }
        Ok(Verdict::Passed)
    }

    /// The median of a few greetings.
    fn median(&mut self) -> Result<Duration, Cause> {
        let mut took = [Duration::ZERO; 11];
        for (place, number) in took.iter_mut().zip(0..) {
            *place = self.greet(0, number)?;
        }
        took.sort_unstable();
        Ok(took.get(took.len() / 2).copied().unwrap_or_default())
    }

    fn half_opens(&mut self) -> Done {
        if let Some(reason) = self.lab.lacks(Ability::HalfOpen) {
            return Ok(Verdict::Skipped(reason));
        }
        self.lab
            .half_open(self.plan.clients.into())
            .map_err(Cause::from)
            .during("sending SYNs")?;
        // One that never ends is a silent client: it may hold its place up to the deadline.
        let until = self.bound() + self.plan.deadline;
        self.greet_patiently(1, until)
            .during("a greeting beside half-open connections")?;
        Ok(Verdict::Passed)
    }

    fn late(&mut self) -> Done {
        if self.plan.deadline.is_zero() {
            return Ok(Verdict::Skipped("no deadline was given to wait for"));
        }
        self.open(0, Dial::Plain).during("connecting")?;
        let until = self.bound() + self.plan.deadline;
        self.expect_until(0, Expected::Late, until)
            .during("waiting for the deadline")?;
        Ok(Verdict::Passed)
    }
}

/// A character. Its first byte holds a place up to the deadline.
const HELD: &[Run] = &[Run("世".as_bytes(), 1)];

const TOO_FEW_SLOTS: Verdict = Verdict::Skipped("this stack can't hold so many connections");

/// How long a server has by default; for who asks how long [`Act::Late`] takes.
pub(super) const DEADLINE: Duration = Limits::DEFAULT.deadline();

/// Whether this end says that there is nobody at all.
pub(super) fn is_silence(verdict: &Verdict) -> bool {
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
