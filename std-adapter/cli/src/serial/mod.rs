//! Lines over a serial port: `--serial` of `greet serve`, `greet hello` and `greet probe`.

use std::time::Duration;

mod begin;
mod hello;
mod port;
mod serve;
mod settings;
mod stack;

pub use hello::hello;
pub use serve::{Handle, Server};
pub use settings::SerialArgs;
pub use stack::SerialStack;

/// How long a serial line must be quiet, if nobody says otherwise: each byte comes alone there, and an
/// adapter on USB may hold some back.
pub const SETTLE: Duration = Duration::from_millis(100);
