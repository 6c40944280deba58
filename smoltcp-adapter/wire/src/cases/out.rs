//! What all frames of the board have shown, whatever they were for. These come last.

use greet_core::probe::{Case, Level};
use smoltcp::wire::EthernetAddress;

use crate::bench::period::period;
use crate::bench::series::Pace;
use crate::bench::{
    Bench, Body, Done, FEW_HOPS, Feature, Oddity, Stop, SumPattern, Sums, Symptom, Trait, Verdict,
};

use super::case;

pub(super) static CASES: [Case<Body>; 5] = [
    case(
        "out/checksums",
        Level::Must,
        "RFC 791, 3.1; RFC 792; RFC 1122, 4.1.3.4; RFC 9293, 3.1",
        "Every checksum that it sends is right",
        &[],
        checksums,
        "sums are left to a MAC that doesn't fill them in, or are made before the packet is done",
    ),
    case(
        "out/lengths",
        Level::Must,
        "RFC 791, 3.1",
        "No packet that it sends is longer than its frame",
        &[],
        lengths,
        "a length field counts something else than its packet",
    ),
    case(
        "out/ttl",
        Level::Must,
        "RFC 1122, 3.2.1.7; RFC 4861, 7.1",
        "What it sends lives long enough: no time to live is 0, and neighbor discovery has a hop limit of 255",
        &[],
        ttl,
        "routers throw its packets away",
    ),
    case(
        "out/tags",
        Level::Must,
        "IEEE 802.1Q",
        "Its frames have no VLAN tag, as nobody has asked for one",
        &[],
        tags,
        "the MAC inserts or keeps tags, and a stack without VLANs ignores such frames",
    ),
    case(
        "out/padding",
        Level::Should,
        "IEEE 802.3, 4.2.3.3; RFC 894",
        "Its frames have 60 bytes at least, filled up with zeros",
        &[],
        padding,
        "short frames are lost on a real cable, or tell what was in the memory before",
    ),
];

/// Lets there be something to look at, if this is the first check.
fn something(bench: &mut Bench<'_>) -> Result<(), Stop> {
    const ENOUGH: u64 = 60;
    if bench.watch().frames >= ENOUGH {
        return Ok(());
    }
    long_and_short(bench)?;
    if let Some(frame) = bench.arp_request(EthernetAddress::BROADCAST) {
        bench.ask(&frame, |_| true)?;
    }
    Ok(())
}

/// Long echoes with anything in them, and short ones behind them, which show what a pad keeps.
fn long_and_short(bench: &mut Bench<'_>) -> Result<(), Stop> {
    if bench.echoes == Some(true) {
        let lens = (0..120).map(|n| if n % 2 == 0 { 400 + n } else { n % 19 });
        bench.series(&lens.collect::<Vec<_>>(), Pace::SINGLE)?;
    }
    Ok(())
}

fn checksums(bench: &mut Bench<'_>) -> Done {
    something(bench)?;
    let watch = bench.watch().clone();
    let mut wrong = Vec::new();
    let mut said = Vec::new();
    for (of, sums) in [
        ("IPv4", &watch.ip),
        ("ICMP", &watch.icmp),
        ("ICMPv6", &watch.icmp6),
        ("UDP", &watch.udp),
        ("TCP", &watch.tcp),
    ] {
        if let Some(pattern) = pattern(sums) {
            wrong.push((of, pattern));
            said.push(format!("{} of {} of {of}", sums.wrong, sums.all));
        }
    }
    if let [(of, pattern), others @ ..] = &wrong[..] {
        bench.exhibit(Oddity::Sum);
        bench.found(Symptom::Sums {
            of,
            pattern: *pattern,
            more: others.len(),
        });
    }
    Ok(if !said.is_empty() {
        Verdict::Failed(format!("wrong are {}", said.join(", ")))
    } else if watch.unsummed > 0 {
        Verdict::Noted(format!(
            "of {} frames this machine left the sums out: those nobody saw",
            watch.unsummed
        ))
    } else {
        Verdict::Passed
    })
}

