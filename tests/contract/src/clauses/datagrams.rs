//! Datagrams: whole, told when cut, refused when too long, answered from the address that was asked.

use std::task::Poll;

use greet_core::transport::{Datagram, Datagrams as _};

use crate::clause::{Breach, Clause};
use crate::hands::{Hands, pattern, same};
use crate::world::{Lack, World};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    const UDP: &[Lack] = &[Lack::Datagrams];
    vec![
        Clause::new(
            "datagrams/whole",
            "Each datagram comes whole, by itself and in its turn, the empty one too.",
            whole,
        )
        .needs(UDP),
        Clause::new(
            "datagrams/cut",
            "A datagram that is longer than the buffer is said to be longer.",
            cut,
        )
        .needs(UDP),
        Clause::new(
            "datagrams/refused",
            "A datagram that can never be sent is an error, not silence.",
            refused,
        )
        .needs(UDP),
        Clause::new(
            "datagrams/answer",
            "An answer reaches who asked, whole.",
            answer,
        )
        .needs(UDP),
        Clause::new(
            "datagrams/address",
            "An answer leaves from the address that was asked.",
            address,
        )
        .needs(&[Lack::Datagrams, Lack::TwoAddresses]),
        Clause::new(
            "datagrams/broadcast",
            "An answer to who asks everybody leaves from an address of one's own.",
            broadcast,
        )
        .needs(&[Lack::Datagrams, Lack::Broadcast]),
        Clause::new(
            "datagrams/own",
            "The socket doesn't take a peer's address for its own.",
            own,
        )
        .needs(UDP),
    ]
}

fn receive<W: World>(hands: &mut Hands<'_, W>, buffer: &mut [u8]) -> Result<Datagram, Breach> {
    hands.until("a datagram", |hands| {
        match hands.world.datagrams().receive_from(buffer) {
            Poll::Ready(Ok(datagram)) => Some(Ok(datagram)),
            Poll::Ready(Err(error)) => {
                Some(Err(Breach::new(format!("receive_from failed: {error:?}"))))
            }
            Poll::Pending => None,
        }
    })?
}

fn whole<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut buffer = [0; 1_400];
    for len in [5, 0, 1, 1_024, 536] {
        let sent = pattern(len);
        hands.peers().send_datagram(0, &sent);
        let got = receive(&mut hands, &mut buffer)?;
        if got.len != len {
            return Err(Breach::new(format!("{} bytes of {len}", got.len)));
        }
        same(&buffer[..len], &sent)?;
    }
    Ok(())
}

fn cut<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut buffer = [0; 100];
    for len in [101, 800] {
        let sent = pattern(len);
        hands.peers().send_datagram(0, &sent);
        let got = receive(&mut hands, &mut buffer)?;
        if got.len <= buffer.len() {
            return Err(Breach::new(format!("{} bytes of {len}", got.len)));
        }
        same(&buffer, &sent[..buffer.len()])?;
    }
    // The next one is not what is left of the last.
    hands.peers().send_datagram(0, b"next");
    let got = receive(&mut hands, &mut buffer)?;
    same(&buffer[..got.len.min(100)], b"next")
}

fn ask<W: World>(hands: &mut Hands<'_, W>, to: usize) -> Result<Datagram, Breach> {
    hands.peers().send_datagram(to, b"question");
    question(hands)
}

fn question<W: World>(hands: &mut Hands<'_, W>) -> Result<Datagram, Breach> {
    let mut buffer = [0; 64];
    let question = receive(hands, &mut buffer)?;
    same(&buffer[..question.len.min(64)], b"question")?;
    Ok(question)
}

fn refused<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let question = ask(&mut hands, 0)?;
    // No version of IP has a datagram of that length.
    let endless = vec![0; 70_000];
    let sent = hands.until("send_to", |hands| {
        let mut socket = hands.world.datagrams();
        match socket.send_to(&endless, question.from, question.local) {
            Poll::Ready(sent) => Some(sent.is_ok()),
            Poll::Pending => None,
        }
    })?;
    if sent {
        return Err(Breach::new("a datagram of 70,000 bytes was taken"));
    }
    Ok(())
}

fn respond<W: World>(
    hands: &mut Hands<'_, W>,
    question: &Datagram,
    answer: &[u8],
) -> Result<Option<usize>, Breach> {
    hands.until("send_to", |hands| {
        let mut socket = hands.world.datagrams();
        match socket.send_to(answer, question.from, question.local) {
            Poll::Ready(Ok(())) => Some(Ok(())),
            Poll::Ready(Err(error)) => Some(Err(Breach::new(format!("send_to failed: {error:?}")))),
            Poll::Pending => None,
        }
    })??;
    let mut buffer = [0; 1_400];
    let (len, from) = hands.until_peers("the answer", |hands| {
        hands.peers().receive_datagram(&mut buffer)
    })?;
    if len != answer.len() {
        return Err(Breach::new(format!("{len} bytes of {}", answer.len())));
    }
    same(&buffer[..len], answer)?;
    Ok(from)
}

fn answer<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for len in [3, 0, 1_031] {
        let question = ask(&mut hands, 0)?;
        respond(&mut hands, &question, &pattern(len))?;
    }
    Ok(())
}

fn address<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for to in [1, 0, 1] {
        let question = ask(&mut hands, to)?;
        if question.local.address.is_none() {
            return Err(Breach::new("it doesn't say which address was asked"));
        }
        match respond(&mut hands, &question, b"answer")? {
            Some(from) if from == to => {}
            other => {
                return Err(Breach::new(format!(
                    "asked at address {to}, answered from {other:?}"
                )));
            }
        }
    }
    Ok(())
}

fn broadcast<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for _ in 0..2 {
        hands.peers().send_to_all(b"question");
        let question = question(&mut hands)?;
        // Nobody may send from an address of many (RFC 1122, section 3.2.1.3).
        if respond(&mut hands, &question, b"answer")?.is_none() {
            return Err(Breach::new("answered from an address that isn't its own"));
        }
    }
    Ok(())
}

fn own<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let question = ask(&mut hands, 0)?;
    if hands.world.datagrams().is_own(question.from) {
        return Err(Breach::new("it does"));
    }
    Ok(())
}
