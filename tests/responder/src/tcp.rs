//! TCP: who listens, which connections there are, and what is said of those that there aren't (RFC 9293,
//! sections 3.10.7.1 and 3.10.7.2). A [`segment`] goes to its [`connection`], whose halves are [`receiving`]
//! and [`sending`]; a [`Conversation`] of greet's reads and writes it as a `stream`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::bytes::at;
use crate::fault::{Fault, Wrong};
use crate::parcel::Parcel;
use crate::server::Conversation;

mod congestion;
pub mod connection;
pub mod order;
pub mod receiving;
mod rto;
pub mod segment;
pub mod sending;
mod stamps;
mod stream;

use connection::{Connection, State};
use order::Order;
use segment::{ACK, Parsed, RST, SYN, Segment, TCP};

/// So many handshakes may be half open, unless it is told otherwise.
const BACKLOG: usize = 8;
/// So many connections there may be.
const PLACES: usize = 64;
/// How long a half-open handshake keeps its place while another waits for it.
const PATIENCE: Duration = Duration::from_millis(250);

/// TCP.
#[derive(Debug)]
pub struct Tcp {
    wrong: Wrong,
    key: u64,
    places: Vec<Place>,
    /// So many handshakes may be half open, each of which keeps its place until it is given up.
    holds: Option<usize>,
    /// How many connections there were.
    count: u32,
    /// A fault has stopped it.
    pub is_dead: bool,
    /// Nobody listens any more.
    has_no_servers: bool,
}

#[derive(Debug)]
struct Place {
    connection: Connection,
    /// Whoever speaks over it, from when it was established until it is over.
    conversation: Option<Conversation>,
}

/// An error that somebody on the way, or at its end, makes of a segment.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Who sent the segment.
    pub own: SocketAddr,
    /// To whom.
    pub peer: SocketAddr,
    /// Its number.
    pub seq: u32,
    /// What the trouble was.
    pub trouble: Trouble,
}

/// What the trouble was (RFC 9293, section 3.9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may pass.
    Soft,
    /// It may not, or was forged: as most do, this TCP waits for its own time-out (RFC 5927, section 5.2).
    Hard,
    /// Somebody wants less.
    Quench,
    /// The packet was longer than this.
    TooLong(u16),
}

/// What a segment leads to.
#[derive(Debug)]
pub enum Answer {
    /// These segments, if any.
    Segments(Vec<Parcel>),
    /// ICMP's, which is a fault.
    Unreachable,
}

impl Tcp {
    /// Without a connection. Sequence numbers follow from the key.
    pub fn new(key: u64, wrong: Wrong) -> Self {
        Self {
            wrong,
            key,
            places: Vec::new(),
            holds: None,
            count: 0,
            is_dead: false,
            has_no_servers: false,
        }
    }

    /// Another key.
    pub fn rekey(&mut self, key: u64) {
        self.key = key;
    }

    /// So many handshakes may be half open, and none makes room for another.
    pub fn hold(&mut self, count: usize) {
        self.holds = Some(count);
    }

    /// Forgets every connection, without a word.
    pub fn forget(&mut self) {
        self.places.clear();
    }

