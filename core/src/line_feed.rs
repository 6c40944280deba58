//! Where a line ends.

/// The offset of the first line feed.
#[inline]
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}
