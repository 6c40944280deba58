//! A server and a client on two stacks of embassy-net, on a cable in memory:
//! `cargo run --example embassy_cable`
//!
//! On a board, the driver of its chip stands in the place of the cable, and a timer in that of the task
//! which moves time. The rest is the same.

use core::cell::Cell;
use core::time::Duration;

use embassy_backlog::greet::{Clock, Socket, serve};
use embassy_executor::{Executor, Spawner};
use embassy_futures::yield_now;
use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Ipv4Cidr, Runner, Stack, StackResources, StaticConfigV4};
use greet_async_examples::cable::{End, cable};
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::{Timer, converse};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::request::Request;
use greet_core::text::Text;
use static_cell::StaticCell;

const SERVER: Ipv4Address = Ipv4Address::new(192, 0, 2, 1);
const CLIENT: Ipv4Address = Ipv4Address::new(192, 0, 2, 2);

thread_local! {
    static DONE: Cell<bool> = const { Cell::new(false) };
}

#[embassy_executor::task(pool_size = 2)]
async fn network(mut runner: Runner<'static, End>) {
    runner.run().await;
}

/// As many as clients are served at once.
#[embassy_executor::task(pool_size = 4)]
async fn place(stack: Stack<'static>) {
    serve::<Exchange>(stack, 8000, Limits::DEFAULT, |outcome| {
        println!("server: {outcome:?}");
    })
    .await;
}

#[embassy_executor::task]
async fn client(stack: Stack<'static>) {
    let (mut incoming, mut outgoing) = ([0; 1031], [0; 1024]);
    let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
    socket.0.connect((SERVER, 8000)).await.expect("a server");
    let name = Text::new("World").expect("short");
    let mut request = Request::new(name, Clock.now() + Request::TIMEOUT);
    let outcome = converse(&mut request, &mut socket, &Clock).await;
    let reply = String::from_utf8_lossy(request.reply());
    println!("client: {outcome:?}, {reply}");
    DONE.set(true);
}

/// Time goes on whenever all others have had their turn.
#[embassy_executor::task]
async fn time_passes(time: Time) {
    loop {
        time.go_to(Clock.now() + Duration::from_micros(100));
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

fn main() {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let time = Time::begin();
    let start = |spawner: Spawner| {
        let (ours, theirs) = cable();
        let (home, away) = (
            stack(spawner, ours, SERVER, 1),
            stack(spawner, theirs, CLIENT, 2),
        );
        // The last that is spawned runs first: places before clients.
        spawner.spawn(time_passes(time).expect("a task is free"));
        spawner.spawn(client(away).expect("a task is free"));
        for _ in 0..4 {
            spawner.spawn(place(home).expect("a task is free"));
        }
    };
    let executor = EXECUTOR.init(Executor::new());
    executor.run_until(start, || DONE.get());
}
