//! A private network namespace in which the server's processor does the packet work of both sides,
//! so that a rate says something about the server.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::server::Cores;

/// Brings the loopback up, moves its soft interrupts, and becomes the program given.
const PREPARE: &str = "\
    ip link set lo up && \
    mount -t sysfs sysfs /sys && \
    echo \"$1\" > /sys/class/net/lo/queues/rx-0/rps_cpus && \
    shift && exec \"$@\"";

/// A command that will run in such a namespace, or why there can't be one.
pub(crate) fn command(cores: Cores, program: PathBuf) -> Result<Command, String> {
    let prepared = |program: PathBuf| {
        let mut command = Command::new("unshare");
        if !rustix::process::getuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--net", "--mount", "--", "sh", "-c", PREPARE, "sh"]);
        command.arg(format!("{:x}", 1_u128 << cores.server));
        command.arg(program);
        command
    };
    let probe = prepared("true".into())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("can't run unshare: {error}"))?;
    if probe.status.success() {
        Ok(prepared(program))
    } else {
        let why = String::from_utf8_lossy(&probe.stderr);
        Err(format!(
            "no private network namespace here: {}",
            why.trim().replace('\n', "; ")
        ))
    }
}
