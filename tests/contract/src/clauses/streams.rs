//! Bytes in both directions, and what a stream says when there are none.

use std::task::Poll;
use std::time::Duration;

use greet_core::transport::Stream as _;

use crate::clause::{Breach, Clause};
use crate::hands::{Hands, pattern, ready, same};
use crate::world::{Lack, Seen, World};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "streams/incoming",
            "All bytes of the peer come, once and in order, however large and small the buffers.",
            incoming,
        ),
        Clause::new(
            "streams/outgoing",
            "Bytes that `send` took arrive, once and in order.",
            outgoing,
        ),
        Clause::new(
            "streams/quiet",
            "`receive` is pending while nothing is waiting; only FIN is no bytes.",
            quiet,
        ),
        Clause::new(
            "streams/back-pressure",
            "`send` is pending while there is no room, and goes on when there is some.",
            back_pressure,
        ),
        Clause::new(
            "streams/patience",
            "Bytes that nobody receives yet are kept, and make the peer wait.",
            patience,
        ),
        Clause::new(
            "streams/own-bytes",
            "No connection gets the bytes of another.",
            own_bytes,
        ),
        Clause::new(
            "streams/reset",
            "A connection that the peer has reset is an error, not FIN.",
            reset,
        )
        .needs(&[Lack::Reset]),
        Clause::new(
            "streams/in-one-segment",
            "Where a number of bytes comes in one segment, each smaller one does, and none of 536 or more.",
            in_one_segment,
        ),
    ]
}

fn incoming<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    let bytes = pattern(40_000);
    let mut sent = 0;
    let mut got = Vec::new();
    for size in [1, 700, 3, 1024, 77].into_iter().cycle() {
        let mut buffer = vec![0; size];
        let n = hands
            .until("bytes from the peer", |hands| {
                sent += hands.peers().send(0, &bytes[sent..]);
                ready(hands.try_receive(&mut handle, &mut buffer))
            })?
            .map_err(|kind| Breach::new(format!("receive failed: {kind:?}")))?;
        if n == 0 || n > size {
            return Err(Breach::new(format!("{n} bytes in a buffer of {size}")));
        }
        got.extend_from_slice(&buffer[..n]);
        same(&got, &bytes)?;
        if got.len() == bytes.len() {
            return Ok(());
        }
    }
    Ok(())
}

fn outgoing<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    let bytes = pattern(40_000);
    let mut sent = 0;
    let mut got = Vec::new();
    let mut buffer = [0; 900];
    hands.until_peers("all bytes at the peer", |hands| {
        loop {
            let piece = &bytes[sent..bytes.len().min(sent + 313)];
            match hands.try_send(&mut handle, piece) {
                Poll::Ready(Ok(n)) if n > 0 => sent += n,
                Poll::Ready(Ok(_)) if piece.is_empty() => break,
                Poll::Ready(other) => return Some(Err(Breach::new(format!("send: {other:?}")))),
                Poll::Pending => break,
            }
        }
        while let Seen::Bytes(n) = hands.peers().receive(0, &mut buffer) {
            got.extend_from_slice(&buffer[..n]);
        }
        match same(&got, &bytes) {
            Ok(()) if got.len() < bytes.len() => None,
            done => Some(done),
        }
    })?
}

fn quiet<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    for word in [&b"one"[..], b"two"] {
        if let Poll::Ready(got) = hands.try_receive(&mut handle, &mut [0; 64]) {
            return Err(Breach::new(format!("before any byte: {got:?}")));
        }
        hands.peer_sends(0, word)?;
        hands.expect(&mut handle, word)?;
    }
    Ok(())
}

fn back_pressure<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    let sent = hands.fill(&mut handle)?;
    // The peer reads: all of it is there, and there is room for more.
    hands.peer_empties(0, 0, sent)?;
    hands.send(&mut handle, b"more")?;
    hands.peer_gets(0, b"more")
}

fn patience<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    let bytes = pattern(3_000);
    let mut sent = 0;
    for _ in 0..20 {
        sent += hands.peers().send(0, &bytes[sent..]);
        hands.pass(Duration::from_millis(20));
    }
    // Nobody has received anything: what the peer could send waits, and the rest follows it.
    let mut got = Vec::new();
    let mut buffer = [0; 500];
    while got.len() < bytes.len() {
        let n = hands
            .until("bytes from the peer", |hands| {
                sent += hands.peers().send(0, &bytes[sent..]);
                ready(hands.try_receive(&mut handle, &mut buffer))
            })?
            .map_err(|kind| Breach::new(format!("receive failed: {kind:?}")))?;
        if n == 0 {
            return Err(Breach::new(format!("FIN after {} bytes", got.len())));
        }
        got.extend_from_slice(&buffer[..n]);
        same(&got, &bytes)?;
    }
    Ok(())
}

fn own_bytes<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let count = hands.world.places().min(4);
    let mut handles = Vec::new();
    for peer in 0..count {
        handles.push(hands.open(peer)?);
    }
    let name = |peer: usize| format!("peer {peer} {}", "x".repeat(peer * 40)).into_bytes();
    for peer in (0..count).rev() {
        hands.peer_sends(peer, &name(peer))?;
    }
    for (peer, handle) in handles.iter_mut().enumerate() {
        hands.expect(handle, &name(peer))?;
        hands.send(handle, &name(peer))?;
    }
    for peer in (0..count).rev() {
        hands.peer_gets(peer, &name(peer))?;
    }
    Ok(())
}

fn reset<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.peers().reset(0);
    if let Ok(n) = hands.receive(&mut handle, &mut [0; 64])? {
        return Err(Breach::new(format!(
            "{n} bytes of a connection that is reset"
        )));
    }
    hands.release(handle);
    Ok(())
}

fn in_one_segment<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    let mut whole = true;
    for len in 1..2_000 {
        let now = hands.look(&mut handle, |stream| stream.in_one_segment(len));
        if now && (!whole || len >= 536) {
            return Err(Breach::new(format!("{len} bytes in one segment")));
        }
        whole = now;
    }
    Ok(())
}
