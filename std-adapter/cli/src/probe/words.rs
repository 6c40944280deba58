//! What a probe says about a server, as sentences that a person can act on.

use std::time::Duration;

use greet_std::core::embedded_io::ErrorKind;
use greet_std::core::limits::GREETING;
use greet_std::core::probe::{Cause, End, Expected, Failure, Plan, Verdict};
use greet_std::core::text::shown;

use crate::hexdump;
use crate::latency;

/// What is said where there were more connections than source ports.
pub const REUSES_PORTS: &str = "this machine had fewer ports than there were connections, so some were \
    used again: a server that holds them in TIME-WAIT needn't answer (fewer --rounds?)";

/// Why a check didn't simply pass, and the bytes, so many in a row.
pub fn explain(verdict: &Verdict, actual: &[u8], row: usize) -> (String, Vec<String>) {
    match verdict {
        Verdict::Inconclusive(reason) | Verdict::Skipped(reason) => {
            ((*reason).to_owned(), Vec::new())
        }
        Verdict::PassedWithLoss { sent, answered } => (
            format!("{answered} of {sent} were answered; UDP may lose the others"),
            Vec::new(),
        ),
        Verdict::Failed(Failure { during, cause }) => {
            let (sentence, bytes) = cause_of(cause, actual, row);
            (format!("{during}: {sentence}"), bytes)
        }
        _ => (String::new(), Vec::new()),
    }
}

fn cause_of(cause: &Cause, actual: &[u8], row: usize) -> (String, Vec<String>) {
    let sentence = match cause {
        Cause::Refused(kind) => format!("no connection: {}", kind_of(*kind)),
        Cause::NoRoute(reason) => format!("no connection: {reason}"),
        Cause::Lacks(reason) => (*reason).to_owned(),
        Cause::Unreachable => "no connection in time".to_owned(),
        Cause::Reply { expected, end } => return reply(*expected, *end, actual, row),
        Cause::Lost { sent, answered } => format!("{answered} of {sent} were answered"),
        Cause::Slow { alone, beside } => format!(
            "the median is {} alone, and {} beside others",
            latency::shown(*alone),
            latency::shown(*beside)
        ),
        Cause::Early { due, took } | Cause::Overdue { due, took } => {
            let (due, took) = (latency::shown(*due), latency::shown(*took));
            format!("the deadline came after {took}, not {due}")
        }
        other => format!("{other:?}"),
    };
    (sentence, Vec::new())
}

/// How a clock runs by which something was due, if a tenth or more from ours.
pub fn clock(due: Duration, took: Duration) -> Option<String> {
    let (due_s, took_s) = (due.as_secs_f64(), took.as_secs_f64());
    let (factor, way) = if took_s < due_s {
        (due_s / took_s.max(f64::EPSILON), "fast")
    } else {
        (took_s / due_s.max(f64::EPSILON), "slow")
    };
    let factor = match factor {
        ..1.1 => return None,
        ..3.0 => format!("{factor:.1}"),
        _ => format!("{factor:.0}"),
    };
    Some(format!(
        "its clock runs {factor} times {way}: the deadline came after {}, not {}",
        latency::shown(took),
        latency::shown(due)
    ))
}

/// What became of a server that greeted once.
pub fn death(server: &str, after: &str, cause: &Cause, actual: &[u8]) -> String {
    let (sentence, _) = cause_of(cause, actual, 16);
    format!(
        "{server} doesn't greet any more since {after} ({sentence}): start it again, and look there"
    )
}

