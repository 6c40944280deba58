//! What comes within a connection.

use super::Dialog;
use super::talker::{ACK, FIN, MS, RST, SECOND, SYN, Says, Talker, URG, says};

pub const DIALOGS: &[Dialog] = &[
    ("a wrong sum", wrong_sum),
    ("options", options),
    ("an option of length 0", option_zero),
    ("an option that is too long", option_overrun),
    ("headers that can't be", offsets),
    ("reserved bits", reserved),
    ("no ACK", no_ack),
    ("urgent text", urgent),
    ("an urgent pointer behind the text", urgent_beyond),
    ("text that overlaps", overlap),
    ("text that comes again", again),
    ("FIN ahead of text", early_fin),
    ("text out of order", out_of_order),
    ("text beyond the window", beyond),
    ("an ACK of what wasn't sent", unsent),
    ("a very old ACK", old_ack),
    ("a SYN within a connection", syn),
    ("a reset where it is expected", rst_exact),
    ("a reset in the window", rst_in_window),
    ("a reset outside", rst_outside),
    ("numbers that wrap", wrap),
    ("keepalives", keepalive),
    ("when it acknowledges", delayed),
    ("a window that is scaled", scaled),
    ("an idle connection", idle),
    ("back-pressure", pressure),
];

/// A name that isn't complete: the first byte of a character.
const HALF: &[u8] = b"Ad\xc3";

fn open(talker: &mut Talker) {
    talker.connect(65_000, &[2, 4, 5, 0xb4]);
}

/// The rest of the name, and what comes of it.
fn end(talker: &mut Talker, seq: u32) {
    talker.wait(SECOND);
    talker.say(&says(ACK | FIN, seq, 1, "ä".as_bytes()));
    talker.wait(MS);
}

fn with(talker: &mut Talker, edit: impl Fn(&mut Says)) {
    open(talker);
    let mut segment = says(ACK, 1, 1, b"Ada");
    edit(&mut segment);
    talker.say(&segment);
    talker.wait(SECOND / 4);
    talker.say(&says(ACK | FIN, 1, 1, b"Eve"));
    talker.wait(MS);
    talker.renew();
}

fn wrong_sum(talker: &mut Talker) {
    with(talker, |segment| segment.sum = 0x55);
}

fn options(talker: &mut Talker) {
    for options in [
        &[253, 4, 1, 2][..],
        &[30, 8, 1, 2, 3, 4, 5, 6],
        &[1, 1, 1, 253, 3, 0],
        &[253, 40],
    ] {
        with(talker, |segment| segment.options = options.to_vec());
    }
    talker.connect(65_000, &[253, 4, 1, 2, 2, 4, 5, 0xb4]);
}

fn option_zero(talker: &mut Talker) {
    with(talker, |segment| segment.options = vec![253, 0, 0, 0]);
    talker.connect(65_000, &[2, 0, 5, 0xb4]);
}

fn option_overrun(talker: &mut Talker) {
    with(talker, |segment| segment.options = vec![253, 44, 0, 0]);
    talker.connect(65_000, &[3, 3, 0, 2]);
}

fn offsets(talker: &mut Talker) {
    for words in [0, 4, 15] {
        with(talker, |segment| segment.offset = Some(words));
    }
}

fn reserved(talker: &mut Talker) {
    with(talker, |segment| segment.reserved = 8);
}

fn no_ack(talker: &mut Talker) {
    with(talker, |segment| segment.flags = 0);
}

fn urgent(talker: &mut Talker) {
    with(talker, |segment| {
        segment.flags |= URG;
        segment.urgent = 1;
    });
}

fn urgent_beyond(talker: &mut Talker) {
    with(talker, |segment| {
        segment.flags |= URG;
        segment.urgent = 2000;
    });
}

fn overlap(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND / 4);
    talker.say(&says(ACK | FIN, 2, 1, b"xy\xa4 Lovelace"));
    talker.wait(MS);
}

fn again(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND / 4);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND / 4);
    talker.say(&says(ACK | FIN, 4, 1, b"\xa4"));
    talker.wait(MS);
}

fn early_fin(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK | FIN, 4, 1, b""));
    talker.wait(SECOND / 4);
    talker.say(&says(ACK, 1, 1, b"Ada"));
    talker.wait(MS);
}

