//! `greet find`: asks on every interface who answers messages, and tells as they do.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use greet_std::core::text::shown;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket as Socket2, Type};

use crate::args::FindArgs;
use crate::console;
use crate::signals;
use crate::terminal::Screen;

mod book;
mod interfaces;
mod neighbors;
mod question;
mod report;

use book::{Book, Place};
use interfaces::{Interface, Way};
use question::Questions;
use report::Report;

/// How long after the first question the second is asked, as datagrams get lost. Each pause is twice
/// as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How long a run waits at most before it looks for a signal.
const GLANCE: Duration = Duration::from_millis(50);

/// More of an answer is not of interest.
const ANSWER: usize = 2048;

/// So many datagrams of one socket are taken before it is another's turn, and a signal's.
const BATCH: usize = 256;

pub fn run(args: &FindArgs) -> Result<()> {
    signals::note_first()?;
    let interfaces = interfaces::up(args.interface.as_deref())?;
    let mut search = Search::new(&interfaces, args.port.get())?;
    let report = Report {
        screen: Screen::of_stdout(),
        interfaces: &interfaces,
        port: args.port.get(),
    };
    let start = Instant::now();
    search.run(start, args.wait, |book, at| {
        let text = match (args.json, at) {
            (true, at) => report.json(book, at),
            (false, at) if book.told() == 1 => report.head() + &report.row(book, at),
            (false, at) => report.row(book, at),
        };
        console::print(text.as_bytes())
    })?;
    let text = if args.json {
        report.json_summary(&search.book, search.questions.count(), start.elapsed())
    } else {
        report.summary(&search.book)
    };
    console::print(text.as_bytes())?;
    search.conclude(args)
}

/// Who is asked, and who answered.
struct Search<'a> {
    interfaces: &'a [Interface],
    sockets: Vec<Socket<'a>>,
    poll: Poll,
    questions: Questions,
    book: Book,
}

/// A socket that asks on one interface.
struct Socket<'a> {
    interface: &'a Interface,
    udp: mio::net::UdpSocket,
    way: Way,
    /// A question of it has left.
    has_asked: bool,
    /// Why the last one didn't.
    failed: Option<io::Error>,
}

impl<'a> Search<'a> {
    fn new(interfaces: &'a [Interface], port: u16) -> Result<Self> {
        let poll = Poll::new().context("can't wait for answers")?;
        let (mut sockets, mut refused) = (Vec::new(), None);
        for interface in interfaces {
            for way in interface.ways(port) {
                match open(interface, &way) {
                    Ok(socket) => sockets.push(Socket {
                        interface,
                        udp: mio::net::UdpSocket::from_std(socket),
                        way,
                        has_asked: false,
                        failed: None,
                    }),
                    Err(error) => {
                        let why = unasked(interface, &way, &error);
                        console::complain(format_args!("greet: {why}"));
                        refused = Some(why);
                    }
                }
            }
        }
        if sockets.is_empty() {
            bail!(refused.unwrap_or_else(|| "there is nobody to ask".to_owned()));
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            poll.registry()
                .register(&mut socket.udp, Token(number), Interest::READABLE)
                .context("can't wait for answers")?;
        }
        Ok(Self {
            interfaces,
            sockets,
            poll,
            questions: Questions::new(),
            book: Book::default(),
        })
    }

