//! What server and clients saw, and the invariants that it must keep.
//!
//! The programs on the simulated hosts write it while they run; it judges once all is over.

pub mod lines;

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use greet_core::error::{Refusal, TextError};
use greet_core::exchange::{Outcome, Tally};
use greet_core::limits::{DEFAULT_MSS, GREETING, MAX_TEXT};
use greet_core::request::RequestError;
use greet_core::text::Text;

use super::plan::{self, Attack, Errand, Plan};
use lines::Lines;

/// Everything that was seen in one network.
pub struct Ledger<'p> {
    plan: &'p Plan,
    server: RefCell<ServerSide>,
    clients: RefCell<ClientSide>,
    broken: RefCell<Vec<String>>,
    greetings: Cell<u64>,
    /// The same of the server in lines mode.
    pub lines: Lines<'p>,
}

#[derive(Default)]
struct ServerSide {
    /// Exchanges that have begun and not ended since the server's boot.
    open: BTreeMap<SocketAddr, u32>,
    /// How often a name was greeted.
    greeted: BTreeMap<String, u32>,
    /// Bytes read in exchanges that are open, and the most in any from one address.
    read: BTreeMap<SocketAddr, u64>,
    most_read: BTreeMap<IpAddr, u64>,
    begun: u64,
    gave_way: u64,
    begun_since_boot: u64,
    clients: usize,
    listening: usize,
    tally: Tally,
}

#[derive(Default)]
struct ClientSide {
    /// When a client began, and whether it has its answer, by place and number.
    errands: BTreeMap<(usize, usize), (Duration, bool)>,
    /// Attacks in the calm that got the expected reply.
    answered: BTreeSet<(usize, usize)>,
    idle: BTreeMap<usize, usize>,
}

/// The byte that makes a name too long, and what is read and thrown away after it.
const MOST_READ: u64 = MAX_TEXT as u64 + 1 + 64 * 1024;

/// What a client is told that sent no name by its deadline, or made no use of a place that somebody
/// waited for.
const LATE: &[u8] = b"Error: no name within 10 s\n";
const GAVE_WAY: Refusal = Refusal::Late { within_ms: 250 };
const CROWDED_OUT: &[u8] = b"Error: no name within 0.25 s\n";

/// So long a handshake may take, however many wait.
const HANDSHAKE: Duration = Duration::from_millis(60);

/// Hosts' clocks count in microseconds.
const TICK: Duration = Duration::from_micros(1);

impl<'p> Ledger<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            server: RefCell::default(),
            clients: RefCell::default(),
            broken: RefCell::default(),
            greetings: Cell::new(0),
            lines: Lines::new(plan),
        }
    }

    /// Greetings that honest clients got.
    pub fn greetings(&self) -> u64 {
        self.greetings.get()
    }

    /// Exchanges that the server began.
    pub fn exchanges(&self) -> u64 {
        self.server.borrow().begun
    }

    /// Clients who had to give way.
    pub fn gave_way(&self) -> u64 {
        self.server.borrow().gave_way
    }

    fn break_with(&self, what: String) {
        self.broken.borrow_mut().push(what);
    }
}

/// What the server tells.
impl Ledger<'_> {
    pub(super) fn server_booted(&self) {
        let mut server = self.server.borrow_mut();
        server.open.clear();
        server.read.clear();
        server.begun_since_boot = 0;
    }

    pub(super) fn connected(&self, peer: SocketAddr) {
        let mut server = self.server.borrow_mut();
        server.begun += 1;
        server.begun_since_boot += 1;
        *server.open.entry(peer).or_default() += 1;
    }

    /// So many bytes were read from a client.
    pub(super) fn read(&self, peer: SocketAddr, n: usize) {
        *self.server.borrow_mut().read.entry(peer).or_default() += n as u64;
    }

    pub(super) fn ended(&self, peer: SocketAddr, outcome: Outcome, name: &str) {
        let mut server = self.server.borrow_mut();
        server.gave_way += u64::from(outcome == Outcome::Refused(GAVE_WAY));
        match server.open.get_mut(&peer) {
            Some(open) if *open > 0 => *open -= 1,
            _ => self.break_with(format!("the server ended an exchange twice: {peer}")),
        }
        server.open.retain(|_, open| *open > 0);
        let read = server.read.remove(&peer).unwrap_or(0);
        let most = server.most_read.entry(peer.ip()).or_default();
        *most = read.max(*most);
        if outcome == Outcome::Greeted {
            *server.greeted.entry(name.into()).or_default() += 1;
        }
    }

    pub(super) fn server_failed(&self) {
        self.break_with("the server could not accept".into());
    }

    pub(super) fn server_rests(&self, clients: usize, tally: &Tally, listening: usize) {
        let mut server = self.server.borrow_mut();
        server.clients = clients;
        server.tally = *tally;
        server.listening = listening;
    }
}

