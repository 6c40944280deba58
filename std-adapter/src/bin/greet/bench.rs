//! `greet bench`: load on a greet server, with every byte of every reply checked.
//!
//! Each client is a thread that does one blocking greeting after the other: at the rates that the
//! loopback of a desktop reaches, the time is the kernel's. The server closes first, so the ports
//! that wait (TIME-WAIT) are on its side, and this side doesn't run out of them.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write, stderr};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use greet_std::core::limits::{GREETING, MAX_REPLY};
use greet_std::core::text::shown;
use serde_json::json;

use crate::args::BenchArgs;
use crate::console;
use crate::latency::{Latency, micros};
use crate::probe::resolve;

/// What is going on, for all clients.
struct Load<'a> {
    args: &'a BenchArgs,
    server: SocketAddr,
    start: Instant,
    /// Numbers the greetings.
    next: AtomicU64,
    done: AtomicU64,
    /// The first thing that went wrong, and how often anything did.
    wrong: Mutex<Option<String>>,
    errors: AtomicU64,
}

/// So many greetings may fail before it makes no sense to go on.
const ENOUGH: u64 = 100;

pub fn run(args: &BenchArgs) -> Result<()> {
    let server = resolve(&args.server)?;
    let load = Load {
        args,
        server,
        start: Instant::now(),
        next: AtomicU64::new(0),
        done: AtomicU64::new(0),
        wrong: Mutex::new(None),
        errors: AtomicU64::new(0),
    };
    let latencies = thread::scope(|scope| {
        let clients: Vec<_> = (0..args.clients.get())
            .map(|_| scope.spawn(|| load.client()))
            .collect();
        while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
            load.progress();
            thread::sleep(Duration::from_millis(50));
        }
        clients
            .into_iter()
            .map(|client| {
                client
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<Vec<_>>()
    });
    let took = load.start.elapsed();
    let mut latency = Latency::new();
    for one in &latencies {
        latency.add(one);
    }
    load.conclude(&latency, took)
}

impl Load<'_> {
    /// One client after the other, until there is nothing left to do.
    fn client(&self) -> Latency {
        let mut latency = Latency::new();
        let mut socket = None;
        while let Some((number, due)) = self.take() {
            // A reply that comes late makes the next late as well: with a rate, each counts from
            // when it was due, not from when it could be sent.
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            let begun = if self.args.rate.is_some() {
                due
            } else {
                Instant::now()
            };
            let name = format!("client {number}");
            let reply = if self.args.udp {
                self.ask_udp(&mut socket, &name)
            } else {
                self.ask_tcp(&name)
            };
            match reply.and_then(|reply| check(&reply, &name)) {
                Ok(()) => {
                    latency.record(begun.elapsed());
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                    let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
                    wrong.get_or_insert_with(|| error.to_string());
                }
            }
        }
        latency
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

    fn ask_tcp(&self, name: &str) -> io::Result<Vec<u8>> {
        let timeout = self.args.timeout;
        let mut stream = TcpStream::connect_timeout(&self.server, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(name.as_bytes())?;
        let mut reply = Vec::with_capacity(64);
        stream.take(MAX_REPLY as u64 + 1).read_to_end(&mut reply)?;
        Ok(reply)
    }

    fn ask_udp(&self, socket: &mut Option<UdpSocket>, name: &str) -> io::Result<Vec<u8>> {
        let socket = match socket {
            Some(socket) => socket,
            none => none.insert(self.udp_socket()?),
        };
        socket.send(name.as_bytes())?;
        let mut reply = vec![0; MAX_REPLY + 1];
        let len = socket.recv(&mut reply)?;
        reply.truncate(len);
        Ok(reply)
    }

    fn udp_socket(&self) -> io::Result<UdpSocket> {
        let any: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(self.server)?;
        socket.set_read_timeout(Some(self.args.timeout))?;
        Ok(socket)
    }

    /// A line on a terminal that is written over.
    fn progress(&self) {
        if self.args.json || !stderr().is_terminal() {
            return;
        }
        let done = self.done.load(Ordering::Relaxed);
        eprint!(
            "\r\u{1b}[K{done} in {:.1} s",
            self.start.elapsed().as_secs_f64()
        );
    }

    fn conclude(&self, latency: &Latency, took: Duration) -> Result<()> {
        if !self.args.json && stderr().is_terminal() {
            eprint!("\r\u{1b}[K");
        }
        let errors = self.errors.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "exact for years of any load")]
        let rate = latency.count() as f64 / took.as_secs_f64();
        let mut text = String::new();
        if self.args.json {
            let line = json!({
                "event": "bench",
                "server": self.server,
                "protocol": if self.args.udp { "udp" } else { "tcp" },
                "clients": self.args.clients,
                "greetings": latency.count(),
                "errors": errors,
                "seconds": took.as_secs_f64(),
                "greetings per second": rate.round(),
                "latency in µs": {
                    "median": micros(latency.percentile(50.0)),
                    "p90": micros(latency.percentile(90.0)),
                    "p99": micros(latency.percentile(99.0)),
                    "p99.9": micros(latency.percentile(99.9)),
                    "slowest": micros(latency.max()),
                },
            });
            text = format!("{line}\n");
        } else if latency.count() > 0 {
            // A string takes everything.
            let _ = writeln!(
                text,
                "{} greetings, {rate:.0} in a second, every byte right: {}",
                latency.count(),
                latency.sentence()
            );
            for bar in latency.bars() {
                let _ = writeln!(text, "  < {bar}");
            }
        }
        console::print(text.as_bytes())?;
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match &*wrong {
            Some(first) => bail!(
                "{errors} greetings of {} failed, the first so: {first}",
                self.server
            ),
            None if latency.count() == 0 => bail!("nothing was asked for: try a longer --duration"),
            None => Ok(()),
        }
    }
}

/// Every byte of it.
fn check(reply: &[u8], name: &str) -> io::Result<()> {
    let good = reply
        .strip_prefix(GREETING.as_bytes())
        .is_some_and(|rest| rest == name.as_bytes());
    if good {
        return Ok(());
    }
    let reply = String::from_utf8_lossy(reply.get(..64).unwrap_or(reply));
    Err(io::Error::other(format!(
        "{name} was answered with \"{}\"",
        shown(&reply)
    )))
}
