//! The report for programs: a JSON object a line, and `JUnit`'s XML.

use std::fmt::Write as _;

use anyhow::Error;
use greet_std::core::probe::Level;
use greet_std::core::text::characters;
use serde_json::{Value, json};

use super::findings::{Finding, whose_in_words};
use super::link::LinkReport;
use super::{Entry, Graded, Outcome, portrait};

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
        "whose": whose_in_words(entry.check.whose),
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
    if let Some(unkept) = &entry.evidence.unkept {
        object["evidence_missing"] = unkept.clone().into();
    }
    format!("{object}\n")
}

/// A line for each finding and one for the link, and the last line of all.
pub fn json_end(
    graded: &Graded,
    findings: &[Finding],
    link: Option<&LinkReport>,
    error: Option<&Error>,
) -> String {
    let mut lines = String::new();
    for finding in findings {
        let mut object = json!({ "event": "finding" });
        if let (Value::Object(all), Value::Object(keys)) = (&mut object, json(finding)) {
            all.extend(keys);
        }
        // A string takes everything.
        let _ = writeln!(lines, "{object}");
    }
    if graded.frames.are_counted() {
        // As above.
        let _ = writeln!(lines, "{}", graded.frames.in_json());
    }
    if let Some(link) = link {
        // As above.
        let _ = writeln!(lines, "{}", link.in_json());
    }
    lines += &portrait::json_line(&graded.figures);
    if let Some(comparison) = graded.comparison() {
        lines += &comparison.json_line();
    }
    lines + &json_summary(graded, findings, error)
}

fn json(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "whose": whose_in_words(finding.whose),
        "result": word(finding.result),
        "what": finding.what,
        "look": finding.look,
        "checks": finding.checks,
    })
}

/// The last line, with the reason if not all could be checked.
fn json_summary(graded: &Graded, findings: &[Finding], error: Option<&Error>) -> String {
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
        "findings": findings.iter().map(json).collect::<Vec<_>>(),
        "seed": graded.seed,
    });
    if let Some(lines) = &graded.lines {
        object["lines"] = lines.clone().into();
    }
    if graded.echoes.count() > 0 {
        object["echoes"] = graded.echoes.count().into();
        object["echo_latency_us"] = graded.echoes.in_json();
    }
    if graded.latency.count() > 0 {
        object["greetings"] = graded.latency.count().into();
        object["greetings_per_second"] = graded.rate.round().into();
        object["latency_us"] = graded.latency.in_json();
    }
    if !graded.notes.is_empty() {
        object["notes"] = graded.notes.clone().into();
    }
    if graded.soak.is_some() {
        object["again"] = graded.again.clone().into();
    }
    if let Some(error) = error {
        object["error"] = format!("{error:#}").into();
    }
    format!("{object}\n")
}

/// A suite of findings and the link, if there is anything to say of them, and one of checks: a case for each, and
/// one for the reason if not all could be checked.
///
/// What viewers show of a suite are its cases, by name, and the message of those that failed; properties
/// and the streams of a whole suite many show nowhere.
pub fn junit(
    graded: &Graded,
    findings: &[Finding],
    link: Option<&LinkReport>,
    error: Option<&Error>,
) -> String {
    let count = |result| graded.entries.iter().filter(|e| e.result == result).count();
    let errors = usize::from(error.is_some());
    // A string takes everything.
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml += "<testsuites>\n";
    xml += &junit_findings(graded, findings, link);
    let _ = writeln!(
        xml,
        "<testsuite name=\"greet probe {}\" tests=\"{}\" failures=\"{}\" \
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
                    &[
                        &entry.details[..],
                        &entry.evidence.frames,
                        &entry.evidence.lines
                    ]
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

/// The link is a case that always passes, as findings say what follows from it.
fn junit_findings(graded: &Graded, findings: &[Finding], link: Option<&LinkReport>) -> String {
    let mut xml = String::new();
    let links: Vec<_> = graded
        .links(link)
        .into_iter()
        .map(|(is_bad, line)| format!("{}{line}", if is_bad { "! " } else { "" }))
        .collect();
    if findings.is_empty() && links.is_empty() {
        return xml;
    }
    let failures = findings
        .iter()
        .filter(|finding| finding.result == Outcome::Failed);
    // A string takes everything.
    let _ = writeln!(
        xml,
        "<testsuite name=\"greet probe {}: findings\" tests=\"{}\" failures=\"{}\" skipped=\"0\">",
        escaped(&graded.server),
        findings.len() + usize::from(!links.is_empty()),
        failures.count()
    );
    for finding in findings {
        let Finding { id, what, look, .. } = finding;
        let whose = whose_in_words(finding.whose);
        let what = escaped(&format!("{whose}: {what}"));
        let checks = finding.checks.join(", ");
        let body = escaped(&format!("look at: {look}\nseen in: {checks}"));
        let _ = write!(xml, "<testcase classname=\"findings\" name=\"{id}\">");
        let _ = match finding.result {
            Outcome::Failed => write!(xml, "<failure message=\"{what}\">{body}</failure>"),
            _ => write!(xml, "<system-out>{what}\n{body}</system-out>"),
        };
        xml += "</testcase>\n";
    }
    if !links.is_empty() {
        // As above.
        let _ = writeln!(
            xml,
            "<testcase classname=\"findings\" name=\"link\"><system-out>{}</system-out></testcase>",
            escaped(&links.join("\n"))
        );
    }
    xml + "</testsuite>\n"
}

pub fn word(result: Outcome) -> &'static str {
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
