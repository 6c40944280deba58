//! Connections that the adapter's side makes.

use std::collections::BTreeSet;

use crate::clause::{Breach, Clause};
use crate::hands::Hands;
use crate::world::{Lack, Target, World};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "connecting/ports",
            "Each connection leaves from a port of its own.",
            ports,
        )
        .needs(&[Lack::Connect]),
        Clause::new(
            "connecting/refused",
            "A connection that is refused is an error.",
            refused,
        )
        .needs(&[Lack::Connect, Lack::Reset]),
    ]
}

fn ports<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let handle = hands
            .world
            .connect(Target::Peers)
            .map_err(|kind| Breach::new(format!("connect failed: {kind:?}")))?;
        let from = hands.until_peers("a connection at the peers", |hands| {
            hands.peers().accepted()
        })?;
        if !seen.insert(from) {
            return Err(Breach::new(format!("two from {from}")));
        }
        // The next one comes while this one closes.
        hands.release(handle);
    }
    Ok(())
}

fn refused<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let Ok(mut handle) = hands.world.connect(Target::Nobody) else {
        return Ok(());
    };
    match hands.receive(&mut handle, &mut [0; 8])? {
        Err(_) => Ok(()),
        Ok(n) => Err(Breach::new(format!("{n} bytes from nobody"))),
    }
}
