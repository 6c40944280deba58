//! All checks, in the order in which they run: what others build on comes first, and what harms a weak
//! server most comes last.
//!
//! A file is a group; a check is one place in it. What is rough of a group may come later than the
//! rest.

use super::case::Case;

mod burst;
mod close;
mod connection;
mod crowd;
mod deadline;
mod first;
mod lines;
mod mixed;
mod orders;
mod places;
mod read;
mod reset;
mod sizes;
mod tcp;
mod udp;

/// Every check, as each table has them.
pub static CASES: &[&[Case]] = &[
    &first::CASES,
    &places::CASES,
    &read::CASES,
    &close::CASES,
    &crowd::CASES,
    &mixed::CASES,
    &tcp::CASES,
    &sizes::STREAM,
    &orders::CASES,
    &crowd::ROUGH,
    &reset::CASES,
    &udp::CASES,
    &sizes::DATAGRAM,
    &burst::CASES,
    &deadline::CASES,
    &lines::CASES,
    &connection::CASES,
    &deadline::LINES_CASES,
    &connection::ROUGH,
];

/// The sections of PROTOCOL.md from which sentences are taken.
const NAMES: &str = "PROTOCOL.md, Where a name ends";
const REFUSALS: &str = "PROTOCOL.md, Refusals";
const LINES: &str = "PROTOCOL.md, Lines over TCP";

pub(super) use deadline::{LATE, WAITING};
pub(super) use lines::dialog;
pub(super) use tcp::vector;
pub(super) use udp::message;
