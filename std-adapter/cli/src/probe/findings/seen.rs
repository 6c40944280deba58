//! What findings are made from: verdicts, what checks measured, and what was seen of the link.

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::limits::GREETING;
use greet_std::core::probe::{
    About, Body, CASES, Case, Cause, Dialog, End, Expected, Fact, Failure, Line, Need, Repeat,
    Reply, Verdict,
};

use super::rewritten::Rewritten;
use super::{Finding, Spoils};
use crate::probe::Outcome;

/// All that was seen in one run, up to its end or to where it broke off.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub results: Vec<Of>,
    pub facts: Vec<Fact>,
    /// What checks with raw frames have found, in its order.
    pub raw: Vec<Finding>,
    pub link: LinkSeen,
    /// The link was told to lose and delay.
    pub is_impaired: bool,
    /// The server greets nobody any more.
    pub stopped: Option<Stopped>,
    /// So many clients came at once, as was asked for or found out.
    pub clients: u16,
    /// Nobody has said how many there should be.
    pub is_found: bool,
    /// So many were greeted in the last row.
    pub greetings: u64,
    /// Connections had to come from ports that were used before.
    pub reuses_ports: bool,
}

/// What was seen of one check.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    pub check: &'static About,
    pub result: Outcome,
    pub verdict: Verdict,
    /// How many bytes of a reply came.
    pub came: usize,
    /// What came is what was due, though its end wasn't.
    pub is_right: bool,
    /// What came is its beginning, and not all of it.
    pub is_beginning: bool,
    /// The byte that was due next there.
    stops_before: Option<u8>,
    /// White space around the name is missing, and nothing else.
    pub is_trimmed: bool,
    /// Characters of the text are others.
    pub(super) rewritten: Option<Rewritten>,
    /// How many bytes of text were greeted, if what came is a greeting.
    pub greeted: usize,
    /// What came is a refusal.
    refusal: Option<Refusal>,
}

/// What a refusal says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    /// No name came in time.
    Late,
    /// There is a byte that is no text.
    NotUtf8,
    Other,
}

impl Refusal {
    fn of(actual: &[u8]) -> Option<Self> {
        if Expected::Late.is(actual) {
            return Some(Self::Late);
        }
        let says = |words: &[u8]| actual.windows(words.len()).any(|part| part == words);
        match actual.starts_with(b"Error: ") {
            true if says(b"not UTF-8") => Some(Self::NotUtf8),
            true => Some(Self::Other),
            false => None,
        }
    }
}

/// The end of a server.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    pub after: &'static About,
    /// What came of the last greeting that was tried.
    pub cause: Cause,
}

/// What was seen of the link, as far as anybody knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkSeen {
    /// Segments that left here, those sent again among them.
    pub sent: u64,
    pub sent_again: u64,
    /// So much is missed that it is no busy machine's doing.
    pub lossy: bool,
    /// Nothing was lost of it: it came with the next frame.
    pub stalling: bool,
    /// What is missed has a period.
    pub every: Option<Every>,
    /// Checksums that were wrong of what came, their period, and whether all those of odd lengths were,
    /// and no others.
    pub wrong_sums: u64,
    pub wrong_sums_every: Option<u32>,
    pub only_odd_sums: bool,
    /// Segments that came, those that came twice, and those that overtook others, either way.
    pub received: u64,
    pub received_again: u64,
    pub reordered: u64,
    /// The most that the server takes in a segment, and its largest window, in bytes.
    pub mss: Option<u16>,
    pub window: Option<u32>,
}

/// Every so-manieth segment that goes one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    pub number: u32,
    pub to_server: bool,
}

/// The check that greets one client after the other.
pub const ROW: &str = "crowd/in-a-row";

impl Seen {
    /// A check begins: in a soak, not for the first time.
    pub fn began(&mut self, check: &About) {
        if check.id == ROW {
            self.greetings = 0;
        }
    }

    /// Checks with raw frames have found what a driver does to others' talks.
    pub fn is_spoilt(&self) -> bool {
        let mut raw = self.raw.iter();
        raw.any(|finding| finding.spoils != Spoils::Nothing)
    }

    /// The server ended in the row, and nobody listens any more: no place can come back.
    pub fn ended_in_row(&self) -> bool {
        self.stopped.is_some_and(|stopped| {
            stopped.after.id == ROW && matches!(stopped.cause, Cause::Refused(_))
        })
    }

    /// Keeps what was measured.
    pub fn note(&mut self, fact: Fact) {
        if let (Fact::Places(places), 0) = (fact, self.clients) {
            self.clients = places;
            self.is_found = true;
        }
        self.facts.push(fact);
    }

