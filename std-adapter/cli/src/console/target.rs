//! stdout and stderr as the system has them: one write, and what its error means.
//!
//! The standard library's own handles aren't used on Unix: after an error they don't tell how much
//! was written, and they panic or wait where this program must go on.

use std::io;
use std::time::Duration;

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Out,
    Err,
}

/// What became of one write.
pub enum Written {
    Some(usize),
    /// It takes no more for now; [`Target::wait`] says when to try again.
    NotNow,
    /// Its reader went away, and wanted no more.
    Gone,
    /// Anything else. It may pass: a disk that is full is freed.
    Failed(io::Error),
}

impl Target {
    /// Writes once: a part of it, maybe. May block.
    pub fn write(self, bytes: &[u8]) -> Written {
        loop {
            match self.write_once(bytes) {
                Ok(0) if !bytes.is_empty() => {
                    return Written::Failed(io::ErrorKind::WriteZero.into());
                }
                Ok(count) => return Written::Some(count),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Written::NotNow,
                    io::ErrorKind::BrokenPipe => return Written::Gone,
                    _ => return Written::Failed(error),
                },
            }
        }
    }

    /// How messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

#[cfg(unix)]
impl Target {
    fn write_once(self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.descriptor(), bytes)?)
    }

    /// Waits until it takes more, for so long at most.
    pub fn wait(self, at_most: Duration) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let descriptor = self.descriptor();
        let timeout = Timespec::try_from(at_most).ok();
        // Where the system can't wait, the next write says what is wrong.
        let _ = poll(
            &mut [PollFd::new(&descriptor, PollFlags::OUT)],
            timeout.as_ref(),
        );
    }

    /// Whether its reader went away, as far as the system says so before a write. A terminal has none: writes to one
    /// that was closed fail.
    pub fn is_unread(self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use rustix::fs::FileType;
        let descriptor = self.descriptor();
        let kind = rustix::fs::fstat(descriptor);
        let kind = kind.map(|is| FileType::from_raw_mode(is.st_mode));
        if !matches!(kind, Ok(FileType::Fifo | FileType::Socket)) {
            return false;
        }
        // macOS answers for what it is asked alone.
        let mut asked = [PollFd::new(&descriptor, PollFlags::OUT)];
        poll(&mut asked, Some(&Timespec::default())).is_ok_and(|_| {
            let [asked] = asked;
            asked.revents().intersects(PollFlags::ERR | PollFlags::HUP)
        })
    }

    fn descriptor(self) -> rustix::fd::BorrowedFd<'static> {
        match self {
            Self::Out => rustix::stdio::stdout(),
            Self::Err => rustix::stdio::stderr(),
        }
    }
}

/// Windows's consoles want another encoding, which the standard library knows.
#[cfg(not(unix))]
impl Target {
    fn write_once(self, bytes: &[u8]) -> io::Result<usize> {
        use io::Write;
        fn all(mut stream: impl Write, bytes: &[u8]) -> io::Result<usize> {
            stream.write_all(bytes)?;
            stream.flush()?;
            Ok(bytes.len())
        }
        match self {
            Self::Out => all(io::stdout(), bytes),
            Self::Err => all(io::stderr(), bytes),
        }
    }

    /// Only a write tells.
    #[expect(clippy::unused_self, reason = "elsewhere it asks the stream")]
    pub fn is_unread(self) -> bool {
        false
    }

    /// Waits a little: there is no pipe here that doesn't block.
    #[expect(clippy::unused_self, reason = "elsewhere it waits for the stream")]
    pub fn wait(self, at_most: Duration) {
        std::thread::sleep(at_most);
    }
}
