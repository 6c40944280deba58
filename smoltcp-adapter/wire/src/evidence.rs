//! The frames of a check: as a file for Wireshark and as a ladder, with a mark where the verdict fell.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Write};

use greet_core::time::Instant;
use smoltcp::phy::Medium;
use smoltcp_sim::{End, Flow, HostId, Ladder, Packet, Segment, Tap, Trace};

use crate::moments;

/// What crossed the cable, from and to the second host.
#[derive(Clone, Debug)]
pub struct Evidence {
    trace: Trace,
    tester: HostId,
    /// Of each frame whether it was there when somebody looked last at what came; later ones closed
    /// connections.
    judged: Vec<bool>,
    origin: Duration,
    /// The frame at which the verdict fell.
    marked: Option<usize>,
}

/// What a verdict fell at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The last that came from the server, and is more than an acknowledgment.
    Answer,
    /// The last of all.
    Last,
}

impl Evidence {
    /// A trace up to so many frames, and when each frame from the server came.
    pub(crate) fn new(
        trace: &Trace,
        mut stamps: VecDeque<Instant>,
        judged: usize,
        most: usize,
        origin: Duration,
    ) -> Self {
        let mut timed = Trace::new(Medium::Ethernet);
        let mut names = trace.host_names();
        let tester = timed.add_host(names.next().unwrap_or_default());
        timed.add_host(names.next().unwrap_or_default());
        let mut came = None;
        let mut packets: Vec<_> = trace.packets().take(most).enumerate().collect();
        for (_, packet) in &mut packets {
            if packet.from == tester {
                continue;
            }
            if !packet.is_copy {
                came = stamps.pop_front().map(moments::smoltcp);
            }
            packet.sent = came.unwrap_or(packet.sent);
            if let End::Delivered { at, .. } = &mut packet.end {
                // The link has looked at the clock before it looked for frames.
                *at = packet.sent.max(*at);
            }
        }
        // While the host is at work, frames come that it takes later.
        packets.sort_by_key(|(_, packet)| packet.sent);
        for (_, packet) in &packets {
            timed.push(packet);
        }
        let judged = packets.iter().map(|(number, _)| *number < judged).collect();
        Self {
            trace: timed,
            tester,
            judged,
            origin,
            marked: None,
        }
    }

    /// Frames with times of their own.
    pub(crate) fn of(trace: Trace, tester: HostId, origin: Duration) -> Self {
        let judged = vec![true; trace.packets().len()];
        Self {
            trace,
            tester,
            judged,
            origin,
            marked: None,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.trace.packets().len() == 0
    }

    /// The frames, by the cable's time.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Marks the frame at which the verdict fell, with words that files and ladders show. `false`: there is
    /// none.
    pub fn mark(&mut self, mark: Mark, words: &str) -> bool {
        let mut opened = self.opened();
        if mark == Mark::Last {
            // Whoever waits in vain waits on what the server hasn't ended.
            let ended = self.ended();
            if opened.iter().any(|flow| !ended.contains(flow)) {
                opened.retain(|flow| !ended.contains(flow));
            }
        }
        let counts = |packet: &Packet<'_>| {
            let segment = Segment::read(Medium::Ethernet, packet.bytes);
            segment.is_some_and(|segment| {
                let says = segment.tcp.is_none_or(|tcp| tcp.syn || tcp.fin || tcp.rst);
                mark == Mark::Last
                    || packet.from != self.tester && (says || !segment.payload.is_empty())
            })
        };
        let found = self
            .judged()
            .filter(|(number, packet)| {
                let is_its_own = self
                    .trace
                    .flow_of(*number)
                    .is_some_and(|flow| opened.contains(&flow));
                (is_its_own || opened.is_empty()) && counts(packet)
            })
            .map(|(number, _)| number)
            .last();
        self.marked = found;
        if let Some(number) = self.marked {
            self.trace.remark(number, words);
        }
        self.marked.is_some()
    }

    /// Says something of a frame; the ladder is that of its connection, if it has one.
    pub(crate) fn remark(&mut self, number: usize, words: &str) {
        self.trace.remark(number, words);
        if self.trace.flow_of(number).is_some() {
            self.marked = Some(number);
        }
    }

    /// The frames that were there when somebody looked last at what came.
    fn judged(&self) -> impl Iterator<Item = (usize, Packet<'_>)> {
        let judged = self.judged.iter().zip(self.trace.packets()).enumerate();
        judged.filter_map(|(number, (is_judged, packet))| is_judged.then_some((number, packet)))
    }

    /// The connections that the server has ended by then.
    fn ended(&self) -> Vec<Flow> {
        let ends = |(number, packet): (usize, Packet<'_>)| {
            let tcp = Segment::read(Medium::Ethernet, packet.bytes)?.tcp?;
            let is_end = packet.from != self.tester && (tcp.fin || tcp.rst);
            is_end.then(|| self.trace.flow_of(number))?
        };
        self.judged().filter_map(ends).collect()
    }

    /// What the tester began among these frames: connections of before may still have something to say.
    fn opened(&self) -> Vec<Flow> {
        let begins = |(number, packet): (usize, Packet<'_>)| {
            let segment = Segment::read(Medium::Ethernet, packet.bytes)?;
            let is_first = segment.tcp.is_none_or(|tcp| tcp.syn && tcp.ack.is_none());
            (packet.from == self.tester && is_first).then(|| self.trace.flow_of(number))?
        };
        let mut flows: Vec<_> = self
            .trace
            .packets()
            .enumerate()
            .filter_map(begins)
            .collect();
        flows.dedup();
        flows
    }

    /// Writes a pcapng file, with comments on what happened on the way and on the mark. Times are those of
    /// the day, as far as the cable knows them.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_pcapng(&self, out: &mut impl Write) -> io::Result<()> {
        let micros = u64::try_from(self.origin.as_micros()).unwrap_or_default();
        self.moved(|micros_since| micros_since.saturating_add(micros))
            .write_pcapng(Tap::Senders, out)
    }

    /// The connection at which the verdict fell, or else the last one, with times since its first frame.
    /// `None`: there was neither TCP nor UDP.
    pub fn ladder(&self) -> Option<Ladder> {
        let flow = match self.marked {
            Some(number) => self.trace.flow_of(number)?,
            None => *self.trace.flows().last()?,
        };
        let first = (0..self.trace.packets().len())
            .find(|number| self.trace.flow_of(*number) == Some(flow))
            .and_then(|number| self.trace.packets().nth(number))
            .map_or(0, |packet| moments::core(packet.sent).as_micros());
        let moved = self.moved(|micros| micros.saturating_sub(first));
        Some(Ladder::new(&moved, &flow))
    }

    /// The same frames at other times.
    fn moved(&self, to: impl Fn(u64) -> u64) -> Trace {
        let at = |then: smoltcp::time::Instant| {
            let micros = to(moments::core(then).as_micros());
            moments::smoltcp(Instant::from_micros(micros))
        };
        let mut moved = Trace::new(Medium::Ethernet);
        for name in self.trace.host_names() {
            moved.add_host(name);
        }
        for (number, mut packet) in self.trace.packets().enumerate() {
            packet.sent = at(packet.sent);
            if let End::Delivered {
                at: then,
                overtaken,
            } = packet.end
            {
                let at = at(then);
                packet.end = End::Delivered { at, overtaken };
            }
            moved.push(&packet);
            let said = self.trace.remark_on(number);
            if !said.is_empty() {
                moved.remark(number, said);
            }
        }
        moved
    }
}
