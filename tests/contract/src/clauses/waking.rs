//! Who waits is woken: by a connection, by bytes, by FIN, by room, by a datagram.

use std::task::Poll;
use std::time::Duration;

use crate::clause::{Breach, Clause};
use crate::hands::Hands;
use crate::world::{Lack, Seen, World};
use greet_core::transport::{Datagrams as _, Listener as _};

pub(super) fn clauses<W: World>() -> Vec<Clause<W>> {
    vec![
        Clause::new(
            "waking/connection",
            "A new connection ends a wait.",
            connection,
        ),
        Clause::new("waking/bytes", "Bytes that come end a wait.", bytes),
        Clause::new("waking/fin", "FIN ends a wait.", fin),
        Clause::new("waking/room", "Room to send ends a wait.", room),
        Clause::new("waking/datagram", "A datagram ends a wait.", datagram)
            .needs(&[Lack::Datagrams]),
    ]
}

/// A wait for what comes at once may take so long, and no longer.
const LONG: Duration = Duration::from_secs(10);

/// Waits for what `ready` sees, and says when the wait was over for the time alone.
fn woken<W: World>(
    hands: &mut Hands<'_, W>,
    what: &str,
    mut ready: impl FnMut(&mut Hands<'_, W>) -> bool,
) -> Result<(), Breach> {
    let until = hands.now() + LONG.min(hands.world.patience());
    loop {
        hands.world.wait(until);
        if hands.now() >= until {
            return Err(Breach::new(format!("{what} didn't end a wait: time did")));
        }
        if ready(hands) {
            return Ok(());
        }
    }
}

/// Nothing is waiting to be read, and the adapter has said so.
fn idle<W: World>(hands: &mut Hands<'_, W>, handle: &mut W::Handle) -> Result<(), Breach> {
    match hands.try_receive(handle, &mut [0; 64]) {
        Poll::Pending => Ok(()),
        Poll::Ready(got) => Err(Breach::new(format!("before any byte: {got:?}"))),
    }
}

fn connection<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    hands.try_accept()?;
    hands.peers().connect(0);
    woken(&mut hands, "a connection", |hands| {
        let now = hands.now();
        hands.world.listener().accept(now).is_ready()
    })
}

fn bytes<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    // Twice: an edge that was seen once must come again.
    for _ in 0..2 {
        idle(&mut hands, &mut handle)?;
        hands.peer_sends(0, b"hello")?;
        woken(
            &mut hands,
            "bytes",
            |hands| matches!(hands.try_receive(&mut handle, &mut [0; 64]), Poll::Ready(Ok(n)) if n > 0),
        )?;
    }
    Ok(())
}

fn fin<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    idle(&mut hands, &mut handle)?;
    hands.peers().finish(0);
    woken(&mut hands, "FIN", |hands| {
        hands.try_receive(&mut handle, &mut [0; 64]) == Poll::Ready(Ok(0))
    })
}

fn room<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    let mut handle = hands.open(0)?;
    hands.fill(&mut handle)?;
    // The peer takes what there is; only the adapter can tell that there is room again.
    let mut buffer = vec![0; 65_536];
    let mut drain = move |hands: &mut Hands<'_, W>| {
        while let Seen::Bytes(_) = hands.peers().receive(0, &mut buffer) {}
    };
    drain(&mut hands);
    woken(&mut hands, "room", |hands| {
        drain(hands);
        hands.try_send(&mut handle, b"more").is_ready()
    })
}

fn datagram<W: World>(world: &mut W) -> Result<(), Breach> {
    let mut hands = Hands { world };
    for _ in 0..2 {
        let mut socket = hands.world.datagrams();
        if socket.receive_from(&mut [0; 64]).is_ready() {
            return Err(Breach::new("a datagram that nobody sent"));
        }
        drop(socket);
        hands.peers().send_datagram(0, b"hello");
        woken(&mut hands, "a datagram", |hands| {
            hands
                .world
                .datagrams()
                .receive_from(&mut [0; 64])
                .is_ready()
        })?;
    }
    Ok(())
}
