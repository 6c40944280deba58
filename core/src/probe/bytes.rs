//! Bytes as the tables have them: short pieces, repeated, so that long names fit into flash.

/// Bytes, so many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat(pub &'static [u8], pub u16);

impl Repeat {
    /// How many bytes these are.
    pub fn len(self) -> usize {
        self.0.len() * usize::from(self.1)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        (0..self.1).flat_map(move |_| self.0.iter().copied())
    }
}

/// How many bytes some pieces have.
pub(super) fn len_of(pieces: &[Repeat]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// Byte `at` of some pieces.
pub(super) fn byte_of(pieces: &[Repeat], mut at: usize) -> Option<u8> {
    for piece in pieces {
        if at < piece.len() {
            return piece.0.get(at % piece.0.len()).copied();
        }
        at -= piece.len();
    }
    None
}

/// Byte `at` of the name of a numbered client: `client 00042`.
pub(super) fn client_byte(number: u16, at: usize) -> Option<u8> {
    const START: &[u8] = b"client ";
    if let Some(byte) = START.get(at) {
        return Some(*byte);
    }
    let divisor = [10_000, 1_000, 100, 10, 1].get(at - START.len())?;
    u8::try_from(number / divisor % 10)
        .ok()
        .map(|digit| b'0' + digit)
}

/// How many bytes the line of a numbered client has.
pub(super) const LINE: usize = b"client 00042\n".len();

/// Byte `at` of the line of a numbered client.
pub(super) fn line_byte(number: u16, at: usize) -> Option<u8> {
    if at + 1 == LINE {
        return Some(b'\n');
    }
    client_byte(number, at)
}
