//! Another protocol than greeting: the server and the client carry any machine. This one sends back
//! what comes, a little at a time, for as long as it comes.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{BOUND, connect, read_all};
use embedded_io::ErrorKind;
use greet_core::machine::{Machine, Service, Want};
use greet_core::server::Event;
use greet_core::time::Instant;
use greet_std::{Client, Server};

/// Sends back what comes, until FIN.
struct Echo {
    bytes: [u8; 64],
    filled: usize,
    sent: usize,
    fin: bool,
    total: u64,
    since: Instant,
    deadline: Instant,
    outcome: Option<Result<u64, ErrorKind>>,
}

impl Machine for Echo {
    /// How many bytes were sent back.
    type Outcome = Result<u64, ErrorKind>;

    fn want(&self) -> Want {
        if self.outcome.is_some() {
            Want::Done
        } else if self.fin {
            Want::Write
        } else if self.sent < self.filled {
            Want::Both
        } else {
            Want::Read
        }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    fn received(&mut self, n: usize, _now: Instant) {
        self.filled += n;
    }

    fn received_fin(&mut self, _now: Instant) {
        self.fin = true;
    }

    fn transmit(&self) -> &[u8] {
        &self.bytes[self.sent..self.filled]
    }

    fn fin_follows(&self) -> bool {
        self.fin
    }

    fn transmitted(&mut self, n: usize, _now: Instant) {
        self.sent += n;
        self.total += n as u64;
        if self.sent == self.filled {
            (self.sent, self.filled) = (0, 0);
        }
    }

    fn finished(&mut self, _now: Instant) {
        self.outcome = Some(Ok(self.total));
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.outcome.get_or_insert(Err(kind));
    }

    fn due(&self) -> Instant {
        self.deadline
    }

    fn timeout(&mut self, now: Instant) {
        if now >= self.deadline {
            self.lost(ErrorKind::TimedOut);
        }
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.outcome
    }
}

impl Service for Echo {
    type Config = Duration;
    /// The bytes of all.
    type Tally = u64;
    type Dormant = Instant;

    const VACANT: Self = Self {
        bytes: [0; 64],
        filled: 0,
        sent: 0,
        fin: false,
        total: 0,
        since: Instant::START,
        deadline: Instant::START,
        outcome: None,
    };

    const NONE: u64 = 0;

    fn begin(&mut self, since: Instant, patience: &Duration) {
        *self = Self::VACANT;
        self.since = since;
        self.deadline = since + *patience;
    }

    fn dormant(&self) -> Option<Instant> {
        (self.total == 0 && self.filled == 0 && !self.fin).then_some(self.since)
    }

    fn resume(&mut self, since: Instant, patience: &Duration) {
        self.begin(since, patience);
    }

    fn count(tally: &mut u64, outcome: Self::Outcome) {
        *tally += outcome.unwrap_or(0);
    }
}

/// Sends some bytes, and takes as many.
struct Ask {
    sent: usize,
    reply: Vec<u8>,
    space: [u8; 16],
    outcome: Option<Result<(), ErrorKind>>,
    deadline: Instant,
}

const QUESTION: &[u8] = &[b'?'; 1000];

impl Machine for Ask {
    type Outcome = Result<(), ErrorKind>;

    fn want(&self) -> Want {
        match self.outcome {
            Some(_) => Want::Done,
            None if self.sent < QUESTION.len() => Want::Both,
            None => Want::Read,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.space
    }

    fn received(&mut self, n: usize, _now: Instant) {
        self.reply.extend(&self.space[..n]);
        if self.reply.len() == QUESTION.len() {
            self.outcome = Some(Ok(()));
        }
    }

    fn received_fin(&mut self, _now: Instant) {
        self.lost(ErrorKind::ConnectionAborted);
    }

    fn transmit(&self) -> &[u8] {
        &QUESTION[self.sent..]
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, n: usize, _now: Instant) {
        self.sent += n;
    }

    fn finished(&mut self, _now: Instant) {}

    fn lost(&mut self, kind: ErrorKind) {
        self.outcome.get_or_insert(Err(kind));
    }

    fn due(&self) -> Instant {
        self.deadline
    }

    fn timeout(&mut self, now: Instant) {
        if now >= self.deadline {
            self.lost(ErrorKind::TimedOut);
        }
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.outcome
    }
}

#[test]
fn the_server_and_the_client_carry_any_machine() {
    let server = Server::<Echo>::serving(4 * BOUND)
        .workers(NonZeroUsize::MIN)
        .bind("127.0.0.1:0")
        .expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    let (ended, ends) = mpsc::channel();
    let running = thread::spawn(move || {
        server.run(|event| {
            if let Event::Ended { outcome, .. } = event {
                let _ = ended.send(outcome);
            }
        })
    });

    let mut client = connect(address);
    client.write_all(b"there and").expect("room");
    client.read_exact(&mut [0; 9]).expect("the same");
    client.write_all(b" back").expect("room");
    client.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_all(&mut client).expect("the rest"), b" back");
    assert_eq!(ends.recv_timeout(BOUND), Ok(Ok(14)));

    let ask = Ask {
        sent: 0,
        reply: Vec::new(),
        space: [0; 16],
        outcome: None,
        deadline: Instant::START + BOUND,
    };
    let conversation = Client::new().converse(address, ask).expect("a server");
    assert_eq!(conversation.outcome, Ok(()));
    assert_eq!(conversation.machine.reply, QUESTION);

    handle.stop();
    let tally = running.join().expect("no panic").expect("it served");
    assert_eq!(tally, 14 + QUESTION.len() as u64);
}

/// Whose bytes never cease to come has a turn, and then all others have.
#[test]
fn who_never_rests_delays_nobody() {
    let server = Server::<Echo>::serving(4 * BOUND)
        .workers(NonZeroUsize::MIN)
        .bind("127.0.0.1:0")
        .expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    let running = thread::spawn(move || server.run(|_| {}));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut restless = connect(address);
            let mut other_way = restless.try_clone().expect("a descriptor");
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    restless.write_all(&[b'r'; 4096]).expect("room");
                }
                restless.shutdown(Shutdown::Write).expect("FIN");
            });
            scope.spawn(move || {
                let mut came = [0; 4096];
                while other_way.read(&mut came).expect("bytes, then FIN") > 0 {}
            });
        }
        // Each is a straggler that the same loop serves.
        let mut others: Vec<TcpStream> = (0..10).map(|_| connect(address)).collect();
        for round in 0..10 {
            for other in &mut others {
                other.write_all(&[round]).expect("room");
                let mut back = [0];
                other.read_exact(&mut back).expect("a byte");
                assert_eq!(back, [round]);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    handle.stop();
    running.join().expect("no panic").expect("it served");
}
