//! A server that can be broken in how it takes names and messages, one fault at a time: where they end, what they
//! may be, and what is made of them.
//!
//! Without a fault it is as good as any. The names of the probe's numbered clients are always served well.

use std::task::Poll;
use std::time::Duration;

use greet_core::exchange::Exchange;
use greet_core::limits::{GREETING, Limits, MAX_TEXT};
use greet_core::machine::{Machine, Want};
use greet_core::time::Instant;
use greet_core::transport::{Datagram, Datagrams, Listener, Local, Stream};

use crate::memory::lab::{Ours, Service};
use crate::memory::{Backlog, End, Mailbox};

/// What is wrong with how a server takes names and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// Nothing.
    None,
    /// A name that is too long is greeted, as far as there is room for it.
    NoLimit,
    /// A name or message of more than 1000 bytes is refused as too long.
    ShortTexts,
    /// A reply has 1024 bytes and no more.
    ShortReply,
    /// A name ends at NUL.
    EndsAtNul,
    /// A name ends at a line feed.
    EndsAtLineFeed,
    /// White space around a name isn't its part.
    Trims,
    /// So isn't any white space that Unicode knows.
    TrimsUnicode,
    /// A line feed is answered as two bytes, for a terminal.
    AddsReturns,
    /// Characters are answered in another form that Unicode has for them.
    Normalizes,
    /// What isn't UTF-8 is replaced.
    Replaces,
    /// What isn't ASCII is replaced.
    AsciiAlone,
    /// Quiet ends a name inside a character as well.
    CutsCharacters,
    /// A name that looks like a reply isn't answered.
    Filters,
    /// A name of a whole segment ends with FIN alone.
    NeedsFin,
    /// Every name ends with FIN alone.
    FinAlone,
    /// A read of no bytes is an error, if nothing came before.
    NothingIsError,
    /// The empty name gets the reply to another.
    Nameless,
    /// What is refused is refused in other words.
    OtherWords,
    /// Where a refusal is due, FIN comes without a word.
    Mute,
    /// Half of a long reply is lost while others are there.
    CutsBesideOthers,
    /// Texts are lost whose reply fills packets of 64 bytes.
    LosesWholePackets,
    /// It has places for two clients.
    Two,
    /// An error of one client starts it again, which takes a second.
    StartsAgain,
    /// A datagram of no bytes is taken for none.
    DropsEmpty,
    /// A datagram that is too long is cut.
    CutsDatagrams,
    /// Each datagram is cut behind 512 bytes.
    CutsMessages,
    /// Answers are answered.
    AnswersAnswers,
    /// An answer is the message as a terminal may show it.
    AnswersAsShown,
}

impl TextFault {
    /// All that are some.
    pub const ALL: [Self; 28] = [
        Self::NoLimit,
        Self::ShortTexts,
        Self::ShortReply,
        Self::EndsAtNul,
        Self::EndsAtLineFeed,
        Self::Trims,
        Self::TrimsUnicode,
        Self::AddsReturns,
        Self::Normalizes,
        Self::Replaces,
        Self::AsciiAlone,
        Self::CutsCharacters,
        Self::Filters,
        Self::NeedsFin,
        Self::FinAlone,
        Self::NothingIsError,
        Self::Nameless,
        Self::OtherWords,
        Self::Mute,
        Self::CutsBesideOthers,
        Self::LosesWholePackets,
        Self::Two,
        Self::StartsAgain,
        Self::DropsEmpty,
        Self::CutsDatagrams,
        Self::CutsMessages,
        Self::AnswersAnswers,
        Self::AnswersAsShown,
    ];

    /// What becomes of a right reply to this name, beside so many other clients; `None`: nothing.
    fn reply(self, right: &[u8], name: &[u8], others: usize) -> Option<Vec<u8>> {
        let is_refusal = right.starts_with(b"Error: ");
        let is_reply = name.starts_with(b"Hello, ") || name.starts_with(b"Error: ");
        let greeting = |name: &[u8]| [GREETING.as_bytes(), name].concat();
        let up_to = |end: u8| right.split(|byte| *byte == end).next().unwrap_or_default();
        let reply = match self {
            Self::NoLimit if name.len() > MAX_TEXT => greeting(name),
            Self::ShortTexts if !is_refusal && name.len() > SHORT => {
                b"Error: name is longer than 1024 bytes\n".to_vec()
            }
            Self::ShortReply => right[..right.len().min(1024)].to_vec(),
            Self::EndsAtNul => up_to(b'\0').to_vec(),
            Self::EndsAtLineFeed if !is_refusal => up_to(b'\n').to_vec(),
            Self::Replaces if right.starts_with(b"Error: name is not UTF-8") => {
                greeting(String::from_utf8_lossy(name).as_bytes())
            }
            Self::AsciiAlone => right.iter().copied().map(ascii).collect(),
            Self::Filters if is_reply && !is_refusal => return None,
            Self::Nameless if name.is_empty() && !is_refusal => greeting(b"World"),
            Self::OtherWords if is_refusal => b"Error: bad name\n".to_vec(),
            Self::Trims if !is_refusal => greeting(name.trim_ascii()),
            Self::TrimsUnicode | Self::AddsReturns | Self::Normalizes if !is_refusal => {
                str::from_utf8(name).map_or_else(
                    |_| right.to_vec(),
                    |name| greeting(self.rewritten(name).as_bytes()),
                )
            }
            Self::Mute if is_refusal => Vec::new(),
            Self::CutsBesideOthers if others > 0 && right.len() > 512 => {
                right[..right.len() / 2].to_vec()
            }
            Self::LosesWholePackets if right.len().is_multiple_of(64) => return None,
            _ => right.to_vec(),
        };
        Some(reply)
    }

