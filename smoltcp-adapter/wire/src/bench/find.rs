//! Finds the board: its hardware address, whether it answers echoes, and its address of IPv6.

use core::net::Ipv6Addr;
use core::time::Duration;

use smoltcp::wire::EthernetAddress;

use super::ask::Sought;
use super::craft::{self, Ends, Hop};
use super::{Bench, Heard, PATIENCE, Said, Stop, Symptom, on_link};

/// How long a board may take until it answers for the first time, as its link has to come up.
const START: Duration = Duration::from_secs(6);

/// So many hosts of which something was heard are asked whether they are the board.
const MOST_ASKED: usize = 16;

impl Bench<'_> {
    /// Finds the board, or what can be said of one that doesn't answer.
    pub(crate) fn find(&mut self) -> Result<bool, Stop> {
        if self.board.is_some() || self.has_looked {
            return Ok(self.board.is_some());
        }
        self.has_looked = true;
        let give_up = self.now() + START;
        let mut heard_of = Vec::new();
        let mut sent = 0;
        while self.now() < give_up {
            self.look_for(EthernetAddress::BROADCAST)?;
            let until = self.now() + PATIENCE;
            while let Some(heard) = self.next(until)? {
                if Sought::Whereabouts.is_met_by(&heard, self.setup.board) {
                    self.board = Some(heard.from);
                    self.meet()?;
                    return Ok(true);
                }
                sent += 1;
                heard_of.push(heard.from);
            }
        }
        // Whoever sends may be the board, which hears only what goes to it alone, or to a group.
        let all = self.all_nodes();
        self.send(&all)?;
        let until = self.now() + PATIENCE;
        while let Some(heard) = self.next(until)? {
            heard_of.push(heard.from);
        }
        heard_of.sort_unstable();
        heard_of.dedup();
        for hardware in heard_of.into_iter().take(MOST_ASKED) {
            self.look_for(hardware)?;
            let until = self.now() + PATIENCE / 4;
            while let Some(heard) = self.next(until)? {
                if Sought::Whereabouts.is_met_by(&heard, self.setup.board) {
                    self.board = Some(heard.from);
                    self.found(Symptom::BroadcastLost);
                    self.meet()?;
                    return Ok(true);
                }
            }
        }
        self.found(match sent {
            0 => Symptom::Dead,
            sent => Symptom::Deaf { sent },
        });
        Ok(false)
    }

    /// Asks for the board's address, over either version.
    fn look_for(&mut self, to: EthernetAddress) -> Result<(), Stop> {
        match self.whereabouts(to) {
            Some(frame) => self.send(&frame),
            None => Ok(()),
        }
    }

    /// An echo over IPv6 to everybody on the link.
    fn all_nodes(&mut self) -> Vec<u8> {
        let ends = Ends {
            from: self.own6.into(),
            to: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
        };
        let hop = Hop {
            to: EthernetAddress([0x33, 0x33, 0, 0, 0, 1]),
            ..self.hop()
        };
        let icmp = craft::echo(ends, false, self.fresh(), 1, b"who is there?");
        craft::ip(hop, ends, craft::icmp_of(ends), 1, &icmp)
    }

    /// Asks whether it answers echoes, and whether it has an address of IPv6 on the link.
    fn meet(&mut self) -> Result<(), Stop> {
        let (frame, wanted) = self.ping(b"are you there");
        let answer = self.ask(&frame, |heard| heard.is_reply_to(wanted))?;
        self.echoes = Some(answer.is_some());
        if answer.is_none() {
            self.found(match self.watch().cut {
                0 => Symptom::NoEcho,
                _ => Symptom::WrongLength,
            });
        }
        if self.board6.is_some() {
            self.echoes6 = self.echoes;
            return Ok(());
        }
        let Some(hardware) = self.board else {
            return Ok(());
        };
        let guess = on_link(hardware);
        // To the board alone: whether groups reach it is for a check to say.
        let frame = self.solicitation(guess, hardware);
        let is_it =
            |heard: &Heard| matches!(heard.said, Said::Advert { target, .. } if target == guess);
        for _ in 0..2 {
            self.send(&frame)?;
            let until = self.now() + PATIENCE / 4;
            while let Some(heard) = self.next(until)? {
                if is_it(&heard) {
                    self.board6 = Some(guess);
                    return self.meet_over_ip6();
                }
            }
        }
        Ok(())
    }

    /// Asks whether it answers echoes over IPv6 as well.
    fn meet_over_ip6(&mut self) -> Result<(), Stop> {
        self.over_ip6(true);
        let (frame, wanted) = self.ping(b"are you there");
        let answer = self.ask(&frame, |heard| heard.is_reply_to(wanted));
        self.over_ip6(false);
        self.echoes6 = Some(answer?.is_some());
        Ok(())
    }
}
