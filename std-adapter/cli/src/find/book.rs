//! Who answered so far, and which of those are the same: what is known of each, and when to tell.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::neighbors::{Mac, Neighbor};
use super::question::{Answer, Heard};

/// An address that answered, on one interface.
#[derive(Clone, Debug)]
pub struct Found {
    pub from: SocketAddr,
    /// The number of the interface on which it was asked.
    pub interface: u32,
    pub place: Place,
    pub answer: Answer,
    /// The shortest of its greetings.
    pub round_trip: Option<Duration>,
    /// Behind which card, if the system knows.
    pub mac: Option<Mac>,
    /// It answered when it was asked alone: datagrams reach it.
    pub is_reached: bool,
    since: Instant,
    is_told: bool,
}

/// Where an address is, seen from the interface on which it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is one of ours.
    ThisMachine,
    /// In a network of that interface.
    Near,
    /// In none of its networks.
    Elsewhere,
}

/// All that answered, in the order in which they did.
#[derive(Debug, Default)]
pub struct Book {
    pub found: Vec<Found>,
    /// Answers that came once more.
    pub duplicates: u64,
    /// Addresses beyond those that are kept.
    pub more: u64,
    /// Which question each has answered.
    answered: HashSet<(usize, usize)>,
}

/// So many addresses are kept: senders can be forged.
const MOST: usize = 1024;

/// So long a line waits for the system to learn a hardware address.
const SETTLE: Duration = Duration::from_millis(150);

impl Book {
    /// Notes an answer to a question that went out on this interface. Whether it is the first from there.
    pub fn heard(
        &mut self,
        from: SocketAddr,
        interface: u32,
        place: Place,
        heard: Heard,
        asked: Option<SocketAddr>,
        now: Instant,
    ) -> bool {
        let known = self
            .found
            .iter()
            .position(|found| (found.from, found.interface) == (from, interface));
        let at = known.unwrap_or(self.found.len());
        if known.is_none() {
            if at >= MOST {
                self.more += 1;
                return false;
            }
            self.found.push(Found {
                from,
                interface,
                place,
                answer: heard.answer.clone(),
                round_trip: None,
                mac: None,
                is_reached: false,
                since: now,
                is_told: false,
            });
        }
        if let Some(question) = heard.question
            && !self.answered.insert((at, question))
        {
            self.duplicates += 1;
            return false;
        }
        let found = &mut self.found[at];
        found.is_reached |= asked == Some(from);
        if heard.answer < found.answer {
            found.answer = heard.answer;
        }
        if let Some(took) = heard.round_trip {
            found.round_trip = Some(found.round_trip.map_or(took, |least| least.min(took)));
        }
        known.is_none()
    }

    /// Takes what the system knows of hardware addresses.
    pub fn learn(&mut self, known: &[Neighbor]) {
        for found in self.found.iter_mut().filter(|found| found.mac.is_none()) {
            let address = found.from.ip();
            found.mac = known
                .iter()
                .find(|one| (one.interface, one.address) == (found.interface, address))
                .map(|one| one.mac);
        }
    }

    /// Whether a hardware address might still be learnt.
    pub fn wants_to_learn(&self) -> bool {
        let unknown = |found: &Found| found.mac.is_none() && found.place == Place::Near;
        self.found
            .iter()
            .any(|found| !found.is_told && unknown(found))
    }

    /// The next of which all is known, or that has waited long enough for it.
    pub fn next_to_tell(&mut self, now: Instant, is_end: bool) -> Option<usize> {
        let at = self.found.iter().position(|found| {
            let is_known = found.mac.is_some() || found.place != Place::Near;
            !found.is_told && (is_end || is_known || now.duration_since(found.since) >= SETTLE)
        })?;
        self.found[at].is_told = true;
        Some(at)
    }

    /// How many were told of.
    pub fn told(&self) -> usize {
        self.found.iter().filter(|found| found.is_told).count()
    }

