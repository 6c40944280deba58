//! What the place where a stream ends can show: colours, a line that is written over, so many columns.
//!
//! Whoever prints for people asks here. Where `NO_COLOR` or `TERM=dumb` forbid colours, or `--color
//! never`, there is no escape sequence at all.

use std::io::{stderr, stdout};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width, terminal_size_of};
use textwrap::{Options, WordSplitter, fill};

/// Reports are made for so many columns; in fewer, lines are broken.
const LEAST: usize = 40;

/// Where a report is shown.
#[derive(Clone, Copy)]
pub struct Screen {
    /// Marks have colours.
    pub color: bool,
    /// Somebody looks on.
    pub is_terminal: bool,
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
pub fn takes_escapes(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

impl Screen {
    /// That of stdout.
    pub fn of_stdout() -> Self {
        Self::of(&stdout(), terminal_size_of(stdout()))
    }

    /// That of stderr.
    pub fn of_stderr() -> Self {
        Self::of(&stderr(), terminal_size_of(stderr()))
    }

    fn of(stream: &impl RawStream, size: Option<(Width, Height)>) -> Self {
        let color = takes_escapes(stream);
        let is_terminal = stream.is_terminal();
        Self {
            color,
            is_terminal,
            live: color && is_terminal,
            width: size.map_or(usize::MAX, |(width, _)| usize::from(width.0).max(LEAST)),
        }
    }

    /// A paragraph in lines that fit, each with a line feed. All but the first are indented.
    pub fn paragraph(self, text: &str, indent: &str) -> String {
        let options = Options::new(self.width)
            .subsequent_indent(indent)
            // Ids have hyphens, and are looked for.
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false);
        fill(text, options) + "\n"
    }
}
