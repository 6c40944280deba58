//! A listener with a backlog for embassy-net: nobody is refused while there is room.

use greet_async_examples::figures::{Behind, Counts, ROUNDS, run};

#[test]
fn nobody_is_refused() {
    for clients in [1, 4, 8, 64] {
        let counts = run(Behind::Backlog, clients, 0, 1);
        let all = Counts {
            greeted: clients * ROUNDS,
            ..Counts::default()
        };
        assert_eq!(
            Counts {
                millis: 0,
                ..counts
            },
            all,
            "{clients} clients"
        );
    }
}

/// What the test above would not notice otherwise.
#[test]
fn without_it_half_of_eight_are() {
    let counts = run(Behind::Nothing, 8, 0, 1);
    assert!(counts.refused >= counts.greeted, "{counts:?}");
}

#[test]
fn nobody_is_refused_where_packets_are_lost() {
    for seed in 0..10 {
        let counts = run(Behind::Backlog, 8, 10, seed);
        assert_eq!((counts.refused, counts.strangers), (0, 0), "seed {seed}");
        let answered = counts.greeted + counts.late;
        assert_eq!(answered + counts.failed, 8 * ROUNDS);
        // Of a handshake that was forgotten too soon, or a refusal behind which more came, a reset is left.
        assert!(
            counts.failed <= 8 && counts.greeted > 150,
            "seed {seed}: {counts:?}"
        );
    }
}
