//! How connections begin, and who gets none.

use super::Dialog;
use super::talker::{ACK, FIN, MS, RST, SECOND, SYN, Talker, says};
use greet_responder::bytes::frame;
use greet_responder::desk::{HOST, TESTER};

pub const DIALOGS: &[Dialog] = &[
    ("a greeting", greeting),
    ("a greeting over IPv6", greeting6),
    ("a handshake that never ends", half_open),
    ("nine of them", crowd),
    ("a SYN that comes again", again),
    ("text with the third segment", third),
    ("text with the SYN", with_syn),
    ("an ACK, a RST and nothing to whoever listens", listening),
    ("a closed port", closed),
    ("a closed port over IPv6", closed6),
    ("a wrong third segment", bad_third),
    ("a handshake that is reset", reset),
    ("a SYN of another start within a handshake", reborn),
    ("SYN with FIN, and with RST", syn_and),
    ("segment sizes", sizes),
    ("no announced size", no_size),
    ("a size of zero", size_zero),
    ("numbers", numbers),
    ("ECN", ecn),
    ("a SYN to all", broadcast),
    ("a SYN from nobody", martians),
    ("a SYN from itself", land),
];

fn greeting(talker: &mut Talker) {
    talker.connect(65_000, &[2, 4, 5, 0xb4]);
    talker.say(&says(ACK | FIN, 1, 1, b"World"));
    talker.wait(MS);
    talker.say(&says(ACK, 7, 14, b""));
    talker.wait(60 * SECOND);
}

fn greeting6(talker: &mut Talker) {
    talker.take_v6();
    greeting(talker);
}

fn half_open(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(SECOND / 2);
    talker.renew();
    talker.connect(1000, &[]);
    talker.say(&says(ACK | RST, 1, 1, b""));
    talker.wait(70 * SECOND);
    talker.port -= 1;
    talker.say(&says(ACK, 1, 1, b""));
}

fn crowd(talker: &mut Talker) {
    for _ in 0..9 {
        talker.say(&says(SYN, 0, 0, b""));
        talker.renew();
    }
    talker.wait(SECOND / 2);
    talker.say(&says(SYN, 0, 0, b""));
    talker.renew();
    talker.wait(70 * SECOND);
    talker.connect(1000, &[]);
}

fn again(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(SECOND / 2);
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(MS);
    talker.say(&says(ACK, 5, 12, b""));
}

fn third(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(2 * SECOND);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(SECOND);
}

fn with_syn(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b"Ada"));
    talker.wait(MS);
    talker.say(&says(ACK, 1, 1, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 4, 1, b""));
}

fn listening(talker: &mut Talker) {
    talker.say(&says(ACK, 1, 1, b"text"));
    talker.say(&says(RST, 1, 1, b""));
    talker.say(&says(FIN, 1, 0, b""));
    talker.say(&says(0, 1, 0, b"text"));
    talker.say(&says(SYN | ACK, 1, 1, b""));
}

fn closed(talker: &mut Talker) {
    for (flags, text) in [
        (SYN, &b""[..]),
        (SYN, b"text"),
        (ACK, b"text"),
        (FIN, b""),
        (RST, b""),
        (RST | ACK, b""),
    ] {
        let mut says = says(flags, 5, 9, text);
        says.to = 47;
        talker.say(&says);
    }
}

fn closed6(talker: &mut Talker) {
    talker.take_v6();
    closed(talker);
}

fn bad_third(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK, 1, 3, b""));
    talker.say(&says(ACK, 1, 0, b""));
    talker.say(&says(ACK, 1, 1, b""));
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
}

fn reset(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(RST, 100, 0, b""));
    talker.wait(MS);
    talker.say(&says(RST, 1, 0, b""));
    talker.wait(3 * SECOND);
    talker.say(&says(ACK, 1, 1, b""));
}

fn reborn(talker: &mut Talker) {
    talker.say(&says(SYN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(SYN, 0x4000_0000, 0, b""));
    talker.wait(MS);
    talker.say(&says(RST, 1, 0, b""));
    talker.wait(MS);
    talker.say(&says(SYN, 0x4000_0000, 0, b""));
}

fn syn_and(talker: &mut Talker) {
    talker.say(&says(SYN | RST, 0, 0, b""));
    talker.say(&says(SYN | FIN, 0, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
    talker.wait(MS);
}

fn long(talker: &mut Talker, options: &[u8]) {
    talker.connect(65_000, options);
    talker.say(&says(ACK | FIN, 1, 1, &[b'x'; 1024]));
    talker.wait(MS);
    talker.say(&says(ACK, 1026, 1 + 1032, b""));
    talker.wait(MS);
    talker.renew();
}

fn sizes(talker: &mut Talker) {
    for mss in [1460_u16, 256, 128, 7] {
        let [high, low] = mss.to_be_bytes();
        long(talker, &[2, 4, high, low]);
    }
}

fn no_size(talker: &mut Talker) {
    long(talker, &[]);
    talker.take_v6();
    long(talker, &[]);
}

fn size_zero(talker: &mut Talker) {
    long(talker, &[2, 4, 0, 0]);
}

fn numbers(talker: &mut Talker) {
    for _ in 0..4 {
        talker.connect(1000, &[]);
        talker.say(&says(RST, 1, 0, b""));
        talker.renew();
        talker.wait(SECOND);
    }
}

fn ecn(talker: &mut Talker) {
    talker.say(&says(SYN | 0xc0, 0, 0, b""));
}

fn broadcast(talker: &mut Talker) {
    let segment = talker.segment(&says(SYN, 0, 0, b""));
    let packet = super::talker::ip(talker.own, talker.board, 6, &segment);
    let to_all = frame([0xff; 6], TESTER.0.0, 0x800, &packet);
    talker.put("a SYN in a frame to all", &to_all);
    talker.board = [255, 255, 255, 255].into();
    let segment = talker.segment(&says(SYN, 0, 0, b""));
    let packet = super::talker::ip(talker.own, talker.board, 6, &segment);
    let to_all = frame([0xff; 6], TESTER.0.0, 0x800, &packet);
    talker.put("a SYN to 255.255.255.255", &to_all);
}

fn martians(talker: &mut Talker) {
    for own in [
        [127, 0, 0, 1],
        [224, 0, 0, 5],
        [255, 255, 255, 255],
        [0, 0, 0, 0],
        [10, 0, 0, 255],
    ] {
        talker.own = own.into();
        talker.say(&says(SYN, 0, 0, b""));
    }
}

fn land(talker: &mut Talker) {
    let own = talker.own;
    (talker.own, talker.port) = (HOST.1.into(), 8000);
    talker.say(&says(SYN, 0, 0, b""));
    (talker.own, talker.port) = (own, 50_000);
    talker.say(&says(SYN, 0, 0, b""));
}
