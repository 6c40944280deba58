//! However its replies are cut on their way, and whenever names are given and replies taken, the outcome is
//! what the bytes deserve, as a reference of a few lines has it.

use core::time::Duration;

use embedded_io::ErrorKind;
use greet_core::limits::Limits;
use greet_core::lines::{self, Lines};
use greet_core::machine::{Machine, Service, Want};
use greet_core::pipeline::{End, Outcome, Pipeline, QueueError};
use greet_core::request::RequestError;
use greet_core::time::Instant;
use proptest::prelude::*;

use crate::{START, TIMEOUT, come, leave, text};

/// What these bytes and FIN deserve, once all names have left: the outcome, and the sentence of a
/// refusal.
fn deserved(names: &[String], open_end: bool, mut bytes: &[u8]) -> (Outcome, Option<String>) {
    let mut answered = 0;
    let end = loop {
        let index = usize::try_from(answered).expect("few");
        let Some(name) = names.get(index) else {
            if bytes.is_empty() {
                break End::Answered;
            }
            break unexpected(bytes, 0);
        };
        let is_last = open_end && index + 1 == names.len();
        let greeting = format!("Hello, {name}{}", if is_last { "" } else { "\n" });
        let same = common(bytes, greeting.as_bytes());
        if same < greeting.len() {
            break unexpected(bytes, same);
        }
        if is_last && same < bytes.len() {
            break End::Failed(RequestError::WrongReply { at: same });
        }
        bytes = &bytes[same..];
        answered += 1;
    };
    let sentence = (end == End::Refused).then(|| {
        let line = bytes.split(|byte| *byte == b'\n').next().expect("a line");
        let line = str::from_utf8(line).expect("a refusal");
        line.strip_prefix("Error: ").expect("a refusal").to_owned()
    });
    (Outcome { answered, end }, sentence)
}