    /// A segment arrives that went from one address to another, here known as `own`.
    pub fn arrives(
        &mut self,
        bytes: &[u8],
        (from, to): (IpAddr, IpAddr),
        own: IpAddr,
        now: Duration,
    ) -> Answer {
        let segment = match Segment::parse(bytes, from, to, self.wrong) {
            Parsed::Segment(segment) => segment,
            Parsed::Nothing => return Answer::Segments(Vec::new()),
            Parsed::Death => {
                self.is_dead = true;
                return Answer::Segments(Vec::new());
            }
        };
        self.has_no_servers |= segment.is_beyond() && self.wrong.is(Fault::ServersDieOfUrgent);
        let own = SocketAddr::new(own, segment.to);
        let peer = SocketAddr::new(from, segment.from);
        let ends = (own, peer);
        let against = if self.wrong.is(Fault::SynBeforeRst) {
            ACK
        } else {
            ACK | RST
        };
        let is_syn = segment.flags & (SYN | against) == SYN;
        let mut least = None;
        if let Some(at) = self.find(ends) {
            let connection = &self.places[at].connection;
            if !is_syn || !connection.gives_way(segment.seq) {
                self.places[at].connection.arrives(&segment, now);
                return Answer::Segments(self.go_on(at, now));
            }
            least = Some(connection.sending.nxt);
            self.places.remove(at);
        }
        let is_open = Conversation::is_at(own.port()) && !self.has_no_servers;
        if is_open && is_syn {
            return Answer::Segments(self.listen(ends, &segment, least, now));
        }
        let is_silent = is_open
            && (!segment.has(SYN | ACK) || self.wrong.is(Fault::ListenAckSilent))
            || !is_open && self.wrong.is(Fault::ClosedPortSilent)
            || segment.has(RST) && !self.wrong.is(Fault::RstAnswered);
        if is_silent {
            return Answer::Segments(Vec::new());
        }
        if !is_open && self.wrong.is(Fault::ClosedPortIcmp) {
            return Answer::Unreachable;
        }
        Answer::Segments(vec![parcel(own, peer, &refusal(&segment), self.wrong)])
    }

    fn find(&self, ends: (SocketAddr, SocketAddr)) -> Option<usize> {
        let mut places = self.places.iter();
        places.position(|Place { connection, .. }| (connection.own, connection.peer) == ends)
    }

    /// A SYN (third of section 3.10.7.2). Its FIN, if it has one, isn't looked at.
    fn listen(
        &mut self,
        ends: (SocketAddr, SocketAddr),
        syn: &Segment,
        least: Option<u32>,
        now: Duration,
    ) -> Vec<Parcel> {
        if !self.has_room(now) {
            return Vec::new();
        }
        let mut iss = self.iss(ends, now);
        if let Some(least) = least
            && Order(self.wrong).before(iss, least)
        {
            iss = least.wrapping_add(64_000);
        }
        let mut connection = Connection::new(ends, syn, iss, now, self.wrong);
        if self.wrong.is(Fault::RtoInherited) {
            for place in &self.places {
                connection
                    .sending
                    .rto
                    .inherit(&place.connection.sending.rto);
            }
        }
        self.places.push(Place {
            connection,
            conversation: None,
        });
        self.go_on(self.places.len() - 1, now)
    }

    /// Whether there is room for one more, if need be for one that is worth less.
    fn has_room(&mut self, now: Duration) -> bool {
        let is_half = |place: &Place| place.connection.state == State::SynReceived;
        let half = self.places.iter().filter(|place| is_half(place)).count();
        if half > 0 && self.wrong.is(Fault::SynBlocksAccept) {
            return false;
        }
        let worth_less = if half >= self.holds.unwrap_or(BACKLOG) {
            if self.holds.is_some() || self.wrong.is(Fault::HalfOpenForEver) {
                return false;
            }
            let mut places = self.places.iter();
            places.position(|place| is_half(place) && now >= place.connection.began + PATIENCE)
        } else if self.places.len() >= PLACES {
            let mut places = self.places.iter();
            places.position(|place| {
                matches!(place.connection.state, State::TimeWait | State::LastAck)
            })
        } else {
            return true;
        };
        worth_less.map(|at| self.places.remove(at)).is_some()
    }

    /// The first number of a connection (RFC 9293, section 3.4.1): a clock of 4 us, and what follows from the
    /// addresses and from a key.
    fn iss(&mut self, ends: (SocketAddr, SocketAddr), now: Duration) -> u32 {
        self.count += 1;
        if self.wrong.is(Fault::IsnConstant) {
            return 1_000_000;
        }
        if self.wrong.is(Fault::IsnCounter) {
            return self.count.wrapping_mul(64_000);
        }
        let mut hasher = DefaultHasher::new();
        (self.key, ends).hash(&mut hasher);
        let hash: [u8; 8] = hasher.finish().to_be_bytes();
        let ticks: [u8; 16] = (now.as_micros() / 4).to_be_bytes();
        let low = |bytes: &[u8]| u32::from_be_bytes(at(bytes, bytes.len() - 4));
        low(&hash).wrapping_add(low(&ticks))
    }

