//! What was seen of the server in lines mode, and what must hold of it.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use greet_core::error::{Refusal, TextError};
use greet_core::limits::{GREETING, MAX_TEXT};
use greet_core::lines::{self, Tally};
use greet_core::pipeline::{End, Outcome};
use greet_core::request::RequestError;
use greet_core::text::Text;

use super::{GAVE_WAY, HANDSHAKE};
use crate::soak::plan::lines::{Batch, SOCKETS};
use crate::soak::plan::{self, Attack, Finale, Plan};

/// What a client is told that leaves its line unfinished.
const LATE: Refusal = Refusal::Late { within_ms: 10_000 };

/// All that was seen of lines.
pub struct Lines<'p> {
    plan: &'p Plan,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    broken: Vec<String>,
    /// Connections that have begun and not ended since the server's boot.
    open: BTreeMap<SocketAddr, u32>,
    begun_since_boot: u64,
    begun: u64,
    /// Names that the server says it greeted.
    greeted: u64,
    clients: usize,
    listening: usize,
    tally: Tally,
    batches: BTreeMap<(usize, usize), Progress>,
    /// Attacks in the calm that got the expected reply.
    answered: BTreeSet<(usize, usize)>,
}

/// How far a batch has come.
struct Progress {
    began: Duration,
    moved: Duration,
    replies: usize,
    is_over: bool,
}

impl<'p> Lines<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            seen: RefCell::default(),
        }
    }

    /// Replies that honest clients got.
    pub fn replies(&self) -> u64 {
        let seen = self.seen.borrow();
        seen.batches
            .values()
            .map(|batch| batch.replies as u64)
            .sum()
    }

    /// Connections that the server began.
    pub fn connections(&self) -> u64 {
        self.seen.borrow().begun
    }

    fn batch(&self, place: usize, number: usize) -> &'p Batch {
        &self.plan.places[place].batches[number]
    }
}

/// What the server tells.
impl Lines<'_> {
    pub(in crate::soak) fn server_booted(&self) {
        let mut seen = self.seen.borrow_mut();
        seen.open.clear();
        seen.begun_since_boot = 0;
    }

    pub(in crate::soak) fn connected(&self, peer: SocketAddr) {
        let mut seen = self.seen.borrow_mut();
        seen.begun += 1;
        seen.begun_since_boot += 1;
        *seen.open.entry(peer).or_default() += 1;
    }

    pub(in crate::soak) fn closed(&self, peer: SocketAddr, outcome: lines::Outcome) {
        let mut seen = self.seen.borrow_mut();
        seen.greeted += u64::from(outcome.greeted);
        match seen.open.get_mut(&peer) {
            Some(open) if *open > 0 => *open -= 1,
            _ => seen.breaks(format!(
                "the server of lines ended a connection twice: {peer}"
            )),
        }
        seen.open.retain(|_, open| *open > 0);
    }

    pub(in crate::soak) fn server_failed(&self) {
        let mut seen = self.seen.borrow_mut();
        seen.breaks("the server of lines could not accept".into());
    }

    pub(in crate::soak) fn server_rests(&self, clients: usize, tally: &Tally, listening: usize) {
        let mut seen = self.seen.borrow_mut();
        seen.clients = clients;
        seen.tally = *tally;
        seen.listening = listening;
    }
}

