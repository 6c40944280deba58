//! One side of a conversation over a stream of bytes, without I/O: the one trait that everything
//! else is generic over.
//!
//! Whoever writes a protocol as a [`Machine`] has it driven over every transport by
//! [`drive`](crate::drive::drive); one that is a [`Service`] as well is served by the
//! [polled server](crate::server), and by adapters' own. [`exchange`](crate::exchange) and
//! [`request`](crate::request) are the two sides of a greeting. No socket, no clock and no rule of
//! any one protocol may enter.

use core::ops::Add;

use embedded_io::ErrorKind;

use crate::time::Instant;

/// What a [`Machine`] can make use of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Want {
    /// Bytes or FIN from the peer.
    Read,
    /// That its bytes, or its FIN, leave.
    Write,
    /// Either.
    Both,
    /// Nothing more: there is an [outcome](Machine::outcome).
    Done,
}

impl Want {
    /// Whether it wants to read.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Read | Self::Both)
    }

    /// Whether it wants to write.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// One side of a conversation: a state machine over its own buffers.
///
/// A driver asks what it [wants](Self::want), carries bytes, and says what happened; after each
/// call, the answers may be others. Time is what the driver says it is.
///
/// # What an implementation owes
///
/// - No call panics, whatever its arguments and in whatever order calls come. One that doesn't fit
///   what it wants is ignored; more bytes than there was room for, or than there were to send,
///   count as that many.
/// - It ends: once [`due`](Self::due) has passed often enough, it wants nothing, and has an
///   outcome, which stays.
/// - What [`quiet`](Self::quiet) or [`timeout`](Self::timeout) changed shows in
///   [`want`](Self::want) where there is something to do at once.
pub trait Machine {
    /// How it ended.
    type Outcome: Copy;

    /// What it can make use of now. After FIN came, it no longer reads.
    fn want(&self) -> Want;

    /// Where the next bytes from the peer go. Empty: none are taken now, and the peer has to wait.
    fn space(&mut self) -> &mut [u8];

    /// The first `n` bytes of [`space`](Self::space) have come.
    fn received(&mut self, n: usize, now: Instant);

    /// FIN has come: the peer has shut down its sending side.
    fn received_fin(&mut self, now: Instant);

    /// Nothing more is waiting to be read right now.
    ///
    /// `in_one_segment` says of a number of bytes whether one send of so many would have come
    /// whole, as
    /// [`Stream::in_one_segment`](crate::transport::Stream::in_one_segment) does. It may cost a
    /// system call.
    fn quiet(&mut self, _now: Instant, _in_one_segment: impl FnOnce(usize) -> bool) {}

    /// What is to be sent next, in one piece if possible. May be empty where FIN is all that is
    /// left.
    fn transmit(&self) -> &[u8];

    /// Whether FIN follows right behind what [`transmit`](Self::transmit) says. Asked where it wants
    /// to write.
    fn fin_follows(&self) -> bool;

    /// The first `n` bytes of [`transmit`](Self::transmit) have left.
    fn transmitted(&mut self, n: usize, now: Instant);

    /// FIN was sent.
    fn finished(&mut self, now: Instant);

    /// The connection broke, and this is how the transport classifies it. Nothing more can be sent
    /// or received.
    fn lost(&mut self, kind: ErrorKind);

    /// When [`timeout`](Self::timeout) must be called at the latest, or [`NEVER`](Instant::NEVER).
    #[must_use]
    fn due(&self) -> Instant;

    /// Does what is due at `now`, if anything is. What is waiting is read first: bytes that came in
    /// time count.
    fn timeout(&mut self, now: Instant);

    /// How it ended. `None`: it hasn't.
    fn outcome(&self) -> Option<Self::Outcome>;

    /// Whether it ended so that the connection must be reset, lest the peer take what has come for
    /// all that there is.
    fn resets(&self) -> bool {
        false
    }
}

/// The side of a conversation that a server takes: made in places that are used again and again.
pub trait Service: Machine {
    /// What all clients of a server share: limits, or a reference to a store.
    type Config: Copy;

    /// Counts of outcomes.
    type Tally: Copy + Add<Output = Self::Tally>;

    /// What is kept of a client while it is [dormant](Self::dormant); `()` where that never is.
    type Dormant: Copy;

    /// A place where nobody is. Zeros, if it can be: then a server in a `static` takes no flash.
    const VACANT: Self;

    /// The counts at the start.
    const NONE: Self::Tally;

    /// Starts with a client that connected at `since`. Nothing of one before is left to be sent.
    fn begin(&mut self, since: Instant, config: &Self::Config);

    /// What it needs to be kept of a client for whom there is nothing to do, if it has something to
    /// keep: then its memory isn't needed, but for this and [`due`](Machine::due), and another can
    /// [resume](Self::resume) in its place once something comes.
    fn dormant(&self) -> Option<Self::Dormant> {
        None
    }

    /// Goes on with a client of whom this was [kept](Self::dormant), in whatever memory.
    fn resume(&mut self, _kept: Self::Dormant, _config: &Self::Config) {}

    /// From when on it would [give way](Self::give_way), or [`NEVER`](Instant::NEVER).
    fn gives_way(&self) -> Instant {
        Instant::NEVER
    }

    /// All places are taken, and somebody waits for one: a client that hasn't used its own may have
    /// to go. Ignored before [`gives_way`](Self::gives_way).
    fn give_way(&mut self, _now: Instant) {}

    /// The server stops: what the client has begun to ask is answered, and nothing after that. Does
    /// nothing where a conversation ends by itself.
    ///
    /// What is waiting is read first: what came before the stop counts. One that could go on for as
    /// long as its client likes ends here, at once if there is nothing in hand.
    fn wind_down(&mut self, _now: Instant) {}

    /// Counts one outcome.
    fn count(tally: &mut Self::Tally, outcome: Self::Outcome);
}
