//! Any `embedded_io` reader and writer carries a greeting, through the wrappers.

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use greet_core::drive::drive;
use greet_core::error::Abandonment;
use greet_core::exchange::{Exchange, Outcome};
use greet_core::limits::Limits;
use greet_core::machine::{Machine, Want};
use greet_core::request::{Answer, Request};
use greet_core::text::Text;
use greet_core::time::Instant;
use greet_core::transport::{Blocking, NonBlocking, Stream};

const NOW: Instant = Instant::START;

/// A serial line, as a driver of one would look: what comes in is a script, what goes out is kept.
struct Line {
    script: Vec<Comes>,
    written: Vec<u8>,
    /// So many bytes are taken at once; 0: it isn't ready to write.
    room: usize,
    flushed: usize,
    interrupted: bool,
    /// The next write waits in vain.
    is_full: bool,
}

enum Comes {
    Bytes(&'static [u8]),
    /// Nothing yet: not ready to read, once.
    Nothing,
    Eof,
    Fault(ErrorKind),
}

impl Line {
    /// Plays the script from its end.
    fn new(mut script: Vec<Comes>) -> Self {
        script.reverse();
        Self {
            script,
            written: Vec::new(),
            room: 5,
            flushed: 0,
            interrupted: false,
            is_full: false,
        }
    }

    /// Each call is interrupted by a signal first.
    fn interrupt(&mut self) -> Result<(), ErrorKind> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(ErrorKind::Interrupted);
        }
        Ok(())
    }
}

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        self.interrupt()?;
        match self.script.pop() {
            Some(Comes::Bytes(bytes)) => {
                buffer[..bytes.len()].copy_from_slice(bytes);
                Ok(bytes.len())
            }
            Some(Comes::Eof) => Ok(0),
            Some(Comes::Fault(kind)) => Err(kind),
            Some(Comes::Nothing) | None => panic!("this read would block for ever"),
        }
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        self.interrupt()?;
        if let Some(Comes::Nothing) = self.script.last() {
            self.script.pop();
            return Ok(false);
        }
        Ok(!self.script.is_empty())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.interrupt()?;
        if std::mem::take(&mut self.is_full) {
            return Err(ErrorKind::TimedOut);
        }
        assert!(bytes.is_empty() || self.room > 0, "this write would block");
        let n = bytes.len().min(self.room);
        self.written.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.interrupt()?;
        self.flushed += 1;
        Ok(())
    }
}

impl WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        self.interrupt()?;
        Ok(self.room > 0)
    }
}

fn serve(stream: &mut impl Stream) -> Option<Outcome> {
    let mut exchange = Exchange::new(NOW, Limits::DEFAULT);
    assert!(!drive(&mut exchange, stream, NOW));
    // A name that may go on is complete once it has settled.
    assert!(!drive(
        &mut exchange,
        stream,
        NOW + Limits::DEFAULT.settle()
    ));
    exchange.outcome()
}

#[test]
fn a_blocking_stream_serves_a_client_that_half_closes() {
    let script = vec![Comes::Bytes(b"Wor"), Comes::Bytes(b"ld"), Comes::Eof];
    let mut stream = Blocking(Line::new(script));
    let outcome = serve(&mut stream);
    assert_eq!(outcome, Some(Outcome::Greeted));
    assert_eq!(stream.0.written, b"Hello, World");
    assert_eq!(stream.0.flushed, 1);
}

#[test]
fn a_blocking_stream_that_waits_in_vain_is_only_not_ready() {
    let script = vec![
        Comes::Fault(ErrorKind::TimedOut),
        Comes::Bytes(b"World"),
        Comes::Fault(ErrorKind::TimedOut),
        Comes::Fault(ErrorKind::TimedOut),
    ];
    let mut stream = Blocking(Line::new(script));
    stream.0.is_full = true;
    let mut exchange = Exchange::new(NOW, Limits::DEFAULT);
    let settled = NOW + Limits::DEFAULT.settle();
    for (now, want) in [
        (NOW, Want::Read),
        (NOW, Want::Read),
        (settled, Want::Write),
        (settled, Want::Done),
    ] {
        assert!(!drive(&mut exchange, &mut stream, now));
        assert_eq!(exchange.want(), want);
    }
    assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
    assert_eq!(stream.0.written, b"Hello, World");
}

#[test]
fn a_blocking_stream_carries_a_request() {
    let script = vec![Comes::Bytes(b"Hello, "), Comes::Bytes(b"World"), Comes::Eof];
    let mut stream = Blocking(Line::new(script));
    let mut request = Request::new(Text::new("World").expect("short"), Instant::NEVER);
    assert!(!drive(&mut request, &mut stream, NOW));
    assert_eq!(request.answer(), Some(Ok(Answer::Greeted)));
    assert_eq!(stream.0.written, b"World");
    assert_eq!(stream.0.flushed, 1);
}

#[test]
fn a_non_blocking_stream_serves_a_client_that_only_goes_quiet() {
    let script = vec![Comes::Bytes(b"World"), Comes::Nothing];
    let mut stream = NonBlocking(Line::new(script));
    let outcome = serve(&mut stream);
    assert_eq!(outcome, Some(Outcome::Greeted));
    assert_eq!(stream.0.written, b"Hello, World");
    assert_eq!(stream.0.flushed, 1);
}

#[test]
fn a_non_blocking_stream_waits_for_either_side() {
    let script = vec![Comes::Nothing, Comes::Bytes(b"World")];
    let mut stream = NonBlocking(Line::new(script));
    stream.0.room = 0;
    let mut exchange = Exchange::new(NOW, Limits::DEFAULT);
    let settled = NOW + Limits::DEFAULT.settle();
    for (now, want) in [(NOW, Want::Read), (NOW, Want::Read), (settled, Want::Write)] {
        assert!(!drive(&mut exchange, &mut stream, now));
        assert_eq!(exchange.want(), want);
        assert_eq!(stream.0.written, b"");
    }
    stream.0.room = 100;
    assert!(!drive(&mut exchange, &mut stream, settled));
    assert_eq!(exchange.outcome(), Some(Outcome::Greeted));
    assert_eq!(stream.0.written, b"Hello, World");
}

#[test]
fn a_fault_is_classified() {
    let fault = || vec![Comes::Bytes(b"W"), Comes::Fault(ErrorKind::NotConnected)];
    let lost = Abandonment::Connection(ErrorKind::NotConnected);
    let lost = Some(Outcome::Abandoned(lost));
    assert_eq!(serve(&mut Blocking(Line::new(fault()))), lost);
    assert_eq!(serve(&mut NonBlocking(Line::new(fault()))), lost);
}
