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

    /// Whether this can be done to this stack.
    pub fn is_possible(&self) -> bool {
        self.broken.is_none_or(|broken| {
            let server = broken.server.is_none() || self.stack.breaks_itself;
            server && self.stack.cable != Kind::Tun
        })
    }
}
