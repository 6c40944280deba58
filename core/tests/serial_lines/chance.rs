//! Lines of any kind, cut anywhere, against a reference of a few lines; and calls in any order.

use std::time::Duration;

use greet_core::error::{Refusal, TextError};
use greet_core::limits::MAX_TEXT;
use greet_core::machine::Machine;
use proptest::prelude::*;

use crate::START;
use crate::flaws::{Flaw, begun};

/// What lines deserve where each ends in a line feed: a reply each.
fn deserved(bytes: &[u8]) -> Vec<u8> {
    let mut replies = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let start = &line[..line.len().min(MAX_TEXT)];
        let fault = match str::from_utf8(start) {
            Err(error) if error.error_len().is_some() || line.len() <= MAX_TEXT => {
                let at = u16::try_from(error.valid_up_to()).expect("within a line");
                Some(TextError::NotUtf8 { at })
            }
            _ if line.len() > MAX_TEXT => Some(TextError::TooLong),
            _ => None,
        };
        match fault {
            Some(fault) => replies.extend(format!("Error: {}\n", Refusal::Name(fault)).bytes()),
            None => replies.extend([b"Hello, ", line].concat()),
        }
    }
    replies
}

/// Lines, of which some are wrong.
fn any_lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => "[a-z世]{0,12}\n".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (1000..1100_usize).prop_map(|len| vec![b'l'; len]),
        1 => Just(b"\n".to_vec()),
    ];
    proptest::collection::vec(line, 0..20).prop_map(|lines| {
        let mut bytes = lines.concat();
        bytes.push(b'\n');
        bytes
    })
}

proptest! {
    #[test]
    fn however_lines_are_cut_and_taken_each_gets_its_reply(
        bytes in any_lines(),
        cuts in proptest::collection::vec(1..60_usize, 1..50),
    ) {
        let mut lines = begun(Flaw::None);
        let (mut replies, mut rest) = (Vec::new(), &bytes[..]);
        let mut turns = cuts.iter().cycle();
        for _ in 0..100_000 {
            let mut turn = || *turns.next().expect("endless");
            let space = lines.space();
            let n = space.len().min(rest.len()).min(turn());
            space[..n].copy_from_slice(&rest[..n]);
            lines.received(n, START);
            rest = &rest[n..];
            let unsent = lines.transmit();
            let n = unsent.len().min(turn());
            replies.extend(&unsent[..n]);
            lines.transmitted(n, START);
            if rest.is_empty() && lines.transmit().is_empty() {
                break;
            }
        }
        let expected = deserved(&bytes);
        prop_assert_eq!(String::from_utf8_lossy(&replies), String::from_utf8_lossy(&expected));
    }

    /// No call in any order panics, and whatever came, it stops.
    #[test]
    fn any_calls_in_any_order(calls in proptest::collection::vec((0..10_u8, any::<u16>()), 0..200)) {
        let mut lines = begun(Flaw::None);
        let mut now = START;
        for (call, n) in calls {
            now += Duration::from_millis(n.into());
            match call {
                0..=2 => {
                    let space = lines.space();
                    let len = space.len().min((n % 700).into());
                    space[..len].fill(if n % 3 == 0 { b'\n' } else { (n % 251) as u8 });
                    lines.received((n % 700).into(), now);
                }
                3 | 4 => lines.transmitted((n % 700).into(), now),
                5 => lines.timeout(now),
                6 => lines.quiet(now, |_| n % 2 == 0),
                7 => lines.finished(now),
                8 if n % 16 == 0 => lines.wind_down(now),
                9 if n % 64 == 0 => lines.received_fin(now),
                _ => {}
            }
            prop_assert!(lines.transmit().len() < 3000);
        }
        lines.wind_down(now);
        for _ in 0..50 {
            if lines.outcome().is_none() {
                now = now.max(lines.due());
                lines.timeout(now);
            }
        }
        prop_assert!(lines.outcome().is_some(), "{:?}", lines);
    }
}
