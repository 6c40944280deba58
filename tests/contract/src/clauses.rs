//! The clauses of the contract: each a sentence of the traits' documentation, and what proves it.

use crate::clause::Clause;
use crate::world::World;

mod closing;
mod connecting;
mod datagrams;
mod places;
mod served;
mod streams;
mod waking;

/// All clauses.
pub fn clauses<W: World>() -> Vec<Clause<W>> {
    [
        streams::clauses(),
        closing::clauses(),
        waking::clauses(),
        places::clauses(),
        served::clauses(),
        connecting::clauses(),
        datagrams::clauses(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
