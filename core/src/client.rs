//! A polled client: one [`Request`] over one [`Stream`].
//!
//! Connecting is the transport's business; a stream that is still at it is merely not ready.

use core::task::Poll;
use core::time::Duration;

use crate::drive;
use crate::request::{Answer, Request, RequestError};
use crate::text::Text;
use crate::transport::Stream;

/// Asks one server for one greeting.
///
/// All memory is in here, about 1.1 KiB.
#[derive(Debug)]
pub struct Client<'a> {
    request: Request<'a>,
}

impl<'a> Client<'a> {
    /// How long a client waits for its whole reply by default.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// A client that sends `name` from `now` on, and gives up after `timeout`.
    pub const fn new(name: Text<'a>, now: Duration, timeout: Duration) -> Self {
        Self {
            request: Request::new(name, now, timeout),
        }
    }

    /// Does all that can be done at `now`: sends, receives, and returns the answer once it is
    /// there.
    ///
    /// Call it again whenever the stream may be ready, and at [`next_poll`](Self::next_poll) at the
    /// latest. After the answer, it returns the same answer again and leaves the stream alone.
    ///
    /// # Errors
    ///
    /// A [`RequestError`] says whose fault it is that there is no answer. The stream is of no use
    /// then.
    pub fn poll<S: Stream>(
        &mut self,
        stream: &mut S,
        now: Duration,
    ) -> Poll<Result<Answer<'_>, RequestError>> {
        drive::request(&mut self.request, stream, now);
        match self.request.answer() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }

    /// When to call [`poll`](Self::poll) at the latest. `None`: there is an answer.
    #[must_use]
    pub fn next_poll(&self) -> Option<Duration> {
        self.request.timeout()
    }

    /// The bytes received so far, whatever they are.
    pub fn reply(&self) -> &[u8] {
        self.request.reply()
    }
}
