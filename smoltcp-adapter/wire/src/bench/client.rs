//! A client by script: it opens a connection, says a name and takes the reply, as any client does, or leaves
//! out what a check wants left out.
//!
//! Names are held open by half a character: a server of this protocol stays silent until the other half
//! comes, or its deadline. So a connection is there with text that was acknowledged, and nothing else on it.

use core::time::Duration;

use greet_core::time::Instant;
use smoltcp::wire::IpProtocol;

use super::craft::{self, Ends};
use super::segment::flags::{ACK, FIN, PSH, RST, SYN};
use super::segment::{Segment, is_after};
use super::{Bench, Said, Stop};

/// How long until something is sent again, at first; then twice as long each time (RFC 6298, section 2).
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// So often something is sent.
const TRIES: u32 = 4;

/// So much longer than its deadline a server may take.
const GRACE: Duration = Duration::from_secs(5);

/// The default for segments of a sender that says nothing (RFC 9293, section 3.7.1), and what is announced.
pub(crate) const MSS: u16 = 536;

/// The first two bytes of a character of three.
pub(crate) const HALF: &[u8] = &[0xe4, 0xb8];

/// The third.
pub(crate) const REST: &[u8] = &[0x96];

/// What a greeting begins with.
const HELLO: &[u8] = b"Hello, ";

/// One connection.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each side ends for itself, and a reset may follow either"
)]
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) ends: Ends,
    /// Its own port, and the server's.
    pub(crate) ports: (u16, u16),
    /// Its first number: its SYN's.
    pub(crate) first: u32,
    /// The next that it sends.
    pub(crate) next: u32,
    /// How far the board has acknowledged.
    pub(crate) acked: u32,
    /// The board's first number.
    pub(crate) theirs: u32,
    /// The next that is expected of the board.
    pub(crate) due: u32,
    /// The window that it offers.
    pub(crate) window: u16,
    /// The window that the board offered last, and how its SYN shifts it.
    pub(crate) their_window: u16,
    /// The longest text that the board wants, if it said so.
    pub(crate) their_mss: Option<u16>,
    /// What goes with its SYN.
    pub(crate) options: Vec<u8>,
    /// Whether it acknowledges by itself what comes.
    pub(crate) acknowledges: bool,
    /// What came, in order.
    pub(crate) text: Vec<u8>,
    /// The longest text that came in one segment.
    pub(crate) most: usize,
    /// What it has said.
    pub(crate) said: Vec<u8>,
    /// It has said lines, each of which is greeted.
    pub(crate) by_lines: bool,
    /// Whether the board has ended its side.
    pub(crate) has_fin: bool,
    /// Whether it has ended its own.
    pub(crate) is_over: bool,
    /// Whether the board has reset it.
    pub(crate) is_reset: bool,
}

/// How a conversation came out that should end in a greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// It is right, and ended by FIN.
    Right,
    /// Something else.
    Wrong(String),
}

impl Greeting {
    /// What is wrong with it.
    pub(crate) fn against(self) -> Option<String> {
        match self {
            Self::Right => None,
            Self::Wrong(what) => Some(what),
        }
    }
}

impl Client {
    /// A segment from where it is, with everything acknowledged that has come.
    pub(crate) fn segment(&self, flags: u8, text: &[u8]) -> Segment {
        Segment {
            ends: (self.ends.from, self.ends.to),
            ports: self.ports,
            seq: self.next,
            ack: if flags & ACK == 0 { 0 } else { self.due },
            flags,
            window: self.window,
            urgent: 0,
            options: Vec::new(),
            text: text.to_vec(),
        }
    }

    /// Its first segment.
    pub(crate) fn syn(&self) -> Segment {
        self.segment(SYN, b"")
            .seq(self.first)
            .options(&self.options)
    }

    /// Whether this is the board's part of the connection.
    pub(crate) fn is_of(&self, segment: &Segment) -> bool {
        segment.ports == (self.ports.1, self.ports.0)
            && segment.ends == (self.ends.to, self.ends.from)
    }

    /// So many bytes at most may go in one segment of its own.
    pub(crate) fn longest(&self) -> usize {
        self.their_mss
            .map_or(MSS, |theirs| theirs.clamp(1, MSS))
            .into()
    }

    /// Notes what a segment of the board says: what is acknowledged, and text in its order.
    pub(crate) fn take(&mut self, segment: &Segment) {
        if segment.has(RST) {
            self.is_reset = true;
            return;
        }
        if segment.has(SYN | ACK) && segment.ack == self.first.wrapping_add(1) {
            self.theirs = segment.seq;
            self.due = segment.seq.wrapping_add(1);
            self.their_mss = segment.mss();
        }
        if segment.has(ACK) && is_after(segment.ack, self.acked) {
            self.acked = segment.ack;
        }
        if segment.has(ACK) {
            self.their_window = segment.window;
        }
        if segment.has(SYN) {
            return;
        }
        self.most = self.most.max(segment.text.len());
        let skipped = self.due.wrapping_sub(segment.seq);
        let behind = usize::try_from(skipped).unwrap_or(usize::MAX);
        // What begins later is out of order: it comes again, as it isn't acknowledged.
        let Some(new) = segment.text.get(behind..) else {
            return;
        };
        self.text.extend_from_slice(new);
        self.due = self
            .due
            .wrapping_add(u32::try_from(new.len()).unwrap_or_default());
        if segment.has(FIN) && !self.has_fin && segment.end() == self.due.wrapping_add(1) {
            self.has_fin = true;
            self.due = segment.end();
        }
    }

