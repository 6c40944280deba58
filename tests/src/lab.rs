//! The probe on smoltcp: its own sockets, the server that it grades, and two networks between them.
//!
//! `tests/probe.rs` runs the checks over these. As they hand out raw packets, all that a check may
//! ask for can be done.

mod loopback;
mod prober;
mod simulated;
mod subject;

pub use loopback::SmoltcpLab;
pub use prober::{send_segment, send_syn};
pub use simulated::SimulatedLab;
pub use subject::{PLACES, Subject};
