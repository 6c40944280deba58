//! What is wrong, whose it is, and what to look at, in the order in which to mend it: what a report
//! begins with for whoever reads it when it is done.
//!
//! A [`Cause`] stands in one place, in a table: of the link and this machine, of the stack, of the
//! server. It says whether what was [seen] bears it out, and which crosses follow from it; those are no
//! finding of any cause behind it. What no cause explains is found by the rows of [`crosses`].

use greet_std::core::probe::Whose;

mod crosses;
mod layout;
mod link;
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
}

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
    for cause in TABLES.into_iter().flatten() {
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
        }
    }
}
