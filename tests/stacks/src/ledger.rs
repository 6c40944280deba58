//! What is known of a stack: for each check that it doesn't pass, what comes out and why. Everything else
//! is expected to pass, and whatever comes out otherwise is a surprise, a better result too: a ledger
//! that isn't true any more hides the next fault.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::probe::{Check, Graded, Tier};

/// `known.toml`: entries for checks, in a table for both tiers and in one for each, which comes first. What takes
/// minutes has tables of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    both: Entries,
    #[serde(default)]
    sockets: Entries,
    #[serde(default)]
    wire: Entries,
    /// What stands before those for `wire` in a run that isn't patient, and in one that is.
    #[serde(default)]
    impatient: Entries,
    #[serde(default)]
    patient: Entries,
    /// Findings in which no check failed, and that may come out, each with its reason.
    #[serde(default)]
    findings: BTreeMap<String, String>,
}

/// So many checks of a run may be inconclusive that pass otherwise.
const FEW: usize = 2;

type Entries = BTreeMap<String, Known>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// What the probe says, in the words of its `--json`.
    verdict: Verdicts,
    /// What is behind that, as the packets show it.
    why: String,
}

/// One, or several where it is a matter of chance which of them comes out.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Verdicts {
    One(String),
    Any(Vec<String>),
}

impl Verdicts {
    fn all(&self) -> &[String] {
        match self {
            Self::One(verdict) => std::slice::from_ref(verdict),
            Self::Any(verdicts) => verdicts,
        }
    }
}

impl Ledger {
    /// This one, and another whose entries come first.
    pub fn with(&self, own: Self) -> Self {
        let mut all = self.clone();
        all.both.extend(own.both);
        all.sockets.extend(own.sockets);
        all.wire.extend(own.wire);
        all.impatient.extend(own.impatient);
        all.patient.extend(own.patient);
        all.findings.extend(own.findings);
        all
    }

    /// What is known of such a run.
    pub fn in_run(&self, is_patient: bool) -> Self {
        let mut all = self.clone();
        let more = if is_patient {
            &self.patient
        } else {
            &self.impatient
        };
        all.wire.extend(more.clone());
        all
    }

    /// What didn't come out as it is known. A busy machine may get in the way of a few checks, which then say so.
    pub fn surprises(&self, tier: Tier, graded: &Graded) -> Vec<String> {
        let entries = self.entries(tier);
        let few = self.undecided(tier, graded).len() <= FEW;
        let seen = graded.checks.iter().filter_map(|check| {
            let known = entry(&entries, &check.id);
            let surprise = surprise(check, known)?;
            (!few || !is_undecided(check, known)).then_some(surprise)
        });
        let unseen = entries
            .keys()
            .filter(|&key| graded.checks.iter().all(|check| !is_for(key, &check.id)))
            .map(|key| format!("{key}: in the ledger, but nothing is called so"));
        // A finding with checks is known by them.
        let findings = graded.findings.iter().filter(|finding| {
            finding.checks.is_empty() && !self.findings.contains_key(&finding.id)
        });
        let findings = findings.map(|finding| format!("found: {}: {}", finding.id, finding.what));
        let error = graded
            .error
            .iter()
            .map(|error| format!("the run didn't end: {error}"));
        seen.chain(unseen).chain(findings).chain(error).collect()
    }

    /// What is known to pass, and of which this run can't say.
    pub fn undecided(&self, tier: Tier, graded: &Graded) -> Vec<String> {
        let entries = self.entries(tier);
        let checks = graded.checks.iter().filter_map(|check| {
            let known = entry(&entries, &check.id);
            is_undecided(check, known)
                .then(|| surprise(check, known))
                .flatten()
        });
        checks.collect()
    }

    fn entries(&self, tier: Tier) -> Entries {
        let mut entries = self.both.clone();
        entries.extend(self.of(tier).clone());
        entries
    }

    fn of(&self, tier: Tier) -> &Entries {
        match tier {
            Tier::Sockets => &self.sockets,
            Tier::Wire | Tier::Frames => &self.wire,
        }
    }

    /// Whether a check isn't passed by a stack that nobody has broken.
    pub fn knows(&self, tier: Tier, id: &str) -> bool {
        let known = entry(self.of(tier), id).or_else(|| entry(&self.both, id));
        known.is_some_and(|known| {
            known
                .verdict
                .all()
                .iter()
                .any(|verdict| verdict != "passed")
        })
    }

    /// Whether every entry has its reason.
    #[cfg(test)]
    pub fn is_explained(&self) -> bool {
        let tables = [
            &self.both,
            &self.sockets,
            &self.wire,
            &self.impatient,
            &self.patient,
        ];
        let mut all = tables.into_iter().flat_map(Entries::values);
        all.all(|known| !known.why.is_empty() && !known.verdict.all().is_empty())
            && self.findings.values().all(|why| !why.is_empty())
    }
}

