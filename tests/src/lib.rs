//! The suites of the greet protocol: the probe over every lab, and what they are made of.
//!
//! | module | what lives there |
//! |---|---|
//! | [`lab`] | smoltcp and the system's sockets, with servers of ours, for the probe to grade |
//! | [`memory`] | a transport without a network: pipes under virtual time, and a lab on it |
//! | [`moments`] | moments between core and the simulated network |
//! | [`matrix`] | checks and labs as named tests, and the table of who passed what |
//! | [`table`] | the probe's greetings and messages, as plain bytes |
//! | [`vectors`] | the same as files, for other languages |
//! | [`faulty`] | a server that can be broken on purpose, for the probe to find out |
//! | [`netsim`] | how long a greeting takes across a lossy network, as a table |
//! | [`flood`] | honest clients beside a flood of handshakes that never end, or of silent clients |
//! | [`soak`] | random networks with random clients, honest and hostile, checked against invariants |

#![allow(
    missing_debug_implementations,
    reason = "nobody uses a test suite as a library"
)]
#![forbid(unsafe_code)]

pub mod faulty;
pub mod flood;
pub mod lab;
pub mod matrix;
pub mod memory;
pub mod moments;
pub mod netsim;
pub mod soak;
pub mod table;
pub mod vectors;
