//! A conversation whose machine is reached while it goes on: names from another thread, replies as they
//! come, and many on their way at once.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::lines::{Lines, Tally};
use greet_core::pipeline::{End, Outcome, Pipeline};
use greet_core::text::Text;
use greet_std::{Client, Server, core as greet_core};

/// Nothing that is waited for takes so long.
const BOUND: Duration = Duration::from_secs(30);

/// What `client` does with a server of lines, and the server's counts.
fn serve(client: impl FnOnce(SocketAddr)) -> Tally {
    let server = Server::<Lines>::serving(Limits::DEFAULT)
        .bind("127.0.0.1:0")
        .expect("a server");
    let (address, handle) = (server.local_addr(), server.handle());
    thread::scope(|scope| {
        let running = scope.spawn(|| server.run(|_event| {}));
        client(address);
        handle.stop();
        running.join().expect("it doesn't panic").expect("it ran")
    })
}

/// Each name is only typed once the answer to the one before is seen, so a client that isn't woken
/// waits for ever.
#[test]
fn names_from_another_thread_wake_the_conversation() {
    const NAMES: usize = 50;
    let tally = serve(|address| {
        let pipeline = Pipeline::<4096>::new(BOUND);
        let mut ongoing = Client::new().start(address, pipeline).expect("a server");
        assert_eq!(ongoing.server(), address);
        let waker = ongoing.waker().expect("a waker");
        let (typed, names) = mpsc::channel::<String>();
        let (shown, seen) = mpsc::channel::<String>();
        thread::scope(|scope| {
            scope.spawn(move || {
                for number in 0..NAMES {
                    typed.send(format!("name {number}")).expect("it goes on");
                    waker.wake();
                    let reply = seen.recv_timeout(BOUND).expect("a reply");
                    assert_eq!(reply, format!("Hello, name {number}"));
                }
                drop(typed);
                waker.wake();
            });
            let outcome = loop {
                let outcome = ongoing.turn().expect("it can wait");
                let pipeline = ongoing.machine_mut();
                while let Some(reply) = pipeline.next_reply() {
                    let reply = String::from_utf8(reply.to_vec()).expect("UTF-8");
                    shown.send(reply).expect("somebody looks");
                }
                match names.try_recv() {
                    Ok(name) => pipeline
                        .queue(Text::new(&name).expect("short"))
                        .expect("room"),
                    Err(mpsc::TryRecvError::Empty) => {}
                    Err(mpsc::TryRecvError::Disconnected) => pipeline.end_names(),
                }
                if let Some(outcome) = outcome {
                    break outcome;
                }
            };
            let answered = u64::try_from(NAMES).expect("few");
            let end = End::Answered;
            assert_eq!(outcome, Outcome { answered, end });
        });
        assert_eq!(ongoing.into_machine().next_reply(), None);
    });
    assert_eq!((tally.greeted, tally.finished), (50, 1));
}

#[test]
fn many_names_are_on_their_way_at_once_and_each_reply_is_its_own() {
    const NAMES: u32 = 20_000;
    let tally = serve(|address| {
        let pipeline = Pipeline::<4096>::new(BOUND).with_depth(16);
        let mut ongoing = Client::new().start(address, pipeline).expect("a server");
        let (mut given, mut taken, mut most) = (0, 0, 0);
        loop {
            let outcome = ongoing.turn().expect("it can wait");
            let pipeline = ongoing.machine_mut();
            while let Some(reply) = pipeline.next_reply() {
                assert_eq!(reply, format!("Hello, {taken}").as_bytes());
                taken += 1;
            }
            while given < NAMES
                && pipeline
                    .queue(Text::new(&given.to_string()).expect("short"))
                    .is_ok()
            {
                given += 1;
            }
            most = most.max(pipeline.in_flight());
            if given == NAMES {
                pipeline.end_names();
            }
            if let Some(outcome) = outcome {
                let answered = u64::from(NAMES);
                let end = End::Answered;
                assert_eq!(outcome, Outcome { answered, end });
                break;
            }
        }
        assert_eq!((taken, most), (NAMES, 16));
    });
    assert_eq!(tally.greeted, u64::from(NAMES));
}
