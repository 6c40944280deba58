//! The table of all checks: their names, their sentences, and the order in which they run.
//!
//! [`checks`](super::checks) and [`datagrams`](super::datagrams) say what each does. No code may
//! enter.

use super::check::Level::{Must, Should};
use super::check::{Act, Check, Moment};
use super::vectors::{TCP, UDP};

/// The checks of one connection, and of many.
const CONNECTIONS: [Check; 16] = [
    Check::new(
        "read/slow",
        Must,
        "A client that reads its reply one byte at a time MUST get all of it.",
        Act::SlowReader,
    ),
    Check::new(
        "read/tight",
        Must,
        "A client with a tiny receive window MUST get its whole reply.",
        Act::TightReader,
    ),
    Check::new(
        "close/with-name",
        Must,
        "FIN in the same segment as the name MUST end the name, not the connection.",
        Act::HalfClose(Moment::During),
    ),
    Check::new(
        "close/after-name",
        Must,
        "FIN after the name MUST NOT cost the client its reply.",
        Act::HalfClose(Moment::After),
    ),
    Check::new(
        "close/before-name",
        Must,
        "FIN with no name before it MUST be answered as the empty name.",
        Act::HalfClose(Moment::Before),
    ),
    Check::new(
        "close/leave",
        Must,
        "A client that connects and leaves MUST NOT stop the server.",
        Act::Leave,
    ),
    Check::new(
        "crowd/in-a-row",
        Must,
        "Places MUST come back: each of many clients in a row is greeted.",
        Act::InARow,
    ),
    Check::new(
        "crowd/at-once",
        Must,
        "Each of many clients at once MUST get its own greeting.",
        Act::AtOnce,
    ),
    Check::new(
        "crowd/silent",
        Must,
        "A client that says nothing MUST NOT delay another.",
        Act::Silent,
    ),
    Check::new(
        "crowd/one-more",
        Must,
        "A client for whom there is no place MUST be greeted once one is free.",
        Act::OneMore,
    ),
    Check::new(
        "crowd/latency",
        Should,
        "A greeting SHOULD NOT take longer beside silent clients than alone.",
        Act::Latency,
    ),
    Check::new(
        "crowd/half-open",
        Must,
        "Handshakes that never end MUST NOT keep clients out for good.",
        Act::HalfOpen,
    ),
    Check::new(
        "crowd/late",
        Must,
        "A client without a name by the deadline MUST be told so.",
        Act::Late,
    ),
    Check::new(
        "reset/before-name",
        Must,
        "RST before the name MUST NOT stop the server.",
        Act::Reset(Moment::Before),
    ),
    Check::new(
        "reset/in-name",
        Must,
        "RST inside the name MUST NOT stop the server.",
        Act::Reset(Moment::During),
    ),
    Check::new(
        "reset/after-name",
        Must,
        "RST before the reply is read MUST NOT stop the server.",
        Act::Reset(Moment::After),
    ),
];

const BYTEWISE: Check = Check::new(
    "tcp/bytewise",
    Must,
    "A long name whose last bytes come one by one MUST be answered whole.",
    Act::Bytewise,
);

const BURST: Check = Check::new(
    "udp/burst",
    Should,
    "Of 32 messages at once, at least half SHOULD be answered.",
    Act::Burst,
);

/// How many of the checks of connections reset them: they run after the names.
const RESETS: usize = 3;

/// Every check, in the order in which they run: what harms a weak server most comes last.
pub static CHECKS: [Check; CONNECTIONS.len() + TCP.len() + 1 + UDP.len() + 1] = {
    let mut all = [BYTEWISE; CONNECTIONS.len() + TCP.len() + 1 + UDP.len() + 1];
    let gentle = CONNECTIONS.len() - RESETS;
    let mut at = 0;
    let mut i = 0;
    while i < gentle {
        all[at] = CONNECTIONS[i];
        at += 1;
        i += 1;
    }
    i = 0;
    while i < TCP.len() {
        all[at] = TCP[i];
        at += 1;
        i += 1;
    }
    at += 1; // the one byte by byte
    i = gentle;
    while i < CONNECTIONS.len() {
        all[at] = CONNECTIONS[i];
        at += 1;
        i += 1;
    }
    i = 0;
    while i < UDP.len() {
        all[at] = UDP[i];
        at += 1;
        i += 1;
    }
    all[at] = BURST;
    all
};
