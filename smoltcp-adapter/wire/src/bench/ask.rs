//! Asking: what must be answered, what must not be, and the control that proves the silence.

use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;

use smoltcp::wire::{ArpOperation, EthernetAddress, IpProtocol};

use crate::neighbors::{group, group_frame};

use super::craft::{self, Ends, Hop};
use super::{Bench, Heard, PATIENCE, Said, Stop, Verdict};

/// So often something is asked that nobody answers.
const TRIES: usize = 3;

/// So often before a board is called dead: of a run's many controls three may well be lost in a row.
const LAST_TRIES: usize = 6;

/// So long what must not come is waited for, once a control was answered.
const GRACE: Duration = Duration::from_millis(20);

/// So far from each other frames are sent that are no burst.
const APART: Duration = Duration::from_millis(3);

impl Bench<'_> {
    /// Sends something until it is answered, three times at most. `None`: it never was.
    pub(crate) fn ask(
        &mut self,
        frame: &[u8],
        mut is_it: impl FnMut(&Heard) -> bool,
    ) -> Result<Option<Heard>, Stop> {
        for number in 0..TRIES {
            self.send(frame)?;
            if number == 0 {
                self.not_answered(self.last_sent());
            }
            let until = self.now() + PATIENCE;
            while let Some(heard) = self.next(until)? {
                if is_it(&heard) {
                    self.looked_at(heard.number);
                    return Ok(Some(heard));
                }
            }
        }
        Ok(None)
    }

    /// An echo request to the board, and what its reply has.
    pub(crate) fn ping(&mut self, data: &[u8]) -> (Vec<u8>, (u16, u16)) {
        let ends = self.ends();
        let number = (self.fresh(), 1);
        let icmp = craft::echo(ends, false, number.0, number.1, data);
        let frame = craft::ip(self.hop(), ends, craft::icmp_of(ends), craft::HOPS, &icmp);
        (frame, number)
    }

    /// Whether the board answers what it answered before: an echo, or else ARP or neighbor discovery.
    pub(crate) fn is_alive(&mut self) -> Result<bool, Stop> {
        for _ in 0..LAST_TRIES {
            if self.control()?.is_some() {
                return Ok(true);
            }
        }
        self.not_answered(self.last_sent());
        Ok(false)
    }

    /// Asks once for something that must be answered. What else came until then, if it was.
    fn control(&mut self) -> Result<Option<Vec<Heard>>, Stop> {
        let (frame, sought) = self.question(b"control");
        self.send(&frame)?;
        let board = self.setup.board;
        let until = self.now() + PATIENCE;
        let mut others = Vec::new();
        while let Some(heard) = self.next(until)? {
            if sought.is_met_by(&heard, board) {
                return Ok(Some(others));
            }
            others.push(heard);
        }
        Ok(None)
    }

    /// Sends something that must not be answered, and then something that must.
    pub(crate) fn quiet(
        &mut self,
        stimulus: &[Vec<u8>],
        is_forbidden: impl Fn(&Heard) -> bool,
    ) -> Result<Quiet, Stop> {
        for _ in 0..TRIES {
            for frame in stimulus {
                self.send(frame)?;
                // A burst is another check's.
                let until = self.now() + APART;
                while let Some(heard) = self.next(until)? {
                    if is_forbidden(&heard) {
                        self.forbidden(heard.number);
                        return Ok(Quiet::Broken);
                    }
                }
            }
            let Some(others) = self.control()? else {
                self.not_answered(self.last_sent());
                continue;
            };
            if let Some(heard) = others.iter().find(|heard| is_forbidden(heard)) {
                self.forbidden(heard.number);
                return Ok(Quiet::Broken);
            }
            let until = self.now() + GRACE;
            while let Some(heard) = self.next(until)? {
                if is_forbidden(&heard) {
                    self.forbidden(heard.number);
                    return Ok(Quiet::Broken);
                }
            }
            return Ok(Quiet::Kept);
        }
        Ok(Quiet::NoControl)
    }

    /// A frame that every stack throws away.
    pub(crate) fn nobodys(&self, len: usize) -> Vec<u8> {
        let payload = vec![0; len.saturating_sub(craft::ETHERNET)];
        craft::frame(self.hop(), craft::NOBODYS, &payload)
    }

    /// What any board answers that is there, and its answer: an echo, or where none is answered ARP or neighbor
    /// discovery.
    pub(crate) fn question(&mut self, text: &[u8]) -> (Vec<u8>, Sought) {
        let to = self.hop().to;
        let has_none = self.echoes == Some(false) && !self.over6;
        let instead = self.whereabouts(to).filter(|_| has_none);
        if let Some(frame) = instead {
            return (frame, Sought::Whereabouts);
        }
        let (frame, wanted) = self.ping(text);
        (frame, Sought::Echo(wanted))
    }

    /// "Where is the board?", over the version of its address, to all or to the board alone.
    pub(crate) fn whereabouts(&self, to: EthernetAddress) -> Option<Vec<u8>> {
        match self.setup.board {
            IpAddr::V4(_) => self.arp_request(to),
            IpAddr::V6(board) => {
                let to = match to {
                    EthernetAddress::BROADCAST => group_frame(board),
                    to => to,
                };
                Some(self.solicitation(board, to))
            }
        }
    }

    /// "Who has the board's address?", to all or to the board alone.
    pub(crate) fn arp_request(&self, to: EthernetAddress) -> Option<Vec<u8>> {
        let (own, board) = self.v4()?;
        let hop = Hop { to, ..self.hop() };
        let source = (self.setup.hardware, own);
        let target = (EthernetAddress([0; 6]), board);
        Some(craft::arp(hop, ArpOperation::Request, source, target))
    }

    /// "Where is this neighbor?", in the frame of its group or in one to the board alone.
    pub(crate) fn solicitation(&self, target: Ipv6Addr, to: EthernetAddress) -> Vec<u8> {
        let ends = Ends {
            from: self.own6.into(),
            to: group(target).into(),
        };
        let icmp = craft::solicit(self.own6, group(target), target, self.setup.hardware);
        let hop = Hop { to, ..self.hop() };
        craft::ip(hop, ends, IpProtocol::Icmpv6, 255, &icmp)
    }
}

/// What answers a question.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sought {
    /// The reply with this identifier and this number.
    Echo((u16, u16)),
    /// Where the board is.
    Whereabouts,
}

impl Sought {
    /// Whether this is it, from the board at this address.
    pub(crate) fn is_met_by(self, heard: &Heard, board: IpAddr) -> bool {
        match (self, &heard.said, board) {
            (Self::Echo(wanted), ..) => heard.is_reply_to(wanted),
            (
                Self::Whereabouts,
                Said::Arp {
                    operation: ArpOperation::Reply,
                    source: (_, address),
                    ..
                },
                IpAddr::V4(board),
            ) => *address == board,
            (Self::Whereabouts, Said::Advert { target, .. }, IpAddr::V6(board)) => *target == board,
            _ => false,
        }
    }
}

/// How silence came out.
#[derive(Debug)]
pub(crate) enum Quiet {
    /// Nothing forbidden came, and the control was answered.
    Kept,
    /// What is forbidden came.
    Broken,
    /// The control was never answered.
    NoControl,
}

impl Quiet {
    /// The verdict, with words for what came.
    pub(crate) fn verdict(self, came: &str) -> Verdict {
        match self {
            Self::Kept => Verdict::Passed,
            Self::Broken => Verdict::Failed(came.to_owned()),
            Self::NoControl => {
                Verdict::Inconclusive("what must be answered wasn't either, three times".to_owned())
            }
        }
    }
}
