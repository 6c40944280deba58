//! A server in lines mode that can be broken on purpose, one fault at a time.
//!
//! It has nothing of core's [`Lines`](greet_core::lines), so that it is a second opinion on what the
//! checks ask for. Lines of the probe's numbered clients, each in one segment, are always served well
//! if nothing else is going on.

use std::mem;
use std::str::Utf8Error;
use std::task::Poll;
use std::time::Duration;

use greet_core::time::Instant;
use greet_core::transport::{Listener, Stream};

use super::LinesFault;
use crate::memory::lab::{Ours, Service};
use crate::memory::{Backlog, End, Mailbox};

/// A server whose lines have a fault; its single greetings and messages have none.
pub struct FaultyLines {
    fault: LinesFault,
    clients: Vec<Client>,
    /// The last line that anybody sent.
    last: Vec<u8>,
    dead: bool,
    /// A client stands still, or did.
    stalled: bool,
    ours: Ours,
}

struct Client {
    end: End<false>,
    /// What came and isn't answered.
    input: Vec<u8>,
    /// What is answered and hasn't left.
    output: Vec<u8>,
    /// How many bytes were taken for names, and how many names.
    taken: usize,
    names: usize,
    fin: bool,
    phase: Phase,
    deadline: Instant,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Open,
    /// FIN follows the output.
    Closing,
    /// The same after a refusal.
    Refused,
    Draining,
    /// No longer answered.
    Stalled,
    Done,
}

const PLACES: usize = 8;
const LONGEST: usize = 1024;
/// So much output may wait.
const ROOM: usize = 2048;
const DEADLINE: Duration = Duration::from_secs(10);
const LATE: &[u8] = b"Error: no name within 10 s\n";

impl FaultyLines {
    /// A server with this fault.
    pub fn new(fault: LinesFault) -> Self {
        Self {
            fault,
            clients: Vec::new(),
            last: Vec::new(),
            dead: false,
            stalled: false,
            ours: Ours::default(),
        }
    }
}

impl Service for FaultyLines {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        self.ours.poll(backlog, mailbox, now)
    }

    fn poll_lines(&mut self, backlog: &mut Backlog<false>, now: Instant) -> Instant {
        let places = match self.fault {
            LinesFault::OneByOne => 1,
            _ => PLACES,
        };
        while !self.dead && self.clients.len() < places {
            let Poll::Ready(Ok((end, _))) = backlog.accept(now) else {
                break;
            };
            self.clients.push(Client {
                end,
                input: Vec::new(),
                output: Vec::new(),
                taken: 0,
                names: 0,
                fin: false,
                phase: Phase::Open,
                deadline: now + DEADLINE,
            });
        }
        // Everybody's bytes come before anybody's answer.
        let mut moved = true;
        while mem::take(&mut moved) && !self.dead {
            for client in &mut self.clients {
                moved |= client.receive(self.fault, &mut self.last, &mut self.dead, now);
            }
            for client in &mut self.clients {
                if self.fault == LinesFault::Stalls && client.names >= 500 && !self.stalled {
                    self.stalled = true;
                    client.phase = Phase::Stalled;
                }
                client.answer(self.fault, &self.last, now);
                moved |= client.send(self.fault, now);
                client.timeout(self.fault, now);
            }
            self.clients.retain(|client| client.phase != Phase::Done);
        }
        if self.dead {
            return Instant::NEVER;
        }
        let due = self.clients.iter().map(|client| client.deadline);
        let more = backlog.waiting() > 0 && self.clients.len() < places;
        due.chain(more.then_some(now))
            .fold(Instant::NEVER, Instant::min)
    }
}

