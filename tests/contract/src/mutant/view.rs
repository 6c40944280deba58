//! What peers see of an adapter with a flaw that no call of its own shows.

use std::net::SocketAddr;

use super::{Flaw, Mutant};
use crate::world::{Peers, Seen, World};

impl<W: World> Peers for Mutant<W> {
    fn connect(&mut self, peer: usize) {
        self.world.peers().connect(peer);
    }

    fn address(&mut self, peer: usize) -> Option<SocketAddr> {
        self.world.peers().address(peer)
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) -> usize {
        self.world.peers().send(peer, bytes)
    }

    fn receive(&mut self, peer: usize, buffer: &mut [u8]) -> Seen {
        self.world.peers().receive(peer, buffer)
    }

    fn finish(&mut self, peer: usize) {
        self.world.peers().finish(peer);
    }

    fn reset(&mut self, peer: usize) {
        self.world.peers().reset(peer);
    }

    fn close(&mut self, peer: usize) {
        self.world.peers().close(peer);
    }

    fn vanish(&mut self, peer: usize) {
        self.world.peers().vanish(peer);
    }

    fn half_open(&mut self) {
        self.world.peers().half_open();
    }

    fn accepted(&mut self) -> Option<SocketAddr> {
        self.world.peers().accepted()
    }

    fn send_datagram(&mut self, to: usize, datagram: &[u8]) {
        self.state.asks_all = false;
        self.world.peers().send_datagram(to, datagram);
    }

    fn send_to_all(&mut self, datagram: &[u8]) {
        self.state.asks_all = true;
        self.world.peers().send_to_all(datagram);
    }

    fn receive_datagram(&mut self, buffer: &mut [u8]) -> Option<(usize, Option<usize>)> {
        let (len, from) = self.world.peers().receive_datagram(buffer)?;
        let is_strange = self.state.asks_all && self.flaw == Flaw::BroadcastAddress;
        Some((len, from.filter(|_| !is_strange)))
    }
}
