//! embassy-net under embassy's executor: two stacks on a cable in memory.

use std::cell::RefCell;
use std::rc::Rc;

use embassy_backlog::greet::{self, Clock, Messages, Socket, release};
use embassy_executor::{Executor, Spawner};
use embassy_futures::yield_now;
use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use greet_async_examples::cable::{End, cable};
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::{Timer, converse, respond};
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request};
use greet_core::responder::{REPLIES_PER_SECOND, Responder};
use greet_core::text::Text;
use greet_core::time::Instant;
use static_cell::StaticCell;

const SERVER: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const CLIENT: Ipv4Address = Ipv4Address::new(192, 0, 2, 2);

type Seen = Rc<RefCell<Vec<String>>>;

#[embassy_executor::task(pool_size = 2)]
async fn network(mut runner: Runner<'static, End>) {
    runner.run().await;
}

#[embassy_executor::task(pool_size = 2)]
async fn place(stack: Stack<'static>, seen: Seen) {
    let report = |outcome: Outcome| seen.borrow_mut().push(format!("{outcome:?}"));
    greet::serve::<Exchange>(stack, 8000, Limits::DEFAULT, report).await;
}

#[embassy_executor::task]
async fn messages(stack: Stack<'static>) {
    let (mut metas, mut metas_out) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let (mut incoming, mut outgoing) = ([0; 2048], [0; 2048]);
    let mut socket = UdpSocket::new(
        stack,
        &mut metas,
        &mut incoming,
        &mut metas_out,
        &mut outgoing,
    );
    socket.bind(8001).expect("a port");
    let mut socket = Messages { socket, stack };
    let mut responder = Responder::<4>::new(REPLIES_PER_SECOND);
    respond(&mut responder, &mut socket, &Clock, |_event| ()).await;
}

#[embassy_executor::task]
async fn client(stack: Stack<'static>, seen: Seen, done: Rc<RefCell<bool>>) {
    let (mut incoming, mut outgoing) = ([0; 1031], [0; 1024]);
    let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
    let longest = "x".repeat(1024);
    for name in ["World", "caf\u{e9}", &longest, ""] {
        connect(&mut socket).await;
        let deadline = Clock.now() + Request::TIMEOUT;
        let mut request = Request::new(Text::new(name).expect("short"), deadline);
        converse(&mut request, &mut socket, &Clock)
            .await
            .expect("an answer");
        assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
        seen.borrow_mut()
            .push(format!("{} bytes", request.reply().len()));
        release(&mut socket).await;
    }
    // One who says nothing.
    connect(&mut socket).await;
    let since = Clock.now();
    let mut reply = [0; 64];
    let n = socket.0.read(&mut reply).await.expect("a refusal");
    assert_eq!(&reply[..n], b"Error: no name within 10 s\n");
    assert!(Clock.now().since(since) >= Limits::DEFAULT.deadline());
    release(&mut socket).await;

    let (mut metas, mut metas_out) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
    let (mut incoming, mut outgoing) = ([0; 2048], [0; 2048]);
    let mut udp = UdpSocket::new(
        stack,
        &mut metas,
        &mut incoming,
        &mut metas_out,
        &mut outgoing,
    );
    udp.bind(0).expect("a port");
    udp.send_to(b"UDP", (SERVER, 8001)).await.expect("sent");
    let (n, _) = udp.recv_from(&mut reply).await.expect("an answer");
    assert_eq!(&reply[..n], b"Hello, UDP");
    *done.borrow_mut() = true;
}

/// Tries until a place listens: embassy-net has no backlog.
async fn connect(socket: &mut Socket<'_>) {
    while socket.0.connect((SERVER, 8000)).await.is_err() {
        embassy_time::Timer::after_millis(10).await;
    }
}

/// Goes on whenever all others have had their turn.
#[embassy_executor::task]
async fn time_passes(time: Time) {
    loop {
        let next = time.next();
        if next != Instant::NEVER {
            time.go_to(next.min(Clock.now() + core::time::Duration::from_micros(100)));
        }
        yield_now().await;
    }
}

fn stack(spawner: Spawner, end: End, address: Ipv4Address, seed: u64) -> Stack<'static> {
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: <_>::default(),
    });
    let resources = Box::leak(Box::new(StackResources::<4>::new()));
    let (stack, runner) = embassy_net::new(end, config, resources, seed);
    spawner.spawn(network(runner).expect("a task is free"));
    stack
}

#[test]
fn four_names_a_silent_client_and_a_message() {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let time = Time::begin();
    let (seen, done) = (Seen::default(), Rc::new(RefCell::new(false)));
    let executor = EXECUTOR.init(Executor::new());
    let (events, ended) = (Rc::clone(&seen), Rc::clone(&done));
    executor.run_until(
        move |spawner| {
            let (ours, theirs) = cable();
            let server = stack(spawner, ours, SERVER, 1);
            let away = stack(spawner, theirs, CLIENT, 2);
            for _ in 0..2 {
                let place = place(server, Rc::clone(&events));
                spawner.spawn(place.expect("a task is free"));
            }
            spawner.spawn(messages(server).expect("a task is free"));
            let client = client(away, events, ended);
            spawner.spawn(client.expect("a task is free"));
            spawner.spawn(time_passes(time).expect("a task is free"));
        },
        || *done.borrow(),
    );
    let seen = seen.borrow().join(", ");
    assert_eq!(
        seen,
        "Greeted, 12 bytes, Greeted, 12 bytes, Greeted, 1031 bytes, Greeted, 7 bytes, \
         Refused(Late { within_ms: 10000 })"
    );
}
