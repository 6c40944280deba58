//! One clause, and how an adapter broke it.

use std::fmt;

use crate::world::{Lack, World};

/// One clause, for a world of type `W`.
#[derive(Debug)]
pub struct Clause<W> {
    /// A group and a name: `streams/fin`.
    pub id: &'static str,
    /// What an adapter owes.
    pub sentence: &'static str,
    needs: &'static [Lack],
    prove: fn(&mut W) -> Result<(), Breach>,
}

/// How an adapter broke a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach(String);

impl<W: World> Clause<W> {
    pub(crate) const fn new(
        id: &'static str,
        sentence: &'static str,
        prove: fn(&mut W) -> Result<(), Breach>,
    ) -> Self {
        Self {
            id,
            sentence,
            needs: &[],
            prove,
        }
    }

    pub(crate) const fn needs(mut self, needs: &'static [Lack]) -> Self {
        self.needs = needs;
        self
    }

    /// Why it can't be proved in this world.
    pub fn unprovable(&self, world: &W) -> Option<&'static str> {
        self.needs.iter().find_map(|need| world.lacks(*need))
    }

    /// Puts an adapter to the test, in a world that nothing else has used.
    ///
    /// # Errors
    ///
    /// The clause is broken, and this is how.
    pub fn prove(&self, world: &mut W) -> Result<(), Breach> {
        (self.prove)(world)
    }
}

impl Breach {
    pub(crate) fn new(how: impl Into<String>) -> Self {
        Self(how.into())
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Breach {}
