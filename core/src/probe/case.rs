//! What a check is, in one place: an id, a sentence, where the sentence stands, what it needs, whose
//! fault a failure is, and what to do.
//!
//! The tables in [`cases`](super::cases) are made of these; reports read them. No transport may
//! enter.

use super::bytes::Repeat;
use super::need::{Mode, Need};
use super::session::Session;
use super::verdict::Done;

/// One check: what is known of it, and what it does.
///
/// Other graders, such as one that sends raw packets, bring another kind of body.
#[derive(Clone, Copy, Debug)]
pub struct Case<B = Body> {
    /// What reports say of it.
    pub about: About,
    /// What it does.
    pub body: B,
}

/// What is known of a check before it runs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct About {
    /// A group and a name, `tcp/split-character`. It stays: whoever picks checks by id goes on
    /// doing so.
    pub id: &'static str,
    /// The sentence that it checks.
    pub sentence: &'static str,
    /// How much the sentence counts.
    pub level: Level,
    /// Where the sentence stands: in PROTOCOL.md, or in an RFC.
    pub source: &'static str,
    /// What it needs. Where something is missing, the check is skipped and says so.
    pub needs: &'static [Need],
    /// Whose fault a failure is, unless something else explains it.
    pub whose: Whose,
}

impl About {
    /// A check of one greeting, whose failure is the server's fault.
    pub const fn new(
        id: &'static str,
        level: Level,
        source: &'static str,
        sentence: &'static str,
    ) -> Self {
        Self {
            id,
            sentence,
            level,
            source,
            needs: &[Need::Name],
            whose: Whose::Server,
        }
    }

    /// The same, with these needs.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// The same, with a failure that is somebody else's fault.
    #[must_use]
    pub const fn blames(mut self, whose: Whose) -> Self {
        self.whose = whose;
        self
    }

    /// What it does.
    #[must_use]
    pub(super) const fn run(self, procedure: fn(&mut Session<'_>) -> Done) -> Case {
        Case {
            about: self,
            body: Body::Run(Procedure(procedure)),
        }
    }

    /// Which server it asks; `None`: one over UDP.
    pub fn mode(&self) -> Option<Mode> {
        [Mode::Name, Mode::Lines]
            .into_iter()
            .find(|mode| self.needs.contains(&Need::from(*mode)))
    }

    /// The group: what stands before the `/` of the id.
    pub fn group(&self) -> &'static str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// How much a sentence counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Who fails breaks the protocol.
    Must,
    /// Who fails is worse than others.
    Should,
    /// Who fails is different from others.
    May,
}

/// Whose fault something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of the network stack, or of the driver below it.
    Stack,
    /// That of the greet server on it.
    Server,
    /// That of the link between.
    Link,
    /// Our own side's.
    Tester,
}

/// What a check does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Body {
    /// Sends the pieces of a name, and compares the answer.
    Tcp(Vector),
    /// Sends the pieces of some lines, and compares the answers.
    Lines(Dialog),
    /// Sends one datagram, and compares the answer.
    Udp(Message),
    /// Anything else.
    Run(Procedure),
}

/// What a check does that is no [`Vector`], no [`Dialog`] and no [`Message`].
#[derive(Clone, Copy, Debug)]
pub struct Procedure(pub(super) fn(&mut Session<'_>) -> Done);

/// One greeting over TCP.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Vector {
    /// Pieces, each a segment of its own if it fits into one.
    pub send: &'static [Repeat],
    /// How many milliseconds pass between two pieces.
    pub gap_ms: u8,
    /// What follows the last piece.
    pub then: AfterSend,
    /// The whole refusal, where no greeting is due.
    pub refusal: Option<&'static str>,
}

/// Many greetings over one connection in lines mode.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Dialog {
    /// Pieces, each a segment of its own if it fits into one.
    pub send: &'static [Repeat],
    /// How many milliseconds pass between two pieces.
    pub gap_ms: u8,
    /// What follows the last piece.
    pub then: AfterSend,
    /// What is greeted, in this order.
    pub greeted: &'static [Line],
    /// The whole refusal that follows the greetings, where one is due.
    pub refusal: Option<&'static str>,
}

/// A line with its line feed, or the last name without one, so many times.
#[derive(Clone, Copy, Debug)]
pub struct Line(pub &'static [Repeat], pub u16);

/// What follows the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterSend {
    /// FIN.
    Fin,
    /// Nothing until all that is due has come.
    Quiet,
}

/// One message over UDP.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Message {
    /// The datagram.
    pub datagram: &'static [Repeat],
    /// What comes back.
    pub reply: Reply,
}

/// What comes back for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `Hello, ` and the datagram.
    Greeting,
    /// This.
    Refusal(&'static str),
    /// Nothing.
    Nothing,
}
