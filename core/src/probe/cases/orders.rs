//! Clients in orders that chance chooses, again and again: what goes wrong once in ten or twenty times is
//! seen as well. Half characters and farewells are the end of many a server, so its other faults are looked
//! for first.

use core::time::Duration;

use super::super::Event;
use super::super::bytes::Repeat;
use super::super::case::{About, Case, Level};
use super::super::chance::Chance;
use super::super::fact::Fact;
use super::super::need::Need;
use super::super::session::Session;
use super::super::verdict::{Cause, Done, During, Expected, Verdict};
use super::REFUSALS;

pub(super) static CASES: [Case; 1] = [About::new(
    "crowd/in-any-order",
    Level::Must,
    REFUSALS,
    "In whatever order clients come, speak and leave, each MUST get its own greeting.",
)
.needs(&[Need::Name, Need::Clients])
.run(in_any_order)];

/// So many orders are tried, unless that takes too long.
const ORDERS: u16 = 64;
const LEAST: u16 = 4;
const BUDGET: Duration = Duration::from_millis(1500);
const QUICK_BUDGET: Duration = Duration::from_millis(300);

/// No more clients than this come in one order.
const MOST: usize = 16;

/// A character, whose first byte comes early.
const HELD: &[Repeat] = &[Repeat("世".as_bytes(), 1)];

/// What a client does.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// Says its name.
    Speaks,
    /// Begins a name when it comes, and ends it when it is its turn.
    Hesitates,
    /// Leaves when it is its turn, without a word.
    Leaves,
}

/// A client of one order.
#[derive(Clone, Copy)]
struct Client {
    slot: usize,
    number: u16,
    part: Part,
}

impl Client {
    fn expected(self) -> Expected {
        match self.part {
            Part::Speaks => Expected::Client(self.number),
            Part::Hesitates | Part::Leaves => Expected::Greeting(HELD),
        }
    }
}

fn in_any_order(session: &mut Session<'_>) -> Done {
    let mut chance = Chance::new(session.plan.seed);
    let budget = if session.plan.quick {
        QUICK_BUDGET
    } else {
        BUDGET
    };
    let end = session.stack.now() + budget;
    for right in 0..ORDERS {
        if right >= LEAST && session.stack.now() >= end {
            break;
        }
        if let Err(cause) = one_order(session, &mut chance) {
            let fact = Fact::Orders { right };
            (session.report)(Event::Found { fact });
            return Err(cause).during("the greeting of one of many, in an order by seed");
        }
    }
    Ok(Verdict::Passed)
}

fn one_order(session: &mut Session<'_>, chance: &mut Chance) -> Result<(), Cause> {
    let most = usize::from(session.plan.clients)
        .min(session.stack.slots())
        .min(MOST);
    let count = (1 + chance.below(most)).max(most.min(2));
    let first = chance.below(usize::from(u16::MAX) - MOST);
    let mut clients = [Client {
        slot: 0,
        number: 0,
        part: Part::Speaks,
    }; MOST];
    let clients = clients.get_mut(..count).unwrap_or_default();
    for (slot, client) in clients.iter_mut().enumerate() {
        client.slot = slot;
        client.number = u16::try_from(first + slot).unwrap_or_default();
        client.part = match chance.below(8) {
            0 | 1 => Part::Hesitates,
            2 => Part::Leaves,
            _ => Part::Speaks,
        };
    }
    chance.shuffle(clients);
    for client in &*clients {
        session.open_when_free(client.slot)?;
        if client.part == Part::Hesitates {
            session.send(client.slot, HELD, 0, 1);
        }
    }
    chance.shuffle(clients);
    for client in &*clients {
        match client.part {
            Part::Speaks => session.send_client(client.slot, client.number),
            Part::Hesitates => {
                session.send(client.slot, HELD, 1, usize::MAX);
                session.end_name(client.slot);
            }
            Part::Leaves => session.stack.close(client.slot),
        }
    }
    chance.shuffle(clients);
    for client in clients.iter().filter(|client| client.part != Part::Leaves) {
        let mut greeted = session.expect(client.slot, client.expected());
        session.stack.close(client.slot);
        // Where segments are lost, its handshake may have had to give way to somebody else's.
        let loses = session.loses();
        if greeted
            .is_err_and(|cause| session.gave_way(cause) || loses && session.may_be_lost(cause))
        {
            let until = session.patience();
            greeted = session
                .greet_when_free(client.slot, client.number, until)
                .map(drop);
        }
        greeted?;
    }
    Ok(())
}
