//! Entries of neighbors: what waits for one, and what changes it. Each check has an address of its own that
//! the board has never heard of.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use greet_core::probe::{Case, Level};
use smoltcp::wire::{ArpOperation, EthernetAddress};

use crate::bench::craft::{self, Ends, Hop};
use crate::bench::{
    Bench, Body, Done, Feature, Heard, PATIENCE, Said, Stop, Trait, Verdict, Wants,
};

use super::case;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "arp/queue",
        Level::Should,
        "RFC 1122, 2.3.2.2",
        "A packet whose neighbor has to be asked for waits, and is sent once the neighbor has answered",
        &[Wants::V4, Wants::Echo, Wants::Alone],
        arp_queue,
        "the first packet to each neighbor is lost: a connection begins a second late",
    ),
    case(
        "arp/gratuitous",
        Level::May,
        "RFC 826",
        "A known neighbor that tells all that it has another hardware address is reached there at once",
        &[Wants::V4, Wants::Echo, Wants::Alone],
        gratuitous,
        "after a failover it talks to the host that is gone until its entry expires",
    ),
    case(
        "arp/moved",
        Level::Should,
        "RFC 1122, 2.3.2.1",
        "A neighbor that has another hardware address, and says nothing of it, is reached within two minutes",
        &[Wants::V4, Wants::Echo, Wants::Alone, Wants::Patience],
        moved,
        "an entry of ARP is asked for again late, or never: a neighbor whose card was changed is lost for minutes",
    ),
    case(
        "ndp/queue",
        Level::Must,
        "RFC 4861, 7.2.2",
        "A packet over IPv6 whose neighbor has to be asked for waits, and is sent once the neighbor has answered",
        &[Wants::Echo6, Wants::Alone],
        ndp_queue,
        "the first packet to each neighbor is lost: a connection begins a second late",
    ),
    case(
        "ndp/unanswered",
        Level::Must,
        "RFC 4861, 7.2.2",
        "Who doesn't answer solicitations isn't asked more than about once a second",
        &[Wants::Echo6, Wants::Alone],
        ndp_unanswered,
        "one host that is gone makes it flood the network with solicitations",
    ),
];

/// Where one end is: the address that the board doesn't know, and its hardware address.
#[derive(Clone, Copy)]
struct Place {
    address: IpAddr,
    hardware: EthernetAddress,
}

/// An address of IPv4 beside its own, another for each number.
fn beside(bench: &Bench<'_>, number: u32) -> Option<Ipv4Addr> {
    let (own, _) = bench.v4()?;
    Some(Ipv4Addr::from_bits(own.to_bits() ^ (0x30 + number)))
}

/// An echo from this place, and what its reply has.
fn echo_from(bench: &mut Bench<'_>, place: Place) -> (Vec<u8>, (u16, u16)) {
    let ends = Ends {
        from: place.address,
        ..bench.ends()
    };
    let number = (bench.fresh(), 1);
    let icmp = craft::echo(ends, false, number.0, number.1, b"who am I?");
    let hop = Hop {
        from: place.hardware,
        ..bench.hop()
    };
    let frame = craft::ip(hop, ends, craft::icmp_of(ends), craft::HOPS, &icmp);
    (frame, number)
}

/// Sends one echo from this place. To which hardware address its reply went, if there was one.
fn replied(bench: &mut Bench<'_>, place: Place) -> Result<Option<EthernetAddress>, Stop> {
    let (frame, wanted) = echo_from(bench, place);
    bench.send(&frame)?;
    bench.not_answered(bench.last_sent());
    let until = bench.now() + PATIENCE;
    while let Some(heard) = bench.next(until)? {
        if heard.is_reply_to(wanted) {
            bench.looked_at(heard.number);
            return Ok(Some(heard.to));
        }
    }
    Ok(None)
}

