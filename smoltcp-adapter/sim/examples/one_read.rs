//! A server that takes what one `recv` brings for the whole request. It works on every desk, until a
//! network loses a segment: this finds the loss that it fails of, and shows it.

use std::cell::RefCell;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::Ipv4Address;
use smoltcp_sim::{Fault, Host, Ladder, Link, Network, Probability, Stack, Tap, Trace, shrink};

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const REQUEST: [u8; 2000] = [b'x'; 2000];

fn socket() -> Socket<'static> {
    let buffer = || SocketBuffer::new(vec![0; 4096]);
    let mut socket = Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket
}

/// The application under test: says how many bytes the request has.
fn server(stack: &mut Stack) -> impl FnMut(&mut Stack, Instant) -> Option<Instant> + use<> {
    let handle = stack.sockets.add(socket());
    move |stack, _now| {
        let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
        if !socket.is_open() {
            socket.listen(7).unwrap();
        } else if socket.can_recv() {
            let request = socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap();
            let reply = format!("{request} bytes"); // the bug
            socket.send_slice(reply.as_bytes()).unwrap();
            socket.close();
        }
        None // nothing to do until something comes
    }
}

/// Runs one seed, with all of its faults or only some. Says what the client got.
fn run(seed: u64, only: Option<&[Fault]>) -> Result<(String, Vec<Fault>, Trace), Box<dyn Error>> {
    let reply = RefCell::new(Vec::new());
    let mut network = Network::new(seed);
    network.record();
    if let Some(faults) = only {
        network.only_faults(faults);
    }
    let home = network.add(Host::new("server", "10.0.0.1/24".parse().unwrap()))?;
    let away = network.add(Host::new("client", "10.0.0.2/24".parse().unwrap()))?;
    let link = Link::new()
        .latency(Duration::from_millis(20))
        .loss(Probability::percent(10));
    network.link(home, away, link)?;
    network.boot(home, server);
    network.boot(away, |stack: &mut Stack| {
        let handle = stack.sockets.add(socket());
        let context = stack.interface.context();
        let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(context, (SERVER, 7), 50_000).unwrap();
        let (reply, mut is_sent) = (&reply, false);
        move |stack: &mut Stack, _now: Instant| {
            let socket = stack.sockets.get_mut::<Socket<'_>>(handle);
            if socket.may_send() && !is_sent {
                socket.send_slice(&REQUEST).unwrap();
                is_sent = true;
            }
            while socket.can_recv() {
                let bytes = socket.recv(|bytes| (bytes.len(), bytes.to_vec())).unwrap();
                reply.borrow_mut().extend(bytes);
            }
            if is_sent && !socket.may_recv() {
                socket.close();
            }
            None
        }
    });
    network.run_for(Duration::from_mins(1)); // of virtual time
    let (faults, trace) = (network.faults(), network.trace().cloned());
    drop(network);
    let reply = String::from_utf8(reply.into_inner())?;
    Ok((reply, faults, trace.expect("it was recorded")))
}

/// Looks for a seed that fails, and puts pictures of it into a folder.
pub(crate) fn hunt(folder: &Path) -> Result<String, Box<dyn Error>> {
    let is_right = |reply: &str| reply == "2000 bytes";
    for seed in 0..100 {
        let (reply, happened, _) = run(seed, None)?;
        if is_right(&reply) {
            continue;
        }
        let passes = |faults: &[Fault]| run(seed, Some(faults)).is_ok_and(|run| is_right(&run.0));
        let fewest = shrink(&happened, passes).ok_or("it passed the second time")?;
        let (reply, _, trace) = run(seed, Some(&fewest))?;
        let flow = *trace.flows().first().ok_or("no packets")?;
        let ladder = Ladder::new(&trace, &flow);
        fs::write(folder.join("ladder.svg"), ladder.svg())?;
        let mut file = File::create(folder.join("packets.pcapng"))?;
        trace.write_pcapng(Tap::Senders, &mut file)?;
        let (count, fewest) = (happened.len(), names(&fewest));
        return Ok(format!(
            "seed {seed}: {reply:?} after {count} faults, of which it takes:\n{fewest}\n{ladder}"
        ));
    }
    Ok("a hundred seeds, and all is well".into())
}

fn names(faults: &[Fault]) -> String {
    let names = faults.iter().map(Fault::to_string);
    names.collect::<Vec<_>>().join("\n")
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", hunt(Path::new("."))?);
    Ok(())
}
