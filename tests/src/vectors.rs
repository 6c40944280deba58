//! The probe's table as files, for implementations in other languages: `vectors/tcp.json`,
//! `vectors/lines.json` and `vectors/udp.json`.
//!
//! `cargo vectors` writes them, and a test sees that they are what the table says.

use std::net::{Ipv4Addr, SocketAddr};

use greet_core::probe::{About, AfterSend, Body, Dialog, Message, Repeat, Vector};
use greet_core::receiver::{Event, Receiver};
use greet_core::time::Instant;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::memory::Mailbox;
use crate::table::bodies;

/// Another number means that readers of the one before would misunderstand something.
const VERSION: u32 = 1;

const TCP: &str = "TCP cases. why: the sentence that the case checks, which stands in source. send: \
    pieces, each its own segment, gap_ms apart; fin: half-close after the last. A piece is text, hex \
    bytes, or a text repeated. reply: a greeting of the pieces, or a refusal to the letter; then EOF. \
    Over real sockets, pieces that must fall into one name (gap_ms above 0, 536 bytes or more) need a \
    settle long enough for a busy machine: configure it, say 1 s.";

const LINES: &str = "TCP cases of many greetings over one connection, a name a line. Head, pieces and gap_ms as \
    in tcp.json. fin: half-close after the last piece; where it is false, half-close once the replies \
    have come. The replies come in this order, then EOF.";

const UDP: &str = "UDP cases. why: the sentence that the case checks, which stands in source. shown: \
    the text as printed after escaping, where the message is good; error: what is reported instead; \
    reply: what reply mode answers (null: nothing).";

/// `vectors/tcp.json`.
#[derive(Serialize)]
struct Tcp {
    version: u32,
    about: &'static str,
    /// One name, one reply.
    one: Vec<OneGreeting>,
}

#[derive(Serialize)]
struct OneGreeting {
    #[serde(flatten)]
    head: Head,
    send: Vec<Piece>,
    gap_ms: u8,
    fin: bool,
    reply: Reply,
}

/// `vectors/lines.json`.
#[derive(Serialize)]
struct ByLine {
    version: u32,
    about: &'static str,
    /// Many names, many replies.
    lines: Vec<ManyGreetings>,
}

#[derive(Serialize)]
struct ManyGreetings {
    #[serde(flatten)]
    head: Head,
    send: Vec<Piece>,
    gap_ms: u8,
    fin: bool,
    replies: Vec<Reply>,
}

/// `vectors/udp.json`.
#[derive(Serialize)]
struct Udp {
    version: u32,
    about: &'static str,
    messages: Vec<OneDatagram>,
}

#[derive(Serialize)]
struct OneDatagram {
    #[serde(flatten)]
    head: Head,
    datagram: Vec<Piece>,
    shown: Option<String>,
    error: Option<String>,
    reply: Option<Reply>,
}

#[derive(Serialize)]
struct Head {
    name: &'static str,
    why: &'static str,
    source: &'static str,
}