/// What clients tell.
impl Ledger<'_> {
    pub(super) fn asked(&self, place: usize, number: usize, now: Duration) {
        let mut clients = self.clients.borrow_mut();
        if clients
            .errands
            .insert((place, number), (now, false))
            .is_some()
        {
            self.break_with(format!("client {place}.{number} began twice"));
        }
    }

    /// An honest client has its answer: a greeting, or else a refusal, and the bytes of its reply.
    pub(super) fn answered(
        &self,
        place: usize,
        number: usize,
        now: Duration,
        greeted: Result<bool, RequestError>,
        reply: &[u8],
    ) {
        let Some(errand) = self
            .plan
            .places
            .get(place)
            .and_then(|p| p.errands.get(number))
        else {
            return self.break_with(format!("client {place}.{number} isn't in the plan"));
        };
        let who = format!(
            "client {place}.{number} ({} bytes of name)",
            errand.name.len()
        );
        let began = match self.clients.borrow_mut().errands.get_mut(&(place, number)) {
            Some((began, done @ false)) => {
                *done = true;
                *began
            }
            _ => return self.break_with(format!("{who} has two answers, or never asked")),
        };
        if now > began + errand.timeout + TICK {
            let waited = now.saturating_sub(began);
            self.break_with(format!("{who} waited {waited:?}, not {:?}", errand.timeout));
        }
        let expected = [GREETING.as_bytes(), errand.name.as_bytes()].concat();
        let shown = || format!("{greeted:?}: \"{}\"", reply.escape_ascii());
        match greeted {
            Ok(true) if reply == expected => {
                self.greetings.set(self.greetings.get() + 1);
                match self.server.borrow().greeted.get(&errand.name) {
                    Some(1) => {}
                    times => self.break_with(format!(
                        "{who} was greeted, but the server greeted it {times:?} times"
                    )),
                }
            }
            Ok(true) => self.break_with(format!("{who} got a wrong greeting")),
            _ if errand.start >= plan::LAST => {
                self.break_with(format!("{who} asked in the calm, and got {}", shown()));
            }
            Ok(false) if reply == LATE || reply == CROWDED_OUT => {}
            Err(RequestError::TimedOut) => {}
            // A server that has lost its state resets; one that hasn't, only when a handshake has
            // taken too long while others wait.
            Err(RequestError::Connection(_))
                if self.plan.server_reboots() > 0 || now >= began + HANDSHAKE => {}
            // A long name comes in several segments. If one is late, what came before it is greeted.
            Err(RequestError::CutShort { after })
                if after >= GREETING.len() + DEFAULT_MSS && errand.name.len() > DEFAULT_MSS => {}
            _ => self.break_with(format!("{who} got {}", shown())),
        }
    }

    pub(super) fn client_rests(&self, place: usize, idle: usize) {
        self.clients.borrow_mut().idle.insert(place, idle);
    }

    /// An attack is over, with this reply, and FIN after it or not.
    pub(super) fn attacked(
        &self,
        place: usize,
        number: usize,
        attack: &Attack,
        reply: &[u8],
        has_fin: bool,
    ) {
        if attack.port == plan::lines::PORT {
            return self.lines.attacked(place, number, attack, reply, has_fin);
        }
        let who = format!("attacker {place}.{number}");
        let shown = reply.get(..80).unwrap_or(reply).escape_ascii();
        if let Some(expected) = &attack.expected {
            let is_expected = reply == expected || expected == LATE && reply == CROWDED_OUT;
            if !is_expected || !has_fin {
                let fin = if has_fin { "" } else { ", without FIN" };
                let same = reply.iter().zip(expected).take_while(|(a, b)| a == b);
                self.break_with(format!(
                    "{who} asked in the calm, and got {} bytes{fin}, of which {} are those of the \
                     {} expected: \"{shown}\"",
                    reply.len(),
                    same.count(),
                    expected.len()
                ));
            }
            let mut clients = self.clients.borrow_mut();
            clients.answered.insert((place, number));
        } else if !allowed(attack, reply) {
            self.break_with(format!("{who} got a wrong byte: \"{shown}\""));
        }
    }
}

