//! Requests of many neighbors, beside which something goes on.

use core::net::Ipv4Addr;
use core::time::Duration;

use smoltcp::wire::{ArpOperation, EthernetAddress};

use crate::bench::craft::{self, Hop};
use crate::bench::{Bench, Client, Done, Stop, Verdict, further};

/// So many ask.
const SENDERS: u32 = 300;

/// After so many of them what goes on beside goes on.
const PART: u32 = 50;

/// How much of a name is said before.
const HELD: usize = 10;

pub(super) fn flood(bench: &mut Bench<'_>) -> Done {
    let Some((own, board)) = bench.v4() else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    if bench.serves.is_none() {
        bench.serves = Some(bench.has_server()?);
    }
    let mut greeting = match bench.serves {
        Some(true) => bench.hold(HELD)?,
        _ => None,
    };
    for sender in 1..=SENDERS {
        request(bench, sender, (own, board))?;
        // A burst is another check's.
        if sender % 4 == 0 {
            bench.pause(Duration::from_millis(4))?;
        }
        if sender % PART == 0
            && let Some(against) = goes_on(bench, greeting.as_mut())?
        {
            return Ok(Verdict::Failed(format!(
                "after requests of {sender} senders {against}"
            )));
        }
    }
    let Some(mut client) = greeting else {
        return Ok(Verdict::Passed);
    };
    let greeting = bench.finish(&mut client)?.against();
    Ok(Verdict::unless(greeting.map(|what| {
        format!("a greeting that began before them doesn't end as it should: {what}")
    })))
}

/// Asks for the board's address from one of many places beside its own, in the network that both are on.
fn request(
    bench: &mut Bench<'_>,
    sender: u32,
    (own, board): (Ipv4Addr, Ipv4Addr),
) -> Result<(), Stop> {
    let [.., high, low] = sender.to_be_bytes();
    let from = EthernetAddress([2, 0x61, 0x72, 0x70, high, low]);
    let address = Ipv4Addr::from_bits(own.to_bits() & !0xff | sender & 0xff);
    if address == own || address == board {
        return Ok(());
    }
    let hop = Hop {
        from,
        to: EthernetAddress::BROADCAST,
    };
    let target = (EthernetAddress([0; 6]), board);
    let frame = craft::arp(hop, ArpOperation::Request, (from, address), target);
    bench.send(&frame)
}

/// Says more of the name that is held open, or sends an echo where none is. What is against it, if it isn't taken.
fn goes_on(bench: &mut Bench<'_>, client: Option<&mut Client>) -> Result<Option<String>, Stop> {
    let Some(client) = client else {
        let is_alive = bench.is_alive()?;
        return Ok((!is_alive).then(|| "no echo is answered".to_owned()));
    };
    if bench.say(client, &further(b"on"), false)? {
        return Ok(None);
    }
    let how = if client.is_reset {
        "is reset"
    } else {
        "isn't acknowledged any more"
    };
    bench.abort(client)?;
    Ok(Some(format!("a greeting that goes on {how}")))
}
