//! Whether other processes ran on our processors during a measurement: they cool caches and turn
//! each wake-up into a switch between processes, and what is measured then is them.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::server::Cores;

/// A clock tick of /proc/stat (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// How long a glance at the processors takes, and how long quiet is waited for.
const GLANCE: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(2);

/// A processor watched from now on.
pub(crate) struct Watch {
    core: usize,
    start: Instant,
    idle: Duration,
}

impl Watch {
    pub(crate) fn start(core: usize) -> anyhow::Result<Self> {
        Ok(Self {
            core,
            start: Instant::now(),
            idle: idle(core)?,
        })
    }

    /// The share of the time since the start, in which the processor was neither idle nor ran what
    /// used `ours` of it.
    pub(crate) fn foreign(&self, ours: Duration) -> anyhow::Result<f64> {
        let all = self.start.elapsed();
        let idle = idle(self.core)?.saturating_sub(self.idle);
        let foreign = all.saturating_sub(idle).saturating_sub(ours);
        Ok(foreign.as_secs_f64() / all.as_secs_f64())
    }

    /// The share of the time since the start, in which the processor wasn't idle.
    pub(crate) fn busy(&self) -> anyhow::Result<f64> {
        self.foreign(Duration::ZERO)
    }
}

/// How long quiet is still waited for, in one table: a machine that is always busy must not keep a
/// table for ever.
pub(crate) struct Patience(Duration);

impl Patience {
    pub(crate) const fn new() -> Self {
        Self(PATIENCE)
    }

    /// Waits until both processors are idle but for such a share of the time.
    pub(crate) fn wait(&mut self, cores: Cores, share: f64) -> anyhow::Result<()> {
        while !self.0.is_zero() {
            let (server, load) = (Watch::start(cores.server)?, Watch::start(cores.load)?);
            thread::sleep(GLANCE);
            if server.busy()? <= share && load.busy()? <= share {
                break;
            }
            self.0 = self.0.saturating_sub(GLANCE);
        }
        Ok(())
    }
}

/// How long a processor has been idle.
fn idle(core: usize) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let name = format!("cpu{core} ");
    let line = stat
        .lines()
        .find_map(|line| line.strip_prefix(&name))
        .context("a processor without a line in /proc/stat")?;
    // user, nice, system, idle, iowait, ...
    let mut ticks = 0;
    for figure in line.split_whitespace().skip(3).take(2) {
        ticks += figure.parse::<u32>()?;
    }
    Ok(TICK * ticks)
}
