//! A capture that tcpdump or Wireshark wrote, to be seen again: pcap and pcapng
//! (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng).

use core::time::Duration;
use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use greet_core::time::Instant;

use crate::error::Error;
use crate::frames::{Frames, Seen};

/// The frames of a file, in its own time: it goes on to the next frame as soon as somebody waits. What is
/// sent goes nowhere.
#[derive(Clone, Debug)]
pub struct Recorded {
    name: String,
    frames: VecDeque<(Duration, Vec<u8>)>,
    origin: Duration,
    now: Instant,
}

/// Ethernet, as files number it.
const ETHERNET: u16 = 1;

impl Recorded {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] or [`Error::NoCapture`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|cause| Error::Open {
            name: name.clone(),
            cause,
        })?;
        Self::read(&name, &bytes)
    }

    /// Reads what would be in a file. `name` stands in messages.
    ///
    /// # Errors
    ///
    /// [`Error::NoCapture`].
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let frames = match Numbers::of(bytes) {
            Some((numbers, Form::Classic { nanos })) => classic(bytes, numbers, nanos),
            Some((_, Form::Blocks)) => blocks(bytes),
            None => Err("it begins as none does"),
        };
        let frames = frames.map_err(|why| Error::NoCapture {
            name: name.to_owned(),
            why,
        })?;
        Ok(Self {
            name: name.to_owned(),
            origin: frames.front().map(|(at, _)| *at).unwrap_or_default(),
            frames,
            now: Instant::START,
        })
    }

    /// When the next frame comes.
    fn next(&self) -> Option<Instant> {
        let (at, _) = self.frames.front()?;
        Some(Instant::at(at.saturating_sub(self.origin)))
    }
}

impl Frames for Recorded {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn wait(&mut self, until: Instant) -> Result<(), Error> {
        let next = self.next().unwrap_or(until);
        self.now = self.now.max(next.min(until));
        Ok(())
    }

    fn send(&mut self, _frame: &[u8]) -> Result<bool, Error> {
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8]) -> Result<Option<Seen>, Error> {
        let Some(time) = self.next().filter(|next| *next <= self.now) else {
            return Ok(None);
        };
        let (_, frame) = self.frames.pop_front().unwrap_or_default();
        let mut len = 0;
        for (place, byte) in into.iter_mut().zip(frame) {
            *place = byte;
            len += 1;
        }
        Ok(Some(Seen::new(len, time)))
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn origin(&self) -> Duration {
        self.origin
    }
}

/// How a file begins.
enum Form {
    Classic { nanos: bool },
    Blocks,
}

/// In which order the bytes of a number stand.
#[derive(Clone, Copy)]
enum Numbers {
    Little,
    Big,
}

impl Numbers {
    fn of(bytes: &[u8]) -> Option<(Self, Form)> {
        let classic = |nanos| Form::Classic { nanos };
        Some(match bytes.first_chunk()? {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Self::Little, classic(false)),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Self::Big, classic(false)),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Self::Little, classic(true)),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Self::Big, classic(true)),
            [0x0a, 0x0d, 0x0d, 0x0a] => (Self::Little, Form::Blocks),
            _ => return None,
        })
    }

    fn long(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    fn short(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn len(self, bytes: &[u8], at: usize) -> Option<usize> {
        usize::try_from(self.long(bytes, at)?).ok()
    }
}

type Read = Result<VecDeque<(Duration, Vec<u8>)>, &'static str>;

const CUT: &str = "it is cut off";
const OTHER: &str = "it has frames that aren't Ethernet's";

fn classic(bytes: &[u8], numbers: Numbers, nanos: bool) -> Read {
    if numbers.long(bytes, 20).ok_or(CUT)? & 0xffff != u32::from(ETHERNET) {
        return Err(OTHER);
    }
    let mut frames = VecDeque::new();
    let mut rest = bytes.get(24..).ok_or(CUT)?;
    while !rest.is_empty() {
        let number = |at| numbers.long(rest, at).ok_or(CUT);
        let part = u64::from(number(4)?);
        let part = if nanos {
            Duration::from_nanos(part)
        } else {
            Duration::from_micros(part)
        };
        let at = Duration::from_secs(number(0)?.into()) + part;
        let len = numbers.len(rest, 8).ok_or(CUT)?;
        let frame = rest.get(16..).and_then(|rest| rest.get(..len)).ok_or(CUT)?;
        frames.push_back((at, frame.to_vec()));
        rest = rest.get(16 + len..).unwrap_or_default();
    }
    Ok(frames)
}

/// A section header, an interface, a simple and an enhanced packet; other blocks tell nothing of frames.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const SIMPLE: u32 = 3;
const ENHANCED: u32 = 6;

fn blocks(bytes: &[u8]) -> Read {
    let mut frames = VecDeque::new();
    let mut numbers = Numbers::Little;
    // Of each interface, how many units its times have in a second.
    let mut units: Vec<u64> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut kind = numbers.long(rest, 0).ok_or(CUT)?;
        if rest.starts_with(&SECTION.to_be_bytes()) {
            kind = SECTION;
            numbers = match rest.get(8..12).ok_or(CUT)? {
                [0x1a, ..] => Numbers::Big,
                _ => Numbers::Little,
            };
            units.clear();
        }
        let total = numbers.len(rest, 4).ok_or(CUT)?;
        let body = total.checked_sub(4).and_then(|end| rest.get(8..end));
        let body = body.ok_or(CUT)?;
        match kind {
            INTERFACE => {
                if numbers.short(body, 0) != Some(ETHERNET) {
                    return Err(OTHER);
                }
                units.push(units_of(body, numbers));
            }
            SIMPLE => return Err("it says of some frames not when they came"),
            ENHANCED => {
                let number = |at| numbers.long(body, at).ok_or(CUT);
                let interface = numbers.len(body, 0).ok_or(CUT)?;
                let units = *units.get(interface).ok_or("a frame is of no interface")?;
                let at = u64::from(number(4)?) << 32 | u64::from(number(8)?);
                let nanos = u128::from(at) * 1_000_000_000 / u128::from(units);
                let at = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                let len = numbers.len(body, 12).ok_or(CUT)?;
                let frame = body.get(20..).and_then(|body| body.get(..len)).ok_or(CUT)?;
                frames.push_back((at, frame.to_vec()));
            }
            _ => {}
        }
        rest = rest.get(total..).ok_or(CUT)?;
    }
    Ok(frames)
}

