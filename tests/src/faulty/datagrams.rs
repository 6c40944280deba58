//! What a faulty server does with datagrams before, and after, its responder sees them.

use std::task::Poll;

use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams, Local};

use super::{Fault, LONG, Stale};
use crate::memory::lab::{Ours, Service};
use crate::memory::{Backlog, Mailbox};

/// A way to the responder, with faults.
#[derive(Default)]
pub(super) struct Inbox {
    count: usize,
    stale: Stale,
}

impl Inbox {
    pub(super) fn poll(
        &mut self,
        fault: Fault,
        ours: &mut Ours,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        let mut buffer = [0; 9000];
        let mut kept = Vec::new();
        let mut at_once = 0;
        while let Poll::Ready(Ok(Datagram { len, from, .. })) = mailbox.receive_from(&mut buffer) {
            self.count += 1;
            at_once += 1;
            let datagram = &buffer[..len];
            let arrives = match fault {
                Fault::Chatty => {
                    let _ = mailbox.send_to(b"Hello, you", from, Local::default());
                    false
                }
                Fault::Deaf => false,
                Fault::Lossy => self.count % 4 == 1 || !datagram.starts_with(b"client "),
                Fault::DropsFragments => len <= 1472,
                Fault::SmallRing => at_once <= 4,
                Fault::LosesLongMessages => len <= LONG,
                Fault::LosesLongAnswers => !(LONG + 1..=1024).contains(&len) || !is_text(datagram),
                _ => true,
            };
            if arrives {
                kept.push((datagram.to_vec(), from));
            }
        }
        for (mut datagram, from) in kept {
            if fault == Fault::StaleAnswers {
                self.stale.mix(&mut datagram);
            }
            mailbox.post(&datagram, from);
        }
        ours.poll(&mut Backlog::new(), mailbox, now)
    }
}

/// What isn't has a short answer.
fn is_text(datagram: &[u8]) -> bool {
    std::str::from_utf8(datagram).is_ok()
}
