//! The cases of `tests/vectors` that cross the wire, as a table that fits into flash.
//!
//! The checks run them; a test keeps them equal to the files. What a case proves is a sentence of
//! the protocol.

use super::check::{Act, Check, Level, Run};

/// What the table says about one greeting over TCP.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// Pieces, each a segment of its own if it fits into one.
    pub send: &'static [Run],
    /// How many milliseconds pass between two pieces.
    pub gap_ms: u8,
    /// What follows the last piece.
    pub then: Then,
    /// The whole refusal, where no greeting is due.
    pub refusal: Option<&'static str>,
}

/// What follows the last piece of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// FIN.
    Fin,
    /// Nothing until the answer has come.
    Quiet,
}

/// What the table says about one message over UDP.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The datagram.
    pub datagram: &'static [Run],
    /// What comes back.
    pub reply: Reply,
}

/// What comes back for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `Hello, ` and the datagram.
    Greeting,
    /// This.
    Refusal(&'static str),
    /// Nothing.
    Nothing,
}

/// The greetings over TCP.
pub(super) const TCP: [Check; 31] = [
    tcp("tcp/world", "A name MUST be answered with `Hello, ` and the name, then FIN.", &[Run(b"World", 1)], 0, Then::Quiet, None),
    tcp("tcp/world-fin", "A name that FIN follows MUST be answered in the same way.", &[Run(b"World", 1)], 0, Then::Fin, None),
    tcp("tcp/one-byte", "A name of one byte MUST be answered.", &[Run(b"a", 1)], 0, Then::Quiet, None),
    tcp("tcp/empty-fin", "FIN without a byte is the empty name and MUST be answered with `Hello, `.", &[], 0, Then::Fin, None),
    tcp("tcp/chinese", "A name in characters of three bytes MUST come back byte for byte.", &[Run(b"\xe4\xb8\x96\xe7\x95\x8c", 1)], 0, Then::Quiet, None),
    tcp("tcp/emoji", "A name of joined emoji MUST come back byte for byte.", &[Run(b"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7\xe2\x80\x8d\xf0\x9f\x91\xa6", 1)], 0, Then::Fin, None),
    tcp("tcp/nul", "A name MUST NOT end at a NUL.", &[Run(b"a\x00b", 1)], 0, Then::Fin, None),
    tcp("tcp/line-feed", "A line feed MUST come back as part of the name.", &[Run(b"World\n", 1)], 0, Then::Quiet, None),
    tcp("tcp/greeting-as-name", "A name that looks like a greeting MUST be greeted.", &[Run(b"Hello, World", 1)], 0, Then::Fin, None),
    tcp("tcp/error-as-name", "A name that looks like a refusal MUST be greeted.", &[Run(b"Error: x\n", 1)], 0, Then::Fin, None),
    tcp("tcp/below-mss", "A name of 535 bytes MUST be answered whole.", &[Run(b"a", 535)], 0, Then::Quiet, None),
    tcp("tcp/at-mss", "A name of 536 bytes without FIN MUST be answered, once the stream has settled.", &[Run(b"a", 536)], 0, Then::Quiet, None),
    tcp("tcp/reply-1024", "A name of 1017 bytes MUST be answered with 1024 bytes.", &[Run(b"b", 1017)], 0, Then::Fin, None),
    tcp("tcp/reply-1025", "A name of 1018 bytes MUST be answered with 1025 bytes: more than a buffer of 1024.", &[Run(b"b", 1018)], 0, Then::Fin, None),
    tcp("tcp/full", "A name of 1024 bytes MUST be answered with all 1031 bytes.", &[Run(b"c", 1024)], 0, Then::Fin, None),
    tcp("tcp/full-quiet", "A name of 1024 bytes without FIN MUST be answered with all 1031 bytes.", &[Run(b"c", 1024)], 0, Then::Quiet, None),
    tcp("tcp/full-chinese", "A name of 1024 bytes in characters of three MUST come back byte for byte.", &[Run(b"\xe7\x95\x8c", 341), Run(b"x", 1)], 0, Then::Fin, None),
    tcp("tcp/too-long-by-one", "A name of 1025 bytes MUST be refused.", &[Run(b"d", 1025)], 0, Then::Fin, Some("Error: name is longer than 1024 bytes\n")),
    tcp("tcp/too-long-quiet", "A name of 1025 bytes MUST be refused without waiting for FIN.", &[Run(b"d", 1025)], 0, Then::Quiet, Some("Error: name is longer than 1024 bytes\n")),
    tcp("tcp/too-long-far", "A name of 20000 bytes MUST be refused, and the refusal MUST arrive.", &[Run(b"d", 20000)], 0, Then::Fin, Some("Error: name is longer than 1024 bytes\n")),
    tcp("tcp/too-long-pieces", "A name MUST be refused when its 1025th byte comes in a later segment.", &[Run(b"d", 1000), Run(b"d", 25)], 1, Then::Fin, Some("Error: name is longer than 1024 bytes\n")),
    tcp("tcp/split-character", "Quiet inside a character MUST NOT end the name.", &[Run(b"\xe4\xb8", 1), Run(b"\x96", 1)], 30, Then::Quiet, None),
    tcp("tcp/split-four", "A character that comes one byte at a time MUST be waited for.", &[Run(b"\xf0", 1), Run(b"\x9f", 1), Run(b"\x91", 1), Run(b"\x8b", 1)], 10, Then::Quiet, None),
    tcp("tcp/cut-by-fin", "FIN inside a character MUST be answered with a refusal that says where it starts.", &[Run(b"\xe4\xb8", 1)], 0, Then::Fin, Some("Error: name is not UTF-8 at byte 0\n")),
    tcp("tcp/cut-after-text", "FIN inside the second character MUST be refused at its first byte.", &[Run(b"ok\xe4\xb8", 1)], 0, Then::Fin, Some("Error: name is not UTF-8 at byte 2\n")),
    tcp("tcp/bad-first", "A byte that no UTF-8 has MUST be refused at once, with its place.", &[Run(b"\xff", 1)], 0, Then::Quiet, Some("Error: name is not UTF-8 at byte 0\n")),
    tcp("tcp/bad-middle", "A stray continuation byte MUST be refused with its place.", &[Run(b"ab\x80cd", 1)], 0, Then::Quiet, Some("Error: name is not UTF-8 at byte 2\n")),
    tcp("tcp/overlong", "An overlong encoding MUST be refused.", &[Run(b"\xc0\x80", 1)], 0, Then::Fin, Some("Error: name is not UTF-8 at byte 0\n")),
    tcp("tcp/surrogate", "An encoded surrogate MUST be refused.", &[Run(b"\xed\xa0\x80", 1)], 0, Then::Fin, Some("Error: name is not UTF-8 at byte 0\n")),
    tcp("tcp/past-unicode", "A code point past U+10FFFF MUST be refused.", &[Run(b"\xf4\x90\x80\x80", 1)], 0, Then::Fin, Some("Error: name is not UTF-8 at byte 0\n")),
    tcp("tcp/segments-settle", "A name of 1000 bytes in two segments, 2 ms apart, MUST be answered whole.", &[Run(b"e", 536), Run(b"e", 464)], 2, Then::Quiet, None),
];

