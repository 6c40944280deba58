//! Numbers that nobody else has chosen: they tell a run's own messages from those of another.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Differs from run to run, and from call to call; nobody can guess it.
pub fn token() -> u64 {
    RandomState::new().build_hasher().finish()
}
