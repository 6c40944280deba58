//! Checks with raw frames, which need nothing on the board but its stack, in the order in which they run.
//!
//! A file is a group, or some that belong together; a check is one place in it.

use greet_core::probe::{About, Case, Level, Whose};

use crate::bench::{Bench, Body, Done, Wants};

mod acks;
mod arp;
mod bursts;
mod close;
mod congestion;
mod crossing;
mod datagrams;
mod ends;
mod entries;
mod eth;
mod flood;
mod fragments;
mod half_open;
mod header;
mod icmp;
mod icmp6;
mod ip4;
mod ip6;
mod isn;
mod length;
mod limit;
mod ndp;
mod no_options;
mod options;
mod out;
mod pace;
mod packets;
mod path;
mod pressure;
mod receive;
mod reset;
mod rto;
mod states;
mod strangers;
mod syn;
mod tcp_icmp;
mod timestamps;
mod timewait;
mod udp;
mod unanswered;
mod unfinished;
mod urgent;
mod window;
mod wrap;

/// Every check with raw frames, as each table has them.
pub static RAW_CASES: &[&[Case<Body>]] = &[
    &arp::CASES,
    &icmp::CASES,
    &crossing::CASES,
    &eth::CASES,
    &ip4::CASES,
    &packets::FRAGMENTS,
    &fragments::CASES,
    &ndp::CASES,
    &icmp6::CASES,
    &ip6::CASES,
    &udp::CASES,
    &datagrams::CASES,
    &syn::CASES,
    &isn::CASES,
    &receive::CASES,
    &packets::CASES,
    &acks::CASES,
    &pace::CASES,
    &wrap::CASES,
    &urgent::CASES,
    &close::CASES,
    &ends::CASES,
    &timewait::CASES,
    &options::CASES,
    &timestamps::CASES,
    &states::CASES,
    &half_open::CASES,
    &reset::CASES,
    &header::CASES,
    &no_options::CASES,
    &strangers::CASES,
    &entries::CASES,
    &window::CASES,
    &rto::CASES,
    &unanswered::CASES,
    &congestion::CASES,
    &limit::CASES,
    &pressure::CASES,
    &tcp_icmp::CASES,
    &path::CASES,
    &arp::ROUGH,
    &ndp::ROUGH,
    &icmp::ROUGH,
    &icmp6::ROUGH,
    &ip6::ROUGH,
    &unfinished::CASES,
    &out::CASES,
];

/// Where no RFC stands behind a sentence: who doesn't keep to it can't be worked with.
const LIVENESS: &str = "liveness: no RFC";

/// A check, whose failure is the stack's or its driver's fault.
const fn case(
    id: &'static str,
    level: Level,
    source: &'static str,
    sentence: &'static str,
    wants: &'static [Wants],
    run: fn(&mut Bench<'_>) -> Done,
    meaning: &'static str,
) -> Case<Body> {
    Case {
        about: About::new(id, level, source, sentence)
            .needs(&[])
            .blames(Whose::Stack),
        body: Body::new(run, wants, meaning),
    }
}
