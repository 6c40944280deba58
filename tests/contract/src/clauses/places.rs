//! Places: they come back, whatever became of the client, and who waits for one gets it.

use std::task::Poll;
use std::time::Duration;

use crate::clause::{Breach, Clause};
use crate::hands::Hands;
use crate::world::{Lack, World};
use greet_core::transport::{Listener as _, Stream as _};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "places/peer",
            "The address that `accept` reports is the peer's.",
            peer,
        ),
        Clause::new(
            "places/reuse",
            "A place that was released comes back: after FIN both ways, and after RST.",
            reuse,
        ),
        Clause::new(
            "places/linger",
            "A place comes back from a client that never closes.",
            linger,
        )
        .needs(&[Lack::Places]),
        Clause::new(
            "places/vanished",
            "A place comes back from a client that vanished with bytes on their way.",
            vanished,
        )
        .needs(&[Lack::Vanish]),
        Clause::new(
            "places/half-open",
            "A handshake that never ends keeps nobody out for good.",
            half_open,
        )
        .needs(&[Lack::HalfOpen]),
        Clause::new(
            "places/waiting",
            "A client for whom there is no place waits, and is accepted once there is one.",
            waiting,
        )
        .needs(&[Lack::Backlog]),
        Clause::new(
            "places/awaited",
            "`is_awaited` says whether somebody waits.",
            awaited,
        )
        .needs(&[Lack::Backlog]),
        Clause::new(
            "places/gone",
            "A client that is gone before it was accepted is no error.",
            gone,
        ),
    ]
}

fn peer<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for peer in 0..2 {
        hands.peers().connect(peer);
        let address = hands.until("accept", |hands| {
            let now = hands.now();
            match hands.world.listener().accept(now) {
                Poll::Ready(Ok((_, address))) => Some(address),
                _ => None,
            }
        })?;
        let own = hands.until_peers("the peer's address", |hands| hands.peers().address(peer))?;
        if own != address {
            return Err(Breach::new(format!("{address}, but it is {own}")));
        }
    }
    Ok(())
}

/// One short conversation, which this side ends.
fn converse<W: World>(hands: &mut Hands<'_, W>, peer: usize) -> Result<W::Handle, Breach> {
    let mut handle = hands.accept()?;
    let word = format!("peer {peer}").into_bytes();
    hands.peer_sends(peer, &word)?;
    hands.expect(&mut handle, &word)?;
    hands.send_last(&mut handle, &word)?;
    hands.peer_gets(peer, &word)?;
    hands.peer_gets_fin(peer)?;
    Ok(handle)
}

fn reuse<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let resets = hands.world.lacks(Lack::Reset).is_none();
    for peer in 0..3 * hands.world.places() + 2 {
        hands.peers().connect(peer);
        if peer % 2 == 0 || !resets {
            let handle = converse(&mut hands, peer)?;
            hands.peers().close(peer);
            hands.release(handle);
        } else {
            let mut handle = hands.accept()?;
            hands.look(&mut handle, |stream| stream.abort());
            hands.release(handle);
        }
        hands.pass(Duration::from_millis(5));
    }
    Ok(())
}

fn linger<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    // None of them ever closes.
    for peer in 0..=2 * hands.world.places() {
        hands.peers().connect(peer);
        let handle = converse(&mut hands, peer)?;
        hands.release(handle);
    }
    Ok(())
}

fn vanished<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let places = hands.world.places();
    for peer in 0..places {
        let mut handle = hands.open(peer)?;
        hands.peers().vanish(peer);
        hands.send(&mut handle, b"nobody gets this")?;
        hands.finish(&mut handle)?;
        hands.release(handle);
    }
    hands.peers().connect(places);
    converse(&mut hands, places).map(drop)
}

fn half_open<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for _ in 0..hands.world.places() {
        hands.peers().half_open();
        hands.pass(Duration::from_millis(1));
    }
    if hands.try_accept()?.is_some() {
        return Err(Breach::new("a handshake that isn't complete was accepted"));
    }
    hands.peers().connect(0);
    converse(&mut hands, 0).map(drop)
}

fn waiting<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let places = hands.world.places();
    let mut handles = Vec::new();
    for peer in 0..places {
        hands.peers().connect(peer);
        handles.push(hands.accept()?);
    }
    hands.peers().connect(places);
    hands.pass(Duration::from_millis(200));
    if let crate::world::Seen::Reset = hands.peers().receive(places, &mut [0; 8]) {
        return Err(Breach::new("who waited was refused"));
    }
    if let Some(mut handle) = handles.pop() {
        hands.finish(&mut handle)?;
        hands.release(handle);
        hands.peers().close(places - 1);
    }
    converse(&mut hands, places).map(drop)
}

fn awaited<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let places = hands.world.places();
    let mut handles = Vec::new();
    for peer in 0..places {
        hands.peers().connect(peer);
        handles.push(hands.accept()?);
    }
    hands.pass(Duration::from_millis(50));
    if hands.world.listener().is_awaited() {
        return Err(Breach::new("it says so, and nobody waits"));
    }
    hands.peers().connect(places);
    let until = hands.bound();
    while !hands.world.listener().is_awaited() {
        if hands.now() >= until {
            return Err(Breach::new("it never says that somebody waits"));
        }
        hands.world.pass(until);
    }
    Ok(())
}

fn gone<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for peer in 0..2 * hands.world.places() {
        hands.peers().connect(peer);
        hands.until_peers("connecting", |hands| hands.peers().address(peer))?;
        hands.peers().reset(peer);
        hands.pass(Duration::from_millis(20));
        // It may be handed out all the same, and then break.
        if let Some(mut handle) = hands.try_accept()? {
            let _ = hands.receive(&mut handle, &mut [0; 8])?;
            hands.release(handle);
        }
    }
    let peer = 2 * hands.world.places();
    hands.peers().connect(peer);
    converse(&mut hands, peer).map(drop)
}