    /// The longest text that a check greeted, or had answered over UDP; lines may be handled otherwise.
    pub fn longest_passed(&self, is_over_udp: bool) -> usize {
        let passed = self.results.iter().filter(|of| {
            let is_same = of.is_over_udp() == is_over_udp && of.check.group() != "lines";
            is_same && of.result == Outcome::Passed
        });
        let replies = passed.filter_map(Of::lengths).map(|(_, reply)| reply);
        replies.max().unwrap_or(0).saturating_sub(GREETING.len())
    }

    /// What may be somebody's fault; what is inconclusive says itself what was in the way.
    pub fn crosses(&self) -> impl Iterator<Item = &Of> {
        self.results.iter().filter(|of| {
            use Outcome::{Failed, Noted, Worse};
            matches!(of.result, Failed | Worse | Noted)
        })
    }
}

impl Of {
    pub fn new(check: &'static About, result: Outcome, verdict: Verdict, actual: &[u8]) -> Self {
        let due = match verdict {
            Verdict::Failed(Failure {
                cause: Cause::Reply { expected, .. },
                ..
            }) => Some(expected),
            _ => None,
        };
        let begins = |due: Expected| due.bytes().take(actual.len()).eq(actual.iter().copied());
        let is_right = due.is_some_and(|due| due.is(actual));
        let text = |due: Expected| {
            let due: Vec<u8> = due.bytes().collect();
            let text = due.strip_prefix(GREETING.as_bytes()).map(<[u8]>::to_vec);
            text.zip(actual.strip_prefix(GREETING.as_bytes()))
        };
        let texts = due.filter(|_| !is_right).and_then(text);
        let texts = texts.as_ref().map(|(due, came)| (&due[..], *came));
        let is_trimmed = texts.is_some_and(|(due, came)| is_trimmed(due, came));
        let rewritten = texts.filter(|_| !is_trimmed && check.group() != "lines");
        let is_beginning = !is_right && !actual.is_empty() && due.is_some_and(begins);
        let next = |due: Expected| due.bytes().nth(actual.len());
        Self {
            check,
            result,
            verdict,
            came: actual.len(),
            is_right,
            is_beginning,
            stops_before: due.filter(|_| is_beginning).and_then(next),
            is_trimmed,
            rewritten: rewritten.and_then(|(due, came)| Rewritten::of(due, came)),
            greeted: actual
                .strip_prefix(GREETING.as_bytes())
                .map_or(0, <[u8]>::len),
            refusal: Refusal::of(actual),
        }
    }

