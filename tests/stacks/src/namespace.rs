//! Namespaces of a run's own: of networks, so that nothing leaves it, and of processes, so that nothing
//! stays running.

use std::process::Command;

/// Nothing takes that long, in seconds, on however busy a machine: over a cable that loses most of all
/// bursts a run takes ten minutes.
pub const LIMIT: &str = "1800";

/// A command in namespaces of its own, which is killed after [`LIMIT`], and all with it that it started.
pub fn unshared() -> Command {
    let mut command = Command::new("timeout");
    command.args([
        "--signal=KILL",
        LIMIT,
        "unshare",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    if !is_root() {
        command.arg("--map-root-user");
    }
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}
