//! Segments by chance: none stops the host, whatever is wrong with it, unless that is what is wrong.

use super::talker::{ACK, FIN, MS, RST, SECOND, SYN, Talker, says};
use greet_responder::fault::Fault;

/// So many segments in a run.
const SEGMENTS: u32 = 400;

/// Numbers by chance: xorshift.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 >> 32).expect("the upper half") % below
    }
}

/// Says things by chance, most of them near what is expected.
fn babbled(seed: u64, fault: Option<Fault>) -> Talker {
    let mut talker = Talker::new(fault);
    if seed.is_multiple_of(2) {
        talker.take_v6();
    }
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    // Numbers of both sides wrap now and then.
    talker.isn = u32::MAX - chance.next(3000);
    for _ in 0..SEGMENTS {
        let flags = match chance.next(20) {
            0..=8 => ACK,
            9..=12 => ACK | FIN,
            13..=15 => SYN,
            16 => RST,
            _ => u8::try_from(chance.next(256)).expect("a byte"),
        };
        let seq = match chance.next(4) {
            0 => 1,
            1 => chance.next(20),
            2 => chance.next(20_000).wrapping_sub(5000),
            _ => 0,
        };
        let ack = match chance.next(4) {
            0 => talker.heard,
            1 => chance.next(2000).wrapping_sub(100),
            _ => 1,
        };
        let len = match chance.next(4) {
            0 => chance.next(1400),
            1 => chance.next(10),
            _ => 0,
        };
        let mut segment = says(flags, seq, ack, &vec![b'x'; len as usize]);
        segment.window = match chance.next(3) {
            0 => 0,
            1 => u16::try_from(chance.next(100)).expect("small"),
            _ => 60_000,
        };
        segment.to = if chance.next(4) == 0 { 8002 } else { 8000 };
        segment.urgent = u16::try_from(chance.next(8)).expect("small");
        let options = chance.next(3) * 4;
        segment.options = (0..options)
            .map(|_| u8::try_from(chance.next(9)).expect("small"))
            .collect();
        talker.port = 50_000 + u16::try_from(chance.next(5)).expect("small");
        talker.say(&segment);
        talker.wait(MS * chance.next(1500));
    }
    talker
}

#[test]
fn whatever_comes_the_host_greets_afterwards() {
    for seed in 0..50 {
        let mut talker = babbled(seed, None);
        talker.wait(300 * SECOND);
        let before = talker.frames.len();
        talker.port = 60_000;
        talker.connect(65_000, &[]);
        talker.say(&says(ACK | FIN, 1, 1, b"Ada"));
        assert_eq!(talker.frames.len(), before + 2, "seed {seed}");
        let (_, reply) = talker.frames.last().expect("a reply");
        let greets = reply.windows(10).any(|part| part == b"Hello, Ada");
        assert!(greets, "seed {seed}: {:?}", talker.lines.last());
    }
}

#[test]
fn no_fault_makes_its_code_panic() {
    for (at, (_, fault)) in (0..).zip(Fault::ALL) {
        babbled(at, Some(fault));
    }
}
