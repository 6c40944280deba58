//! Clients that keep to the protocol: core's client on this project's own stack.

use std::net::SocketAddr;

use greet_core::client::Client;
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;
use smoltcp_sim::Boot;

use super::batches::Batches;
use super::ledger::Ledger;
use super::plan::{self, CLIENT_SOCKETS, Place};
use crate::moments;

/// The memory of a host.
pub(super) struct Memory<'a> {
    slots: SocketSlots<'a, CLIENT_SOCKETS, 0>,
    buffers: TcpBuffers<CLIENT_SOCKETS, 1031, 1024>,
}

impl Memory<'_> {
    pub(super) fn new() -> Self {
        Self {
            slots: SocketSlots::new(),
            buffers: TcpBuffers::new(),
        }
    }
}

struct Asking<'a> {
    number: usize,
    connection: Connection,
    client: Client<Request<'a>>,
}

pub(super) fn program<'a>(
    boot: Boot,
    memory: &'a mut Memory<'a>,
    place: usize,
    host: &'a Place,
    ledger: &'a Ledger<'a>,
) -> impl FnMut(smoltcp::time::Instant) -> Option<smoltcp::time::Instant> + 'a {
    let config = boot.config();
    let mut stack = Stack::new(boot.card, config, &boot.addresses, &mut memory.slots)
        .expect("the simulation's addresses fit its card");
    stack
        .net()
        .add_clients(&mut memory.buffers)
        .expect("slots for all sockets");
    let server = SocketAddr::from((plan::address(0), plan::PORT));
    let mut waiting = host.errands.iter().enumerate().peekable();
    let mut batches = Batches::new(place, &host.batches, ledger);
    let mut asking: Vec<Asking<'a>> = Vec::new();
    move |moment| {
        let (now, since_boot) = (moments::core(moment), moments::since_start(moment));
        let next = stack.poll(now, |net| {
            // Whoever finds no free socket waits for one.
            while let Some((number, errand)) =
                waiting.next_if(|(_, errand)| errand.start <= since_boot && net.idle() > 0)
            {
                let connection = net
                    .connect(server)
                    .expect("an idle socket connects to a good address");
                let name = Text::new(&errand.name).expect("names in a plan are short enough");
                asking.push(Asking {
                    number,
                    connection,
                    client: Client::new(Request::new(name, now + errand.timeout)),
                });
                ledger.asked(place, number, since_boot);
            }
            let mut next = match waiting.peek() {
                // Else a socket that becomes free brings it back.
                Some((_, errand)) if errand.start > since_boot => Instant::at(errand.start),
                _ => Instant::NEVER,
            };
            let mut index = 0;
            while let Some(one) = asking.get_mut(index) {
                if one
                    .client
                    .poll(&mut one.connection.on(net), now)
                    .is_pending()
                {
                    next = next.min(one.client.due());
                    index += 1;
                    continue;
                }
                let Asking {
                    number,
                    connection,
                    client,
                } = asking.swap_remove(index);
                let request = client.machine();
                if let Some(answer) = request.answer() {
                    let greeted = answer.map(|answer| answer == Answer::Greeted);
                    ledger.answered(place, number, since_boot, greeted, request.reply());
                }
                connection.release(net);
            }
            next.min(batches.poll(net, now, since_boot))
        });
        ledger.client_rests(place, stack.net().idle());
        moments::simulated(next)
    }
}
