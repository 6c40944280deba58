//! The load: event loops with many clients each, which share one sequence of greetings.
//!
//! The server closes first, so the ports that wait (TIME-WAIT) are on its side, and this side
//! doesn't run out of them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Token, Waker};

use super::client::{Client, Server};
use crate::args::BenchArgs;
use crate::latency::Latency;
use crate::signals;

/// What is going on, for all loops.
pub struct Load<'a> {
    args: &'a BenchArgs,
    server: Server,
    start: Instant,
    /// Numbers the greetings.
    next: AtomicU64,
    done: AtomicU64,
    /// The first thing that went wrong, and how often anything did.
    wrong: Mutex<Option<String>>,
    errors: AtomicU64,
}

/// What came of it.
pub struct Report {
    pub latency: Latency,
    /// From the start to the last reply.
    pub took: Duration,
    /// Messages without an answer.
    pub lost: u64,
    pub errors: u64,
    /// The first of them.
    pub wrong: Option<String>,
}

/// So many greetings may fail before it makes no sense to go on.
const ENOUGH: u64 = 100;

/// How often it is looked whose time is over.
const LOOK: Duration = Duration::from_millis(100);

/// The token of the clock; clients have those below.
const CLOCK: Token = Token(usize::MAX);

impl<'a> Load<'a> {
    pub fn new(args: &'a BenchArgs, server: Server) -> Self {
        Self {
            args,
            server,
            start: Instant::now(),
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            wrong: Mutex::new(None),
            errors: AtomicU64::new(0),
        }
    }

    /// Asks for all greetings, and tells `progress` now and then how many came.
    ///
    /// # Errors
    ///
    /// The system has no event loop for it.
    pub fn run(&self, progress: impl Fn(u64, Duration)) -> io::Result<Report> {
        let clients = self.args.clients.get();
        let count = thread::available_parallelism().map_or(1, usize::from);
        let count = count.min(clients);
        // All of them are there before the first client takes a file.
        let loops: Vec<_> = (0..count)
            .map(|number| {
                let share = clients / count + usize::from(number < clients % count);
                Loop::new(self, share)
            })
            .collect::<io::Result<_>>()?;
        let reports = thread::scope(|scope| {
            let running: Vec<_> = loops
                .into_iter()
                .map(|one| scope.spawn(move || one.run()))
                .collect();
            while !running.iter().all(thread::ScopedJoinHandle::is_finished) {
                progress(self.done.load(Ordering::Relaxed), self.start.elapsed());
                thread::sleep(Duration::from_millis(50));
            }
            running
                .into_iter()
                .map(|one| {
                    one.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect::<io::Result<Vec<_>>>()
        })?;
        let mut sum = Report {
            latency: Latency::new(),
            took: Duration::ZERO,
            lost: 0,
            errors: self.errors.load(Ordering::Relaxed),
            wrong: self.first_wrong().take(),
        };
        for one in reports {
            sum.latency.add(&one.latency);
            sum.took = sum.took.max(one.took);
            sum.lost += one.lost;
        }
        Ok(sum)
    }

    /// The next greeting, and when it is due. `None`: enough.
    fn take(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.args.rate {
            // 584 years at one in a nanosecond.
            #[expect(clippy::cast_precision_loss, reason = "exact for years of any load")]
            Some(rate) => {
                self.start + Duration::from_secs_f64(number as f64 / f64::from(rate.get()))
            }
            None => Instant::now(),
        };
        let enough = match self.args.count {
            Some(count) => number >= count.get(),
            None => due.duration_since(self.start) >= self.args.duration,
        };
        (!enough && self.errors.load(Ordering::Relaxed) < ENOUGH).then_some((number, due))
    }

    fn failed(&self, sentence: String) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.first_wrong().get_or_insert(sentence);
    }

    fn first_wrong(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One event loop.
struct Loop<'a> {
    load: &'a Load<'a>,
    poll: mio::Poll,
    clients: Vec<Client>,
    /// The places of clients who have nothing to do.
    idle: Vec<usize>,
    /// The next greeting, which isn't due yet.
    ahead: Option<(u64, Instant)>,
    clock: Option<Sender<Instant>>,
    /// Nothing is left to begin.
    over: bool,
    looked: Instant,
    latency: Latency,
    took: Duration,
    lost: u64,
}

impl<'a> Loop<'a> {
    fn new(load: &'a Load<'a>, clients: usize) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let clock = match load.args.rate {
            Some(_) => Some(clock(Waker::new(poll.registry(), CLOCK)?)),
            None => None,
        };
        Ok(Self {
            load,
            poll,
            clients: (0..clients).map(|_| Client::new(load.start)).collect(),
            idle: (0..clients).rev().collect(),
            ahead: None,
            clock,
            over: false,
            looked: load.start,
            latency: Latency::new(),
            took: Duration::ZERO,
            lost: 0,
        })
    }

    fn run(mut self) -> io::Result<Report> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.begin();
            if self.over && self.idle.len() == self.clients.len() || signals::noted().is_some() {
                break;
            }
            match self.poll.poll(&mut events, Some(LOOK)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                if event.token() != CLOCK {
                    self.go_on(event.token().0);
                }
            }
            self.give_up();
        }
        Ok(Report {
            latency: self.latency,
            took: self.took,
            lost: self.lost,
            errors: 0,
            wrong: None,
        })
    }

    /// Begins greetings as long as a client is idle and one is due.
    fn begin(&mut self) {
        while !self.over
            && signals::noted().is_none()
            && let Some(place) = self.idle.last().copied()
        {
            let was_ahead = self.ahead.is_some();
            let Some((number, due)) = self.ahead.take().or_else(|| self.load.take()) else {
                self.over = true;
                return;
            };
            let now = Instant::now();
            if due > now {
                self.ahead = Some((number, due));
                if self.idle.len() == self.clients.len() {
                    thread::sleep(LOOK.min(due - now)); // nobody else is to be waited for
                    continue;
                }
                if let Some(clock) = &self.clock
                    && !was_ahead
                {
                    let _ = clock.send(due); // it listens as long as this loop lives
                }
                return;
            }
            self.idle.pop();
            let client = &mut self.clients[place];
            // A reply that comes late makes the next late as well: with a rate, each counts from
            // when it was due, not from when it could be sent.
            client.begun = if self.load.args.rate.is_some() {
                due
            } else {
                now
            };
            client.due = now + self.load.args.timeout;
            let registry = self.poll.registry();
            match client.begin(self.load.server, number, registry, Token(place)) {
                // On a loopback it is connected by now, though the system says `in progress`.
                Ok(()) => self.go_on(place),
                Err(error) => self.end(place, Err(error)),
            }
        }
    }

    fn go_on(&mut self, place: usize) {
        if let Some(client) = self.clients.get_mut(place)
            && client.is_asking()
            && let Poll::Ready(result) = client.go_on()
        {
            self.end(place, result);
        }
    }

    fn end(&mut self, place: usize, result: io::Result<()>) {
        let client = &mut self.clients[place];
        client.end();
        self.idle.push(place);
        match result {
            Ok(()) => {
                self.latency.record(client.begun.elapsed());
                self.took = self.load.start.elapsed();
                self.load.done.fetch_add(1, Ordering::Relaxed);
            }
            // UDP may lose it.
            Err(error)
                if error.kind() == io::ErrorKind::TimedOut
                    && matches!(self.load.server, Server::Udp(_)) =>
            {
                self.lost += 1;
            }
            Err(error) => self.load.failed(sentence(&error)),
        }
    }

    /// Ends whatever takes too long.
    fn give_up(&mut self) {
        let now = Instant::now();
        if now < self.looked + LOOK {
            return;
        }
        self.looked = now;
        for place in 0..self.clients.len() {
            let client = &self.clients[place];
            if client.is_asking() && client.due <= now {
                self.end(place, Err(io::ErrorKind::TimedOut.into()));
            }
        }
    }
}