impl Client {
    /// Takes what one read brings, and says whether that was something.
    fn receive(
        &mut self,
        fault: LinesFault,
        last: &mut Vec<u8>,
        dead: &mut bool,
        now: Instant,
    ) -> bool {
        let reads = match self.phase {
            Phase::Open => self.output.len() < ROOM || fault == LinesFault::Overflows,
            Phase::Draining => true,
            Phase::Closing | Phase::Refused | Phase::Stalled | Phase::Done => false,
        };
        if !reads || self.fin {
            return false;
        }
        let mut buffer = [0; 512];
        match self.end.receive(&mut buffer) {
            Poll::Ready(Ok(0)) if self.phase == Phase::Draining => self.phase = Phase::Done,
            Poll::Ready(Ok(0)) => self.fin = true,
            Poll::Ready(Ok(_)) if self.phase == Phase::Draining => {}
            Poll::Ready(Ok(n)) => {
                let came = &buffer[..n];
                self.input.extend_from_slice(came);
                *last = came.to_vec();
                if fault == LinesFault::ChecksSegments
                    && let Err(error) = str::from_utf8(came)
                {
                    self.refuse(fault, not_utf8(error.valid_up_to()), now);
                }
                if fault == LinesFault::OneRead {
                    self.greet(came);
                    self.input.clear();
                }
            }
            Poll::Ready(Err(_)) => {
                *dead |= fault == LinesFault::DiesOfReset;
                self.phase = Phase::Done;
            }
            Poll::Pending => {
                if fault == LinesFault::Hasty && !self.input.is_empty() {
                    let name = mem::take(&mut self.input);
                    self.greet(&name);
                }
                return false;
            }
        }
        true
    }

    /// Answers what has come, as far as there is room.
    fn answer(&mut self, fault: LinesFault, last: &[u8], now: Instant) {
        if fault == LinesFault::WaitsForFin && !self.fin {
            return;
        }
        let mut turned = Vec::new();
        while self.phase == Phase::Open
            && (self.output.len() < ROOM || fault == LinesFault::Overflows)
        {
            let Some(name) = self.next_name(fault, now) else {
                break;
            };
            let ended = match fault {
                LinesFault::Few => self.names == 64,
                LinesFault::Once => self.names == 1,
                _ => false,
            };
            let silent = match fault {
                LinesFault::Stops => self.names >= 500,
                LinesFault::SkipsEmpty => name == b"\n",
                LinesFault::Filters => name.starts_with(b"Hello, ") || name.starts_with(b"Error: "),
                _ => false,
            };
            let start = self.taken;
            self.taken += name.len();
            self.names += 1;
            if ended {
                self.phase = Phase::Closing;
            } else if !silent {
                let before = self.output.len();
                match reply(fault, name, start, last) {
                    Ok(name) => self.greet(&name),
                    Err(at) => self.refuse(fault, not_utf8(at), now),
                }
                if fault == LinesFault::Reverses {
                    turned.push(self.output.split_off(before));
                }
            }
        }
        self.output.extend(turned.into_iter().rev().flatten());
        if self.output.len() > 2 * ROOM && fault == LinesFault::Overflows {
            self.end.abort();
            self.phase = Phase::Done;
        }
    }

    /// The next name, taken out; or what ends the connection, done.
    fn next_name(&mut self, fault: LinesFault, now: Instant) -> Option<Vec<u8>> {
        let found = self.input.iter().position(|byte| *byte == b'\n');
        let len = found.map_or(self.input.len(), |at| at + 1);
        let longest = match fault {
            LinesFault::ShortLines if found.is_some() => LONGEST - 1,
            LinesFault::ShortRest if found.is_none() => LONGEST - 1,
            LinesFault::LongLines => LONGEST + 1,
            _ => LONGEST,
        };
        let judged = found.is_some() || self.fin || fault != LinesFault::JudgesAtEnd;
        if len > longest && judged {
            self.refuse(
                fault,
                b"Error: name is longer than 1024 bytes\n".to_vec(),
                now,
            );
            return None;
        }
        if found.is_some() {
            return Some(self.input.drain(..len).collect());
        }
        if !self.fin {
            return None;
        }
        let rest = mem::take(&mut self.input);
        let is_name = !rest.is_empty() && fault != LinesFault::ForgetsRest;
        let odd = rest.is_empty() && fault == LinesFault::GreetsNothing && self.names != 1;
        if is_name || odd {
            self.input.clear();
            self.phase = Phase::Open;
            let reply = reply(fault, rest, self.taken, &[]);
            match reply {
                Ok(name) => {
                    self.greet(&name);
                    self.phase = Phase::Closing;
                }
                Err(at) => self.refuse(fault, not_utf8(at), now),
            }
        } else {
            self.phase = Phase::Closing;
        }
        None
    }

