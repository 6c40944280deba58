//! The sender's side: numbered messages at an even rate, and an end that is repeated until the receiver
//! answers it with the totals.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use greet_std::core::limits::GREETING;
use serde_json::json;

use super::message::{Message, read_totals};
use super::totals::Totals;
use crate::args::SendArgs;
use crate::console;
use crate::signals;
use crate::terminal::Screen;
use crate::token::token;

/// How long the last message has before the end that might overtake it.
const SETTLE: Duration = Duration::from_millis(250);

/// How long the first end waits for its answer; each further one twice as long.
const FIRST_PATIENCE: Duration = Duration::from_millis(100);

/// How long all of them do.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it sleeps at most before it looks for a signal.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a system that has no room for a message is asked again.
const ROOM: Duration = Duration::from_secs(5);

/// No answer is longer.
const DATAGRAM: usize = 2048;

pub fn send(args: &SendArgs, count: NonZeroU32) -> Result<()> {
    signals::note_first()?;
    let mut run = Run::new(args.to.over_udp()?)?;
    let start = Instant::now();
    run.send_all(count.get(), args.rate, usize::from(args.size))?;
    run.tell_delay(args.rate, start.elapsed());
    let totals = run.end()?;
    let text = if args.json {
        let run_number = format!("{:016x}", run.number);
        let mut event = json!({"event": "counted", "by": run.to, "run": run_number});
        totals.extend(&mut event);
        format!("{event}\n")
    } else {
        let sentence = format!("Counted by {}: {totals}", run.to);
        Screen::of_stdout().paragraph(&sentence, "  ")
    };
    console::print(text.as_bytes())?;
    if totals.wrong > 0 {
        bail!(
            "{} messages came to {} with wrong bytes",
            totals.wrong,
            run.to
        );
    }
    if totals.received == 0 && totals.sent > 0 {
        bail!(
            "none of {} messages came to {}, but for the end",
            totals.sent,
            run.to
        );
    }
    Ok(())
}

struct Run {
    to: SocketAddr,
    socket: UdpSocket,
    number: u64,
    sent: u32,
}

