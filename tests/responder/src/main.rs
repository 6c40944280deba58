//! The host on a TAP device: `responder INTERFACE ADDRESS [FAULT]`, until it is ended. A fault is one of the
//! host's, or one of a cable, to it or from it: `to:drop-every=50`, `from:ring=4`.

#![forbid(unsafe_code)]

use anyhow::Result;

#[cfg(target_os = "linux")]
fn main() -> Result<()> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<()> {
    anyhow::bail!("TAP devices are Linux's")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use anyhow::{Context, Result};
    use greet_breakages::way::Way;
    use greet_core::time::Instant;
    use greet_responder::desk::HOST;
    use greet_responder::host::Host;
    use greet_wire::{Frames, LONGEST, Tap};

    pub(super) fn run() -> Result<()> {
        let mut words = std::env::args().skip(1);
        let interface = words.next().context("which TAP device?")?;
        let address: Ipv4Addr = words.next().context("which address?")?.parse()?;
        let fault = words.next();
        let of = |side: &str| fault.as_deref().and_then(|fault| fault.strip_prefix(side));
        let way =
            |side| of(side).map_or(Ok(Way::faultless()), |f| f.parse().map(|f| Way::new(f, 1)));
        let (mut to_host, mut from_host) = (way("to:")?, way("from:")?);
        let own = fault.as_deref().filter(|fault| !fault.contains(':'));
        let own = own.map(str::parse).transpose()?;
        let mut tap = Tap::open(&interface)?;
        let key = RandomState::new().build_hasher().finish();
        let mut host = Host::new(HOST.0, address.octets(), own).keyed(key);
        // What goes when, in the order in which it was decided.
        let (mut answers, mut count) = (BTreeMap::new(), 0_u64);
        let (mut room, mut came, mut going) = (vec![0; LONGEST], Vec::new(), Vec::new());
        loop {
            let now = |tap: &mut Tap| tap.now().since(Instant::START);
            while let Some(seen) = tap.receive(&mut room)? {
                to_host.put(room[..seen.len].to_vec(), now(&mut tap), &mut came);
            }
            let time = now(&mut tap);
            to_host.expire(time, &mut came);
            for frame in came.drain(..) {
                for (at, answer) in host.receive(&frame, time) {
                    count += 1;
                    answers.insert((at, count), answer);
                }
            }
            for (at, answer) in host.expire(time) {
                count += 1;
                answers.insert((at, count), answer);
            }
            while let Some(entry) = answers.first_entry()
                && entry.key().0 <= time
            {
                from_host.put(entry.remove(), time, &mut going);
            }
            from_host.expire(time, &mut going);
            for frame in going.drain(..) {
                tap.send(&frame)?;
            }
            let next = answers.keys().next().map(|(at, _)| *at);
            let due = [next, to_host.due(), from_host.due(), host.due()];
            let due = due.into_iter().flatten().min().unwrap_or(Duration::MAX);
            tap.wait(if due == Duration::MAX {
                Instant::NEVER
            } else {
                Instant::at(due)
            })?;
        }
    }
}
