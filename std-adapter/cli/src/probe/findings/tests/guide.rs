//! PROBE.md says of findings what the tables here say.

use super::super::crosses::ROWS;
use super::super::seen::fits;
use super::super::{Cause, TABLES, whose_in_words};
use super::checks;

/// PROBE.md, which is also what the package brings along.
const GUIDE: &str = include_str!("../../../../PROBE.md");

/// The rows of a table, by its first line.
fn table(heading: &str) -> Vec<&'static str> {
    let lines = GUIDE.lines().skip_while(|line| *line != heading).skip(2);
    lines.take_while(|line| line.starts_with('|')).collect()
}

fn causes() -> impl Iterator<Item = &'static Cause> {
    TABLES.into_iter().flatten()
}

#[test]
fn the_guide_has_every_cause_in_its_order() {
    let rows = causes().map(|cause| format!("| `{}` | {} |", cause.id, cause.look));
    assert_eq!(table("| finding | look at |"), rows.collect::<Vec<_>>());
}

#[test]
fn the_guide_says_what_crosses_mean() {
    let rows = ROWS.iter().map(|row| {
        let checks: Vec<_> = row.checks.iter().map(|id| format!("`{id}`")).collect();
        let checks = checks.join(", ");
        format!("| `{}` | {checks} | {} | {} |", row.id, row.means, row.look)
    });
    let heading = "| finding | its crosses | it means | look at |";
    assert_eq!(table(heading), rows.collect::<Vec<_>>());
}

#[test]
fn each_check_stands_in_one_row() {
    for check in checks() {
        let rows = ROWS
            .iter()
            .filter(|row| row.checks.iter().any(|glob| fits(glob, check.id)));
        assert_eq!(rows.count(), 1, "{}", check.id);
    }
    for glob in ROWS.iter().flat_map(|row| row.checks) {
        assert!(
            checks().any(|check| fits(glob, check.id)),
            "{glob} is no check"
        );
    }
}

#[test]
fn an_id_begins_with_whose_it_is() {
    for cause in causes() {
        let whose = whose_in_words(cause.whose);
        assert!(cause.id.starts_with(&format!("{whose}/")), "{}", cause.id);
    }
}
