//! A connection: what it is made of, what goes, and what time brings. `arrives` has what comes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::fault::{Fault, Wrong};
use crate::tcp::order::Order;
use crate::tcp::receiving::Receiving;
use crate::tcp::segment::{ACK, ECN, FIN, PSH, RST, SYN, Segment};
use crate::tcp::sending::{Chunk, Expired, Sending};
use crate::tcp::stamps::{self, Stamps};

mod arrives;

/// How long a handshake may take: a SYN ACK, and five more.
const HANDSHAKE: Duration = Duration::from_secs(63);
/// How long the other's FIN is waited for, and how long TIME-WAIT takes: shorter than twice the life of a
/// segment, as cables are short here.
const LINGER: Duration = Duration::from_secs(10);
/// So often what may be forged is answered (RFC 5961, section 7).
const CHALLENGE: Duration = Duration::from_millis(500);

/// A path that takes less than this has its packets cut: smaller ones would be a gift to whoever forges
/// errors.
const LEAST4: u16 = 552;
/// No path takes less over IPv6.
const LEAST6: u16 = 1280;

/// A state of section 3.3.2. CLOSED has no connection, and LISTEN isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The SYN ACK isn't acknowledged.
    SynReceived,
    /// Both can send.
    Established,
    /// FIN was sent.
    FinWait1,
    /// And acknowledged.
    FinWait2,
    /// The other's FIN has come.
    CloseWait,
    /// Both FINs have crossed.
    Closing,
    /// FIN was sent after the other's.
    LastAck,
    /// Both FINs are acknowledged.
    TimeWait,
    /// It is to be forgotten.
    Closed,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    wrong: Wrong,
    order: Order,
    /// This side.
    pub own: SocketAddr,
    /// The other.
    pub peer: SocketAddr,
    /// Where it is.
    pub state: State,
    /// When its SYN came.
    pub began: Duration,
    iss: u32,
    /// What comes.
    pub receiving: Receiving,
    /// What goes.
    pub sending: Sending,
    their_scale: u8,
    wants_ecn: bool,
    out: Vec<Segment>,
    ends_at: Option<Duration>,
    challenged: Option<Duration>,
    /// When something came or went.
    moved: Duration,
    /// Nobody speaks over it yet.
    pub is_unheard: bool,
    /// Routers may cut its packets, as its path takes less than any should.
    pub may_be_cut: bool,
    /// Timestamps, if both sides have them.
    stamps: Option<Stamps>,
}

impl Connection {
    /// After a SYN to this side, with the number of its own.
    pub fn new(
        (own, peer): (SocketAddr, SocketAddr),
        syn: &Segment,
        iss: u32,
        now: Duration,
        wrong: Wrong,
    ) -> Self {
        let stamps = Stamps::new(syn, wrong);
        let mss = effective_mss(own, syn.mss, wrong) - stamps.as_ref().map_or(0, |_| stamps::LEN);
        let mut connection = Self {
            wrong,
            order: Order(wrong),
            own,
            peer,
            state: State::SynReceived,
            began: now,
            iss,
            receiving: Receiving::new(syn, wrong),
            sending: Sending::new(iss, mss, syn.window.into(), now, wrong),
            their_scale: syn.scale.unwrap_or(0).min(14),
            wants_ecn: syn.flags & ECN == ECN,
            out: Vec::new(),
            ends_at: (!wrong.is(Fault::HalfOpenForEver) && !wrong.is(Fault::SynackForEver))
                .then(|| now + HANDSHAKE),
            challenged: None,
            moved: now,
            is_unheard: true,
            may_be_cut: false,
            stamps,
        };
        connection.synchronize();
        connection
    }

    /// SYN ACK.
    fn synchronize(&mut self) {
        let ecn = self.wants_ecn && self.wrong.is(Fault::EcnEchoed);
        let window = self.receiving.advertise(true);
        self.out.push(Segment {
            seq: self.iss,
            ack: self.receiving.nxt,
            flags: SYN | ACK | if ecn { ECN } else { 0 },
            window,
            mss: Some(if self.wrong.is(Fault::MssTooLong) {
                9000
            } else {
                own_mss(self.own)
            }),
            scale: self.receiving.scale(),
            ..self.blank()
        });
    }

    fn blank(&self) -> Segment {
        Segment {
            from: self.own.port(),
            to: self.peer.port(),
            ..Segment::default()
        }
    }

    fn emit(&mut self, seq: u32, flags: u8, text: Vec<u8>) {
        self.receiving.acknowledged();
        let segment = Segment {
            seq,
            ack: self.receiving.nxt,
            flags: flags | ACK,
            window: self.receiving.advertise(false),
            text,
            ..self.blank()
        };
        self.out.push(segment);
    }

    fn emit_ack(&mut self) {
        self.emit(self.sending.nxt, 0, Vec::new());
    }

    fn emit_chunk(&mut self, chunk: Chunk) {
        if chunk.text.is_empty() && !chunk.has_end {
            return;
        }
        let push = if chunk.is_last && !chunk.text.is_empty() {
            PSH
        } else {
            0
        };
        let fin = if chunk.has_end { FIN } else { 0 };
        self.emit(chunk.seq, push | fin, chunk.text);
    }

