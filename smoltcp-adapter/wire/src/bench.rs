//! The second host as a script: its frames are made by hand, and only waiting waits.
//!
//! It answers ARP, neighbor solicitations and echoes for its own addresses by itself, unless a check says
//! otherwise, and watches every frame of the board.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::collections::{BTreeMap, HashMap, VecDeque};

use greet_core::time::Instant;
use smoltcp::wire::{EthernetAddress, EthernetFrame};

use crate::error::Error;
use crate::frames::{Frames, LONGEST};
use crate::neighbors::group_frame;

mod answers;
mod ask;
mod causes;
mod chance;
mod client;
pub mod craft;
mod find;
mod forge;
pub mod fragment;
mod heard;
mod honest;
mod latencies;
mod lessons;
mod marks;
pub(crate) mod messages;
pub(crate) mod period;
mod portrait;
mod ports;
mod recording;
mod scenes;
mod segment;
mod sender;
pub(crate) mod series;
mod setup;
mod symptom;
mod traffic;
mod verdict;
mod watch;

pub(crate) use ask::Quiet;
pub use causes::Cause;
pub(crate) use chance::Chance;
pub(crate) use client::{Client, Greeting, HALF, MSS, REST, letters};
use craft::{Ends, Hop};
pub use heard::{Heard, Said};
use latencies::Latencies;
use lessons::Lessons;
pub use portrait::{Feature, Trait};
use ports::Open;
pub use recording::Recording;
pub(crate) use scenes::{further, opening};
pub(crate) use segment::is_after;
pub use segment::{Segment, flags};
pub(crate) use sender::{Part, Reply};
pub use setup::Setup;
pub use symptom::{Direction, SumPattern, Symptom};
pub use traffic::Traffic;
pub(crate) use verdict::Done;
pub use verdict::{Body, Stop, Verdict, Wants};
pub(crate) use watch::{FEW_HOPS, Oddity};
pub use watch::{Sums, Watch};

/// So long an answer may take that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// So long at most nobody looks whether to come to an end.
const SLICE: Duration = Duration::from_millis(50);

/// A second host with its hands on every frame.
pub struct Bench<'f> {
    pub(crate) frames: &'f mut dyn Frames,
    pub(crate) setup: Setup,
    /// Its own address of IPv6, which it always has: on the link, or that with which it was set up.
    pub(crate) own6: Ipv6Addr,
    /// The board's hardware address, once it was found.
    pub(crate) board: Option<EthernetAddress>,
    /// Whether the board was looked for.
    has_looked: bool,
    /// The board's address of IPv6, if it is known.
    pub(crate) board6: Option<Ipv6Addr>,
    /// Whether the board answers echoes, once that was asked.
    pub(crate) echoes: Option<bool>,
    /// Whether a receiver answers at its port, once that was asked.
    pub(crate) receives: Option<bool>,
    /// Whether a server greets at its port, once that was asked.
    pub(crate) serves: Option<bool>,
    /// Whether an honest client ends its side after the reply: an end in the segment of a name was of no use.
    ends_late: bool,
    /// The connections that are open, by its own port.
    connections: HashMap<u16, Open>,
    /// How often it was said of a port that no connection has it.
    refused: HashMap<u16, usize>,
    /// How many ports were taken.
    ports: u16,
    /// Whether the board answers echoes over IPv6, once that was asked.
    pub(crate) echoes6: Option<bool>,
    /// Whether the board puts fragments together, over IPv4, once that was asked.
    pub(crate) reassembles: Option<bool>,
    /// Whether the check that goes on asks over IPv6, whatever address the board was named by.
    over6: bool,
    /// For which of its own addresses it says nothing.
    pub(crate) mute: Option<IpAddr>,
    /// Other addresses for which it answers, and where they are.
    pub(crate) others: Vec<(Ipv4Addr, EthernetAddress)>,
    /// Other addresses of IPv6 for which it answers; they are where it is itself.
    others6: Vec<Ipv6Addr>,
    symptoms: Vec<Symptom>,
    /// Which check has found each.
    found_by: Vec<(Symptom, &'static str)>,
    /// The check that goes on.
    check: &'static str,
    watch: Watch,
    portrait: BTreeMap<Feature, Trait>,
    recording: Recording,
    /// What came and nobody has looked at.
    came: VecDeque<Heard>,
    room: Vec<u8>,
    chance: Chance,
    traffic: Traffic,
    ident: u16,
    /// How long echoes took lately.
    pub(crate) took: VecDeque<Duration>,
    /// How many answers of this check were waited for in vain.
    pub(crate) missed: usize,
    /// How long each echo took that was answered, since somebody took them.
    latencies: Vec<Duration>,
    pub(crate) lessons: Lessons,
    /// The same of all that were sent one by one, since the bench was made.
    pub(crate) one_by_one: Latencies,
}

