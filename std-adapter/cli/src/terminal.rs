//! What the place where a stream ends can show: colours, a line that is written over, so many columns.
//!
//! Whoever prints for people asks here. Where `NO_COLOR` or `TERM=dumb` forbid colours, or `--color
//! never`, there is no escape sequence at all.

use std::io::{IsTerminal, Stdout, stdout};

use anstream::{AutoStream, ColorChoice};
use textwrap::{Options, fill};

/// Reports are made for so many columns; in fewer, lines are broken.
const LEAST: usize = 40;

/// Where a report is shown.
#[derive(Clone, Copy)]
pub struct Screen {
    /// Marks have colours.
    pub color: bool,
    /// It shows what is going on, in a line that is written over. A file doesn't need to know.
    pub live: bool,
    /// So many columns; a file has no end of them.
    pub width: usize,
}

/// `--color`: decides for all screens.
pub fn set_color(when: clap::ColorChoice) {
    let choice = match when {
        // The library takes a dumb terminal of a CI's for one that shows colours.
        clap::ColorChoice::Auto if std::env::var_os("TERM").is_some_and(|term| term == "dumb") => {
            ColorChoice::Never
        }
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether escape sequences may be written to this stream.
pub fn takes_escapes(stream: &impl anstream::stream::RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

impl Screen {
    /// That of stdout.
    pub fn of_stdout() -> Self {
        let stdout = stdout();
        let color = takes_escapes(&stdout);
        Self {
            color,
            live: color && stdout.is_terminal(),
            width: width(&stdout),
        }
    }

    /// A paragraph in lines that fit, each with a line feed. All but the first are indented.
    pub fn paragraph(self, text: &str, indent: &str) -> String {
        let options = Options::new(self.width)
            .subsequent_indent(indent)
            .break_words(false);
        fill(text, options) + "\n"
    }
}

fn width(stdout: &Stdout) -> usize {
    terminal_size::terminal_size_of(stdout)
        .map_or(usize::MAX, |(width, _)| usize::from(width.0).max(LEAST))
}
