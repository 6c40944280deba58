//! A cable in virtual time, broken in one way at most, with the host at its other end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use greet_breakages::way::Way;
use greet_core::time::Instant;
use greet_wire::smoltcp::wire::EthernetAddress;
use greet_wire::{Error, Frames, Seen};

use crate::host::Host;

/// How long a frame takes.
const TRAVEL: Duration = Duration::from_micros(400);

/// The tester's end.
#[derive(Debug)]
pub struct Desk {
    now: Duration,
    host: Host,
    to_host: Way,
    from_host: Way,
    /// What happens when, in the order in which it was decided.
    events: BTreeMap<(Duration, u64), Event>,
    count: u64,
    arrived: VecDeque<(Duration, Vec<u8>)>,
}

#[derive(Debug)]
enum Event {
    /// A frame leaves the tester.
    Sent(Vec<u8>),
    /// One leaves the host.
    Answered(Vec<u8>),
}

impl Desk {
    /// A cable to this host, and what is done to frames each way.
    pub fn new(host: Host, to_host: Way, from_host: Way) -> Self {
        Self {
            now: Duration::ZERO,
            host,
            to_host,
            from_host,
            events: BTreeMap::new(),
            count: 0,
            arrived: VecDeque::new(),
        }
    }

    /// What has happened since the start, in time.
    pub fn elapsed(&self) -> Duration {
        self.now
    }

    fn plan(&mut self, at: Duration, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    /// When something happens next.
    fn due(&self) -> Option<Duration> {
        let event = self.events.keys().next().map(|(at, _)| *at);
        let due = [
            event,
            self.to_host.due(),
            self.from_host.due(),
            self.host.due(),
        ];
        due.into_iter().flatten().min()
    }

    /// Lets happen what is due.
    fn happen(&mut self) {
        let now = self.now;
        let mut out = Vec::new();
        while let Some(entry) = self.events.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                Event::Sent(frame) => {
                    self.to_host.put(frame, now, &mut out);
                    self.reach_host(&mut out);
                }
                Event::Answered(frame) => {
                    self.from_host.put(frame, now, &mut out);
                    self.arrive(&mut out);
                }
            }
        }
        self.to_host.expire(now, &mut out);
        self.reach_host(&mut out);
        for (at, answer) in self.host.expire(now) {
            self.plan(at, Event::Answered(answer));
        }
        self.from_host.expire(now, &mut out);
        self.arrive(&mut out);
    }

    fn reach_host(&mut self, frames: &mut Vec<Vec<u8>>) {
        for frame in frames.drain(..) {
            for (at, answer) in self.host.receive(&frame, self.now) {
                self.plan(at, Event::Answered(answer));
            }
        }
    }

    fn arrive(&mut self, frames: &mut Vec<Vec<u8>>) {
        let now = self.now;
        self.arrived
            .extend(frames.drain(..).map(|frame| (now, frame)));
    }
}

impl Frames for Desk {
    fn now(&mut self) -> Instant {
        Instant::at(self.now)
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let until = until.since(Instant::START);
        let next = self.due().map_or(until, |due| due.min(until));
        self.now = self.now.max(next);
        self.happen();
        Ok(())
    }

    fn send(&mut self, frame: &[u8]) -> Result<bool, Error> {
        self.plan(self.now + TRAVEL, Event::Sent(frame.to_vec()));
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        let Some((at, frame)) = self.arrived.pop_front() else {
            return Ok(None);
        };
        into[..frame.len()].copy_from_slice(&frame);
        Ok(Some(Seen::new(frame.len(), Instant::at(at))))
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn name(&self) -> &'static str {
        "a desk"
    }
}

/// The tester's own addresses, and the host's.
pub const TESTER: (EthernetAddress, [u8; 4]) =
    (EthernetAddress([2, 0, 0, 0, 0, 99]), [10, 0, 0, 99]);
/// The host's.
pub const HOST: ([u8; 6], [u8; 4]) = ([2, 0, 0, 0, 0, 1], [10, 0, 0, 1]);