    /// Lets whoever speaks over a connection do what can be done now, and gives what goes.
    fn go_on(&mut self, at: usize, now: Duration) -> Vec<Parcel> {
        let Place {
            connection,
            conversation,
        } = &mut self.places[at];
        let is_new = !matches!(connection.state, State::SynReceived | State::Closed);
        if is_new && connection.is_unheard {
            connection.is_unheard = false;
            *conversation = Some(Conversation::begin(connection.own.port(), now));
        }
        if let Some(speaker) = conversation
            && connection.state != State::Closed
            && speaker.drive(connection, now)
        {
            *conversation = None;
            connection.close();
        }
        connection.flush(now);
        let (own, peer) = (connection.own, connection.peer);
        let segments = connection.take_out(now);
        let may_be_cut = connection.may_be_cut;
        if connection.state == State::Closed {
            self.places.remove(at);
        }
        let wrong = self.wrong;
        let parcels = segments.iter().map(|segment| Parcel {
            may_be_cut,
            ..parcel(own, peer, segment, wrong)
        });
        parcels.collect()
    }

    /// An error is heard of a segment that was sent. Of one that isn't in flight it can't be true.
    pub fn hears(&mut self, report: Report, now: Duration) -> Vec<Parcel> {
        let Some(at) = self.find((report.own, report.peer)) else {
            return Vec::new();
        };
        let connection = &mut self.places[at].connection;
        if !connection.is_out(report.seq) && !self.wrong.is(Fault::AnyErrorAborts) {
            return Vec::new();
        }
        let is_absurd = matches!(report.trouble, Trouble::TooLong(..68));
        self.is_dead |= is_absurd && self.wrong.is(Fault::NeededAbsurdDies);
        match report.trouble {
            Trouble::Soft if self.wrong.is(Fault::SoftErrorAborts) => connection.abort(),
            Trouble::Quench if self.wrong.is(Fault::QuenchAborts) => connection.abort(),
            Trouble::Hard if self.wrong.is(Fault::HardErrorAborts) => connection.abort(),
            Trouble::Hard if self.wrong.is(Fault::AnyErrorAborts) => connection.abort(),
            Trouble::TooLong(mtu) if !self.wrong.is(Fault::NeededIgnored) => connection.narrow(mtu),
            _ => {}
        }
        self.go_on(at, now)
    }

    /// When time brings something.
    pub fn due(&self) -> Option<Duration> {
        let due = self.places.iter().flat_map(|place| {
            let speaker = place.conversation.as_ref();
            [place.connection.due(), speaker.and_then(Conversation::due)]
        });
        due.flatten().min()
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Duration) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for at in (0..self.places.len()).rev() {
            let connection = &mut self.places[at].connection;
            connection.expire(now);
            parcels.extend(self.go_on(at, now));
        }
        parcels
    }
}

/// RST for a segment of no connection (section 3.10.7.1).
fn refusal(segment: &Segment) -> Segment {
    let ends = Segment {
        from: segment.to,
        to: segment.from,
        flags: RST,
        ..Segment::default()
    };
    if segment.has(ACK) {
        return Segment {
            seq: segment.ack,
            ..ends
        };
    }
    Segment {
        ack: segment.seq.wrapping_add(segment.len()),
        flags: RST | ACK,
        ..ends
    }
}

fn parcel(own: SocketAddr, peer: SocketAddr, segment: &Segment, wrong: Wrong) -> Parcel {
    let is_marked = segment.has(SYN) && wrong.is(Fault::EctOnSynack);
    let bytes = segment.bytes(own.ip(), peer.ip());
    Parcel {
        ecn: if is_marked { 2 } else { 0 },
        ..Parcel::new(own.ip(), peer.ip(), TCP, bytes)
    }
}
