//! The files of `tests/vectors`: they are what the probe's table says, and can be read as they say.

use std::path::Path;

use greet_core::limits::Limits;
use greet_core::lines::Lines;
use greet_core::machine::{Machine, Service, Want};
use greet_core::probe::CASES;
use greet_core::time::Instant;
use greet_tests::table::{dialogs, messages};
use greet_tests::vectors::files;
use serde::Deserialize;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_files_are_what_the_table_says() {
    for (name, text) in files() {
        let file = read(name);
        let same = file.lines().zip(text.lines()).take_while(|(a, b)| a == b);
        let line = same.count() + 1;
        assert!(
            file == text,
            "tests/vectors/{name} isn't what the table says, from line {line} on: `cargo vectors` \
             writes it anew"
        );
    }
}

/// Whoever looks a check up in the protocol finds it.
#[test]
fn each_source_in_the_protocol_is_a_heading_of_it() {
    let protocol = include_str!("../PROTOCOL.md");
    let headings: Vec<_> = (protocol.lines())
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim())
        .collect();
    let sources = (CASES.iter().copied().flatten())
        .filter_map(|case| case.about.source.strip_prefix("PROTOCOL.md, "));
    for source in sources {
        assert!(headings.contains(&source), "PROTOCOL.md has no '{source}'");
    }
}

/// The whole shape, with no field that nobody reads: whoever parses the files relies on it.
#[test]
fn the_exported_files_have_the_shape_that_they_say() {
    let tcp: Tcp = serde_json::from_str(&read("tcp.json")).expect("tcp.json is wrong");
    let udp: Udp = serde_json::from_str(&read("udp.json")).expect("udp.json is wrong");
    assert_eq!((tcp.version, udp.version), (1, 1));
    assert!(!tcp.about.is_empty() && !udp.about.is_empty());
    assert!(tcp.one.len() >= 31 && udp.messages.len() >= 14);
    let table = greet_tests::table::greetings();
    for (case, due) in tcp.one.iter().zip(table) {
        assert_eq!(format!("tcp/{}", case.name), due.id);
        let pieces: Vec<_> = case.send.iter().map(Piece::bytes).collect();
        assert_eq!(pieces, due.pieces, "{}", due.id);
        let gap = u128::from(case.gap_ms);
        assert_eq!(
            (gap, case.fin),
            (due.gap.as_millis(), due.fin),
            "{}",
            due.id
        );
        assert_eq!(case.reply.bytes(), due.reply, "{}", due.id);
        assert!(!case.why.is_empty() && !case.source.is_empty());
    }
    for (case, due) in udp.messages.iter().zip(messages()) {
        assert_eq!(format!("udp/{}", case.name), due.id);
        assert_eq!(joined(&case.datagram), due.datagram, "{}", due.id);
        let reply = case.reply.as_ref().map(Reply::bytes);
        assert_eq!(reply, due.reply, "{}", due.id);
        assert!(case.shown.is_some() != case.error.is_some(), "{}", due.id);
        assert!(!case.why.is_empty() && !case.source.is_empty());
    }
}

#[test]
fn the_lines_have_the_shape_that_they_say() {
    let file: ByLine = serde_json::from_str(&read("lines.json")).expect("lines.json is wrong");
    assert_eq!(file.version, 1);
    assert!(!file.about.is_empty());
    assert!(file.lines.len() >= 18);
    for (case, due) in file.lines.iter().zip(dialogs()) {
        assert_eq!(format!("lines/{}", case.name), due.id);
        let pieces: Vec<_> = case.send.iter().map(Piece::bytes).collect();
        assert_eq!(pieces, due.pieces, "{}", due.id);
        let gap = u128::from(case.gap_ms);
        assert_eq!(
            (gap, case.fin),
            (due.gap.as_millis(), due.fin),
            "{}",
            due.id
        );
        let replies: Vec<_> = case.replies.iter().map(Reply::bytes).collect();
        assert_eq!(replies, due.replies, "{}", due.id);
        assert!(!case.why.is_empty() && !case.source.is_empty());
    }
}

/// What the table wants back is what core's machine says, without a probe between.
#[test]
fn the_machine_of_lines_agrees_with_the_table() {
    let now = Instant::START;
    for case in dialogs() {
        let mut machine = Lines::VACANT;
        machine.begin(now, &Limits::DEFAULT);
        let mut replies = Vec::new();
        let mut left = case.pieces.concat();
        while machine.want() != Want::Done {
            let space = machine.space();
            let n = space.len().min(left.len());
            space[..n].copy_from_slice(&left[..n]);
            if n > 0 {
                left.drain(..n);
                machine.received(n, now);
            } else if left.is_empty() && machine.want().reads() {
                machine.received_fin(now);
            }
            let sent = machine.transmit().len();
            replies.extend_from_slice(machine.transmit());
            machine.transmitted(sent, now);
            if machine.want().writes() && machine.fin_follows() {
                machine.finished(now);
            }
        }
        assert_eq!(replies, case.replies.concat(), "{}", case.id);
    }
}

#[test]
fn pieces_are_read_as_bytes() {
    let piece = |json| serde_json::from_str::<Piece>(json).map(|piece| piece.bytes());
    assert_eq!(piece(r#"{"text": "é"}"#).unwrap(), b"\xc3\xa9");
    assert_eq!(piece(r#"{"hex": "00ff"}"#).unwrap(), b"\0\xff");
    assert_eq!(piece(r#"{"repeat": "ab", "times": 2}"#).unwrap(), b"abab");
    for wrong in [r#"{"hex": "0"}"#, r#"{"hex": "+f"}"#, r#"{"texts": "a"}"#] {
        assert!(piece(wrong).is_err(), "{wrong}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tcp {
    version: u32,
    about: String,
    one: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    why: String,
    source: String,
    send: Vec<Piece>,
    gap_ms: u64,
    fin: bool,
    reply: Reply,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Udp {
    version: u32,
    about: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    name: String,
    why: String,
    source: String,
    datagram: Vec<Piece>,
    shown: Option<String>,
    error: Option<String>,
    reply: Option<Reply>,
}

/// Many names over one connection.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByLine {
    version: u32,
    about: String,
    lines: Vec<LinesCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinesCase {
    name: String,
    why: String,
    source: String,
    send: Vec<Piece>,
    gap_ms: u64,
    fin: bool,
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Piece {
    Text {
        text: String,
    },
    Hex {
        #[serde(deserialize_with = "from_hex")]
        hex: Vec<u8>,
    },
    Repeat {
        repeat: String,
        times: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Greeting(Vec<Piece>),
    Refusal(String),
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text { text } => text.as_bytes().to_vec(),
            Self::Hex { hex } => hex.clone(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
        }
    }
}

impl Reply {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Greeting(name) => greet_tests::table::greeting(&joined(name)),
            Self::Refusal(sentence) => sentence.as_bytes().to_vec(),
        }
    }
}

fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(Piece::bytes).collect()
}

fn from_hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let digits = String::deserialize(deserializer)?;
    let values = digits.chars().map(|digit| digit.to_digit(16));
    let values: Option<Vec<u32>> = values.collect();
    let wrong = || serde::de::Error::custom(format!("not hexadecimal: {digits:?}"));
    let values = values.filter(|v| v.len() % 2 == 0).ok_or_else(wrong)?;
    let bytes = values.chunks(2).map(|pair| pair[0] * 16 + pair[1]);
    bytes
        .map(|b| u8::try_from(b).map_err(|_| wrong()))
        .collect()
}
