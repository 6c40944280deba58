//! What checks measure beside their verdicts: numbers from which a report says what is wrong, and where
//! to look.
//!
//! A check hands them out as [`Event::Found`](super::Event::Found). What follows from them, and in which
//! words, is the report's business.

use core::time::Duration;

use super::need::Mode;

/// Something measured of a server, of its stack, or of the link to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// A client that has sent FIN gets no reply any more.
    NoHalfClose,
    /// No name is answered before its FIN.
    NeedsFin,
    /// Each right reply in this mode ends with RST, not with FIN.
    EndsWithReset(Mode),
    /// Behind a right reply in this mode no FIN comes: the connection stays open.
    NeverEnds(Mode),
    /// The deadline that the server's own sentence says, and after which time it came.
    Deadline {
        /// What its sentence says.
        said: Duration,
        /// What a clock here says.
        took: Duration,
    },
    /// A name that only quiet ends was answered after so long. The protocol's own quiet lasts 20 ms.
    Quiet {
        /// From its last byte to the first of its reply, less the way there and back.
        took: Duration,
    },
    /// So many clients are served at once, and no more.
    Places(u16),
    /// So many clients are served at once, or more: no more were tried.
    PlacesOrMore(u16),
    /// What a client meets for whom there is no place.
    NoPlace(Beyond),
    /// A message in fragments isn't answered, though others are.
    NoReassembly,
    /// Greetings in a row stood still. While some did, another client's frame was sent, and others were left
    /// alone, as chance chose.
    Nudged {
        /// How many of them had such a frame sent.
        nudged: u16,
        /// How many of those went on at once.
        came: u16,
        /// How many were left alone.
        left: u16,
        /// How many of those went on in the same time.
        came_alone: u16,
    },
    /// In an order that chance chose clients weren't each greeted, but in so many before it they were.
    Orders {
        /// How many.
        right: u16,
    },
    /// What is longer than something doesn't arrive.
    Length {
        /// What of.
        way: Way,
        /// The longest that arrives, in bytes of text.
        passes: u16,
        /// The shortest that doesn't.
        fails: u16,
    },
    /// Of datagrams at once, what comes behind the first so many is lost.
    Burst {
        /// How long each was, in bytes of text.
        len: u16,
        /// How many of a burst were answered at most.
        most: u16,
    },
    /// Of the answers to datagrams at once, some came behind the answer to a later one.
    Overtaken {
        /// How many were answered.
        answers: u16,
        /// How many of the answers others had overtaken.
        late: u16,
    },
    /// Of messages with a checksum too many weren't answered, and of messages without one some came back wrong.
    Unchecked {
        /// How many had no checksum.
        sent: u16,
        /// How many of those came back wrong.
        wrong: u16,
    },
    /// Bytes came back wrong.
    Wrong {
        /// What of.
        way: Way,
        /// How long it was, in bytes of text.
        len: u16,
        /// The first wrong byte of the text, from 0.
        first: u16,
        /// How many from there to the last that is wrong.
        count: u16,
        /// Whether that happened again, and where.
        again: Again,
    },
    /// There was time for so many lengths of the 1025 that there are.
    Lengths {
        /// What of.
        way: Way,
        /// How many.
        tried: u16,
    },
    /// There was time for so many clients who come in waves, and all of them were greeted.
    Clients {
        /// How many.
        greeted: u16,
    },
}

/// Whether bytes came back wrong again, when much the same was sent some more times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// They didn't.
    Never,
    /// They did, at places that have nothing in common.
    Anywhere,
    /// Each time the first wrong byte left this rest.
    At {
        /// Of a division by this: 64, 32 or 4, the largest that fits.
        modulo: u16,
        /// The rest.
        rest: u16,
    },
}

/// What a client meets for whom there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beyond {
    /// It is connected, and served once a place is free.
    Waits,
    /// A silent client gives way for it.
    GivesWay,
    /// RST, or FIN before it has said anything.
    Refused,
    /// Its SYN isn't answered for a while: it is kept, or thrown away.
    Silence,
}

/// What carried text, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// A name over TCP and its greeting, of which either may be at fault.
    Stream,
    /// A name over TCP, on its way to the server.
    Name,
    /// The greeting that answers it, on its way back.
    Greeting,
    /// A datagram and its answer, of which either may be at fault.
    Datagram,
    /// A message over UDP, on its way to the server.
    Message,
    /// The answer to it, on its way back.
    Answer,
}
