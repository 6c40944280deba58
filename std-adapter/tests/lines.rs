//! Lines over the desktop's server: pipelined, in order, from clients that have never heard of us.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::lines::{End, Lines, Outcome, Tally};
use greet_core::server::Event;
use greet_std::{Server, core as greet_core};

/// Nothing that is waited for takes so long.
const BOUND: Duration = Duration::from_secs(30);

/// What `clients` do with a server of lines, how each connection ended, and the counts.
fn serve(clients: impl FnOnce(SocketAddr)) -> (Vec<Outcome>, Tally) {
    let server = Server::<Lines>::serving(Limits::DEFAULT)
        .bind("127.0.0.1:0")
        .expect("a server");
    let (address, handle) = (server.local_addr(), server.handle());
    let outcomes = Mutex::new(Vec::new());
    let tally = thread::scope(|scope| {
        let running = scope.spawn(|| {
            server.run(|event| {
                if let Event::Ended { outcome, .. } = event {
                    outcomes.lock().expect("nobody panicked").push(outcome);
                }
            })
        });
        clients(address);
        handle.stop();
        running.join().expect("it doesn't panic").expect("it ran")
    });
    (outcomes.into_inner().expect("nobody panicked"), tally)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(BOUND)).expect("a socket");
    stream.set_write_timeout(Some(BOUND)).expect("a socket");
    stream
}

#[test]
fn a_client_that_waits_for_each_answer_keeps_its_connection() {
    let (outcomes, tally) = serve(|address| {
        let mut stream = connect(address);
        let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
        for number in 0..500 {
            // Between two lines there is nothing of it that the server keeps.
            writeln!(stream, "name {number}").expect("sent");
            let mut answer = String::new();
            answers.read_line(&mut answer).expect("an answer");
            assert_eq!(answer, format!("Hello, name {number}\n"));
        }
        stream.shutdown(Shutdown::Write).expect("a socket");
        assert_eq!(answers.read(&mut [0; 1]).expect("FIN"), 0);
    });
    let all = Outcome {
        greeted: 500,
        end: End::Finished,
    };
    assert_eq!(outcomes, [all]);
    assert_eq!((tally.greeted, tally.finished), (500, 1));
}

/// A client that pipelines at full speed and one that asks now and then, side by side: both get all
/// of their answers, in order.
#[test]
fn a_pipeline_starves_nobody() {
    const MANY: usize = 50_000;
    let (outcomes, tally) = serve(|address| {
        thread::scope(|scope| {
            let mut stream = connect(address);
            let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
            scope.spawn(move || {
                let names: Vec<u8> = (0..MANY)
                    .flat_map(|number| format!("{number}\n").into_bytes())
                    .collect();
                stream.write_all(&names).expect("sent");
                stream.shutdown(Shutdown::Write).expect("a socket");
            });
            scope.spawn(move || {
                let mut answer = String::new();
                for number in 0..MANY {
                    answer.clear();
                    answers.read_line(&mut answer).expect("an answer");
                    assert_eq!(answer, format!("Hello, {number}\n"));
                }
                assert_eq!(answers.read(&mut [0; 1]).expect("FIN"), 0);
            });
            for _ in 0..20 {
                let mut stream = connect(address);
                stream.write_all(b"Ada\nGrace").expect("sent");
                stream.shutdown(Shutdown::Write).expect("a socket");
                let mut answer = String::new();
                stream.read_to_string(&mut answer).expect("an answer");
                assert_eq!(answer, "Hello, Ada\nHello, Grace");
            }
        });
    });
    assert_eq!(outcomes.len(), 21);
    assert_eq!(tally.greeted, u64::try_from(MANY).unwrap() + 40);
}

#[test]
fn the_first_refusal_comes_after_the_answers_before_it_and_ends_the_connection() {
    let (outcomes, tally) = serve(|address| {
        let mut stream = connect(address);
        stream.write_all(b"Ada\nGr\xffce\nEdsger\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer, "Hello, Ada\nError: name is not UTF-8 at byte 2\n");
    });
    assert_eq!((outcomes.len(), outcomes[0].greeted), (1, 1));
    assert!(matches!(outcomes[0].end, End::Refused(_)), "{outcomes:?}");
    assert_eq!((tally.greeted, tally.refused), (1, 1));
}
