//! Machines of another kind over tokio, which show what greetings don't: a reset, and the runtime's budget.

mod runtime;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use futures::future::join_all;
use greet_async_examples::desktop::{Clock, Socket};
use greet_core::asynch::embedded_io_async::ErrorKind;
use greet_core::asynch::{Timer, converse};
use greet_core::machine::{Machine, Want};
use greet_core::time::Instant;
use runtime::{connected, listening, run};

/// A reset comes to the peer, and only where a part must not look like all.
#[test]
fn who_does_not_read_is_reset() {
    run(async {
        let clock = Clock::start();
        let (mut client, mut socket) = connected().await;
        let mut endless = Endless {
            deadline: clock.now() + Duration::from_millis(200),
            done: false,
        };
        converse(&mut endless, &mut socket, &clock).await;
        let mut got = Vec::new();
        let end = client.read_to_end(&mut got).map_err(|error| error.kind());
        assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    });
}

/// Sends without end, and resets at its deadline.
struct Endless {
    deadline: Instant,
    done: bool,
}

impl Machine for Endless {
    type Outcome = ();

    fn want(&self) -> Want {
        if self.done { Want::Done } else { Want::Write }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut []
    }

    fn received(&mut self, _: usize, _: Instant) {}

    fn received_fin(&mut self, _: Instant) {}

    fn transmit(&self) -> &[u8] {
        &[0; 4096]
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, _: usize, _: Instant) {}

    fn finished(&mut self, _: Instant) {}

    fn lost(&mut self, _: ErrorKind) {
        self.done = true;
    }

    fn due(&self) -> Instant {
        self.deadline
    }

    fn timeout(&mut self, now: Instant) {
        self.done |= now >= self.deadline;
    }

    fn outcome(&self) -> Option<()> {
        self.done.then_some(())
    }

    fn resets(&self) -> bool {
        self.done
    }
}

/// tokio lets a task do 128 things, and then makes all that it asks for pend. With thirty conversations in
/// one task that would be taken for quiet in the middle of bytes that wait.
#[test]
fn the_budget_of_the_runtime_is_not_taken_for_quiet() {
    run(async {
        let clock = Clock::start();
        let (listener, address) = listening().await;
        let mut sockets = Vec::new();
        let mut clients = Vec::new();
        for _ in 0..30 {
            let mut client = std::net::TcpStream::connect(address).expect("a server");
            client.write_all(&[b'x'; 12]).expect("a connection");
            clients.push(client);
            let (stream, _) = listener.accept().await.expect("a client");
            stream.readable().await.expect("bytes");
            sockets.push(Socket::new(stream).expect("a socket"));
        }
        let conversations = sockets.iter_mut().map(|socket| async move {
            let mut nibbling = Nibbling::default();
            converse(&mut nibbling, socket, &clock).await
        });
        let quiet_after = join_all(conversations).await;
        assert_eq!(quiet_after, [12; 30]);
        drop(clients);
    });
}

/// Reads a byte at a time up to the first quiet after one, and says how many came.
#[derive(Default)]
struct Nibbling {
    space: [u8; 1],
    got: usize,
    quiet: bool,
}

impl Machine for Nibbling {
    type Outcome = usize;

    fn want(&self) -> Want {
        if self.quiet { Want::Done } else { Want::Read }
    }

    fn space(&mut self) -> &mut [u8] {
        &mut self.space
    }

    fn received(&mut self, n: usize, _: Instant) {
        self.got += n;
    }

    fn received_fin(&mut self, _: Instant) {
        self.quiet = true;
    }

    fn quiet(&mut self, _: Instant, _: impl FnOnce(usize) -> bool) {
        self.quiet |= self.got > 0;
    }

    fn transmit(&self) -> &[u8] {
        &[]
    }

    fn fin_follows(&self) -> bool {
        false
    }

    fn transmitted(&mut self, _: usize, _: Instant) {}

    fn finished(&mut self, _: Instant) {}

    fn lost(&mut self, _: ErrorKind) {
        self.quiet = true;
    }

    fn due(&self) -> Instant {
        Instant::NEVER
    }

    fn timeout(&mut self, _: Instant) {}

    fn outcome(&self) -> Option<usize> {
        self.quiet.then_some(self.got)
    }
}
