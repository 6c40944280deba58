//! The one place where a machine meets a transport: bytes move until neither side can go on.
//!
//! Every server and client, polled or event-driven, on every stack, calls this function.

use core::task::Poll;

use embedded_io::{Error, ErrorKind};

use crate::machine::{Machine, Want};
use crate::time::Instant;
use crate::transport::{Sent, Stream};

/// So often bytes move in one call at most, so that nobody waits for a peer that never rests.
const BUDGET: u32 = 16;

/// Carries bytes between a machine and its stream as far as both go at `now`, and says whether
/// there is more to do at once.
///
/// If there is, call it again soon, but let others have their turn; bytes that wait may never make
/// the stream ready again. Else call it again when the stream may be ready, and when the machine
/// is [due](Machine::due) at the latest. Once there is an [outcome](Machine::outcome), release or
/// drop the stream. A machine that [resets](Machine::resets) has its stream
/// [aborted](Stream::abort) here.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub fn drive<M: Machine, S: Stream>(machine: &mut M, stream: &mut S, now: Instant) -> bool {
    let mut budget = BUDGET;
    loop {
        let want = machine.want();
        if want == Want::Done {
            if machine.resets() {
                stream.abort();
            }
            return false;
        }
        if budget == 0 {
            return true;
        }
        budget -= 1;
        if want.writes() && write(machine, stream, now)
            || want.reads() && read(machine, stream, now)
        {
            continue;
        }
        machine.timeout(now);
        if machine.want() == want {
            return false;
        }
    }
}

/// Sends, and says whether anything came of it.
#[inline]
fn write<M: Machine, S: Stream>(machine: &mut M, stream: &mut S, now: Instant) -> bool {
    let bytes = machine.transmit();
    let some = !bytes.is_empty();
    let sent = if machine.fin_follows() {
        stream.send_last(bytes)
    } else if some {
        stream
            .send(bytes)
            .map_ok(|bytes| Sent { bytes, fin: false })
    } else {
        return false;
    };
    match sent {
        Poll::Ready(Ok(Sent {
            bytes: 0,
            fin: false,
        })) => machine.lost(ErrorKind::WriteZero),
        Poll::Ready(Ok(Sent { bytes, fin })) => {
            machine.transmitted(bytes, now);
            if fin {
                machine.finished(now);
            }
        }
        Poll::Ready(Err(error)) => machine.lost(error.kind()),
        Poll::Pending => return false,
    }
    true
}

/// Receives, and says whether anything came of it.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn read<M: Machine, S: Stream>(machine: &mut M, stream: &mut S, now: Instant) -> bool {
    let space = machine.space();
    let room = space.len();
    if room == 0 {
        return false;
    }
    let came = match stream.receive(space) {
        Poll::Ready(Ok(0)) => {
            machine.received_fin(now);
            return true;
        }
        Poll::Ready(Ok(n)) => {
            machine.received(n, now);
            if !S::TAKES_ALL || n == room {
                return true;
            }
            true
        }
        Poll::Ready(Err(error)) => {
            machine.lost(error.kind());
            return true;
        }
        Poll::Pending => false,
    };
    let before = machine.want();
    machine.quiet(now, |len| stream.in_one_segment(len));
    came || machine.want() != before
}