impl Run {
    fn new(to: SocketAddr) -> Result<Self> {
        let any: SocketAddr = match to {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).context("can't make a UDP socket")?;
        let is_of_one = !to.ip().is_multicast() && to.ip() != Ipv4Addr::BROADCAST;
        match socket.connect(to) {
            Ok(()) if is_of_one => {}
            // A broadcast address of a network, which the system alone knows.
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                return Err(error).with_context(|| format!("can't send to {to}"));
            }
            _ => bail!("{to} is an address of many: messages are counted between one and one"),
        }
        Ok(Self {
            to,
            socket,
            number: token(),
            sent: 0,
        })
    }

    /// Sends all, each when it is due since the start, so that no delay adds up; or until a signal.
    fn send_all(&mut self, count: u32, rate: NonZeroU32, size: usize) -> Result<()> {
        self.set_patience(None)?;
        let start = Instant::now();
        for number in 0..count {
            let due = start + due(number, rate);
            loop {
                if signals::noted().is_some() {
                    return Ok(());
                }
                let early = due.saturating_duration_since(Instant::now());
                if early.is_zero() {
                    break;
                }
                thread::sleep(early.min(GLANCE));
            }
            let micros = start.elapsed().as_micros();
            let message = Message::Numbered {
                run: self.number,
                number,
                micros: u64::try_from(micros).unwrap_or(u64::MAX),
            };
            self.send_one(&message.write(size))?;
            self.sent += 1;
            self.read_past()?;
        }
        Ok(())
    }

    /// Says how fast this machine was if it couldn't keep the rate.
    fn tell_delay(&self, rate: NonZeroU32, took: Duration) {
        let planned = due(self.sent, rate);
        if took > planned.mul_f64(1.05) + SETTLE {
            let kept = f64::from(self.sent) / took.as_secs_f64();
            console::complain(format_args!(
                "greet: this machine sent {kept:.0} in a second, and not {rate}"
            ));
        }
    }

    /// Sends one, as soon as the system has room for it.
    fn send_one(&self, message: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let Err(error) = self.socket.send(message.as_bytes()) else {
                return Ok(());
            };
            self.check(&error)?;
            let to = self.to;
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                _ if is_lack_of_room(&error) && start.elapsed() < ROOM => {
                    thread::sleep(Duration::from_millis(1));
                }
                _ => return Err(error).with_context(|| format!("can't send to {to}")),
            }
        }
    }

    /// What comes meanwhile are greetings, of a receiver that answers every message.
    fn read_past(&self) -> Result<()> {
        let mut datagram = [0; DATAGRAM];
        loop {
            match self.socket.recv(&mut datagram) {
                Ok(_) => {}
                Err(error) => return self.check(&error),
            }
        }
    }

    /// Whether a host has said (ICMP) that nobody is there.
    fn check(&self, error: &io::Error) -> Result<()> {
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
                bail!(
                    "nobody listens at {} (after {} messages)",
                    self.to,
                    self.sent
                )
            }
            _ => Ok(()),
        }
    }

    /// Says how many were sent, until the totals come.
    fn end(&self) -> Result<Totals> {
        thread::sleep(SETTLE);
        self.read_past()?;
        let end = Message::End {
            run: self.number,
            sent: self.sent,
        };
        let end = end.write(0);
        let (start, mut patience) = (Instant::now(), FIRST_PATIENCE);
        while start.elapsed() < PATIENCE {
            self.send_one(&end)?;
            if let Some(totals) = self.totals(&end, Instant::now() + patience)? {
                return Ok(totals);
            }
            patience *= 2;
        }
        bail!(
            "{} messages were sent, and nobody at {} says what came (`greet serve --count` does)",
            self.sent,
            self.to
        )
    }

    fn totals(&self, end: &str, until: Instant) -> Result<Option<Totals>> {
        let mut datagram = [0; DATAGRAM];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.set_patience(Some(left))?;
            match self.socket.recv(&mut datagram) {
                Ok(len) => {
                    let totals = read_totals(self.number, &datagram[..len]);
                    if totals.is_some() {
                        return Ok(totals);
                    }
                    let greeted = datagram[..len].strip_prefix(GREETING.as_bytes());
                    if greeted == Some(end.as_bytes()) {
                        let to = self.to;
                        bail!(
                            "{to} answers messages and doesn't count them: start it with --count"
                        );
                    }
                }
                Err(error) => self.check(&error)?, // most often, time is over
            }
        }
    }

    /// How long a receive waits; not at all without.
    fn set_patience(&self, patience: Option<Duration>) -> Result<()> {
        let set = self
            .socket
            .set_nonblocking(patience.is_none())
            .and_then(|()| self.socket.set_read_timeout(patience));
        set.context("can't set up a UDP socket")
    }
}

/// How long after the start a message is due, to the nanosecond.
fn due(number: u32, rate: NonZeroU32) -> Duration {
    let nanos = u64::from(number) * 1_000_000_000 / u64::from(rate.get());
    Duration::from_nanos(nanos)
}

fn is_lack_of_room(error: &io::Error) -> bool {
    /// On Linux, and on macOS and the BSDs.
    const NO_BUFFERS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };
    error.kind() == io::ErrorKind::WouldBlock
        || cfg!(unix) && error.raw_os_error() == Some(NO_BUFFERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rounding_adds_up() {
        let rate = |rate| NonZeroU32::new(rate).expect("some");
        for per_second in [1, 3, 7, 999, 1_000, 333_333, u32::MAX] {
            let seconds = due(per_second, rate(per_second));
            assert_eq!(seconds, Duration::from_secs(1), "{per_second}");
        }
        assert_eq!(due(0, rate(3)), Duration::ZERO);
        assert_eq!(due(1, rate(3)), Duration::from_nanos(333_333_333));
        assert_eq!(due(u32::MAX, rate(1)), Duration::from_secs(u32::MAX.into()));
    }
}
