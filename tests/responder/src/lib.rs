//! A small and correct host without any stack: it answers ARP, neighbor discovery and echoes, puts fragments
//! together, and greets over UDP and a TCP of its own, all over IPv4 and IPv6. It can be wrong in one way at a time, chosen when it
//! starts: each check with raw frames is proved by a fault that it finds.
//!
//! [`fault`] names the faults, [`host`] is the host with its [`neighbors`] and [`errors`], [`tcp`] and [`udp`] are above its IP, [`reassembly`] puts
//! fragments together, and [`server`] is who speaks; [`bytes`] knows headers and sums, [`parcel`] is what goes
//! between IP and what is above it, and [`desk`] is a cable in virtual time with the host at its other end.

#![forbid(unsafe_code)]

pub mod bytes;
pub mod desk;
pub mod errors;
pub mod fault;
pub mod host;
pub mod neighbors;
pub mod parcel;
pub mod reassembly;
pub mod server;
pub mod tcp;
pub mod udp;
