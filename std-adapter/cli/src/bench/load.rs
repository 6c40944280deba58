//! The load: one sequence of greetings, which all event loops share, and what goes wrong with it.

use std::io;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::client::Server;
use super::fault::sentence;
use super::share::Share;
use crate::args::BenchArgs;
use crate::latency::Latency;
use crate::signals;

/// What is going on, for all loops.
pub struct Load<'a> {
    pub args: &'a BenchArgs,
    pub server: Server,
    pub start: Instant,
    /// Nothing begins from then on. `None`: a number of greetings ends it.
    end: Option<Instant>,
    /// Numbers the greetings.
    next: AtomicU64,
    done: AtomicU64,
    /// How many clients ask now, and the most that ever did.
    asking: AtomicUsize,
    at_once: AtomicUsize,
    /// How many messages in a row were lost.
    silent: AtomicU64,
    /// No message is answered any more.
    is_mute: AtomicBool,
    /// How often something went wrong.
    errors: AtomicU64,
    said: Mutex<Said>,
}

/// The first of each.
#[derive(Default)]
struct Said {
    wrong: Option<String>,
    lack: Option<&'static str>,
}

/// What came of it.
pub struct Report {
    pub latency: Latency,
    /// The time in which greetings were asked for, or still answered.
    pub took: Duration,
    /// Greetings that were due, but weren't begun before the end.
    pub not_begun: u64,
    /// Messages without an answer.
    pub lost: u64,
    /// Whether it was given up, as no message was answered any more.
    pub is_mute: bool,
    /// How many messages of one source the server answers in a second, if it limits that.
    pub limit: Option<u64>,
    pub errors: u64,
    /// Whether it was given up, as so many failed.
    pub is_hopeless: bool,
    /// The first of them.
    pub wrong: Option<String>,
    /// What this machine ran out of.
    pub lack: Option<&'static str>,
    /// So many clients asked at once at most.
    pub at_once: usize,
}

/// How often an event loop looks whose time is over.
pub const LOOK: Duration = Duration::from_millis(10);

/// So many greetings may fail, or be lost by each client in a row, before it makes no sense to go
/// on.
const ENOUGH: u64 = 100;

impl<'a> Load<'a> {
    pub fn new(args: &'a BenchArgs, server: Server) -> Self {
        let start = Instant::now();
        Self {
            args,
            server,
            start,
            end: match args.count {
                Some(_) => None,
                None => start.checked_add(args.duration),
            },
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            asking: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            silent: AtomicU64::new(0),
            is_mute: AtomicBool::new(false),
            errors: AtomicU64::new(0),
            said: Mutex::default(),
        }
    }

    /// The next greeting, and when it is due. `None`: there is no more.
    pub fn take(&self, now: Instant) -> Option<(u64, Instant)> {
        if self.is_over(now) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.args.count.is_some_and(|count| number >= count.get()) {
            return None;
        }
        let due = match self.args.rate {
            // 584 years at one in a nanosecond.
            #[expect(clippy::cast_precision_loss, reason = "exact for years of any load")]
            Some(rate) => {
                let after = Duration::try_from_secs_f64(number as f64 / f64::from(rate.get()));
                self.start.checked_add(after.ok()?)?
            }
            None => now,
        };
        Some((number, due))
    }

    /// Whether nothing more is to begin.
    pub fn is_over(&self, now: Instant) -> bool {
        self.is_cut() || self.end.is_some_and(|end| end <= now)
    }

    /// Whether it ends before its time.
    fn is_cut(&self) -> bool {
        signals::noted().is_some() || self.is_mute.load(Ordering::Relaxed) || self.is_hopeless()
    }

    fn is_hopeless(&self) -> bool {
        self.errors.load(Ordering::Relaxed) >= ENOUGH
    }

    /// A client began to ask.
    pub fn joined(&self) {
        let asking = self.asking.fetch_add(1, Ordering::Relaxed) + 1;
        self.at_once.fetch_max(asking, Ordering::Relaxed);
    }

    /// A client asks no more.
    pub fn left(&self) {
        self.asking.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many greetings came.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// A greeting came.
    pub fn succeeded(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.silent.store(0, Ordering::Relaxed);
    }

    /// A message wasn't answered.
    pub fn lost(&self) {
        let silent = self.silent.fetch_add(1, Ordering::Relaxed) + 1;
        let clients = u64::try_from(self.args.clients.get()).unwrap_or(u64::MAX);
        if silent >= ENOUGH.saturating_mul(clients) {
            self.is_mute.store(true, Ordering::Relaxed);
        }
    }

    /// A greeting failed.
    pub fn failed(&self, error: &io::Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.said().wrong.get_or_insert_with(|| sentence(error));
    }

    /// This machine has no room for a client that was to begin.
    pub fn lacks(&self, what: &'static str) {
        self.said().lack.get_or_insert(what);
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of it, when it is over.
    pub fn report(&self, sum: Share) -> Report {
        let said = std::mem::take(&mut *self.said());
        // After the duration, what never comes is only waited for.
        let took = match self.args.count {
            Some(_) => sum.ended,
            None => sum.ended.min(self.args.duration).max(sum.last),
        };
        // A run that is cut may have had clients for what was due since its last look.
        let due_until = if self.is_cut() {
            took.saturating_sub(LOOK)
        } else {
            took
        };
        Report {
            took,
            not_begun: self.due_within(due_until).saturating_sub(sum.begun),
            limit: sum.rhythm.limit(),
            latency: sum.latency,
            lost: sum.lost,
            is_mute: self.is_mute.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            is_hopeless: self.is_hopeless(),
            wrong: said.wrong,
            lack: said.lack,
            at_once: self.at_once.load(Ordering::Relaxed),
        }
    }

    /// How many greetings were to begin within some time of the run, whoever had time for them.
    fn due_within(&self, took: Duration) -> u64 {
        let count = self.args.count.map(NonZeroU64::get);
        let took = match count {
            Some(_) => took,
            None => took.min(self.args.duration),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let due = self
            .args
            .rate
            .map(|rate| (took.as_secs_f64() * f64::from(rate.get())).ceil() as u64);
        match (count, due) {
            // Whoever goes on to the end asks for all of them.
            (Some(count), Some(due)) if self.is_cut() => due.min(count),
            (Some(count), _) => count,
            (None, due) => due.unwrap_or(0),
        }
    }
}
