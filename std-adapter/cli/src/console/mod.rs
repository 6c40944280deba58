//! All that the program writes on stdout and stderr goes through here.
//!
//! A stream may fail, block or lose its reader. That changes what is shown and the exit status,
//! never what the program does, nor what the other stream shows.

use std::io::Write as _;
use std::time::Duration;
use std::{error, fmt};

use anyhow::{Context, Result};

mod lines;
mod target;

use lines::Lines;
pub use target::Target;
use target::Written;

static OUT: Lines = Lines::new(Target::Out);
static ERR: Lines = Lines::new(Target::Err);

/// How long one stream waits for the other, so that lines stand in their order where both are one
/// terminal.
const POLITE: Duration = Duration::from_millis(20);

/// Prints a result on stdout, and waits until it is written.
///
/// # Errors
///
/// [`ReaderGone`], or what the system says.
pub fn print(mut bytes: &[u8]) -> Result<()> {
    ERR.settle(POLITE);
    while !bytes.is_empty() {
        match Target::Out.write(bytes) {
            Written::Some(count) => bytes = &bytes[count..],
            Written::NotNow => Target::Out.wait(Duration::from_secs(1)),
            Written::Gone => return Err(ReaderGone.into()),
            Written::Failed(error) => return Err(error).context("can't write to stdout"),
        }
    }
    Ok(())
}

/// Whether nobody reads stdout any more, as far as that is known before something is written.
pub fn is_unread() -> bool {
    Target::Out.is_unread()
}

/// [`ReaderGone`] where nobody reads stdout any more, as far as that is known before something is written.
pub fn is_read() -> Result<()> {
    if is_unread() {
        return Err(ReaderGone.into());
    }
    Ok(())
}

/// Prints a line on stderr, whether anybody reads it or not. Waits for nothing.
pub fn complain(line: fmt::Arguments<'_>) {
    self::line(Target::Err, line);
}

/// Prints what is no line on stderr: how far something is.
pub fn progress(text: fmt::Arguments<'_>) {
    ERR.print(|lines| {
        // A vector takes everything.
        let _ = write!(lines, "{text}");
    });
}

/// Prints a line, and waits for nothing: it is written in a moment, or counted as lost.
pub fn line(target: Target, line: fmt::Arguments<'_>) {
    let lines = match target {
        Target::Out => &OUT,
        Target::Err => &ERR,
    };
    lines.print(|lines| {
        let _ = writeln!(lines, "{line}");
    });
}

/// Prints the last line on stdout, which has its own room. It is told how many lines are lost.
pub fn last_line(line: impl FnOnce(u64) -> String) {
    ERR.settle(POLITE);
    let lost = OUT.dropped() + ERR.dropped();
    OUT.print_last(|lines| {
        let _ = writeln!(lines, "{}", line(lost));
    });
}

/// Waits until all is written, or fails to be. `false`: something was lost, and stderr says how much
/// if it can.
pub fn finish() -> bool {
    OUT.close();
    OUT.tell_lost(Lines::missing);
    ERR.close();
    OUT.missing() == 0 && ERR.missing() == 0
}

/// From now on, a stream that blocks keeps the program for a moment at most.
pub fn hurry() {
    OUT.hurry();
    ERR.hurry();
}

/// The reader of stdout went away, and wants no more.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads stdout any more")
    }
}

impl error::Error for ReaderGone {}
