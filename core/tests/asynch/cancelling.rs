//! A future that is dropped where it waits, and made anew: no byte is lost, and none sent twice.

use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use greet_core::asynch::{Copying, converse};
use greet_core::error::Abandonment;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::lines::{End as LinesEnd, Lines};
use greet_core::machine::{Machine, Service};
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use greet_core::time::Instant;

use crate::clock::Clock;
use crate::pipe::{End, pipe};
use crate::task::Task;

/// One side of a conversation, which can be gone on with.
trait Side {
    async fn go_on(&mut self, clock: &Clock);
    fn is_done(&self) -> bool;
}

impl<M: Machine> Side for (&mut M, &mut End) {
    async fn go_on(&mut self, clock: &Clock) {
        converse(self.0, self.1, clock).await;
    }

    fn is_done(&self) -> bool {
        self.0.outcome().is_some()
    }
}

/// The same with what is read copied.
impl<M: Machine> Side for (&mut M, Copying<'_, End, End>) {
    async fn go_on(&mut self, clock: &Clock) {
        self.1.converse(self.0, clock).await;
    }

    fn is_done(&self) -> bool {
        self.0.outcome().is_some()
    }
}

/// Both sides of a conversation in a task each. At each point where one of them waits, `cancels` says of its
/// number whether both futures are dropped and made anew. Returns how many such points there were.
fn both(mut a: impl Side, mut b: impl Side, cancels: impl Fn(usize) -> bool) -> usize {
    let (clock, mut points) = (Clock::new(), 0);
    while !a.is_done() || !b.is_done() {
        let mut tasks = [Task::new(), Task::new()];
        let mut one = pin!(a.go_on(&clock));
        let mut other = pin!(b.go_on(&clock));
        let mut done = [false; 2];
        'running: while done != [true; 2] {
            let mut rests = true;
            // After a cancel, the other side comes first.
            for side in [points % 2, (points + 1) % 2] {
                let task = &mut tasks[side];
                if done[side] || task.polls > 0 && !task.is_woken() {
                    continue;
                }
                rests = false;
                done[side] = match side {
                    0 => task.poll(one.as_mut()).is_ready(),
                    _ => task.poll(other.as_mut()).is_ready(),
                };
                if !done[side] {
                    points += 1;
                    if cancels(points) {
                        break 'running;
                    }
                }
            }
            if rests {
                assert!(clock.go_on(), "both wait, and nobody wakes them");
            }
        }
    }
    points
}

/// Runs something as it is, then cancelled at each point alone, then at all of them.
pub(crate) fn everywhere(run: impl Fn(&dyn Fn(usize) -> bool) -> usize) {
    let points = run(&|_| false);
    assert!(points > 20, "{points} points only");
    for chosen in 1..=points {
        run(&|point| point == chosen);
    }
    run(&|_| true);
}

fn greeting(name: &str, room: usize, slow: usize, cancels: &dyn Fn(usize) -> bool) -> usize {
    let deadline = Instant::START + Duration::from_secs(5);
    let mut request = Request::new(Text::new(name).expect("short"), deadline);
    let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
    let (mut ours, mut theirs) = pipe(room);
    (ours.slow, theirs.slow) = (slow, slow);
    let client = (&mut request, &mut ours);
    let points = both(client, (&mut exchange, &mut theirs), cancels);
    assert_eq!(ours.goes.borrow().written, name.as_bytes());
    let reply = format!("Hello, {name}");
    assert_eq!(theirs.goes.borrow().written, reply.as_bytes());
    assert_eq!(request.reply(), reply.as_bytes());
    assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
    assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
    points
}

#[test]
fn a_greeting_cancelled_anywhere_loses_no_byte_and_doubles_none() {
    let name: String = ('a'..='z').cycle().take(200).collect();
    for (room, slow) in [(1, 0), (7, 2), (64, 9)] {
        everywhere(|cancels| greeting(&name, room, slow, cancels));
    }
}

#[test]
fn a_long_greeting_cancelled_anywhere_does_neither() {
    let name: String = ('a'..='z').cycle().take(1024).collect();
    everywhere(|cancels| greeting(&name, 50, 1, cancels));
}

/// Both directions at once, and a machine that goes on reading while it writes.
#[test]
fn a_pipeline_cancelled_anywhere_loses_no_answer_and_doubles_none() {
    everywhere(|cancels| {
        let names: Vec<_> = (0..60).map(|n| format!("name {n}\n")).collect();
        let (sent, mut expected) = (names.concat(), String::new());
        for name in &names {
            expected += "Hello, ";
            expected += name;
        }
        let mut asking = Asking::new(sent.as_bytes());
        let mut lines = Lines::VACANT;
        lines.begin(Instant::START, &Limits::DEFAULT);
        let (mut ours, mut theirs) = pipe(23);
        let client = (&mut asking, &mut ours);
        let points = both(client, (&mut lines, &mut theirs), cancels);
        assert_eq!(String::from_utf8_lossy(&asking.got), expected);
        assert_eq!(asking.outcome(), Some(true));
        let outcome = lines.outcome().expect("it has ended");
        assert_eq!(outcome.greeted, 60);
        assert!(matches!(outcome.end, LinesEnd::Finished));
        points
    });
}

