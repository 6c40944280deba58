//! A server under measurement: a child process on its own processor, its time and its memory.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::peers::{Asked, LINES_PYTHON, PLAIN_PYTHON, Peer};

/// The two processors: one for the server, one for the load.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

impl Cores {
    /// The first two that this process may use. The present thread moves to the load's.
    pub(crate) fn choose() -> anyhow::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let (Some(server), Some(load)) = (cores.next(), cores.next()) else {
            bail!("two processors are needed, one for the server and one for the load");
        };
        pin(load)?;
        Ok(Self { server, load })
    }

    /// Does something while this thread may use both, as a process that it starts will.
    pub(crate) fn unpinned<T>(self, work: impl FnOnce() -> T) -> anyhow::Result<T> {
        let mut both = CpuSet::new();
        both.set(self.server);
        both.set(self.load);
        sched_setaffinity(None, &both)?;
        let done = work();
        pin(self.load)?;
        Ok(done)
    }
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).context("can't choose a processor")
}

/// A server that doesn't start in this time never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Open as long as the server may print.
    stdout: Option<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(peer: Peer, asked: Asked, cores: Cores) -> anyhow::Result<Self> {
        let command = match peer {
            Peer::Python => {
                let mut python = Command::new("python3");
                python.arg("-c").arg(match asked {
                    Asked::Greeting => PLAIN_PYTHON,
                    Asked::Lines => LINES_PYTHON,
                });
                python
            }
            peer => {
                let name = clap::ValueEnum::to_possible_value(&peer).context("a hidden peer")?;
                let mut this = Command::new(std::env::current_exe()?);
                this.args(["serve", name.get_name()]);
                if asked == Asked::Lines {
                    this.arg("--lines");
                }
                this
            }
        };
        Self::spawn(command, cores).with_context(|| format!("can't start '{}'", peer.title()))
    }

    /// Starts a server that prints its port on the first line.
    pub(crate) fn spawn(mut command: Command, cores: Cores) -> anyhow::Result<Self> {
        command.stdout(Stdio::piped());
        let mut server = Self::start_pinned(command, cores)?;
        let stdout = server.child.stdout.take().context("no stdout")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        server.stdout = Some(stdout);
        server.address.set_port(port_in(&line)?);
        Ok(server)
    }

    /// Starts one that prints into a file.
    pub(crate) fn spawn_on_file(
        mut command: Command,
        file: &Path,
        cores: Cores,
    ) -> anyhow::Result<Self> {
        command.stdout(File::create(file)?);
        let mut server = Self::start_pinned(command, cores)?;
        let start = Instant::now();
        loop {
            if let Some((line, _)) = fs::read_to_string(file)?.split_once('\n') {
                server.address.set_port(port_in(line)?);
                return Ok(server);
            }
            ensure!(start.elapsed() < PATIENCE, "it prints no port");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn start_pinned(mut command: Command, cores: Cores) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped());
        pin(cores.server)?; // inherited
        let spawned = command.spawn();
        pin(cores.load)?;
        Ok(Self {
            child: spawned?,
            stdout: None,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        })
    }

    /// What all its threads have used of a processor, in nanoseconds of the scheduler's clock, the
    /// system's work for them included.
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let mut total = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))
                .context("this kernel keeps no schedstat")?;
            let used = stat.split_whitespace().next().context("empty schedstat")?;
            total += Duration::from_nanos(used.parse()?);
        }
        Ok(total)
    }

    /// Resident memory of user space, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kib = rollup
            .lines()
            .find_map(|line| line.strip_prefix("Rss:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no Rss in smaps_rollup")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Closes its stdin, and waits until it has ended by itself.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        self.wait()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.wait()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// The number in the line in which a server says where it listens.
fn port_in(line: &str) -> anyhow::Result<u16> {
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().context("it printed no port")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails only where the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
