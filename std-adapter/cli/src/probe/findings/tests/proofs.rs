//! Each finding has something real that shows it: a server with a fault, a link, or a row of the table of breakages
//! that every run of CI lays over a stack. What is made up proves nothing here.

use std::collections::BTreeSet;

use greet_breakages::table::{First, Table};
use greet_tests::faulty::{Fault, LinesFault, TextFault};

use super::super::TABLES;
use super::super::crosses::ROWS;
use super::faulty::{OVER_A_LINK, of_lines, of_servers, of_texts};

/// What a test of the program shows, and its text, which has to look for it.
const BY_THE_PROGRAM: (&str, &str) = (
    "tester/few-ports",
    include_str!("../../../../tests/few_ports.rs"),
);

/// What lays them.
const STEP: &str = include_str!("../../../../../../.ci/steps/77-breakages");

#[test]
fn each_finding_is_shown_by_something_real() {
    let servers = Fault::ALL.map(of_servers);
    let texts = TextFault::ALL.map(of_texts);
    let lines = LinesFault::ALL.map(of_lines);
    let table = Table::ours().expect("a table");
    let rows = table.rows().iter();
    let by_sockets = rows.filter(|row| row.ci.as_deref() == Some("sockets"));
    let over_stacks = by_sockets.filter_map(|row| match row.first() {
        Some(First::Id(id)) => Some(id),
        _ => None,
    });
    assert!(STEP.contains("cargo stacks") && STEP.contains("--broken ci lwip"));
    let (by_the_program, test) = BY_THE_PROGRAM;
    assert!(test.contains(&format!("{by_the_program:?}")));
    let shown: BTreeSet<_> = (servers.into_iter().chain(texts).chain(lines))
        .chain(over_stacks)
        .chain([OVER_A_LINK, by_the_program])
        .collect();

    let causes = TABLES.into_iter().flatten().map(|cause| cause.id);
    let all: BTreeSet<_> = causes.chain(ROWS.iter().map(|row| row.id)).collect();
    let unproved: Vec<_> = all.difference(&shown).collect();
    assert!(unproved.is_empty(), "nothing real shows {unproved:?}");
    let unknown: Vec<_> = shown.difference(&all).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
