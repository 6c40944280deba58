//! Every greeting of the probe's table, however it is cut on its way: what no tester can do to a
//! server on a network, but a stream in memory can.
//!
//! The client is the plainest there is, with none of core's own, so that a fault in one doesn't hide
//! the same fault in the other.

use std::task::Poll;
use std::time::Duration;

use greet_core::limits::{DEFAULT_MSS, Limits};
use greet_core::server::Server;
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::memory::{Backlog, Cut, End, Wire};
use greet_tests::table::{Greeting, greeting, greetings};

/// One cut at every place in turn, with more waiting behind it: `receive` hands over less than
/// there is, and nothing is quiet. The reply is the same, wherever the cut is.
#[test]
fn a_cut_anywhere_changes_nothing() {
    for case in greetings() {
        for at in 1..case.pieces.concat().len() {
            let wire = Wire {
                cut: Cut::At(at),
                ..Wire::default()
            };
            assert_reply::<false>(&case, wire, &format!("cut at {at}"));
        }
    }
}

/// One byte in each call of `receive`, and a reply that leaves whole, or a few bytes at a time.
#[test]
fn one_byte_at_a_time_changes_nothing() {
    for case in greetings() {
        for down in [1 << 20, 1, 7] {
            let wire = Wire {
                cut: Cut::Every(1),
                down,
                ..Wire::default()
            };
            assert_reply::<false>(&case, wire, &format!("room for {down} bytes"));
        }
    }
}

/// A reply that leaves in many pieces, as the client has little room for it.
#[test]
fn a_narrow_window_changes_nothing() {
    for case in greetings() {
        for down in [1, 2, 7, 8, 255, 1030, 1 << 20] {
            let wire = Wire {
                down,
                ..Wire::default()
            };
            assert_reply::<false>(&case, wire, &format!("room for {down} bytes"));
            assert_reply::<true>(&case, wire, &format!("room for {down} bytes"));
        }
    }
}

/// Two segments, cut at every place in turn, and quiet between them. Where the protocol takes the
/// first for a whole name, that is greeted; everywhere else the quiet changes nothing.
fn quiet_between_two_segments<const TAKES_ALL: bool>() {
    for case in greetings() {
        let bytes = case.pieces.concat();
        for at in 1..bytes.len() {
            let (first, second) = bytes.split_at(at);
            let case = if at < DEFAULT_MSS && str::from_utf8(first).is_ok() {
                Greeting {
                    pieces: vec![first.to_vec()],
                    fin: false,
                    reply: greeting(first),
                    ..case.clone()
                }
            } else {
                Greeting {
                    pieces: vec![first.to_vec(), second.to_vec()],
                    gap: case.gap.max(Duration::from_millis(1)),
                    ..case.clone()
                }
            };
            let how = format!("segments of {at} and {} bytes", bytes.len() - at);
            assert_reply::<TAKES_ALL>(&case, Wire::default(), &how);
        }
    }
}

#[test]
fn quiet_between_two_segments_ends_what_is_whole_and_nothing_else() {
    quiet_between_two_segments::<false>();
}

#[test]
fn the_same_where_one_receive_takes_all() {
    quiet_between_two_segments::<true>();
}

fn assert_reply<const TAKES_ALL: bool>(case: &Greeting, wire: Wire, how: &str) {
    let mut client = Client::<TAKES_ALL>::connect(wire);
    client.speak(case);
    let mut reply = Vec::new();
    let end = client.read(&mut reply);
    let shown = [&case.reply, &reply].map(|bytes| bytes.escape_ascii().to_string());
    let [expected, actual] = shown;
    assert_eq!(actual, expected, "{}, {how}", case.id);
    assert_eq!(end, Ok(()), "{}, {how}", case.id);
}

/// A client of a server of its own. Time stands still but between two pieces and while it waits;
/// then it jumps to the next moment at which the server has something to do.
struct Client<const TAKES_ALL: bool> {
    end: End<TAKES_ALL>,
    backlog: Backlog<TAKES_ALL>,
    server: Server<End<TAKES_ALL>, 1>,
    now: Instant,
}

impl<const TAKES_ALL: bool> Client<TAKES_ALL> {
    fn connect(wire: Wire) -> Self {
        let backlog = Backlog::new();
        let (end, _) = backlog.connect(wire);
        Self {
            end,
            backlog,
            server: Server::new(Limits::DEFAULT),
            now: Instant::from_millis(1_000_000),
        }
    }

    /// Sends the pieces, and FIN. There is room for all of them.
    fn speak(&mut self, case: &Greeting) {
        for (index, piece) in case.pieces.iter().enumerate() {
            if index > 0 {
                self.pass(case.gap);
            }
            assert_eq!(self.end.send(piece), Poll::Ready(Ok(piece.len())));
        }
        if case.fin {
            assert_eq!(self.end.finish(), Poll::Ready(Ok(())));
        }
    }

    /// Takes the reply, up to FIN.
    fn read(&mut self, reply: &mut Vec<u8>) -> Result<(), &'static str> {
        let mut buffer = [0; 256];
        loop {
            match self.end.receive(&mut buffer) {
                Poll::Ready(Ok(0)) => return Ok(()),
                Poll::Ready(Ok(n)) => reply.extend_from_slice(&buffer[..n]),
                Poll::Ready(Err(_)) => return Err("the connection broke"),
                Poll::Pending => self.wait()?,
            }
        }
    }

    /// Lets the server do what is to be done now, and says when it wants to be called again.
    fn serve(&mut self) -> Instant {
        loop {
            let next = self.server.poll(&mut self.backlog, self.now, |_| {});
            if next != self.now {
                return next;
            }
        }
    }

    /// Lets the server go on, and time if need be.
    fn wait(&mut self) -> Result<(), &'static str> {
        let moves = self.end.moves();
        let next = self.serve();
        if self.end.moves() == moves {
            if next == Instant::NEVER {
                return Err("neither side has anything left to do");
            }
            self.now = next;
        }
        Ok(())
    }

    /// Lets time go by, while the server does what is due.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let next = self.serve();
            if next >= until {
                break;
            }
            self.now = next;
        }
        self.now = until;
        self.serve();
    }
}