/// Which sums are wrong, if any.
fn pattern(sums: &Sums) -> Option<SumPattern> {
    let even = sums.all - sums.odd;
    if sums.wrong == 0 {
        return None;
    }
    let places: Vec<usize> = sums
        .places
        .iter()
        .filter_map(|place| usize::try_from(*place).ok())
        .collect();
    Some(if sums.wrong == sums.zero {
        SumPattern::Zero
    } else if sums.wrong == sums.all {
        SumPattern::All
    } else if sums.odd_wrong == sums.wrong && sums.odd_wrong == sums.odd && sums.odd > 3 && even > 3
    {
        SumPattern::Odd
    } else if let Some(n) = period(&places) {
        SumPattern::Every(n)
    } else {
        SumPattern::Some(sums.wrong, sums.all)
    })
}

fn lengths(bench: &mut Bench<'_>) -> Done {
    something(bench)?;
    let cut = bench.watch().cut;
    if cut > 0 {
        bench.exhibit(Oddity::Length);
        bench.found(Symptom::WrongLength);
    }
    Ok(Verdict::unless((cut > 0).then(|| {
        format!("{cut} packets say that they are longer than their frame")
    })))
}

fn ttl(bench: &mut Bench<'_>) -> Done {
    something(bench)?;
    bench.exhibit(Oddity::Hops);
    if let Some(hops) = bench.watch().fewest_hops {
        bench.portray(Feature::TimeToLive, Trait::Count(hops.into()));
    }
    let watch = bench.watch();
    if watch.hops_of_neighbors > 0 {
        return Ok(Verdict::Failed(format!(
            "{} messages of neighbor discovery have another hop limit than 255: everybody ignores them",
            watch.hops_of_neighbors
        )));
    }
    Ok(match watch.fewest_hops {
        Some(0) => Verdict::Failed("a time to live is 0".to_owned()),
        Some(hops) if hops < FEW_HOPS => {
            Verdict::Worse(format!("a time to live is {hops}: packets don't get far"))
        }
        _ => Verdict::Passed,
    })
}

fn tags(bench: &mut Bench<'_>) -> Done {
    something(bench)?;
    let watch = bench.watch();
    let (tagged, frames) = (watch.tagged, watch.frames);
    let Some(vlan) = watch.vlan else {
        return Ok(Verdict::Passed);
    };
    bench.exhibit(Oddity::Tag);
    bench.found(Symptom::Tagged { vlan });
    Ok(Verdict::Failed(format!(
        "{tagged} of {frames} frames have a tag of VLAN {vlan}"
    )))
}

fn padding(bench: &mut Bench<'_>) -> Done {
    something(bench)?;
    long_and_short(bench)?;
    let watch = bench.watch().clone();
    let is_mixed = watch.short > 0 && watch.padded > 0;
    if watch.short > 0 && (bench.setup.is_physical || is_mixed) {
        let shortest = watch.shortest.unwrap_or_default();
        bench.exhibit(Oddity::Short);
        bench.found(Symptom::Unpadded { shortest });
        return Ok(Verdict::Failed(format!(
            "{} frames are shorter than 60 bytes, one has {shortest}",
            watch.short
        )));
    }
    if watch.pads.len() > 1 {
        bench.exhibit(Oddity::Pad);
        bench.found(Symptom::PadLeaks);
        return Ok(Verdict::Failed(
            "they are filled up with bytes that are others each time".to_owned(),
        ));
    }
    Ok(if watch.padded_oddly > 0 {
        Verdict::Noted("they are filled up with the same bytes each time, but not zeros".to_owned())
    } else if watch.short > 0 {
        Verdict::Noted(format!(
            "a frame has {} bytes, as nobody fills them up on a cable that isn't there: on a real one the MAC \
             has to",
            watch.shortest.unwrap_or_default()
        ))
    } else {
        Verdict::Passed
    })
}