    /// What it makes of text.
    fn rewritten(self, text: &str) -> String {
        let char = |char| match char {
            // Some of those of which the normal form is another; each as one that is.
            '\u{f900}'..='\u{faff}' => '\u{8c48}',
            '\u{212a}' => 'K',
            '\u{37e}' => ';',
            '\u{2f800}'..='\u{2fa1f}' => '\u{4e3d}',
            _ => char,
        };
        match self {
            Self::TrimsUnicode => text.trim().to_owned(),
            Self::AddsReturns => text.replace('\n', "\r\n"),
            Self::Normalizes => text.chars().map(char).collect(),
            _ => text.to_owned(),
        }
    }

    /// What reaches the responder of a datagram.
    fn message(self, datagram: &[u8]) -> Option<&[u8]> {
        match self {
            Self::DropsEmpty if datagram.is_empty() => None,
            Self::CutsDatagrams => Some(&datagram[..datagram.len().min(MAX_TEXT)]),
            Self::CutsMessages => Some(&datagram[..datagram.len().min(512)]),
            _ => Some(datagram),
        }
    }

    /// What is answered without it.
    fn answer(self, datagram: &[u8]) -> Option<Vec<u8>> {
        let is_answer = datagram.starts_with(b"Hello, ") || datagram.starts_with(b"Error: ");
        let Ok(text) = std::str::from_utf8(datagram) else {
            let text = String::from_utf8_lossy(datagram);
            return (self == Self::Replaces).then(|| format!("Hello, {text}").into_bytes());
        };
        let is_shown = |char: char| !char.is_control() && char != '\u{202e}';
        let shown = match self {
            Self::ShortTexts if !is_answer && (SHORT + 1..=MAX_TEXT).contains(&text.len()) => {
                return Some(b"Error: message is longer than 1024 bytes\n".to_vec());
            }
            Self::AnswersAnswers if is_answer => text.to_owned(),
            Self::AsciiAlone if !is_answer => text.bytes().map(ascii).map(char::from).collect(),
            Self::AnswersAsShown if !is_answer && !text.chars().all(is_shown) => {
                text.replace(|char| !is_shown(char), "?")
            }
            Self::TrimsUnicode | Self::AddsReturns | Self::Normalizes
                if !is_answer && self.rewritten(text) != text =>
            {
                self.rewritten(text)
            }
            _ => return None,
        };
        (shown.len() <= MAX_TEXT).then(|| [GREETING.as_bytes(), shown.as_bytes()].concat())
    }
}

/// What is too long for a server with short buffers.
const SHORT: usize = 1000;

fn ascii(byte: u8) -> u8 {
    if byte.is_ascii() { byte } else { b'?' }
}

/// A server whose names and messages have a fault; its lines have none.
pub struct FaultyTexts {
    fault: TextFault,
    clients: Vec<Client>,
    /// It isn't there before.
    starts: Instant,
    ours: Ours,
}

struct Client {
    end: End<false>,
    exchange: Exchange,
    name: Vec<u8>,
    /// What is left of its reply, once there is one.
    reply: Option<Vec<u8>>,
    /// When it is let go without a reply.
    silent_until: Option<Instant>,
}

const PLACES: usize = 8;

impl FaultyTexts {
    /// A server with this fault.
    pub fn new(fault: TextFault) -> Self {
        Self {
            fault,
            clients: Vec::new(),
            starts: Instant::START,
            ours: Ours::default(),
        }
    }

    fn places(&self) -> usize {
        match self.fault {
            TextFault::Two => 2,
            _ => PLACES,
        }
    }

    fn accept(&mut self, backlog: &mut Backlog<false>, now: Instant) {
        while self.clients.len() < self.places() {
            let Poll::Ready(Ok((end, _))) = backlog.accept(now) else {
                return;
            };
            self.clients.push(Client {
                end,
                exchange: Exchange::new(now, Limits::DEFAULT),
                name: Vec::new(),
                reply: None,
                silent_until: None,
            });
        }
    }

    /// Looks who came, and what came of all.
    fn look(&mut self, backlog: &mut Backlog<false>, now: Instant) {
        const AGAIN: Duration = Duration::from_secs(1);
        self.accept(backlog, now);
        if self.receive(now) && self.fault == TextFault::StartsAgain {
            self.clients.clear();
            while let Poll::Ready(Ok(_)) = backlog.accept(now) {}
            self.starts = now + AGAIN;
        }
    }

