//! What comes after the end, where the board has ended first.

use core::time::Duration;

use greet_core::probe::{Case, Level};

use crate::bench::flags::{ACK, PSH, RST, SYN};
use crate::bench::{
    Bench, Body, Client, Done, Feature, Said, Segment, Stop, Trait, Verdict, Wants,
};

use super::case;

pub(super) static CASES: [Case<Body>; 3] = [
    case(
        "timewait/same-port",
        Level::Must,
        "RFC 9293, 3.6.1 (MAY-2), 3.10.7.4; RFC 6191, 2",
        "Who connects again from the same port is taken or told no, and the reset that it answers with isn't \
         answered",
        &[Wants::Server],
        same_port,
        "clients with a fixed port, or behind a router with few, are kept out, or two hosts answer each other \
         for ever",
    ),
    case(
        "timewait/rst",
        Level::Must,
        "RFC 9293, 3.10.7.4; RFC 1337, 3",
        "A reset after the end isn't answered",
        &[Wants::Server],
        rst,
        "two hosts answer each other for ever",
    ),
    case(
        "timewait/length",
        Level::May,
        "RFC 9293, 3.4.2, 3.6.1 (MUST-13)",
        "The port of a connection that has ended is free again after four minutes",
        &[Wants::Server, Wants::Patience],
        length,
        "the last wait has no end: each connection costs a control block",
    ),
];

const NOT_CLOSED: &str = "a connection doesn't come to its end";

/// So far from each other segments are.
const APART: Duration = Duration::from_millis(50);

/// What comes of a SYN.
enum Answer {
    /// Another connection.
    Anew,
    /// A refusal.
    Refused,
    /// The numbers of the old one.
    Old(Segment),
    /// Nothing.
    Silence,
}

impl Answer {
    fn word(&self) -> &'static str {
        match self {
            Self::Anew => "a new connection",
            Self::Refused => "a reset",
            Self::Old(_) => "the old numbers",
            Self::Silence => "nothing",
        }
    }
}

/// Sends a SYN, so many times while nothing comes.
fn knock(bench: &mut Bench<'_>, anew: &mut Client, tries: usize) -> Result<Answer, Stop> {
    anew.next = anew.first.wrapping_add(1);
    for _ in 0..tries {
        bench.transmit(&anew.syn())?;
        let until = bench.now() + APART * 20;
        while let Some((_, answer)) = bench.hear(anew, until)? {
            return Ok(match answer {
                answer if answer.has(RST) => Answer::Refused,
                answer if answer.has(SYN | ACK) && answer.ack == anew.next => Answer::Anew,
                answer if answer.has(ACK) => Answer::Old(answer),
                _ => continue,
            });
        }
    }
    Ok(Answer::Silence)
}

fn same_port(bench: &mut Bench<'_>) -> Done {
    let Some(client) = bench.closed_first()? else {
        return Ok(Verdict::Failed(NOT_CLOSED.to_owned()));
    };
    for _ in 0..2 {
        let mut anew = client.anew(1000);
        let answer = knock(bench, &mut anew, 3)?;
        bench.portray(Feature::SamePort, Trait::Word(answer.word()));
        let old = match answer {
            Answer::Anew => {
                bench.transmit(&anew.segment(ACK, b""))?;
                let name = anew.saying(ACK | PSH, b"Ada");
                bench.taken(&mut anew, &name)?;
                return Ok(Verdict::unless(bench.reply(&mut anew)?.against()));
            }
            Answer::Refused => return Ok(Verdict::Passed),
            Answer::Silence => return Ok(Verdict::Noted("its SYN is dropped".to_owned())),
            Answer::Old(old) => old,
        };
        // As from any host that knows nothing of the old one (RFC 9293, 3.5.1).
        bench.transmit(&client.segment(RST, b"").seq(old.ack))?;
        let mut rest = client.clone();
        if !bench.listen(&mut rest, APART * 6)?.is_empty() {
            let what = "the reset with which it answers old numbers is answered";
            return Ok(Verdict::Failed(what.to_owned()));
        }
    }
    let what = "its SYN is answered by the numbers of the old one, a reset or not (RFC 1337, 3)";
    Ok(Verdict::Noted(what.to_owned()))
}

fn rst(bench: &mut Bench<'_>) -> Done {
    let Some(client) = bench.closed_first()? else {
        return Ok(Verdict::Failed(NOT_CLOSED.to_owned()));
    };
    let exact = client.segment(RST, b"");
    let far = exact.clone().seq(client.next.wrapping_add(1 << 20));
    let mut verdict = Verdict::Passed;
    for (reset, what) in [(far, "one with a number far off"), (exact, "it")] {
        let frame = bench.packet(reset.between(), &reset.bytes());
        let quiet = bench.quiet(
            &[frame],
            |heard| matches!(&heard.said, Said::Tcp(segment) if client.is_of(segment)),
        )?;
        verdict = match quiet.verdict(&format!("{what} is answered")) {
            Verdict::Passed => verdict,
            // That is answered once, while both of them would answer each other for ever.
            Verdict::Failed(said) if reset.seq != client.next => Verdict::Worse(said),
            other => other,
        };
    }
    Ok(verdict)
}

/// Twice the time for which a segment may live (section 3.4.2).
const TWICE: Duration = Duration::from_mins(4);

/// By so much it may be off.
const ROUGHLY: Duration = Duration::from_secs(10);

fn length(bench: &mut Bench<'_>) -> Done {
    let Some(client) = bench.closed_first()? else {
        return Ok(Verdict::Failed(NOT_CLOSED.to_owned()));
    };
    let begun = bench.now();
    let is_over = |bench: &mut Bench<'_>| bench.now().since(begun) > TWICE + ROUGHLY;
    while !is_over(bench) {
        // Before the old one's numbers: nothing but a free port takes it.
        let mut anew = client.anew(0_u32.wrapping_sub(10_000));
        match knock(bench, &mut anew, 1)? {
            Answer::Anew => {
                bench.abort(&mut anew)?;
                let took = bench.now().since(begun);
                bench.portray(Feature::TimeWait, Trait::Time(took));
                let is_usual = took + ROUGHLY > TWICE;
                let took = took.as_secs();
                return Ok(if is_usual {
                    Verdict::Passed
                } else {
                    Verdict::Noted(format!("after {took} s"))
                });
            }
            Answer::Refused => {
                return Ok(Verdict::Noted("a SYN is refused".to_owned()));
            }
            Answer::Old(_) => bench.pause(APART * 20)?,
            Answer::Silence => {}
        }
    }
    Ok(Verdict::Failed("it isn't".to_owned()))
}
