//! The steps of a poll, and the scan over all sockets between them.
//!
//! [`Stack`](crate::stack::Stack) takes them in turn.

use smoltcp::iface::PollIngressSingleResult;
use smoltcp::phy::Device;
use smoltcp::socket::{AnySocket, tcp, udp};
use smoltcp::time::Instant;

use super::{FRAMES, Net, entry};
use crate::device::Filtered;
use crate::fate::{self, After, Circumstances, OVERRUN, Scan};
use crate::pace::{LONGEST, SHORTEST};
use crate::time::NEVER;

impl Net<'_> {
    /// A poll begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.now = now;
        self.pace.begin(self.used);
        self.filter.note(&self.interface);
        self.interface.poll_maintenance(now);
    }

    /// Whether a released socket isn't done yet.
    pub(crate) fn closing(&self) -> bool {
        self.closing
    }

    /// Takes frames from the device, up to [`FRAMES`], and says how many there were.
    pub(crate) fn ingress<D: Device>(&mut self, device: &mut D) -> usize {
        for taken in 0..FRAMES {
            let result = self.interface.poll_ingress_single(
                self.now,
                &mut Filtered {
                    device,
                    filter: &mut self.filter,
                    pace: &mut self.pace,
                },
                &mut self.set,
            );
            if core::mem::take(&mut self.filter.passed) {
                self.scan(After::Ingress);
                self.filter.mss = None;
                self.filter.note(&self.interface);
            }
            if result == PollIngressSingleResult::None {
                return taken;
            }
        }
        FRAMES
    }

    /// Gives frames to the device, at most one of each socket, and says whether there were any.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn egress<D: Device>(&mut self, device: &mut D) -> bool {
        let left = self.pace.left();
        let mut filtered = Filtered {
            device,
            filter: &mut self.filter,
            pace: &mut self.pace,
        };
        self.interface
            .poll_egress(self.now, &mut filtered, &mut self.set);
        self.pace.turned(left)
    }

    /// Whether a frame was held back that smoltcp would have sent.
    pub(crate) fn held(&self) -> bool {
        self.pace.held
    }

    /// When to poll again at the latest, now that a frame was held back.
    #[cold]
    pub(crate) fn rest(&mut self) -> Instant {
        let (mut datagrams, mut owing) = (0, false);
        for (_, socket) in self.set.iter() {
            if let Some(socket) = udp::Socket::downcast(socket) {
                datagrams += socket.send_queue();
            } else if let Some(socket) = tcp::Socket::downcast(socket) {
                owing |= socket.send_queue() > 0;
            }
        }
        let pause = self.pace.rest(datagrams, owing);
        if pause == LONGEST && self.scan(After::Excess) {
            return self.now;
        }
        self.due.min(self.now + pause)
    }

    /// Looks at all sockets, and tells their listeners. After an egress, moves them on towards their
    /// next connections.
    ///
    /// Returns whether there is more to send, or to do for the application.
    pub(crate) fn scan(&mut self, after: After) -> bool {
        self.filter.begin_scan(self.now);
        if self.filter.is_waited_for() {
            self.forget_repeated_syns();
        }
        let by = Circumstances {
            timeouts: &self.timeouts,
            now: self.now,
            after,
            mss: self.filter.mss,
        };
        let mut scan = Scan::NOTHING;
        for (slot, (_, socket)) in self.set.iter_mut().enumerate() {
            if let Some(entry) = self.entries.get_mut(slot)
                && entry.state.is_on_the_way()
                && let Some(socket) = tcp::Socket::downcast_mut(socket)
            {
                scan.add(slot, entry, socket, &mut self.filter.listeners, &by);
            }
        }
        self.due = scan.due;
        if after != After::Ingress {
            self.closing = scan.closing;
        }
        if let Some(slot) = scan.newest {
            self.forget_if_repeated(slot);
        }
        if let Some((since, slot)) = scan.oldest {
            self.make_room(since + OVERRUN, slot);
        }
        scan.moved
    }

    /// Lets no client wait whose handshake goes on: it would be taken for somebody who has no socket, so
    /// that its own handshake gives way to it, and its answer to the first SYN-ACK is reset.
    #[cold]
    fn forget_repeated_syns(&mut self) {
        for (_, socket) in self.set.iter() {
            if let Some(socket) = tcp::Socket::downcast(socket)
                && socket.state() == tcp::State::SynReceived
                && let Some((client, own)) = socket.remote_endpoint().zip(socket.local_endpoint())
            {
                self.filter.forget(client.into(), own.into());
            }
        }
        self.filter.begin_scan(self.now);
    }

    /// Makes a socket listen again if another one has the same client already.
    ///
    /// smoltcp gives a SYN to the first socket that takes it. When a client repeats its SYN, as the
    /// answer was lost or is slow, that may be one that listens, though another is at the handshake
    /// with this client. Both would answer, with different sequence numbers, and the client would
    /// reset both. The other repeats its own answer in time.
    fn forget_if_repeated(&mut self, slot: usize) {
        let Some((_, socket)) = entry(self.entries, &mut self.set, slot) else {
            return;
        };
        let ends = (socket.local_endpoint(), socket.remote_endpoint());
        let is_known = self.set.iter().enumerate().any(|(index, (_, socket))| {
            index != slot
                && tcp::Socket::downcast(socket).is_some_and(|socket| {
                    socket.is_open() && (socket.local_endpoint(), socket.remote_endpoint()) == ends
                })
        });
        if is_known && let Some((entry, socket)) = entry(self.entries, &mut self.set, slot) {
            // It answers nothing any more. Most often nothing was sent yet, and no trace is left.
            fate::reuse(entry, socket, &mut self.filter.listeners);
        }
    }

    /// Lets the oldest handshake give way, once it is due, if more want to wait than can.
    #[cold]
    fn make_room(&mut self, due: Instant, slot: usize) {
        if !self.filter.is_overrun(self.now) {
            return;
        }
        if self.now < due {
            self.due = self.due.min(due);
        } else if let Some((entry, socket)) = entry(self.entries, &mut self.set, slot) {
            fate::give_way(entry, socket, &mut self.filter.listeners);
        }
    }

    /// Whether a client of the backlog could be served now.
    pub(crate) fn clients_ready(&mut self) -> bool {
        self.filter.next_client(self.now).is_some()
    }

    /// When to poll again at the latest, now that nothing moves.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn timeout(&mut self, stuck: bool) -> Instant {
        let at = self.interface.poll_at(self.now, &self.set).unwrap_or(NEVER);
        // At once: it has something to send, and the device doesn't take it.
        if stuck || at <= self.now {
            return self.due.min(self.now + SHORTEST);
        }
        self.due.min(at)
    }
}
