//! Who waits, for how long, and who is next.

mod frames;

use frames::{NETWORKS, host, syn};
use syn_backlog::queue::{Backlog, Place, WhenFull};
use syn_backlog::segment::{Link, Segment};
use syn_backlog::time::Instant;

const SECOND: u64 = 1_000_000;

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// The SYN of the client with this port.
fn from(client: u16) -> Vec<u8> {
    syn(Link::Ip, NETWORKS[0].address, client, 80)
}

fn segment(frame: &[u8]) -> Segment<'_> {
    let segment = Segment::find(frame, Link::Ip).expect("a segment");
    assert!(segment.is_syn() && segment.is_syn_or_reset());
    assert_eq!((segment.port(), segment.announced_mss()), (80, Some(1_460)));
    assert_eq!(
        host(Link::Ip).destination(&segment, &NETWORKS),
        Some(NETWORKS[0].address)
    );
    segment
}

/// Takes out who is next.
fn next(backlog: &mut Backlog<'_>, now: Instant) -> Option<Vec<u8>> {
    let index = backlog.next(|port| port == 80, now)?;
    let place = backlog.get(index)?;
    place.free();
    Some(place.frame().to_vec())
}

#[test]
fn who_came_first_is_served_first() {
    let mut places = [Place::EMPTY, Place::EMPTY, Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    for client in 1..=3 {
        let frame = from(client);
        backlog.enqueue(&segment(&frame), WhenFull::DropNew, at(client.into()));
    }
    // Who repeats its SYN neither loses its turn nor takes a second place.
    backlog.enqueue(&segment(&from(1)), WhenFull::DropNew, at(4));
    assert_eq!(backlog.waiting_at(80, at(4)), 3);
    assert_eq!(backlog.waiting_at(81, at(4)), 0);
    for client in 1..=3 {
        assert_eq!(next(&mut backlog, at(5)), Some(from(client)));
    }
    assert_eq!(next(&mut backlog, at(5)), None);
}

#[test]
fn nobody_is_next_to_whose_port_no_socket_listens() {
    let mut places = [Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    backlog.enqueue(&segment(&from(1)), WhenFull::DropNew, at(0));
    assert_eq!(backlog.next(|port| port == 81, at(0)), None);
    assert_eq!(backlog.waiting_at(80, at(0)), 1);
}

#[test]
fn who_does_not_repeat_its_syn_is_forgotten() {
    let mut places = [Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    backlog.enqueue(&segment(&from(1)), WhenFull::DropNew, at(0));
    assert_eq!(backlog.waiting_at(80, at(4 * SECOND)), 1);
    // Common stacks repeat it after 1 s, and after 2 s more.
    backlog.enqueue(&segment(&from(1)), WhenFull::DropNew, at(3 * SECOND));
    assert_eq!(backlog.waiting_at(80, at(10 * SECOND)), 1);
    assert_eq!(backlog.waiting_at(80, at(11 * SECOND)), 0);
    assert_eq!(next(&mut backlog, at(11 * SECOND)), None);
}

#[test]
fn a_full_backlog_drops_the_new_or_the_oldest() {
    let mut places = [Place::EMPTY, Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    for client in 1..=2 {
        backlog.enqueue(
            &segment(&from(client)),
            WhenFull::DropNew,
            at(client.into()),
        );
    }
    assert!(!backlog.is_overrun(at(2)));
    backlog.enqueue(&segment(&from(3)), WhenFull::DropNew, at(3));
    assert!(backlog.is_overrun(at(3)));
    assert!(!backlog.is_overrun(at(SECOND)), "that was long ago");
    backlog.enqueue(&segment(&from(4)), WhenFull::DropOldest, at(4));
    assert_eq!(next(&mut backlog, at(5)), Some(from(2)));
    assert!(!backlog.is_overrun(at(5)), "there is room again");
    assert_eq!(next(&mut backlog, at(5)), Some(from(4)));
}

#[test]
fn a_backlog_without_places_drops_everybody() {
    let mut backlog = Backlog::new(&mut []);
    backlog.enqueue(&segment(&from(1)), WhenFull::DropOldest, at(0));
    assert_eq!(backlog.waiting_at(80, at(0)), 0);
    assert_eq!(next(&mut backlog, at(0)), None);
}

#[test]
fn a_syn_longer_than_a_place_is_dropped() {
    let mut places = [Place::EMPTY];
    let mut backlog = Backlog::new(&mut places);
    let mut frame = from(1);
    frame.resize(200, 0);
    let long = Segment::find(&frame, Link::Ip).expect("a segment");
    backlog.enqueue(&long, WhenFull::DropOldest, at(0));
    assert_eq!(backlog.waiting_at(80, at(0)), 0);
}

#[test]
fn a_place_takes_what_the_documentation_says() {
    assert_eq!(size_of::<Place>(), 136);
}
