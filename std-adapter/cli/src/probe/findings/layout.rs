//! Findings as people read them.

use greet_std::core::probe::Whose;

use super::Finding;
use crate::terminal::Screen;

/// Under the number and the mark.
const INDENT: &str = "     ";

/// In the words of all reports.
pub fn whose_in_words(whose: Whose) -> &'static str {
    match whose {
        Whose::Stack => "stack",
        Whose::Server => "server",
        Whose::Link => "link",
        Whose::Tester => "tester",
    }
}

/// Each with its number, and all in the order in which to mend them.
pub fn paragraphs(
    findings: &[Finding],
    screen: Screen,
    mark: impl Fn(&Finding) -> String,
) -> String {
    let mut text = String::new();
    for (number, finding) in (1..).zip(findings) {
        let whose = whose_in_words(finding.whose);
        let first = format!("{number:>2}. {} {whose}: {}", mark(finding), finding.what);
        text += &screen.paragraph(&first, INDENT);
        text += &screen.paragraph(&format!("{INDENT}look at: {}", finding.look), INDENT);
        if !finding.checks.is_empty() {
            let checks = finding.checks.join(", ");
            text += &screen.paragraph(&format!("{INDENT}seen in: {checks}"), INDENT);
        }
    }
    text
}
