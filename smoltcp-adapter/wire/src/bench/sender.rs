//! The board as a sender: what it sends of a reply while the script withholds acknowledgments, or a window.

use core::time::Duration;

use greet_core::time::Instant;

use super::client::{Client, Greeting};
use super::segment::flags::{ACK, FIN, PSH, SYN};
use super::segment::{Segment, is_after};
use super::{Bench, Said, Stop};

/// How long until the end of a name is said again, at first; then twice as long each time.
const AGAIN: Duration = Duration::from_secs(1);

/// So often it is said.
const TRIES: u32 = 4;

/// So much longer than its deadline a server may take.
const GRACE: Duration = Duration::from_secs(5);

/// A flight of segments is over when none has come for so long.
const APART: Duration = Duration::from_millis(30);

/// A flight takes no longer than this.
const LONGEST: Duration = Duration::from_secs(1);

/// So many bytes is each character of a name.
const CHARACTER: usize = 3;

/// A segment that came, and its frame.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// To which of several connections it belongs.
    pub(crate) of: usize,
    pub(crate) time: Instant,
    pub(crate) segment: Segment,
    /// Nothing in it is new.
    pub(crate) is_again: bool,
    pub(crate) frame: Vec<u8>,
}

/// A connection on which a whole name was said, with FIN, and what came of its reply. Nothing of that is
/// acknowledged unless a check does so.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) client: Client,
    /// The number of the reply's first byte.
    pub(crate) start: u32,
    /// What was acknowledged of it.
    pub(crate) una: u32,
    /// Behind all that has come of it.
    pub(crate) high: u32,
    /// What came, with segments that carry nothing.
    pub(crate) parts: Vec<Part>,
}

impl Reply {
    fn new(client: Client) -> Self {
        let start = client.due;
        Self {
            client,
            start,
            una: start,
            high: start,
            parts: Vec::new(),
        }
    }

    /// Takes a segment of this connection.
    fn take(&mut self, of: usize, time: Instant, segment: Segment, frame: Vec<u8>) -> Part {
        // A SYN that comes again says nothing new.
        if !segment.has(SYN) {
            self.client.take(&segment);
        }
        let is_again = !segment.is_empty() && !is_after(segment.end(), self.high);
        if is_after(segment.end(), self.high) {
            self.high = segment.end();
        }
        let part = Part {
            of,
            time,
            segment,
            is_again,
            frame,
        };
        self.parts.push(part.clone());
        part
    }

    /// Those that carry text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(|part| !part.segment.text.is_empty())
    }

    /// Those that carry text which had not come before.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &Part> {
        self.texts().filter(|part| !part.is_again)
    }

    /// How many segments with text are on their way, as far as anybody knows.
    pub(crate) fn in_flight(&self) -> usize {
        self.fresh()
            .filter(|part| is_after(part.segment.end(), self.una))
            .count()
    }

    /// When the oldest text that isn't acknowledged came, each time.
    pub(crate) fn times(&self) -> Vec<Instant> {
        let oldest = self.texts().filter(|part| part.segment.seq == self.una);
        oldest.map(|part| part.time).collect()
    }

    /// Whether all of it has come.
    pub(crate) fn is_whole(&self) -> bool {
        self.client.has_fin
    }

    /// What of its text isn't what it should be, in all segments, those that came again as well.
    pub(crate) fn wrong(&self) -> Option<String> {
        let due = self.client.greeting_due();
        self.texts().find_map(|part| {
            let place = usize::try_from(part.segment.seq.wrapping_sub(self.start)).ok()?;
            let len = part.segment.text.len();
            let is_right = due.get(place..place + len) == Some(&part.segment.text[..]);
            let what = if part.is_again {
                "what comes again"
            } else {
                "what comes"
            };
            (!is_right).then(|| format!("{what} from byte {place} on isn't the greeting's text"))
        })
    }
}

