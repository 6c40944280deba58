//! The contract over one adapter, and the table of its mutants, for a test of any kind.

use std::fmt;

use crate::clauses::{Breach, Clause, clauses};
use crate::mutant::{Flaw, Mutant};
use crate::world::World;

/// What came of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The adapter keeps to it.
    Kept,
    /// It doesn't.
    Broken(Breach),
    /// It can't be shown in this world, for this reason.
    Unprovable(&'static str),
}

/// One clause over one adapter, as a test.
#[derive(Debug)]
pub struct Trial {
    /// `places/linger`, or `mutant/PlaceLeaked`.
    pub name: String,
    /// What came of it. For a mutant, [`Kept`](Proof::Kept) says that the clause noticed it.
    pub proof: Proof,
}

/// Puts an adapter to the test, clause by clause, each in a world of its own; `only` picks by id.
pub fn contract<W: World>(world: impl Fn() -> W, only: impl Fn(&str) -> bool) -> Vec<Trial> {
    clauses::<W>()
        .iter()
        .filter(|clause| only(clause.id))
        .map(|clause| Trial {
            name: clause.id.to_owned(),
            proof: prove(clause, world()),
        })
        .collect()
}

/// Breaks an adapter in every way, and sees that the clause breaks that names the flaw.
pub fn mutants<W: World>(world: impl Fn() -> W, only: impl Fn(&str) -> bool) -> Vec<Trial> {
    let clauses = clauses::<Mutant<W>>();
    Flaw::ALL
        .iter()
        .map(|(flaw, id)| (format!("mutant/{flaw:?}"), *flaw, *id))
        .filter(|(name, ..)| only(name))
        .filter_map(|(name, flaw, id)| {
            let clause = clauses.iter().find(|clause| clause.id == id)?;
            let proof = match prove(clause, Mutant::new(world(), flaw)) {
                Proof::Kept => Proof::Broken(Breach::new(format!("{id} doesn't notice it"))),
                Proof::Broken(_) => Proof::Kept,
                Proof::Unprovable(reason) => Proof::Unprovable(reason),
            };
            Some(Trial { name, proof })
        })
        .collect()
}

fn prove<W: World>(clause: &Clause<W>, mut world: W) -> Proof {
    if let Some(reason) = clause.unprovable(&world) {
        return Proof::Unprovable(reason);
    }
    match clause.prove(&mut world) {
        Ok(()) => Proof::Kept,
        Err(breach) => Proof::Broken(breach),
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Proof::Kept => write!(f, "kept      {}", self.name),
            Proof::Broken(breach) => write!(f, "BROKEN    {}: {breach}", self.name),
            Proof::Unprovable(reason) => write!(f, "unprovable {}: {reason}", self.name),
        }
    }
}

/// Prints what came of each, and panics unless nothing was broken.
///
/// # Panics
///
/// A clause was broken, or not one was kept.
pub fn assert_kept(trials: &[Trial]) {
    for trial in trials {
        println!("{trial}");
    }
    let count = |wanted: fn(&Proof) -> bool| trials.iter().filter(|t| wanted(&t.proof)).count();
    let broken = count(|proof| matches!(proof, Proof::Broken(_)));
    let kept = count(|proof| *proof == Proof::Kept);
    assert!(broken == 0, "{broken} broken, see above");
    assert!(kept > 0, "nothing was shown");
}
