//! The table of checks: each has a name of its own, and a sentence that says how much it counts.

use std::collections::BTreeSet;

use greet_core::probe::{Body, CASES, Case, Level, Need};

fn all() -> impl Iterator<Item = &'static Case> {
    CASES.iter().copied().flatten()
}

#[test]
fn every_check_has_a_name_of_its_own_in_its_group() {
    let mut seen = BTreeSet::new();
    for group in CASES {
        let name = group.first().expect("a group has a check").about.group();
        for Case { about, .. } in *group {
            let (start, rest) = about.id.split_once('/').expect("a group and a name");
            assert_eq!((start, about.group()), (name, name), "{}", about.id);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!rest.is_empty() && rest.chars().all(plain), "{}", about.id);
            assert!(seen.insert(about.id), "{} stands twice", about.id);
        }
    }
    assert!(seen.len() >= 102, "{} checks", seen.len());
}

#[test]
fn every_sentence_says_how_much_it_counts_and_stands_somewhere() {
    for Case { about, .. } in all() {
        let sentence = about.sentence;
        let says = |word| sentence.split(' ').any(|part| part == word);
        let levels = [
            (Level::Must, says("MUST")),
            (Level::Should, says("SHOULD")),
            (Level::May, says("MAY")),
        ];
        for (level, said) in levels {
            assert_eq!(said, level == about.level, "{}: {sentence}", about.id);
        }
        assert!(sentence.ends_with('.'), "{}: {sentence}", about.id);
        let known = ["PROTOCOL.md, ", "RFC "];
        assert!(
            known.iter().any(|start| about.source.starts_with(start)),
            "{}: {}",
            about.id,
            about.source
        );
    }
}

#[test]
fn each_check_needs_the_one_address_that_it_asks() {
    for Case { about, body } in all() {
        let addresses: &[_] = match (about.group(), about.id) {
            (_, "first/half-close" | "first/places") => &[], // whichever there is
            ("udp" | "burst", _)
            | (_, "first/udp-answers" | "first/reassembly" | "sizes/datagram") => &[Need::Udp],
            ("lines", _) => &[Need::Lines],
            _ => &[Need::Name],
        };
        let needed: Vec<_> = [Need::Name, Need::Lines, Need::Udp]
            .into_iter()
            .filter(|need| about.needs.contains(need))
            .collect();
        assert_eq!(needed, addresses, "{}", about.id);
        match body {
            Body::Tcp(_) => assert_eq!(addresses, [Need::Name], "{}", about.id),
            Body::Lines(_) => assert_eq!(addresses, [Need::Lines], "{}", about.id),
            Body::Udp(_) => assert_eq!(addresses, [Need::Udp], "{}", about.id),
            _ => {}
        }
    }
}
