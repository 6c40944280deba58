//! What each check with raw frames sends, and what it accepts, in a sentence each: for the page of all
//! checks, and for whoever wants to know before a board is asked.

mod frames;
mod handshake;
mod ip;
mod receive;
mod send;

/// What a check sends, and what it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stimulus {
    /// The check's id.
    pub id: &'static str,
    /// What it sends.
    pub sends: &'static str,
    /// What it accepts as an answer.
    pub accepts: &'static str,
}

/// Those of all checks.
pub static STIMULI: &[&[Stimulus]] = &[
    frames::STIMULI,
    handshake::STIMULI,
    receive::STIMULI,
    send::STIMULI,
    ip::STIMULI,
];

const fn stimulus(id: &'static str, sends: &'static str, accepts: &'static str) -> Stimulus {
    Stimulus { id, sends, accepts }
}