    /// The first of them that is the same machine as this one, if that isn't this one itself.
    pub fn same_as(&self, at: usize) -> Option<usize> {
        let one = &self.found[at];
        self.found[..at].iter().position(|other| one.is_same(other))
    }

    /// The boards, each by its addresses; without this machine.
    pub fn boards(&self) -> Vec<Vec<usize>> {
        let mut boards: Vec<Vec<usize>> = Vec::new();
        for (at, found) in self.found.iter().enumerate() {
            if found.place == Place::ThisMachine {
                continue;
            }
            let is_it = |board: &&mut Vec<usize>| {
                board.iter().any(|other| found.is_same(&self.found[*other]))
            };
            match boards.iter_mut().find(is_it) {
                Some(board) => board.push(at),
                None => boards.push(vec![at]),
            }
        }
        boards
    }

    /// The addresses of this machine that answered.
    pub fn own(&self) -> Vec<usize> {
        let is_own = |at: &usize| self.found[*at].place == Place::ThisMachine;
        (0..self.found.len()).filter(is_own).collect()
    }

    /// Of some addresses, that which is best to be typed: one that greets and can be reached, and IPv4.
    pub fn best(&self, of: &[usize]) -> Option<&Found> {
        let found = of.iter().map(|at| &self.found[*at]);
        let greets = found.filter(|found| found.answer == Answer::Greeting);
        greets.min_by_key(|found| {
            let is_far = found.place == Place::Elsewhere && !found.is_reached;
            (is_far, found.from.is_ipv6(), !found.from.ip().is_loopback())
        })
    }

    /// Whether it is known of each board which it is.
    pub fn tells_boards_apart(&self) -> bool {
        self.found
            .iter()
            .all(|found| found.mac.is_some() || found.place != Place::Near)
    }
}

impl Found {
    /// One card is one board; without that, one address is.
    fn is_same(&self, other: &Self) -> bool {
        match (self.place, other.place) {
            (Place::ThisMachine, Place::ThisMachine) => return true,
            (Place::ThisMachine, _) | (_, Place::ThisMachine) => return false,
            _ => {}
        }
        match (self.mac, other.mac) {
            (Some(one), Some(other)) => one == other,
            _ => self.ip() == other.ip() && !is_of_link(self.ip()),
        }
    }

    fn ip(&self) -> IpAddr {
        self.from.ip()
    }
}

