//! Namespaces of a run's own: of networks, so that nothing leaves it, and of processes, so that nothing
//! stays running.

use std::process::Command;

/// Nothing takes that long, in seconds, on however busy a machine: over a cable that loses most of all
/// bursts a run takes ten minutes. One check of a patient run takes 20 minutes at most, and the others less.
pub fn limit(is_patient: bool) -> &'static str {
    if is_patient { "5400" } else { "1800" }
}

/// A command in namespaces of its own, which is killed after its [`limit`], and all with it that it started.
pub fn unshared(is_patient: bool) -> Command {
    let mut command = Command::new("timeout");
    command.args([
        "--signal=KILL",
        limit(is_patient),
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
