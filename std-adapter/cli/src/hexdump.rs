//! Where two runs of bytes part, in hex and as text. Reports show it under a cross.

use std::fmt::Write;

/// As many bytes in a row as fit into so many columns: 16, 8 or 4.
pub fn row(columns: usize) -> usize {
    [16, 8]
        .into_iter()
        .find(|row| OFFSET + 4 * row <= columns)
        .unwrap_or(4)
}

/// An offset, and what parts it from the bytes.
const OFFSET: usize = 4 + 2;

/// A row or two of each side, of so many bytes: the one with the difference, and the one before it.
pub fn difference(expected: &[u8], actual: &[u8], row: usize) -> Vec<String> {
    let at = expected
        .iter()
        .zip(actual)
        .take_while(|(expected, actual)| expected == actual)
        .count();
    let mut lines = Vec::new();
    if expected == actual {
        lines.push(format!("its {} bytes are right", actual.len()));
        return lines;
    }
    for (label, bytes) in [("expected", expected), ("actual", actual)] {
        lines.push(format!("{label}: {} bytes", bytes.len()));
        let first = (at / row).saturating_sub(1);
        for (index, bytes) in bytes.chunks(row).enumerate().skip(first).take(2) {
            let (mut hex, mut text) = (String::new(), String::new());
            for byte in bytes {
                // A string takes everything.
                let _ = write!(hex, "{byte:02x} ");
                let is_shown = matches!(byte, b' '..=b'~');
                text.push(if is_shown { char::from(*byte) } else { '.' });
            }
            let width = row * 3;
            lines.push(format!("{:>4}  {hex:width$}{text}", index * row));
        }
    }
    lines.push(format!("they differ from byte {at} on"));
    lines
}
