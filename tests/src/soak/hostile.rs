//! Clients that do as they like, on plain smoltcp sockets: slow, silent, resetting, vanishing,
//! talking too much or nonsense.

use core::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp_sim::Stack;

use super::ledger::Ledger;
use super::plan::{self, Attack, Finale};
use crate::moments;

/// One attack under way.
struct Attacker<'a> {
    attack: &'a Attack,
    number: usize,
    handle: SocketHandle,
    /// The piece that is sent next, how much of it has been, and when it may be.
    piece: usize,
    sent: usize,
    due: Duration,
    ends: Duration,
    reply: Vec<u8>,
    /// The server has half-closed.
    has_fin: bool,
    is_leaving: bool,
}

/// The attacks of one host that begin after its boot.
pub(super) fn application<'a>(
    place: usize,
    booted: Duration,
    attacks: &'a [Attack],
    ledger: &'a Ledger<'a>,
) -> impl FnMut(&mut Stack, Instant) -> Option<Instant> + use<'a> {
    let mut waiting = attacks
        .iter()
        .enumerate()
        .filter_map(move |(number, attack)| {
            let start = attack.start.checked_sub(booted)?;
            Some((start, number, attack))
        })
        .peekable();
    let mut under_way: Vec<Attacker<'a>> = Vec::new();
    move |stack, now| {
        let now = moments::since_start(now);
        while let Some((_, number, attack)) = waiting.next_if(|(start, ..)| *start <= now) {
            under_way.extend(Attacker::begin(stack, now, number, attack));
        }
        under_way.retain_mut(|attacker| attacker.poll(stack, now, place, ledger));
        under_way
            .iter()
            .flat_map(|attacker| [attacker.due, attacker.ends])
            .chain(waiting.peek().map(|(start, ..)| *start))
            .filter(|time| *time > now)
            .min()
            .map(moments::at)
    }
}

impl<'a> Attacker<'a> {
    fn begin(stack: &mut Stack, now: Duration, number: usize, attack: &'a Attack) -> Option<Self> {
        // One that doesn't read has no room for a whole reply either.
        let room = if attack.reads { 1100 } else { 16 };
        let mut socket = Socket::new(
            SocketBuffer::new(vec![0; room]),
            SocketBuffer::new(vec![0; 2048]),
        );
        socket.set_ack_delay(None);
        let Stack {
            interface,
            sockets,
            random,
        } = stack;
        let port = 49_152 + u16::try_from(random.below(16_384)).unwrap_or(0);
        let server = (plan::address(0), attack.port);
        socket.connect(interface.context(), server, port).ok()?;
        Some(Self {
            attack,
            number,
            handle: sockets.add(socket),
            piece: 0,
            sent: 0,
            due: now
                + attack
                    .pieces
                    .first()
                    .map_or(Duration::ZERO, |(pause, _)| *pause),
            ends: now + attack.patience,
            reply: Vec::new(),
            has_fin: false,
            is_leaving: false,
        })
    }

    /// Goes on with the attack. Returns whether it isn't over.
    fn poll(
        &mut self,
        stack: &mut Stack,
        now: Duration,
        place: usize,
        ledger: &Ledger<'_>,
    ) -> bool {
        let socket = stack.sockets.get_mut::<Socket<'_>>(self.handle);
        self.speak(socket, now);
        while self.attack.reads && socket.can_recv() {
            let taken = socket.recv(|bytes| (bytes.len(), bytes.to_vec()));
            self.reply.extend(taken.unwrap_or_default());
        }
        let said_all = self.piece == self.attack.pieces.len();
        if said_all && socket.may_send() {
            match self.attack.finale {
                Finale::Fin => socket.close(),
                Finale::Reset => socket.abort(),
                Finale::Vanish => self.is_leaving = true,
                Finale::Wait => {}
            }
        }
        self.has_fin |= matches!(
            socket.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        );
        let is_over = matches!(socket.state(), State::Closed | State::TimeWait);
        let is_answered = self.has_fin && self.attack.reads && said_all;
        if is_answered && !is_over {
            socket.close();
        }
        if is_over || self.is_leaving || now >= self.ends {
            ledger.attacked(place, self.number, self.attack, &self.reply, self.has_fin);
            // Removed before its reset can leave: whoever still speaks to it is reset then.
            stack.sockets.remove(self.handle);
            return false;
        }
        true
    }

    fn speak(&mut self, socket: &mut Socket<'_>, now: Duration) {
        while let Some((_, piece)) = self.attack.pieces.get(self.piece)
            && now >= self.due
            && socket.may_send()
        {
            let Ok(n) = socket.send_slice(&piece[self.sent..]) else {
                return;
            };
            self.sent += n;
            if self.sent < piece.len() {
                return;
            }
            self.piece += 1;
            self.sent = 0;
            let next = self.attack.pieces.get(self.piece);
            self.due = now + next.map_or(Duration::ZERO, |(pause, _)| *pause);
        }
    }
}