/// What clients tell.
impl Lines<'_> {
    pub(in crate::soak) fn asked(&self, place: usize, number: usize, now: Duration) {
        let mut seen = self.seen.borrow_mut();
        let progress = Progress {
            began: now,
            moved: now,
            replies: 0,
            is_over: false,
        };
        if seen.batches.insert((place, number), progress).is_some() {
            seen.breaks(format!("batch {place}.{number} began twice"));
        }
    }

    /// A client took the reply to its name of this index.
    pub(in crate::soak) fn replied(
        &self,
        place: usize,
        number: usize,
        index: usize,
        now: Duration,
        reply: &[u8],
    ) {
        let mut seen = self.seen.borrow_mut();
        if let Some(progress) = seen.batches.get_mut(&(place, number)) {
            progress.moved = now;
            progress.replies += 1;
        }
        let name = self.batch(place, number).names.get(index);
        if name.is_none_or(|name| reply != [GREETING.as_bytes(), name.as_bytes()].concat()) {
            seen.breaks(format!(
                "batch {place}.{number} took \"{}\" as the reply to name {index}, {name:?}",
                reply.escape_ascii()
            ));
        }
    }

    /// A client's connection has ended so.
    pub(in crate::soak) fn ended(
        &self,
        place: usize,
        number: usize,
        now: Duration,
        outcome: Outcome,
        sentence: &str,
    ) {
        let mut seen = self.seen.borrow_mut();
        let batch = self.batch(place, number);
        let who = format!("batch {place}.{number} ({} names)", batch.names.len());
        let (began, replies) = match seen.batches.get_mut(&(place, number)) {
            Some(progress) if !progress.is_over => {
                progress.is_over = true;
                (progress.began, progress.replies)
            }
            _ => return seen.breaks(format!("{who} ended twice, or never began")),
        };
        if outcome.answered != replies as u64 {
            seen.breaks(format!("{who} took {replies} replies: {outcome:?}"));
        }
        let is_refusal = |refusal: Refusal| sentence == refusal.to_string();
        match outcome.end {
            End::Answered if replies == batch.names.len() => {}
            End::Answered => seen.breaks(format!("{who} has {replies} replies only")),
            // Whoever takes its replies late, asks late for more.
            End::Refused if is_refusal(GAVE_WAY) && !batch.pause.is_zero() => {}
            _ if batch.start >= plan::LAST => seen.breaks(format!(
                "{who} asked in the calm, and got {outcome:?} \"{sentence}\""
            )),
            End::Refused if is_refusal(LATE) || is_refusal(GAVE_WAY) => {}
            // It waited with a name for longer than the server does.
            End::Closed | End::Failed(RequestError::TimedOut | RequestError::CutShort { .. }) => {}
            // A server that has lost its state resets, or one whose client came after its end; one
            // that hasn't, only when a handshake has taken too long while others wait.
            End::Failed(RequestError::Connection(_)) if now >= began + HANDSHAKE => {}
            End::Failed(RequestError::Connection(_)) if self.plan.server_reboots() > 0 => {}
            _ => seen.breaks(format!("{who} got {outcome:?} \"{sentence}\"")),
        }
    }

    /// An attack on the server of lines is over, with this reply, and FIN after it or not.
    pub(super) fn attacked(
        &self,
        place: usize,
        number: usize,
        attack: &Attack,
        reply: &[u8],
        has_fin: bool,
    ) {
        let mut seen = self.seen.borrow_mut();
        let who = format!("attacker {place}.{number} of lines");
        let shown = reply.get(..80).unwrap_or(reply).escape_ascii();
        if let Some(expected) = &attack.expected {
            seen.answered.insert((place, number));
            // Who waits with the next line may have to give way.
            let is_late = expected.ends_with(&refusal(LATE));
            let gave_way = !is_late && reply == [expected, &*refusal(GAVE_WAY)].concat();
            if reply != expected && !gave_way || !has_fin {
                let fin = if has_fin { "" } else { ", without FIN" };
                seen.breaks(format!(
                    "{who} asked in the calm, and got \"{shown}\"{fin}, not \"{}\"",
                    expected.escape_ascii()
                ));
            }
        } else if !allowed(attack, reply) {
            seen.breaks(format!("{who} got a wrong byte: \"{shown}\""));
        }
    }

    /// Says what doesn't hold, now that all must be over.
    pub(super) fn judge(&self) -> Vec<String> {
        let seen = self.seen.borrow();
        let mut broken = seen.broken.clone();
        if !seen.open.is_empty() {
            broken.push(format!("lines without an end: {:?}", seen.open.keys()));
        }
        if seen.clients != 0 {
            broken.push(format!(
                "the server of lines still has {} clients",
                seen.clients
            ));
        }
        if seen.listening != SOCKETS {
            let listening = seen.listening;
            broken.push(format!(
                "{listening} of {SOCKETS} sockets for lines listen at the end"
            ));
        }
        let counted = seen.tally.finished + seen.tally.refused + seen.tally.abandoned;
        if counted != seen.begun_since_boot {
            broken.push(format!(
                "the server of lines counts {counted} connections, and began {}",
                seen.begun_since_boot
            ));
        }
        // What has come has left. Of those that a reboot ended, the server knows nothing.
        let replies: u64 = seen
            .batches
            .values()
            .map(|batch| batch.replies as u64)
            .sum();
        if self.plan.server_reboots() == 0 && seen.greeted < replies {
            broken.push(format!(
                "clients took {replies} replies, but the server greeted {} names",
                seen.greeted
            ));
        }
        for (place, host) in self.plan.places.iter().enumerate() {
            for number in 0..host.batches.len() {
                match seen.batches.get(&(place, number)) {
                    Some(progress) if progress.is_over => {}
                    Some(progress) => broken.push(format!(
                        "batch {place}.{number} has no end, and moved last at {:?}",
                        progress.moved
                    )),
                    None => broken.push(format!("batch {place}.{number} never began")),
                }
            }
            for (number, attack) in host.attacks.iter().enumerate() {
                let is_mine = attack.port == plan::lines::PORT && attack.expected.is_some();
                if is_mine && !seen.answered.contains(&(place, number)) {
                    broken.push(format!("attacker {place}.{number} of lines has no end"));
                }
            }
        }
        broken
    }
}

impl Seen {
    fn breaks(&mut self, what: String) {
        self.broken.push(what);
    }
}

fn refusal(refusal: Refusal) -> Vec<u8> {
    format!("Error: {refusal}\n").into_bytes()
}

/// Whether the protocol allows these replies, or their beginning, to whoever sends these bytes or
/// their beginning: greetings of its lines, in order, and behind any of them the end, or behind that
/// which is wrong its refusal.
fn allowed(attack: &Attack, reply: &[u8]) -> bool {
    let sent: Vec<u8> = attack
        .pieces
        .iter()
        .flat_map(|(_, bytes)| bytes)
        .copied()
        .collect();
    let greeting = |name: &[u8]| [GREETING.as_bytes(), name].concat();
    let late = [LATE, GAVE_WAY].map(refusal);
    let mut rest = reply;
    for line in sent.split_inclusive(|byte| *byte == b'\n') {
        let is_whole = line.ends_with(b"\n");
        if rest.is_empty() || late.iter().any(|late| late.starts_with(rest)) {
            return true;
        }
        let text = Text::from_bytes(line);
        let is_name = text.is_ok() && (is_whole || attack.finale == Finale::Fin);
        let expected = greeting(line);
        if is_name && let Some(behind) = rest.strip_prefix(&*expected) {
            rest = behind;
            continue;
        }
        let mut allowed = Vec::new();
        if is_name {
            allowed.push(expected);
        }
        if let Err(TextError::NotUtf8 { at }) = Text::from_bytes(&line[..line.len().min(MAX_TEXT)])
        {
            allowed.push(refusal(Refusal::Name(TextError::NotUtf8 { at })));
        }
        if line.len() > MAX_TEXT {
            allowed.push(refusal(Refusal::Name(TextError::TooLong)));
        }
        return allowed.iter().any(|whole| whole.starts_with(rest));
    }
    rest.is_empty() || late.iter().any(|late| late.starts_with(rest))
}
