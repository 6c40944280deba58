//! A link in front of any smoltcp device, for programs that have their own loop, their own time and
//! perhaps a real wire.
//!
//! It is the network's own fabric with two ends: the stack above, and the device below.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities};
use smoltcp::time::Instant;

use crate::card::Frame;
use crate::clock::{self, Nanos};
use crate::counters::Counters;
use crate::fabric::Fabric;
use crate::fault::Fault;
use crate::link::Link;
use crate::random::Random;
use crate::rule::Rule;
use crate::trace::Trace;

/// Any device, with a link before it that loses, delays, reorders, duplicates, corrupts and limits
/// what the stack sends and what it gets.
///
/// Time is the [`Instant`] that the stack is polled with: virtual or real, as the program has it.
/// A frame that is under way needs a poll when it is due, so ask [`poll_at`](Self::poll_at) beside
/// the interface's:
///
/// ```
/// use core::time::Duration;
/// use smoltcp::iface::{Config, Interface, SocketSet};
/// use smoltcp::phy::{Loopback, Medium};
/// use smoltcp::time::Instant;
/// use smoltcp::wire::HardwareAddress;
/// use smoltcp_sim::{Impaired, Link, Probability};
///
/// let link = Link::new()
///     .latency(Duration::from_millis(20))
///     .loss(Probability::percent(5));
/// let mut device = Impaired::new(Loopback::new(Medium::Ip), 42).outgoing(link);
///
/// let mut now = Instant::ZERO; // or Instant::now()
/// let config = Config::new(HardwareAddress::Ip);
/// let mut interface = Interface::new(config, &mut device, now);
/// let mut sockets = SocketSet::new(vec![]);
/// # let mut turns = 0;
/// loop {
///     interface.poll(now, &mut device, &mut sockets);
///     // ... the application ...
///     let due = [interface.poll_at(now, &sockets), device.poll_at()];
///     match due.into_iter().flatten().min() {
///         Some(due) => now = due, // with a real device: wait until then, or until frames come
///         None => break,
///     }
/// #   turns += 1;
/// #   assert!(turns < 1000);
/// }
/// ```
///
/// Frames of smoltcp's `Loopback` have no checksums, so that corrupt ones would reach the
/// application: [`checksums`](Self::checksums) turns them on.
///
/// # Beside smoltcp's `FaultInjector`
///
/// | | `FaultInjector` | `Impaired` |
/// |---|---|---|
/// | loss by chance | of what is sent and what comes, at one rate | each direction its own |
/// | loss in bursts, loss of chosen packets | no | [`Bursts`](crate::Bursts), [`Rule`] |
/// | delay, jitter, reordering, duplicates | no | yes |
/// | corruption | of what comes; on what is sent, before the frame is written, so that nothing is | of both |
/// | rate | so many frames in an interval; others are dropped | bits in a second, with a queue |
/// | size | larger frames are dropped | the link's MTU |
/// | a drop | ends the stack's poll, as if nothing more had come | is silent, as on a wire |
/// | what happened | nothing | [`Counters`], a [`Trace`] for Wireshark and ladders, [`Fault`]s to shrink |
/// | memory | a buffer for a frame | a heap, for what is under way |
pub struct Impaired<D> {
    device: D,
    fabric: Fabric,
    checksums: Option<ChecksumCapabilities>,
    capacity: usize,
    /// What is due and waits for room in the device.
    leaving: VecDeque<Frame>,
    /// What is due and wasn't looked at by the stack.
    arrived: VecDeque<Frame>,
    /// Frames that nobody uses.
    spare: Vec<Frame>,
    now: Nanos,
}

/// The ends of the link.
const STACK: usize = 0;
const DEVICE: usize = 1;

/// Its wires, of which there is one link.
const LINK: usize = 0;
const OUTGOING: usize = 0;
const INCOMING: usize = 1;

/// So many frames are under way at most, unless told otherwise.
const CAPACITY: usize = 4096;

