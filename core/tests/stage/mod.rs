//! What an exchange is at, as far as its calls show.

use greet_core::exchange::{Exchange, Outcome};
use greet_core::machine::{Machine, Want};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// It reads: a name or, after a refusal, what is thrown away.
    Reading,
    Replying,
    Finishing,
    Done(Outcome),
}

pub fn stage(exchange: &Exchange) -> Stage {
    let stage = match (exchange.want(), exchange.outcome()) {
        (Want::Done, Some(outcome)) => return Stage::Done(outcome),
        (Want::Read, None) => Stage::Reading,
        (Want::Write, None) if exchange.transmit().is_empty() => Stage::Finishing,
        (Want::Write, None) => Stage::Replying,
        other => panic!("{other:?}"),
    };
    assert!(exchange.fin_follows() || stage == Stage::Reading);
    stage
}
