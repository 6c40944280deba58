//! Clients that keep to the protocol: core's client on this project's own stack.

use core::task::Poll;
use core::time::Duration;
use std::net::SocketAddr;

use greet_core::client::Client;
use greet_core::request::Answer;
use greet_core::text::Text;
use greet_smoltcp::sim::Boot;
use greet_smoltcp::stack::Stack;
use greet_smoltcp::storage::{SocketSlots, TcpBuffers};
use greet_smoltcp::stream::Connection;

use super::ledger::Ledger;
use super::plan::{self, Errand};

/// Clients at once; others wait for a socket.
pub(super) const SOCKETS: usize = 3;

/// The memory of a host.
pub(super) struct Memory<'a> {
    slots: SocketSlots<'a, SOCKETS, 0>,
    buffers: TcpBuffers<SOCKETS, 1031, 1024>,
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
    client: Client<'a>,
}

pub(super) fn program<'a>(
    boot: Boot,
    memory: &'a mut Memory<'a>,
    place: usize,
    errands: &'a [Errand],
    ledger: &'a Ledger<'a>,
) -> impl FnMut(Duration) -> Option<Duration> + 'a {
    let config = boot.config();
    let mut stack = Stack::new(boot.card, config, &boot.addresses, &mut memory.slots)
        .expect("the simulation's addresses fit its card");
    stack
        .net()
        .add_clients(&mut memory.buffers)
        .expect("slots for all sockets");
    let server = SocketAddr::from((plan::address(0), plan::PORT));
    let mut waiting = errands.iter().enumerate().peekable();
    let mut asking: Vec<Asking<'a>> = Vec::new();
    move |now| {
        let next = stack.poll(now, |net| {
            // Whoever finds no free socket waits for one.
            while let Some((number, errand)) =
                waiting.next_if(|(_, errand)| errand.start <= now && net.idle() > 0)
            {
                let connection = net
                    .connect(server)
                    .expect("an idle socket connects to a good address");
                let name = Text::new(&errand.name).expect("names in a plan are short enough");
                asking.push(Asking {
                    number,
                    connection,
                    client: Client::new(name, now, errand.timeout),
                });
                ledger.asked(place, number, now);
            }
            let mut next = waiting.peek().map(|(_, errand)| errand.start);
            if next.is_some_and(|next| next <= now) {
                next = None; // a socket that becomes free brings it back
            }
            let mut index = 0;
            while let Some(one) = asking.get_mut(index) {
                let result = one.client.poll(&mut one.connection.on(net), now);
                let answer = match result {
                    Poll::Ready(answer) => answer.map(|answer| answer == Answer::Greeted),
                    Poll::Pending => {
                        next = [next, one.client.next_poll()].into_iter().flatten().min();
                        index += 1;
                        continue;
                    }
                };
                let Asking {
                    number,
                    connection,
                    client,
                } = asking.swap_remove(index);
                ledger.answered(place, number, now, answer, client.reply());
                connection.release(net);
            }
            next
        });
        ledger.client_rests(place, stack.net().idle());
        next
    }
}
