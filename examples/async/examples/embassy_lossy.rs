//! An embassy application across a network that loses packets: `cargo run --example embassy_lossy 9 25`
//!
//! Behind it: seed, and how many of a hundred packets are lost. It prints every packet.

use std::cell::Cell;
use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_backlog::greet::{Clock, Socket, serve};
use embassy_net::tcp::TcpSocket;
use greet_async_examples::simulated::boot;
use greet_async_examples::virtual_time::Time;
use greet_core::asynch::{Timer, converse};
use greet_core::exchange::Exchange;
use greet_core::limits::Limits;
use greet_core::request::Request;
use greet_core::text::Text;
use smoltcp_sim::{Host, Ladder, Link, Network, Probability};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().map_or(Ok(9), |seed| seed.parse())?;
    let percent = arguments.next().map_or(Ok(25), |number| number.parse())?;

    let (time, done) = (Time::begin(), Cell::new(false));
    let mut network = Network::new(seed);
    network.record();
    let address = |text: &str| text.parse().map_err(|()| "no address");
    let home = network.add(Host::new("server", address("10.0.0.1/24")?))?;
    let away = network.add(Host::new("client", address("10.0.0.2/24")?))?;
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(percent));
    network.link(home, away, link)?;

    boot(&mut network, home, &time, |stack| {
        serve::<Exchange>(stack, 8000, Limits::DEFAULT, |outcome| {
            println!("server: {outcome:?}");
        })
    });
    let ended = &done;
    boot(&mut network, away, &time, move |stack| async move {
        let (mut incoming, mut outgoing) = ([0; 1031], [0; 1024]);
        let mut socket = Socket(TcpSocket::new(stack, &mut incoming, &mut outgoing));
        match socket.0.connect((SERVER, 8000)).await {
            Ok(()) => {
                let deadline = Clock.now() + Duration::from_mins(1);
                let mut request = Request::new(Text::new("World").expect("short"), deadline);
                let outcome = converse(&mut request, &mut socket, &Clock).await;
                let reply = String::from_utf8_lossy(request.reply());
                println!("client: {outcome:?}, {reply}");
            }
            Err(error) => println!("client: {error:?}"),
        }
        ended.set(true);
        std::future::pending::<()>().await; // the socket closes meanwhile
    });
    network.run_while(Duration::from_mins(10), || !done.get());
    network.run_for(Duration::from_secs(2));
    let trace = network.trace().ok_or("it was recorded")?;
    for flow in trace.flows() {
        println!("{}", Ladder::new(trace, &flow));
    }
    Ok(())
}
