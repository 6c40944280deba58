//! What a check may need of the stack from which it is run, of the plan, and of the server.
//!
//! A [`Case`](super::Case) names its needs, a [`ProbeStack`](super::ProbeStack) says which it can't
//! meet.

/// What a server does with a connection. Each mode has an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One name, one reply.
    Name,
    /// Every line is a name.
    Lines,
}

/// What a check may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// An address where a connection has one greeting.
    Name,
    /// An address in lines mode, where every line is a name.
    Lines,
    /// That the tester can abort a connection with RST.
    Reset,
    /// That the tester can offer a small window and small segments.
    SmallWindow,
    /// That the smallest window is one that the longest reply doesn't fit into, so that it closes.
    TinyWindow,
    /// That the tester can send SYN, and then nothing.
    HalfOpen,
    /// That segments arrive as far from each other as they were sent, to a few milliseconds. A
    /// tester that lacks it must at least send a name of 1025 bytes in one segment.
    Timing,
    /// A server that answers who has half-closed.
    HalfClose,
    /// A UDP address, and a receiver that answers there.
    Udp,
    /// Connections: each begins anew, and ends with FIN or RST. A serial line has none.
    Connections,
    /// That whoever sends waits while nobody reads. A serial line without flow control loses what comes
    /// then.
    FlowControl,
    /// A receiver that puts fragments together.
    Reassembly,
    /// A deadline to wait for.
    Deadline,
    /// Two connections at once.
    Two,
    /// As many connections at once as clients were asked for.
    Clients,
    /// One connection more than that.
    OneMore,
}

impl From<Mode> for Need {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Name => Self::Name,
            Mode::Lines => Self::Lines,
        }
    }
}
