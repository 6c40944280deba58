//! The contract over one adapter, and the table of its mutants, for a test of any kind.

use std::fmt;

use crate::clause::{Breach, Clause};
use crate::clauses::clauses;
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
    /// The clause: `places/linger`.
    pub name: String,
    /// What came of it.
    pub proof: Proof,
}

/// One flaw of an adapter, and the clause that names it.
#[derive(Debug)]
pub struct Catch {
    /// The flaw.
    pub flaw: Flaw,
    /// The clause.
    pub clause: &'static str,
    /// What came of the clause. It must be [broken](Proof::Broken).
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

/// Breaks an adapter in every way, and puts each mutant to the clause that names its flaw.
pub fn mutants<W: World>(world: impl Fn() -> W) -> Vec<Catch> {
    let clauses = clauses::<Mutant<W>>();
    let mutants = Flaw::ALL.iter().map(|&(flaw, id)| {
        let clause = clauses.iter().find(|clause| clause.id == id);
        // A flaw that no clause names goes unnoticed.
        let proof = clause.map_or(Proof::Kept, |clause| {
            prove(clause, Mutant::new(world(), flaw))
        });
        Catch {
            flaw,
            clause: id,
            proof,
        }
    });
    mutants.collect()
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

impl Catch {
    /// Whether the contract noticed the flaw.
    pub fn is_noticed(&self) -> bool {
        matches!(self.proof, Proof::Broken(_))
    }
}

/// A row of the table of mutants.
impl fmt::Display for Catch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flaw = format!("{:?}", self.flaw);
        write!(f, "{flaw:<17} {:<22} ", self.clause)?;
        match &self.proof {
            Proof::Kept => f.write_str("NOT NOTICED"),
            Proof::Broken(_) => f.write_str("noticed"),
            Proof::Unprovable(reason) => write!(f, "can't be shown: {reason}"),
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

/// Prints the table of an adapter's mutants, and panics if one wasn't noticed.
///
/// # Panics
///
/// A clause was kept over a flaw that it names, or no flaw was noticed.
pub fn assert_noticed(adapter: &str, mutants: &[Catch]) {
    println!("{:<17} {:<22} {adapter}", "flaw", "clause");
    for mutant in mutants {
        println!("{mutant}");
    }
    let missed = mutants.iter().filter(|mutant| mutant.proof == Proof::Kept);
    let missed = missed.count();
    assert!(missed == 0, "{missed} not noticed, see above");
    let any = mutants.iter().any(Catch::is_noticed);
    assert!(any, "nothing was noticed");
}
