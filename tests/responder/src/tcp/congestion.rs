//! How much may be on its way: slow start, congestion avoidance, fast retransmit and fast recovery (RFC 5681;
//! RFC 6582).

use crate::tcp::order::Order;

/// So many duplicates mean a loss.
const DUPLICATES: u32 = 3;

/// The congestion window, and what has become of it.
#[derive(Debug)]
pub struct Congestion {
    /// So many octets may be on their way.
    pub window: u32,
    threshold: u32,
    duplicates: u32,
    /// What was out when a loss was noticed.
    recover: u32,
    is_recovering: bool,
}

impl Congestion {
    /// Of a connection whose text begins here. After a lost SYN ACK, it begins with one segment (RFC 5681,
    /// section 3.1).
    pub fn new(begins: u32, mss: u32, is_slow: bool) -> Self {
        let segments = match mss {
            _ if is_slow => 1,
            0..=1095 => 4,
            1096..=2190 => 3,
            _ => 2,
        };
        Self {
            window: segments * mss,
            threshold: u32::MAX,
            duplicates: 0,
            recover: begins,
            is_recovering: false,
        }
    }

    /// So many octets were acknowledged, up to here. Whether the segment behind them is lost as well.
    pub fn acknowledged(&mut self, ack: u32, acked: u32, mss: u32, order: Order) -> bool {
        self.duplicates = 0;
        if !self.is_recovering {
            let step = if self.window < self.threshold {
                acked.min(mss)
            } else {
                (mss * mss / self.window).max(1)
            };
            self.window = self.window.saturating_add(step);
            return false;
        }
        if order.before(ack, self.recover) {
            self.window = self.window.saturating_sub(acked) + mss;
            return true;
        }
        self.is_recovering = false;
        self.window = self.threshold;
        false
    }

    /// An acknowledgment came again, while this was out. Whether the first segment is lost.
    pub fn duplicate(&mut self, (una, nxt): (u32, u32), mss: u32, order: Order) -> bool {
        self.duplicates += 1;
        if self.is_recovering {
            self.window = self.window.saturating_add(mss);
            return false;
        }
        if self.duplicates != DUPLICATES || order.before(una, self.recover) {
            return false;
        }
        self.halve((una, nxt), mss);
        self.window = self.threshold + DUPLICATES * mss;
        self.is_recovering = true;
        true
    }

    /// Nothing was acknowledged in time, for the first time or again.
    pub fn timed_out(&mut self, out: (u32, u32), mss: u32, is_first: bool) {
        if is_first {
            self.halve(out, mss);
        }
        self.window = mss;
        self.is_recovering = false;
        self.duplicates = 0;
    }

    fn halve(&mut self, (una, nxt): (u32, u32), mss: u32) {
        self.threshold = (nxt.wrapping_sub(una) / 2).max(2 * mss);
        self.recover = nxt;
    }
}
