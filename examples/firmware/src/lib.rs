//! What the firmware's images share: the board, and a console that never waits.
//!
//! `main.rs` is the greet server. In `bin/` are the self-test, and `bare`, the same image without
//! greet, which the size report subtracts.

#![no_std]

pub mod board;
pub mod console;
pub mod network;
