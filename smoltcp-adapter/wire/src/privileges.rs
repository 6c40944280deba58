//! What a process may do that it doesn't need once its cable is open.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Gives up what this thread may do beyond others (capabilities(7)), and what threads may that it starts
/// later: all but writing where root may, for reports. Files and sockets that are open stay so.
///
/// # Errors
///
/// What the system says.
pub fn give_up_privileges() -> io::Result<()> {
    let now = capabilities(None)?;
    let kept = CapabilitySet::DAC_OVERRIDE;
    Ok(set_capabilities(
        None,
        CapabilitySets {
            effective: now.effective & kept,
            permitted: now.permitted & kept,
            inheritable: CapabilitySet::empty(),
        },
    )?)
}
