//! The signals that end a program: Ctrl-C, SIGTERM and, where a terminal closes, SIGHUP.
//!
//! One that was ignored when the program started stays ignored, as `nohup` and a shell's background
//! mean it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::{Context, Result};
use greet_std::Error;

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u8);

impl Signal {
    /// What a shell says of a program that the signal ended.
    pub fn exit_status(self) -> u8 {
        128 + self.0
    }
}

/// Takes signals from now on, one after the other.
///
/// # Errors
///
/// The system has no more threads or files.
pub fn listen() -> Result<Receiver<Signal>> {
    let (sender, signals) = mpsc::channel();
    let sent = forward(move |signal| {
        // Whoever listened has ended.
        let _ = sender.send(signal);
    });
    sent.map_err(|cause| Error::Setup {
        what: "a handler for Ctrl-C",
        cause,
    })?;
    Ok(signals)
}

/// Calls `first` at the first signal; the second ends the program at once, whatever it waits for.
///
/// # Errors
///
/// As [`listen`].
pub fn on_first(first: impl FnOnce(Signal) + Send + 'static) -> Result<()> {
    let signals = listen()?;
    let mut first = Some(first);
    let act = move || {
        for signal in signals {
            match first.take() {
                Some(first) => drop(thread::spawn(move || first(signal))),
                None => std::process::exit(signal.exit_status().into()),
            }
        }
    };
    thread::Builder::new()
        .name("greet-stop".to_owned())
        .spawn(act)
        .context("can't listen for Ctrl-C")?;
    Ok(())
}

/// Notes the first signal, so that what runs can end in order; the second ends the program at once.
///
/// # Errors
///
/// As [`listen`].
pub fn note_first() -> Result<()> {
    on_first(|signal| NOTED.store(signal.0, Ordering::Relaxed))
}

/// The signal that was noted: what runs is to end.
pub fn noted() -> Option<Signal> {
    Some(Signal(NOTED.load(Ordering::Relaxed))).filter(|signal| signal.0 > 0)
}

/// Its number; zero: none.
static NOTED: AtomicU8 = AtomicU8::new(0);

/// Makes the first process of a container obey: the system keeps signals from it that nobody
/// listens to. Every other program is ended by them anyway.
///
/// # Errors
///
/// As [`listen`].
pub fn obey_as_first_process() -> Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    on_first(|signal| std::process::exit(signal.exit_status().into()))
}

#[cfg(unix)]
fn forward(send: impl Fn(Signal) + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let ignored = ignored();
    let heard = [SIGHUP, SIGINT, SIGTERM]
        .into_iter()
        .filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut signals = Signals::new(heard)?;
    thread::Builder::new()
        .name("greet-signals".to_owned())
        .spawn(move || {
            for number in signals.forever() {
                send(Signal(u8::try_from(number).unwrap_or_default()));
            }
        })?;
    Ok(())
}

/// The signals that are ignored, as a mask: the first in the lowest bit.
///
/// Linux tells it in `proc_pid_status(5)`. Elsewhere only unsafe code can ask, and none is taken for
/// ignored.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Windows knows Ctrl-C and what is like it, and doesn't say which.
#[cfg(not(unix))]
fn forward(send: impl Fn(Signal) + Send + 'static) -> std::io::Result<()> {
    const INTERRUPT: Signal = Signal(2);
    ctrlc::set_handler(move || send(INTERRUPT)).map_err(std::io::Error::other)
}