    pub fn is(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| fits(id, self.check.id))
    }

    pub fn cause(&self) -> Option<Cause> {
        match self.verdict {
            Verdict::Failed(Failure { cause, .. }) => Some(cause),
            _ => None,
        }
    }

    /// What was due, where another reply came.
    fn due(&self) -> Option<Expected> {
        match self.cause()? {
            Cause::Reply { expected, .. } if self.is_another_reply() => Some(expected),
            _ => None,
        }
    }

    /// Another reply came to the name, or message, of no bytes.
    pub fn is_empty_name(&self) -> bool {
        let len = self.due().and_then(Expected::text_len);
        len == Some(0)
    }

    /// Nothing came where the name of no bytes was to be greeted.
    pub fn is_no_empty_name(&self) -> bool {
        match self.cause() {
            Some(Cause::Reply { expected, .. }) => self.came == 0 && expected.text_len() == Some(0),
            _ => false,
        }
    }

    /// A greeting came, and FIN, as if the name ended before this byte.
    pub fn stops_before(&self, byte: u8) -> bool {
        self.is_cut() && self.stops_before == Some(byte)
    }

    /// FIN came behind a part of the reply: what is lost on its way holds FIN up.
    pub fn is_cut(&self) -> bool {
        self.is_beginning && self.end() == Some(End::Fin)
    }

    /// A refusal came whole, and another was due.
    pub fn is_wrong_refusal(&self) -> bool {
        let is_due = matches!(self.due(), Some(Expected::Refusal(_) | Expected::Late));
        is_due && self.refusal.is_some() && !self.is_right
    }

    /// How many bytes of text were refused that were to be greeted, though nothing in them is no text.
    pub fn refused_len(&self) -> Option<usize> {
        let Some(Cause::Reply { expected, .. }) = self.cause() else {
            return None;
        };
        let len = expected.text_len()?;
        (self.refusal == Some(Refusal::Other)).then_some(len.into())
    }

    /// It goes by datagrams.
    pub fn is_over_udp(&self) -> bool {
        self.check.needs.contains(&Need::Udp)
    }

    /// FIN came without a byte where a refusal was due.
    pub fn is_no_refusal(&self) -> bool {
        match self.cause() {
            Some(Cause::Reply { expected, end }) => {
                let is_due = matches!(expected, Expected::Refusal(_) | Expected::Late);
                is_due && self.came == 0 && end == End::Fin
            }
            _ => false,
        }
    }

    /// What came says that no name came in time.
    pub fn told_late(&self) -> bool {
        self.refusal == Some(Refusal::Late)
    }

    /// How the reply ended that wasn't due.
    pub fn end(&self) -> Option<End> {
        match self.cause()? {
            Cause::Reply { end, .. } => Some(end),
            _ => None,
        }
    }

    /// Nothing came in time, or not all of it.
    pub fn is_silence(&self) -> bool {
        match self.cause() {
            Some(Cause::Unreachable | Cause::Lost { .. }) => true,
            Some(Cause::Reply { end, .. }) => {
                matches!(end, End::Silence | End::Broken(ErrorKind::TimedOut))
            }
            _ => false,
        }
    }

    /// Segments that were lost can have done this.
    pub fn may_be_loss(&self) -> bool {
        /// No system sends less of a name at once.
        const SMALL: usize = 128;
        self.is_silence()
            || matches!(self.cause(), Some(Cause::Slow { .. }))
            || matches!(self.end(), Some(End::Fin | End::Open)) && self.told_late()
            // A name settles whose second segment is lost.
            || matches!(self.end(), Some(End::Fin)) && self.is_beginning && self.came > SMALL
    }

    /// No connection came about, or one was closed before it said a byte.
    pub fn is_turned_away(&self) -> bool {
        match self.cause() {
            Some(Cause::Refused(_) | Cause::Unreachable) => true,
            Some(Cause::Reply { end, .. }) => self.came == 0 && end != End::Silence,
            _ => false,
        }
    }

    /// A whole reply came, and it was another.
    pub fn is_another_reply(&self) -> bool {
        let is_whole = matches!(self.end(), Some(End::Fin | End::Open));
        is_whole && self.came > 0 && !self.told_late()
    }

    /// RST came, behind a handshake.
    pub fn is_reset(&self) -> bool {
        self.end() == Some(End::Broken(ErrorKind::ConnectionReset))
    }

    /// The longest part of the check's text that goes at once, and how long the whole reply is: where
    /// it sends one text, or lines.
    pub fn lengths(&self) -> Option<(usize, usize)> {
        let mut all = CASES.iter().copied().flatten();
        let case: &Case = all.find(|case| case.about.id == self.check.id)?;
        let (pieces, is_refused): (&[Repeat], _) = match case.body {
            Body::Tcp(vector) => (vector.send, vector.refusal.is_some()),
            Body::Udp(message) => (message.datagram, message.reply != Reply::Greeting),
            Body::Lines(dialog) => return Some(lengths_of(dialog)),
            // A procedure's name.
            _ => match self.check.id {
                "close/after-name" => return Some((600, GREETING.len() + 600)),
                // Its first fragment.
                "first/reassembly" => return Some((1480, REFUSAL)),
                "tcp/bytewise" => return Some((560, GREETING.len() + 566)),
                "read/slow" | "read/tight" => return Some((1024, GREETING.len() + 1024)),
                // Whatever fits into a segment of Ethernet goes at once.
                "lines/pipeline" | "lines/beside-pipeline" => return Some((1448, 1448)),
                _ => return None,
            },
        };
        let reply = if is_refused {
            REFUSAL
        } else {
            GREETING.len() + lens(pieces).sum::<usize>()
        };
        Some((lens(pieces).max().unwrap_or(0), reply))
    }
}

/// What a refusal has at most.
const REFUSAL: usize = 40;

fn lens(pieces: &[Repeat]) -> impl Iterator<Item = usize> {
    let len = |Repeat(bytes, times): &Repeat| bytes.len() * usize::from(*times);
    pieces.iter().map(len)
}

/// The same of lines: their replies may come at once.
fn lengths_of(dialog: Dialog) -> (usize, usize) {
    let reply = |Line(pieces, times): &Line| {
        (GREETING.len() + lens(pieces).sum::<usize>()) * usize::from(*times)
    };
    let refusal = dialog.refusal.map_or(0, |_| REFUSAL);
    let replies = dialog.greeted.iter().map(reply).sum::<usize>() + refusal;
    (lens(dialog.send).max().unwrap_or(0), replies)
}

/// Whether this is the same text without the white space around it, or before or behind it, or some of that.
fn is_trimmed(due: &[u8], came: &[u8]) -> bool {
    let (Ok(due), Ok(came)) = (str::from_utf8(due), str::from_utf8(came)) else {
        return false;
    };
    // For some, whatever is below a space is as good as one.
    let is_space = |char: char| char.is_whitespace() || char < ' ';
    let is_same = due.trim_matches(is_space) == came.trim_matches(is_space);
    is_same && came.len() < due.len() && due.contains(came)
}

/// Whether an id is this one, or begins as one that ends in a star.
pub fn fits(glob: &str, id: &str) -> bool {
    match glob.split_once('*') {
        Some((start, end)) => {
            id.len() >= start.len() + end.len() && id.starts_with(start) && id.ends_with(end)
        }
        None => glob == id,
    }
}
