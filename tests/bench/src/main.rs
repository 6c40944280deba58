//! Prints what a greeting costs: greet beside peers that run in the same rounds, as ratios.
//!
//! Server and load are pinned to a processor each. Rounds interleave the servers, so that noise
//! hits all of them; the table has medians of the rounds' ratios, and their quartiles.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: processor time, namespaces and epoll are measured on Linux alone");
}
