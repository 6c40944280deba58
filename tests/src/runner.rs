//! Speaks the client's side of a case over a testbed, and compares what comes back.
//!
//! This is a client in its plainest form, with none of the library's own client code, so that a
//! mistake in one doesn't hide the same mistake in the other.

use std::fmt::Write;
use std::io;

use crate::testbed::{Connection, Report, Testbed};
use crate::vectors::{Case, Message};

/// A server that sends more than this is stopped listening to.
const ENOUGH: usize = 4096;

/// Runs one greeting.
///
/// # Errors
///
/// What went wrong, with *expected / actual* if the reply was another.
pub fn one(case: &Case, testbed: &mut impl Testbed) -> Result<(), String> {
    let limits = case.limits();
    let mut connection = match testbed.connect(&limits) {
        Ok(connection) => connection,
        Err(error) => return Err(format!("{}\ncan't connect: {error}", case.why)),
    };
    let mut reply = Vec::new();
    let end = speak(case, &mut connection, &mut reply);
    let expected = case.reply.bytes();
    if reply != expected {
        let end = end.map_or_else(|error| error.to_string(), |()| "EOF".to_owned());
        let difference = difference(&expected, &reply);
        return Err(format!("{}\n{difference}then: {end}", case.why));
    }
    end.map_err(|error| format!("{}\ninstead of EOF: {error}", case.why))
}

/// Sends one message.
///
/// # Errors
///
/// What went wrong, with *expected / actual* if the report was another.
pub fn message(case: &Message, testbed: &mut impl Testbed) -> Result<(), String> {
    let datagram = crate::vectors::joined(&case.datagram);
    let expected = match (&case.shown, &case.error) {
        (Some(text), None) => Report::Shown(text.clone()),
        (None, Some(sentence)) => Report::Refused(sentence.clone()),
        _ => return Err("the case must say either shown or error".to_owned()),
    };
    match testbed.deliver(&datagram) {
        Ok(actual) if actual == expected => Ok(()),
        Ok(actual) => {
            let [expected, actual] = [expected, actual].map(|report| match report {
                Report::Shown(text) => format!("message: {text}"),
                Report::Refused(sentence) => format!("error: {sentence}"),
            });
            let difference = difference(expected.as_bytes(), actual.as_bytes());
            Err(format!("{}\n{difference}", case.why))
        }
        Err(error) => Err(format!("{}\nno report: {error}", case.why)),
    }
}

/// Sends one message to a receiver that replies.
///
/// What is not answered is followed by a message that is: its answer must be the first.
///
/// # Errors
///
/// What went wrong, with *expected / actual* if the reply was another.
pub fn reply(case: &Message, testbed: &mut impl Testbed) -> Result<(), String> {
    let datagram = crate::vectors::joined(&case.datagram);
    let (expected, answer) = match &case.reply {
        Some(reply) => (reply.bytes(), testbed.answer(&[&datagram])),
        None => (
            b"Hello, next".to_vec(),
            testbed.answer(&[&datagram, b"next"]),
        ),
    };
    match answer {
        Ok(actual) if actual == expected => Ok(()),
        Ok(actual) => Err(format!("{}\n{}", case.why, difference(&expected, &actual))),
        Err(error) => Err(format!("{}\nno reply: {error}", case.why)),
    }
}

fn speak(case: &Case, connection: &mut impl Connection, reply: &mut Vec<u8>) -> io::Result<()> {
    for (index, piece) in case.send.iter().enumerate() {
        if index > 0 {
            connection.pass(case.gap());
        }
        connection.send(&piece.bytes())?;
    }
    if case.fin {
        connection.half_close()?;
    }
    let mut buffer = [0; 256];
    loop {
        let n = connection.receive(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        reply.extend_from_slice(&buffer[..n]);
        if reply.len() > ENOUGH {
            return Err(io::Error::other(format!("more than {ENOUGH} bytes came")));
        }
    }
}

/// Where two runs of bytes part, in hex and as text.
pub fn difference(expected: &[u8], actual: &[u8]) -> String {
    let at = expected
        .iter()
        .zip(actual)
        .take_while(|(expected, actual)| expected == actual)
        .count();
    let mut text = format!("differs at byte {at}\n");
    for (label, bytes) in [("expected", expected), ("actual", actual)] {
        let _ = writeln!(text, "{label:>10}: {} bytes", bytes.len());
        // Two rows: the one with the difference, and the one before it.
        let start = (at / ROW).saturating_sub(1) * ROW;
        for (index, row) in bytes.chunks(ROW).enumerate().skip(start / ROW).take(2) {
            let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let hex = hex.join(" ");
            let width = ROW * 3;
            let offset = index * ROW;
            let _ = writeln!(text, "{offset:>10}  {hex:width$} {}", row.escape_ascii());
        }
    }
    text
}

/// Bytes in one row of a hex dump.
const ROW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_both_sides_in_hex_and_as_text() {
        let text = difference(b"Hello, World", b"Hello, W\xff");
        assert!(text.starts_with("differs at byte 8\n"), "{text}");
        assert!(text.contains("expected: 12 bytes"), "{text}");
        assert!(text.contains("57 6f 72 6c 64 "), "{text}");
        assert!(text.contains("actual: 9 bytes"), "{text}");
        assert!(text.contains(r"Hello, W\xff"), "{text}");
    }

    #[test]
    fn a_difference_far_behind_is_shown_where_it_is() {
        let [mut expected, actual] = [[b'a'; 1031]; 2];
        expected[1000] = b'b';
        let text = difference(&expected, &actual);
        assert!(text.contains("differs at byte 1000"), "{text}");
        assert!(
            text.contains("       992  61 61 61 61 61 61 61 61 62"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 7, "{text}");
    }
}
