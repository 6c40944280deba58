//! The cable between the prober and a stack, in the namespace of the run. Its near end is an interface of
//! this system called [`NEAR`]; what is at the far end is the stack's business.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use greet_breakages::table::Breakage;
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
/// The server's where that isn't the prober's: in its namespace, or behind a broken cable.
pub const FAR: &str = "eth0";

/// What a veth pair does by itself unless it is told not to.
pub const OFFLOADS: &str = "tx off gso off tso off gro off";

impl Kind {
    /// The interface that the server is told.
    pub fn server_interface(self, broken: Option<&Breakage>) -> &'static str {
        match (self, broken) {
            (Self::Tap | Self::Tun, None) => NEAR,
            _ => FAR,
        }
    }

    /// Makes what the server needs. One in another namespace is in that of process `server`. What is to be
    /// broken of it is whole as long as `turn` is 0, and begins anew with each other.
    pub fn lay(self, server: u32, broken: Option<&Breakage>, turn: &Arc<AtomicU32>) -> Result<()> {
        match (self, broken) {
            (Self::Tap, None) => ip(&format!("tuntap add dev {NEAR} mode tap")),
            (Self::Tun, None) => ip(&format!("tuntap add dev {NEAR} mode tun")),
            (Self::Veth, None) => ip(&format!(
                "link add {NEAR} type veth peer name {FAR} netns {server}"
            )),
            (Self::Tun, Some(_)) => bail!("faults are those of Ethernet frames"),
            (Self::Tap, Some(broken)) => {
                tap(FAR)?;
                // This system answers ARP at whatever interface it is asked, and would take frames there
                // that never crossed the cable.
                ip(&format!("link set {FAR} arp off up"))?;
                relay(broken, Far::Interface, turn)
            }
            // A TAP device, not a veth pair: there this system leaves checksums out.
            (Self::Veth, Some(broken)) => {
                tap(FAR)?;
                relay(broken, Far::Tap, turn)?;
                ip(&format!("link set {FAR} netns {server}"))
            }
        }
    }
}

/// Gives the prober's interface its address.
pub fn plug_in(near: Ipv4Addr) -> Result<()> {
    silence(NEAR);
    ip("link set lo up")?;
    ip(&format!("address add {near}/24 dev {NEAR}"))?;
    ip(&format!("link set {NEAR} up"))
}

/// A TAP device that stays when nobody has it open.
fn tap(name: &str) -> Result<()> {
    ip(&format!("tuntap add dev {name} mode tap"))?;
    silence(name);
    Ok(())
}

/// Whoever grades over a cable that carries nothing any more would blame the stack: the run ends with it.
#[cfg(target_os = "linux")]
struct Cut;

#[cfg(target_os = "linux")]
impl Drop for Cut {
    fn drop(&mut self) {
        eprintln!("stacks: the cable is cut");
        std::process::exit(1);
    }
}

/// What the server is behind.
enum Far {
    /// A TAP device, of which it has the inner side.
    Interface,
    /// A TAP device, of which this program has the inner side.
    Tap,
}

/// Carries frames between the prober's interface and the server's from now on.
#[cfg(target_os = "linux")]
fn relay(broken: &Breakage, far: Far, turn: &Arc<AtomicU32>) -> Result<()> {
    use greet_breakages::relay::{End, carry};
    use greet_breakages::way::Way;

    tap(NEAR)?;
    let way = |fault: Option<_>, seed| fault.map_or_else(Way::faultless, |f| Way::new(f, seed));
    let (to_stack, from_stack) = (broken.to_stack, broken.from_stack);
    let ways = move || (way(to_stack, 1), way(from_stack, 2));
    let open = move || {
        let far = match far {
            Far::Interface => End::interface(FAR),
            Far::Tap => End::tap(FAR),
        };
        Ok((End::tap(NEAR)?, far?))
    };
    let turn = Arc::clone(turn);
    let (opened, is_open) = std::sync::mpsc::channel();
    // The ends are opened where they are used, as they can't go to another thread.
    std::thread::spawn(move || {
        let ends = open().map_err(|error: anyhow::Error| opened.send(Err(error)));
        if let Ok((near, far)) = ends {
            let _ = opened.send(Ok(())); // it is waited for
            let _cut = Cut;
            if let Err(error) = carry(near, far, ways, || turn.load(Ordering::Relaxed)) {
                eprintln!("stacks: {error:#}");
            }
        }
    });
    is_open.recv().context("the cable broke")?
}

#[cfg(not(target_os = "linux"))]
fn relay(_: &Breakage, _: Far, _: &Arc<AtomicU32>) -> Result<()> {
    bail!("TAP devices are Linux's")
}

/// Nobody asked for this system's own words.
fn silence(interface: &str) {
    let quiet = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    let _ = std::fs::write(quiet, "1"); // a system without IPv6 has none
}

fn ip(arguments: &str) -> Result<()> {
    ran("ip", arguments)
}

fn ran(program: &str, arguments: &str) -> Result<()> {
    let mut command = Command::new(program);
    let output = command.args(arguments.split(' ')).output();
    let output = output.with_context(|| format!("can't run {program}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {arguments}: {}", words.trim());
    }
    Ok(())
}
