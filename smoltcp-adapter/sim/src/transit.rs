//! What is under way and when it arrives: a queue in the order of arrival, and of departure among
//! those that arrive at the same time.

use alloc::collections::BinaryHeap;
use core::cmp::Ordering;

use crate::clock::Nanos;

/// Things under way.
pub(crate) struct Transit<T> {
    heap: BinaryHeap<UnderWay<T>>,
    sequence: u64,
}

struct UnderWay<T> {
    arrival: Nanos,
    sequence: u64,
    thing: T,
}

impl<T> Transit<T> {
    pub(crate) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
        }
    }

    pub(crate) fn push(&mut self, arrival: Nanos, thing: T) {
        self.heap.push(UnderWay {
            arrival,
            sequence: self.sequence,
            thing,
        });
        self.sequence += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Nanos> {
        self.heap.peek().map(|first| first.arrival)
    }

    /// The next one, if it has arrived by `now`.
    pub(crate) fn pop(&mut self, now: Nanos) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|first| first.thing)
    }
}

/// The heap gives out the greatest: what arrives first.
impl<T> Ord for UnderWay<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrival, other.sequence).cmp(&(self.arrival, self.sequence))
    }
}

impl<T> PartialOrd for UnderWay<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for UnderWay<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for UnderWay<T> {}
