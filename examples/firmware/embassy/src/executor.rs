//! embassy's executor, asleep while no task is woken.
//!
//! The one that comes with it for Cortex-M sleeps with `wfe`, which QEMU takes for a pause of no time: the
//! board would never be idle there, and its clock slow. This one has `wfi`, as embassy's for RISC-V.

#![expect(
    unsafe_code,
    reason = "the executor's own interface; each use says why it is sound"
)]

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::asm::wfi;
use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// A task was woken.
static WOKEN: AtomicBool = AtomicBool::new(false);

/// What the executor calls when a task is woken, also from an interrupt.
// SAFETY: the name is the executor's own for this, and nothing else in the image has it.
#[unsafe(export_name = "__pender")]
fn pend(_executor: *mut ()) {
    WOKEN.store(true, Ordering::SeqCst);
}

/// Runs tasks for ever, those first that are spawned here.
pub(crate) fn run(spawn: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor: &'static _ = EXECUTOR.init(raw::Executor::new(null_mut()));
    spawn(executor.spawner());
    loop {
        // SAFETY: called here alone, and not from inside of itself: no task comes here.
        unsafe { executor.poll() };
        // An interrupt that is pending ends `wfi` though interrupts are disabled: none is slept through.
        critical_section::with(|_| {
            if !WOKEN.swap(false, Ordering::SeqCst) {
                wfi();
            }
        });
    }
}
