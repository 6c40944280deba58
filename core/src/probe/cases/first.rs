//! What other checks build on, found once and first: half-close, answers over UDP, and reassembly. How
//! many clients are served at once is in `places`.
//!
//! What isn't there is one failure, here. A check that needs it is skipped, and one that only happens
//! to use it goes another way.

use embedded_io::ErrorKind;

use super::super::Event;
use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level, Message, Reply, Whose};
use super::super::fact::Fact;
use super::super::need::{Mode, Need};
use super::super::session::{Answers, Session};
use super::super::stack::Dial;
use super::super::verdict::{Cause, Done, During, End, Expected, Failure, Verdict};
use super::udp::{REPLIES, message};

pub(super) static CASES: [Case; 3] = [
    About::new(
        "first/half-close",
        Level::Must,
        "RFC 9293, section 3.6",
        "A client that sends FIN behind its name MUST still get its reply.",
    )
    .needs(&[Need::Connections])
    .blames(Whose::Stack)
    .run(half_close),
    About::new(
        "first/udp-answers",
        Level::Must,
        REPLIES,
        "A message MUST be answered at all.",
    )
    .needs(&[Need::Udp])
    .run(udp_answers),
    About::new(
        "first/reassembly",
        Level::May,
        "RFC 1122, section 3.3.2",
        "A message of 1600 bytes, which most links carry in two fragments, MAY be put together.",
    )
    .needs(&[Need::Udp])
    .blames(Whose::Stack)
    .run(reassembly),
];

/// Segments may be lost; half-close isn't there one time and gone another.
const TRIES: u8 = 3;

/// Sends name and FIN at once: a server doesn't answer between them. The name is that of the client
/// whom every server must greet that is graded.
fn half_close(session: &mut Session<'_>) -> Done {
    let mode = session.home();
    let (name, due) = match mode {
        Mode::Name => (&b"client 65535"[..], Expected::Client(u16::MAX)),
        Mode::Lines => (&b"client 65535\n"[..], Expected::Line(u16::MAX)),
    };
    let mut last = Ok(Verdict::Passed);
    for _ in 0..TRIES {
        session.open_in(mode, 0, Dial::Plain).during("connecting")?;
        session.send_last(0, name);
        let result = session.expect(0, due);
        session.stack.close(0);
        last = result
            .during("a greeting after FIN")
            .map(|()| Verdict::Passed);
        if last.is_ok() {
            break;
        }
    }
    session.known.half_close = Some(last.is_ok());
    if last.is_err() {
        let fact = Fact::NoHalfClose;
        (session.report)(Event::Found { fact });
    }
    last
}

fn udp_answers(session: &mut Session<'_>) -> Done {
    const ANYTHING: Message = Message {
        datagram: &[Repeat(b"Ada", 1)],
        reply: Reply::Greeting,
    };
    let done = message(session, &ANYTHING);
    let end = match done {
        Ok(Verdict::Passed) => End::Fin,
        Err(Failure {
            cause: Cause::Reply { end, .. },
            ..
        }) => end,
        Err(Failure {
            cause: Cause::NoRoute(_),
            ..
        }) => End::Silence,
        other => return other,
    };
    session.known.answers = match end {
        End::Broken(ErrorKind::ConnectionRefused) => Answers::Closed,
        End::Broken(_) | End::Silence => Answers::None,
        // Whether it is the right one, others check.
        End::Fin | End::Flood | End::Open => Answers::Some,
    };
    if session.known.answers == Answers::Some {
        return Ok(Verdict::Passed);
    }
    done
}

/// A datagram of more than 576 bytes needn't be put together. One of fewer goes in fragments on no
/// Ethernet.
fn reassembly(session: &mut Session<'_>) -> Done {
    const LONG: Message = Message {
        datagram: &[Repeat(b"0123456789abcdef", 100)],
        reply: Reply::Refusal("Error: message is longer than 1024 bytes\n"),
    };
    let done = message(session, &LONG);
    let silent = matches!(
        done,
        Err(Failure {
            cause: Cause::Reply {
                end: End::Silence,
                ..
            },
            ..
        })
    );
    if matches!(done, Ok(Verdict::Passed)) || silent {
        session.known.reassembles = Some(!silent);
    }
    if silent {
        let fact = Fact::NoReassembly;
        (session.report)(Event::Found { fact });
    }
    done
}

impl Session<'_> {
    /// Whether fragments are put together, as far as it can be seen.
    pub(in super::super) fn reassembles(&mut self) -> bool {
        if self.known.reassembles.is_none() {
            let _ = reassembly(self);
        }
        self.known.reassembles.unwrap_or(true)
    }

    /// Whether a client that has sent FIN gets its reply. Found out when it is asked for first, while
    /// no connection is open.
    pub(in super::super) fn half_closes(&mut self) -> bool {
        if self.known.half_close.is_none() {
            let _ = half_close(self);
        }
        // Where nobody could be asked, nothing speaks against it.
        self.known.half_close.unwrap_or(true)
    }

    /// Finds out whether any message is answered, unless that is known.
    pub(in super::super) fn seek_answers(&mut self) {
        if self.known.answers == Answers::Unknown {
            let _ = udp_answers(self);
        }
    }
}
