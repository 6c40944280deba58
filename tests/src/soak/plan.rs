//! What a seed means: a random network, its mishaps, and what its clients do. Plain values.

pub mod lines;

use core::time::Duration;
use std::net::Ipv4Addr;

use greet_core::limits::MAX_TEXT;
use smoltcp_sim::{Bursts, Link, Probability, Random};

/// When the chaos ends: links are whole and clean from here on.
pub const CALM: Duration = Duration::from_secs(30);
/// When the last clients come, whom nothing keeps from their greeting: everything from before has
/// met its deadlines.
pub const LAST: Duration = Duration::from_secs(75);
/// How long those wait: silent ones may have all places of the server before them, for 10 s each,
/// and that a few times over.
const PATIENCE: Duration = Duration::from_mins(1);
/// When everybody must be done and gone.
pub const END: Duration = Duration::from_secs(160);
/// How far apart hosts are in the calm.
pub const CALM_LATENCY: Duration = Duration::from_millis(5);

/// The port that the server listens on.
pub const PORT: u16 = 8000;

/// The sockets that listen there.
pub const SERVER_SOCKETS: usize = 6;

/// An honest host's clients at once; others wait for a socket.
pub const CLIENT_SOCKETS: usize = 3;

/// A network, and all that happens in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The clients' hosts. Each has one link, to the server's.
    pub places: Vec<Place>,
    /// What befalls the network, and when.
    pub mishaps: Vec<(Duration, Mishap)>,
    /// How fast the server's clock is, in parts per million.
    pub server_drift: i32,
    /// The server's sockets have little room to send: replies leave in pieces.
    pub tight: bool,
}

/// One host with clients, all honest or all hostile.
#[derive(Clone, Debug)]
pub struct Place {
    /// The largest packet that it sends and announces.
    pub mtu: usize,
    /// How fast its clock is, in parts per million.
    pub drift: i32,
    /// The link from the server.
    pub there: Link,
    /// The link to the server.
    pub back: Link,
    /// What its honest clients ask for, by time.
    pub errands: Vec<Errand>,
    /// What its honest clients of lines ask for, by time.
    pub batches: Vec<lines::Batch>,
    /// What its hostile clients do, by time.
    pub attacks: Vec<Attack>,
}

/// One honest client.
#[derive(Clone, Debug)]
pub struct Errand {
    /// When it begins.
    pub start: Duration,
    /// Its name, which no other client has.
    pub name: String,
    /// How long it waits.
    pub timeout: Duration,
}

/// One client that does as it likes.
#[derive(Clone, Debug)]
pub struct Attack {
    /// When it begins.
    pub start: Duration,
    /// Which of the servers it is for.
    pub port: u16,
    /// What it sends, and how long after the piece before.
    pub pieces: Vec<(Duration, Vec<u8>)>,
    /// What it does then.
    pub finale: Finale,
    /// It takes the reply.
    pub reads: bool,
    /// How long it stays at most; then it resets, or is simply gone.
    pub patience: Duration,
    /// The reply that it must get; `None`: whatever the protocol allows.
    pub expected: Option<Vec<u8>>,
    /// It sends so much, so fast, that the server must stop reading.
    pub is_flood: bool,
}

/// How an attack goes on after its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finale {
    /// It half-closes.
    Fin,
    /// It stays.
    Wait,
    /// It resets the connection.
    Reset,
    /// Its socket is gone without a word.
    Vanish,
}

/// Something that befalls the network. Hosts and links are named by their place.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// A link is cut.
    Cut(usize),
    /// A link is mended.
    Mend(usize),
    /// These places are parted from the rest.
    Part(Vec<usize>),
    /// All are together again.
    Heal,
    /// A host is down for so long.
    Reboot(usize, Duration),
    /// The server's host is down for so long.
    RebootServer(Duration),
}

/// The address of a host: 0 is the server, the place of clients is one less.
pub fn address(number: usize) -> Ipv4Addr {
    let [.., last] = (number + 1).to_be_bytes();
    Ipv4Addr::new(10, 0, 0, last)
}

impl Plan {
    /// What the seed means.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed).child(0x50_4c_41_4e);
        let mut of_lines = Random::new(seed).child(0x4c_49_4e_45);
        let count = 2 + pick(&mut random, 4);
        let tight = one_in(&mut random, 2);
        let places: Vec<_> = (0..count)
            .map(|place| Place::random(&mut random, &mut of_lines, place))
            .collect();
        let mishaps = mishaps(&mut random, &places);
        Self {
            places,
            mishaps,
            server_drift: drift(&mut random),
            tight,
        }
    }

    /// When the host at this place boots.
    pub fn boots(&self, place: usize) -> Vec<Duration> {
        let mut boots = vec![Duration::ZERO];
        boots.extend(self.mishaps.iter().filter_map(|(at, mishap)| match mishap {
            Mishap::Reboot(of, downtime) if *of == place => Some(*at + *downtime),
            _ => None,
        }));
        boots
    }

    /// How often the server loses its state.
    pub fn server_reboots(&self) -> usize {
        self.mishaps
            .iter()
            .filter(|(_, mishap)| matches!(mishap, Mishap::RebootServer(_)))
            .count()
    }
}