impl<D: Device> Impaired<D> {
    /// A device behind a link that does nothing yet. The same seed has the same effect on the same
    /// frames, whenever they are sent.
    pub fn new(device: D, seed: u64) -> Self {
        let mut fabric = Fabric::new(device.capabilities().medium);
        let plans = [Link::new(), Link::new()];
        fabric.link([STACK, DEVICE], plans, &Random::new(seed));
        Self {
            device,
            fabric,
            checksums: None,
            capacity: CAPACITY,
            leaving: VecDeque::new(),
            arrived: VecDeque::new(),
            spare: Vec::new(),
            now: 0,
        }
    }

    /// The same, with a plan for what the stack sends.
    #[must_use]
    pub fn outgoing(mut self, plan: Link) -> Self {
        self.change_outgoing(plan);
        self
    }

    /// The same, with a plan for what comes from the device.
    #[must_use]
    pub fn incoming(mut self, plan: Link) -> Self {
        self.change_incoming(plan);
        self
    }

    /// The same, with other checksums than the device says: which the stack makes and checks.
    #[must_use]
    pub fn checksums(mut self, checksums: ChecksumCapabilities) -> Self {
        self.checksums = Some(checksums);
        self
    }

    /// The same, with room for so many frames under way, 4096 by default. When it is full, the
    /// stack can't send, and the device keeps what it has.
    #[must_use]
    pub fn capacity(mut self, frames: usize) -> Self {
        self.capacity = frames;
        self
    }

    /// Changes what happens to frames that the stack sends from now on.
    pub fn change_outgoing(&mut self, plan: Link) {
        if let Some(wire) = self.fabric.wires_of(LINK).nth(OUTGOING) {
            wire.change(plan);
        }
    }

    /// Changes what happens to frames that come from the device from now on.
    pub fn change_incoming(&mut self, plan: Link) {
        if let Some(wire) = self.fabric.wires_of(LINK).nth(INCOMING) {
            wire.change(plan);
        }
    }

    /// Begins anew with another seed: the next frame of each direction is the first that it knows. What
    /// is under way isn't touched.
    pub fn reseed(&mut self, seed: u64) {
        self.fabric.reseed(&Random::new(seed));
    }

    /// Pulls the plug: what is under way is lost, and what comes.
    pub fn cut(&mut self) {
        self.fabric
            .wires_of(LINK)
            .for_each(|wire| wire.set_cut(true));
    }

    /// Plugs it in again.
    pub fn mend(&mut self) {
        self.fabric
            .wires_of(LINK)
            .for_each(|wire| wire.set_cut(false));
    }

    /// Adds a fault by plan, for frames of both directions from now on. Of several rules for one
    /// frame the one that was added first has its way.
    pub fn add_rule(&mut self, rule: Rule) {
        self.fabric.rules.push(rule);
    }

    /// Keeps a [`Trace`] of every frame, and a list of all [`faults`](Self::faults), from now on.
    /// They grow as long as the program runs. The trace's first host is the stack, the second what
    /// is behind the device.
    pub fn record(&mut self, stack: &str, peer: &str) {
        if self.fabric.trace.is_none() {
            let mut trace = Trace::new(self.fabric.medium);
            trace.add_host(stack);
            trace.add_host(peer);
            self.fabric.record(trace);
        }
    }

    /// The frames so far, since [`record`](Self::record).
    pub fn trace(&self) -> Option<&Trace> {
        self.fabric.trace.as_ref()
    }

    /// Takes the frames so far out of the [`trace`](Self::trace), which goes on: so it needn't grow as long
    /// as the program runs. What became of those that are under way isn't told any more.
    pub fn take_trace(&mut self) -> Option<Trace> {
        self.fabric.trace.as_mut().map(Trace::take)
    }

    /// The faults that chance has dealt since [`record`](Self::record): on wire 0 to what was sent,
    /// on wire 1 to what came.
    pub fn faults(&self) -> Vec<Fault> {
        self.fabric.faults()
    }

    /// Lets no other faults happen by chance than these: of those that the seed deals, the others
    /// are left out. [`shrink`](crate::shrink) finds the fewest with which something still fails.
    pub fn only_faults(&mut self, faults: &[Fault]) {
        self.fabric.only(faults);
    }

    /// What happened to frames, in both directions together.
    pub fn counters(&self) -> Counters {
        self.fabric.counters()
    }

