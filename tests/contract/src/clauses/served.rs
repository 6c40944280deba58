//! Core's polled server over the adapter: what it does with the traits, seen from a peer.

use std::time::Duration;

use greet_core::exchange::{Outcome, Tally};
use greet_core::limits::Limits;
use greet_core::server::{Event, Server};
use greet_core::time::Instant;

use crate::clause::{Breach, Clause};
use crate::hands::{Hands, pattern};
use crate::world::{Lack, Seen, World};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "served/greeting",
            "A client that sends its name is greeted, and sees FIN.",
            greeting,
        ),
        Clause::new(
            "served/longest",
            "The longest name is greeted, whatever the segments.",
            longest,
        ),
        Clause::new(
            "served/deadline",
            "A client that sends nothing is told so at the deadline, though nothing happens before.",
            deadline,
        ),
        Clause::new(
            "served/refused",
            "A refusal arrives though the client goes on sending.",
            refused,
        )
        .needs(&[Lack::Reset]),
    ]
}

/// A server of two places.
struct Running<H> {
    server: Server<H, 2>,
    due: Instant,
    outcomes: Vec<Outcome>,
}

impl<H> Running<H> {
    fn new(limits: Limits) -> Self {
        Self {
            server: Server::new(limits),
            due: Instant::START,
            outcomes: Vec::new(),
        }
    }

    fn poll<W: World<Handle = H>>(&mut self, hands: &mut Hands<'_, W>) {
        let now = hands.now();
        let outcomes = &mut self.outcomes;
        self.due = self.server.poll(&mut hands.world.listener(), now, |event| {
            if let Event::Ended { outcome, .. } = event {
                outcomes.push(outcome);
            }
        });
    }

    /// Serves until a peer sees what `done` waits for, as a loop of one's own would.
    fn until<W: World<Handle = H>, T>(
        &mut self,
        hands: &mut Hands<'_, W>,
        what: &str,
        mut done: impl FnMut(&mut Hands<'_, W>) -> Option<T>,
    ) -> Result<T, Breach> {
        let until = hands.bound();
        loop {
            self.poll(hands);
            if let Some(value) = done(hands) {
                return Ok(value);
            }
            if hands.now() >= until {
                return Err(Breach::new(format!("{what}: not in time")));
            }
            hands.world.pass(until.min(self.due));
        }
    }

    fn gets<W: World<Handle = H>>(
        &mut self,
        hands: &mut Hands<'_, W>,
        peer: usize,
        reply: &[u8],
    ) -> Result<(), Breach> {
        let mut got = Vec::new();
        let mut buffer = [0; 400];
        self.until(hands, "the reply", |hands| {
            loop {
                match hands.peers().receive(peer, &mut buffer) {
                    Seen::Nothing => return None,
                    Seen::Bytes(n) => got.extend_from_slice(&buffer[..n]),
                    Seen::Fin => return Some(Ok(())),
                    Seen::Reset => return Some(Err(Breach::new("RST in place of FIN"))),
                }
            }
        })??;
        crate::hands::same(&got, reply)?;
        if got.len() < reply.len() {
            return Err(Breach::new(format!("FIN after {} bytes", got.len())));
        }
        Ok(())
    }

    fn tally(&self) -> &Tally {
        self.server.tally()
    }
}

fn greeting<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut server = Running::new(Limits::DEFAULT);
    for peer in 0..3 {
        hands.peers().connect(peer);
        server.until(&mut hands, "connecting", |hands| {
            hands.peers().address(peer)
        })?;
        hands.peers().send(peer, b"World");
        server.gets(&mut hands, peer, b"Hello, World")?;
        hands.peers().close(peer);
    }
    server.until(&mut hands, "the outcomes", |_| Some(()))?;
    match server.tally().greeted {
        3 => Ok(()),
        other => Err(Breach::new(format!("{other} of 3 count as greeted"))),
    }
}

fn longest<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut server = Running::new(Limits::DEFAULT);
    let name: Vec<u8> = pattern(1024).iter().map(|b| b'a' + b % 26).collect();
    hands.peers().connect(0);
    server.until(&mut hands, "connecting", |hands| hands.peers().address(0))?;
    let mut sent = 0;
    server.until(&mut hands, "sending the name", |hands| {
        sent += hands.peers().send(0, &name[sent..]);
        (sent == name.len()).then_some(())
    })?;
    hands.peers().finish(0);
    server.gets(&mut hands, 0, &[b"Hello, ", &name[..]].concat())
}

fn deadline<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let limits = Limits::DEFAULT.with_deadline(Duration::from_millis(300));
    let mut server = Running::new(limits);
    let start = hands.now();
    hands.peers().connect(0);
    server.gets(&mut hands, 0, b"Error: no name within 0.3 s\n")?;
    let took = hands.now().since(start);
    if took < Duration::from_millis(300) {
        return Err(Breach::new(format!("it came after {took:?} already")));
    }
    Ok(())
}

fn refused<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut server = Running::new(Limits::DEFAULT);
    hands.peers().connect(0);
    server.until(&mut hands, "connecting", |hands| hands.peers().address(0))?;
    let name = vec![b'a'; 9_000];
    let mut sent = 0;
    server.until(&mut hands, "sending the name", |hands| {
        sent += hands.peers().send(0, &name[sent..]);
        (sent == name.len()).then_some(())
    })?;
    server.gets(&mut hands, 0, b"Error: name is longer than 1024 bytes\n")
}
