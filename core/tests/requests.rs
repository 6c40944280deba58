//! The client's side: any reply, however it is cut, gets the answer that it deserves.

use core::time::Duration;

use embedded_io::ErrorKind;
use greet_core::machine::{Machine, Want};
use greet_core::request::{Answer, Request, RequestError};
use greet_core::text::Text;
use greet_core::time::Instant;
use proptest::prelude::*;

const START: Instant = Instant::from_millis(9_000);
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a reply, up to FIN, deserves.
fn deserved<'a>(name: &str, reply: &'a [u8]) -> Result<Answer<'a>, RequestError> {
    let greeting = format!("Hello, {name}").into_bytes();
    let sentence = str::from_utf8(reply).ok().and_then(|text| {
        let sentence = text.strip_prefix("Error: ")?;
        sentence.strip_suffix('\n')
    });
    let same = reply.iter().zip(&greeting).take_while(|(a, b)| a == b);
    match (sentence, same.count()) {
        _ if reply == greeting => Ok(Answer::Greeted),
        (Some(sentence), _) => Ok(Answer::Refused(sentence)),
        (None, after) if after == reply.len() => Err(RequestError::CutShort { after }),
        (None, at) => Err(RequestError::WrongReply { at }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn cuts_change_no_answer(
        name in (0..1025_usize, any::<char>()).prop_map(|(len, c)| c.to_string().repeat(len / 4)),
        kind in 0..6_u8,
        cut in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..1031),
        pieces in proptest::collection::vec(1..1200_usize, 1..5),
    ) {
        let greeting = format!("Hello, {name}").into_bytes();
        let mut reply = match kind {
            0 => greeting.clone(),
            1 => greeting[..cut.index(greeting.len())].to_vec(),
            2 => [&greeting[..], &noise[..noise.len().min(9)]].concat(),
            3 => b"Error: no name within 10 s\n".to_vec(),
            4 => [b"Error: ", &noise[..], b"\n"].concat(),
            _ => noise,
        };
        reply.truncate(1031); // longer ones end without FIN, below

        let text = Text::new(&name).expect("short");
        let mut request = Request::new(text, START + TIMEOUT);
        prop_assert_eq!(send(&mut request, &pieces), name.as_bytes());
        receive(&mut request, &reply, &pieces);
        prop_assert_eq!(request.want(), Want::Read);
        prop_assert_eq!(request.reply(), &reply[..]);
        request.received_fin(START);
        prop_assert_eq!(request.answer(), Some(deserved(&name, &reply)));
        prop_assert_eq!(request.want(), Want::Done);
    }
}

/// Sends the name in pieces and FIN, and returns what left.
fn send(request: &mut Request<'_>, pieces: &[usize]) -> Vec<u8> {
    let mut sent = Vec::new();
    for piece in pieces.iter().cycle() {
        if request.transmit().is_empty() {
            break;
        }
        let left = request.transmit();
        let n = left.len().min(*piece);
        sent.extend_from_slice(&left[..n]);
        request.transmitted(n, START);
    }
    assert!(request.fin_follows());
    request.finished(START);
    sent
}

fn receive(request: &mut Request<'_>, mut bytes: &[u8], pieces: &[usize]) {
    for piece in pieces.iter().cycle() {
        let space = request.space();
        let n = space.len().min(bytes.len()).min(*piece);
        if n == 0 {
            return;
        }
        let (now, rest) = bytes.split_at(n);
        space[..n].copy_from_slice(now);
        bytes = rest;
        request.received(n, START);
    }
}

fn world() -> Request<'static> {
    Request::new(Text::new("World").expect("short"), START + TIMEOUT)
}

#[test]
fn a_reply_longer_than_any_ends_without_fin() {
    let name = "a".repeat(1024);
    let mut request = Request::new(Text::new(&name).expect("short"), START + TIMEOUT);
    send(&mut request, &[1024]);
    receive(&mut request, format!("Hello, {name}").as_bytes(), &[1031]);
    assert_eq!(request.want(), Want::Read);
    receive(&mut request, b"a", &[1]);
    let answer = Some(Err(RequestError::WrongReply { at: 1031 }));
    assert_eq!(request.answer(), answer);
}

#[test]
fn a_refusal_may_come_before_the_name_has_left() {
    let mut request = world();
    request.transmitted(2, START);
    receive(&mut request, b"Error: go away\n", &[64]);
    assert_eq!(request.transmit(), b"rld");
    request.received_fin(START);
    assert_eq!(request.answer(), Some(Ok(Answer::Refused("go away"))));
}

#[test]
fn it_gives_up_at_its_deadline_and_not_before() {
    let almost = Duration::from_nanos(4_999_999_999);
    let mut request = world();
    assert_eq!(request.due(), START + TIMEOUT);
    request.timeout(START + almost);
    assert_eq!(request.answer(), None);
    request.timeout(START + TIMEOUT);
    assert_eq!(request.answer(), Some(Err(RequestError::TimedOut)));
    assert_eq!(request.due(), Instant::NEVER);
}

#[test]
fn a_lost_connection_is_told_once() {
    let mut request = world();
    request.lost(ErrorKind::ConnectionReset);
    request.lost(ErrorKind::Other);
    request.received_fin(START);
    request.timeout(Instant::NEVER);
    let lost = RequestError::Connection(ErrorKind::ConnectionReset);
    assert_eq!(request.answer(), Some(Err(lost)));
}
