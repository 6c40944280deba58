//! What a server makes of text and nothing else does: characters give way to others, and the rest stays. Where bytes
//! change in memory or on their way, the length stays, and they care for no character.

use std::collections::BTreeMap;

/// How many characters may be where another number of them was.
const MOST: usize = 4;

/// So many bytes that are right again tell where a change ends.
const RIGHT: usize = 8;

/// The first change of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// At which byte of the text.
    pub at: usize,
    pub due: char,
    pub came: char,
}

impl Rewritten {
    /// `None`: it is as it was, or only ends otherwise, or may have changed by itself.
    pub(super) fn of(due: &[u8], came: &[u8]) -> Option<Self> {
        let (due, came) = (str::from_utf8(due).ok()?, str::from_utf8(came).ok()?);
        let both = || due.char_indices().zip(came.chars());
        let ((at, one), other) = both().find(|((_, due), came)| due != came)?;
        let is_one = due.len() != came.len()
            || is_another_form(one)
            || is_always_the_same(both().map(|((_, due), came)| (due, came)));
        let is_it = is_one && goes_on(&due[at..], &came[at..]);
        is_it.then_some(Self {
            at,
            due: one,
            came: other,
        })
    }
}

/// What is behind a few characters is right again.
fn goes_on(due: &str, came: &str) -> bool {
    behind_some(due).any(|end| {
        let rest = &due.as_bytes()[end..];
        behind_some(came).any(|other_end| {
            let other = &came.as_bytes()[other_end..];
            let most = RIGHT.min(rest.len().max(other.len()));
            rest.get(..most)
                .is_some_and(|rest| other.get(..most) == Some(rest))
        })
    })
}

/// Where a text goes on behind no character, or one, or a few.
fn behind_some(text: &str) -> impl Iterator<Item = usize> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.chain([text.len()]).take(MOST + 1)
}

/// Each character that changes becomes the same one wherever it is, and one of them is there twice.
fn is_always_the_same(both: impl Iterator<Item = (char, char)>) -> bool {
    let mut all = BTreeMap::new();
    let mut is_again = false;
    for (due, came) in both {
        let before = all.insert(due, came);
        if before.is_some_and(|before| before != came) {
            return false;
        }
        is_again |= before.is_some() && due != came;
    }
    is_again
}

/// Unicode's normal forms have another character of the same length for these.
fn is_another_form(char: char) -> bool {
    matches!(char, '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}' | '\u{340}'..='\u{344}' | '\u{374}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_characters_is_told_from_one_of_bytes() {
        let of = |due: &str, came: &str| {
            Rewritten::of(due.as_bytes(), came.as_bytes()).map(|one| (one.at, one.due, one.came))
        };
        for (due, came, is) in [
            ("a\nb", "a\r\nb", Some((1, '\n', '\r'))),
            (
                "a\nbcdefghi\nb",
                "a\r\nbcdefghi\r\nb",
                Some((1, '\n', '\r')),
            ),
            ("abe\u{301}c", "ab\u{e9}c", Some((2, 'e', '\u{e9}'))),
            (
                "x\u{f900}c",
                "x\u{8c48}c",
                Some((1, '\u{f900}', '\u{8c48}')),
            ),
            ("a&b", "a&amp;b", Some((2, 'b', 'a'))),
            ("a\tb\tc", "a b c", Some((1, '\t', ' '))),
            // Once is by chance, and so is what isn't so everywhere.
            ("a\tb", "a b", None),
            ("a\tb\tc\td", "a b\tc d", None),
            ("abcdefghij", "abcdefXYij", None),
            // It ends otherwise.
            ("abc", "ab", None),
            ("abc", "abcd", None),
            // Another text, in part.
            ("abcdefghijklmnopqrstu", "abcxyzxyzxyzxyz", None),
        ] {
            assert_eq!(of(due, came), is, "{due:?} {came:?}");
        }
        assert_eq!(Rewritten::of(b"a\nbc", b"a\xffbcd"), None);
    }
}
