//! One run: a stack, and what is broken of it or its cable, if anything is.

use greet_breakages::table::Breakage;

use crate::cable::Kind;
use crate::probe::Tier;
use crate::stack::Stack;

#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub stack: &'a Stack,
    pub broken: Option<&'a Breakage>,
    /// Which of several times this is.
    pub time: u32,
    /// How alone it is asked; `None`: in every way that there is.
    pub tier: Option<Tier>,
    /// Whether what takes minutes is asked with raw packets.
    pub is_patient: bool,
}

impl Run<'_> {
    /// What its reports are called.
    pub fn name(&self) -> String {
        let name = match self.broken {
            None => self.stack.name.clone(),
            Some(broken) => format!("{}.{}", self.stack.name, broken.name),
        };
        match self.time {
            0 => name,
            time => format!("{name}.{time}"),
        }
    }

    /// The address of a host with packets in its own hand, beside the prober on the same cable. A cable
    /// without Ethernet has none.
    pub fn second_host(&self) -> Option<String> {
        let Stack { near, cable, .. } = self.stack;
        let [a, b, c, d] = near.octets();
        (*cable != Kind::Tun).then(|| format!("{a}.{b}.{c}.{}/24", d ^ 8))
    }

    /// How it is asked. On a broken cable the second host sends raw frames alone unless it is told otherwise: what a
    /// server's checks come to there, those over sockets say.
    pub fn tiers(&self) -> impl Iterator<Item = Tier> {
        let by_frames = if self.broken.is_some() && self.tier != Some(Tier::Wire) {
            Tier::Frames
        } else {
            Tier::Wire
        };
        let by_frames = self.second_host().map(|_| by_frames);
        let wanted = self.tier;
        let all = [Some(Tier::Sockets), by_frames].into_iter().flatten();
        all.filter(move |tier| wanted.is_none_or(|wanted| wanted == *tier))
    }

    /// Whether this can be done to this stack.
    pub fn is_possible(&self) -> bool {
        self.broken.is_none_or(|broken| {
            let server = broken.server.is_none() || self.stack.breaks_itself;
            server && self.stack.cable != Kind::Tun
        })
    }
}