/// Whether an entry is for a check: `udp/*` is for all of a group.
fn is_for(key: &str, id: &str) -> bool {
    match key.strip_suffix('*') {
        Some(group) => id.starts_with(group),
        None => key == id,
    }
}

/// The check's own entry, or its group's.
fn entry<'a>(entries: &'a Entries, id: &str) -> Option<&'a Known> {
    let group = || entries.iter().find(|(key, _)| is_for(key, id));
    entries.get(id).or_else(|| group().map(|(_, known)| known))
}

/// Whether a check that passes by itself came out as neither right nor wrong.
fn is_undecided(check: &Check, known: Option<&Known>) -> bool {
    let passes = |known: &Known| {
        known
            .verdict
            .all()
            .iter()
            .any(|verdict| verdict == "passed")
    };
    check.result == "inconclusive" && known.is_none_or(passes)
}

fn surprise(check: &Check, known: Option<&Known>) -> Option<String> {
    let Check { id, result, why } = check;
    let passed = ["passed".to_owned()];
    let expected = known.map_or(&passed[..], |known| known.verdict.all());
    if expected.contains(result) {
        return None;
    }
    let expected = expected.join(" or ");
    let reason = known.map_or(String::new(), |known| format!(" ({})", known.why));
    let what = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    Some(format!(
        "{id}: known as {expected}{reason}, came out as {result}{what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Finding;
    use crate::stack::Stack;

    fn ledger(text: &str) -> Ledger {
        toml::from_str(text).expect("a ledger")
    }

    fn surprises(text: &str, result: &str) -> Vec<String> {
        let check = Check {
            id: "close/leave".to_owned(),
            result: result.to_owned(),
            why: None,
        };
        let graded = Graded {
            checks: vec![check],
            ..Graded::default()
        };
        ledger(text).surprises(Tier::Sockets, &graded)
    }

    const KNOWN: &str = "[sockets]\n\"close/leave\" = { verdict = \"failed\", why = \"so\" }";

    #[test]
    fn what_is_known_is_no_surprise() {
        assert!(surprises("", "passed").is_empty());
        assert!(surprises(KNOWN, "failed").is_empty());
    }

    #[test]
    fn what_is_worse_is_a_surprise() {
        assert_eq!(
            surprises("", "failed"),
            ["close/leave: known as passed, came out as failed"]
        );
        assert_eq!(surprises("", "skipped").len(), 1);
    }

    #[test]
    fn what_is_better_is_a_surprise() {
        let said = surprises(KNOWN, "passed");
        assert_eq!(
            said,
            ["close/leave: known as failed (so), came out as passed"]
        );
    }

    #[test]
    fn what_chance_decides_is_no_surprise_either_way() {
        let text = KNOWN.replace("\"failed\"", "[\"failed\", \"passed\"]");
        assert!(surprises(&text, "passed").is_empty());
        assert!(surprises(&text, "failed").is_empty());
        assert_eq!(surprises(&text, "worse").len(), 1);
    }

    #[test]
    fn a_few_that_a_busy_machine_got_in_the_way_of_are_only_said() {
        let graded = |count: usize| Graded {
            checks: (0..count)
                .map(|number| Check {
                    id: format!("close/{number}"),
                    result: "inconclusive".to_owned(),
                    why: None,
                })
                .collect(),
            ..Graded::default()
        };
        let (empty, failing) = (Ledger::default(), KNOWN.replace("leave", "0"));
        assert!(empty.surprises(Tier::Wire, &graded(2)).is_empty());
        assert_eq!(empty.undecided(Tier::Wire, &graded(2)).len(), 2);
        assert_eq!(empty.surprises(Tier::Wire, &graded(3)).len(), 3);
        // What fails by itself isn't among them.
        let failing = ledger(&failing);
        assert_eq!(failing.surprises(Tier::Sockets, &graded(1)).len(), 1);
        assert!(failing.undecided(Tier::Sockets, &graded(1)).is_empty());
    }

    #[test]
    fn an_entry_for_a_group_is_for_what_has_none_of_its_own() {
        let group = "[sockets]\n\"close/*\" = { verdict = \"skipped\", why = \"so\" }\n";
        assert!(surprises(group, "skipped").is_empty());
        assert_eq!(surprises(group, "failed").len(), 1);
        let own = "\"close/leave\" = { verdict = \"failed\", why = \"so\" }";
        assert!(surprises(&(group.to_owned() + own), "failed").is_empty());
        let other = group.replace("close", "reset");
        assert_eq!(surprises(&other, "passed").len(), 1);
    }

    #[test]
    fn an_entry_for_no_check_is_a_surprise() {
        let other = "[sockets]\n\"close/gone\" = { verdict = \"failed\", why = \"so\" }";
        assert_eq!(surprises(other, "passed").len(), 1);
    }

    #[test]
    fn a_run_that_breaks_off_is_a_surprise() {
        let graded = Graded {
            error: Some("dead".to_owned()),
            ..Graded::default()
        };
        assert_eq!(Ledger::default().surprises(Tier::Sockets, &graded).len(), 1);
    }

    #[test]
    fn a_finding_that_no_check_bears_out_is_a_surprise() {
        let finding = |checks: &[&str]| Finding {
            result: "failed".to_owned(),
            id: "link/loss".to_owned(),
            whose: "link".to_owned(),
            what: "it loses".to_owned(),
            checks: checks.iter().map(|id| (*id).to_owned()).collect(),
        };
        let surprises = |finding| {
            let graded = Graded {
                findings: vec![finding],
                ..Graded::default()
            };
            Ledger::default().surprises(Tier::Sockets, &graded)
        };
        assert_eq!(surprises(finding(&[])), ["found: link/loss: it loses"]);
        assert!(surprises(finding(&["close/leave"])).is_empty());
        let known = "[findings]\n\"link/loss\" = \"so it is\"\n";
        let known: Ledger = toml::from_str(known).expect("a ledger");
        let graded = Graded {
            findings: vec![finding(&[])],
            ..Graded::default()
        };
        assert!(known.surprises(Tier::Wire, &graded).is_empty());
    }

    #[test]
    fn an_entry_for_one_tier_comes_before_that_for_both() {
        let text = KNOWN.replace("sockets", "both");
        assert!(surprises(&text, "failed").is_empty());
        let own = "\n[sockets]\n\"close/leave\" = { verdict = \"noted\", why = \"so\" }";
        assert!(surprises(&(text.clone() + own), "noted").is_empty());
        let other = own.replace("sockets", "wire");
        assert_eq!(surprises(&(text + &other), "noted").len(), 1);
    }

    #[test]
    fn what_takes_minutes_is_known_of_either_run() {
        let check = |result: &str| Graded {
            checks: vec![Check {
                id: "fin/wait2".to_owned(),
                result: result.to_owned(),
                why: None,
            }],
            ..Graded::default()
        };
        let text = "[wire]\n\"fin/wait2\" = { verdict = \"inconclusive\", why = \"so\" }\n\
                    [impatient]\n\"fin/wait2\" = { verdict = \"skipped\", why = \"so\" }\n\
                    [patient]\n\"fin/wait2\" = { verdict = \"noted\", why = \"so\" }";
        for (is_patient, due, other) in [(false, "skipped", "noted"), (true, "noted", "skipped")] {
            let known = ledger(text).in_run(is_patient);
            assert!(known.surprises(Tier::Wire, &check(due)).is_empty());
            assert_eq!(known.surprises(Tier::Wire, &check(other)).len(), 1);
        }
    }

    /// What BRINGUP.md says of stacks is what is known of them.
    #[test]
    fn the_page_has_what_is_known_of_frames() {
        const PAGE: &str = include_str!("../../../BRINGUP.md");
        const FRAMES: [&str; 6] = ["arp/", "eth/", "icmp/", "ip4/", "ndp/", "out/"];
        let rows = || PAGE.lines().filter(|line| line.starts_with("| "));
        let all = Stack::all().expect("all can be read");
        for (folder, name) in [
            ("smoltcp", "smoltcp 0.14"),
            ("embassy-net", "embassy-net 0.9"),
            ("lwip", "lwIP 2.1.3"),
        ] {
            let stack = all.iter().find(|stack| stack.name == folder);
            let wire = &stack.expect("its folder is there").ledger.wire;
            let of_frames = wire.iter().filter(|(id, known)| {
                FRAMES.iter().any(|group| id.starts_with(group))
                    && known.verdict.all() == ["failed"]
            });
            for (id, _) in of_frames {
                let is_there = |row: &str| row.contains(name) && row.contains(&format!("`{id}`"));
                let said = rows().any(|row| is_there(row) && row.contains("| ✗ |"));
                assert!(said, "{name}: {id}");
            }
        }
    }

    #[test]
    fn the_stack_s_own_entry_comes_first() {
        let common = ledger(KNOWN);
        let own = ledger("[sockets]\n\"close/leave\" = { verdict = \"worse\", why = \"own\" }");
        let both = common.with(own);
        assert_eq!(both.sockets["close/leave"].verdict.all(), ["worse"]);
    }
}