impl<'f> Bench<'f> {
    /// A bench on this cable.
    ///
    /// # Errors
    ///
    /// [`Error::NotOnNetwork`], or what the cable says.
    pub fn new(frames: &'f mut dyn Frames, setup: Setup) -> Result<Self, Stop> {
        if !setup.address.contains_addr(&setup.board.into()) {
            return Err(Stop::Cable(Error::NotOnNetwork {
                server: setup.board,
                own: setup.address.address().into(),
                prefix: setup.address.prefix_len(),
            }));
        }
        let own6 = match setup.address.address().into() {
            IpAddr::V6(own) => own,
            IpAddr::V4(_) => on_link(setup.hardware),
        };
        frames.listen_for(setup.hardware.0)?;
        frames.listen_for(group_frame(own6).0)?;
        frames.listen_for([0x33, 0x33, 0, 0, 0, 1])?;
        let board6 = match setup.board {
            IpAddr::V6(board) => Some(board),
            IpAddr::V4(_) => None,
        };
        Ok(Self {
            recording: Recording::new(frames.origin()),
            frames,
            own6,
            board: None,
            has_looked: false,
            board6,
            echoes: None,
            receives: None,
            serves: None,
            ends_late: false,
            connections: HashMap::new(),
            refused: HashMap::new(),
            ports: 0,
            echoes6: None,
            reassembles: None,
            over6: false,
            mute: None,
            others: Vec::new(),
            others6: Vec::new(),
            symptoms: Vec::new(),
            found_by: Vec::new(),
            check: "",
            watch: Watch::default(),
            portrait: BTreeMap::new(),
            came: VecDeque::new(),
            room: vec![0; LONGEST],
            chance: Chance::new(setup.chance),
            traffic: Traffic::default(),
            ident: 0,
            took: VecDeque::new(),
            missed: 0,
            latencies: Vec::new(),
            lessons: Lessons::default(),
            one_by_one: Latencies::default(),
            setup,
        })
    }

    /// What was seen in all frames of the board.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Forgets what frames have shown since this was seen.
    pub(crate) fn see_again(&mut self, watch: Watch) {
        self.watch = watch;
    }

    /// The frames of the check that goes on, or went last.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What follows now is to see whether the board lives.
    pub(crate) fn check_ends(&mut self) {
        self.recording.check_ends();
    }

    /// It doesn't, so that what followed has to do with the check.
    pub(crate) fn check_goes_on(&mut self) {
        self.recording.check_goes_on();
    }

    /// Whether the board has answered anything.
    pub fn is_there(&self) -> bool {
        self.board.is_some()
    }

    /// What was found to be wrong, what explains the rest first.
    pub fn symptoms(&self) -> &[Symptom] {
        &self.symptoms
    }

