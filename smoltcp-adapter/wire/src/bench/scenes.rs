//! Where a connection stands when a check begins with it, and what is said on it next.

use core::net::IpAddr;
use core::time::Duration;

use super::client::{HALF, MSS, REST};
use super::segment::flags::{ACK, FIN, PSH};
use super::segment::{Segment, is_after};
use super::{Bench, Client, Stop};

/// So long an end of the board's side may take that must come: a server's deadline, and a few RTOs.
const END: Duration = Duration::from_secs(15);

impl Client {
    /// The next segment, with this text: it counts as said.
    pub(crate) fn saying(&mut self, flags: u8, text: &[u8]) -> Segment {
        let segment = self.segment(flags, text);
        self.next = segment.end();
        self.said.extend_from_slice(text);
        self.is_over |= segment.has(FIN);
        segment
    }

    /// An acknowledgment of all but the board's FIN.
    pub(crate) fn all_but_fin(&self) -> Segment {
        let fin = u32::from(self.has_fin);
        self.segment(ACK, b"").ack(self.due.wrapping_sub(fin))
    }

    /// Another one from the same port, so many numbers behind this one's last.
    pub(crate) fn anew(&self, by: u32) -> Self {
        let first = self.next.wrapping_add(by);
        Self {
            first,
            next: first,
            acked: first,
            theirs: 0,
            due: 0,
            their_window: 0,
            their_mss: None,
            acknowledges: true,
            text: Vec::new(),
            said: Vec::new(),
            has_fin: false,
            is_over: false,
            is_reset: false,
            ..self.clone()
        }
    }

    /// The number behind the window that the board offered last.
    pub(crate) fn edge(&self) -> u32 {
        self.acked.wrapping_add(self.their_window.into())
    }
}

/// More of a name that is held open: the other half of its character, some letters, and half of another.
pub(crate) fn further(letters: &[u8]) -> Vec<u8> {
    [REST, letters, HALF].concat()
}

/// What a name begins with that is held open: some letters, and half of a character.
pub(crate) fn opening(letters: &[u8]) -> Vec<u8> {
    [letters, HALF].concat()
}

impl Bench<'_> {
    /// Sends a segment until all of it is acknowledged. Whether it was.
    pub(crate) fn taken(&mut self, client: &mut Client, segment: &Segment) -> Result<bool, Stop> {
        let behind = segment.end();
        self.until(client, segment, |client| !is_after(behind, client.acked))
    }

    /// Sends a segment, and waits some time for what it asks for. Whether that came.
    pub(crate) fn answered(
        &mut self,
        client: &mut Client,
        segment: &Segment,
        time: Duration,
        is_it: impl Fn(&Segment) -> bool,
    ) -> Result<bool, Stop> {
        self.transmit(segment)?;
        let until = self.now() + time;
        while let Some((_, answer)) = self.hear(client, until)? {
            if is_it(&answer) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// So long is the longest text that the board takes in one segment, and the cable.
    pub(crate) fn full(&self, client: &Client) -> usize {
        let (headers, default) = match self.setup.board {
            IpAddr::V4(_) => (40, MSS),
            IpAddr::V6(_) => (60, 1220),
        };
        let theirs = usize::from(client.their_mss.unwrap_or(default)).max(1);
        theirs.min(self.frames.mtu().saturating_sub(headers))
    }

    /// Says what is no name, on a connection that has begun. Its server refuses that, ends its side, and reads on
    /// for a second, up to 64 KiB, whatever comes. Whether it has ended it.
    pub(crate) fn refused(&mut self, client: &mut Client) -> Result<bool, Stop> {
        let nonsense = client.saying(ACK | PSH, &[0xff]);
        self.until(client, &nonsense, |client| client.has_fin)
    }

    /// Says a short name and waits until the board has ended its side, of which all but the end is acknowledged.
    /// Whether it has.
    pub(crate) fn ended(&mut self, client: &mut Client) -> Result<bool, Stop> {
        client.acknowledges = false;
        let name = client.saying(ACK | PSH, b"Ada");
        self.taken(client, &name)?;
        self.comes_to_its_end(client)
    }

    /// Waits until the board has ended its side, and acknowledges all but that. Whether it has.
    pub(crate) fn comes_to_its_end(&mut self, client: &mut Client) -> Result<bool, Stop> {
        client.acknowledges = false;
        self.transmit(&client.all_but_fin())?;
        let give_up = self.now() + END;
        while !client.has_fin && !client.is_reset {
            if self.hear(client, give_up)?.is_none() {
                break;
            }
            self.transmit(&client.all_but_fin())?;
        }
        Ok(client.has_fin && !client.is_reset)
    }

    /// The FIN that comes again on its own, until some time later.
    pub(crate) fn fin_again(
        &mut self,
        client: &mut Client,
        time: Duration,
    ) -> Result<Option<Segment>, Stop> {
        let until = self.now() + time;
        while let Some((_, segment)) = self.hear(client, until)? {
            if segment.has(FIN) {
                return Ok(Some(segment));
            }
            if client.is_reset {
                break;
            }
        }
        Ok(None)
    }

    /// A connection that the board has ended first, and both sides have ended. Nothing: it wasn't to be had.
    pub(crate) fn closed_first(&mut self) -> Result<Option<Client>, Stop> {
        let mut client = self.client();
        if !self.open(&mut client)? || !self.ended(&mut client)? {
            return Ok(None);
        }
        client.acknowledges = true;
        let end = client.saying(ACK | FIN, b"");
        let is_over = self.taken(&mut client, &end)?;
        Ok((is_over && !client.is_reset).then_some(client))
    }
}
