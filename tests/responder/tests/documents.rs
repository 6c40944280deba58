//! The pages about checks with raw frames: CHECKS.md is made from the checks and from what fails them, and
//! BRINGUP.md has every finding.

mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use greet_core::probe::{Case, Level};
use greet_wire::{Body, RAW_CASES, STIMULI, Stimulus, Wants};

const CHECKS: &str = include_str!("../../../CHECKS.md");
const BRINGUP: &str = include_str!("../../../BRINGUP.md");
const PROBE: &str = include_str!("../../../PROBE.md");
const PORTRAIT: &str = include_str!("../../../smoltcp-adapter/wire/src/bench/portrait.rs");

/// If it is set, the page is written anew.
const WRITE: &str = "GREET_WRITE_PAGES";

const HEAD: &str = "\
# Every check with raw frames

What `greet probe --wire` checks frame by frame, group by group: what each check sends, what it accepts,
what a cross means, and what was seen to fail it: a fault of the host in
[`tests/responder`](tests/responder), which is right without it, or one of the cable
[`to` or `from` it](tests/breakages). [BRINGUP.md](BRINGUP.md) says how to run them, and what their findings
mean; `greet probe --only 'arp/*'` picks some.

This page is made from the checks: `GREET_WRITE_PAGES=1 cargo test -p greet-responder --test documents`.
";

fn stimulus(id: &str) -> Option<&'static Stimulus> {
    let mut all = STIMULI.iter().copied().flatten();
    all.find(|stimulus| stimulus.id == id)
}

fn needs(wants: &[Wants]) -> String {
    let needs = wants.iter().filter_map(|wants| match wants {
        Wants::Echo => Some("echoes"),
        Wants::Datagrams => Some("a receiver of the protocol, with answers"),
        Wants::Server => Some("a server of the protocol"),
        Wants::Lines => Some("lines mode"),
        Wants::Patience => Some("minutes, which `--patient` takes"),
        Wants::Echo6 => Some("echoes over IPv6"),
        Wants::V4 => Some("IPv4"),
        Wants::V6 => Some("IPv6"),
        Wants::Alone => Some("a cable with nobody else on it"),
        _ => None,
    });
    let needs: Vec<_> = needs.collect();
    if needs.is_empty() {
        String::new()
    } else {
        format!(" · needs {}", needs.join(", "))
    }
}

/// What fails a check, by the names with which it can be tried.
fn faults(id: &str) -> String {
    let failing = table::all().filter(|row| row.crosses.contains(&id));
    let names = failing.map(|row| format!("`{}`", row.name()));
    names.collect::<Vec<_>>().join(", ")
}

fn entry(case: &Case<Body>) -> String {
    let about = &case.about;
    let level = match about.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
    };
    let (sends, accepts) = stimulus(about.id).map_or(("?", "?"), |s| (s.sends, s.accepts));
    format!(
        "\n### `{id}`\n\n{level} · {source}{needs}\n\n{sentence}.\n\n- sends: {sends}\n- accepts: {accepts}\n\
         - a cross: {meaning}\n- failed by: {faults}\n",
        id = about.id,
        source = about.source,
        needs = needs(case.body.wants),
        sentence = about.sentence,
        meaning = case.body.meaning,
        faults = faults(about.id),
    )
}

fn page() -> String {
    let cases = || RAW_CASES.iter().copied().flatten();
    let group = |case: &Case<Body>| case.about.id.split_once('/').expect("a group").0;
    let mut groups: Vec<_> = cases().map(group).collect();
    let mut known = BTreeSet::new();
    groups.retain(|group| known.insert(*group));
    let mut page = HEAD.to_owned();
    for of in groups {
        // A string takes everything.
        let _ = write!(page, "\n## {of}\n");
        let entries = cases().filter(|case| group(case) == of).map(entry);
        page.extend(entries);
    }
    page
}

#[test]
fn the_page_of_checks_is_what_they_are() {
    let page = page();
    if std::env::var_os(WRITE).is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../CHECKS.md");
        std::fs::write(path, &page).expect("the page is written");
        return;
    }
    let first = page.lines().zip(CHECKS.lines()).find(|(is, was)| is != was);
    assert_eq!(first, None, "write it anew, with {WRITE}=1");
    assert_eq!(page.len(), CHECKS.len(), "write it anew, with {WRITE}=1");
}

#[test]
fn each_check_says_what_it_sends_and_no_other() {
    let ids: Vec<_> = RAW_CASES
        .iter()
        .copied()
        .flatten()
        .map(|case| case.about.id)
        .collect();
    let silent: Vec<_> = ids.iter().filter(|id| stimulus(id).is_none()).collect();
    assert!(silent.is_empty(), "{silent:?}");
    let all = STIMULI.iter().copied().flatten();
    let idle: Vec<_> = all.filter(|stimulus| !ids.contains(&stimulus.id)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn every_finding_has_its_row() {
    assert!(table::findings().count() > 20);
    for id in table::findings() {
        assert!(BRINGUP.contains(&format!("| `{id}` |")), "{id}");
    }
}

/// PROBE.md has every figure of a portrait.
#[test]
fn every_figure_has_its_row() {
    let keys = PORTRAIT.lines().filter_map(|line| {
        let (_, after) = line.split_once(" = \"")?;
        let (key, rest) = after.split_once("\", \"")?;
        rest.ends_with('"').then_some(key)
    });
    let keys: Vec<_> = keys.collect();
    assert!(keys.len() > 20, "{keys:?}");
    for key in keys {
        assert!(PROBE.contains(&format!("| `{key}` |")), "{key}");
    }
}