    /// The greeting of what was said, or of each line.
    pub(crate) fn greeting_due(&self) -> Vec<u8> {
        if !self.by_lines {
            return [HELLO, &self.said].concat();
        }
        let lines = self.said.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| [HELLO, line].concat()).collect()
    }

    /// What is wrong with what came, if a greeting of what was said was due.
    pub(crate) fn greeting(&self) -> Greeting {
        let due = self.greeting_due();
        let Some(place) = due.iter().zip(&self.text).position(|(a, b)| a != b) else {
            let (came, all) = (self.text.len(), due.len());
            return if self.is_reset && came < all {
                Greeting::Wrong(format!("a reset after {came} bytes of a greeting of {all}"))
            } else if came < all {
                Greeting::Wrong(format!("{came} bytes of a greeting of {all}"))
            } else if came > all {
                Greeting::Wrong(format!("{} bytes behind the greeting", came - all))
            } else if self.is_reset {
                Greeting::Wrong("the greeting, and then a reset".to_owned())
            } else if !self.has_fin {
                Greeting::Wrong("the greeting, and no end of it".to_owned())
            } else {
                Greeting::Right
            };
        };
        Greeting::Wrong(if self.text.starts_with(b"Error: ") {
            let line = String::from_utf8_lossy(&self.text);
            format!("a refusal: {}", line.trim_end().escape_debug())
        } else {
            format!("byte {place} of the greeting is another")
        })
    }
}

