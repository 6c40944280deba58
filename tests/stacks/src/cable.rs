//! The cable between the prober and a stack, in the namespace of the run. Its near end is an interface of
//! this system called [`NEAR`]; what is at the far end is the stack's business.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// What a stack is at the far end of.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A TAP device, which the server opens by its name: Ethernet frames.
    Tap,
    /// The same with IP packets.
    Tun,
    /// An interface of this system in a second namespace, in which the server runs.
    Veth,
}

/// The prober's interface.
pub const NEAR: &str = "cable0";
/// The server's, in its namespace.
pub const FAR: &str = "eth0";

impl Kind {
    /// The interface that the server is told.
    pub fn server_interface(self) -> &'static str {
        match self {
            Self::Tap | Self::Tun => NEAR,
            Self::Veth => FAR,
        }
    }

    /// Lays the cable. For a server in another namespace, that is the namespace of process `server`.
    pub fn lay(self, near: Ipv4Addr, server: u32) -> Result<()> {
        match self {
            Self::Tap => ip(&format!("tuntap add dev {NEAR} mode tap"))?,
            Self::Tun => ip(&format!("tuntap add dev {NEAR} mode tun"))?,
            Self::Veth => ip(&format!(
                "link add {NEAR} type veth peer name {FAR} netns {server}"
            ))?,
        }
        // Nobody asked for this system's own words.
        let quiet = format!("/proc/sys/net/ipv6/conf/{NEAR}/disable_ipv6");
        let _ = std::fs::write(quiet, "1"); // a system without IPv6 has none
        ip("link set lo up")?;
        ip(&format!("address add {near}/24 dev {NEAR}"))?;
        ip(&format!("link set {NEAR} up"))
    }
}

fn ip(arguments: &str) -> Result<()> {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    if !status.context("can't run ip")?.success() {
        bail!("ip {arguments} failed");
    }
    Ok(())
}