    /// When the interface has to be polled again for the frames that are under way, whatever it
    /// says itself. `None`: there are none. A moment that has passed: at once.
    pub fn poll_at(&self) -> Option<Instant> {
        if !self.leaving.is_empty() || !self.arrived.is_empty() {
            return Some(clock::shown(self.now));
        }
        let next = self.fabric.next().filter(|next| *next < Nanos::MAX)?;
        Some(clock::instant(next.div_ceil(1000)))
    }

    /// The device below.
    pub fn get_ref(&self) -> &D {
        &self.device
    }

    /// The device below. Frames that are taken from it or given to it don't cross the link.
    pub fn get_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device below. What is under way is lost.
    pub fn into_inner(self) -> D {
        self.device
    }

    /// Takes what the device has, and moves on what is due.
    fn turn(&mut self, timestamp: Instant) {
        self.now = clock::moment(timestamp);
        // What leaves now may come back now: the device may be a loopback.
        self.advance(timestamp);
        while !self.is_full() {
            let Some((token, _)) = self.device.receive(timestamp) else {
                break;
            };
            let mut spare = self.spare.pop().unwrap_or_default();
            phy::RxToken::consume(token, |frame| {
                spare.clear();
                spare.extend_from_slice(frame);
            });
            self.carry(INCOMING, spare);
        }
        self.advance(timestamp);
    }

    fn carry(&mut self, wire: usize, frame: Frame) {
        self.fabric
            .send_over(wire, frame, self.now, &mut self.spare);
    }

    /// Moves on what is due.
    fn advance(&mut self, timestamp: Instant) {
        while let Some((to, arrival)) = self.fabric.pop(self.now) {
            let frame = self
                .fabric
                .deliver(arrival, false, self.now, &mut self.spare);
            if let Some(frame) = frame {
                if to == STACK {
                    self.arrived.push_back(frame);
                } else {
                    self.leaving.push_back(frame);
                }
            }
        }
        while !self.leaving.is_empty()
            && let Some(token) = self.device.transmit(timestamp)
            && let Some(frame) = self.leaving.pop_front()
        {
            phy::TxToken::consume(token, frame.len(), |buffer| buffer.copy_from_slice(&frame));
            self.spare.push(frame);
        }
    }

    fn is_full(&self) -> bool {
        self.fabric.len() + self.leaving.len() + self.arrived.len() >= self.capacity
    }
}

impl<D: Device> Device for Impaired<D> {
    type RxToken<'t>
        = RxToken
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, D>
    where
        Self: 't;

    fn receive(&mut self, timestamp: Instant) -> Option<(RxToken, TxToken<'_, D>)> {
        self.turn(timestamp);
        let frame = self.arrived.pop_front()?;
        let answer = TxToken {
            device: self,
            timestamp,
        };
        Some((RxToken { frame }, answer))
    }

    fn transmit(&mut self, timestamp: Instant) -> Option<TxToken<'_, D>> {
        self.now = clock::moment(timestamp);
        self.advance(timestamp);
        (!self.is_full()).then_some(TxToken {
            device: self,
            timestamp,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = self.device.capabilities();
        if let Some(checksums) = &self.checksums {
            capabilities.checksum = checksums.clone();
        }
        capabilities
    }
}

/// Shows one frame to a stack.
#[derive(Debug)]
pub struct RxToken {
    frame: Frame,
}

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.frame)
    }
}

/// Takes one frame from a stack.
pub struct TxToken<'t, D> {
    device: &'t mut Impaired<D>,
    timestamp: Instant,
}

impl<D: Device> phy::TxToken for TxToken<'_, D> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let Self { device, timestamp } = self;
        let mut frame = device.spare.pop().unwrap_or_default();
        frame.clear();
        frame.resize(len, 0);
        let result = write(&mut frame);
        device.carry(OUTGOING, frame);
        device.advance(timestamp);
        result
    }
}

impl<D> fmt::Debug for Impaired<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Impaired")
            .field("counters", &self.fabric.counters())
            .field("under_way", &self.fabric.len())
            .finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for TxToken<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxToken").finish_non_exhaustive()
    }
}
