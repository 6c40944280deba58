//! Lines that have come and aren't answered: where each ends, and whether it is a name. Each byte is
//! looked at once, however many lines come at once and in whatever pieces.

use crate::course::Verdict;
use crate::limits::MAX_TEXT;
use crate::line_feed;
use crate::shift;
use crate::utf8::{self, Checked};

/// Room for the longest line and the byte that makes it too long.
pub(super) const INPUT: usize = MAX_TEXT + 1;

pub(super) struct Names {
    /// Where the next line begins, and where what has come ends.
    start: u16,
    len: u16,
    /// Between `start` and here there is no line feed.
    scanned: u16,
    /// Up to here there are whole characters.
    checked: u16,
    /// What follows them is none.
    wrong: bool,
    bytes: [u8; INPUT],
}

/// What there is of the next line.
pub(super) enum Next<'a> {
    /// All of it, with its line feed; or at FIN the last name.
    Name(&'a [u8]),
    /// It is no name.
    Wrong(Verdict),
    /// Not all of it.
    Part,
    /// It is FIN that comes next.
    Nothing,
}

impl Names {
    pub(super) const EMPTY: Self = Self {
        start: 0,
        len: 0,
        scanned: 0,
        checked: 0,
        wrong: false,
        bytes: [0; INPUT],
    };

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.len = 0;
        self.scanned = 0;
        self.checked = 0;
        self.wrong = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.len
    }

    /// How many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        (self.len - self.start).into()
    }

    /// Of the next line, so many bytes are whole characters.
    pub(super) fn checked(&self) -> u16 {
        self.checked.saturating_sub(self.start)
    }

    /// Where the next bytes go.
    #[inline]
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.start > 0 {
            let waiting = usize::from(self.start)..self.len.into();
            let came = self.bytes.get_mut(..waiting.end).unwrap_or_default();
            shift::to_front(came, waiting.start);
            self.len -= self.start;
            self.scanned -= self.start;
            self.checked -= self.start;
            self.start = 0;
        }
        self.bytes.get_mut(self.len.into()..).unwrap_or_default()
    }

    /// Room for bytes that nobody will look at.
    pub(super) fn scratch(&mut self, limit: u32) -> &mut [u8] {
        let room = usize::try_from(limit).unwrap_or(INPUT).min(INPUT);
        self.bytes.get_mut(..room).unwrap_or_default()
    }

    /// How long the line is whose end is among so many bytes that have come into its
    /// [space](Self::space), as far as it is there.
    pub(super) fn find(&self, n: usize) -> Option<usize> {
        let from = usize::from(self.len);
        let fresh = self.bytes.get(from..INPUT.min(from.saturating_add(n)))?;
        line_feed::find(fresh).map(|at| at + 1)
    }

    /// Whether no part of a line waits for its rest.
    pub(super) fn ends_whole(&self) -> bool {
        let waiting = self.bytes.get(self.start.into()..self.len.into());
        matches!(waiting, Some([] | [.., b'\n']))
    }

    /// So many bytes have come into its [space](Self::space).
    #[inline]
    pub(super) fn came(&mut self, n: usize) {
        self.len += short(n.min(INPUT - usize::from(self.len)));
        if !self.wrong {
            let fresh = self.bytes.get(self.checked.into()..self.len.into());
            let Checked { whole, wrong } = utf8::check(fresh.unwrap_or_default());
            self.checked += short(whole);
            self.wrong = wrong;
        }
    }

    /// The next line as far as it has come; with `fin`, nothing comes behind it.
    #[inline]
    pub(super) fn next(&mut self, fin: bool) -> Next<'_> {
        let unseen = self.bytes.get(self.scanned.into()..self.len.into());
        let found = line_feed::find(unseen.unwrap_or_default());
        self.scanned = found.map_or(self.len, |at| self.scanned + short(at));
        let end = self.scanned + u16::from(found.is_some());
        if usize::from(end - self.start) > MAX_TEXT {
            return Next::Wrong(self.judge_long());
        }
        if self.checked < end && (self.wrong || fin) {
            return Next::Wrong(Verdict::NotUtf8);
        }
        if found.is_none() && !fin {
            return Next::Part;
        }
        match self.bytes.get(self.start.into()..end.into()) {
            Some(name @ [_, ..]) => Next::Name(name),
            _ => Next::Nothing,
        }
    }

    /// The next so many bytes are answered.
    #[inline]
    pub(super) fn take(&mut self, n: usize) {
        self.start += short(n);
        self.scanned = self.scanned.max(self.start);
        if self.start == self.len {
            self.clear();
        }
    }

    /// Throws away the next line, whatever it is, and says whether its end was there; else all that there
    /// is.
    pub(super) fn skip_line(&mut self) -> bool {
        let waiting = self.bytes.get(self.start.into()..self.len.into());
        let found = line_feed::find(waiting.unwrap_or_default());
        match found {
            Some(at) if usize::from(self.start) + at + 1 < self.len.into() => {
                self.start += short(at + 1);
                self.scanned = self.start;
                self.checked = self.start;
                self.wrong = false;
                self.came(0);
            }
            _ => self.clear(),
        }
        found.is_some()
    }

    /// A line that is too long may be something worse in its first [`MAX_TEXT`] bytes.
    fn judge_long(&self) -> Verdict {
        let start = usize::from(self.start);
        let most = self.bytes.get(start..start + MAX_TEXT);
        if utf8::check(most.unwrap_or_default()).wrong {
            Verdict::NotUtf8
        } else {
            Verdict::TooLong
        }
    }
}

/// A length within the buffer.
#[expect(clippy::cast_possible_truncation, reason = "at most 1025")]
const fn short(len: usize) -> u16 {
    len as u16
}
