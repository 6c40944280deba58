//! Lines over the desktop's server: pipelined, in order, from clients that have never heard of us.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use greet_core::limits::Limits;
use greet_core::lines::{End, Lines, Outcome, Tally};
use greet_core::server::Event;
use greet_std::server::Builder;
use greet_std::{Server, core as greet_core};

/// Nothing that is waited for takes so long.
const BOUND: Duration = Duration::from_secs(30);

/// What `clients` do with a server of lines, how each connection ended, and the counts.
fn serve(clients: impl FnOnce(SocketAddr)) -> (Vec<Outcome>, Tally) {
    stop_while(Server::<Lines>::serving(Limits::DEFAULT), clients, |()| ())
}

/// The same, and what they do `meanwhile`, when the server has been told to stop.
fn stop_while<T>(
    builder: Builder<Lines>,
    clients: impl FnOnce(SocketAddr) -> T,
    meanwhile: impl FnOnce(T),
) -> (Vec<Outcome>, Tally) {
    let server = builder.bind("127.0.0.1:0").expect("a server");
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
        let clients = clients(address);
        handle.stop();
        meanwhile(clients);
        running.join().expect("it doesn't panic").expect("it ran")
    });
    (outcomes.into_inner().expect("nobody panicked"), tally)
}

/// A server that ends nobody by itself before a test is over.
fn patient() -> Builder<Lines> {
    Server::serving(Limits::DEFAULT.with_deadline(120 * BOUND))
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
            let name = format!("name {number}\n");
            stream.write_all(name.as_bytes()).expect("sent");
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

/// One has its answer, one has never said anything, and one waits in the backlog behind them.
#[test]
fn a_stop_ends_who_has_nothing_in_hand() {
    for places in [2, 100] {
        let (outcomes, _) = stop_while(
            patient().max_connections(places),
            |address| {
                let mut clients = [(); 3].map(|()| connect(address));
                clients[0].write_all(b"Ada\n").expect("sent");
                let mut answer = [0; b"Hello, Ada\n".len()];
                clients[0].read_exact(&mut answer).expect("an answer");
                clients
            },
            |clients| {
                for mut client in clients {
                    assert_eq!(client.read(&mut [0; 1]).expect("FIN"), 0);
                }
            },
        );
        let mut greeted: Vec<_> = outcomes.iter().map(|outcome| outcome.greeted).collect();
        greeted.sort_unstable();
        assert_eq!(greeted, [0, 0, 1]);
        let stopped = |outcome: &Outcome| outcome.end == End::Stopped;
        assert!(outcomes.iter().all(stopped), "{outcomes:?}");
    }
}

#[test]
fn a_stop_waits_for_the_line_that_has_begun() {
    let (outcomes, _) = stop_while(
        // One worker tells all in one go.
        patient().workers(NonZeroUsize::MIN),
        |address| {
            let mut client = connect(address);
            client.write_all(b"Ada\nGra").expect("sent");
            let mut answer = [0; b"Hello, Ada\n".len()];
            client.read_exact(&mut answer).expect("an answer");
            (client, connect(address))
        },
        |(mut client, mut idle)| {
            // Once this one has ended, the server has told both.
            assert_eq!(idle.read(&mut [0; 1]).expect("FIN"), 0);
            client.write_all(b"ce\nEdsger\n").expect("sent");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("an answer");
            assert_eq!(answer, "Hello, Grace\n");
        },
    );
    assert_eq!(outcomes.len(), 2);
    let stopped = |outcome: &Outcome| outcome.end == End::Stopped;
    assert!(outcomes.iter().all(stopped), "{outcomes:?}");
}

/// Each answer that comes is whole and in order, and after the last one comes FIN.
#[test]
fn a_stop_ends_a_pipeline_that_never_pauses() {
    let (outcomes, tally) = stop_while(
        patient(),
        |address| {
            let mut stream = connect(address);
            let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
            thread::spawn(move || {
                // Until the connection has ended.
                while stream.write_all(&b"Ada\n".repeat(1000)).is_ok() {}
            });
            for _ in 0..10_000 {
                let mut answer = String::new();
                answers.read_line(&mut answer).expect("an answer");
                assert_eq!(answer, "Hello, Ada\n");
            }
            answers
        },
        |mut answers| {
            let mut rest = String::new();
            answers.read_to_string(&mut rest).expect("FIN");
            assert_eq!(rest.replace("Hello, Ada\n", ""), "");
        },
    );
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].end, End::Stopped);
    assert!(tally.greeted >= 10_000);
}

/// Bytes and FIN that one event tells of, as the loop was held up meanwhile: the last name is greeted.
#[test]
fn fin_right_behind_a_line_is_seen() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let server = patient()
        .workers(NonZeroUsize::MIN)
        .bind("127.0.0.1:0")
        .expect("a server");
    let (address, handle) = (server.local_addr(), server.handle());
    thread::scope(|scope| {
        scope.spawn(|| {
            server.run(|event| {
                if let Event::Ended { outcome, .. } = event
                    && outcome.greeted == 0
                {
                    let _ = gate.lock().map(|gate| gate.recv_timeout(BOUND));
                }
            })
        });
        let ask = |stream: &mut TcpStream| {
            stream.write_all(b"Ada\n").expect("sent");
            let mut answer = [0; b"Hello, Ada\n".len()];
            stream.read_exact(&mut answer).expect("an answer");
        };
        let mut client = connect(address);
        ask(&mut client);
        ask(&mut client); // now the loop has it
        let holder = connect(address);
        ask(&mut connect(address)); // the acceptor is past the holder
        holder.shutdown(Shutdown::Write).expect("a socket");
        assert_eq!((&holder).read(&mut [0; 1]).expect("FIN"), 0); // its end is being told of
        client.write_all(b"Ada\nGrace").expect("sent");
        client.shutdown(Shutdown::Write).expect("a socket");
        open.send(()).expect("it waits");
        let mut answers = String::new();
        let ended = client.read_to_string(&mut answers);
        handle.abort(); // whatever came
        ended.expect("answers, and FIN");
        assert_eq!(answers, "Hello, Ada\nHello, Grace");
    });
}