    /// An answer to what may be forged, or may be the start of a war of answers.
    fn challenge(&mut self, now: Duration) {
        if self.challenged.is_none_or(|then| now >= then + CHALLENGE) {
            self.challenged = Some(now);
            self.emit_ack();
        }
    }

    /// What has to go.
    pub fn take_out(&mut self, now: Duration) -> Vec<Segment> {
        let mut out = std::mem::take(&mut self.out);
        if let Some(stamps) = &mut self.stamps {
            stamps.stamp(&mut out, now);
        }
        out
    }

    /// FIN follows what is queued (CLOSE of section 3.10.4).
    pub fn finish(&mut self) {
        self.sending.has_end = true;
        match self.state {
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => {}
        }
    }

    /// Whoever spoke over it is gone: what comes yet is thrown away.
    pub fn close(&mut self) {
        self.receiving.shut();
        if !self.sending.has_end && self.state != State::Closed {
            self.finish();
        }
    }

    /// Whether it has ended, and a SYN with this number may begin it anew (RFC 6191, section 2).
    pub fn gives_way(&self, seq: u32) -> bool {
        self.state == State::TimeWait
            && !self.order.before(seq, self.receiving.nxt)
            && !self.wrong.is(Fault::TimewaitAcksRst)
    }

    /// Whether a segment with this number may be on its way.
    pub fn is_out(&self, seq: u32) -> bool {
        let out = self.sending.nxt.wrapping_sub(self.sending.una);
        self.order.within(seq, self.sending.una, out)
    }

    /// The path takes packets of this length only (RFC 1191, section 3; RFC 8201, section 4).
    pub fn narrow(&mut self, mtu: u16) {
        let (least, headers) = match self.own {
            SocketAddr::V4(_) => (LEAST4, 40),
            SocketAddr::V6(_) => (LEAST6, 60),
        };
        self.may_be_cut |= mtu < least;
        let headers = headers + self.stamps.as_ref().map_or(0, |_| stamps::LEN);
        self.sending.narrow(u32::from(mtu.max(least)) - headers);
    }

    /// Resets it (ABORT of section 3.10.5).
    pub fn abort(&mut self) {
        self.state = State::Closed;
        self.out.push(Segment {
            seq: self.sending.nxt,
            ack: self.receiving.nxt,
            flags: RST | ACK,
            ..self.blank()
        });
    }

    /// Sends what may go.
    pub fn flush(&mut self, now: Duration) {
        if matches!(self.state, State::SynReceived | State::Closed) {
            return;
        }
        while let Some(chunk) = self.sending.next(now) {
            self.moved = now;
            self.emit_chunk(chunk);
        }
        self.sending.arm(now);
        if self.receiving.is_owed || self.receiving.has_opened() {
            self.emit_ack();
        }
    }

    /// When time brings something.
    pub fn due(&self) -> Option<Duration> {
        let asks = self.wrong.is(Fault::KeepaliveEarly) && self.state == State::Established;
        let asks_at = asks.then(|| self.moved + Duration::from_secs(1));
        let due = [
            self.sending.due(),
            self.receiving.owed_at,
            self.ends_at,
            asks_at,
        ];
        due.into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Duration) {
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if is_due(self.ends_at) {
            self.state = State::Closed;
            return;
        }
        self.receiving.is_owed |= is_due(self.receiving.owed_at);
        match self.sending.expire(now) {
            Expired::GiveUp if self.state == State::SynReceived => {
                if self.wrong.is(Fault::SynackForEver) {
                    self.synchronize();
                    self.sending.await_again(now);
                }
            }
            Expired::GiveUp => self.state = State::Closed,
            Expired::Send if self.state == State::SynReceived => {
                if self.wrong.is(Fault::SynackNoBackoff) {
                    self.sending.await_again(now);
                }
                if !self.wrong.is(Fault::SynackOnce) {
                    self.synchronize();
                }
            }
            Expired::Probe => {
                if let Some(probe) = self.sending.probe(now) {
                    self.emit_chunk(probe);
                }
            }
            Expired::Send | Expired::Nothing => {}
        }
        let asks = self.wrong.is(Fault::KeepaliveEarly) && self.state == State::Established;
        if asks && now >= self.moved + Duration::from_secs(1) {
            self.moved = now;
            self.emit(self.sending.nxt.wrapping_sub(1), 0, Vec::new());
        }
        self.flush(now);
    }
}

/// What a segment may carry over Ethernet.
fn own_mss(own: SocketAddr) -> u16 {
    if own.is_ipv4() { 1460 } else { 1440 }
}

/// How much text is sent at once to whom this was announced by (section 3.7.1).
fn effective_mss(own: SocketAddr, announced: Option<u16>, wrong: Wrong) -> u32 {
    let default = match own {
        SocketAddr::V4(_) if wrong.is(Fault::MssDefaultIgnored) => 1000,
        SocketAddr::V6(_) if wrong.is(Fault::MssDefaultIgnored) => 1400,
        SocketAddr::V4(_) => 536,
        SocketAddr::V6(_) => 1220,
    };
    if wrong.is(Fault::MssIgnored) {
        return own_mss(own).into();
    }
    let announced = announced.filter(|mss| *mss > 0);
    let mss = announced.unwrap_or(default);
    mss.clamp(48, own_mss(own)).into()
}