    /// Asks and listens for so long, or until a signal. Whoever is found is told of.
    fn run(
        &mut self,
        start: Instant,
        wait: Duration,
        mut tell: impl FnMut(&Book, usize) -> Result<()>,
    ) -> Result<()> {
        let end = start + wait;
        let (mut next, mut pause) = (start, FIRST_PAUSE);
        let mut events = Events::with_capacity(64);
        loop {
            let now = Instant::now();
            let is_over = now >= end || signals::noted().is_some();
            if now >= next && !is_over {
                self.ask();
                next = now + pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            self.listen();
            if self.book.wants_to_learn() {
                self.book.learn(&neighbors::known());
            }
            while let Some(at) = self.book.next_to_tell(Instant::now(), is_over) {
                tell(&self.book, at)?;
            }
            if is_over {
                return Ok(());
            }
            let until = end.min(next).saturating_duration_since(Instant::now());
            match self.poll.poll(&mut events, Some(until.min(GLANCE))) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(error).context("can't wait for answers");
                }
                _ => {}
            }
        }
    }

    /// Asks everybody once, and those alone that were found and haven't been reached so.
    fn ask(&mut self) {
        for number in 0..self.sockets.len() {
            for at in 0..self.sockets[number].way.to.len() {
                self.ask_one(number, self.sockets[number].way.to[at]);
            }
            let interface = self.sockets[number].interface.index;
            let is_ipv4 = self.sockets[number].way.from.is_ipv4();
            let found = self.book.found.iter().filter(|found| {
                !found.is_reached
                    && found.interface == interface
                    && found.from.is_ipv4() == is_ipv4
                    && found.place != Place::ThisMachine
            });
            for to in found.map(|found| found.from).collect::<Vec<_>>() {
                self.ask_one(number, to);
            }
        }
    }

    fn ask_one(&mut self, number: usize, to: SocketAddr) {
        let question = self.questions.next(number, to);
        let socket = &mut self.sockets[number];
        match socket.udp.send_to(question.as_bytes(), to) {
            Ok(_) => socket.has_asked = true,
            Err(error) => {
                self.questions.take_back();
                socket.failed = Some(error);
            }
        }
    }

    /// Takes what has come, and asks whoever is new alone: so the system learns its hardware address,
    /// and it is seen whether it can be reached.
    fn listen(&mut self) {
        let mut buffer = [0; ANSWER];
        for number in 0..self.sockets.len() {
            for _ in 0..BATCH {
                let (len, from) = match self.sockets[number].udp.recv_from(&mut buffer) {
                    Ok(some) => some,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => continue, // Windows: of a question that nobody took
                };
                let now = Instant::now();
                let heard = self.questions.read(number, &buffer[..len], now);
                let interface = self.sockets[number].interface;
                let place = self.place(interface, from);
                let asked = heard.question.and_then(|at| self.questions.asked(at));
                let is_new = self
                    .book
                    .heard(from, interface.index, place, heard, asked, now);
                if is_new && place != Place::ThisMachine {
                    self.ask_one(number, from);
                }
            }
        }
    }

    fn place(&self, interface: &Interface, from: SocketAddr) -> Place {
        let address = from.ip();
        if self.interfaces.iter().any(|one| one.has(address)) {
            Place::ThisMachine
        } else if interface.reaches(address) || book::is_of_link(address) {
            Place::Near
        } else {
            Place::Elsewhere
        }
    }

    /// Success only if somebody answered.
    fn conclude(&self, args: &FindArgs) -> Result<()> {
        let mut mute = Vec::new();
        for socket in self.sockets.iter().filter(|socket| !socket.has_asked) {
            if let Some(error) = &socket.failed {
                mute.push(unasked(socket.interface, &socket.way, error));
            }
        }
        for why in &mute {
            console::complain(format_args!("greet: {why}"));
        }
        if !self.book.found.is_empty() {
            return Ok(());
        }
        if mute.len() == self.sockets.len() {
            bail!("nothing could be asked (does a firewall or a sandbox forbid it?)");
        }
        Err(self.nobody(args))
    }

    fn nobody(&self, args: &FindArgs) -> anyhow::Error {
        let mut names: Vec<_> = self
            .interfaces
            .iter()
            .map(|one| shown(&one.name).to_string())
            .collect();
        let last = names.pop().unwrap_or_default();
        let names = match names.len() {
            0 => last,
            _ => format!("{} and {last}", names.join(", ")),
        };
        let port = args.port;
        let time = humantime::format_duration(args.wait);
        anyhow!(
            "nobody answered on {names} within {time}. Does the board answer messages at UDP port \
             {port} (`greet serve --udp 0.0.0.0:{port} --reply`, or the image's feature `reply`)? \
             Does a firewall, here or there, drop them? Is it in another network, to which no \
             broadcast goes?"
        )
    }
}

fn unasked(interface: &Interface, way: &Way, error: &io::Error) -> String {
    let version = if way.from.is_ipv4() { "IPv4" } else { "IPv6" };
    format!("can't ask over {version} on {}: {error}", interface.name)
}

fn open(interface: &Interface, way: &Way) -> io::Result<UdpSocket> {
    let socket = Socket2::new(Domain::for_address(way.from), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    if way.from.is_ipv4() {
        socket.set_broadcast(true)?;
        // Elsewhere the address from which it asks chooses the interface, also for 255.255.255.255.
        #[cfg(target_vendor = "apple")]
        socket.bind_device_by_index_v4(std::num::NonZeroU32::new(interface.index))?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_multicast_if_v6(interface.index)?;
    }
    socket.bind(&way.from.into())?;
    Ok(socket.into())
}