impl Place {
    fn random(random: &mut Random, of_lines: &mut Random, place: usize) -> Self {
        // The first place is honest, so that somebody is.
        let is_honest = place == 0 || one_in(random, 2);
        let mtu = [1500, 1500, 1280, 576][pick(random, 4)];
        Self {
            mtu,
            drift: drift(random),
            there: link(random),
            back: link(random),
            errands: if is_honest {
                errands(random, place)
            } else {
                Vec::new()
            },
            batches: if is_honest {
                lines::batches(of_lines)
            } else {
                Vec::new()
            },
            attacks: if is_honest {
                Vec::new()
            } else {
                let mut attacks = attacks(random, mtu);
                attacks.extend(lines::attacks(of_lines));
                attacks.sort_by_key(|attack| attack.start);
                attacks
            },
        }
    }
}

fn link(random: &mut Random) -> Link {
    let mut link = Link::new().latency(random.duration(ms(150)));
    if one_in(random, 2) {
        link = link.jitter(random.duration(ms(40)));
    }
    if one_in(random, 2) {
        link = link.loss(up_to(random, 300_000));
    }
    if one_in(random, 4) {
        let (begin, end) = (up_to(random, 50_000), up_to(random, 500_000));
        link = link.bursts(Bursts::new(begin, end));
    }
    if one_in(random, 2) {
        link = link.duplication(up_to(random, 200_000));
    }
    if one_in(random, 2) {
        let held = random.duration(ms(200));
        link = link.reordering(up_to(random, 200_000), held);
    }
    if one_in(random, 2) {
        link = link.corruption(up_to(random, 200_000));
    }
    if one_in(random, 4) {
        link = link.rate(20_000 + random.below(500_000));
        link = link.queue(600 + random.below(4000));
    }
    link
}

/// Cuts, partitions and reboots, all over by the calm.
fn mishaps(random: &mut Random, places: &[Place]) -> Vec<(Duration, Mishap)> {
    let mut mishaps = Vec::new();
    for (place, host) in places.iter().enumerate() {
        if one_in(random, 3) {
            let (from, length) = span(random);
            mishaps.push((from, Mishap::Cut(place)));
            mishaps.push((from + length, Mishap::Mend(place)));
        }
        if !host.attacks.is_empty() && one_in(random, 3) {
            let (from, length) = span(random);
            mishaps.push((from, Mishap::Reboot(place, length)));
        }
    }
    if one_in(random, 3) {
        let (from, length) = span(random);
        let parted = (0..places.len()).filter(|_| one_in(random, 2)).collect();
        mishaps.push((from, Mishap::Part(parted)));
        mishaps.push((from + length, Mishap::Heal));
    }
    if one_in(random, 8) {
        let (from, length) = span(random);
        mishaps.push((from, Mishap::RebootServer(length)));
    }
    mishaps
}

fn errands(random: &mut Random, place: usize) -> Vec<Errand> {
    let mut errands = Vec::new();
    for number in 0..2 + pick(random, 8) {
        errands.push(Errand {
            start: random.duration(CALM),
            name: name(random, &format!("{place}.{number} ")),
            timeout: ms(500) + random.duration(Duration::from_secs(12)),
        });
    }
    for number in 0..2 {
        errands.push(Errand {
            start: LAST + random.duration(Duration::from_secs(5)),
            name: name(random, &format!("{place}.last{number} ")),
            timeout: PATIENCE,
        });
    }
    errands.sort_by_key(|errand| errand.start);
    errands
}

/// A name that starts so, and has a length that is likely to be a limit.
fn name(random: &mut Random, start: &str) -> String {
    let len = match pick(random, 4) {
        0 => [535, 536, 537, 1023, MAX_TEXT][pick(random, 5)],
        1 => pick(random, MAX_TEXT + 1),
        _ => pick(random, 40),
    };
    text(random, start, len.max(start.len()))
}

/// Text of exactly so many bytes.
fn text(random: &mut Random, start: &str, len: usize) -> String {
    let mut text = String::from(start);
    while text.len() < len {
        let character = ['a', 'Z', ' ', '\n', 'é', '日', '🦀'][pick(random, 7)];
        if text.len() + character.len_utf8() <= len {
            text.push(character);
        }
    }
    text
}

fn attacks(random: &mut Random, mtu: usize) -> Vec<Attack> {
    let mut attacks: Vec<_> = (0..3 + pick(random, 10)).map(|_| attack(random)).collect();
    for start in [Duration::ZERO, ms(2500)] {
        attacks.push(harmless(random, mtu, LAST + start));
    }
    attacks
}

