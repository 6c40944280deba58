//! Greetings over the loopback, as core's server and clients make them.

mod support;

use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::server::Server;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use support::{Caller, Clock, Path, earlier};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_client_is_greeted_over_both_media_and_both_versions_of_ip() {
    for path in Path::ALL {
        let mut slots = SocketSlots::<5, 0>::new();
        let mut places = TcpBuffers::<4, 1024, 1031>::new();
        let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
        let mut stack = path.stack(&mut slots);
        let listener = stack.net().listen(&mut places, 8000).unwrap();
        stack.net().add_clients(&mut outgoing).unwrap();
        let mut server = Server::<_, 4>::new(Limits::DEFAULT);
        let mut clock = Clock::new();
        let mut caller = Caller::new(path.port(8000), "World", clock.now, 5 * SECOND);
        clock.run(&mut stack, SECOND, |net, now| {
            let next = server.poll(&mut listener.on(net), now, |_| ());
            (
                caller.answer.is_none(),
                earlier(next, caller.poll(net, now)),
            )
        });
        assert_eq!(caller.answer, Some(Ok("Hello, World".into())), "{path:?}");
        assert_eq!(
            clock.now,
            Duration::ZERO,
            "{path:?}: nothing waits for a timer"
        );
    }
}

#[test]
fn two_hundred_thousand_in_a_row_leave_all_four_places_free() {
    const GREETINGS: usize = 200_000;
    let path = Path::IP;
    let mut slots = SocketSlots::<5, 0>::new();
    let mut places = TcpBuffers::<4, 64, 64>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack(&mut slots);
    let listener = stack.net().listen(&mut places, 8000).unwrap();
    stack.net().add_clients(&mut outgoing).unwrap();
    let mut server = Server::<_, 4>::new(Limits::DEFAULT);
    let mut clock = Clock::new();
    clock.at_once = GREETINGS; // no time passes between them
    let mut caller = Caller::new(path.port(8000), "World", clock.now, 5 * SECOND);
    let mut greeted = 0;
    clock.run(&mut stack, SECOND, |net, now| {
        let next = server.poll(&mut listener.on(net), now, |_| ());
        let mut back = caller.poll(net, now);
        if let Some(answer) = &caller.answer
            && greeted < GREETINGS
        {
            assert_eq!(answer, &Ok("Hello, World".into()), "greeting {greeted}");
            greeted += 1;
            if greeted < GREETINGS {
                caller = Caller::new(path.port(8000), "World", now, 5 * SECOND);
                back = Some(now);
            }
        }
        (true, earlier(next, back))
    });
    assert_eq!(greeted, GREETINGS);
    assert_eq!(server.tally().greeted, GREETINGS as u64);
    assert_eq!(server.tally().total(), GREETINGS as u64);
    assert_eq!(server.clients(), 0);
    assert_eq!(
        (stack.net().listening(&listener), stack.net().idle()),
        (4, 1)
    );
    println!(
        "{greeted} greetings, {} polls, {:?} of virtual time",
        clock.polls, clock.now
    );
}

#[test]
fn sixty_four_at_once_are_greeted_by_four_places() {
    for path in Path::ALL {
        let mut slots = SocketSlots::<68, 64>::new();
        let mut places = TcpBuffers::<4, 1024, 1031>::new();
        let mut outgoing = TcpBuffers::<64, 1031, 1024>::new();
        let mut stack = path.stack(&mut slots);
        let listener = stack.net().listen(&mut places, 8000).unwrap();
        stack.net().add_clients(&mut outgoing).unwrap();
        let mut server = Server::<_, 4>::new(Limits::DEFAULT);
        let mut clock = Clock::new();
        let names: Vec<String> = (0..64).map(|number| format!("client {number}")).collect();
        let mut callers: Vec<Caller<'_>> = names
            .iter()
            .map(|name| Caller::new(path.port(8000), name, clock.now, 5 * SECOND))
            .collect();
        clock.run(&mut stack, 20 * SECOND, |net, now| {
            let mut next = server.poll(&mut listener.on(net), now, |_| ());
            for caller in &mut callers {
                next = earlier(next, caller.poll(net, now));
            }
            (true, next)
        });
        for (caller, name) in callers.iter().zip(&names) {
            assert_eq!(
                caller.answer,
                Some(Ok(format!("Hello, {name}"))),
                "{path:?}"
            );
        }
        assert_eq!(server.tally().greeted, 64);
        assert_eq!(
            (stack.net().listening(&listener), stack.net().idle()),
            (4, 64)
        );
    }
}
