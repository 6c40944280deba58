//! Where a line ends.

/// The offset of the first line feed.
// On hosts sixteen bytes are looked at at once; on a small board that would cost flash.
#[cfg(target_pointer_width = "64")]
#[inline]
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

/// The offset of the first line feed.
#[cfg(not(target_pointer_width = "64"))]
#[inline]
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}
