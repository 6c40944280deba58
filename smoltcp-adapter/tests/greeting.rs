//! Greetings over the loopback, as core's server and clients make them.

mod support;

use greet_core::time::Instant;
use support::{Caller, Exercise, Path, SECOND};

#[test]
fn a_client_is_greeted_over_both_media_and_both_versions_of_ip() {
    for path in Path::ALL {
        let mut exercise = Exercise::<4, 1>::new(path);
        let answer = exercise.greet("World");
        assert_eq!(answer, Some(Ok("Hello, World".into())), "{path:?}");
        assert_eq!(
            exercise.clock.now,
            Instant::START,
            "{path:?}: nothing waits for a timer"
        );
    }
}

#[test]
fn two_hundred_thousand_in_a_row_leave_all_four_places_free() {
    const GREETINGS: u64 = 200_000;
    let mut exercise = Exercise::<4, 1>::new(Path::IP);
    for greeting in 0..GREETINGS {
        let answer = exercise.greet("World");
        assert_eq!(
            answer,
            Some(Ok("Hello, World".into())),
            "greeting {greeting}"
        );
    }
    assert_eq!(
        exercise.clock.now,
        Instant::START,
        "nothing waits for a timer"
    );
    exercise.run(Instant::at(SECOND), |_, _| (true, Instant::NEVER));
    assert_eq!(exercise.server.tally().greeted, GREETINGS);
    assert_eq!(exercise.server.tally().total(), GREETINGS);
    assert_eq!(exercise.server.clients(), 0);
    assert_eq!(exercise.free_sockets(), (4, 1));
}

#[test]
fn sixty_four_at_once_are_greeted_by_four_places() {
    for path in Path::ALL {
        let mut exercise = Exercise::<4, 64>::new(path);
        let names: Vec<String> = (0..64).map(|number| format!("client {number}")).collect();
        let mut callers: Vec<Caller<'_>> = names.iter().map(|name| exercise.caller(name)).collect();
        exercise.run(Instant::at(20 * SECOND), |net, now| {
            let next = callers.iter_mut().map(|caller| caller.poll(net, now)).min();
            (true, next.unwrap_or(Instant::NEVER))
        });
        for (caller, name) in callers.iter().zip(&names) {
            assert_eq!(
                caller.answer,
                Some(Ok(format!("Hello, {name}"))),
                "{path:?}"
            );
        }
        assert_eq!(exercise.server.tally().greeted, 64);
        assert_eq!(exercise.free_sockets(), (4, 64));
    }
}