/// Wakes a loop at each moment that it is sent: an event loop's own timeout counts milliseconds.
fn clock(waker: Waker) -> Sender<Instant> {
    let (sender, moments) = mpsc::channel::<Instant>();
    let waker = Arc::new(waker);
    thread::spawn(move || {
        for moment in moments {
            if let Some(early) = moment.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            if waker.wake().is_err() {
                return; // the loop looks again in a while
            }
        }
    });
    sender
}

/// What went wrong, and what to do.
pub fn sentence(error: &io::Error) -> String {
    /// EMFILE and ENFILE on every Unix, for which the standard library has no stable name.
    const FILES: [i32; 2] = [24, 23];
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => "no port is free on this machine (wait a minute for \
             those of earlier connections, or ask for fewer with --rate)"
            .to_owned(),
        io::ErrorKind::ConnectionRefused => {
            "connection refused (is a server running there?)".to_owned()
        }
        io::ErrorKind::ConnectionReset => "the server reset the connection".to_owned(),
        io::ErrorKind::TimedOut => "no whole reply in time".to_owned(),
        _ if cfg!(unix)
            && error
                .raw_os_error()
                .is_some_and(|code| FILES.contains(&code)) =>
        {
            "too many files are open (raise the limit with `ulimit -n`, or ask for fewer clients \
             with -c)"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::sentence;

    #[test]
    fn no_free_port_is_a_sentence_that_says_what_to_do() {
        let sentence = sentence(&Error::from(ErrorKind::AddrNotAvailable));
        assert!(sentence.starts_with("no port is free on this machine"));
        assert!(sentence.contains("--rate"));
    }
}
