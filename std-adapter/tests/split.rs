//! Names that come in two pieces, the second of which the server may never read: closing with
//! unread bytes sends RST, and no reply may be lost or broken by it.

mod common;

use std::io::Write;
use std::net::SocketAddr;
use std::thread;

use common::{Running, connect, greeting, patient, read_all};

const FIRST: &[u8] = &[b'1'; 100];
const SECOND: &[u8] = &[b'2'; 300];
const EACH: usize = 1000;

/// When a client sends the second piece.
#[derive(Clone, Copy)]
enum Then {
    AtOnce,
    Soon,
    /// Once the answer is there: the server closes, or has closed.
    Answered,
}

/// Returns how many were greeted with the first piece alone.
fn clients(address: SocketAddr, then: Then) -> usize {
    let mut halves = 0;
    for index in 0..EACH {
        let mut client = connect(address);
        client.set_nodelay(true).expect("an option of TCP");
        client.write_all(FIRST).expect("room");
        match then {
            Then::AtOnce => {}
            Then::Soon => (0..index * 10).for_each(|_| std::hint::spin_loop()),
            Then::Answered => {
                client.peek(&mut [0]).expect("an answer");
            }
        }
        // It may fail, as the server has answered and gone. The answer is there all the same.
        let _ = client.write_all(SECOND);
        let reply = read_all(&mut client).expect("no reset before the end");
        if reply == greeting(FIRST) {
            halves += 1;
        } else {
            assert_eq!(reply, greeting(&[FIRST, SECOND].concat()));
        }
    }
    halves
}

#[test]
fn no_reply_is_lost_or_reset() {
    let mut server = Running::start(patient());
    let address = server.address;
    let threads = [Then::AtOnce, Then::Soon, Then::Answered]
        .map(|then| thread::spawn(move || clients(address, then)));
    let [_, _, answered] = threads.map(|thread| thread.join().expect("each gets its reply"));
    assert_eq!(
        answered, EACH,
        "the second piece came too late for all of these"
    );
    let tally = server.stop();
    assert_eq!(tally.greeted, 3 * EACH as u64);
    assert_eq!(tally.total(), 3 * EACH as u64);
}