fn reply(expected: Expected, end: End, actual: &[u8], row: usize) -> (String, Vec<String>) {
    let right = expected.is(actual);
    let sentence = match end {
        End::Fin if actual.is_empty() => "the connection was closed without a reply".to_owned(),
        End::Fin | End::Open if matches!(expected, Expected::Nothing) => {
            "more came than was due".to_owned()
        }
        End::Fin | End::Open => "another reply than was due".to_owned(),
        End::Silence if right => "the reply is right, but no FIN came after it in time".to_owned(),
        End::Silence if actual.is_empty() => "no reply in time".to_owned(),
        End::Silence => "no whole reply in time".to_owned(),
        End::Broken(ErrorKind::ConnectionReset) if right => {
            "the reply is right, but RST came after it, not FIN".to_owned()
        }
        End::Broken(ErrorKind::ConnectionReset) => match actual.len() {
            0 => "the connection was reset before any byte of the reply".to_owned(),
            1 => "the connection was reset after 1 byte of the reply".to_owned(),
            len => format!("the connection was reset after {len} bytes of the reply"),
        },
        End::Broken(ErrorKind::ConnectionRefused) => {
            "nobody listens at that UDP port (is it the receiver's?)".to_owned()
        }
        End::Broken(kind) if right => {
            format!(
                "the reply is right, but no FIN came after it: {}",
                kind_of(kind)
            )
        }
        End::Broken(kind) => format!("no whole reply: {}", kind_of(kind)),
        End::Flood => "more came than any reply has".to_owned(),
    };
    if actual.is_empty() && end != End::Fin {
        return (sentence, Vec::new());
    }
    let mut due: Vec<u8> = expected.bytes().collect();
    if let Expected::Late = expected {
        due.extend_from_slice(b"N s\n");
    }
    let bytes = hexdump::difference(if right { actual } else { &due }, actual, row);
    (sentence, bytes)
}

/// One sentence for somebody who isn't a greet server at all.
pub fn not_greeting(server: &str, plan: &Plan, failure: &Failure, actual: &[u8]) -> String {
    let Plan {
        timeout, deadline, ..
    } = *plan;
    match failure.cause {
        Cause::Refused(ErrorKind::ConnectionRefused) => {
            format!("nobody listens at {server} (is a server running there?)")
        }
        Cause::Refused(kind) => format!("can't connect to {server}: {}", kind_of(kind)),
        Cause::NoRoute(reason) => format!("can't reach {server}: {reason}"),
        Cause::Lacks(reason) => format!("{server} wasn't asked: {reason}"),
        Cause::Unreachable => format!(
            "{server} doesn't answer within {:?} (is the machine up, and no firewall between?)",
            timeout + deadline
        ),
        Cause::Reply {
            end: End::Silence, ..
        } if actual.is_empty() => format!(
            "{server} accepts connections, but doesn't answer a name within {timeout:?} \
             (is a greet server running there?)"
        ),
        Cause::Reply {
            expected,
            end: End::Broken(kind),
        } if expected.is(actual) => format!(
            "{server} greets rightly, but no FIN comes after its reply: {}",
            kind_of(kind)
        ),
        Cause::Reply {
            end: End::Broken(_),
            ..
        } if actual.is_empty() => format!(
            "{server} resets the connection (RST) without answering a name (is a greet server running there? A \
             close before all is read makes RST of its reply, as lwIP's tcp_close inside the receive callback \
             does before tcp_recved)"
        ),
        Cause::Reply { .. } if actual.is_empty() => {
            format!(
                "{server} is no greet server: it closes the connection without answering a name"
            )
        }
        cause => {
            if let Cause::Reply { expected, .. } = cause
                && let Some(how) = nearly(expected, actual)
            {
                let due: Vec<u8> = expected.bytes().collect();
                return format!(
                    "{server} greets, but {how}: \"{}\" comes where \"{}\" is due",
                    shown(&String::from_utf8_lossy(actual)),
                    shown(&String::from_utf8_lossy(&due))
                );
            }
            let start = actual.get(..48).unwrap_or(actual);
            let more = if start.len() < actual.len() {
                "..."
            } else {
                ""
            };
            let start = String::from_utf8_lossy(start);
            format!(
                "{server} is no greet server: it answers a name with \"{}\"{more}",
                shown(&start)
            )
        }
    }
}

/// How a greeting differs from one that is right, where it is plain what was meant.
fn nearly(expected: Expected, actual: &[u8]) -> Option<&'static str> {
    let due: Vec<u8> = expected.bytes().collect();
    match actual.strip_prefix(due.as_slice()) {
        Some(b"\n" | b"\r\n") => Some("with a line feed that is no part of it"),
        Some(b"\0") => Some("with the NUL of a C string behind it"),
        Some(again) if again == due => Some("twice"),
        Some(_) => Some("with more than is due behind it"),
        None if actual.len() > GREETING.len() && due.starts_with(actual) => Some("not to the end"),
        None => None,
    }
}

fn kind_of(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::ConnectionReset => "the server reset the connection".to_owned(),
        ErrorKind::BrokenPipe | ErrorKind::NotConnected => "the connection is closed".to_owned(),
        ErrorKind::TimedOut => "the network timed out".to_owned(),
        other => format!("the connection broke ({other:?})"),
    }
}