/// A run of bytes.
#[derive(Serialize)]
#[serde(untagged)]
enum Piece {
    Text { text: &'static str },
    Repeat { repeat: &'static str, times: u16 },
    Hex { hex: String },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Greeting(Vec<Piece>),
    Refusal(&'static str),
}

/// Each file's name, and what is in it.
pub fn files() -> [(&'static str, String); 3] {
    let tcp = bodies().filter_map(|(about, body)| match body {
        Body::Tcp(vector) => Some(greeting(about, vector)),
        _ => None,
    });
    let udp = bodies().filter_map(|(about, body)| match body {
        Body::Udp(message) => Some(datagram(about, message)),
        _ => None,
    });
    let lines = bodies().filter_map(|(about, body)| match body {
        Body::Lines(dialog) => Some(greetings(about, dialog)),
        _ => None,
    });
    let (one, lines, messages) = (tcp.collect(), lines.collect(), udp.collect());
    let (version, about) = (VERSION, TCP);
    let tcp = json(&Tcp {
        version,
        about,
        one,
    });
    let about = LINES;
    let lines = json(&ByLine {
        version,
        about,
        lines,
    });
    let about = UDP;
    let udp = json(&Udp {
        version,
        about,
        messages,
    });
    [("tcp.json", tcp), ("lines.json", lines), ("udp.json", udp)]
}

/// How a receiver shows a datagram, or why it refuses it.
fn shown(datagram: &[u8]) -> Result<String, String> {
    let mailbox = Mailbox::new();
    mailbox.post(datagram, SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)));
    let mut reports = Vec::new();
    Receiver::new().poll(&mut mailbox.clone(), Instant::START, |event| match event {
        Event::Message { text, .. } => reports.push(Ok(text.to_string())),
        Event::Refused { why, .. } => reports.push(Err(why.to_string())),
        _ => panic!("an event that nobody knows"),
    });
    let [report] = <[_; 1]>::try_from(reports).expect("one report");
    report
}

fn greeting(about: &About, vector: &Vector) -> OneGreeting {
    OneGreeting {
        head: head(about),
        send: pieces(vector.send),
        gap_ms: vector.gap_ms,
        fin: vector.then == AfterSend::Fin,
        reply: match vector.refusal {
            Some(refusal) => Reply::Refusal(refusal),
            None => Reply::Greeting(pieces(vector.send)),
        },
    }
}

fn greetings(about: &About, dialog: &Dialog) -> ManyGreetings {
    let greeted = dialog.greeted.iter();
    let greeted = greeted.flat_map(|line| std::iter::repeat_n(line.0, line.1.into()));
    let replies = greeted.map(|line| Reply::Greeting(pieces(line)));
    ManyGreetings {
        head: head(about),
        send: pieces(dialog.send),
        gap_ms: dialog.gap_ms,
        fin: dialog.then == AfterSend::Fin,
        replies: replies.chain(dialog.refusal.map(Reply::Refusal)).collect(),
    }
}

fn datagram(about: &About, message: &Message) -> OneDatagram {
    use greet_core::probe::Reply as Due;
    let bytes: Vec<u8> = message.datagram.iter().flat_map(|p| p.bytes()).collect();
    let (shown, error) = match shown(&bytes) {
        Ok(text) => (Some(text), None),
        Err(why) => (None, Some(why)),
    };
    OneDatagram {
        head: head(about),
        datagram: pieces(message.datagram),
        shown,
        error,
        reply: match message.reply {
            Due::Greeting => Some(Reply::Greeting(pieces(message.datagram))),
            Due::Refusal(refusal) => Some(Reply::Refusal(refusal)),
            Due::Nothing => None,
        },
    }
}

fn head(about: &About) -> Head {
    Head {
        name: about.id.split('/').nth(1).unwrap_or(about.id),
        why: about.sentence,
        source: about.source,
    }
}

fn pieces(pieces: &'static [Repeat]) -> Vec<Piece> {
    pieces.iter().map(|piece| piece_of(*piece)).collect()
}

/// Text, unless an editor or a terminal would do something with it but show it.
fn piece_of(Repeat(bytes, times): Repeat) -> Piece {
    let plain = |text: &&str| {
        let text = text.replace('\n', "");
        shown(text.as_bytes()) == Ok(text)
    };
    match (str::from_utf8(bytes).ok().filter(plain), times) {
        (Some(text), 1) => Piece::Text { text },
        (Some(repeat), times) => Piece::Repeat { repeat, times },
        (None, times) => Piece::Hex {
            hex: hex(bytes.repeat(times.into())),
        },
    }
}

fn hex(bytes: Vec<u8>) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn json(file: &impl Serialize) -> String {
    let mut text = Vec::new();
    let format = PrettyFormatter::with_indent(b" ");
    file.serialize(&mut Serializer::with_formatter(&mut text, format))
        .expect("nothing in it is no JSON");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is UTF-8")
}
