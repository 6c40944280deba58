//! The store that all clients share, and what a line asks of it. No connection may enter.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many keys a store takes.
const KEYS: usize = 1024;

/// Values by their keys.
#[derive(Debug, Default)]
pub struct Store(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Store {
    /// An empty store.
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Does what a line asks, which is given without its line feed, and says the reply in parts.
    /// It is no longer than the longest line.
    pub fn answer(&self, line: &[u8], mut say: impl FnMut(&[u8])) {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut words = line.splitn(3, |byte| *byte == b' ');
        match [(); 3].map(|()| words.next()) {
            [Some(b"SET"), Some(key), Some(value)] => {
                if values.len() >= KEYS && !values.contains_key(key) {
                    return say(b"ERROR no room\n");
                }
                values.insert(key.to_vec(), value.to_vec());
                say(b"OK\n");
            }
            [Some(b"GET"), Some(key), None] => match values.get(key) {
                Some(value) => [b"= ", value.as_slice(), b"\n"].into_iter().for_each(say),
                None => say(b"NONE\n"),
            },
            [Some(b"DEL"), Some(key), None] => match values.remove(key) {
                Some(_) => say(b"OK\n"),
                None => say(b"NONE\n"),
            },
            _ => say(b"ERROR no such request\n"),
        }
    }
}
