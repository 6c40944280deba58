//! The command line of `greet probe`.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use crate::address::Address;
use crate::probe::Only;
use crate::values::{number, some_time, time};

/// Grade any greet server: is the network stack under it to be trusted?
///
/// Each check is a sentence of the protocol. A tick says that the server keeps to it, a cross that
/// it doesn't, with what came instead under it; a dash that it wasn't checked, and why. A `!` marks
/// what a server only should do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  greet probe                                the server at 127.0.0.1:8000
  greet probe board.local:8000 --udp board.local:8001
  greet probe board.local:8000 --soak 8h     until one check fails: overnight
  greet probe board.local:8000 --quick       the same in a few seconds, without the deadline
  greet probe --lines board.local:8002       a server of many greetings over one connection
  greet probe --serial /dev/ttyUSB0          lines over a serial port
  greet probe --only 'tcp/split-*' --only crowd
  greet probe --list
  greet probe board.local:8000 --json > old.json      and with the next firmware:
  greet probe board.local:8000 --compare old.json
  greet probe 192.168.1.7:8000 --wire eth0 --wire-ip 192.168.1.99/24    as a host of its own (Linux)
  greet probe 192.168.1.7 --wire eth0 --wire-ip 192.168.1.99/24         a board without a server")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ProbeArgs {
    /// The server's address [default: 127.0.0.1:8000, unless --lines is given]; with --wire, an IP address
    /// alone is a board without a server
    #[arg(value_name = "ADDR", value_parser = Address::to_probe)]
    #[cfg_attr(feature = "serial", arg(conflicts_with = "serial"))]
    pub server: Option<Address>,

    /// Run only the checks whose id fits, such as `tcp/split-*`, or a whole group such as `crowd`
    #[arg(long, value_name = "GLOB", value_parser = Only::parse)]
    pub only: Vec<Only>,

    /// Where it answers messages over UDP (`greet serve --reply`)
    #[arg(long, value_name = "ADDR", value_parser = Address::to_reach)]
    #[cfg_attr(feature = "serial", arg(conflicts_with = "serial"))]
    pub udp: Option<Address>,

    /// Where it takes every line for a name, over one connection
    #[arg(long, value_name = "ADDR", value_parser = Address::to_reach)]
    #[cfg_attr(feature = "serial", arg(conflicts_with = "serial"))]
    pub lines: Option<Address>,

    /// How many places the server has: so many clients come at once, and one more [default: it is found
    /// out, up to 64]
    #[arg(long, value_name = "N", value_parser = number::<NonZeroU16>)]
    pub clients: Option<NonZeroU16>,

    /// How many clients come one after the other; ten times as many lines come in one connection
    /// [default: 1000, with --quick 100]
    #[arg(long, value_name = "N", value_parser = number::<NonZeroU16>)]
    pub rounds: Option<NonZeroU16>,

    /// Take 5 s at most with a good server: leave out what waits for the deadline, and do less of what is
    /// done many times
    #[arg(long)]
    pub quick: bool,

    /// Run the checks in random order, again and again, for so long or until one fails
    ///
    /// What changes meanwhile stands on one line: latency, places and losses, of the first quarter and of
    /// the last. In a pipe it comes once a minute. With --wire and no server, or --only checks with raw frames, it
    /// is these.
    #[arg(long, value_name = "TIME", value_parser = some_time)]
    pub soak: Option<Duration>,

    /// What chance chooses, such as the orders in which clients come; what failed comes again with the
    /// seed that the report says [default: another one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub timeout: Duration,

    /// How long the server lets a silent client wait; 0s skips the checks that wait for it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub deadline: Duration,

    /// Try every length and every client, where a check stops after a few seconds otherwise
    #[arg(long)]
    pub thorough: bool,

    /// What a server only should do counts as well
    #[arg(long)]
    pub strict: bool,

    /// Print what to mend, and of the checks only those that failed
    #[arg(long, short)]
    pub brief: bool,

    /// Print each check as a JSON object in a line of its own
    #[arg(long, conflicts_with_all = ["junit", "brief"])]
    pub json: bool,

    /// Say what got worse since an earlier run, whose `--json` this file has; with the exit status as well
    #[arg(long, value_name = "FILE", conflicts_with = "soak")]
    pub compare: Option<PathBuf>,

    /// Write a report as XML, as test runners of CI read it, into this file as well
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Show every check with its sentence, and do nothing
    #[arg(long)]
    pub list: bool,

    #[cfg(feature = "serial")]
    #[command(flatten)]
    pub serial: crate::serial::SerialArgs,

    #[cfg(all(target_os = "linux", feature = "wire"))]
    #[command(flatten)]
    pub wire: crate::probe::WireArgs,
}
