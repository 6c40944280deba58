//! Segments that a check has bent: what has to come of them, and that nothing comes of them.

use core::time::Duration;

use smoltcp::wire::IpProtocol;

use super::ask::Quiet;
use super::client::Client;
use super::craft;
use super::segment::flags::RST;
use super::segment::{Segment, is_after};
use super::{Bench, PATIENCE, Said, Stop};

/// So often something is sent that nobody answers.
const TRIES: u32 = 3;

/// So far apart, as nobody has to answer more of what can't be taken than one in a second (RFC 5961, section 7).
const APART: Duration = Duration::from_millis(1200);

impl Bench<'_> {
    /// The frame of a segment whose bytes were edited, with a sum that fits.
    pub(crate) fn forged(&mut self, segment: &Segment, edit: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut bytes = segment.bytes();
        edit(&mut bytes);
        craft::mend_transport(segment.between(), IpProtocol::Tcp, 16, &mut bytes);
        self.note(segment);
        self.packet(segment.between(), &bytes)
    }

    /// Sends a segment until one of its connection comes that fits, three times at most.
    pub(crate) fn elicit(
        &mut self,
        client: &mut Client,
        segment: &Segment,
        is_it: impl Fn(&Segment) -> bool,
    ) -> Result<Option<Segment>, Stop> {
        for _ in 0..TRIES {
            self.transmit(segment)?;
            let until = self.now() + APART;
            while let Some((_, answer)) = self.hear(client, until)? {
                if is_it(&answer) {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    }

    /// Sends a frame of a connection until `is_done`, three times at most. Whether it was.
    pub(crate) fn insist(
        &mut self,
        client: &mut Client,
        frame: &[u8],
        is_done: impl Fn(&Client) -> bool,
    ) -> Result<bool, Stop> {
        for _ in 0..TRIES {
            self.send(frame)?;
            let until = self.now() + PATIENCE;
            while !is_done(client) && !client.is_reset {
                if self.hear(client, until)?.is_none() {
                    break;
                }
            }
            if is_done(client) || client.is_reset {
                break;
            }
        }
        Ok(is_done(client))
    }

    /// Sends frames of a connection on which nothing must come then.
    pub(crate) fn silence(&mut self, client: &Client, frames: &[Vec<u8>]) -> Result<Quiet, Stop> {
        self.quiet(
            frames,
            |heard| matches!(&heard.said, Said::Tcp(segment) if client.is_of(segment)),
        )
    }

    /// Sends frames of a connection that must not change it; an ACK of what was taken before may come.
    pub(crate) fn unmoved(&mut self, client: &Client, frames: &[Vec<u8>]) -> Result<Quiet, Stop> {
        let is_change = |segment: &Segment| {
            !segment.is_empty() || segment.has(RST) || is_after(segment.ack, client.next)
        };
        self.quiet(frames, |heard| {
            matches!(&heard.said, Said::Tcp(segment) if client.is_of(segment) && is_change(segment))
        })
    }
}
