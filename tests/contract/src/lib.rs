//! What an adapter of [`greet_core::transport`] must prove about itself, as tests that it can run.
//!
//! A [`World`] holds the adapter, and [`Peers`] that reach it by other means than its own. Each
//! [`Clause`] of the [contract](clauses()) is a sentence of the traits' documentation, and what
//! proves it. Whether a network stack keeps to its RFCs is not asked here, nor whether a server
//! keeps to the protocol.
//!
//! [`Mutant`] breaks any adapter in one of many ways, so that a contract which never fails would be
//! noticed.

#![forbid(unsafe_code)]

mod cable;
mod clause;
mod clauses;
mod hands;
mod harness;
mod mutant;
mod world;

pub use cable::{CableEnd, cable};
pub use clause::{Breach, Clause};
pub use clauses::clauses;
pub use harness::{Catch, Proof, Trial, assert_kept, assert_noticed, contract, mutants};
pub use mutant::{Flaw, Mutant};
pub use world::{Lack, Peers, Seen, Target, World};
