//! Moving what waits in a buffer to its front.

use core::cell::Cell;

/// Moves the bytes from `from` on to the front. Few wait, as a rule: a part of a line.
// Not copy_within, in which a program optimized for size keeps a panic.
pub(crate) fn to_front(bytes: &mut [u8], from: usize) {
    let bytes = Cell::from_mut(bytes).as_slice_of_cells();
    for (to, from) in bytes.iter().zip(bytes.iter().skip(from)) {
        to.set(from.get());
    }
}
