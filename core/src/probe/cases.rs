//! All checks, in the order in which they run: what others build on comes first, and what harms a weak
//! server most comes last.
//!
//! A file is a group; a check is one place in it. What is rough of a group may come later than the
//! rest.

use super::case::Case;

mod close;
mod connection;
mod crowd;
mod first;
mod lines;
mod read;
mod reset;
mod tcp;
mod udp;

/// Every check, as each table has them.
pub static CASES: &[&[Case]] = &[
    &first::CASES,
    &read::CASES,
    &close::CASES,
    &crowd::CASES,
    &tcp::CASES,
    &crowd::ROUGH,
    &reset::CASES,
    &udp::CASES,
    &lines::CASES,
    &connection::CASES,
];

/// The sections of PROTOCOL.md from which sentences are taken.
const NAMES: &str = "PROTOCOL.md, When a name is complete";
const REFUSALS: &str = "PROTOCOL.md, Refusals";
const LINES: &str = "PROTOCOL.md, Lines over TCP";

pub(super) use lines::dialog;
pub(super) use tcp::vector;
pub(super) use udp::message;
