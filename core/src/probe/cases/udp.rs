//! Messages over UDP: one and its answer, what must not be answered, and a burst.
//!
//! A datagram may be lost on its way, so each is sent again and again before its silence counts.

use core::time::Duration;

use embedded_io::ErrorKind;

use super::super::bytes::{Repeat, byte_of, len_of};
use super::super::case::{About, Body, Case, Level, Message, Reply, Whose};
use super::super::need::Need;
use super::super::session::Session;
use super::super::stack::StackError;
use super::super::verdict::{Cause, Done, During, End, Expected, Failure, Verdict};

pub(super) const REPLIES: &str = "PROTOCOL.md, Replies over UDP";

pub(super) static CASES: [Case; 15] = [
    udp(
        "udp/ada",
        "A message MUST be answered with `Hello, ` and the message.",
        &[Repeat(b"Ada", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/plain",
        "A message that starts with `Hello, ` MUST NOT be answered.",
        &[Repeat(b"Hello, UDP!", 1)],
        Reply::Nothing,
    ),
    udp(
        "udp/empty",
        "The empty datagram MUST be answered with `Hello, `.",
        &[],
        Reply::Greeting,
    ),
    udp(
        "udp/chinese",
        "A message in characters of three bytes MUST come back byte for byte.",
        &[Repeat(b"\xe4\xbd\xa0\xe5\xa5\xbd", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/full",
        "A message of 1024 bytes MUST be answered with all 1031 bytes.",
        &[Repeat(b"a", 1024)],
        Reply::Greeting,
    ),
    udp(
        "udp/too-long",
        "A message of 1025 bytes MUST be refused, not cut.",
        &[Repeat(b"a", 1025)],
        Reply::Refusal("Error: message is longer than 1024 bytes\n"),
    ),
    Case {
        about: About::new(
            "udp/too-long-far",
            Level::May,
            "RFC 1122, section 3.3.2",
            "A message of 8000 bytes, which IP fragments on most links, MAY be put together, and is refused.",
        )
        .needs(&[Need::Udp, Need::Reassembly])
        .blames(Whose::Stack),
        body: Body::Udp(Message {
            datagram: &[Repeat(b"a", 8000)],
            reply: Reply::Refusal("Error: message is longer than 1024 bytes\n"),
        }),
    },
    udp(
        "udp/not-utf8",
        "A message that is not UTF-8 MUST be refused with the place of the fault.",
        &[Repeat(b"a\xff", 1)],
        Reply::Refusal("Error: message is not UTF-8 at byte 1\n"),
    ),
    udp(
        "udp/forged-line",
        "A message with a line feed MUST come back byte for byte.",
        &[Repeat(b"x\nReceived message: y from 127.0.0.1:1", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/terminal",
        "A message with control characters MUST come back byte for byte.",
        &[Repeat(b"\x1b[2J\x07\x0d", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/bidi",
        "A message with a change of writing direction MUST come back byte for byte.",
        &[Repeat(b"a\xe2\x80\xaeb", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/c1",
        "A message with an 8-bit control character MUST come back byte for byte.",
        &[Repeat(b"a\xc2\x9b2Jb", 1)],
        Reply::Greeting,
    ),
    udp(
        "udp/loop-greeting",
        "A greeting MUST NOT be answered.",
        &[Repeat(b"Hello, Ada", 1)],
        Reply::Nothing,
    ),
    udp(
        "udp/loop-refusal",
        "A refusal MUST NOT be answered.",
        &[Repeat(b"Error: x\n", 1)],
        Reply::Nothing,
    ),
    About::new(
        "udp/burst",
        Level::Should,
        REPLIES,
        "Of 32 messages at once, at least half SHOULD be answered.",
    )
    .needs(&[Need::Udp])
    .blames(Whose::Stack)
    .run(burst),
];

const fn udp(
    id: &'static str,
    sentence: &'static str,
    datagram: &'static [Repeat],
    reply: Reply,
) -> Case {
    Case {
        about: About::new(id, Level::Must, REPLIES, sentence).needs(&[Need::Udp]),
        body: Body::Udp(Message { datagram, reply }),
    }
}

/// How often a datagram is sent at least that isn't answered.
const TRIES: u32 = 3;

/// How long its answer is waited for before it is sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// How many datagrams make a burst.
const BURST: u16 = 32;

/// How long nothing more may come before a burst counts as over.
const OVER: Duration = Duration::from_millis(500);

/// Follows what must not be answered: its answer must be the first that comes.
const NEXT: &[Repeat] = &[Repeat(b"next", 1)];

/// Sends one datagram, and compares the answer.
pub(in super::super) fn message(session: &mut Session<'_>, message: &Message) -> Done {
    let expected = match message.reply {
        Reply::Greeting => Expected::Greeting(message.datagram),
        Reply::Refusal(sentence) => Expected::Refusal(sentence),
        Reply::Nothing => Expected::Greeting(NEXT),
    };
    if len_of(message.datagram) > session.room.len() {
        return Ok(Verdict::Skipped(
            "this stack has no room for so long a datagram",
        ));
    }
    let pause = AGAIN.min(session.plan.timeout / TRIES);
    let bound = session.bound();
    let mut broken = false;
    let mut no_route = None;
    let end = loop {
        session.drain_datagrams();
        let until = session.stack.now() + pause;
        match session.send_datagram(|at| byte_of(message.datagram, at), until) {
            Err(StackError::Refused(ErrorKind::OutOfMemory | ErrorKind::InvalidInput)) => {
                return Ok(Verdict::Skipped("this stack can't send so long a datagram"));
            }
            Err(StackError::Lacks(reason)) => return Ok(Verdict::Skipped(reason)),
            Err(StackError::NoRoute(reason)) => no_route = Some(reason),
            _ => {}
        }
        if message.reply == Reply::Nothing {
            // It waits its turn where the first had to wait as well.
            let _ = session.send_datagram(|at| byte_of(NEXT, at), until);
        }
        match session.take_datagram(until) {
            End::Silence if session.stack.now() < bound => {}
            // It may speak of a datagram from before.
            End::Broken(_) if !broken => broken = true,
            end => break end,
        }
    };
    session
        .judge(expected, end)
        .map_err(|cause| match (end, no_route) {
            (End::Silence, Some(reason)) => Cause::NoRoute(reason),
            _ => cause,
        })
        .during("one message")?;
    Ok(Verdict::Passed)
}

fn burst(session: &mut Session<'_>) -> Done {
    let failed = |cause| Failure {
        during: "a burst of messages",
        cause,
    };
    session.drain_datagrams();
    let until = session.bound();
    for number in 0..BURST {
        let name = Expected::Client(number);
        if let Err(StackError::Lacks(reason)) =
            session.send_datagram(|at| name.name_byte(at), until)
        {
            return Ok(Verdict::Skipped(reason));
        }
    }
    let mut seen = 0_u32;
    while seen.count_ones() < u32::from(BURST) {
        let until = session.stack.now() + OVER;
        if session.take_datagram(until) != End::Fin {
            break;
        }
        match (0..BURST).find(|number| Expected::Client(*number).is(session.actual())) {
            Some(number) => seen |= 1 << number,
            None => {
                return Err(failed(Cause::Reply {
                    expected: Expected::Client(0),
                    end: End::Fin,
                }));
            }
        }
    }
    let sent = BURST;
    let answered = u16::try_from(seen.count_ones()).unwrap_or(BURST);
    if answered < sent / 2 {
        return Err(failed(Cause::Lost { sent, answered }));
    }
    Ok(if answered < sent {
        Verdict::PassedWithLoss { sent, answered }
    } else {
        Verdict::Passed
    })
}