impl Ledger<'_> {
    /// Says what doesn't hold, now that all must be over.
    pub(super) fn judge(&self) -> Vec<String> {
        let mut broken = self.broken.borrow().clone();
        broken.extend(self.lines.judge());
        let server = self.server.borrow();
        let clients = self.clients.borrow();
        if !server.open.is_empty() {
            broken.push(format!(
                "exchanges without an end: {:?}",
                server.open.keys()
            ));
        }
        if server.clients != 0 {
            broken.push(format!("the server still has {} clients", server.clients));
        }
        if server.listening != plan::SERVER_SOCKETS {
            broken.push(format!(
                "{} of {} sockets listen at the end",
                server.listening,
                plan::SERVER_SOCKETS
            ));
        }
        if server.tally.total() != server.begun_since_boot {
            broken.push(format!(
                "the server counts {} exchanges, and began {}",
                server.tally.total(),
                server.begun_since_boot
            ));
        }
        for (client, read) in &server.most_read {
            if *read > MOST_READ {
                broken.push(format!("the server read {read} bytes from {client}"));
            }
        }
        for (name, times) in &server.greeted {
            let is_honest = |errand: &Errand| errand.name == *name;
            let mut errands = self.plan.places.iter().flat_map(|place| &place.errands);
            if *times > 1 && errands.any(is_honest) {
                broken.push(format!("the server greeted {name:?} {times} times"));
            }
        }
        for (place, host) in self.plan.places.iter().enumerate() {
            for number in 0..host.errands.len() {
                match clients.errands.get(&(place, number)) {
                    Some((_, true)) => {}
                    Some((_, false)) => broken.push(format!("client {place}.{number} has no end")),
                    None => broken.push(format!("client {place}.{number} never began")),
                }
            }
            for (number, attack) in host.attacks.iter().enumerate() {
                let is_done = clients.answered.contains(&(place, number));
                let read = server.most_read.get(&plan::address(place + 1).into());
                if attack.is_flood && read != Some(&MOST_READ) {
                    broken.push(format!(
                        "attacker {place}.{number} sent more, but the server read {read:?} bytes"
                    ));
                }
                let is_mine = attack.port == plan::PORT;
                if is_mine && attack.expected.is_some() && !is_done {
                    broken.push(format!("attacker {place}.{number} has no end"));
                }
            }
            if let Some(idle) = clients.idle.get(&place)
                && *idle != plan::CLIENT_SOCKETS
            {
                broken.push(format!("host {place} has {idle} of its sockets left"));
            }
        }
        broken
    }
}

/// Whether the protocol allows a reply, or its beginning, to whoever sends these bytes or their
/// beginning.
fn allowed(attack: &Attack, reply: &[u8]) -> bool {
    let sent: Vec<u8> = attack
        .pieces
        .iter()
        .flat_map(|(_, bytes)| bytes)
        .copied()
        .collect();
    if let Some(name) = reply.strip_prefix(GREETING.as_bytes()) {
        return sent.starts_with(name) && name.len() <= MAX_TEXT;
    }
    let mut refusals = vec![Refusal::Late { within_ms: 10_000 }, GAVE_WAY];
    if let Err(TextError::NotUtf8 { at }) = Text::from_bytes(&sent[..sent.len().min(MAX_TEXT)]) {
        refusals.push(Refusal::Name(TextError::NotUtf8 { at }));
    }
    if sent.len() > MAX_TEXT {
        refusals.push(Refusal::Name(TextError::TooLong));
    }
    refusals
        .iter()
        .map(|refusal| format!("Error: {refusal}\n"))
        .chain([GREETING.into()])
        .any(|whole| whole.as_bytes().starts_with(reply))
}
