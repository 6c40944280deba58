//! Where two runs of bytes part, in hex and as text. Reports show it under a cross.

use std::fmt::Write;

/// Bytes in one row.
const ROW: usize = 16;

/// A row or two of each side: the one with the difference, and the one before it.
pub fn difference(expected: &[u8], actual: &[u8]) -> Vec<String> {
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
        let start = (at / ROW).saturating_sub(1) * ROW;
        for (index, row) in bytes.chunks(ROW).enumerate().skip(start / ROW).take(2) {
            let mut hex = String::new();
            for byte in row {
                // A string takes everything.
                let _ = write!(hex, "{byte:02x} ");
            }
            let width = ROW * 3;
            lines.push(format!(
                "{:>6}  {hex:width$} {}",
                index * ROW,
                row.escape_ascii()
            ));
        }
    }
    lines.push(format!("they differ from byte {at} on"));
    lines
}