fn out_of_order(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 7, 1, b"789"));
    talker.wait(50 * MS);
    talker.say(&says(ACK, 4, 1, b"456"));
    talker.wait(50 * MS);
    talker.say(&says(ACK | FIN, 10, 1, b"0"));
    talker.wait(50 * MS);
    talker.say(&says(ACK, 1, 1, b"123"));
    talker.wait(50 * MS);
}

fn beyond(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1 + 8200, 1, b"beyond"));
    talker.wait(SECOND);
    talker.say(&says(ACK, 1 + 8190, 1, b"half beyond"));
    talker.wait(SECOND);
    talker.say(&says(ACK, 1, 1, &[b'x'; 9000]));
    talker.wait(MS);
}

fn unsent(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 2, HALF));
    talker.wait(SECOND);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND);
    end(talker, 4);
    talker.say(&says(ACK, 7, 30_000, b""));
    talker.wait(2 * SECOND);
}

fn old_ack(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 0, HALF));
    talker.wait(SECOND);
    talker.say(&says(ACK, 4, u32::MAX - 70_000, b""));
    talker.wait(MS);
    end(talker, 4);
}

fn syn(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND / 4);
    talker.say(&says(SYN, 70_000, 0, b""));
    talker.wait(MS);
    talker.say(&says(SYN, 4, 0, b""));
    talker.wait(SECOND);
    talker.say(&says(SYN, 4, 0, b""));
    talker.wait(MS);
    end(talker, 4);
}

fn rst_exact(talker: &mut Talker) {
    open(talker);
    talker.say(&says(RST, 1, 0, b""));
    talker.wait(MS);
    talker.say(&says(ACK, 1, 1, b"Ada"));
}

fn rst_in_window(talker: &mut Talker) {
    open(talker);
    talker.say(&says(RST, 100, 0, b""));
    talker.wait(MS);
    end(talker, 1);
}

fn rst_outside(talker: &mut Talker) {
    open(talker);
    talker.say(&says(RST, 20_000, 0, b""));
    talker.wait(MS);
    end(talker, 1);
}

fn wrap(talker: &mut Talker) {
    talker.isn = 0xffff_fffe;
    open(talker);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND / 4);
    end(talker, 4);
    talker.say(&says(ACK, 7, 15, b""));
}

fn keepalive(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 0, 1, b""));
    talker.wait(SECOND);
    talker.say(&says(ACK, 0, 1, b"x"));
    talker.wait(SECOND);
}

fn delayed(talker: &mut Talker) {
    open(talker);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND);
    talker.say(&says(ACK, 4, 1, b"\xa4d\xc3"));
    talker.wait(50 * MS);
    talker.say(&says(ACK, 7, 1, b"\xa4d\xc3"));
    talker.wait(SECOND);
    end(talker, 10);
}

fn scaled(talker: &mut Talker) {
    talker.connect(1000, &[2, 4, 5, 0xb4, 1, 3, 3, 7]);
    talker.say(&says(ACK, 1, 1, HALF));
    talker.wait(SECOND);
    end(talker, 4);
}

fn idle(talker: &mut Talker) {
    open(talker);
    talker.wait(12 * SECOND);
}

/// In lines mode nothing is read while replies wait: the window closes, and opens when they are taken.
fn pressure(talker: &mut Talker) {
    let mut syn = says(SYN, 0, 0, b"");
    (syn.to, syn.window, syn.options) = (8002, 0, vec![2, 4, 5, 0xb4]);
    talker.say(&syn);
    talker.wait(MS);
    let to_lines = |flags, seq, ack, window, text: &[u8]| {
        let mut says = says(flags, seq, ack, text);
        (says.to, says.window) = (8002, window);
        says
    };
    talker.say(&to_lines(ACK, 1, 1, 0, b""));
    let lines = [&[b'x'; 99][..], b"\n"].concat().repeat(10);
    let mut seq = 1;
    while seq < 12_000 {
        talker.say(&to_lines(ACK, seq, 1, 0, &lines));
        seq += 1000;
        talker.wait(50 * MS);
    }
    talker.say(&to_lines(ACK, seq, 1, 0, &lines[..192]));
    seq += 192;
    talker.wait(50 * MS);
    talker.say(&to_lines(ACK, seq, 1, 0, b"x"));
    talker.wait(SECOND);
    for _ in 0..16 {
        let heard = talker.heard;
        talker.say(&to_lines(ACK, seq, heard, 1460, b""));
        talker.wait(50 * MS);
    }
}