/// Whether an address says something on its link alone.
pub fn is_of_link(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETH0: u32 = 2;
    const WLAN0: u32 = 3;

    struct Case {
        book: Book,
        start: Instant,
    }

    impl Case {
        fn new() -> Self {
            Self {
                book: Book::default(),
                start: Instant::now(),
            }
        }

        fn answer(&mut self, from: &str, interface: u32, place: Place, question: usize) -> bool {
            let heard = Heard {
                answer: Answer::Greeting,
                question: Some(question),
                round_trip: Some(Duration::from_micros(400)),
            };
            let from = from.parse().expect("an address");
            self.book
                .heard(from, interface, place, heard, None, self.start)
        }

        fn neighbor(&mut self, address: &str, interface: u32, last: u8) {
            self.book.learn(&[Neighbor {
                interface,
                address: address.parse().expect("an address"),
                mac: Mac([2, 0, 0, 0, 0, last]),
            }]);
        }
    }

    #[test]
    fn one_board_with_several_addresses_is_one() {
        let mut case = Case::new();
        assert!(case.answer("192.0.2.7:8001", ETH0, Place::Near, 0));
        assert!(case.answer("[fe80::7%2]:8001", ETH0, Place::Near, 1));
        assert!(case.answer("192.0.2.8:8001", ETH0, Place::Near, 0));
        assert!(
            !case.answer("192.0.2.7:8001", ETH0, Place::Near, 2),
            "asked again"
        );
        assert!(!case.book.tells_boards_apart());
        for (address, last) in [("192.0.2.7", 7), ("fe80::7", 7), ("192.0.2.8", 8)] {
            case.neighbor(address, ETH0, last);
        }
        assert!(case.book.tells_boards_apart());
        assert_eq!(case.book.boards(), [vec![0, 1], vec![2]]);
        assert_eq!(case.book.same_as(1), Some(0));
        assert_eq!(case.book.same_as(2), None);
        let best = case.book.best(&[1, 0]).expect("it greets");
        assert!(best.from.is_ipv4());
        assert_eq!(case.book.duplicates, 0, "each answered another question");
    }

    #[test]
    fn the_same_address_on_two_networks_is_two_boards_if_their_cards_are() {
        let mut case = Case::new();
        case.answer("192.0.2.7:8001", ETH0, Place::Near, 0);
        case.answer("192.0.2.7:8001", WLAN0, Place::Near, 1);
        assert_eq!(case.book.boards().len(), 1, "as far as anybody knows");
        case.neighbor("192.0.2.7", ETH0, 7);
        case.neighbor("192.0.2.7", WLAN0, 8);
        assert_eq!(case.book.boards().len(), 2);
        // An address of a link says nothing on another.
        let mut case = Case::new();
        case.answer("[fe80::7%2]:8001", ETH0, Place::Near, 0);
        case.answer("[fe80::7%3]:8001", WLAN0, Place::Near, 1);
        assert_eq!(case.book.boards().len(), 2);
    }

    #[test]
    fn an_answer_that_comes_twice_is_counted() {
        let mut case = Case::new();
        assert!(case.answer("192.0.2.7:8001", ETH0, Place::Near, 0));
        assert!(!case.answer("192.0.2.7:8001", ETH0, Place::Near, 0));
        assert!(case.answer("192.0.2.8:8001", ETH0, Place::Near, 0));
        assert_eq!(case.book.duplicates, 1);
    }

    #[test]
    fn this_machine_is_no_board() {
        let mut case = Case::new();
        case.answer("127.0.0.1:8001", 1, Place::ThisMachine, 0);
        case.answer("192.0.2.9:8001", ETH0, Place::ThisMachine, 1);
        case.answer("192.0.2.7:8001", ETH0, Place::Near, 1);
        assert_eq!(case.book.boards(), [vec![2]]);
        assert_eq!(case.book.own(), [0, 1]);
        assert_eq!(case.book.same_as(1), Some(0));
    }

    #[test]
    fn a_line_waits_for_the_card_but_not_for_long() {
        let mut case = Case::new();
        let start = case.start;
        case.answer("192.0.2.7:8001", ETH0, Place::Near, 0);
        case.answer("198.51.100.7:8001", ETH0, Place::Elsewhere, 0);
        assert_eq!(
            case.book.next_to_tell(start, false),
            Some(1),
            "no card is known of it"
        );
        assert_eq!(case.book.next_to_tell(start, false), None);
        assert!(case.book.wants_to_learn());
        assert_eq!(case.book.next_to_tell(start + SETTLE, false), Some(0));
        assert!(!case.book.wants_to_learn());
        case.answer("192.0.2.8:8001", ETH0, Place::Near, 0);
        case.neighbor("192.0.2.8", ETH0, 8);
        assert_eq!(case.book.next_to_tell(start, false), Some(2));
        case.answer("192.0.2.9:8001", ETH0, Place::Near, 0);
        assert_eq!(case.book.next_to_tell(start, true), Some(3), "the run ends");
        assert_eq!(case.book.next_to_tell(start, true), None);
    }

    #[test]
    fn a_forger_fills_no_memory() {
        let mut case = Case::new();
        for number in 0..u32::try_from(MOST).expect("small") + 5 {
            let from = SocketAddr::from((std::net::Ipv4Addr::from(number), 8001));
            case.answer(&from.to_string(), ETH0, Place::Near, 0);
        }
        assert_eq!((case.book.found.len(), case.book.more), (MOST, 5));
    }
}