impl Bench<'_> {
    /// A client with a port that none had before, which offers a segment of [`MSS`] and all of a window.
    pub(crate) fn client(&mut self) -> Client {
        let [a, b, c, d, ..] = self.random().to_le_bytes();
        let first = u32::from_le_bytes([a, b, c, d]);
        let own = self.port();
        let ports = (own, self.setup.port);
        let [high, low] = MSS.to_be_bytes();
        Client {
            ends: self.ends(),
            ports,
            first,
            next: first,
            acked: first,
            theirs: 0,
            due: 0,
            window: 8192,
            their_window: 0,
            their_mss: None,
            options: vec![2, 4, high, low],
            acknowledges: true,
            text: Vec::new(),
            most: 0,
            said: Vec::new(),
            by_lines: false,
            has_fin: false,
            is_over: false,
            is_reset: false,
        }
    }

    /// Sends a segment in a packet of its own.
    pub(crate) fn transmit(&mut self, segment: &Segment) -> Result<(), Stop> {
        let frame = self.packet(segment.between(), &segment.bytes());
        self.note(segment);
        self.send(&frame)
    }

    /// The frame around the bytes of a segment, whatever was done to them.
    pub(crate) fn packet(&self, ends: Ends, tcp: &[u8]) -> Vec<u8> {
        craft::ip(self.hop(), ends, IpProtocol::Tcp, craft::HOPS, tcp)
    }

    /// The next segment of a connection, until some time. It is taken, and acknowledged if its client does so.
    pub(crate) fn hear(
        &mut self,
        client: &mut Client,
        until: Instant,
    ) -> Result<Option<(Instant, Segment)>, Stop> {
        while let Some(heard) = self.next(until)? {
            let Said::Tcp(segment) = heard.said else {
                continue;
            };
            if !client.is_of(&segment) {
                continue;
            }
            self.looked_at(heard.number);
            client.take(&segment);
            if segment.has(SYN | ACK) {
                self.portray_offer(client, &segment);
            }
            if client.acknowledges && !segment.is_empty() && !segment.has(SYN) {
                let answer = client.segment(ACK, b"");
                self.transmit(&answer)?;
            }
            return Ok(Some((heard.time, segment)));
        }
        self.not_answered(self.last_sent());
        Ok(None)
    }

    /// All segments of a connection for some time.
    pub(crate) fn listen(
        &mut self,
        client: &mut Client,
        time: Duration,
    ) -> Result<Vec<(Instant, Segment)>, Stop> {
        let until = self.now() + time;
        let mut all = Vec::new();
        while let Some(heard) = self.hear(client, until)? {
            all.push(heard);
        }
        Ok(all)
    }

    /// Sends a segment again and again, as TCP does, until `is_done`. Whether it was.
    pub(crate) fn until(
        &mut self,
        client: &mut Client,
        segment: &Segment,
        is_done: impl Fn(&Client) -> bool,
    ) -> Result<bool, Stop> {
        let mut patience = AGAIN;
        for _ in 0..TRIES {
            self.transmit(segment)?;
            let until = self.now() + patience;
            loop {
                if is_done(client) || client.is_reset {
                    return Ok(is_done(client));
                }
                if self.hear(client, until)?.is_none() {
                    break;
                }
            }
            patience *= 2;
        }
        Ok(false)
    }

    /// The handshake's first two parts. Whether the board answered with SYN and ACK.
    pub(crate) fn syn(&mut self, client: &mut Client) -> Result<bool, Stop> {
        let syn = client.syn();
        client.next = client.first.wrapping_add(1);
        let behind = client.next;
        self.until(client, &syn, |client| client.acked == behind)
    }

    /// The whole handshake (RFC 9293, section 3.5). Whether the board answered.
    pub(crate) fn open(&mut self, client: &mut Client) -> Result<bool, Stop> {
        let is_open = self.syn(client)?;
        if is_open {
            self.transmit(&client.segment(ACK, b""))?;
        }
        Ok(is_open)
    }

    /// Says something, in segments as long as the board wants them, and waits until it is acknowledged; FIN
    /// goes with the last. Whether all of it was.
    pub(crate) fn say(
        &mut self,
        client: &mut Client,
        text: &[u8],
        is_end: bool,
    ) -> Result<bool, Stop> {
        let mut parts = text.chunks(client.longest()).peekable();
        let mut is_first = true;
        while is_first || parts.peek().is_some() {
            is_first = false;
            let part = parts.next().unwrap_or_default();
            let is_last = parts.peek().is_none();
            let fin = if is_end && is_last { FIN } else { 0 };
            let segment = client.segment(ACK | PSH | fin, part);
            let behind = segment.end();
            client.next = behind;
            client.said.extend_from_slice(part);
            client.is_over |= fin != 0;
            let is_taken =
                self.until(client, &segment, |client| !is_after(behind, client.acked))?;
            if !is_taken {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A connection on which a name of so many bytes was said and acknowledged, the last of them half a
    /// character, so that the server waits. Nothing: the board didn't take it.
    pub(crate) fn hold(&mut self, len: usize) -> Result<Option<Client>, Stop> {
        let mut client = self.client();
        Ok(self.held(&mut client, len)?.then_some(client))
    }

    /// The same with this client. Whether the board took it.
    pub(crate) fn held(&mut self, client: &mut Client, len: usize) -> Result<bool, Stop> {
        Ok(self.open(client)? && self.half_said(client, len)?)
    }

    /// The same on a connection that is there.
    pub(crate) fn half_said(&mut self, client: &mut Client, len: usize) -> Result<bool, Stop> {
        // However many segments it takes: each ends in the middle of a character, as it may be acknowledged late.
        let count = len.div_ceil(client.longest()).max(1);
        let mut start = &b""[..];
        for part in 0..count {
            let room = len * (part + 1) / count - len * part / count;
            let rest = room.saturating_sub(start.len() + HALF.len());
            let text = letters(client.said.len(), rest);
            if !self.say(client, &[start, &text, HALF].concat(), false)? {
                return Ok(false);
            }
            start = REST;
        }
        Ok(true)
    }

    /// Says the other half of the character, which ends the name; then the greeting has to be whole.
    pub(crate) fn finish(&mut self, client: &mut Client) -> Result<Greeting, Stop> {
        self.say(client, REST, false)?;
        self.reply(client)
    }

    /// Takes the reply to its end, and ends its own side. What is wrong with it.
    pub(crate) fn reply(&mut self, client: &mut Client) -> Result<Greeting, Stop> {
        client.acknowledges = true;
        self.transmit(&client.segment(ACK, b""))?;
        let give_up = self.now() + self.setup.deadline + GRACE;
        while !client.has_fin && !client.is_reset {
            if self.hear(client, give_up)?.is_none() {
                break;
            }
        }
        let greeting = client.greeting();
        self.close(client)?;
        Ok(greeting)
    }

    /// Ends a connection, as it may be ended where it is: by FIN, or by RST.
    pub(crate) fn close(&mut self, client: &mut Client) -> Result<(), Stop> {
        if client.has_fin && !client.is_reset {
            let end = client.segment(ACK | FIN, b"");
            let end = if client.is_over {
                end.seq(client.next.wrapping_sub(1))
            } else {
                client.next = end.end();
                client.is_over = true;
                end
            };
            let behind = end.end();
            let is_acked = |client: &Client| !is_after(behind, client.acked);
            if is_acked(client) || self.until(client, &end, is_acked)? {
                self.forget(client.ports.0);
                return Ok(());
            }
        }
        self.abort(client)
    }

    /// Resets a connection.
    pub(crate) fn abort(&mut self, client: &mut Client) -> Result<(), Stop> {
        if !client.is_reset {
            self.transmit(&client.segment(RST, b"").seq(client.acked))?;
            client.is_reset = true;
        }
        self.forget(client.ports.0);
        Ok(())
    }
}

/// So many letters of a name, from a place in it on, no two neighbors alike.
pub(crate) fn letters(from: usize, len: usize) -> Vec<u8> {
    (from..from + len)
        .map(|place| b'a' + u8::try_from((place + place / 26) % 26).unwrap_or_default())
        .collect()
}
