//! What the host sends, and sends again.

use super::Dialog;
use super::talker::{ACK, FIN, MS, SECOND, Talker, says};

pub const DIALOGS: &[Dialog] = &[
    ("a reply that nobody acknowledges", unacknowledged),
    ("a reply of many segments", many),
    ("after a time-out", collapse),
    ("a FIN that nobody acknowledges", fin_again),
    ("duplicate ACKs", duplicates),
    ("a window of zero", zero),
    ("a window of zero for ever", zero_for_ever),
    ("a window that shrinks", shrinks),
    ("a window that opens byte by byte", silly),
    ("a SYN ACK that got lost", slow),
    ("what routers say", soft),
    ("a source quench", quench),
    ("a path that is narrow", narrow),
    ("a path that is absurd", absurd),
    ("errors of what isn't in flight", not_in_flight),
    ("errors over IPv6", soft6),
];

/// A connection of this window and size, and a name of this length with FIN; the reply isn't acknowledged.
fn ask(talker: &mut Talker, window: u16, mss: u16, len: usize) {
    let [high, low] = mss.to_be_bytes();
    talker.connect(window, &[2, 4, high, low]);
    let name: Vec<_> = (b'a'..=b'z').cycle().take(len).collect();
    let mut asks = says(ACK | FIN, 1, 1, &name);
    asks.window = window;
    talker.say(&asks);
    talker.wait(MS);
}

/// An ACK of so much, behind a name of this length.
fn ack(talker: &mut Talker, len: u32, ack: u32, window: u16) {
    let mut segment = says(ACK, len + 2, ack, b"");
    segment.window = window;
    talker.say(&segment);
    talker.wait(MS);
}

fn unacknowledged(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 5);
    talker.wait(400 * SECOND);
    ack(talker, 5, 14, 65_000);
}

fn many(talker: &mut Talker) {
    ask(talker, 65_000, 128, 1000);
    for acked in [1 + 128, 1 + 3 * 128, 1 + 5 * 128, 1 + 7 * 128, 1 + 1008] {
        ack(talker, 1000, acked, 65_000);
    }
}

fn collapse(talker: &mut Talker) {
    ask(talker, 65_000, 128, 1000);
    talker.wait(2 * SECOND);
    for acked in [1 + 128, 1 + 4 * 128, 1 + 5 * 128, 1 + 1008] {
        ack(talker, 1000, acked, 65_000);
    }
}

fn fin_again(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 5);
    ack(talker, 5, 13, 65_000);
    talker.wait(10 * SECOND);
    ack(talker, 5, 14, 65_000);
}

fn duplicates(talker: &mut Talker) {
    ask(talker, 65_000, 256, 1017);
    for _ in 0..4 {
        ack(talker, 1017, 1, 65_000);
    }
    ack(talker, 1017, 1 + 1025, 65_000);
    talker.wait(2 * SECOND);
}

fn zero(talker: &mut Talker) {
    ask(talker, 0, 1460, 5);
    for _ in 0..3 {
        talker.wait(20 * SECOND);
        ack(talker, 5, 1, 0);
    }
    ack(talker, 5, 1, 65_000);
    ack(talker, 5, 14, 65_000);
}

fn zero_for_ever(talker: &mut Talker) {
    ask(talker, 0, 1460, 5);
    talker.wait(700 * SECOND);
}

fn shrinks(talker: &mut Talker) {
    ask(talker, 1000, 256, 1017);
    ack(talker, 1017, 1 + 256, 100);
    talker.wait(4 * SECOND);
    ack(talker, 1017, 1 + 512, 0);
    talker.wait(4 * SECOND);
    ack(talker, 1017, 1 + 512, 65_000);
    ack(talker, 1017, 1 + 1024, 65_000);
}

fn silly(talker: &mut Talker) {
    ask(talker, 600, 1460, 1017);
    for window in [1, 2, 5, 50] {
        ack(talker, 1017, 1 + 600, window);
    }
    talker.wait(SECOND);
    ack(talker, 1017, 1 + 600, 500);
}

fn slow(talker: &mut Talker) {
    talker.say(&says(super::talker::SYN, 0, 0, b""));
    talker.wait(4 * SECOND);
    talker.say(&says(ACK, 1, 1, b""));
    talker.say(&says(ACK | FIN, 1, 1, &[b'x'; 1000]));
    talker.wait(4 * SECOND);
}

/// An error that quotes the segment that the host sent last.
fn error(talker: &mut Talker, kind: u8, code: u8, rest: u32) {
    let Some((_, sent)) = talker.frames.last().cloned() else {
        return;
    };
    let is_v4 = talker.own.is_ipv4();
    let quoted = &sent[14..sent.len().min(14 + if is_v4 { 28 } else { 60 })];
    let mut message = [&[kind, code, 0, 0][..], &rest.to_be_bytes(), quoted].concat();
    super::packets::mend_icmp(talker, &mut message);
    let what = format!("ICMP {kind} {code} {rest}");
    talker.packet(if is_v4 { 1 } else { 58 }, &what, &message);
    talker.wait(MS);
}

fn soft(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 5);
    for (kind, code) in [(3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)] {
        error(talker, kind, code, 0);
    }
    talker.wait(2 * SECOND);
    ack(talker, 5, 14, 65_000);
}

fn quench(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 5);
    error(talker, 4, 0, 0);
    talker.wait(2 * SECOND);
    ack(talker, 5, 14, 65_000);
}

fn narrow(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 1017);
    error(talker, 3, 4, 600);
    talker.wait(2 * SECOND);
    ack(talker, 1017, 1 + 560, 65_000);
    ack(talker, 1017, 1 + 1025, 65_000);
}

fn absurd(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 1017);
    error(talker, 3, 4, 60);
    error(talker, 3, 4, 0);
    talker.wait(2 * SECOND);
    ack(talker, 1017, 1 + 1025, 65_000);
}

fn not_in_flight(talker: &mut Talker) {
    ask(talker, 65_000, 1460, 1017);
    ack(talker, 1017, 1 + 1025, 65_000);
    error(talker, 3, 4, 600);
    talker.wait(2 * SECOND);
}

fn soft6(talker: &mut Talker) {
    talker.take_v6();
    ask(talker, 65_000, 1440, 1017);
    for (kind, code, rest) in [
        (1, 0, 0),
        (1, 3, 0),
        (3, 0, 0),
        (4, 0, 0),
        (2, 0, 1280),
        (2, 0, 600),
    ] {
        error(talker, kind, code, rest);
    }
    talker.wait(2 * SECOND);
    ack(talker, 1017, 1 + 1025, 65_000);
}