impl Bench<'_> {
    /// A client that wants segments of this length at most, and acknowledges nothing by itself.
    pub(crate) fn taker(&mut self, mss: u16) -> Client {
        let mut client = self.client();
        let [high, low] = mss.to_be_bytes();
        client.options = vec![2, 4, high, low];
        client.acknowledges = false;
        client
    }

    /// Opens a connection and says a name of so many bytes on it. Nothing: the board didn't take that.
    pub(crate) fn asked(&mut self, mut client: Client, len: usize) -> Result<Option<Reply>, Stop> {
        if !self.open(&mut client)? {
            return Ok(None);
        }
        self.ask_for(client, len, FIN)
    }

    /// Says a name of so many bytes, the last of them with FIN or nothing. No FIN goes to a server to which it
    /// is of no use before the reply. Nothing: the board didn't take the name.
    pub(crate) fn ask_for(
        &mut self,
        mut client: Client,
        len: usize,
        fin: u8,
    ) -> Result<Option<Reply>, Stop> {
        let fin = if self.ends_late { 0 } else { fin };
        let name = characters(len);
        let (mut head, last) = name.split_at(name.len() - 1);
        // Each piece ends inside a character, so that the server waits for the next.
        let mut room = (client.longest() + 1) / CHARACTER * CHARACTER - 1;
        while !head.is_empty() {
            let (piece, rest) = head.split_at(room.clamp(1, head.len()));
            if !self.say(&mut client, piece, false)? {
                return Ok(None);
            }
            head = rest;
            room = client.longest() / CHARACTER * CHARACTER;
        }
        self.put(client, last, fin)
    }

    /// Opens a connection whose server has much to say: where it has a port for lines, it answers as many without a
    /// name as a segment holds, by eight bytes each; elsewhere it greets a name of so many bytes. Nothing: the board
    /// didn't take that.
    pub(crate) fn asked_for_much(
        &mut self,
        mss: u16,
        len: usize,
        fin: u8,
    ) -> Result<Option<Reply>, Stop> {
        let client = self.taker(mss);
        let window = client.window;
        if let Some(reply) = self.asked_by_lines(client, window, fin)? {
            return Ok(Some(reply));
        }
        let mut client = self.taker(mss);
        if !self.open(&mut client)? {
            return Ok(None);
        }
        self.ask_for(client, len, fin)
    }

    /// Opens a connection to the port for lines, with this window from the third segment on, and says as many without
    /// a name as a segment holds. Nothing: there is no such port, or the board didn't take that.
    pub(crate) fn asked_by_lines(
        &mut self,
        mut client: Client,
        window: u16,
        fin: u8,
    ) -> Result<Option<Reply>, Stop> {
        let Some(port) = self.setup.lines else {
            return Ok(None);
        };
        (client.ports.1, client.by_lines) = (port, true);
        if !self.syn(&mut client)? {
            return Ok(None);
        }
        client.window = window;
        self.transmit(&client.segment(ACK, b""))?;
        let lines = vec![b'\n'; client.longest()];
        self.put(client, &lines, fin)
    }

    /// Says the last that is said on a connection, again and again, until it is acknowledged.
    fn put(&mut self, mut client: Client, last: &[u8], fin: u8) -> Result<Option<Reply>, Stop> {
        let end = client.segment(ACK | PSH | fin, last);
        client.said.extend_from_slice(last);
        client.next = end.end();
        client.is_over = fin != 0;
        let mut reply = Reply::new(client);
        let mut patience = AGAIN;
        for _ in 0..TRIES {
            self.transmit(&end)?;
            let until = self.now() + patience;
            while self.part(&mut reply, until)?.is_some() {
                if reply.client.acked == end.end() {
                    return Ok(Some(reply));
                }
            }
            patience *= 2;
        }
        Ok(None)
    }

    /// The next segment of any of these connections, until some time.
    pub(crate) fn part_of(
        &mut self,
        replies: &mut [Reply],
        until: Instant,
    ) -> Result<Option<Part>, Stop> {
        while let Some(heard) = self.next(until)? {
            let Said::Tcp(segment) = heard.said else {
                continue;
            };
            let mut known = replies.iter_mut().enumerate();
            let Some((of, reply)) = known.find(|(_, reply)| reply.client.is_of(&segment)) else {
                continue;
            };
            let (number, frame) = (heard.number, heard.frame);
            let part = reply.take(of, heard.time, segment, frame);
            self.looked_at(number);
            let takes = !part.segment.is_empty() && !part.segment.has(SYN);
            if reply.client.acknowledges && takes {
                reply.una = reply.client.due;
                let answer = reply.client.segment(ACK, b"");
                self.transmit(&answer)?;
            }
            return Ok(Some(part));
        }
        self.not_answered(self.last_sent());
        Ok(None)
    }

    /// The next segment of this connection.
    pub(crate) fn part(&mut self, reply: &mut Reply, until: Instant) -> Result<Option<Part>, Stop> {
        self.part_of(core::slice::from_mut(reply), until)
    }

    /// Takes what comes for some time.
    pub(crate) fn parts(&mut self, reply: &mut Reply, time: Duration) -> Result<(), Stop> {
        let until = self.now() + time;
        while self.part(reply, until)?.is_some() {}
        Ok(())
    }

    /// Takes what comes until a flight is over. The first one begins when the server has had its turn, which may be
    /// later than its stack's acknowledgment.
    pub(crate) fn settle(&mut self, reply: &mut Reply) -> Result<(), Stop> {
        let give_up = self.now() + LONGEST;
        loop {
            let apart = if reply.high == reply.start {
                LONGEST
            } else {
                APART
            };
            let until = give_up.min(self.now() + apart);
            if self.part(reply, until)?.is_none() {
                return Ok(());
            }
        }
    }

    /// Takes what comes until the oldest text has come so many times again, or not for this long. When it
    /// came, each time.
    pub(crate) fn repeated(
        &mut self,
        reply: &mut Reply,
        times: usize,
        patience: Duration,
    ) -> Result<Vec<Instant>, Stop> {
        let mut until = self.now() + patience;
        loop {
            let seen = reply.times();
            if seen.len() > times || reply.client.is_reset {
                return Ok(seen);
            }
            match self.part(reply, until)? {
                Some(part) if part.segment.seq == reply.una && !part.segment.is_empty() => {
                    until = part.time + patience;
                }
                Some(_) => {}
                None => return Ok(seen),
            }
        }
    }

    /// Acknowledges up to this number, with the window that its client offers.
    pub(crate) fn acknowledge(&mut self, reply: &mut Reply, ack: u32) -> Result<(), Stop> {
        reply.una = ack;
        let answer = reply.client.segment(ACK, b"").ack(ack);
        self.transmit(&answer)
    }

    /// Takes the rest of these replies as any client does, and ends their connections. What is wrong with
    /// the first that isn't right.
    pub(crate) fn conclude(&mut self, replies: &mut [Reply]) -> Result<Greeting, Stop> {
        for reply in &mut *replies {
            reply.client.acknowledges = true;
            let due = reply.client.due;
            self.acknowledge(reply, due)?;
            let client = &mut reply.client;
            if client.by_lines && !client.is_over {
                // Nothing else ends lines.
                let end = client.segment(ACK | FIN, b"");
                (client.next, client.is_over) = (end.end(), true);
                self.transmit(&end)?;
            }
        }
        let give_up = self.now() + self.setup.deadline + GRACE;
        let is_over = |reply: &Reply| reply.client.has_fin || reply.client.is_reset;
        while !replies.iter().all(is_over) && self.part_of(replies, give_up)?.is_some() {}
        let mut worst = Greeting::Right;
        for reply in replies {
            if worst == Greeting::Right {
                worst = reply.client.greeting();
            }
            if reply.client.is_reset {
                self.forget(reply.client.ports.0);
            } else {
                self.close(&mut reply.client)?;
            }
        }
        Ok(worst)
    }
}

/// A name of so many bytes, rounded up to whole characters, all of them different.
fn characters(len: usize) -> Vec<u8> {
    let all = '\u{4e00}'..;
    let name: String = all.take(len.div_ceil(CHARACTER).max(1)).collect();
    name.into_bytes()
}
