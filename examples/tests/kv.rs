//! The key-value store: one machine over sockets, over smoltcp's loopback, and across a simulated
//! network with losses, with two clients at once; and the machine alone, cut anywhere.

use std::time::Duration;

use greet_core::embedded_io::ErrorKind;
use greet_core::machine::{Machine, Service, Want};
use greet_core::time::Instant;
use greet_examples::kv::batch::Batch;
use greet_examples::kv::over::{self, BUFFER};
use greet_examples::kv::session::{IDLE, LINE, REPLIES, Session};
use greet_examples::kv::store::Store;
use proptest::prelude::*;
use smoltcp_sim::{Link, Probability};

/// Longer than any of it takes, also where each packet has to be sent several times.
const DEADLINE: Instant = Instant::from_millis(120_000);
const NOW: Instant = Instant::START;
/// Room for more than all replies of one client.
const ROOM: usize = 100_000;

/// Conversations with a server of the store, over something.
macro_rules! over {
    (sockets, $store:expr, $machines:expr) => {
        over::desktop($store, $machines).expect("the system lacks nothing")
    };
    (loopback, $store:expr, $machines:expr) => {
        over::loopback($store, $machines).expect("there are sockets")
    };
    (losses, $store:expr, $machines:expr) => {{
        let link = Link::new()
            .latency(Duration::from_millis(20))
            .loss(Probability::percent(10));
        over::network($store, $machines, link, 1).expect("there are sockets")
    }};
}

/// The same tests over each.
macro_rules! tests {
    ($($over:ident)*) => {$(
        mod $over {
            use super::*;

            #[test]
            fn two_clients_at_once_are_answered_in_order() {
                let store = Store::new();
                let scripts = ['a', 'b'].map(script);
                let mut rooms = [vec![0; ROOM], vec![0; ROOM]];
                let clients = scripts.iter().zip(&mut rooms);
                let clients = clients.map(|((requests, _), room)| client(requests, room));
                let clients = over!($over, &store, clients.collect());
                for (client, (_, replies)) in clients.iter().zip(&scripts) {
                    assert_eq!(client.outcome(), Some(Ok(())));
                    assert_eq!(shown(client), *replies);
                }
                drop(clients);
                let third = client("GET a1\nGET b2\n", &mut rooms[0]);
                let third = over!($over, &store, vec![third]);
                assert_eq!(shown(&third[0]), "= a has 1\n= b has 2\n", "the store isn't shared");
            }

            #[test]
            fn bad_lines_are_answered_in_their_places() {
                let store = Store::new();
                let long = "x".repeat(3 * LINE);
                let longest = "x".repeat(LINE - 1);
                let requests = format!("GET a\n{long}\nGET b\n{longest}\nSET\n\nGET c\nSET d e");
                let [room, other] = &mut [vec![0; ROOM], vec![0; ROOM]];
                let clients = vec![client(&requests, room), client("", other)];
                let clients = over!($over, &store, clients);
                assert_eq!(
                    shown(&clients[0]),
                    "NONE\nERROR no end of line\nNONE\nERROR no such request\n\
                    ERROR no such request\nERROR no such request\nNONE\nERROR no end of line\n"
                );
                assert_eq!(shown(&clients[1]), "");
                drop(clients);
                let after = over!($over, &store, vec![client("GET d\n", room)]);
                assert_eq!(shown(&after[0]), "NONE\n", "half a request was obeyed");
            }

            #[test]
            fn a_client_that_does_not_read_is_slowed_down_and_loses_nothing() {
                let store = Store::new();
                let value = "v".repeat(100);
                let requests = format!("SET k {value}\n") + &"GET k\n".repeat(600);
                let replies = String::from("OK\n") + &format!("= {value}\n").repeat(600);
                let mut rooms = [vec![0; ROOM], vec![0; ROOM]];
                let slow = rooms.each_mut().map(|room| Slow::new(client(&requests, room)));
                for slow in over!($over, &store, slow.into()) {
                    assert_eq!(slow.outcome(), Some(Ok(())));
                    assert_eq!(shown(&slow.client), replies);
                    if stringify!($over) != "sockets" {
                        // whose buffers have megabytes
                        let most = 4 * BUFFER + REPLIES + LINE;
                        assert!(slow.sent < most, "{} bytes were taken, not {most}", slow.sent);
                    }
                }
            }
        }
    )*};
}

