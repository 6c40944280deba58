//! When a stack is polled: no more often than there is something to do, and no later.

mod support;

use std::time::Duration;

use greet_core::time::Instant;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::time;
use support::{Caller, Exercise, NOW, Path, Ring, SECOND};

#[test]
fn a_thousand_greetings_take_a_thousand_polls_and_an_idle_hour_takes_two() {
    let mut exercise = Exercise::<4, 1>::new(Path::IP);
    for greeting in 0..1_000 {
        exercise.clock.now = Instant::from_millis(greeting);
        assert_eq!(exercise.greet("World"), Some(Ok("Hello, World".into())));
    }
    assert_eq!(exercise.clock.polls, 1_000);

    // Twice: now, and when the client's socket leaves TIME-WAIT.
    let later = exercise.clock.now + 3_600 * SECOND;
    exercise.run(later, |_, _| (true, Instant::NEVER));
    assert_eq!(exercise.clock.polls, 1_002);
}

#[test]
fn a_stack_whose_device_takes_nothing_asks_to_be_called_later_but_soon() {
    let path = Path::IP;
    let mut slots = SocketSlots::<1, 0>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack_on(Deaf, &mut slots);
    stack.net().add_clients(&mut outgoing).unwrap();
    let _connection = stack.net().connect(path.port(8000)).unwrap();
    let next = stack.poll(NOW, |_| Instant::NEVER);
    assert_eq!(next, NOW + Duration::from_millis(1));
}

#[test]
fn sockets_come_back_while_there_is_always_something_to_do() {
    let Exercise {
        path,
        mut stack,
        listener,
        mut server,
        ..
    } = Exercise::<1, 1>::new(Path::IP);
    let caller = || Caller::new(path.port(8000), "World", NOW, SECOND);
    let (mut greeted, mut client) = (0, caller());
    let next = stack.poll(NOW, |net| {
        server.poll(&mut listener.on(net), NOW, |_| ());
        client.poll(net, NOW);
        if client.answer.is_some() {
            greeted += 1;
            client = caller();
        }
        NOW // at once
    });
    assert_eq!(next, NOW, "a poll ends all the same");
    assert!(greeted > 5, "{greeted} in one poll");
}

#[test]
fn who_waits_for_a_socket_is_told_when_one_is_free() {
    let path = Path::IP;
    let mut slots = SocketSlots::<1, 0>::new();
    let mut outgoing = TcpBuffers::<1, 64, 64>::new();
    let mut stack = path.stack_on(Deaf, &mut slots);
    stack.net().add_clients(&mut outgoing).unwrap();
    let first = stack.net().connect(path.port(8000)).unwrap();
    first.release(stack.net());
    // The first's reset can't be sent; after lingering, its socket is free without.
    let mut second = None;
    stack.poll(Instant::at(10 * SECOND), |net| {
        second = second.take().or(net.connect(path.port(8000)).ok());
        Instant::NEVER
    });
    assert!(second.is_some());
}

/// A device that takes no frame.
struct Deaf;

impl Device for Deaf {
    type RxToken<'t> = greet_smoltcp::loopback::RxToken<'t>;
    type TxToken<'t> = greet_smoltcp::loopback::TxToken<'t, 0>;

    fn receive(&mut self, _: time::Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        None
    }

    fn transmit(&mut self, _: time::Instant) -> Option<Self::TxToken<'_>> {
        None
    }

    fn capabilities(&self) -> DeviceCapabilities {
        Ring::new(Medium::Ip).capabilities()
    }
}
