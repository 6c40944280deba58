//! The conformance suite of the greet protocol: cases as data, one runner, any transport.
//!
//! | module | what lives there |
//! |---|---|
//! | [`vectors`] | the cases of `vectors/tcp.json` and `vectors/udp.json` |
//! | [`testbed`] | what a transport brings along so that the cases can be run over it |
//! | [`runner`] | the client's side of a case, and the comparison, byte for byte |
//! | [`matrix`] | cases and transports as named tests, and the table of who passed what |
//! | [`lab`] | the probe on smoltcp, over a loopback device and across a simulated network |
//! | [`loopback`] | smoltcp over a loopback device, under virtual time |
//! | [`netsim`] | how long a greeting takes across a lossy network, as a table |
//! | [`flood`] | honest clients beside a flood of handshakes that never end, or of silent clients |
//! | [`soak`] | random networks with random clients, honest and hostile, checked against invariants |
//! | [`memory`] | a transport without a network: pipes under virtual time |
//! | [`faulty`] | a server that can be broken on purpose, for the probe to find out |
//! | [`sockets`] | greet-std over the system's sockets, on loopback |

#![allow(
    missing_debug_implementations,
    reason = "nobody uses a test suite as a library"
)]
#![forbid(unsafe_code)]

pub mod faulty;
pub mod flood;
pub mod lab;
pub mod loopback;
pub mod matrix;
pub mod memory;
pub mod netsim;
pub mod runner;
pub mod soak;
pub mod sockets;
pub mod testbed;
pub mod vectors;
