//! What a stack needs and this machine lacks. `GREET_REQUIRE` names, separated by commas, what must be
//! there: without it a stack is skipped, with it that is a failure.

use std::env;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use crate::namespace::unshared;

/// The first of these that isn't there.
pub fn missing<'a>(mut needs: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    needs.find(|&need| !is_there(need))
}

/// Whether it must be there.
pub fn is_required(need: &str) -> bool {
    let required = env::var("GREET_REQUIRE").unwrap_or_default();
    required.split(',').any(|name| name == need)
}

fn is_there(need: &str) -> bool {
    match need {
        // A device, and the permission to use it.
        "tap" => OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/net/tun")
            .is_ok(),
        // A permission, too.
        "unshare" => succeeds(unshared(false).arg("true")),
        program => succeeds(Command::new("sh").args(["-c", "command -v \"$0\"", program])),
    }
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