/// How many units the times of an interface have in a second: its option `if_tsresol`, or a million.
fn units_of(body: &[u8], numbers: Numbers) -> u64 {
    const RESOLUTION: u16 = 9;
    const MILLION: u64 = 1_000_000;
    let mut options = body.get(8..).unwrap_or_default();
    while let (Some(code), Some(len)) = (numbers.short(options, 0), numbers.short(options, 2)) {
        let len = usize::from(len);
        if code == RESOLUTION
            && let Some(resolution) = options.get(4)
        {
            let power = u32::from(resolution & 0x7f);
            let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
            return base.checked_pow(power).unwrap_or(MILLION);
        }
        options = options
            .get(4 + len.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    MILLION
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of two frames a millisecond and a half apart, as tcpdump writes it.
    fn classic_file(magic: u32) -> Vec<u8> {
        let long = |n: u32| n.to_le_bytes();
        let mut file = Vec::new();
        file.extend(long(magic));
        file.extend([long(0x0004_0002), long(0), long(0), long(65_535), long(1)].concat());
        file.extend([long(1_700_000_000), long(500), long(3), long(3)].concat());
        file.extend([1, 2, 3]);
        file.extend([long(1_700_000_000), long(2000), long(2), long(60)].concat());
        file.extend([4, 5]);
        file
    }

    fn all(mut recorded: Recorded) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        let mut room = [0; 2000];
        for _ in 0..100 {
            if let Some(seen) = recorded.receive(&mut room).expect("a file never fails") {
                all.push((seen.time.as_micros(), room[..seen.len].to_vec()));
            }
            recorded.wait(Instant::NEVER).expect("a file never fails");
        }
        all
    }

    #[test]
    fn frames_come_in_the_time_of_the_file() {
        let micros = Recorded::read("a file", &classic_file(0xa1b2_c3d4)).expect("it is one");
        assert_eq!(
            micros.origin(),
            Duration::from_micros(1_700_000_000_000_500)
        );
        assert_eq!(all(micros), [(0, vec![1, 2, 3]), (1500, vec![4, 5])]);
        let nanos = Recorded::read("a file", &classic_file(0xa1b2_3c4d)).expect("it is one");
        assert_eq!(all(nanos), [(0, vec![1, 2, 3]), (1, vec![4, 5])]);
    }

    /// Whatever is cut off or overwritten: an error, or fewer frames.
    #[test]
    fn a_broken_file_is_an_error() {
        use smoltcp::phy::Medium;
        use smoltcp_sim::{Packet, Tap, Trace};
        let mut trace = Trace::new(Medium::Ethernet);
        let [a, b] = ["a", "b"].map(|name| trace.add_host(name));
        trace.push(&Packet::new(
            a,
            b,
            smoltcp::time::Instant::from_micros(7),
            &[9; 61],
        ));
        let mut ours = Vec::new();
        trace
            .write_pcapng(Tap::Senders, &mut ours)
            .expect("a vector");
        let read = Recorded::read("ours", &ours).expect("it is one");
        assert_eq!(read.origin(), Duration::from_micros(7));
        assert_eq!(all(read), [(0, vec![9; 61])]);
        for whole in [classic_file(0xa1b2_c3d4), ours] {
            for end in 0..whole.len() {
                let _ = Recorded::read("cut", &whole[..end]);
            }
            for place in 0..whole.len() {
                for byte in [0, 1, 0x7f, 0xff] {
                    let mut file = whole.clone();
                    file[place] = byte;
                    let _ = Recorded::read("spoilt", &file);
                }
            }
        }
        let error = Recorded::read("x", b"GET / HTTP/1.1").expect_err("it is none");
        assert_eq!(error.to_string(), "x is no capture: it begins as none does");
    }
}
