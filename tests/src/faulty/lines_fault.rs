//! What can be wrong with a server in lines mode.

/// What is wrong with a server in lines mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinesFault {
    /// Nothing.
    None,
    /// One line is answered, then FIN follows.
    Once,
    /// What one read brings is a name.
    OneRead,
    /// A pause ends a name.
    Hasty,
    /// Nothing is answered before FIN.
    WaitsForFin,
    /// The answers to what comes at once are in reverse order.
    Reverses,
    /// What is left at FIN is thrown away.
    ForgetsRest,
    /// FIN behind a line feed is the empty name.
    GreetsNothing,
    /// An empty line is nobody's name.
    SkipsEmpty,
    /// A carriage return before the line feed is thrown away.
    StripsReturn,
    /// A line feed isn't sent back.
    StripsLineFeed,
    /// A name ends at NUL.
    EndsAtNul,
    /// What looks like a reply isn't answered.
    Filters,
    /// 64 lines, and the connection ends.
    Few,
    /// After 500 lines nothing is answered any more.
    Stops,
    /// The first client with 500 lines gets no more answers, and RST at the deadline: what a stack makes of
    /// losses that it doesn't get over.
    Stalls,
    /// A line of 1024 bytes is too long.
    ShortLines,
    /// A last name of 1024 bytes is too long.
    ShortRest,
    /// A line of 1025 bytes isn't too long.
    LongLines,
    /// A line is too long only once it has ended.
    JudgesAtEnd,
    /// A refusal overtakes the replies before it.
    Overtakes,
    /// A refusal isn't the end.
    GoesOn,
    /// Where a line isn't UTF-8 is counted from the first line on.
    CountsAll,
    /// What isn't UTF-8 is replaced.
    Replaces,
    /// Each segment must be UTF-8 by itself.
    ChecksSegments,
    /// A line feed may cut a character.
    ForgivesLineFeed,
    /// FIN may cut a character.
    ForgivesFin,
    /// After a refusal the connection is closed at once, with unread bytes.
    ClosesHard,
    /// What doesn't fit into one write is lost.
    WritesOnce,
    /// Lines are read though the answers have no room, until there is too much of them.
    Overflows,
    /// One client after the other.
    OneByOne,
    /// All clients get the reply to the last line that anybody sent.
    Shares,
    /// The deadline counts from connecting.
    Short,
    /// There is no deadline.
    Endless,
    /// Half a line at the deadline gets no answer.
    DropsHalf,
    /// A connection without a line at the deadline gets a refusal.
    Scolds,
    /// A client that resets ends the server.
    DiesOfReset,
}

impl LinesFault {
    /// All that are some.
    pub const ALL: [Self; 36] = [
        Self::Once,
        Self::OneRead,
        Self::Hasty,
        Self::WaitsForFin,
        Self::Reverses,
        Self::ForgetsRest,
        Self::GreetsNothing,
        Self::SkipsEmpty,
        Self::StripsReturn,
        Self::StripsLineFeed,
        Self::EndsAtNul,
        Self::Filters,
        Self::Few,
        Self::Stops,
        Self::Stalls,
        Self::ShortLines,
        Self::ShortRest,
        Self::LongLines,
        Self::JudgesAtEnd,
        Self::Overtakes,
        Self::GoesOn,
        Self::CountsAll,
        Self::Replaces,
        Self::ChecksSegments,
        Self::ForgivesLineFeed,
        Self::ForgivesFin,
        Self::ClosesHard,
        Self::WritesOnce,
        Self::Overflows,
        Self::OneByOne,
        Self::Shares,
        Self::Short,
        Self::Endless,
        Self::DropsHalf,
        Self::Scolds,
        Self::DiesOfReset,
    ];
}