/// The messages over UDP.
pub(super) const UDP: [Check; 14] = [
    udp(
        "udp/ada",
        "A message MUST be answered with `Hello, ` and the message.",
        &[Run(b"Ada", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/plain",
        "A message that starts with `Hello, ` MUST NOT be answered.",
        &[Run(b"Hello, UDP!", 1)],
        Reply::Nothing,
    ),
    udp(
        "udp/empty",
        "The empty datagram MUST be answered with `Hello, `.",
        &[],
        Reply::Greeting,
    ),
    udp(
        "udp/chinese",
        "A message in characters of three bytes MUST come back byte for byte.",
        &[Run(b"\xe4\xbd\xa0\xe5\xa5\xbd", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/full",
        "A message of 1024 bytes MUST be answered with all 1031 bytes.",
        &[Run(b"a", 1024)],
        Reply::Greeting,
    ),
    udp(
        "udp/too-long",
        "A message of 1025 bytes MUST be refused, not cut.",
        &[Run(b"a", 1025)],
        Reply::Refusal("Error: message is longer than 1024 bytes\n"),
    ),
    udp(
        "udp/too-long-far",
        "A message of 8000 bytes, which IP fragments on most links, MUST be refused.",
        &[Run(b"a", 8000)],
        Reply::Refusal("Error: message is longer than 1024 bytes\n"),
    ),
    udp(
        "udp/not-utf8",
        "A message that is not UTF-8 MUST be refused with the place of the fault.",
        &[Run(b"a\xff", 1)],
        Reply::Refusal("Error: message is not UTF-8 at byte 1\n"),
    ),
    udp(
        "udp/forged-line",
        "A message with a line feed MUST come back byte for byte.",
        &[Run(b"x\nReceived message: y from 127.0.0.1:1", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/terminal",
        "A message with control characters MUST come back byte for byte.",
        &[Run(b"\x1b[2J\x07\x0d", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/bidi",
        "A message with a change of writing direction MUST come back byte for byte.",
        &[Run(b"a\xe2\x80\xaeb", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/c1",
        "A message with an 8-bit control character MUST come back byte for byte.",
        &[Run(b"a\xc2\x9b2Jb", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/loop-greeting",
        "A greeting MUST NOT be answered.",
        &[Run(b"Hello, Ada", 1)],
        Reply::Nothing,
    ),
    udp(
        "udp/loop-refusal",
        "A refusal MUST NOT be answered.",
        &[Run(b"Error: x\n", 1)],
        Reply::Nothing,
    ),
];

const fn tcp(
    id: &'static str,
    requirement: &'static str,
    send: &'static [Run],
    gap_ms: u8,
    then: Then,
    refusal: Option<&'static str>,
) -> Check {
    let act = Act::Vector(Vector {
        send,
        gap_ms,
        then,
        refusal,
    });
    Check::new(id, Level::Must, requirement, act)
}

const fn udp(
    id: &'static str,
    requirement: &'static str,
    datagram: &'static [Run],
    reply: Reply,
) -> Check {
    let act = Act::Message(Message { datagram, reply });
    Check::new(id, Level::Must, requirement, act)
}
