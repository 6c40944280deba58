//! Text that crossed the network: UTF-8 of at most 1024 bytes, and safe to show.

use core::fmt::{self, Write};

use crate::error::TextError;
use crate::limits::MAX_TEXT;

// Tests have it in any case.
#[cfg(any(feature = "unicode", test))]
mod invisible;

/// A name or a message: UTF-8 of at most [`MAX_TEXT`] bytes, by construction.
///
/// Its [`Display`](fmt::Display) is safe for a terminal or a log: see [`shown`]. The bytes as they
/// crossed the wire are [`as_str`](Self::as_str).
///
/// ```
/// use greet_core::error::TextError;
/// use greet_core::text::Text;
///
/// let text = Text::from_bytes(b"two\nlines")?;
/// assert_eq!(text.as_str(), "two\nlines");
/// assert_eq!(text.to_string(), r"two\nlines");
///
/// assert_eq!(Text::from_bytes(b"a\xff"), Err(TextError::NotUtf8 { at: 1 }));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Takes a string that is short enough.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`] if it has more than [`MAX_TEXT`] bytes.
    pub const fn new(text: &'a str) -> Result<Self, TextError> {
        if text.len() > MAX_TEXT {
            return Err(TextError::TooLong);
        }
        Ok(Self(text))
    }

    /// Takes bytes that are UTF-8 and short enough.
    ///
    /// # Errors
    ///
    /// [`TextError::NotUtf8`] with the place of the first byte that is wrong in the first
    /// [`MAX_TEXT`] bytes, [`TextError::TooLong`] if there are more than that.
    pub const fn from_bytes(bytes: &'a [u8]) -> Result<Self, TextError> {
        if bytes.len() > MAX_TEXT {
            return Err(TextError::TooLong);
        }
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(Self(text)),
            Err(error) => Err(TextError::not_utf8(error.valid_up_to())),
        }
    }

    /// The text as it crossed the wire, control characters and all. Not for a terminal.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The text's bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        shown(self.0).fmt(f)
    }
}

/// Displays text from the network so that it can neither start a second line nor drive the
/// terminal.
///
/// Escaped in Rust's way (`\n`, `\r`, `\t`, `\u{1b}`) are: control characters (C0, DEL and C1),
/// line and paragraph separators, the characters that turn the direction of writing (UAX #9,
/// section 2). All else is shown as it is, the backslash too.
///
/// With the feature `unicode`, so are non-characters and what nobody sees
/// (`Default_Ignorable_Code_Point`), unless an emoji or a script needs it where it stands.
///
/// ```
/// use greet_core::text::shown;
///
/// assert_eq!(shown("red: \u{1b}[31m").to_string(), r"red: \u{1b}[31m");
///
/// # #[cfg(feature = "unicode")] {
/// assert_eq!(shown("a\u{200d}b").to_string(), r"a\u{200d}b");
/// assert_eq!(shown("👩\u{200d}🚀").to_string(), "👩‍🚀");
/// # }
/// ```
pub const fn shown(text: &str) -> impl fmt::Display + use<'_> {
    Shown(text)
}

struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most texts are, and a desktop shows a million in a second.
        if self.0.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        for (c, is_safe) in characters(self.0) {
            match c {
                '\n' => f.write_str("\\n"),
                '\r' => f.write_str("\\r"),
                '\t' => f.write_str("\\t"),
                c if is_safe => f.write_char(c),
                c => write!(f, "\\u{{{:x}}}", u32::from(c)),
            }?;
        }
        Ok(())
    }
}

/// Each character of a text, and whether [`shown`] shows it as it is: for who escapes in another way.
pub fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    text.char_indices()
        .map(|(at, c)| (c, !needs_escape(c) && !is_invisible(text, at, c)))
}

/// Whether nobody sees this character of a text, nor needs it there.
#[cfg(any(feature = "unicode", test))]
fn is_invisible(text: &str, at: usize, c: char) -> bool {
    let (before, rest) = text.split_at_checked(at).unwrap_or_default();
    let after = rest.get(c.len_utf8()..).unwrap_or_default();
    invisible::is_idle(before, c, after)
}

#[cfg(not(any(feature = "unicode", test)))]
const fn is_invisible(_: &str, _: usize, _: char) -> bool {
    false
}

/// Whether [`shown`] escapes this character wherever it stands.
pub fn needs_escape(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' // control characters
        | '\u{61c}'                 // Arabic letter mark
        | '\u{200e}' | '\u{200f}'   // left-to-right and right-to-left mark
        | '\u{2028}' | '\u{2029}'   // line and paragraph separator
        | '\u{202a}'..='\u{202e}'   // embeddings and overrides
        | '\u{2066}'..='\u{206f}'   // isolates, and deprecated format characters
        | '\u{fff9}'..='\u{fffb}'   // interlinear annotations
    )
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, expected) in [
            ("", ""),
            ("plain, 世界 👩‍👩‍👧‍👦 \\n", "plain, 世界 👩‍👩‍👧‍👦 \\n"),
            ("\n\r\t", "\\n\\r\\t"),
            ("\0\u{1b}[2J\u{7f}", "\\u{0}\\u{1b}[2J\\u{7f}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            (
                "a\u{202e}b\u{2066}c\u{2028}",
                "a\\u{202e}b\\u{2066}c\\u{2028}",
            ),
            ("\u{61c}\u{200f}", "\\u{61c}\\u{200f}"),
        ] {
            assert_eq!(shown(text).to_string(), expected);
        }
    }

    #[test]
    fn length_and_encoding_are_checked() {
        let longest = [b'a'; MAX_TEXT];
        assert_eq!(
            Text::from_bytes(&longest).map(|text| text.as_str().len()),
            Ok(MAX_TEXT)
        );
        assert_eq!(
            Text::from_bytes(&[b'a'; MAX_TEXT + 1]),
            Err(TextError::TooLong)
        );
        assert_eq!(
            Text::from_bytes(b"ok\xe4\xb8"),
            Err(TextError::NotUtf8 { at: 2 })
        );
    }
}