/// What bytes are that differ from a greeting after `same` of them.
fn unexpected(bytes: &[u8], same: usize) -> End {
    let line = bytes.iter().position(|byte| *byte == b'\n');
    match line {
        Some(at)
            if at < 1031
                && bytes.starts_with(b"Error: ")
                && str::from_utf8(&bytes[..at]).is_ok() =>
        {
            End::Refused
        }
        _ if same == bytes.len() => End::Failed(RequestError::CutShort { after: same }),
        _ => End::Failed(RequestError::WrongReply { at: same }),
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cuts_change_no_outcome(
        names in proptest::collection::vec(name(), 0..20),
        open_end in any::<bool>(),
        fault in fault(),
        pieces in proptest::collection::vec(size(), 1..6),
        takes in proptest::collection::vec(0..4_usize, 1..4),
    ) {
        let mut pipeline = Pipeline::<32768>::new(TIMEOUT);
        let open_end = open_end && names.last().is_some_and(|name| !name.is_empty());
        for (name, left) in names.iter().zip((0..names.len()).rev()) {
            if open_end && left == 0 {
                pipeline.queue_last(text(name)).expect("room");
            } else {
                pipeline.queue(text(name)).expect("room");
            }
        }
        pipeline.end_names();
        let mut expected_names = names.join("\n");
        if !open_end && !names.is_empty() {
            expected_names.push('\n');
        }
        prop_assert_eq!(leave(&mut pipeline, START), expected_names.into_bytes());
        prop_assert_eq!(pipeline.want(), Want::Read);

        let mut bytes: Vec<u8> = names.iter().flat_map(|name| format!("Hello, {name}\n").into_bytes()).collect();
        if open_end {
            bytes.pop();
        }
        fault.apply(&mut bytes);
        let mut left = &bytes[..];
        let mut taken = Vec::new();
        let mut turns = pieces.iter().cycle().zip(takes.iter().cycle());
        while pipeline.outcome().is_none() {
            prop_assert_ne!(pipeline.due(), Instant::NEVER, "it waits for ever");
            let (piece, takes) = turns.next().expect("it goes round");
            if left.is_empty() {
                pipeline.received_fin(START);
                break;
            }
            left = &left[come(&mut pipeline, &left[..left.len().min(*piece)], START)..];
            for _ in 0..*takes {
                taken.extend(pipeline.next_reply().map(<[u8]>::to_vec));
            }
        }
        while let Some(reply) = pipeline.next_reply() {
            taken.push(reply.to_vec());
        }
        let (outcome, sentence) = deserved(&names, open_end, &bytes);
        prop_assert_eq!(pipeline.outcome(), Some(outcome));
        prop_assert_eq!(pipeline.refusal(), sentence.as_deref());
        let answered = usize::try_from(outcome.answered).expect("few");
        let expected: Vec<_> = names[..answered].iter().map(|name| format!("Hello, {name}").into_bytes()).collect();
        prop_assert_eq!(taken, expected);
        prop_assert_eq!((pipeline.want(), pipeline.due()), (Want::Done, Instant::NEVER));
    }

}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Ours against ours, over wires of any room, with small buffers that go round and fill up.
    #[test]
    fn our_server_answers_it(
        names in proptest::collection::vec(name(), 1..60),
        depth in 0..20_u32,
        sizes in proptest::collection::vec(size(), 1..6),
        takes in proptest::collection::vec(0..4_usize, 1..4),
    ) {
        prop_assume!(takes.iter().any(|takes| *takes > 0));
        let mut pipeline = Pipeline::<1032>::new(TIMEOUT).with_depth(depth);
        let mut server = Lines::VACANT;
        server.begin(START, &Limits::DEFAULT);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        let (mut up_fin, mut down_fin) = (false, false);
        let mut given = names.iter().peekable();
        let mut taken = Vec::new();
        let mut sizes = sizes.iter().cycle();
        let mut takes = takes.iter().cycle();
        while pipeline.outcome().is_none() || server.outcome().is_none() {
            while let Some(name) = given.peek() {
                if pipeline.queue(text(name)) == Err(QueueError::Full) {
                    break;
                }
                given.next();
            }
            prop_assert!(pipeline.in_flight() <= depth.max(1));
            if given.peek().is_none() {
                pipeline.end_names();
            }
            for _ in 0..*takes.next().expect("it goes round") {
                taken.extend(pipeline.next_reply().map(<[u8]>::to_vec));
            }
            for _ in 0..3 {
                let mut size = || *sizes.next().expect("it goes round");
                carry(&mut pipeline, &mut up, &mut down, &mut up_fin, &mut down_fin, [size(), size()]);
                carry(&mut server, &mut down, &mut up, &mut down_fin, &mut up_fin, [size(), size()]);
            }
        }
        while let Some(reply) = pipeline.next_reply() {
            taken.push(reply.to_vec());
        }
        let count = u64::try_from(names.len()).expect("few");
        prop_assert_eq!(pipeline.outcome(), Some(Outcome { answered: count, end: End::Answered }));
        prop_assert_eq!(server.outcome().map(|outcome| outcome.end), Some(lines::End::Finished));
        let expected: Vec<_> = names.iter().map(|name| format!("Hello, {name}").into_bytes()).collect();
        prop_assert_eq!(taken, expected);
    }

}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_call_panics_and_time_ends_it(calls in proptest::collection::vec(any::<(u8, u16, u32)>(), 0..60)) {
        let mut pipeline = Pipeline::<1032>::new(TIMEOUT);
        let mut now = START;
        let mut end = None;
        for (call, n, micros) in calls {
            now += Duration::from_micros(micros.into());
            let n = usize::from(n);
            match call % 12 {
                0 => _ = pipeline.queue(text(&"a".repeat(n % 1025))),
                1 => _ = pipeline.queue_last(text(&"b".repeat(n % 1025))),
                2 => {
                    let reply = format!("Hello, {}\n", "a".repeat(n % 1025));
                    come(&mut pipeline, reply.as_bytes(), now);
                }
                3 => _ = come(&mut pipeline, b"Error: it is late\n", now),
                4 => pipeline.received(n, now),
                5 => pipeline.transmitted(n, now),
                6 => pipeline.finished(now),
                7 => pipeline.timeout(now),
                8 => _ = pipeline.next_reply(),
                9 if call > 200 => pipeline.received_fin(now),
                10 if call > 200 => pipeline.lost(ErrorKind::Other),
                11 => pipeline.end_names(),
                _ => _ = leave(&mut pipeline, now),
            }
            let outcome = pipeline.outcome();
            prop_assert_eq!(outcome.is_some(), pipeline.want() == Want::Done);
            if end.is_some() {
                prop_assert_eq!(outcome, end, "the outcome changed");
            }
            end = outcome;
            prop_assert_eq!(pipeline.refusal().is_some(), outcome.is_some_and(|o| o.end == End::Refused));
        }
        pipeline.end_names();
        while pipeline.next_reply().is_some() {}
        for _ in 0..2 {
            pipeline.timeout(Instant::NEVER); // the first may be the start of its time
        }
        prop_assert_eq!(pipeline.want(), Want::Done);
    }
}

