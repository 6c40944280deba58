//! The greetings, lines and messages of the probe's table, as plain bytes.

use std::time::Duration;

use greet_core::limits::GREETING;
use greet_core::probe::{About, AfterSend, Body, CASES, Repeat, Reply};

/// One greeting over TCP.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// Its check.
    pub id: &'static str,
    /// What the client sends: each a segment of its own.
    pub pieces: Vec<Vec<u8>>,
    /// What passes between two of them.
    pub gap: Duration,
    /// Whether FIN follows the last.
    pub fin: bool,
    /// What comes back, before FIN.
    pub reply: Vec<u8>,
}

/// Many greetings over one connection, a name a line.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Its check.
    pub id: &'static str,
    /// What the client sends: each a segment of its own.
    pub pieces: Vec<Vec<u8>>,
    /// What passes between two of them.
    pub gap: Duration,
    /// Whether FIN follows the last, or the last reply.
    pub fin: bool,
    /// What comes back, before FIN.
    pub replies: Vec<Vec<u8>>,
}

/// One message over UDP.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its check.
    pub id: &'static str,
    /// What is sent.
    pub datagram: Vec<u8>,
    /// What comes back from a receiver that replies.
    pub reply: Option<Vec<u8>>,
}

/// All greetings.
pub fn greetings() -> impl Iterator<Item = Greeting> {
    bodies().filter_map(|(about, body)| {
        let Body::Tcp(vector) = body else { return None };
        let pieces: Vec<Vec<u8>> = vector.send.iter().map(|piece| bytes(&[*piece])).collect();
        Some(Greeting {
            id: about.id,
            gap: Duration::from_millis(vector.gap_ms.into()),
            fin: vector.then == AfterSend::Fin,
            reply: match vector.refusal {
                Some(refusal) => refusal.as_bytes().to_vec(),
                None => greeting(&pieces.concat()),
            },
            pieces,
        })
    })
}

/// All greetings in lines mode.
pub fn dialogs() -> impl Iterator<Item = Dialog> {
    bodies().filter_map(|(about, body)| {
        let Body::Lines(dialog) = body else {
            return None;
        };
        let greeted = dialog.greeted.iter().flat_map(|line| {
            let reply = greeting(&bytes(line.0));
            std::iter::repeat_n(reply, line.1.into())
        });
        let refusal = dialog.refusal.map(|refusal| refusal.as_bytes().to_vec());
        Some(Dialog {
            id: about.id,
            pieces: dialog.send.iter().map(|piece| bytes(&[*piece])).collect(),
            gap: Duration::from_millis(dialog.gap_ms.into()),
            fin: dialog.then == AfterSend::Fin,
            replies: greeted.chain(refusal).collect(),
        })
    })
}

/// All messages.
pub fn messages() -> impl Iterator<Item = Message> {
    bodies().filter_map(|(about, body)| {
        let Body::Udp(message) = body else {
            return None;
        };
        let datagram = bytes(message.datagram);
        Some(Message {
            id: about.id,
            reply: match message.reply {
                Reply::Greeting => Some(greeting(&datagram)),
                Reply::Refusal(refusal) => Some(refusal.as_bytes().to_vec()),
                Reply::Nothing => None,
            },
            datagram,
        })
    })
}

/// `Hello, ` and a name.
pub fn greeting(name: &[u8]) -> Vec<u8> {
    [GREETING.as_bytes(), name].concat()
}

pub(crate) fn bodies() -> impl Iterator<Item = (&'static About, &'static Body)> {
    let cases = CASES.iter().copied().flatten();
    cases.map(|case| (&case.about, &case.body))
}

fn bytes(pieces: &[Repeat]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes()).collect()
}