tests!(sockets loopback losses);

fn client<'a>(requests: &'a str, room: &'a mut [u8]) -> Batch<'a> {
    Batch::new(requests.as_bytes(), room, DEADLINE)
}

fn shown(client: &Batch<'_>) -> String {
    String::from_utf8_lossy(client.replies()).into_owned()
}

/// Requests of one client and their replies, which need no other client's.
fn script(client: char) -> (String, String) {
    let about = |number| {
        let key = format!("{client}{number}");
        let value = format!("{client} has {number}");
        (
            format!("SET {key} {value}\nGET {key}\n"),
            format!("OK\n= {value}\n"),
        )
    };
    let (requests, replies): (String, String) = (0..200).map(about).unzip();
    let last = format!("DEL {client}7\nGET {client}7\nDEL {client}7\n");
    (requests + &last, replies + "OK\nNONE\nNONE\n")
}

/// A client that reads nothing before its requests have been stuck for a while.
struct Slow<'a> {
    client: Batch<'a>,
    /// So many bytes had left when it began to read.
    sent: usize,
    reads: bool,
    stuck: Instant,
}

impl<'a> Slow<'a> {
    const PATIENCE: Duration = Duration::from_millis(500);

    fn new(client: Batch<'a>) -> Self {
        let stuck = Instant::START + 4 * Self::PATIENCE;
        Self {
            client,
            sent: 0,
            reads: false,
            stuck,
        }
    }
}

impl Machine for Slow<'_> {
    type Outcome = <Batch<'static> as Machine>::Outcome;

    fn want(&self) -> Want {
        match self.client.want() {
            Want::Both if !self.reads => Want::Write,
            want => want,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        self.client.space()
    }

    fn received(&mut self, n: usize, now: Instant) {
        self.client.received(n, now);
    }

    fn received_fin(&mut self, now: Instant) {
        self.client.received_fin(now);
    }

    fn transmit(&self) -> &[u8] {
        self.client.transmit()
    }

    fn fin_follows(&self) -> bool {
        self.client.fin_follows()
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        self.client.transmitted(n, now);
        if !self.reads {
            self.sent += n;
            self.stuck = now + Self::PATIENCE;
        }
    }

    fn finished(&mut self, now: Instant) {
        self.client.finished(now);
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.client.lost(kind);
    }

    fn due(&self) -> Instant {
        if self.reads {
            self.client.due()
        } else {
            self.client.due().min(self.stuck)
        }
    }

    fn timeout(&mut self, now: Instant) {
        self.client.timeout(now);
        self.reads |= now >= self.stuck;
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.client.outcome()
    }
}

fn session(store: &Store) -> Session<'_> {
    let mut session = Session::VACANT;
    session.begin(NOW, &store);
    session
}

/// Gives a session bytes as far as it has room, and says how many.
fn give(session: &mut Session<'_>, bytes: &[u8]) -> usize {
    let space = session.space();
    let n = space.len().min(bytes.len());
    space[..n].copy_from_slice(&bytes[..n]);
    session.received(n, NOW);
    n
}

#[test]
fn a_session_takes_no_more_while_its_replies_wait() {
    let store = Store::new();
    let mut session = session(&store);
    let requests = "GET k\n".repeat(10_000);
    let mut taken = 0;
    while session.want().reads() {
        taken += give(&mut session, &requests.as_bytes()[taken..]);
    }
    assert_eq!(session.want(), Want::Write);
    assert!(session.space().is_empty());
    assert!(taken < REPLIES / "NONE\n".len() * "GET k\n".len() + LINE);
    session.transmitted(REPLIES / 2, NOW);
    assert_eq!(session.want(), Want::Both);
}

