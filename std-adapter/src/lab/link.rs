//! What this system's TCP saw of connections that are closed.
//!
//! Linux and macOS tell, of a socket that is still there: so one whose FIN isn't acknowledged yet is kept for a
//! while, or nobody would hear that it was sent again.

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
use std::collections::VecDeque;

use greet_core::probe::LinkCounters;
use mio::net::TcpStream;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
use super::info;

/// So many sockets are kept at most.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
const MOST: usize = 32;

/// What was seen.
#[derive(Debug)]
pub(super) struct Link {
    /// `None`: this system doesn't tell.
    seen: Option<LinkCounters>,
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    closing: VecDeque<Closing>,
}

/// A socket whose FIN is on its way.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[derive(Debug)]
struct Closing {
    socket: TcpStream,
    /// What was counted of it already.
    counted: LinkCounters,
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
impl Link {
    pub(super) fn new() -> Self {
        Self {
            seen: info::is_told().then(LinkCounters::default),
            closing: VecDeque::new(),
        }
    }

    /// Counts what a connection saw, and closes it. One that nothing comes on any more
    /// (`has_ended`) is kept until its FIN is acknowledged; that is as if it were closed.
    pub(super) fn close(&mut self, socket: TcpStream, has_own_mss: bool, has_ended: bool) {
        let Some(seen) = &mut self.seen else {
            return;
        };
        let Some(mut info) = info::of(&socket) else {
            return;
        };
        if has_own_mss {
            info.seen.mss = None;
        }
        seen.add(&info.seen);
        if has_ended && !info.is_closed && socket.shutdown(std::net::Shutdown::Write).is_ok() {
            let counted = info.seen;
            self.closing.push_back(Closing { socket, counted });
        }
    }

    /// What was seen since this was called last. What connections saw as they closed is told by the next call,
    /// so that it isn't taken for what others saw.
    pub(super) fn take(&mut self) -> Option<LinkCounters> {
        let taken = std::mem::take(self.seen.as_mut()?);
        self.let_go();
        Some(taken)
    }

    /// Closes those that are done, and gives back their ports.
    pub(super) fn let_go(&mut self) {
        let Some(seen) = &mut self.seen else {
            return;
        };
        let beyond = self.closing.len().saturating_sub(MOST);
        let mut number = 0;
        self.closing.retain(|closing| {
            number += 1;
            let Some(info) = info::of(&closing.socket) else {
                return false;
            };
            let stays = !info.is_closed && number > beyond;
            if !stays {
                let (last, first) = (info.seen, closing.counted);
                let mut more = LinkCounters::default();
                more.sent = last.sent.saturating_sub(first.sent);
                more.sent_again = last.sent_again.saturating_sub(first.sent_again);
                more.needless = last.needless.saturating_sub(first.needless);
                more.received = last.received.saturating_sub(first.received);
                seen.add(&more);
            }
            stays
        });
    }

    /// Gives up what is kept. `false`: nothing was.
    pub(super) fn release(&mut self) -> bool {
        let kept = !self.closing.is_empty();
        self.closing.clear();
        kept
    }
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
#[expect(clippy::unused_self, reason = "elsewhere sockets tell")]
impl Link {
    pub(super) fn new() -> Self {
        Self { seen: None }
    }

    pub(super) fn close(&mut self, _socket: TcpStream, _has_own_mss: bool, _has_ended: bool) {}

    pub(super) fn take(&mut self) -> Option<LinkCounters> {
        self.seen
    }

    pub(super) fn let_go(&mut self) {}

    pub(super) fn release(&mut self) -> bool {
        false
    }
}
