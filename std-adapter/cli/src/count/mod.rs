//! Counted messages over UDP: `greet send --count` numbers them, `greet serve --count` says which came. Both
//! print the same totals, which the receiver answers to the sender's last message.

mod message;
mod receive;
mod send;
mod tally;
mod totals;

pub use message::LEAST;
pub use receive::{Counted, Counter, Event};
pub use send::send;
