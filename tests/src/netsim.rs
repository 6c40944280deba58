//! How long a greeting takes across a network that loses packets: one client after the other, over
//! one simulated link, measured in virtual time.

use core::cell::RefCell;
use core::fmt::{self, Write};
use core::time::Duration;
use std::net::SocketAddr;

use greet_core::client::Client;
use greet_core::limits::Limits;
use greet_core::request::{Answer, Request};
use greet_core::server::Server;
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use smoltcp_sim::{Boot, Host, Link, Network, Probability};

use crate::moments;

/// Clients for each line of the table.
pub const CLIENTS: usize = 200;
/// How long each of them waits.
const PATIENCE: Duration = Duration::from_mins(1);
const PORT: u16 = 8000;
const ADDRESSES: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];

/// What became of the clients at one round-trip time and one loss.
#[derive(Clone, Debug)]
pub struct Line {
    rtt: Duration,
    loss: u32,
    /// How long each greeting took, the shortest first.
    times: Vec<Duration>,
}

/// The table: losses of 0 to 30 % at round-trip times of 1 to 300 ms.
pub fn table() -> String {
    let mut table = String::from("  RTT  loss  greeted    median       p99\n");
    for rtt in [1, 10, 50, 100, 300] {
        for loss in [0, 1, 2, 5, 10, 20, 30] {
            // Writing to a string can't fail.
            let _ = writeln!(table, "{}", measure(Duration::from_millis(rtt), loss));
        }
    }
    table
}

/// Runs all clients at one round-trip time and one loss, in percent each way.
///
/// # Panics
///
/// If the simulation refuses its plan, which doesn't depend on the arguments.
pub fn measure(rtt: Duration, loss: u32) -> Line {
    let times = RefCell::new(Vec::new());
    let mut slots = (SocketSlots::<6, 4>::new(), SocketSlots::<4, 0>::new());
    let mut buffers = (
        TcpBuffers::<6, 1024, 1031>::new(),
        TcpBuffers::<4, 1031, 1024>::new(),
    );
    let mut network = Network::new(u64::from(loss) + 1);
    let [server, client] = [("server", 0), ("client", 1)].map(|(name, number)| {
        let [a, b, c, d] = ADDRESSES[number];
        let address = smoltcp::wire::IpAddress::v4(a, b, c, d);
        let host = Host::new(name, smoltcp::wire::IpCidr::new(address, 24));
        network.add(host).expect("two addresses")
    });
    let link = Link::new()
        .latency(rtt / 2)
        .loss(Probability::percent(loss));
    network.link(server, client, link).expect("one link");
    let mut memory = Some((&mut slots.0, &mut buffers.0));
    network.boot_program(server, move |boot| {
        let (slots, buffers) = memory.take().expect("no reboot");
        let mut stack = stack(boot, slots);
        let listener = stack.net().listen(buffers, PORT).expect("slots");
        let mut server = Server::<_, 4>::new(Limits::DEFAULT);
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| server.poll(&mut listener.on(net), now, |_| ()));
            moments::simulated(next)
        }
    });
    let mut memory = Some((&mut slots.1, &mut buffers.1));
    network.boot_program(client, |boot| {
        let (slots, buffers) = memory.take().expect("no reboot");
        let mut stack = stack(boot, slots);
        stack.net().add_clients(buffers).expect("slots");
        let name = Text::new("World").expect("a short name");
        let mut asked = 0;
        let mut asking = None;
        let times = &times;
        move |now| {
            let now = moments::core(now);
            let next = stack.poll(now, |net| {
                let (start, connection, mut client) = match asking.take() {
                    Some(asking) => asking,
                    None if asked < CLIENTS && net.idle() > 0 => {
                        asked += 1;
                        let server = SocketAddr::from((ADDRESSES[0], PORT));
                        let connection = net.connect(server).expect("an idle socket");
                        (
                            now,
                            connection,
                            Client::new(Request::new(name, now + PATIENCE)),
                        )
                    }
                    None => return Instant::NEVER,
                };
                if client.poll(&mut connection.on(net), now).is_pending() {
                    let next = client.due();
                    asking = Some((start, connection, client));
                    return next;
                }
                if client.machine().answer() == Some(Ok(Answer::Greeted)) {
                    times.borrow_mut().push(now.since(start));
                }
                connection.release(net);
                now
            });
            moments::simulated(next)
        }
    });
    network.run_for(PATIENCE * u32::try_from(CLIENTS).unwrap_or(u32::MAX));
    drop(network);
    let mut times = times.into_inner();
    times.sort_unstable();
    Line { rtt, loss, times }
}

fn stack<'a, const SOCKETS: usize, const BACKLOG: usize>(
    boot: Boot,
    slots: &'a mut SocketSlots<'a, SOCKETS, BACKLOG>,
) -> Stack<'a, smoltcp_sim::Card> {
    let config = boot.config();
    Stack::new(boot.card, config, &boot.addresses, slots)
        .expect("the simulation's addresses fit its card")
}

impl Line {
    /// The time that so many percent of the greetings don't exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100).max(1);
        self.times.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>3} ms {:>3} %  {:>3}/{CLIENTS} {:>6} ms {:>6} ms",
            self.rtt.as_millis(),
            self.loss,
            self.times.len(),
            self.percentile(50).as_millis(),
            self.percentile(99).as_millis()
        )
    }
}
