//! Many seeds in sequence, and what is left behind of a failure.
//!
//! The command and the test run it. It also fails if the chaos didn't happen: links that never lost
//! anything would prove nothing.

use core::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use smoltcp_sim::{Counters, Ladder, Tap, Trace};

use super::{Mishaps, Report};

/// All seeds so far, added up.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many seeds.
    pub seeds: u64,
    /// Their reports, added up.
    pub sum: Report,
}

/// One seed that broke an invariant.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What doesn't hold.
    pub broken: Vec<String>,
    /// The files that tell more.
    pub files: io::Result<Files>,
}

/// What is left of a failure.
#[derive(Debug)]
pub struct Files {
    /// Every packet, for Wireshark.
    pub capture: PathBuf,
    /// Every connection as a ladder, as text.
    pub ladders: PathBuf,
    /// A folder with every connection as a ladder, as SVG.
    pub pictures: PathBuf,
}

impl Totals {
    /// Adds one seed.
    pub fn add(&mut self, report: &Report) {
        self.seeds += 1;
        let sum = &mut self.sum;
        sum.packets += &report.packets;
        sum.greetings += report.greetings;
        sum.lines += report.lines;
        sum.exchanges += report.exchanges;
        sum.gave_way += report.gave_way;
        sum.time += report.time;
        let Mishaps {
            cuts,
            partitions,
            reboots,
        } = report.mishaps;
        sum.mishaps.cuts += cuts;
        sum.mishaps.partitions += partitions;
        sum.mishaps.reboots += reboots;
    }

    /// The kinds of chaos that never happened. There must be none, after a few seeds.
    pub fn missing_chaos(&self) -> Vec<&'static str> {
        let Counters {
            lost,
            lost_in_bursts,
            duplicated,
            reordered,
            corrupted,
            queue_full,
            cut,
            partitioned,
            host_down,
            ..
        } = self.sum.packets;
        [
            (lost, "losses"),
            (lost_in_bursts, "losses in bursts"),
            (duplicated, "duplicates"),
            (reordered, "reordering"),
            (corrupted, "corruption"),
            (queue_full, "full queues"),
            (cut, "cut links"),
            (partitioned, "partitions"),
            (host_down, "reboots"),
            (self.sum.greetings, "greetings"),
            (self.sum.lines, "lines"),
            (self.sum.gave_way, "clients who give way"),
        ]
        .into_iter()
        .filter(|(count, _)| *count == 0)
        .map(|(_, kind)| kind)
        .collect()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            packets,
            greetings,
            lines,
            exchanges,
            gave_way,
            mishaps,
            time,
        } = &self.sum;
        writeln!(f, "seeds            {:>14}", self.seeds)?;
        writeln!(f, "simulated hours  {:>14}", time.as_secs() / 3600)?;
        writeln!(f, "exchanges begun  {exchanges:>14}")?;
        writeln!(f, "honest greetings {greetings:>14}")?;
        writeln!(f, "honest lines     {lines:>14}")?;
        writeln!(f, "gave way         {gave_way:>14}")?;
        writeln!(f, "packets sent     {:>14}", packets.sent)?;
        writeln!(f, "  lost           {:>14}", packets.lost)?;
        writeln!(f, "  lost in bursts {:>14}", packets.lost_in_bursts)?;
        writeln!(f, "  duplicated     {:>14}", packets.duplicated)?;
        writeln!(f, "  reordered      {:>14}", packets.reordered)?;
        writeln!(f, "  corrupted      {:>14}", packets.corrupted)?;
        writeln!(f, "  queue full     {:>14}", packets.queue_full)?;
        writeln!(f, "  link cut       {:>14}", packets.cut)?;
        writeln!(f, "  partitioned    {:>14}", packets.partitioned)?;
        writeln!(f, "  host down      {:>14}", packets.host_down)?;
        writeln!(f, "links cut        {:>14}", mishaps.cuts)?;
        writeln!(f, "partitions       {:>14}", mishaps.partitions)?;
        write!(f, "reboots          {:>14}", mishaps.reboots)
    }
}

/// Runs one seed; if it fails, runs it again with every packet kept, and leaves files in `folder`.
///
/// # Errors
///
/// The seed broke an invariant.
pub fn run(seed: u64, folder: &Path) -> Result<Report, Box<Failure>> {
    super::run(seed).map_err(|broken| {
        let (again, trace) = super::record(seed);
        let mut broken = broken;
        if again.err().as_ref() != Some(&broken) {
            broken.push("and the seed doesn't give the same a second time".into());
        }
        Box::new(Failure {
            seed,
            broken,
            files: trace.map_or_else(
                || Err(io::Error::other("nothing was recorded")),
                |trace| leave(seed, &trace, folder),
            ),
        })
    })
}

fn leave(seed: u64, trace: &Trace, folder: &Path) -> io::Result<Files> {
    let files = Files {
        capture: folder.join(format!("seed-{seed}.pcapng")),
        ladders: folder.join(format!("seed-{seed}.txt")),
        pictures: folder.join(format!("seed-{seed}")),
    };
    fs::create_dir_all(&files.pictures)?;
    let mut capture = io::BufWriter::new(fs::File::create(&files.capture)?);
    trace.write_pcapng(Tap::Senders, &mut capture)?;
    let mut text = String::new();
    for (number, flow) in trace.flows().iter().enumerate() {
        let ladder = Ladder::new(trace, flow);
        text.push_str(&ladder.to_string());
        text.push('\n');
        let name = format!("{number:03} {}.svg", flow.from).replace(':', " ");
        fs::write(files.pictures.join(name), ladder.svg())?;
    }
    fs::write(&files.ladders, text)?;
    Ok(files)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails:", self.seed)?;
        for broken in &self.broken {
            writeln!(f, "  {broken}")?;
        }
        writeln!(f, "replay:   cargo soak --seed {}", self.seed)?;
        match &self.files {
            Ok(files) => {
                writeln!(f, "packets:  {}", files.capture.display())?;
                writeln!(f, "ladders:  {}", files.ladders.display())?;
                write!(f, "pictures: {}", files.pictures.display())
            }
            Err(error) => write!(f, "its packets could not be written: {error}"),
        }
    }
}
