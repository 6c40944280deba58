//! The table of neighbors of IPv4: where each is, when it was heard of, and what waits for it.

use std::collections::HashMap;
use std::time::Duration;

use crate::bytes::Mac;

/// So often a neighbor that doesn't answer is asked for (RFC 1122, section 2.3.2.1).
const AGAIN: Duration = Duration::from_secs(1);

/// So long an entry holds of which nothing is heard (RFC 1122, section 2.3.2.1: on the order of a minute).
const HOLDS: Duration = Duration::from_mins(1);

/// An address of IPv4.
type Ip = [u8; 4];

/// The table.
#[derive(Debug, Default)]
pub struct Neighbors {
    known: HashMap<Ip, (Mac, Duration)>,
    asked: HashMap<Ip, Duration>,
    /// The latest packet for each that is asked for (RFC 1122, section 2.3.2.2).
    waiting: HashMap<Ip, Vec<u8>>,
}

impl Neighbors {
    /// How many are known.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Whether there is an entry, held or not.
    pub fn has(&self, ip: Ip) -> bool {
        self.known.contains_key(&ip)
    }

    /// A neighbor says where it is. The packet that has waited for it.
    pub fn says(&mut self, ip: Ip, mac: Mac, now: Duration) -> Option<Vec<u8>> {
        self.known.insert(ip, (mac, now));
        self.waiting.remove(&ip)
    }

    /// Something came from a neighbor: its entry holds on, if it is from there.
    pub fn heard(&mut self, ip: Ip, mac: Mac, now: Duration) {
        if let Some((known, since)) = self.known.get_mut(&ip)
            && *known == mac
        {
            *since = now;
        }
    }

    /// Where a neighbor is, as far as that still holds; `is_for_ever`: it always does.
    pub fn find(&self, ip: Ip, now: Duration, is_for_ever: bool) -> Option<Mac> {
        let (mac, since) = self.known.get(&ip)?;
        (is_for_ever || now < *since + HOLDS).then_some(*mac)
    }

    /// Keeps a packet until its neighbor says where it is.
    pub fn wait(&mut self, ip: Ip, packet: Vec<u8>) {
        self.waiting.insert(ip, packet);
    }

    /// Whether one may ask for a neighbor now.
    pub fn may_ask(&mut self, ip: Ip, now: Duration) -> bool {
        let is_due = self.asked.get(&ip).is_none_or(|then| now >= *then + AGAIN);
        if is_due {
            self.asked.insert(ip, now);
        }
        is_due
    }
}