#[test]
fn a_server_that_stops_answers_the_request_that_has_begun_and_no_other() {
    let store = Store::new();
    let mut idle = session(&store);
    assert!(idle.dormant().is_some());
    idle.wind_down(NOW);
    assert!(idle.fin_follows() && idle.transmit().is_empty());

    let mut busy = session(&store);
    give(&mut busy, b"GET a\nGE");
    assert_eq!(busy.dormant(), None);
    busy.wind_down(NOW);
    assert!(!busy.fin_follows());
    give(&mut busy, b"T b\nGET c\n");
    assert_eq!(busy.transmit(), b"NONE\nNONE\n");
    assert!(busy.fin_follows());
}

#[test]
fn a_client_who_asks_for_nothing_is_kept_as_its_deadline() {
    let store = Store::new();
    let mut session = session(&store);
    give(&mut session, b"SET a b\n");
    session.transmitted(3, NOW);
    let kept = session.dormant().expect("it has all replies");
    let mut other = Session::VACANT;
    other.resume(kept, &&store);
    assert_eq!(other.due(), NOW + IDLE);
    give(&mut other, b"GET a\n");
    assert_eq!(other.transmit(), b"= b\n");
}

#[test]
fn who_neither_asks_nor_reads_is_given_up() {
    let store = Store::new();
    for requests in ["", "GET k", &"GET k\n".repeat(1_000)] {
        let mut session = session(&store);
        give(&mut session, requests.as_bytes());
        assert_eq!(session.due(), NOW + IDLE);
        session.timeout(NOW + IDLE);
        assert_eq!(session.outcome(), Some(Err(ErrorKind::TimedOut)));
        assert_eq!(session.want(), Want::Done);
    }
}

proptest! {
    /// Requests come, and replies leave, in pieces of any sizes.
    #[test]
    fn replies_do_not_depend_on_where_requests_are_cut(
        pieces in prop::collection::vec((1_usize..300, 1_usize..300), 1..50),
        long in 0_usize..400,
    ) {
        let store = Store::new();
        let mut session = session(&store);
        let (requests, mut replies) = script('a');
        let requests = format!("{requests}{}\nGET a1\nGET", "x".repeat(long));
        replies += if long < LINE { "ERROR no such request\n" } else { "ERROR no end of line\n" };
        replies += "= a has 1\nERROR no end of line\n";

        let (mut rest, mut out) = (requests.as_bytes(), Vec::new());
        for (come, leave) in pieces.iter().cycle() {
            if session.want().reads() {
                let n = give(&mut session, &rest[..rest.len().min(*come)]);
                rest = &rest[n..];
                if rest.is_empty() {
                    session.received_fin(NOW);
                }
            }
            let n = session.transmit().len().min(*leave);
            out.extend_from_slice(&session.transmit()[..n]);
            session.transmitted(n, NOW);
            if session.fin_follows() && session.transmit().is_empty() {
                session.finished(NOW);
            }
            if session.want() == Want::Done {
                break;
            }
        }
        prop_assert_eq!(session.outcome(), Some(Ok(())));
        prop_assert_eq!(String::from_utf8_lossy(&out), replies);
    }

    /// Whatever is called in whatever order, nothing panics, and it ends.
    #[test]
    fn no_call_panics(calls in prop::collection::vec((0_u8..8, any::<usize>(), 0_usize..300), 1..200)) {
        let store = Store::new();
        let mut session = session(&store);
        let mut now = NOW;
        for (call, n, len) in calls {
            match call {
                0 => session.received(n, now),
                1 => _ = give(&mut session, &b"SET a b\nGET a\n".repeat(30)[..len]),
                2 => session.received_fin(now),
                3 => session.transmitted(n, now),
                4 => session.finished(now),
                5 => session.timeout(now),
                6 => now += Duration::from_millis(len as u64),
                _ => session.lost(ErrorKind::ConnectionReset),
            }
            let _ = (session.want(), session.transmit(), session.due());
            let _ = session.space();
        }
        session.timeout(session.due());
        prop_assert!(session.outcome().is_some());
    }
}
