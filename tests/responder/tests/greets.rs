//! The host as a client sees it whose TCP is smoltcp's: every check of the probe, over either version of IP,
//! and greetings over cables that lose, swap and repeat frames. In virtual time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use greet_breakages::way::Way;
use greet_core::drive::drive;
use greet_core::machine::{Machine as _, Want};
use greet_core::probe::{
    Dial, Event, Mode, Plan, ProbeStack as _, ROOM, ServerState, Verdict, run,
};
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use greet_responder::bytes::on_link;
use greet_responder::desk::{Desk, HOST, TESTER};
use greet_responder::fault::Fault;
use greet_responder::host::Host;
use greet_wire::smoltcp::wire::IpCidr;
use greet_wire::{Host as Client, Own, Task};

/// A client of the host at the other end of a cable that is broken so each way.
fn client(fault: Option<Fault>, is_v6: bool, (to, from): (&str, &str)) -> Client<Desk> {
    let way = |fault: &str, seed| match fault {
        "" => Way::faultless(),
        fault => Way::new(fault.parse().expect("a fault"), seed),
    };
    let host = Host::new(HOST.0, HOST.1, fault);
    let desk = Desk::new(host, way(to, 1), way(from, 2));
    let [board, own] = if is_v6 {
        [on_link(HOST.0), on_link(TESTER.0.0)].map(IpAddr::from)
    } else {
        [HOST.1, TESTER.1].map(IpAddr::from)
    };
    let own = Own {
        hardware: TESTER.0,
        address: IpCidr::new(own.into(), if is_v6 { 64 } else { 24 }),
    };
    let mut task = Task::new(own, SocketAddr::new(board, 8000));
    task.lines = Some(SocketAddr::new(board, 8002));
    task.udp = Some(SocketAddr::new(board, 8001));
    Client::new(desk, task).expect("a client")
}

#[test]
fn it_passes_the_probe() {
    for is_v6 in [false, true] {
        let mut client = client(None, is_v6, ("", ""));
        let mut others = Vec::new();
        let mut room = [0; ROOM];
        let summary = run(
            &mut client,
            &Plan::DEFAULT,
            &mut room,
            |_| true,
            &mut |event| match event {
                Event::Ended { check, verdict, .. }
                    if !matches!(verdict, Verdict::Passed | Verdict::PassedWithLoss { .. }) =>
                {
                    others.push(format!("{}: {verdict:?}", check.id));
                }
                Event::NotGreeting { failure, .. } | Event::Stopped { failure, .. } => {
                    others.push(format!("{failure:?}"));
                }
                _ => {}
            },
        );
        assert_eq!(summary.server, ServerState::Lives, "{others:#?}");
        assert_eq!((summary.failed, summary.worse), (0, 0), "{others:#?}");
        // Two datagrams are too long for the client.
        assert_eq!((summary.skipped, others.len()), (2, 2), "{others:#?}");
    }
}

/// Whether this name is greeted over one connection.
fn greets(client: &mut Client<Desk>, name: &str) -> bool {
    client.connect(0, Mode::Name, Dial::Plain).expect("a slot");
    let deadline = client.now() + Duration::from_mins(1);
    let mut request = Request::new(Text::new(name).expect("a name"), deadline);
    while request.want() != Want::Done {
        let now = client.now();
        let mut stream = client.stream(0).expect("a connection");
        drive(&mut request, &mut stream, now);
        drop(stream);
        client.wait(deadline.min(now + Duration::from_millis(10)));
    }
    client.close(0);
    request.answer() == Some(Ok(Answer::Greeted))
}

/// How many of a hundred names are greeted, of all lengths up to the longest.
fn greeted(client: &mut Client<Desk>) -> usize {
    let names = (1..=100).map(|n| "n".repeat((n * 1024) / 100));
    names.filter(|name| greets(client, name)).count()
}

const WAYS: [(&str, &str); 6] = [
    ("drop-every=5", ""),
    ("", "drop-every=5"),
    ("drop-every=7", "drop-every=6"),
    ("lose=10", "lose=10"),
    ("swap-every=3", "swap-every=2"),
    ("duplicate-every=2", "duplicate-every=3"),
];

#[test]
fn it_greets_over_cables_that_are_broken() {
    for ways in WAYS {
        for is_v6 in [false, true] {
            let mut client = client(None, is_v6, ways);
            assert_eq!(greeted(&mut client), 100, "{ways:?}");
        }
    }
}

/// What the greetings above prove: without sending anything again they fail.
#[test]
fn without_retransmissions_it_does_not() {
    let mut client = client(Some(Fault::NeverRetransmits), false, ("", "drop-every=5"));
    assert!(greeted(&mut client) < 90);
}
