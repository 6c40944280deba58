//! How the report of a second host on the cable reads: what leads, what is only noted, and what needs a server.

#![cfg(all(target_os = "linux", feature = "wire"))]

mod cable;
mod process;

use cable::{TAP, VETH, on};
use process::Process;
use serde_json::Value;

const HOST: &str = "$GREET probe 10.9.0.1 --wire ta --wire-ip 10.9.0.99/24";

/// The board, and nobody at its port any more.
const NOBODY: &str = "kill -KILL $SERVER
    while $GREET hello --to 10.9.0.1:8000 >/dev/null 2>&1; do :; done";

const SERVER: &str = "it needs a greet server on TCP 8000";

/// What was seen of the link stands there before it is judged, and the checks come last.
#[test]
fn the_link_leads_where_a_second_host_has_counted() {
    let script =
        "$GREET probe 10.8.0.1:8000 --wire tap:tap0 --wire-ip 10.8.0.9/24 --only arp/request \
                  --only crowd/late --deadline 1s --timeout 1s --seed 1 || true
         $GREET probe 10.8.0.1:8000 --only crowd/late --deadline 1s --timeout 1s --seed 1 || true";
    let Some(mut shell) = on(TAP, "--deadline=1h", script) else {
        return;
    };
    let (lines, errors, _) = Process::start(&mut shell).end();
    let begins = [
        "the link: ",
        "the link: ",
        "Findings, ",
        "arp",
        "crowd",
        "10.8.0.1:8000: ",
    ];
    let sockets = ["Findings, ", "the link: ", "crowd", "10.8.0.1:8000: "];
    let heads = lines
        .iter()
        .filter(|line| begins.iter().any(|begin| line.starts_with(begin)));
    let heads: Vec<_> = heads.collect();
    let due = [&begins[..], &sockets].concat();
    assert_eq!(heads.len(), due.len(), "{lines:#?} {errors:#?}");
    for (head, begin) in heads.iter().zip(due) {
        assert!(head.starts_with(begin), "{head} is not {begin}: {lines:#?}");
    }
}

/// Nobody wants to read a hundred times that there is no server.
#[test]
fn what_was_skipped_is_a_line_for_each_reason_and_whole_where_it_was_asked_for() {
    let script = format!(
        "{NOBODY}
         {HOST}
         {HOST} --only isn --only out/padding
         {HOST} --only isn --only out/padding --json"
    );
    let Some(mut shell) = on(VETH, "", &script) else {
        return;
    };
    let (lines, errors, _) = Process::start(&mut shell).end();
    let at = |begin: &str| {
        let at = lines.iter().position(|line| line.starts_with(begin));
        at.unwrap_or_else(|| panic!("{begin}: {lines:#?} {errors:#?}"))
    };
    let (skipped, summary) = (at("skipped"), at("10.9.0.1: passed "));
    let reasons = lines[skipped + 1..]
        .iter()
        .map_while(|line| line.strip_prefix("  - "));
    let reasons: Vec<_> = reasons.collect();
    assert!(
        reasons[0].ends_with(&format!(" checks: {SERVER}")),
        "{reasons:#?}"
    );
    let count = |reason: &&str| match reason.split_once(" checks: ") {
        Some((count, _)) => count.parse::<usize>().expect("a number"),
        None => reason.split(", ").filter(|part| part.contains('/')).count(),
    };
    let all: usize = reasons.iter().map(count).sum();
    assert!(
        lines[summary].ends_with(&format!(", skipped {all}")),
        "{lines:#?}"
    );
    assert!(
        !lines[..summary]
            .iter()
            .any(|line| line.contains(": skipped: ")),
        "{lines:#?}"
    );

    // What is asked for by name says for itself why it wasn't checked.
    let rest = &lines[summary + 1..];
    let varies = format!("  - varies: skipped: {SERVER}");
    assert!(rest.contains(&varies), "{rest:#?}");
    assert!(!rest.iter().any(|line| line == "skipped"), "{rest:#?}");

    // What held, and is worth knowing, is no fault: it has the mark of a note, for programs as well, and no finding.
    let padding = "  · padding: ";
    assert!(
        rest.iter().any(|line| line.starts_with(padding)),
        "{rest:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.starts_with("Findings")),
        "{lines:#?}"
    );
    let objects: Vec<Value> = (rest.iter())
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    for (id, result, why) in [
        ("isn/varies", "skipped", SERVER),
        ("out/padding", "noted", "a frame has "),
    ] {
        let check = objects.iter().find(|object| object["id"] == id);
        let check = check.unwrap_or_else(|| panic!("{id}: {rest:#?}"));
        assert_eq!(check["result"], result, "{check}");
        assert!(
            check["why"]
                .as_str()
                .is_some_and(|said| said.starts_with(why)),
            "{check}"
        );
    }
    let end = objects.last().expect("a summary");
    assert_eq!(
        (&end["noted"], &end["findings"]),
        (&1.into(), &Value::Array(Vec::new())),
        "{end}"
    );
}
