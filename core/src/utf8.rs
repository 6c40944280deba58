//! UTF-8 that comes in pieces: each byte of whole characters is looked at once.

/// How far bytes that follow whole characters are whole characters themselves.
pub(crate) struct Checked {
    /// So many bytes are.
    pub(crate) whole: usize,
    /// What follows them can't become a character any more, whatever comes.
    pub(crate) wrong: bool,
}

/// Looks at bytes that begin with a character, and may end inside of one.
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Checked {
    // Most names are ASCII. Where flash isn't short, that is told faster than UTF-8 in general.
    if cfg!(target_pointer_width = "64") && bytes.is_ascii() {
        return Checked {
            whole: bytes.len(),
            wrong: false,
        };
    }
    match core::str::from_utf8(bytes) {
        Ok(_) => Checked {
            whole: bytes.len(),
            wrong: false,
        },
        Err(error) => Checked {
            whole: error.valid_up_to(),
            wrong: error.error_len().is_some(),
        },
    }
}
