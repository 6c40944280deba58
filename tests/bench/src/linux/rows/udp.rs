//! Messages lost at a paced rate, where each is shown on a file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};

use super::{Bar, Table, judge};
use crate::linux::server::{Cores, Server};

const MESSAGES: u32 = 1_000_000;
const MESSAGE: &[u8] = b"Hello, UDP!";

/// So many messages leave in one call: the sender's processor would be the limit otherwise, as it
/// also does the receiver's packet work on a loopback.
const BATCH: u32 = 30;

/// A sender that was held up may catch up with so much at once: a burst is not the rate.
const BURST: Duration = Duration::from_millis(1);

/// A rate, in messages a second, and whether a bar stands for it.
const RATES: [(u32, Option<Bar>); 2] = [(300_000, Some(Bar::AtMost(0.0))), (1_000_000, None)];

/// Who shows messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    /// A default socket and `println!` for each message.
    Println,
    /// The program.
    Greet,
}

pub(super) fn measure(
    _table: &Table,
    cores: Cores,
    missed: &mut Vec<String>,
) -> anyhow::Result<()> {
    let greet = cores.unpinned(build_greet)??;
    println!("Messages lost of {MESSAGES}, each shown on a file:\n");
    println!("| receiver | lost | sent at |");
    println!("|---|---|---|");
    let mut judged = Vec::new();
    for (rate, bar) in RATES {
        for receiver in [Receiver::Println, Receiver::Greet] {
            let (lost, reached) = one(receiver, &greet, rate, cores)?;
            println!("| {} | {lost} | {reached:.0} a second |", receiver.title());
            if receiver == Receiver::Greet {
                judged.extend(bar.map(|bar| (rate, bar, lost, reached)));
            }
        }
    }
    println!();
    for (rate, bar, lost, reached) in judged {
        let what = format!("messages lost at {rate} a second");
        if reached >= f64::from(rate) * 0.95 {
            judge(&what, bar, f64::from(lost), missed);
        } else {
            missed.push(format!(
                "{what}: the sender was held up and reached only {reached:.0}; repeat it on a quieter \
                 machine"
            ));
        }
    }
    Ok(())
}

/// Builds the program beside this one, and says where it is.
fn build_greet() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "greet"]);
    let status = build.status().context("can't run cargo")?;
    ensure!(status.success(), "the greet program can't be built");
    Ok(std::env::current_exe()?.with_file_name("greet"))
}

impl Receiver {
    const fn title(self) -> &'static str {
        match self {
            Self::Println => "println! each",
            Self::Greet => "greet serve",
        }
    }

    fn command(self, greet: &Path) -> anyhow::Result<Command> {
        Ok(match self {
            Self::Println => {
                let mut this = Command::new(std::env::current_exe()?);
                this.arg("show");
                this
            }
            Self::Greet => {
                let mut greet = Command::new(greet);
                greet.args(["serve", "--udp", "127.0.0.1:0"]);
                greet
            }
        })
    }
}

/// How many were lost, and the rate at which they went.
fn one(receiver: Receiver, greet: &Path, rate: u32, cores: Cores) -> anyhow::Result<(u32, f64)> {
    let path = std::env::temp_dir().join(format!("greet-bench-{}", std::process::id()));
    let server = Server::spawn_on_file(receiver.command(greet)?, &path, cores)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server.address)?;
    let segment = i32::try_from(MESSAGE.len())?;
    setsockopt(&socket, UdpGsoSegment, &segment).context("this kernel has no UDP_SEGMENT")?;
    let batch = MESSAGE.repeat(BATCH as usize);

    let step = Duration::from_secs(1) * BATCH / rate;
    let start = Instant::now();
    let mut due = start;
    let mut left = MESSAGES;
    while left > 0 {
        let mut now = Instant::now();
        while now < due {
            std::hint::spin_loop();
            now = Instant::now();
        }
        let messages = left.min(BATCH);
        socket.send(&batch[..messages as usize * MESSAGE.len()])?;
        left -= messages;
        due = (due + step).max(now.checked_sub(BURST).unwrap_or(now));
    }
    let took = start.elapsed();
    match receiver {
        Receiver::Println => server.finish()?,
        Receiver::Greet => server.terminate()?,
    }
    let shown = BufReader::new(File::open(&path)?)
        .lines()
        .filter(|line| line.as_ref().is_ok_and(|line| line.contains("Hello, UDP!")))
        .count();
    fs::remove_file(&path)?;
    let lost = MESSAGES.saturating_sub(u32::try_from(shown)?);
    Ok((lost, f64::from(MESSAGES) / took.as_secs_f64()))
}
