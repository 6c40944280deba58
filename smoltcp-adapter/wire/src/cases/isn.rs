//! Initial sequence numbers.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::{Bench, Body, Done, Feature, Stop, Trait, Verdict, Wants, is_after};

use super::case;

pub(super) static CASES: [Case<Body>; 2] = [
    case(
        "isn/varies",
        Level::Must,
        "RFC 9293, 3.4.1 (MUST-9); RFC 6528, 3",
        "The first number of a connection doesn't follow from those of others",
        &[Wants::Server],
        varies,
        "who connects once knows the numbers of all others, and can speak or reset in their place",
    ),
    case(
        "isn/clock",
        Level::May,
        "RFC 9293, 3.4.1 (MUST-8)",
        "Between the same ports the next connection has a higher first number",
        &[Wants::Server],
        clock,
        "a client who comes again within TIME-WAIT may be taken for what is late of his last connection; numbers \
         left to chance do so every second time, and are no fault",
    ),
];

/// So many connections are looked at.
const COUNT: usize = 16;

/// So close a guess has to be: within the window of most connections.
const CLOSE: u32 = 1 << 16;

/// The board's first number for a connection from this port, or another.
fn number(bench: &mut Bench<'_>, port: Option<u16>) -> Result<Option<(u16, u32)>, Stop> {
    let mut client = bench.client();
    if let Some(port) = port {
        client.ports.0 = port;
    }
    let is_answered = bench.syn(&mut client)?;
    bench.abort(&mut client)?;
    Ok(is_answered.then_some((client.ports.0, client.theirs)))
}

const UNANSWERED: &str = "no answer to a SYN, four times";

fn varies(bench: &mut Bench<'_>) -> Done {
    let mut numbers = Vec::new();
    for _ in 0..COUNT {
        let Some((_, number)) = number(bench, None)? else {
            return Ok(Verdict::Failed(UNANSWERED.to_owned()));
        };
        numbers.push(number);
    }
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    let steps: Vec<u32> = pairs.map(|(a, b)| b.wrapping_sub(*a)).collect();
    let mut sorted: Vec<i32> = steps.iter().map(|step| step.cast_signed()).collect();
    sorted.sort_unstable();
    let median = sorted.get(COUNT / 2 - 1).copied().unwrap_or_default();
    let is_told = |step: &&u32| {
        let off = step.wrapping_sub(median.cast_unsigned());
        off.cast_signed().unsigned_abs() < CLOSE
    };
    let told = steps.iter().filter(is_told).count();
    let how = match median {
        _ if told * 2 < steps.len() => "not predictable",
        0 => "constant",
        _ => "predictable",
    };
    bench.portray(Feature::InitialNumber, Trait::Word(how));
    let off = steps.iter().map(|step| {
        let off = step.wrapping_sub(median.cast_unsigned());
        off.cast_signed().unsigned_abs()
    });
    let bits = u32::BITS - off.max().unwrap_or_default().leading_zeros();
    bench.portray(Feature::InitialBits, Trait::Count(bits.into()));
    Ok(Verdict::unless((told * 2 >= steps.len()).then(|| {
        format!(
            "of {} numbers {told} can be told from the one before: {median} more, and less than {CLOSE} off",
            steps.len()
        )
    })))
}

fn clock(bench: &mut Bench<'_>) -> Done {
    let Some((port, first)) = number(bench, None)? else {
        return Ok(Verdict::Failed(UNANSWERED.to_owned()));
    };
    bench.pause(Duration::from_secs(1))?;
    let Some((_, second)) = number(bench, Some(port))? else {
        return Ok(Verdict::Inconclusive(
            "no answer to a SYN from the same port".to_owned(),
        ));
    };
    let step = second.wrapping_sub(first).cast_signed();
    Ok(Verdict::unless((!is_after(second, first)).then(|| {
        format!("after a second it is another by {step}")
    })))
}
