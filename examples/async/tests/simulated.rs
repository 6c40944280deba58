//! embassy applications across a network that loses packets: by seed, and in no time.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_backlog::greet::{Clock, Socket, release, serve};
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use greet_async_examples::simulated;
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::{Timer, converse};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use smoltcp::time::Instant as NetworkInstant;
use smoltcp_sim::{Host, Link, Network, Probability};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// What came of one seed: outcomes of the server's side, replies of the client's, and when it was done.
#[derive(Debug, PartialEq)]
struct Run {
    outcomes: Vec<Outcome>,
    replies: Vec<String>,
    done: NetworkInstant,
    packets: u64,
}

/// Greets three times, one after the other, over a link that loses so many of a hundred packets.
fn run(seed: u64, percent: u32) -> Run {
    let time = Time::begin();
    let (outcomes, replies) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let done = Cell::new(false);
    let mut network = Network::new(seed);
    let home = network
        .add(Host::new(
            "server",
            "10.0.0.1/24".parse().expect("an address"),
        ))
        .expect("a host");
    let away = network
        .add(Host::new(
            "client",
            "10.0.0.2/24".parse().expect("an address"),
        ))
        .expect("a host");
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(percent));
    network.link(home, away, link).expect("a link");

    simulated::boot(&mut network, home, &time, |stack: Stack<'static>| {
        let report = |outcome| outcomes.borrow_mut().push(outcome);
        serve::<Exchange>(stack, 8000, Limits::DEFAULT, report)
    });
    let (asking, ended) = (&replies, &done);
    simulated::boot(&mut network, away, &time, move |stack| async move {
        let (mut incoming, mut outgoing) = ([0; 1031], [0; 1024]);
        let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
        for name in ["one", "two", "three"] {
            // One place: who comes before it is free again is reset.
            while socket.0.connect((SERVER, 8000)).await.is_err() {
                embassy_time::Timer::after_millis(10).await;
            }
            let deadline = Clock.now() + Duration::from_mins(2);
            let mut request = Request::new(Text::new(name).expect("short"), deadline);
            let _ = converse(&mut request, &mut socket, &Clock).await;
            let answer = match request.answer() {
                Some(Ok(Answer::Greeted)) => String::from_utf8_lossy(request.reply()).into(),
                other => format!("{other:?}"),
            };
            asking.borrow_mut().push(answer);
            release(&mut socket).await;
        }
        ended.set(true);
    });
    let in_time = network.run_while(Duration::from_hours(1), || !done.get());
    assert!(in_time, "seed {seed}: {:?}", replies.borrow());
    let run = (network.now(), network.counters().sent);
    drop(network);
    Run {
        outcomes: outcomes.into_inner(),
        replies: replies.into_inner(),
        done: run.0,
        packets: run.1,
    }
}

#[test]
fn without_losses_it_takes_as_long_as_the_packets() {
    let run = run(1, 0);
    assert_eq!(run.replies, ["Hello, one", "Hello, two", "Hello, three"]);
    assert_eq!(run.outcomes, [Outcome::Greeted; 3]);
    assert!(run.done < NetworkInstant::from_millis(900), "{}", run.done);
}

/// Whatever is lost, a client gets its greeting or an error, and never a part of it for the whole.
#[test]
fn a_fifth_of_all_packets_may_be_lost() {
    let mut greeted = 0;
    for seed in 0..40 {
        let run = run(seed, 20);
        assert_eq!(run.replies.len(), 3);
        for (reply, name) in run.replies.iter().zip(["one", "two", "three"]) {
            if *reply == format!("Hello, {name}") {
                greeted += 1;
            } else {
                assert!(reply.starts_with("Some("), "seed {seed}: {reply}");
            }
        }
    }
    assert!(greeted >= 110, "{greeted} of 120 were greeted");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 7] {
        assert_eq!(run(seed, 20), run(seed, 20));
    }
    assert_ne!(run(3, 20), run(7, 20));
}

/// Hours in which nothing happens are jumped over.
#[test]
fn a_timer_of_a_day_costs_nothing() {
    let time = Time::begin();
    let woken = Cell::new(0);
    let mut network = Network::new(1);
    let host = network
        .add(Host::new(
            "board",
            "10.0.0.1/24".parse().expect("an address"),
        ))
        .expect("a host");
    let counts = &woken;
    simulated::boot(&mut network, host, &time, move |_stack| async move {
        loop {
            embassy_time::Timer::after_secs(86_400).await;
            counts.set(counts.get() + 1);
        }
    });
    let mut steps = 0;
    while network.now() < NetworkInstant::from_secs(10 * 86_400) {
        network.step().expect("a timer is due");
        steps += 1;
    }
    assert_eq!(woken.get(), 10);
    assert!(steps < 100, "{steps} steps");
}
