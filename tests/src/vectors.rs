//! The cases of the protocol, as data: what a peer sends and what must come back.
//!
//! They are read from `vectors/`, which other implementations can read as well. A field that
//! nobody knows is an error, so that no part of a case goes unread.

use std::time::Duration;

use greet_core::limits::{DEFAULT_MSS, GREETING, Limits};
use serde::Deserialize;

/// `vectors/tcp.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// How to read the file.
    pub about: String,
    /// One name, one reply.
    pub one: Vec<Case>,
    /// Many names over one connection, for servers that offer it.
    pub lines: Vec<LinesCase>,
}

/// `vectors/udp.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Udp {
    /// How to read the file.
    pub about: String,
    /// One datagram each.
    pub messages: Vec<Message>,
}

/// One greeting over TCP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case is called.
    pub name: String,
    /// What it is there for.
    pub why: String,
    /// What the client sends: pieces, each a segment of its own.
    pub send: Vec<Piece>,
    /// How many milliseconds pass between two pieces.
    pub gap_ms: u64,
    /// Whether the client half-closes after the last piece.
    pub fin: bool,
    /// What comes back, before EOF.
    pub reply: Reply,
}

/// Many greetings over one TCP connection.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinesCase {
    /// What the case is called.
    pub name: String,
    /// What it is there for.
    pub why: String,
    /// What the client sends: pieces, each a segment of its own.
    pub send: Vec<Piece>,
    /// How many milliseconds pass between two pieces.
    pub gap_ms: u64,
    /// Whether the client half-closes after the last piece.
    pub fin: bool,
    /// What comes back in this order, before EOF.
    pub replies: Vec<Reply>,
}

/// One message over UDP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// What the case is called.
    pub name: String,
    /// What it is there for.
    pub why: String,
    /// What is sent.
    pub datagram: Vec<Piece>,
    /// The text as the receiver shows it, if it is a message.
    pub shown: Option<String>,
    /// What the receiver reports, if it is none.
    pub error: Option<String>,
    /// What comes back from a receiver that replies.
    pub reply: Option<Reply>,
}

/// A run of bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Piece {
    /// UTF-8.
    Text {
        /// The text.
        text: String,
    },
    /// Any bytes.
    Hex {
        /// Two digits a byte.
        #[serde(deserialize_with = "from_hex")]
        hex: Vec<u8>,
    },
    /// UTF-8, many times.
    Repeat {
        /// The text.
        repeat: String,
        /// How often.
        times: usize,
    },
}

/// What comes back.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// `Hello, ` and these pieces.
    Greeting(Vec<Piece>),
    /// These bytes, to the letter.
    Refusal(String),
}

impl Tcp {
    /// The cases.
    ///
    /// # Panics
    ///
    /// The file is wrong.
    pub fn load() -> Self {
        serde_json::from_str(include_str!("../vectors/tcp.json")).expect("tcp.json is wrong")
    }
}

impl Udp {
    /// The cases.
    ///
    /// # Panics
    ///
    /// The file is wrong.
    pub fn load() -> Self {
        serde_json::from_str(include_str!("../vectors/udp.json")).expect("udp.json is wrong")
    }
}

impl Case {
    /// What a server must grant so that the pieces of this case fall into one name.
    ///
    /// The deadline is generous, as no case is about it; over real sockets, time passes while the
    /// machine is busy with something else.
    pub fn limits(&self) -> Limits {
        let limits = Limits::DEFAULT.with_deadline(Duration::from_secs(30));
        if self.gap_ms > 0 || joined(&self.send).len() >= DEFAULT_MSS {
            limits.with_settle(Duration::from_secs(1))
        } else {
            limits
        }
    }

    /// The time between two pieces.
    pub fn gap(&self) -> Duration {
        Duration::from_millis(self.gap_ms)
    }
}

impl Piece {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text { text } => text.as_bytes().to_vec(),
            Self::Hex { hex } => hex.clone(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
        }
    }
}

impl Reply {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Greeting(name) => [GREETING.as_bytes(), &joined(name)].concat(),
            Self::Refusal(sentence) => sentence.as_bytes().to_vec(),
        }
    }
}

/// The bytes of all pieces, one after the other.
pub fn joined(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().map(Piece::bytes).collect::<Vec<_>>().concat()
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_is_named_once_and_says_why() {
        let (tcp, udp) = (Tcp::load(), Udp::load());
        let one = tcp.one.iter().map(|c| ("one", &c.name, &c.why));
        let lines = tcp.lines.iter().map(|c| ("lines", &c.name, &c.why));
        let messages = udp.messages.iter().map(|c| ("messages", &c.name, &c.why));
        let mut seen = HashSet::new();
        for (group, name, why) in one.chain(lines).chain(messages) {
            assert!(!name.is_empty() && !why.is_empty(), "{group}: {name:?}");
            assert!(seen.insert((group, name)), "{group}: {name} stands twice");
        }
        assert!(tcp.one.len() >= 31 && tcp.lines.len() >= 9 && udp.messages.len() >= 14);
    }

    #[test]
    fn a_message_is_shown_or_reported_but_not_both() {
        for case in Udp::load().messages {
            assert!(
                case.shown.is_some() != case.error.is_some(),
                "{}",
                case.name
            );
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
}
