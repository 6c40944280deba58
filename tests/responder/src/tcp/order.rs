//! The order of sequence numbers, which wrap (RFC 9293, section 3.4).

use crate::fault::{Fault, Wrong};

/// How sequence numbers are compared.
#[derive(Clone, Copy, Debug)]
pub struct Order(pub Wrong);

impl Order {
    /// Whether `a` comes before `b`.
    pub fn before(self, a: u32, b: u32) -> bool {
        if self.0.is(Fault::SeqWrapBroken) {
            return a < b;
        }
        a.wrapping_sub(b) >> 31 == 1
    }

    /// The later of two.
    pub fn later(self, a: u32, b: u32) -> u32 {
        if self.before(a, b) { b } else { a }
    }

    /// Whether `a` is one of the `len` from `first` on.
    pub fn within(self, a: u32, first: u32, len: u32) -> bool {
        !self.before(a, first) && self.before(a, first.wrapping_add(len))
    }
}
