//! How many frames may leave in one poll, and how long a stack rests that would send more.
//!
//! smoltcp decides what to send, and where it is wrong a peer can make it send without end. So
//! each socket has [`TURNS`] turns to send, until a frame comes; and in one poll no more leave than
//! [`PER_FRAME`] for each that came and two for each socket. A sender that has more goes on in the
//! next poll, after pauses that double until a frame comes: as fast as TCP's slow start.
//! The [`device`](crate::device) wrapper counts, [`Net`](crate::net::Net) asks.

use smoltcp::time::Duration;

/// Frames that may leave for one that came: its answer, and three from sockets.
const PER_FRAME: usize = 4;

/// How often all sockets may send while nothing comes.
const TURNS: usize = 2;

/// The first pause; also when to try again if the device takes no frame.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// The last pause. smoltcp repeats nothing sooner.
pub(crate) const LONGEST: Duration = Duration::from_secs(1);

/// What one poll has sent, and the pause after it.
pub(crate) struct Pace {
    /// How many frames may still leave in this poll.
    left: usize,
    /// How many turns have sent something since the last frame came.
    turns: usize,
    /// A frame came in this poll.
    came: bool,
    /// A frame wasn't let out.
    pub(crate) held: bool,
    pause: Duration,
    /// The application has given a datagram since the last rest.
    pub(crate) given: bool,
    /// How many bytes of datagrams were waiting then.
    datagrams: usize,
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self {
            left: 0,
            turns: 0,
            came: false,
            held: false,
            pause: Duration::ZERO,
            given: false,
            datagrams: 0,
        }
    }

    /// A poll of so many sockets begins.
    pub(crate) fn begin(&mut self, sockets: usize) {
        if !self.held {
            self.pause = Duration::ZERO;
        }
        self.left = TURNS * sockets.max(1); // smoltcp itself may have something to send
        self.turns = 0;
        self.came = false;
        self.held = false;
    }

    /// A frame came. Its answer isn't asked about.
    pub(crate) fn came(&mut self) {
        self.left += PER_FRAME - 1;
        self.turns = 0;
        self.came = true;
    }

    /// Lets a frame out, if one may leave.
    #[inline]
    pub(crate) fn leaves(&mut self) -> bool {
        if self.left == 0 || self.turns == TURNS {
            self.held = true;
            return false;
        }
        self.left -= 1;
        true
    }

    /// How many frames may still leave.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// All sockets have had a turn, before which so many might still leave. Says whether any left.
    /// Not all of them show in what smoltcp's polls return: an ARP request does not.
    pub(crate) fn turned(&mut self, before: usize) -> bool {
        let sent = self.left < before;
        self.turns += usize::from(sent);
        sent
    }

    /// How long to wait, now that a frame was held back: not at all for the application's
    /// `datagrams`, as long as they leave. `owing`: something that was sent isn't acknowledged yet.
    pub(crate) fn rest(&mut self, datagrams: usize, owing: bool) -> Duration {
        let flows = datagrams > 0 && (self.given || datagrams != self.datagrams);
        self.given = false;
        self.datagrams = datagrams;
        self.pause = if self.came || flows {
            Duration::ZERO
        } else if owing {
            (self.pause * 2).clamp(SHORTEST, LONGEST)
        } else {
            LONGEST // nobody has anything to send
        };
        self.pause
    }
}
