//! The soak: random networks with random clients, honest and hostile, checked against invariants.
//!
//! One seed is one network: half a minute of chaos, then calm, in which everything must work again.
//! [`run`] does one seed; the program `soak` does many of them, in sequence.
//!
//! | module | what lives there |
//! |---|---|
//! | [`plan`] | what a seed means: links, mishaps, and who asks for what |
//! | `server` | the server under test, on its simulated host |
//! | `honest` | clients that keep to the protocol: core's own |
//! | `batches` | the same with many names over one connection |
//! | `hostile` | clients that don't, on plain smoltcp sockets |
//! | [`ledger`] | what everybody saw, and the invariants that it must keep |
//! | [`campaign`] | many seeds, and what is left behind of a failure |

mod batches;
pub mod campaign;
mod honest;
mod hostile;
pub mod ledger;
pub mod plan;
mod server;

use core::time::Duration;

use smoltcp::wire::IpCidr;
use smoltcp_sim::{Counters, Host, HostId, Link, Network, Trace};

use crate::moments;
use ledger::Ledger;
use plan::{Mishap, Place, Plan};

/// What one seed came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the links did.
    pub packets: Counters,
    /// Greetings that clients got, a connection each.
    pub greetings: u64,
    /// Replies that clients got in lines mode.
    pub lines: u64,
    /// Exchanges and connections in lines mode that the servers began.
    pub exchanges: u64,
    /// Clients who had to give way, as others waited.
    pub gave_way: u64,
    /// Links cut, hosts parted, and hosts rebooted.
    pub mishaps: Mishaps,
    /// Virtual time.
    pub time: Duration,
}

/// How many mishaps of each kind there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mishaps {
    /// Links that were cut.
    pub cuts: u64,
    /// Partitions of the network.
    pub partitions: u64,
    /// Hosts that lost their state.
    pub reboots: u64,
}

/// Runs one seed.
///
/// # Errors
///
/// A sentence for each invariant that doesn't hold.
pub fn run(seed: u64) -> Result<Report, Vec<String>> {
    simulate(seed, false).0
}

/// Runs one seed, and keeps every packet.
pub fn record(seed: u64) -> (Result<Report, Vec<String>>, Option<Trace>) {
    simulate(seed, true)
}

/// More events than any seed needs.
const MOST_STEPS: u64 = 3_000_000;

fn simulate(seed: u64, record: bool) -> (Result<Report, Vec<String>>, Option<Trace>) {
    let plan = Plan::of(seed);
    let ledger = Ledger::new(&plan);
    let mut server_memory: Vec<_> = (0..=plan.server_reboots())
        .map(|_| server::Memory::new())
        .collect();
    let mut client_memory: Vec<_> = plan.places.iter().map(|_| honest::Memory::new()).collect();
    let mut network = Network::new(seed);
    if record {
        network.record();
    }
    let mut report = Report::default();
    build(
        &mut network,
        &plan,
        &ledger,
        &mut server_memory,
        &mut client_memory,
    );
    let mut steps = 0;
    while network
        .next_event()
        .is_some_and(|next| next <= moments::at(plan::END))
        && steps < MOST_STEPS
    {
        network.step();
        steps += 1;
    }
    let mut broken = Vec::new();
    if steps == MOST_STEPS {
        broken.push(format!(
            "the network doesn't come to rest: {MOST_STEPS} events by {:?}",
            moments::since_start(network.now())
        ));
    }
    broken.extend(ledger.judge());
    report.packets = network.counters();
    report.time = moments::since_start(network.now());
    report.greetings = ledger.greetings();
    report.lines = ledger.lines.replies();
    report.exchanges = ledger.exchanges() + ledger.lines.connections();
    report.gave_way = ledger.gave_way();
    for (_, mishap) in &plan.mishaps {
        *match mishap {
            Mishap::Cut(_) => &mut report.mishaps.cuts,
            Mishap::Part(_) => &mut report.mishaps.partitions,
            Mishap::Reboot(..) | Mishap::RebootServer(_) => &mut report.mishaps.reboots,
            Mishap::Mend(_) | Mishap::Heal => continue,
        } += 1;
    }
    let trace = network.trace().cloned();
    let result = if broken.is_empty() {
        Ok(report)
    } else {
        Err(broken)
    };
    (result, trace)
}

/// Hosts, links and mishaps, as the plan says.
fn build<'a>(
    network: &mut Network<'a>,
    plan: &'a Plan,
    ledger: &'a Ledger<'a>,
    server_memory: &'a mut [server::Memory<'a>],
    client_memory: &'a mut [honest::Memory<'a>],
) {
    let add = |network: &mut Network<'a>, name: &str, number: usize, mtu, drift| {
        let address = IpCidr::new(plan::address(number).into(), 24);
        let host = Host::new(name, address).mtu(mtu).drift(drift);
        network
            .add(host)
            .expect("the plan gives each host its own address")
    };
    let server = add(network, "server", 0, 1500, plan.server_drift);
    let mut memory = server_memory.iter_mut();
    network.boot_program(server, move |boot| {
        let memory = memory.next().expect("memory for each planned boot");
        server::program(boot, memory, plan.tight, ledger)
    });
    let mut links = Vec::new();
    let mut hosts = Vec::new();
    for ((place, host), memory) in plan.places.iter().enumerate().zip(client_memory) {
        let name = format!("client {place}");
        let id = add(network, &name, place + 1, host.mtu, host.drift);
        hosts.push(id);
        let link = network
            .link_with(server, id, host.there.clone(), host.back.clone())
            .expect("each client has one link");
        links.push(link);
        boot_clients(network, id, place, host, plan.boots(place), memory, ledger);
    }
    for (at, mishap) in &plan.mishaps {
        let (links, hosts) = (links.clone(), hosts.clone());
        network.at(moments::at(*at), move |network| match mishap {
            Mishap::Cut(place) => network.cut(links[*place]),
            Mishap::Mend(place) => network.mend(links[*place]),
            Mishap::Part(places) => {
                let inside: Vec<_> = places.iter().map(|place| hosts[*place]).collect();
                network.partition(&inside);
            }
            Mishap::Heal => network.heal(),
            Mishap::Reboot(place, downtime) => network.reboot(hosts[*place], *downtime),
            Mishap::RebootServer(downtime) => network.reboot(server, *downtime),
        });
    }
    network.at(moments::at(plan::CALM), move |network| {
        network.heal();
        for link in &links {
            network.mend(*link);
            network.change(*link, &Link::new().latency(plan::CALM_LATENCY));
        }
    });
}

fn boot_clients<'a>(
    network: &mut Network<'a>,
    id: HostId,
    place: usize,
    host: &'a Place,
    boots: Vec<Duration>,
    memory: &'a mut honest::Memory<'a>,
    ledger: &'a Ledger<'a>,
) {
    if host.attacks.is_empty() {
        let mut memory = Some(memory);
        network.boot_program(id, move |boot| {
            let memory = memory.take().expect("honest hosts don't reboot");
            honest::program(boot, memory, place, host, ledger)
        });
    } else {
        let mut boots = boots.into_iter();
        network.boot(id, move |_| {
            let booted = boots.next().expect("the plan knows of all reboots");
            hostile::application(place, booted, &host.attacks, ledger)
        });
    }
}
