//! A greeting across a network that loses packets, and the ladder diagram of what happened.
//!
//! Server and client are hosts with a smoltcp stack each, on a simulated link. The seed decides what
//! is lost: the same seed, the same packets. With a third argument the diagram is written there, as
//! SVG.
//!
//! `cargo run --example lossy_greeting [SEED [PERCENT [FILE.svg]]]`

use std::cell::RefCell;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use greet_core::client::Client;
use greet_core::limits::{Limits, TCP_PORT};
use greet_core::request::Request;
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_examples::moments;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp::wire::{IpAddress, IpCidr};
use smoltcp_sim::{Boot, Card, Host, Ladder, Link, Network, Probability};

/// Virtual time, of which a lost packet may take seconds. It costs none.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().map_or(Ok(7), |seed| seed.parse())?;
    let loss = arguments.next().map_or(Ok(25), |loss| loss.parse())?;
    let picture = arguments.next();

    // All memory, and what the client has got.
    let mut server_slots = SocketSlots::<1, 4>::new();
    let mut client_slots = SocketSlots::<1, 0>::new();
    let mut places = TcpBuffers::<1, 1025, 1031>::new();
    let mut outgoing = TcpBuffers::<1, 1031, 1024>::new();
    let request = Request::new(Text::new("World")?, Instant::START + PATIENCE);
    let client = RefCell::new(Client::new(request));

    // Two hosts, and a link between them.
    let address = IpAddress::v4(10, 0, 0, 1);
    let mut network = Network::new(seed);
    network.record();
    let server = network.add(Host::new("server", IpCidr::new(address, 24)))?;
    let asker = network.add(Host::new(
        "client",
        IpCidr::new(IpAddress::v4(10, 0, 0, 2), 24),
    ))?;
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(loss));
    network.link(server, asker, link)?;

    // What runs on them: the code that would run on a board.
    let mut memory = Some((&mut server_slots, &mut places));
    network.boot_program(server, move |boot| {
        let (slots, places) = memory.take().expect("it boots once");
        let mut stack = stack(boot, slots);
        let listener = stack.net().listen(places, TCP_PORT).expect("a slot");
        let mut server = Server::<_, 1>::new(Limits::DEFAULT);
        move |now| {
            let now = moments::core(now);
            let due = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
            moments::simulated(due)
        }
    });
    let mut memory = Some((&mut client_slots, &mut outgoing));
    network.boot_program(asker, {
        let client = &client;
        move |boot| {
            let (slots, outgoing) = memory.take().expect("it boots once");
            let mut stack = stack(boot, slots);
            stack.net().add_clients(outgoing).expect("a slot");
            let to = SocketAddr::new(address.into(), TCP_PORT);
            let connection = stack.net().connect(to).expect("a socket");
            move |now| {
                let now = moments::core(now);
                let due = stack.poll(now, |net| {
                    let mut client = client.borrow_mut();
                    let _ = client.poll(&mut connection.on(net), now);
                    client.due()
                });
                moments::simulated(due)
            }
        }
    });
    network.run_for(PATIENCE);

    let trace = network.trace().ok_or("it was recorded")?;
    for flow in trace.flows() {
        let ladder = Ladder::new(trace, &flow);
        print!("{ladder}");
        if let Some(picture) = &picture {
            std::fs::write(picture, ladder.svg())?;
        }
    }
    let client = client.borrow();
    let answer = client.machine().answer();
    answer.ok_or("no answer within a minute of virtual time")??;
    println!(
        "Received: {}",
        String::from_utf8_lossy(client.machine().reply())
    );
    Ok(())
}

/// The stack of a host.
fn stack<'a, const BACKLOG: usize>(
    boot: Boot,
    slots: &'a mut SocketSlots<'a, 1, BACKLOG>,
) -> Stack<'a, Card> {
    let config = boot.config();
    Stack::new(boot.card, config, &boot.addresses, slots).expect("the addresses fit the card")
}
