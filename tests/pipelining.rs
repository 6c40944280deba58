//! Lines over core's polled server and connections in memory: who pipelines at full speed delays nobody,
//! and who doesn't take the answers is read no further than the buffers reach.

use std::task::Poll;
use std::time::Duration;

use greet_core::client::Client;
use greet_core::error::Abandonment;
use greet_core::limits::{Limits, MAX_TEXT};
use greet_core::lines::{self, Lines};
use greet_core::pipeline::{End, Outcome, Pipeline};
use greet_core::server::{Event, Server};
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::Stream;
use greet_tests::memory::{self, Backlog, Wire};

const START: Instant = Instant::from_millis(50_000);
const TIMEOUT: Duration = Duration::from_secs(5);

type Places<const N: usize> = Server<memory::End<false>, N, Lines>;

/// A line of sixteen bytes, and what its answer has more.
const LINE: &[u8] = b"name of a line.\n";
const GREETING: usize = 7;

/// Sends lines as long as there is room, from where the last call stopped, and says how many bytes.
fn flood(stream: &mut memory::End<false>, sent: &mut usize) -> usize {
    let before = *sent;
    loop {
        let chunk = LINE.repeat(64);
        let Poll::Ready(Ok(n)) = stream.send(&chunk[*sent % LINE.len()..]) else {
            return *sent - before;
        };
        *sent += n;
    }
}

/// Takes what waits, up to so many bytes.
fn take(stream: &mut memory::End<false>, most: usize) -> Vec<u8> {
    let mut taken = vec![0; most];
    let mut len = 0;
    while let Poll::Ready(Ok(n)) = stream.receive(&mut taken[len..]) {
        len += n;
        if n == 0 || len == most {
            break;
        }
    }
    taken.truncate(len);
    taken
}

/// Beside one that pipelines without end, each line of honest clients is answered in the very next poll,
/// and no poll does much more for one than for another.
#[test]
fn who_pipelines_at_full_speed_delays_nobody() {
    /// A poll moves bytes sixteen times for one client: each time at most what its buffers hold.
    const SHARE: usize = 16 * 2 * (MAX_TEXT + GREETING);
    let backlog = Backlog::<false>::new();
    let mut server = Places::<4>::serving(Limits::DEFAULT);
    let (mut greedy, _) = backlog.connect(Wire::default());
    let mut sent = 0;
    let mut taken = 0;
    let mut honest: Vec<_> = (0..3)
        .map(|_| {
            let (stream, _) = backlog.connect(Wire::default());
            (Client::new(Pipeline::<2048>::new(TIMEOUT)), stream)
        })
        .collect();
    for round in 0..1000 {
        flood(&mut greedy, &mut sent);
        let name = format!("honest {round}");
        for (client, stream) in &mut honest {
            let name = Text::new(&name).expect("short");
            client.machine_mut().queue(name).expect("room");
            assert!(client.poll(stream, START).is_pending());
        }
        let next = server.poll(&mut backlog.clone(), START, |_| {});
        assert_eq!(next, START, "the pipeline isn't done");
        let share = take(&mut greedy, 1 << 20).len();
        assert!(share > 0 && share <= SHARE, "{share} bytes in one poll");
        taken += share;
        for (client, stream) in &mut honest {
            assert!(client.poll(stream, START).is_pending());
            let greeting = format!("Hello, {name}");
            let reply = client.machine_mut().next_reply();
            assert_eq!(reply, Some(greeting.as_bytes()), "round {round}");
        }
    }
    assert!(taken > 1 << 20, "only {taken} bytes came of the pipeline");
}

/// It costs the two buffers of its place, however much it would send; the others don't notice.
#[test]
fn who_takes_no_answers_is_read_no_further_than_the_buffers_reach() {
    let backlog = Backlog::<false>::new();
    let mut server = Places::<2>::serving(Limits::DEFAULT);
    let wire = Wire {
        up: 4096,
        down: 4096,
        ..Wire::default()
    };
    let (mut stuck, peer) = backlog.connect(wire);
    let mut sent = 0;
    let mut outcome = None;
    let mut poll = |now| {
        server.poll(&mut backlog.clone(), now, |event| {
            if let Event::Ended {
                peer, outcome: how, ..
            } = event
            {
                outcome = Some((*peer, how));
            }
        })
    };
    for _ in 0..100 {
        flood(&mut stuck, &mut sent);
        poll(START);
    }
    // The wires are full, and so are the buffers: of names, and of answers.
    let answers = (wire.down + 2 * (MAX_TEXT + GREETING)) / (LINE.len() + GREETING);
    let most = wire.up + MAX_TEXT + 1 + answers * LINE.len();
    assert!(sent <= most && sent > most - 64, "{sent} of {most} bytes");

    // Another one is served at once, and the stuck one goes on where it was once it takes answers.
    let (mut stream, _) = backlog.connect(Wire::default());
    let mut client = Client::new(Pipeline::<2048>::new(TIMEOUT));
    client
        .machine_mut()
        .queue_last(Text::new("Ada").expect("short"))
        .expect("room");
    assert!(client.poll(&mut stream, START).is_pending());
    poll(START);
    let all = Outcome {
        answered: 1,
        end: End::Answered,
    };
    assert_eq!(client.poll(&mut stream, START), Poll::Ready(all));

    let mut replies = Vec::new();
    let before = sent;
    for _ in 0..100 {
        replies.extend(take(&mut stuck, 100));
        poll(START);
        flood(&mut stuck, &mut sent);
    }
    assert!(sent > before);
    let expected = [b"Hello, ", LINE].concat();
    for reply in replies.chunks(expected.len()) {
        assert!(expected.starts_with(reply), "{}", reply.escape_ascii());
    }

    // Who takes nothing for the whole deadline is let go, with a reset.
    let due = poll(START);
    assert_eq!(due, START + Limits::DEFAULT.deadline());
    poll(due);
    let (whose, how) = outcome.expect("it is let go");
    assert_eq!(whose, peer);
    assert_eq!(how.end, lines::End::Abandoned(Abandonment::Unread));
}
