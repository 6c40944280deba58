//! What carries `greet-core`'s machines in tasks: as much as a program of one's own would have.
//!
//! | module | carries over |
//! |---|---|
//! | [`desktop`] | tokio's sockets |
//! | [`cable`] | a cable in memory, for two stacks of embassy-net in one program |
//! | [`figures`] | clients refused with and without a backlog |
//! | [`simulated`] | a host of a simulated network for an embassy application |
//! | [`virtual_time`] | time for embassy that goes on when it is told to |
//!
//! embassy-net's sockets, on whatever embassy-net runs, are [`embassy_backlog::greet`]'s.

pub mod cable;
pub mod desktop;
pub mod figures;
pub mod simulated;
pub mod virtual_time;
