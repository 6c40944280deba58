//! A request that sends no FIN: the server's ends it.

use embedded_io::ErrorKind;
use greet_core::machine::{Machine, Want};
use greet_core::request::Request;
use greet_core::time::Instant;

/// A request whose name quiet ends.
pub(crate) struct KeptOpen<'a>(pub(crate) Request<'a>);

impl Machine for KeptOpen<'_> {
    type Outcome = <Request<'static> as Machine>::Outcome;

    fn want(&self) -> Want {
        self.0.want()
    }

    fn space(&mut self) -> &mut [u8] {
        self.0.space()
    }

    fn received(&mut self, n: usize, now: Instant) {
        self.0.received(n, now);
    }

    fn received_fin(&mut self, now: Instant) {
        self.0.received_fin(now);
    }

    fn transmit(&self) -> &[u8] {
        self.0.transmit()
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, n: usize, now: Instant) {
        self.0.transmitted(n, now);
        if self.0.transmit().is_empty() {
            self.0.finished(now); // nothing else leaves
        }
    }

    fn finished(&mut self, now: Instant) {
        self.0.finished(now);
    }

    fn lost(&mut self, kind: ErrorKind) {
        self.0.lost(kind);
    }

    fn due(&self) -> Instant {
        self.0.due()
    }

    fn timeout(&mut self, now: Instant) {
        self.0.timeout(now);
    }

    fn outcome(&self) -> Option<Self::Outcome> {
        self.0.outcome()
    }
}
