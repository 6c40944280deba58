//! How hard to probe: from the command line to the plan of a run.

use std::time::{SystemTime, UNIX_EPOCH};

use greet_std::core::probe::{Fact, Plan};

use crate::args::ProbeArgs;

/// Clients who come one after the other, if nobody says how many.
const ROUNDS: u16 = 1000;
const QUICK_ROUNDS: u16 = 100;

/// So many connections at once where the places are searched for.
const SEARCH: usize = 65;

/// The same of a host on a cable: it has memory for so many more that are closing.
#[cfg(all(target_os = "linux", feature = "wire"))]
const SEARCH_ON_A_CABLE: usize = 32;

/// What was asked for.
pub fn plan(args: &ProbeArgs) -> Plan {
    Plan {
        timeout: args.timeout,
        clients: args.clients.map_or(0, Into::into),
        rounds: rounds(args),
        deadline: args.deadline,
        seed: args.seed.unwrap_or_else(seed),
        thorough: args.thorough,
        quick: args.quick,
    }
}

/// How many clients come one after the other.
pub fn rounds(args: &ProbeArgs) -> u16 {
    let usual = if args.quick { QUICK_ROUNDS } else { ROUNDS };
    args.rounds.map_or(usual, Into::into)
}

/// How many connections are held at once at most.
pub fn slots(args: &ProbeArgs) -> usize {
    args.clients
        .map_or(SEARCH, |clients| usize::from(clients.get()) + 1)
}

/// The same on a cable.
#[cfg(all(target_os = "linux", feature = "wire"))]
pub fn slots_on_a_cable(args: &ProbeArgs) -> usize {
    args.clients.map_or(SEARCH_ON_A_CABLE, |_| slots(args))
}

/// What is to be said of something that was found out.
pub fn note(args: &ProbeArgs, fact: Fact) -> Option<String> {
    match (fact, args.clients) {
        (Fact::Places(found), None) if found > 1 => Some(format!(
            "{found} clients are served at once, so {found} came, and one more"
        )),
        (Fact::PlacesOrMore(found), None) if !args.brief => {
            let came = found.min(16);
            Some(format!(
                "{found} clients or more are served at once; {came} came at most"
            ))
        }
        (Fact::Lengths { tried, .. }, _) if !args.brief => Some(format!(
            "sizes/stream tried {tried} of all 1025 lengths in its time (--thorough tries the others)"
        )),
        (Fact::Clients { greeted }, _) if !args.brief => {
            let rounds = rounds(args);
            Some(format!(
                "crowd/mixed greeted {greeted} of {rounds} clients in its time (--thorough greets the others)"
            ))
        }
        (Fact::Orders { right }, _) => Some(format!(
            "crowd/in-any-order was right {right} times before it failed"
        )),
        _ => None,
    }
}

/// Another one each time, and small enough to be typed.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::from(now.unwrap_or_default().subsec_micros())
}