/// Anything, in the midst of the chaos.
fn attack(random: &mut Random) -> Attack {
    let mut bytes = match pick(random, 6) {
        0 => Vec::new(),
        1 => (0..pick(random, 200))
            .map(|_| random.next_u64().to_be_bytes()[0])
            .collect(),
        2 => vec![b'x'; 1020 + pick(random, 10)],
        3 => vec![b'y'; 2000 + pick(random, 80_000)],
        4 => {
            let len = 1 + pick(random, 1000);
            text(random, "", len).into_bytes()
        }
        _ => "half a crab: 🦀".into(),
    };
    if one_in(random, 3) {
        bytes.pop();
    }
    let pieces = if one_in(random, 3) {
        let len = 1 + pick(random, 50);
        let pause = random.duration(ms(1500));
        let mut pieces: Vec<_> = bytes
            .chunks(len)
            .map(|piece| (pause, piece.to_vec()))
            .collect();
        pieces.truncate(40);
        pieces
    } else {
        vec![(Duration::ZERO, bytes)]
    };
    Attack {
        start: random.duration(CALM),
        port: PORT,
        pieces,
        finale: [Finale::Fin, Finale::Wait, Finale::Reset, Finale::Vanish][pick(random, 4)],
        reads: !one_in(random, 4),
        patience: random.duration(Duration::from_secs(20)),
        expected: None,
        is_flood: false,
    }
}

/// Something odd in the calm, whose answer is known to the byte.
fn harmless(random: &mut Random, mtu: usize, start: Duration) -> Attack {
    let now = |bytes: Vec<u8>| vec![(Duration::ZERO, bytes)];
    let greeting = |name: &[u8]| [b"Hello, ", name].concat();
    let mut is_flood = false;
    let (pieces, finale, expected) = match pick(random, 8) {
        0 => (Vec::new(), Finale::Fin, greeting(b"")),
        1 => {
            let len = pick(random, 536);
            let name = text(random, "!", len.max(1)).into_bytes();
            (now(name.clone()), Finale::Wait, greeting(&name))
        }
        2 => {
            // Two pieces, the second within the time that a long name needs to settle.
            let len = 700 + pick(random, 325);
            let cut = [536, 537, 600, 699][pick(random, 4)];
            let name = text(random, "!", len).into_bytes();
            let mut pieces = now(name[..cut].to_vec());
            pieces.push((ms(5), name[cut..].to_vec()));
            (pieces, Finale::Wait, greeting(&name))
        }
        3 => {
            let len = 1025 + pick(random, 60_000);
            let refusal = b"Error: name is longer than 1024 bytes\n";
            (now(vec![b'z'; len]), Finale::Fin, refusal.to_vec())
        }
        4 => {
            let good = text(random, "!", 1 + pick(&mut random.clone(), 1000));
            let refusal = format!("Error: name is not UTF-8 at byte {}\n", good.len());
            let bytes = [good.as_bytes(), b"\xff and more"].concat();
            (now(bytes), Finale::Wait, refusal.into_bytes())
        }
        5 => {
            let good = text(random, "!", 1 + pick(&mut random.clone(), 1000));
            let refusal = format!("Error: name is not UTF-8 at byte {}\n", good.len());
            let bytes = [good.as_bytes(), b"\xf0\x9f\xa6"].concat();
            (now(bytes), Finale::Fin, refusal.into_bytes())
        }
        // A segment and its acknowledgment take 10 ms, and a second is all the time there is.
        6 if mtu > 1024 => {
            is_flood = true;
            let refusal = b"Error: name is longer than 1024 bytes\n";
            (now(vec![b'~'; 70_000]), Finale::Fin, refusal.to_vec())
        }
        _ => {
            let refusal = b"Error: no name within 10 s\n";
            (Vec::new(), Finale::Wait, refusal.to_vec())
        }
    };
    Attack {
        start,
        port: PORT,
        pieces,
        finale,
        reads: true,
        patience: PATIENCE,
        expected: Some(expected),
        is_flood,
    }
}

/// When something begins, and how long it lasts: not into the calm.
fn span(random: &mut Random) -> (Duration, Duration) {
    let from = random.duration(CALM.saturating_sub(ms(1000)));
    (from, random.duration(CALM.saturating_sub(from)))
}

fn drift(random: &mut Random) -> i32 {
    [0, 0, 50, -200][pick(random, 4)]
}

fn up_to(random: &mut Random, parts: u32) -> Probability {
    let parts = random.below(parts.into());
    Probability::parts_per_million(u32::try_from(parts).unwrap_or(0))
}

fn one_in(random: &mut Random, n: u64) -> bool {
    random.below(n) == 0
}

fn pick(random: &mut Random, choices: usize) -> usize {
    usize::try_from(random.below(choices as u64)).unwrap_or(0)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
