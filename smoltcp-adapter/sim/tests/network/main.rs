//! The simulated network, measured with plain smoltcp sockets.

mod endless;
mod faults;
mod pictures;
mod plain;
mod replay;
mod rules;
mod shrinking;
mod times;