/// Whether the first echo of a stranger is answered, once the board has asked where that is.
fn queue(
    bench: &mut Bench<'_>,
    mut stranger: impl FnMut(&mut Bench<'_>, u32) -> Result<Option<Place>, Stop>,
) -> Done {
    let mut lost = 0;
    for number in 1..=3 {
        let Some(place) = stranger(bench, number)? else {
            return Ok(Verdict::Skipped("there is no address to ask from"));
        };
        if replied(bench, place)?.is_some() {
            return Ok(Verdict::Passed);
        }
        lost += u32::from(replied(bench, place)?.is_some());
    }
    Ok(match lost {
        3 => Verdict::Failed(
            "the echo that makes it ask for a neighbor isn't answered, and the next one is, three times"
                .to_owned(),
        ),
        lost => Verdict::Inconclusive(format!(
            "no first echo of three strangers is answered, and of the next ones {lost}"
        )),
    })
}

fn arp_queue(bench: &mut Bench<'_>) -> Done {
    queue(bench, |bench, number| {
        let hardware = bench.setup.hardware;
        let address = beside(bench, number);
        bench
            .others
            .extend(address.map(|address| (address, hardware)));
        Ok(address.map(|address| Place {
            address: address.into(),
            hardware,
        }))
    })
}

fn ndp_queue(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    queue(bench, |bench, _| {
        Ok(Some(Place {
            address: bench.stranger6()?.into(),
            hardware: bench.setup.hardware,
        }))
    })
}

/// A neighbor that the board knows, and the place to which that moves. What is against it, otherwise.
fn acquainted(bench: &mut Bench<'_>, number: u32) -> Result<Result<Place, Verdict>, Stop> {
    let (Some((_, board)), Some(address)) = (bench.v4(), beside(bench, number)) else {
        return Ok(Err(Verdict::Skipped("IPv4 alone has ARP")));
    };
    let hardware = bench.setup.hardware;
    bench.others.push((address, hardware));
    let hop = Hop {
        to: EthernetAddress::BROADCAST,
        ..bench.hop()
    };
    let target = (EthernetAddress([0; 6]), board);
    let request = craft::arp(hop, ArpOperation::Request, (hardware, address), target);
    let is_it =
        |heard: &Heard| matches!(heard.said, Said::Arp { target: (_, to), .. } if to == address);
    bench.ask(&request, is_it)?;
    let place = Place {
        address: address.into(),
        hardware,
    };
    let (frame, wanted) = echo_from(bench, place);
    if bench
        .ask(&frame, |heard| heard.is_reply_to(wanted))?
        .is_none()
    {
        let why = "a neighbor that has just asked gets no reply";
        return Ok(Err(Verdict::Inconclusive(why.to_owned())));
    }
    let hardware = bench.stranger_hardware()?;
    bench.others.clear();
    bench.others.push((address, hardware));
    Ok(Ok(Place { hardware, ..place }))
}

fn gratuitous(bench: &mut Bench<'_>) -> Done {
    let place = match acquainted(bench, 4)? {
        Ok(place) => place,
        Err(verdict) => return Ok(verdict),
    };
    let IpAddr::V4(address) = place.address else {
        return Ok(Verdict::Skipped("IPv4 alone has ARP"));
    };
    let hop = Hop {
        from: place.hardware,
        to: EthernetAddress::BROADCAST,
    };
    let target = (EthernetAddress([0; 6]), address);
    let source = (place.hardware, address);
    let announcement = craft::arp(hop, ArpOperation::Request, source, target);
    for _ in 0..3 {
        bench.send(&announcement)?;
        bench.pause(Duration::from_millis(10))?;
        if replied(bench, place)? == Some(place.hardware) {
            return Ok(Verdict::Passed);
        }
    }
    Ok(Verdict::Failed(
        "it goes on sending to the address before, or nowhere".to_owned(),
    ))
}

fn moved(bench: &mut Bench<'_>) -> Done {
    /// Entries hold for about a minute (RFC 1122, 2.3.2.1), and it may take some tries more.
    const MOST: Duration = Duration::from_mins(2);
    let place = match acquainted(bench, 5)? {
        Ok(place) => place,
        Err(verdict) => return Ok(verdict),
    };
    let begun = bench.now();
    let give_up = begun + MOST;
    while bench.now() < give_up {
        if replied(bench, place)? == Some(place.hardware) {
            let took = bench.now().since(begun);
            bench.portray(Feature::ArpExpiry, Trait::Time(took));
            return Ok(Verdict::Passed);
        }
        bench.pause(PATIENCE)?;
    }
    Ok(Verdict::Failed(
        "after two minutes it still sends to the address before".to_owned(),
    ))
}

fn ndp_unanswered(bench: &mut Bench<'_>) -> Done {
    bench.over_ip6(true);
    let absent = bench.stranger6()?;
    // One in `RetransTimer`, which is a second unless a router says otherwise.
    asked_for(
        bench,
        absent.into(),
        "solicitations",
        |heard| matches!(heard.said, Said::Solicit { target, .. } if target == absent),
    )
}

/// Sends packets from somebody whom nobody finds. What looks for him has to come about once a second.
pub(super) fn asked_for(
    bench: &mut Bench<'_>,
    absent: IpAddr,
    what: &str,
    is_it: impl Fn(&Heard) -> bool,
) -> Done {
    const TIMES: usize = 20;
    /// The run takes two seconds.
    const MOST: usize = 5;
    bench.mute = Some(absent);
    let place = Place {
        address: absent,
        hardware: bench.setup.hardware,
    };
    let mut count = 0;
    for _ in 0..TIMES {
        let (frame, _) = echo_from(bench, place);
        bench.send(&frame)?;
        let until = bench.now() + Duration::from_millis(100);
        while let Some(heard) = bench.next(until)? {
            if is_it(&heard) {
                count += 1;
                bench.mark(heard.number, "it asks");
            }
        }
    }
    Ok(Verdict::unless((count > MOST).then(|| {
        format!("{count} {what} in 2 s for {TIMES} packets")
    })))
}
