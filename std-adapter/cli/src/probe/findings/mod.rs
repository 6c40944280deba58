//! What is wrong, whose it is, and what to look at, in the order in which to mend it: what a report
//! begins with for whoever reads it when it is done.
//!
//! A [`Cause`] stands in one place, in a table: of the link and this machine, of the stack, of the
//! server. It says whether what was [seen] bears it out, and which crosses follow from it; those are no
//! finding of any cause behind it. What no cause explains is found by the rows of [`crosses`].

use greet_std::core::probe::Whose;

mod clock;
mod crosses;
mod layout;
mod link;
mod rewritten;
mod seen;
mod server;
mod stack;
#[cfg(test)]
mod tests;
mod texts;

use super::Outcome;
pub use layout::{paragraphs, whose_in_words};
pub use seen::{Every, LinkSeen, Of, Seen, Stopped};

/// One thing to mend.
#[derive(Clone, Debug)]
pub struct Finding {
    /// It stays: `stack/no-half-close`.
    pub id: &'static str,
    pub whose: Whose,
    /// How much it counts: as much as the worst of its checks.
    pub result: Outcome,
    /// The cause, with its numbers.
    pub what: String,
    /// Where whoever brings up the board finds it.
    pub look: String,
    /// The checks that say so, by id, in the order in which they ran.
    pub checks: Vec<&'static str>,
    pub spoils: Spoils,
}

/// What a driver's fault may do to a talk with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoils {
    Nothing,
    /// Text is lost, late or cut.
    Delivery,
    /// Bytes come as others.
    Bytes,
}

impl Spoils {
    fn may_cause(self, cross: &Of) -> bool {
        match self {
            Self::Nothing => false,
            Self::Delivery => !cross.is_another_reply() || cross.may_be_loss(),
            Self::Bytes => true,
        }
    }
}

/// Where a finding has crosses that may be no fault of their own.
pub const ASK_AGAIN: &str =
    ". What talks with a server may fail because of it alone: ask that again once it is mended";

/// Causes that are found by what becomes of frames, which checks with raw frames see better: where those have found
/// what spoils talks, it is the same.
const OF_FRAMES: [&str; 8] = [
    "stack/wrong-checksums",
    "stack/bursts-lost",
    "stack/stalls",
    "link/loss",
    "link/reordering",
    "link/duplicates",
    "stack/long-frames-lost",
    "stack/bytes-change",
];

/// A cause that can be told from others by what was seen.
struct Cause {
    id: &'static str,
    whose: Whose,
    look: &'static str,
    find: Find,
}

/// What is said if it is borne out, given the crosses that nothing before it explains.
type Find = for<'a> fn(&'a Seen, &[&'a Of]) -> Option<Said<'a>>;

/// What a cause says of what was seen.
struct Said<'a> {
    what: String,
    /// Another place to look at than the usual.
    look: Option<String>,
    /// The crosses that follow.
    crosses: Vec<&'a Of>,
    /// It may be meant so.
    only_noted: bool,
}

impl<'a> Said<'a> {
    fn new(what: impl Into<String>, crosses: Vec<&'a Of>) -> Self {
        Self {
            what: what.into(),
            look: None,
            crosses,
            only_noted: false,
        }
    }

    fn look(mut self, look: impl Into<String>) -> Self {
        self.look = Some(look.into());
        self
    }
}

/// All that is told from others, in the order in which to mend it: what voids the rest, what much builds
/// on, what kills.
const TABLES: [&[Cause]; 4] = [
    &link::CAUSES,
    &stack::CAUSES,
    &server::CAUSES,
    &texts::CAUSES,
];

fn some<'a>(open: &[&'a Of], is: impl Fn(&Of) -> bool) -> Vec<&'a Of> {
    open.iter().copied().filter(|cross| is(cross)).collect()
}

/// The crosses that are like one that tells all.
fn like<'a>(
    open: &[&'a Of],
    telling: &str,
    is: impl Fn(&Of) -> bool,
    what: impl Into<String>,
) -> Option<Said<'a>> {
    let crosses = some(open, is);
    let tells = crosses.iter().any(|cross| cross.is(&[telling]));
    tells.then(|| Said::new(what, crosses))
}

/// What follows from what was seen. What is only to be noted comes last.
pub fn of(seen: &Seen) -> Vec<Finding> {
    let mut open: Vec<_> = seen.crosses().collect();
    // A driver's faults come before all that is built on it.
    let mut found = seen.raw.clone();
    for finding in &mut found {
        finding.take_what_follows(&mut open);
    }
    let is_seen = |cause: &&Cause| seen.is_spoilt() && OF_FRAMES.contains(&cause.id);
    let causes = TABLES.into_iter().flatten();
    for cause in causes.filter(|cause| !is_seen(cause)) {
        let Some(said) = (cause.find)(seen, &open) else {
            continue;
        };
        open.retain(|cross| said.crosses.iter().all(|one| !std::ptr::eq(*one, *cross)));
        let look = said.look.unwrap_or_else(|| cause.look.to_owned());
        let finding = Finding::new(cause.id, cause.whose, said.what, look, &said.crosses);
        let result = if said.only_noted {
            Outcome::Noted
        } else {
            finding.result
        };
        found.push(Finding { result, ..finding });
    }
    found.extend(crosses::explain(&open));
    found.sort_by_key(|finding| finding.result == Outcome::Noted);
    found
}

impl Finding {
    fn new(id: &'static str, whose: Whose, what: String, look: String, crosses: &[&Of]) -> Self {
        let has = |result| crosses.iter().any(|cross| cross.result == result);
        let worst = [Outcome::Failed, Outcome::Worse];
        let result = match worst.into_iter().find(|result| has(*result)) {
            Some(result) => result,
            None if crosses.is_empty() => Outcome::Worse,
            None => Outcome::Noted,
        };
        Self {
            id,
            whose,
            result,
            what,
            look,
            checks: crosses.iter().map(|cross| cross.check.id).collect(),
            spoils: Spoils::Nothing,
        }
    }

    /// Takes the crosses that may follow from it, and tell nothing else until it is mended.
    fn take_what_follows(&mut self, open: &mut Vec<&Of>) {
        let spoils = self.spoils;
        let of_it: Vec<_> = open
            .extract_if(.., |cross| spoils.may_cause(cross))
            .collect();
        if of_it.is_empty() {
            return;
        }
        if !self.look.ends_with(ASK_AGAIN) {
            self.look.push_str(ASK_AGAIN);
        }
        self.checks.extend(of_it.iter().map(|cross| cross.check.id));
        let is = |wanted| of_it.iter().any(|cross| cross.result == wanted);
        if is(Outcome::Failed) {
            self.result = Outcome::Failed;
        } else if self.result == Outcome::Noted && is(Outcome::Worse) {
            self.result = Outcome::Worse;
        }
    }
}