/// Where what is read is copied, what was copied and not yet taken stays. Of the reader nothing is lost, as
/// this one can be cancelled; of one that can't, `Copying` promises nothing.
#[test]
fn what_is_copied_is_neither_lost_nor_doubled() {
    let name: String = ('a'..='z').cycle().take(200).collect();
    for (room, buffer) in [(1, 1), (7, 3), (11, 5), (16, 200)] {
        everywhere(|cancels| {
            let deadline = Instant::START + Duration::from_secs(5);
            let mut request = Request::new(Text::new(&name).expect("short"), deadline);
            let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
            let (ours, theirs) = pipe(room);
            let (mut client_room, mut server_room) = (vec![0; buffer], vec![0; buffer]);
            let (sent, answered) = (ours.goes.clone(), theirs.goes.clone());
            let client = Copying::new(ours.beside(), ours, &mut client_room);
            let server = Copying::new(theirs.beside(), theirs, &mut server_room);
            let points = both((&mut request, client), (&mut exchange, server), cancels);
            let reply = format!("Hello, {name}");
            assert_eq!(sent.borrow().written, name.as_bytes());
            assert_eq!(answered.borrow().written, reply.as_bytes());
            assert_eq!(request.reply(), reply.as_bytes());
            assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
            points
        });
    }
}

#[test]
fn a_reset_that_takes_its_time_is_waited_for_again() {
    let mut polls = 0;
    for cancelled in 0..12 {
        let (clock, mut task) = (Clock::new(), Task::new());
        let (client, mut server) = pipe(4);
        let mut exchange = Exchange::new(Instant::START, Limits::DEFAULT);
        client.put(b"World");
        client.put_fin();
        server.slow = 5; // FIN never is asked for: there is no room for the reply
        let outcome = loop {
            let mut serving = pin!(converse(&mut exchange, &mut server, &clock));
            let outcome = loop {
                match task.poll(serving.as_mut()) {
                    Poll::Ready(outcome) => break Some(outcome),
                    Poll::Pending if task.polls == cancelled => break None,
                    Poll::Pending if task.is_woken() => {}
                    Poll::Pending => assert!(clock.go_on(), "nobody wakes it"),
                }
            };
            if let Some(outcome) = outcome {
                break outcome;
            }
        };
        assert_eq!(outcome, Outcome::Abandoned(Abandonment::Unread));
        assert!(client.is_reset(), "cancelled after {cancelled} polls");
        polls = task.polls;
    }
    assert!(polls > 4, "{polls}: the reset took no time");
}

/// Sends lines and takes answers at once, up to FIN.
struct Asking<'a> {
    requests: &'a [u8],
    closed: bool,
    space: [u8; 17],
    got: Vec<u8>,
    outcome: Option<bool>,
}

impl<'a> Asking<'a> {
    fn new(requests: &'a [u8]) -> Self {
        Self {
            requests,
            closed: false,
            space: [0; 17],
            got: Vec::new(),
            outcome: None,
        }
    }
}

impl Machine for Asking<'_> {
    type Outcome = bool;

    fn want(&self) -> greet_core::machine::Want {
        use greet_core::machine::Want;
        match (self.outcome, self.closed) {
            (Some(_), _) => Want::Done,
            (None, true) => Want::Read,
            (None, false) => Want::Both,
        }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.space
    }

    fn received(&mut self, n: usize, _: Instant) {
        self.got.extend_from_slice(&self.space[..n]);
    }

    fn received_fin(&mut self, _: Instant) {
        self.outcome = Some(self.closed);
    }

    fn transmit(&self) -> &[u8] {
        self.requests
    }

    fn fin_follows(&self) -> bool {
        true
    }

    fn transmitted(&mut self, n: usize, _: Instant) {
        self.requests = &self.requests[n..];
    }

    fn finished(&mut self, _: Instant) {
        self.closed = true;
    }

    fn lost(&mut self, _: greet_core::embedded_io::ErrorKind) {
        self.outcome = Some(false);
    }

    fn due(&self) -> Instant {
        Instant::NEVER
    }

    fn timeout(&mut self, _: Instant) {}

    fn outcome(&self) -> Option<bool> {
        self.outcome
    }
}
