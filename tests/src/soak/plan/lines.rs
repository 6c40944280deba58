//! What clients of the server in lines mode do: honest ones with many names, and those who do as they
//! like. Plain values.

use core::time::Duration;

use greet_core::limits::{GREETING, MAX_TEXT};
use smoltcp_sim::Random;

use super::{Attack, CALM, Finale, LAST, PATIENCE, ms, one_in, pick, text};

/// The port of the server that takes lines.
pub const PORT: u16 = 8002;

/// The sockets that listen there.
pub const SOCKETS: usize = 4;

/// One honest client, who has many names.
#[derive(Clone, Debug)]
pub struct Batch {
    /// When it begins.
    pub start: Duration,
    /// Its names.
    pub names: Vec<String>,
    /// The last name has no line feed.
    pub open_end: bool,
    /// So many names wait for their replies at once.
    pub depth: u32,
    /// It takes replies once in this time; zero: at once.
    pub pause: Duration,
    /// How long it waits for the server to move.
    pub timeout: Duration,
}

/// What the honest clients of a place have.
pub(super) fn batches(random: &mut Random) -> Vec<Batch> {
    let mut batches: Vec<_> = (0..pick(random, 3))
        .map(|_| {
            let start = random.duration(CALM);
            let timeout = ms(500) + random.duration(Duration::from_secs(12));
            Batch::random(random, start, timeout)
        })
        .collect();
    let last = LAST + random.duration(Duration::from_secs(5));
    batches.push(Batch::random(random, last, PATIENCE));
    batches
}

impl Batch {
    fn random(random: &mut Random, start: Duration, timeout: Duration) -> Self {
        let count = match pick(random, 4) {
            0 => 100 + pick(random, 200),
            1 => 1,
            _ => 2 + pick(random, 30),
        };
        let mut names: Vec<_> = (0..count).map(|_| name(random, count)).collect();
        let open_end = one_in(random, 2);
        if open_end && names.last().is_some_and(String::is_empty) {
            names.push("!".to_owned());
        }
        Self {
            start,
            names,
            open_end,
            depth: [1, 2, 16, u32::MAX][pick(random, 4)],
            pause: [0, 0, 0, 20, 300].map(ms)[pick(random, 5)],
            timeout,
        }
    }
}

/// A name without a line feed. Where there are few, it may be as long as a line can be.
fn name(random: &mut Random, count: usize) -> String {
    let len = match pick(random, 8) {
        0 if count < 40 => [535, 536, 1000, MAX_TEXT - 1][pick(random, 4)],
        1 if count < 40 => pick(random, MAX_TEXT),
        _ => pick(random, 40),
    };
    text(random, "", len).replace('\n', " ")
}

/// What the hostile clients of a place do.
pub(super) fn attacks(random: &mut Random) -> Vec<Attack> {
    let mut attacks: Vec<_> = (0..pick(random, 5))
        .map(|_| {
            let bytes = nonsense(random);
            let pieces = pieces(random, &bytes);
            Attack {
                start: random.duration(CALM),
                port: PORT,
                pieces,
                finale: [Finale::Fin, Finale::Wait, Finale::Reset, Finale::Vanish][pick(random, 4)],
                reads: !one_in(random, 3),
                patience: random.duration(Duration::from_secs(20)),
                expected: None,
                is_flood: false,
            }
        })
        .collect();
    attacks.push(harmless(random));
    attacks
}

/// Lines of all kinds, and what is none.
fn nonsense(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..pick(random, 40) {
        match pick(random, 12) {
            0 => bytes.extend(vec![b'x'; MAX_TEXT - 4 + pick(random, 8)]),
            1 => bytes.extend(random.next_u64().to_be_bytes()),
            2 => {}
            _ => {
                let len = pick(random, 60);
                bytes.extend(text(random, "", len).into_bytes());
            }
        }
        bytes.push(b'\n');
    }
    if one_in(random, 3) {
        bytes.extend("half a crab: 🦀".as_bytes());
        bytes.truncate(bytes.len() - pick(random, 4));
    }
    if one_in(random, 6) {
        bytes.extend(vec![b'y'; 2000 + pick(random, 80_000)]);
    }
    bytes
}

/// Cut anywhere, or not at all.
fn pieces(random: &mut Random, bytes: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let len = match pick(random, 3) {
        0 => 1 + pick(random, 50),
        1 => 1 + pick(random, 1500),
        _ => bytes.len().max(1),
    };
    let pause = match pick(random, 3) {
        0 => random.duration(ms(1500)),
        _ => Duration::ZERO,
    };
    let cut = bytes.chunks(len).map(|piece| (pause, piece.to_vec()));
    cut.take(60).collect()
}

/// Something odd in the calm, whose answer is known to the byte.
fn harmless(random: &mut Random) -> Attack {
    let greetings = |names: &[&str]| {
        let lines = names.iter().map(|name| format!("{GREETING}{name}\n"));
        lines.collect::<String>().into_bytes()
    };
    let (bytes, finale, expected) = match pick(random, 6) {
        // Whoever has nothing to say at all has sent no name.
        0 => (Vec::new(), Finale::Fin, Vec::new()),
        1 => {
            let (lines, expected) = (b"a\n\nb\r\n".to_vec(), greetings(&["a", "", "b\r"]));
            (lines, Finale::Fin, expected)
        }
        2 => {
            let expected = [greetings(&["a"]), b"Hello, b".to_vec()].concat();
            (b"a\nb".to_vec(), Finale::Fin, expected)
        }
        3 => {
            let bytes = [&b"a\nb\n"[..], &[b'z'; 1024], b"\nc\n"].concat();
            let refusal = b"Error: name is longer than 1024 bytes\n";
            let expected = [&greetings(&["a", "b"]), &refusal[..]].concat();
            (bytes, Finale::Wait, expected)
        }
        4 => {
            let refusal = b"Error: name is not UTF-8 at byte 2\n";
            let expected = [&greetings(&["a"]), &refusal[..]].concat();
            (b"a\nbc\xff\nd\n".to_vec(), Finale::Wait, expected)
        }
        // Who falls silent with all answers is let go; with half a line, is told so.
        _ => {
            let half = one_in(random, 2);
            let mut bytes = b"a\n".to_vec();
            let mut expected = greetings(&["a"]);
            if half {
                bytes.extend(b"b");
                expected.extend(b"Error: no name within 10 s\n");
            }
            (bytes, Finale::Wait, expected)
        }
    };
    Attack {
        start: LAST + ms(1000),
        port: PORT,
        pieces: bytes
            .chunks(1 + bytes.len() / (1 + pick(random, 40)))
            .map(|piece| (ms(5), piece.to_vec()))
            .collect(),
        finale,
        reads: true,
        patience: PATIENCE,
        expected: Some(expected),
        is_flood: false,
    }
}
