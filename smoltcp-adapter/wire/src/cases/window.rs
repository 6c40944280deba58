//! The window that the client offers: closed, opened, moved back, and opened by little.

use core::time::Duration;

use greet_core::probe::{Case, Level};
use greet_core::time::Instant;

use crate::bench::flags::{ACK, FIN};
use crate::bench::{
    Bench, Body, Done, Feature, MSS, PATIENCE, Part, Reply, Stop, Trait, Verdict, Wants, is_after,
};

use super::case;
use super::rto::{GIVEN_UP, LONG, SMALL, gaps, is_given_up, unasked};

pub(super) static CASES: [Case<Body>; 4] = [
    case(
        "window/zero",
        Level::Must,
        "RFC 9293, 3.8.6.1 (MUST-36, MUST-37, SHLD-30)",
        "A closed window is asked again and again whether it has opened, and nothing else goes",
        &[Wants::Server],
        zero,
        "a client that is busy for a while is forgotten, reset, or overrun",
    ),
    case(
        "window/update-lost",
        Level::Must,
        "RFC 9293, 3.8.6.1 (MUST-36)",
        "A window that opens in the answer to a question is used",
        &[Wants::Server],
        update_lost,
        "where the one segment is lost that opens a window, the connection stands still for ever",
    ),
    case(
        "window/shrink",
        Level::Must,
        "RFC 9293, 3.8.6 (MUST-34, SHLD-15)",
        "A window whose edge moves back under what was sent harms nobody",
        &[Wants::Server],
        shrink,
        "what is left of a window is reckoned without a sign, and is huge once it is negative",
    ),
    case(
        "window/sws-send",
        Level::Must,
        "RFC 9293, 3.8.6.2.1 (MUST-38)",
        "A window that opens by little isn't filled by little each time",
        &[Wants::Server],
        silly,
        "a transfer falls apart into segments of some bytes, and stays so",
    ),
];

/// So long a question is waited for.
const LATE: Duration = Duration::from_secs(30);

/// So many questions are enough to see that they come less and less often.
const QUESTIONS: usize = 3;

/// So soon after the end of a name nothing can be a question yet.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A reply that waits behind a closed window.
fn closed(bench: &mut Bench<'_>, len: usize) -> Result<Option<Reply>, Stop> {
    let mut client = bench.taker(MSS);
    if !bench.syn(&mut client)? {
        return Ok(None);
    }
    client.window = 0;
    bench.transmit(&client.segment(ACK, b""))?;
    bench.ask_for(client, len, FIN)
}

/// Whether a segment asks whether a window has opened: it has to be answered.
fn is_question(reply: &Reply, part: &Part) -> bool {
    let old = reply.start.wrapping_sub(1);
    !part.segment.is_empty() || part.segment.seq == old
}

