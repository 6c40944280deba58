//! Machines over async streams: each task is polled by hand, under virtual time.

mod cancelling;
mod clock;
mod copying;
mod many;
mod messages;
mod pipe;
mod task;
mod waking;
