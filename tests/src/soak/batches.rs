//! Clients with many names that keep to the protocol: core's pipeline over this project's own stack.

use core::iter::{Enumerate, Peekable};
use core::slice;
use core::task::Poll;
use core::time::Duration;
use std::net::SocketAddr;

use greet_core::client::Client;
use greet_core::pipeline::{Pipeline, QueueError};
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::net::Net;
use greet_smoltcp::stream::Connection;

use super::ledger::Ledger;
use super::plan;
use super::plan::lines::{Batch, PORT};

/// The batches of one host: those that wait, and those under way.
pub(super) struct Batches<'a> {
    place: usize,
    waiting: Peekable<Enumerate<slice::Iter<'a, Batch>>>,
    under_way: Vec<UnderWay<'a>>,
    ledger: &'a Ledger<'a>,
}

struct UnderWay<'a> {
    batch: &'a Batch,
    number: usize,
    connection: Connection,
    client: Client<Pipeline>,
    /// So many names were queued, and so many replies taken.
    queued: usize,
    taken: usize,
    /// When it takes replies next.
    takes: Duration,
}

impl<'a> Batches<'a> {
    pub(super) fn new(place: usize, batches: &'a [Batch], ledger: &'a Ledger<'a>) -> Self {
        Self {
            place,
            waiting: batches.iter().enumerate().peekable(),
            under_way: Vec::new(),
            ledger,
        }
    }

    /// Goes on with all of them, and says when the next thing is due.
    pub(super) fn poll(
        &mut self,
        net: &mut Net<'_>,
        now: Instant,
        since_boot: Duration,
    ) -> Instant {
        // Whoever finds no free socket waits for one.
        while let Some((number, batch)) = self
            .waiting
            .next_if(|(_, batch)| batch.start <= since_boot && net.idle() > 0)
        {
            let server = SocketAddr::from((plan::address(0), PORT));
            let connection = net
                .connect(server)
                .expect("an idle socket connects to a good address");
            let pipeline = Pipeline::new(batch.timeout).with_depth(batch.depth);
            self.under_way.push(UnderWay {
                batch,
                number,
                connection,
                client: Client::new(pipeline),
                queued: 0,
                taken: 0,
                takes: since_boot,
            });
            self.ledger.lines.asked(self.place, number, since_boot);
        }
        let mut due = match self.waiting.peek() {
            // Else a socket that becomes free brings it back.
            Some((_, batch)) if batch.start > since_boot => Instant::at(batch.start),
            _ => Instant::NEVER,
        };
        let mut index = 0;
        while let Some(one) = self.under_way.get_mut(index) {
            let (is_over, its) = one.poll(net, now, since_boot, self.place, self.ledger);
            if is_over {
                self.under_way.swap_remove(index).connection.release(net);
            } else {
                due = due.min(its);
                index += 1;
            }
        }
        due
    }
}

impl UnderWay<'_> {
    /// Whether it is over; if not, when it is due.
    fn poll(
        &mut self,
        net: &mut Net<'_>,
        now: Instant,
        since_boot: Duration,
        place: usize,
        ledger: &Ledger<'_>,
    ) -> (bool, Instant) {
        loop {
            self.feed();
            let polled = self.client.poll(&mut self.connection.on(net), now);
            // A connection that has ended brings nothing more to wait for.
            if since_boot >= self.takes || polled.is_ready() {
                let mut came = 0;
                while let Some(reply) = self.client.machine_mut().next_reply() {
                    ledger
                        .lines
                        .replied(place, self.number, self.taken, since_boot, reply);
                    self.taken += 1;
                    came += 1;
                }
                if came > 0 {
                    self.takes = since_boot + self.batch.pause;
                    continue; // there is room again
                }
            }
            if let Poll::Ready(outcome) = polled {
                let sentence = self.client.machine().refusal().unwrap_or_default();
                ledger
                    .lines
                    .ended(place, self.number, since_boot, outcome, sentence);
                return (true, Instant::NEVER);
            }
            let due = self.client.due();
            if due > now {
                let takes = match self.batch.pause {
                    Duration::ZERO => Instant::NEVER,
                    _ if self.takes <= since_boot => Instant::NEVER, // the next reply brings it back
                    _ => Instant::at(self.takes),
                };
                return (false, due.min(takes));
            }
        }
    }

    fn feed(&mut self) {
        let pipeline = self.client.machine_mut();
        while pipeline.takes_names() {
            let Some(name) = self.batch.names.get(self.queued) else {
                return pipeline.end_names();
            };
            let is_last = self.queued + 1 == self.batch.names.len();
            let name = Text::new(name).expect("names in a plan are short enough");
            let queued = if is_last && self.batch.open_end {
                pipeline.queue_last(name)
            } else {
                pipeline.queue(name)
            };
            match queued {
                Ok(()) => self.queued += 1,
                Err(QueueError::Full) => return,
                Err(error) => panic!("a name in a plan isn't taken: {error}"),
            }
        }
    }
}