/// The next question until some time, or a reset.
fn question(
    bench: &mut Bench<'_>,
    reply: &mut Reply,
    until: Instant,
) -> Result<Option<Part>, Stop> {
    while let Some(part) = bench.part(reply, until)? {
        if is_question(reply, &part) || reply.client.is_reset {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

/// Some servers don't wait longer than their deadline for a window: it opens so long before that.
const BEFORE: Duration = Duration::from_millis(2500);

fn zero(bench: &mut Bench<'_>) -> Done {
    let connected = bench.now();
    let last = connected + bench.setup.deadline.saturating_sub(BEFORE);
    let Some(mut reply) = closed(bench, 99)? else {
        return Ok(unasked());
    };
    let start = reply.start;
    let begun = bench.now();
    // Some ask at once.
    let asked = reply.parts.iter().find(|part| is_question(&reply, part));
    let early = match asked.cloned() {
        None => question(bench, &mut reply, begun + AT_ONCE)?,
        early => early,
    };
    let sent: usize = reply.texts().map(|part| part.segment.text.len()).sum();
    if sent > 1 {
        return Ok(Verdict::Failed(format!(
            "{sent} bytes are sent into a window that was closed all the time"
        )));
    }
    let mut times = vec![begun];
    let mut longest = 0;
    let mut came = early;
    loop {
        let asked = times.len() - 1;
        if reply.client.is_reset {
            if is_given_up(bench, &reply, connected) && asked == 0 {
                return Ok(Verdict::Inconclusive(GIVEN_UP.to_owned()));
            }
            return Ok(Verdict::Failed(format!(
                "a reset, though each of {asked} questions was answered"
            )));
        }
        if let Some(part) = came {
            longest = longest.max(part.segment.text.len());
            times.push(part.time);
            bench.acknowledge(&mut reply, start)?;
        } else if asked == 0 && bench.now() >= begun + LATE {
            return Ok(Verdict::Failed("nothing asks within 30 s".to_owned()));
        }
        if times.len() == QUESTIONS + 1 || times.len() > 1 && bench.now() >= last {
            break;
        }
        let until = if times.len() > 1 { last } else { begun + LATE };
        came = question(bench, &mut reply, until)?;
    }
    let gaps = gaps(&times);
    if let Some(first) = gaps.first() {
        bench.portray(Feature::WindowProbe, Trait::Time(*first));
    }
    let silent = times.last().map(|time| bench.now().since(*time));
    let usual = gaps.last().copied().unwrap_or_default();
    if silent.is_some_and(|silent| silent > usual * 4 + PATIENCE) {
        let asked = gaps.len();
        return Ok(Verdict::Failed(format!(
            "{asked} questions were answered, and no other came within {:.1?}",
            silent.unwrap_or_default()
        )));
    }
    reply.client.window = 8192;
    let opened = bench.now();
    bench.acknowledge(&mut reply, start)?;
    let is_used = loop {
        match bench.part(&mut reply, opened + PATIENCE)? {
            Some(part) if part.segment.text.is_empty() => {}
            part => break part.is_some(),
        }
    };
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Failed(format!("the window has opened: {what}")));
    }
    let is_even = matches!(gaps[..], [_, second, third] if third.mul_f64(0.8) < second);
    Ok(if !is_used {
        Verdict::Worse("a window that opens isn't used until that is asked again".to_owned())
    } else if is_even {
        Verdict::Worse(format!(
            "it asks after {gaps:.1?}, and not less and less often"
        ))
    } else if longest > 1 {
        Verdict::Noted(format!("it asks with {longest} bytes at once"))
    } else {
        Verdict::Passed
    })
}

fn update_lost(bench: &mut Bench<'_>) -> Done {
    let connected = bench.now();
    let Some(mut reply) = closed(bench, 99)? else {
        return Ok(unasked());
    };
    let until = connected + LATE;
    if question(bench, &mut reply, until)?.is_none() {
        return Ok(Verdict::Failed("nothing asks within 30 s".to_owned()));
    }
    if is_given_up(bench, &reply, connected) {
        return Ok(Verdict::Inconclusive(GIVEN_UP.to_owned()));
    }
    reply.client.window = 8192;
    Ok(Verdict::unless(bench.conclude(&mut [reply])?.against()))
}

/// So long an edge stays where it was moved to.
const BACK: Duration = Duration::from_millis(1500);

fn shrink(bench: &mut Bench<'_>) -> Done {
    let mut replies = Vec::new();
    for _ in 0..2 {
        let client = bench.taker(SMALL);
        let Some(mut reply) = bench.asked(client, LONG)? else {
            return Ok(unasked());
        };
        bench.settle(&mut reply)?;
        if reply.in_flight() < 2 {
            return Ok(Verdict::Inconclusive(
                "one segment at a time is on its way, so no window can shrink under them"
                    .to_owned(),
            ));
        }
        // The first segment is taken, and of the second no more than half, or nothing.
        let first = reply.fresh().next().map(|part| part.segment.end());
        reply.client.window = if replies.is_empty() { SMALL / 2 } else { 0 };
        let una = first.unwrap_or(reply.una);
        bench.acknowledge(&mut reply, una)?;
        replies.push(reply);
    }
    let sent: Vec<_> = replies.iter().map(|reply| reply.high).collect();
    let until = bench.now() + BACK;
    let mut beyond = 0;
    while let Some(part) = bench.part_of(&mut replies, until)? {
        let before = sent.get(part.of).copied().unwrap_or_default();
        // One byte may ask whether a closed window has opened.
        let is_new = !part.segment.text.is_empty() && is_after(part.segment.end(), before);
        beyond += usize::from(is_new && part.segment.text.len() > 1);
    }
    if replies.iter().any(|reply| reply.client.is_reset) {
        return Ok(Verdict::Failed("it resets the connection".to_owned()));
    }
    for reply in &mut replies {
        reply.client.window = 8192;
    }
    if let Some(what) = bench.conclude(&mut replies)?.against() {
        return Ok(Verdict::Failed(format!("the window has opened: {what}")));
    }
    Ok(if beyond > 0 {
        Verdict::Worse(format!("{beyond} new segments go beyond the edge"))
    } else {
        Verdict::Passed
    })
}

/// By so much a window opens, so often, and so far apart.
const CRUMB: u16 = 10;
const CRUMBS: u16 = 20;
const APART: Duration = Duration::from_millis(20);

fn silly(bench: &mut Bench<'_>) -> Done {
    let mut client = bench.taker(MSS);
    // Open at first: half of the widest window that was ever seen may be filled, and not every stack counts that
    // of a SYN.
    if !bench.open(&mut client)? {
        return Ok(unasked());
    }
    client.window = 0;
    let Some(mut reply) = bench.ask_for(client, LONG, FIN)? else {
        return Ok(unasked());
    };
    for crumb in 1..=CRUMBS {
        // The edge moves on by so much, whatever has come.
        let due = reply.client.due;
        let taken = u16::try_from(due.wrapping_sub(reply.start)).unwrap_or(u16::MAX);
        reply.client.window = (crumb * CRUMB).saturating_sub(taken);
        if reply.is_whole() {
            bench.conclude(&mut [reply])?;
            return Ok(Verdict::Inconclusive(
                "all of it comes into a window that is closed".to_owned(),
            ));
        }
        bench.acknowledge(&mut reply, due)?;
        bench.parts(&mut reply, APART)?;
    }
    let small = reply.fresh().count();
    reply.client.window = 8192;
    if let Some(what) = bench.conclude(&mut [reply])?.against() {
        return Ok(Verdict::Failed(format!("the window has opened: {what}")));
    }
    Ok(Verdict::unless((small * 2 >= usize::from(CRUMBS)).then(|| {
        format!("{small} segments of some bytes while a window opened by {CRUMB} bytes {CRUMBS} times")
    })))
}