/// Moves bytes of one side: out of it, and into it.
fn carry<M: Machine>(
    machine: &mut M,
    out: &mut Vec<u8>,
    into: &mut Vec<u8>,
    out_fin: &mut bool,
    in_fin: &mut bool,
    [send, receive]: [usize; 2],
) {
    if machine.want().writes() {
        let left = machine.transmit();
        let n = left
            .len()
            .min(send)
            .min(1500_usize.saturating_sub(out.len()));
        let all = n == left.len();
        let fin = machine.fin_follows() && all;
        out.extend_from_slice(&left[..n]);
        machine.transmitted(n, START);
        if fin {
            machine.finished(START);
            *out_fin = true;
        }
    }
    if machine.want().reads() {
        let space = machine.space();
        let n = space.len().min(receive).min(into.len());
        space[..n].copy_from_slice(&into[..n]);
        into.drain(..n);
        if n > 0 {
            machine.received(n, START);
        } else if into.is_empty() && *in_fin {
            machine.received_fin(START);
        }
    }
    machine.timeout(START);
}

/// What a server may do to the replies.
#[derive(Clone, Debug)]
enum Fault {
    Nothing,
    Cut(usize),
    Flip(usize),
    Put(usize, &'static [u8]),
    Long(usize),
}

impl Fault {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |at: usize, len: usize| at % (len + 1);
        match *self {
            Self::Nothing => {}
            Self::Cut(n) => bytes.truncate(at(n, bytes.len())),
            Self::Flip(n) => {
                if let Some(byte) = bytes.get_mut(n % 100_000) {
                    *byte ^= 1;
                }
            }
            Self::Put(n, what) => {
                // Most often where a reply begins.
                let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                let ends: Vec<_> = ends.map(|(at, _)| at + 1).collect();
                let at = ends
                    .get(n % (ends.len() + 1))
                    .copied()
                    .unwrap_or(at(n, bytes.len()));
                bytes.splice(at..at, what.iter().copied());
            }
            Self::Long(n) => {
                let at = at(n % 3 * 1000, bytes.len());
                let line = format!("Error: {}\n", "x".repeat(1020 + n % 6));
                bytes.splice(at..at, line.bytes());
            }
        }
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    let put = prop_oneof![
        Just(&b"Error: name is not UTF-8 at byte 3\n"[..]),
        Just(&b"Error: \xff\n"[..]),
        Just(&b"Error:"[..]),
        Just(&b"Err"[..]),
        Just(&b"Hello, "[..]),
        Just(&b"\n"[..]),
    ];
    prop_oneof![
        Just(Fault::Nothing),
        any::<usize>().prop_map(Fault::Cut),
        (0..400_usize).prop_map(Fault::Flip),
        (any::<usize>(), put).prop_map(|(at, what)| Fault::Put(at, what)),
        any::<usize>().prop_map(Fault::Long),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let unit = prop_oneof![4 => Just("a"), 1 => Just("é"), 1 => Just("世"), 1 => Just("a\r")];
    let length = prop_oneof![8 => 0..20_usize, 1 => 0..1024_usize, 1 => 1020..1024_usize];
    (unit, length).prop_map(|(unit, length)| unit.repeat(length / unit.len()))
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 1..20_usize, 1..2500_usize]
}