    /// Says whether somebody met with an error.
    fn receive(&mut self, now: Instant) -> bool {
        let mut has_failed = false;
        for client in &mut self.clients {
            has_failed |= client.receive(self.fault, now);
        }
        has_failed
    }

    fn send(&mut self, now: Instant) {
        let others = self.clients.len().saturating_sub(1);
        for client in &mut self.clients {
            client.send(self.fault, others, now);
        }
        self.clients.retain_mut(|client| match client.silent_until {
            Some(until) => now < until && client.is_there(),
            None => client.exchange.outcome().is_none(),
        });
    }

    fn answer(&self, mailbox: &mut Mailbox) {
        let (mut buffer, mut kept) = ([0; 9000], Vec::new());
        while let Poll::Ready(Ok(Datagram { len, from, .. })) = mailbox.receive_from(&mut buffer) {
            let datagram = &buffer[..len];
            if let Some(answer) = self.fault.answer(datagram) {
                let _ = mailbox.send_to(&answer, from, Local::default());
            } else if let Some(message) = self.fault.message(datagram) {
                kept.push((message.to_vec(), from));
            }
        }
        for (datagram, from) in kept {
            mailbox.post(&datagram, from);
        }
    }
}

impl Client {
    fn receive(&mut self, fault: TextFault, now: Instant) -> bool {
        while self.exchange.want().reads() {
            match self.end.receive(self.exchange.space()) {
                Poll::Ready(Ok(0)) => {
                    if fault == TextFault::NothingIsError && self.name.is_empty() {
                        self.exchange.lost(embedded_io::ErrorKind::Other);
                    }
                    self.exchange.received_fin(now);
                }
                Poll::Ready(Ok(n)) => {
                    if self.reply.is_none() {
                        let came = &self.exchange.space()[..n];
                        self.name.extend_from_slice(came);
                    }
                    self.exchange.received(n, now);
                }
                Poll::Ready(Err(error)) => {
                    self.exchange.lost(error.0);
                    return true;
                }
                Poll::Pending => {
                    let Self { end, exchange, .. } = self;
                    let fits = |len| end.in_one_segment(len);
                    let ends_so = match fault {
                        TextFault::NeedsFin => fits(self.name.len()),
                        TextFault::FinAlone => false,
                        _ => true,
                    };
                    if ends_so {
                        exchange.quiet(now, fits);
                    }
                    let is_cut =
                        std::str::from_utf8(&self.name).is_err_and(|e| e.error_len().is_none());
                    if fault == TextFault::CutsCharacters && is_cut {
                        exchange.received_fin(now);
                        return false;
                    }
                    exchange.timeout(now);
                    return false;
                }
            }
        }
        false
    }

    fn send(&mut self, fault: TextFault, others: usize, now: Instant) {
        let right = self.exchange.transmit();
        if !right.is_empty() && self.reply.is_none() && self.silent_until.is_none() {
            self.reply = fault.reply(right, &self.name, others);
            if self.reply.is_none() {
                self.silent_until = Some(now + Limits::DEFAULT.deadline());
            }
        }
        if let Some(reply) = &mut self.reply {
            while !reply.is_empty() {
                match self.end.send(reply) {
                    Poll::Ready(Ok(n)) => drop(reply.drain(..n)),
                    Poll::Ready(Err(error)) => return self.exchange.lost(error.0),
                    Poll::Pending => return,
                }
            }
            self.exchange.transmitted(usize::MAX, now);
        }
        if self.exchange.want() == Want::Write && self.exchange.transmit().is_empty() {
            let _ = self.end.finish(); // whoever is gone needs no FIN
            self.exchange.finished(now);
        }
    }

    fn is_there(&mut self) -> bool {
        !matches!(self.end.receive(&mut [0]), Poll::Ready(Err(_)))
    }
}

impl Service for FaultyTexts {
    fn poll(
        &mut self,
        backlog: &mut Backlog<false>,
        mailbox: &mut Mailbox,
        now: Instant,
    ) -> Instant {
        self.answer(mailbox);
        let next = self.ours.poll(&mut Backlog::new(), mailbox, now);
        self.look(backlog, now);
        self.send(now);
        let due = self.clients.iter().flat_map(|client| {
            let until = client.silent_until;
            [client.exchange.due()].into_iter().chain(until)
        });
        let more = backlog.waiting() > 0 && self.clients.len() < self.places();
        let starts = Some(self.starts).filter(|starts| *starts > now);
        due.chain(more.then_some(now))
            .chain(starts)
            .fold(next, Instant::min)
    }

    fn poll_lines(&mut self, backlog: &mut Backlog<false>, now: Instant) -> Instant {
        self.ours.poll_lines(backlog, now)
    }

    fn lets_in(&mut self, backlog: &mut Backlog<false>, now: Instant) -> bool {
        if self.fault == TextFault::StartsAgain {
            self.look(backlog, now);
        }
        now >= self.starts
    }
}