    fn greet(&mut self, name: &[u8]) {
        self.output.extend_from_slice(b"Hello, ");
        self.output.extend_from_slice(name);
    }

    fn refuse(&mut self, fault: LinesFault, refusal: Vec<u8>, now: Instant) {
        if fault == LinesFault::Overtakes {
            self.output.clear();
        }
        self.output.extend(refusal);
        if fault != LinesFault::GoesOn || self.fin {
            self.phase = Phase::Refused;
            self.deadline = now + DEADLINE;
        }
    }

    /// Sends what goes, and says whether that was something.
    fn send(&mut self, fault: LinesFault, now: Instant) -> bool {
        if matches!(self.phase, Phase::Draining | Phase::Stalled | Phase::Done) {
            return false;
        }
        let mut moved = false;
        if !self.output.is_empty() {
            match self.end.send(&self.output) {
                Poll::Ready(Ok(n)) => {
                    let gone = match fault {
                        LinesFault::WritesOnce => self.output.len(),
                        _ => n,
                    };
                    self.output.drain(..gone);
                    moved = true;
                    if fault != LinesFault::Short {
                        self.deadline = now + DEADLINE;
                    }
                }
                Poll::Ready(Err(_)) => self.phase = Phase::Done,
                Poll::Pending => {}
            }
        }
        if !self.output.is_empty() || matches!(self.phase, Phase::Open | Phase::Done) {
            return moved;
        }
        let _ = self.end.finish();
        if self.phase == Phase::Refused && !self.fin && fault != LinesFault::ClosesHard {
            self.phase = Phase::Draining;
            self.deadline = now + Duration::from_secs(1);
        } else {
            self.phase = Phase::Done;
        }
        true
    }

    fn timeout(&mut self, fault: LinesFault, now: Instant) {
        if now < self.deadline {
            return;
        }
        match self.phase {
            Phase::Open if fault == LinesFault::Endless => {
                self.deadline = now + 100 * DEADLINE;
            }
            Phase::Open if self.output.is_empty() => {
                let late = match fault {
                    LinesFault::DropsHalf => false,
                    LinesFault::Scolds => true,
                    _ => !self.input.is_empty(),
                };
                if late {
                    self.refuse(fault, LATE.to_vec(), now);
                } else {
                    self.phase = Phase::Closing;
                }
                self.send(fault, now);
            }
            Phase::Stalled => {
                self.end.abort();
                self.phase = Phase::Done;
            }
            _ => self.phase = Phase::Done,
        }
    }
}

/// What is greeted for a name, or at which byte it isn't UTF-8.
fn reply(
    fault: LinesFault,
    mut name: Vec<u8>,
    start: usize,
    last: &[u8],
) -> Result<Vec<u8>, usize> {
    let numbered = name.starts_with(b"client ");
    match fault {
        LinesFault::StripsReturn if name.ends_with(b"\r\n") => {
            name.truncate(name.len() - 2);
            name.push(b'\n');
        }
        LinesFault::StripsLineFeed if !numbered && name.ends_with(b"\n") => _ = name.pop(),
        LinesFault::EndsAtNul => name = name.split(|byte| *byte == 0).next().unwrap().to_vec(),
        LinesFault::Shares if !last.is_empty() => name = last.to_vec(),
        LinesFault::Replaces => name = String::from_utf8_lossy(&name).into_owned().into_bytes(),
        _ => {}
    }
    let checked = match fault {
        LinesFault::ForgivesLineFeed => name.strip_suffix(b"\n").unwrap_or(&name),
        _ => &name,
    };
    match str::from_utf8(checked) {
        Err(error) => match fault {
            LinesFault::ForgivesLineFeed if name.ends_with(b"\n") && cut(&error) => Ok(name),
            LinesFault::ForgivesFin if cut(&error) => Ok(name),
            LinesFault::CountsAll => Err(start + error.valid_up_to()),
            _ => Err(error.valid_up_to()),
        },
        Ok(_) => Ok(name),
    }
}

/// Whether the end came inside a character.
fn cut(error: &Utf8Error) -> bool {
    error.error_len().is_none()
}

fn not_utf8(at: usize) -> Vec<u8> {
    format!("Error: name is not UTF-8 at byte {at}\n").into_bytes()
}
