//! How connections end.

use super::Dialog;
use super::talker::{ACK, FIN, MS, RST, SECOND, SYN, Talker, says};

pub const DIALOGS: &[Dialog] = &[
    ("text with FIN", with_fin),
    ("text behind FIN", behind_fin),
    ("the host ends first", host_first),
    ("nobody answers its FIN", fin_wait),
    ("FINs that cross", crossing),
    ("its last ACK", last_ack),
    ("FIN again after the end", fin_again),
    ("a reset after the end", reset),
    ("a SYN after the end", reborn),
    ("text after its FIN", half_closed),
    ("a refusal", refusal),
    ("nobody says a name", late),
];

fn open(talker: &mut Talker) {
    talker.connect(65_000, &[2, 4, 5, 0xb4]);
}

/// A name without FIN: the host ends first.
fn greeted(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, b"Ada"));
    talker.wait(MS);
}

fn with_fin(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 12, b""));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 12, b"there is nobody"));
}

fn behind_fin(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 1, b" Lovelace"));
    talker.wait(MS);
}

fn host_first(talker: &mut Talker) {
    greeted(talker);
    talker.say(&says(ACK, 4, 12, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(20 * SECOND);
    talker.say(&says(ACK, 5, 12, b""));
}

fn fin_wait(talker: &mut Talker) {
    greeted(talker);
    talker.say(&says(ACK, 4, 12, b""));
    talker.wait(20 * SECOND);
    talker.say(&says(ACK | FIN, 4, 12, b""));
}

fn crossing(talker: &mut Talker) {
    greeted(talker);
    talker.say(&says(ACK | FIN, 4, 11, b""));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 12, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(20 * SECOND);
}

fn last_ack(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 12, b""));
    talker.wait(MS);
    talker.isn += 100_000;
    talker.say(&says(SYN, 0, 0, b""));
}

fn ended(talker: &mut Talker) {
    greeted(talker);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(MS);
}

fn fin_again(talker: &mut Talker) {
    ended(talker);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(9 * SECOND);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(9 * SECOND);
    talker.say(&says(ACK | FIN, 4, 12, b""));
    talker.wait(11 * SECOND);
    talker.say(&says(ACK | FIN, 4, 12, b""));
}

fn reset(talker: &mut Talker) {
    ended(talker);
    talker.say(&says(RST, 5, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 4, 12, b""));
}

fn reborn(talker: &mut Talker) {
    ended(talker);
    talker.say(&says(SYN, 2, 0, b""));
    talker.wait(MS);
    talker.isn += 70_000;
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 1, 1, b"Eve"));
    talker.wait(MS);
}

fn half_closed(talker: &mut Talker) {
    greeted(talker);
    talker.say(&says(ACK, 4, 12, b" Lovelace"));
    talker.wait(SECOND);
    talker.say(&says(ACK | FIN, 13, 12, b""));
    talker.wait(MS);
}

fn refusal(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, b"\xff"));
    talker.wait(MS);
    talker.say(&says(ACK, 2, 36, b"more"));
    talker.wait(2 * SECOND);
    talker.say(&says(ACK | FIN, 6, 37, b""));
}

fn late(talker: &mut Talker) {
    open(talker);
    talker.wait(11 * SECOND);
}
