//! One run: a stack, and what is broken of it or its cable, if anything is.

use greet_breakages::table::Breakage;

use crate::cable::Kind;
use crate::stack::Stack;

#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub stack: &'a Stack,
    pub broken: Option<&'a Breakage>,
}

impl Run<'_> {
    /// What its reports are called.
    pub fn name(&self) -> String {
        match self.broken {
            None => self.stack.name.clone(),
            Some(broken) => format!("{}.{}", self.stack.name, broken.name),
        }
    }

    /// The address of a host with packets in its own hand, beside the prober on the same cable. A cable
    /// without Ethernet has none, and a broken one is asked over sockets alone.
    pub fn second_host(&self) -> Option<String> {
        let Stack { near, cable, .. } = self.stack;
        let [a, b, c, d] = near.octets();
        let is_asked = *cable != Kind::Tun && self.broken.is_none();
        is_asked.then(|| format!("{a}.{b}.{c}.{}/24", d ^ 8))
    }

    /// Whether this can be done to this stack.
    pub fn is_possible(&self) -> bool {
        self.broken.is_none_or(|broken| {
            let server = broken.server.is_none() || self.stack.breaks_itself;
            server && self.stack.cable != Kind::Tun
        })
    }
}