    /// What crossed the cable so far, by count.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            received: self.watch.frames,
            wrong_sums: self.watch.wrong_sums(),
            ..self.traffic
        }
    }

    /// How long each echo took of those that were sent in series, in their order; they are forgotten here.
    pub(crate) fn take_latencies(&mut self) -> Vec<Duration> {
        core::mem::take(&mut self.latencies)
    }

    /// The checks that have found this to be wrong.
    fn found_by(&self, symptom: Symptom) -> impl Iterator<Item = &'static str> {
        let all = self.found_by.iter();
        let all = all.filter(move |(known, _)| *known == symptom);
        all.map(|(_, check)| *check)
    }

    /// Whether answers come later and later.
    pub(crate) fn is_slower(&self) -> bool {
        let mut symptoms = self.symptoms.iter();
        symptoms.any(|symptom| matches!(symptom, Symptom::Slower { .. }))
    }

    pub(crate) fn found(&mut self, symptom: Symptom) {
        let is_same = |known: &&Symptom| known.rank() == symptom.rank();
        let known = self.symptoms.iter().find(is_same).copied();
        if known.is_none() {
            self.symptoms.push(symptom);
            self.symptoms.sort_by_key(Symptom::rank);
        }
        let found = (known.unwrap_or(symptom), self.check);
        if !self.found_by.contains(&found) {
            self.found_by.push(found);
        }
    }

    /// Begins a check.
    pub(crate) fn begin(&mut self, check: &'static str) {
        self.check = check;
        self.recording.begin();
        self.lessons.begin();
        self.came.clear();
        self.mute = None;
        self.missed = 0;
        self.others.clear();
        self.others6.clear();
        self.over6 = false;
    }

    pub(crate) fn now(&mut self) -> Instant {
        self.frames.now()
    }

    /// Its own address of IPv4, and the board's.
    pub(crate) fn v4(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        match (self.setup.address.address().into(), self.setup.board) {
            (IpAddr::V4(own), IpAddr::V4(board)) => Some((own, board)),
            _ => None,
        }
    }

    /// Its own address of IPv6, and the board's.
    pub(crate) fn v6(&self) -> Option<(Ipv6Addr, Ipv6Addr)> {
        self.board6.map(|board| (self.own6, board))
    }

    /// From itself to the board, by the addresses it was set up with, or over IPv6 if that was chosen.
    pub(crate) fn ends(&self) -> Ends {
        match self.v6() {
            Some((from, to)) if self.over6 => Ends {
                from: from.into(),
                to: to.into(),
            },
            _ => Ends {
                from: self.setup.address.address().into(),
                to: self.setup.board,
            },
        }
    }

    /// Asks over IPv6 from now on, as far as the board has an address of it, until the next check, or until
    /// this is undone.
    pub(crate) fn over_ip6(&mut self, is_chosen: bool) {
        self.over6 = is_chosen;
    }

    /// From itself to the board alone.
    pub(crate) fn hop(&self) -> Hop {
        Hop {
            from: self.setup.hardware,
            to: self.board.unwrap_or(EthernetAddress::BROADCAST),
        }
    }

    /// Lets what chance chooses follow from another seed. No check builds on what one before it has seen.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.chance = Chance::new(seed);
        self.lessons = Lessons::default();
    }

    /// Keeps the frames of the last minute from now on, whatever check they are of.
    pub(crate) fn keep_last_minute(&mut self) {
        self.recording.keep_last(Duration::from_mins(1));
    }

    /// A number that nobody can tell before.
    pub(crate) fn random(&mut self) -> u64 {
        self.chance.next()
    }

    /// So many bytes left to chance.
    pub(crate) fn fill(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend(self.random().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }

    /// An identifier for echoes that none had before.
    pub(crate) fn fresh(&mut self) -> u16 {
        self.ident = self.ident.wrapping_add(1);
        let [a, b, ..] = self.setup.chance.to_le_bytes();
        self.ident ^ u16::from_le_bytes([a, b])
    }

    /// An address on the link that nobody has heard of, for which it answers during this check.
    pub(crate) fn stranger6(&mut self) -> Result<Ipv6Addr, Stop> {
        let mut octets = [0; 16];
        octets[..2].copy_from_slice(&[0xfe, 0x80]);
        octets[8..].copy_from_slice(&self.random().to_be_bytes());
        let address = Ipv6Addr::from(octets);
        self.frames.listen_for(group_frame(address).0)?;
        self.others6.push(address);
        Ok(address)
    }

    /// A hardware address that nobody has.
    pub(crate) fn stranger_hardware(&mut self) -> Result<EthernetAddress, Stop> {
        let mut octets = [2; 6];
        octets[1..].copy_from_slice(&self.random().to_be_bytes()[..5]);
        let hardware = EthernetAddress(octets);
        self.frames.listen_for(hardware.0)?;
        Ok(hardware)
    }

    /// Sends a frame, once the cable has room for it.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<(), Stop> {
        let mut now = self.now();
        let give_up = now + PATIENCE;
        // An answer may come before the system is done with sending.
        while !self.frames.send(frame)? && now < give_up {
            self.drain()?;
            self.frames.wait(now + Duration::from_millis(1))?;
            now = self.now();
        }
        self.traffic.sent += 1;
        self.recording.keep(now, true, frame);
        Ok(())
    }

    /// The next frame of the board, until some time.
    pub(crate) fn next(&mut self, until: Instant) -> Result<Option<Heard>, Stop> {
        loop {
            self.drain()?;
            if let Some(heard) = self.came.pop_front() {
                return Ok(Some(heard));
            }
            let now = self.now();
            if now >= until {
                return Ok(None);
            }
            if (self.setup.interrupted)() {
                return Err(Stop::Interrupted);
            }
            self.frames.wait(until.min(now + SLICE))?;
        }
    }

    /// Lets time go by.
    pub(crate) fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        let until = self.now() + time;
        while self.next(until)?.is_some() {}
        Ok(())
    }

    /// Takes what has come.
    pub(crate) fn drain(&mut self) -> Result<(), Stop> {
        while let Some(seen) = self.frames.receive(&mut self.room)? {
            let Some(bytes) = self.room.get(..seen.len) else {
                continue;
            };
            let Ok(header) = EthernetFrame::new_checked(bytes) else {
                continue;
            };
            let from = header.src_addr();
            let is_own =
                from == self.setup.hardware || self.others.iter().any(|(_, at)| *at == from);
            if is_own || self.board.is_some_and(|board| board != from) {
                if !is_own {
                    let heard = Heard::new(seen.time, bytes.to_vec());
                    self.answer(&heard)?;
                }
                continue;
            }
            let mut frame = bytes.to_vec();
            let number = self.recording.keep(seen.time, false, &frame);
            let counted = self.watch.counts();
            let len = self.watch.untag(&mut frame, seen.vlan);
            self.watch.look(&frame, len, seen.is_unsummed);
            self.watch.keep_odd(&counted, seen.time, bytes);
            let mut heard = Heard::new(seen.time, frame);
            heard.number = number;
            self.lessons.hear(&heard);
            self.answer(&heard)?;
            self.came.push_back(heard);
        }
        Ok(())
    }
}

/// The address on the link that follows from a hardware address (RFC 4291, section 2.5.6 and appendix A).
pub(crate) fn on_link(hardware: EthernetAddress) -> Ipv6Addr {
    let [company, number] = hardware.0.as_chunks::<3>().0 else {
        return Ipv6Addr::UNSPECIFIED; // which six bytes never are
    };
    let mut octets = [0; 16];
    octets[..2].copy_from_slice(&[0xfe, 0x80]);
    octets[8..11].copy_from_slice(company);
    octets[8] ^= 2;
    octets[11..13].copy_from_slice(&[0xff, 0xfe]);
    octets[13..].copy_from_slice(number);
    octets.into()
}

impl fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("setup", &self.setup)
            .field("board", &self.board)
            .field("symptoms", &self.symptoms)
            .finish_non_exhaustive()
    }
}
