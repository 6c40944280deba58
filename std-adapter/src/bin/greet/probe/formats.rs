//! The report for programs: a JSON object a line, and `JUnit`'s XML.

use std::fmt::Write as _;

use greet_std::core::probe::{Level, Summary};
use greet_std::core::text::characters;
use serde_json::json;

use super::{Entry, Graded, Outcome};
use crate::latency::micros;

pub fn json_line(entry: &Entry) -> String {
    let mut object = json!({
        "event": "check",
        "id": entry.check.id,
        "level": match entry.check.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
        },
        "requirement": entry.check.requirement,
        "result": word(entry.result),
    });
    if !entry.why.is_empty() {
        object["why"] = entry.why.clone().into();
    }
    if !entry.details.is_empty() {
        object["bytes"] = entry.details.clone().into();
    }
    format!("{object}\n")
}

pub fn json_summary(graded: &Graded, summary: Summary) -> String {
    let mut object = json!({
        "event": "summary",
        "server": graded.server,
        "passed": summary.passed,
        "failed": summary.failed,
        "failed SHOULD": summary.failed_should,
        "skipped": summary.skipped,
    });
    if graded.latency.count() > 0 {
        object["greetings"] = graded.latency.count().into();
        object["greetings per second"] = graded.rate.round().into();
        object["latency in µs"] = json!({
            "median": micros(graded.latency.percentile(50.0)),
            "p99": micros(graded.latency.percentile(99.0)),
            "slowest": micros(graded.latency.max()),
        });
    }
    format!("{object}\n")
}

/// A suite for each group, a case for each check.
pub fn junit(graded: &Graded) -> String {
    let count = |result| graded.entries.iter().filter(|e| e.result == result).count();
    // A string takes everything.
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites>\n<testsuite name=\"greet probe {}\" tests=\"{}\" failures=\"{}\" \
         skipped=\"{}\">",
        graded.server,
        graded.entries.len(),
        count(Outcome::Failed),
        count(Outcome::Skipped)
    );
    for entry in &graded.entries {
        let (group, name) = entry.parts();
        let _ = write!(xml, "<testcase classname=\"{group}\" name=\"{name}\"");
        let _ = match entry.result {
            Outcome::Passed | Outcome::Warned if entry.why.is_empty() => writeln!(xml, "/>"),
            Outcome::Passed | Outcome::Warned => writeln!(
                xml,
                "><system-out>{}</system-out></testcase>",
                escaped(&entry.why)
            ),
            Outcome::Skipped => writeln!(
                xml,
                "><skipped message=\"{}\"/></testcase>",
                escaped(&entry.why)
            ),
            Outcome::Failed => writeln!(
                xml,
                "><failure message=\"{}\">{}\n{}</failure></testcase>",
                escaped(&entry.why),
                escaped(entry.check.requirement),
                escaped(&entry.details.join("\n"))
            ),
        };
    }
    xml + "</testsuite>\n</testsuites>\n"
}

fn word(result: Outcome) -> &'static str {
    match result {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Warned => "warned",
        Outcome::Skipped => "skipped",
    }
}

/// XML takes no control characters, not even escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for (c, is_safe) in characters(text) {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            c if is_safe || c == '\n' => escaped.push(c),
            _ => escaped.push('?'),
        }
    }
    escaped
}
