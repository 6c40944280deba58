//! FIN and RST: sent when they were asked for, and not otherwise.

use std::task::Poll;
use std::time::Duration;

use embedded_io::Error as _;
use greet_core::transport::Stream as _;

use crate::clause::{Breach, Clause};
use crate::hands::{Hands, pattern, same};
use crate::world::{Lack, Seen, World};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "closing/fin-comes",
            "FIN of the peer is no bytes, after all bytes before it, whenever it is asked.",
            fin_comes,
        ),
        Clause::new(
            "closing/finish",
            "`finish` sends FIN behind what was sent, and leaves the other direction open.",
            finish,
        ),
        Clause::new(
            "closing/finish-alone",
            "`finish` sends FIN where nothing was sent before.",
            finish_alone,
        ),
        Clause::new(
            "closing/send-last",
            "`send_last` sends FIN behind the last byte, if it says so, and never before.",
            send_last,
        ),
        Clause::new(
            "closing/send-last-none",
            "`send_last` of no bytes sends FIN.",
            send_last_none,
        ),
        Clause::new(
            "closing/abort",
            "`abort` sends RST, so that nobody takes a part for the whole.",
            abort,
        )
        .needs(&[Lack::Reset]),
        Clause::new(
            "closing/release",
            "What was sent before a release is delivered, and FIN behind it.",
            release,
        ),
        Clause::new(
            "closing/released",
            "A connection that is released without `finish` ends for its peer.",
            released,
        ),
        Clause::new(
            "closing/no-fin",
            "The peer sees no end while nobody has asked for one.",
            no_fin,
        ),
    ]
}

fn fin_comes<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.peer_sends(0, b"the last words")?;
    hands.peers().finish(0);
    hands.expect(&mut handle, b"the last words")?;
    for _ in 0..2 {
        match hands.receive(&mut handle, &mut [0; 64])? {
            Ok(0) => {}
            other => return Err(Breach::new(format!("after FIN: {other:?}"))),
        }
    }
    // The other direction is still there.
    hands.send(&mut handle, b"an answer")?;
    hands.peer_gets(0, b"an answer")
}

fn finish<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.send(&mut handle, b"all there is")?;
    hands.finish(&mut handle)?;
    hands.peer_gets(0, b"all there is")?;
    hands.peer_gets_fin(0)?;
    hands.peer_sends(0, b"still here")?;
    hands.expect(&mut handle, b"still here")
}

fn finish_alone<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.finish(&mut handle)?;
    hands.peer_gets_fin(0)
}

fn send_last<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    // There is no room for the last bytes at once, nor for all of them later.
    let filled = hands.fill(&mut handle)?;
    let bytes = pattern(5_000_000);
    let mut sent = 0;
    let mut fin = false;
    let mut got = 0;
    let mut last = Vec::new();
    let mut buffer = vec![0; 65_536];
    let mut ended = false;
    hands.until_peers("the last byte and FIN at the peer", |hands| {
        while !fin {
            let left = &bytes[sent..];
            let result = hands.look(&mut handle, |stream| {
                stream.send_last(left).map_err(|error| error.kind())
            });
            match result {
                Poll::Ready(Ok(now)) if now.fin && now.bytes < left.len() => {
                    return Some(Err(Breach::new("FIN before the last byte")));
                }
                Poll::Ready(Ok(now)) if now.fin || (1..=left.len()).contains(&now.bytes) => {
                    sent += now.bytes;
                    fin = now.fin;
                }
                Poll::Ready(other) => {
                    return Some(Err(Breach::new(format!("send_last: {other:?}"))));
                }
                Poll::Pending => break,
            }
        }
        loop {
            match hands.peers().receive(0, &mut buffer) {
                Seen::Nothing => break,
                Seen::Bytes(n) => {
                    let first = filled.saturating_sub(got).min(n);
                    last.extend_from_slice(&buffer[first..n]);
                    got += n;
                }
                Seen::Fin => {
                    ended = true;
                    break;
                }
                Seen::Reset => return Some(Err(Breach::new("the peer saw RST"))),
            }
        }
        if ended && last.len() < bytes.len() {
            let how = format!("FIN after {} of {} bytes", last.len(), bytes.len());
            return Some(Err(Breach::new(how)));
        }
        (ended && fin).then(|| same(&last, &bytes))
    })?
}

fn send_last_none<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.send_last(&mut handle, &[])?;
    hands.peer_gets_fin(0)
}

fn abort<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.send(&mut handle, b"a part")?;
    hands.peer_gets(0, b"a part")?;
    hands.look(&mut handle, |stream| stream.abort());
    hands.release(handle);
    match hands.peer_sees(0, &mut [0; 64])? {
        Seen::Reset => Ok(()),
        other => Err(Breach::new(format!("the peer saw {other:?}, not RST"))),
    }
}

fn release<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    // Most of it is still on this side.
    let sent = hands.fill(&mut handle)?;
    hands.release(handle);
    hands.peer_empties(0, 0, sent)?;
    hands.peer_gets_fin(0)
}

fn released<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.send(&mut handle, b"the end")?;
    hands.peer_gets(0, b"the end")?;
    hands.release(handle);
    match hands.peer_sees(0, &mut [0; 64])? {
        Seen::Fin | Seen::Reset => Ok(()),
        other => Err(Breach::new(format!("the peer saw {other:?}"))),
    }
}

fn no_fin<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.send(&mut handle, b"more to come")?;
    hands.peer_gets(0, b"more to come")?;
    hands.pass(Duration::from_millis(500));
    match hands.peers().receive(0, &mut [0; 64]) {
        Seen::Nothing => Ok(()),
        other => Err(Breach::new(format!("the peer saw {other:?}"))),
    }
}
