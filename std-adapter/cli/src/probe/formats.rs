//! The report for programs: a JSON object a line, and `JUnit`'s XML.

use std::fmt::Write as _;

use anyhow::Error;
use greet_std::core::probe::{Level, Whose};
use greet_std::core::text::characters;
use serde_json::json;

use super::{Entry, Graded, Outcome};

pub fn json_line(entry: &Entry) -> String {
    let mut object = json!({
        "event": "check",
        "id": entry.check.id,
        "level": match entry.check.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
        },
        "sentence": entry.check.sentence,
        "source": entry.check.source,
        "whose": match entry.check.whose {
            Whose::Stack => "stack",
            Whose::Server => "server",
            Whose::Link => "link",
            Whose::Tester => "tester",
        },
        "result": word(entry.result),
    });
    if !entry.why.is_empty() {
        object["why"] = entry.why.clone().into();
    }
    if !entry.details.is_empty() {
        object["bytes"] = entry.details.clone().into();
    }
    if !entry.evidence.again.is_empty() {
        object["again"] = entry.evidence.again.clone().into();
    }
    if !entry.evidence.files.is_empty() {
        let files = entry.evidence.files.iter();
        let files = files.map(|file| file.display().to_string());
        object["evidence"] = files.collect::<Vec<_>>().into();
    }
    format!("{object}\n")
}

/// The last line, with the reason if not all could be checked.
pub fn json_summary(graded: &Graded, error: Option<&Error>) -> String {
    let summary = graded.summary;
    let mut object = json!({
        "event": "summary",
        "server": graded.server,
        "passed": summary.passed,
        "failed": summary.failed,
        "worse": summary.worse,
        "noted": summary.noted,
        "inconclusive": summary.inconclusive,
        "skipped": summary.skipped,
    });
    if let Some(lines) = &graded.lines {
        object["lines"] = lines.clone().into();
    }
    if graded.latency.count() > 0 {
        object["greetings"] = graded.latency.count().into();
        object["greetings_per_second"] = graded.rate.round().into();
        object["latency_us"] = graded.latency.in_json();
    }
    if !graded.notes.is_empty() {
        object["notes"] = graded.notes.clone().into();
    }
    if let Some(error) = error {
        object["error"] = format!("{error:#}").into();
    }
    format!("{object}\n")
}

/// A case for each check, and one for the reason if not all could be checked.
pub fn junit(graded: &Graded, error: Option<&Error>) -> String {
    let count = |result| graded.entries.iter().filter(|e| e.result == result).count();
    let errors = usize::from(error.is_some());
    // A string takes everything.
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites>\n<testsuite name=\"greet probe {}\" tests=\"{}\" failures=\"{}\" \
         skipped=\"{}\">",
        escaped(&graded.server),
        graded.entries.len() + errors,
        count(Outcome::Failed) + errors,
        count(Outcome::Skipped) + count(Outcome::Inconclusive)
    );
    for entry in &graded.entries {
        let (group, name) = entry.parts();
        let _ = write!(xml, "<testcase classname=\"{group}\" name=\"{name}\"");
        let _ = match entry.result {
            Outcome::Passed if entry.why.is_empty() => writeln!(xml, "/>"),
            Outcome::Passed | Outcome::Worse | Outcome::Noted => writeln!(
                xml,
                "><system-out>{}</system-out></testcase>",
                escaped(&entry.why)
            ),
            Outcome::Inconclusive | Outcome::Skipped => writeln!(
                xml,
                "><skipped message=\"{}\"/></testcase>",
                escaped(&entry.why)
            ),
            Outcome::Failed => writeln!(
                xml,
                "><failure message=\"{}\">{}\n{}</failure></testcase>",
                escaped(&entry.why),
                escaped(entry.check.sentence),
                escaped(
                    &[&entry.details[..], &entry.evidence.lines]
                        .concat()
                        .join("\n")
                )
            ),
        };
    }
    if let Some(error) = error {
        let _ = writeln!(
            xml,
            "<testcase classname=\"probe\" name=\"to the end\"><failure message=\"{}\"/></testcase>",
            escaped(&format!("{error:#}"))
        );
    }
    xml + "</testsuite>\n</testsuites>\n"
}

fn word(result: Outcome) -> &'static str {
    match result {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Worse => "worse",
        Outcome::Noted => "noted",
        Outcome::Inconclusive => "inconclusive",
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
