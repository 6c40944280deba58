//! RST is told from FIN, whichever call of the probe's sockets hears of it first.

use std::io::ErrorKind::ConnectionReset;
use std::net::TcpListener;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use greet_core::probe::{Dial, Mode, ProbeStack};
use greet_core::transport::Stream as _;
use greet_std::SocketStack;

/// The system says it once. Where sending heard of it, the reply ended as if with FIN.
#[test]
fn a_reset_that_sending_heard_of_is_no_fin() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let peer = thread::spawn(move || {
        let (socket, _) = listener.accept().expect("a client");
        socket.peek(&mut [0]).expect("a byte"); // which nobody reads: the close is a reset
    });
    let mut stack = SocketStack::new(address, None, 1).expect("sockets");
    stack
        .connect(0, Mode::Name, Dial::Plain)
        .expect("a free port");
    let patience = stack.now() + Duration::from_secs(30);
    let reset = loop {
        assert!(stack.now() < patience, "no reset came");
        let sent = stack.stream(0).expect("a connection").send(b"x");
        if let Poll::Ready(Err(error)) = sent {
            break error.kind();
        }
        let soon = stack.now() + Duration::from_millis(1);
        stack.wait(soon);
    };
    assert_eq!(reset, ConnectionReset);
    let end = stack.stream(0).expect("a connection").receive(&mut [0; 8]);
    let end = end.map_err(|error| error.kind());
    assert_eq!(end, Poll::Ready(Err(ConnectionReset)));
    peer.join().expect("no panic");
}
