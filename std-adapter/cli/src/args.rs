//! The command line.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use greet_std::core::responder::REPLIES_PER_SECOND;

use crate::address::Address;
use crate::probe::Only;
use crate::values::{depth, number, some_time, time};

/// Serves greetings and asks for them, over TCP and UDP.
///
/// A server answers a name with `Hello, ` and the name. Start one with `greet serve`, and
/// ask it from another terminal with `greet hello`; or see both at work with `greet demo`.
#[derive(Parser)]
#[command(version, after_help = EXIT_STATUS, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,

    /// Whether a report has colours; `auto`: on a terminal, unless `NO_COLOR` or `TERM=dumb` is set
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: ColorChoice,
}

const EXIT_STATUS: &str = "\
Exit status: 0 if all went well, 1 if it failed (a sentence on stderr says why) or output was lost, \
2 if the command line is wrong; as a shell says it, 128 and a signal's number if that ended it: 130 \
Ctrl-C, 143 SIGTERM, 141 nobody reads its output any more.";

const BENCH_EXAMPLES: &str = "\
Examples:
  greet bench -c 8 -d 10s
  greet bench board.local:8000 -n 1000 --rate 50
  greet bench --lines --depth 16                many names over each connection
  greet bench 127.0.0.1:8001 --udp --rate 90    what replies, sends 100 a second to each source";

/// Where a server takes lines if nobody says otherwise.
const LINES: &str = "127.0.0.1:8002";

/// A test compares it with what is printed.
const BENCH_KEYS: &str = "

With --json, the object has:
  event                 bench
  server, protocol      who was asked: its address; tcp, lines or udp
  clients               how many were to ask at once
  depth                 of each, how many names may wait for their replies at once
  clients_at_once       how many did at most; fewer if this machine has no more files or ports
  greetings             how many came, right in every byte
  lost                  messages over UDP without an answer
  errors                greetings that failed: by the server, or on the way
  not_begun             greetings that were due, but weren't begun before the end
  seconds               the time that was measured
  greetings_per_second  greetings in that time
  limit_per_second      over UDP, how many messages of one source the server answers; null if it
                        was not seen to limit them
  latency_us            how long a greeting took, in microseconds: median, p90, p99, p99_9 and
                        slowest; null if none came";

#[derive(Subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Hello(HelloArgs),
    Send(SendArgs),
    Probe(Box<ProbeArgs>),
    Bench(BenchArgs),
    /// Run a server and clients together on this machine, and show what crosses the wire
    ///
    /// Nothing else needs to run. Exits with 0 only if every byte was right.
    Demo,
    /// Print a completion script for a shell
    ///
    /// For bash: greet completions bash > ~/.local/share/bash-completion/completions/greet
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Answer names over TCP, and show messages that come over UDP.
///
/// With none of --tcp, --udp and --lines, the first two run, at 127.0.0.1:8000 and 127.0.0.1:8001. Else
/// those run that are given. With --lines, a client keeps its connection, and each line is a name:
/// `World` and a line feed get `Hello, World` and a line feed. Ctrl-C or SIGTERM finishes what is in hand, for --grace at most, and prints a
/// summary; a second Ctrl-C stops at once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  greet serve
  greet serve --tcp 0.0.0.0:8000             for the whole network, TCP alone
  greet serve --tcp '[::1]:0'                IPv6, on a free port, which is printed
  greet serve --lines                        a name a line, at 127.0.0.1:8002
  greet serve --reply                        messages over UDP are answered as well
  greet serve --json | jq .                  an object per event")]
pub struct ServeArgs {
    /// Answer names at this address; port 0 takes a free port
    #[arg(long, value_name = "ADDR", value_parser = Address::to_listen)]
    pub tcp: Option<Address>,

    /// Show messages that come to this address; port 0 takes a free port
    #[arg(long, value_name = "ADDR", value_parser = Address::to_listen)]
    pub udp: Option<Address>,

    /// Answer lines at this address, as many as a client sends over its connection; without ADDR,
    /// at 127.0.0.1:8002
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = LINES, value_parser = Address::to_listen)]
    pub lines: Option<Address>,

    /// Answer each message that comes over UDP to its sender
    ///
    /// An answer is larger than the message, and senders can be forged: not for the open internet.
    #[arg(long)]
    pub reply: bool,

    /// How many messages of one source are answered in a second
    #[arg(long, value_name = "N", default_value_t = REPLIES_PER_SECOND, requires = "reply", value_parser = number::<NonZeroU16>)]
    pub reply_limit: NonZeroU16,

    /// How long a client may take, from connecting to its answer; with --lines, from each answer to
    /// the next
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub deadline: Duration,

    /// How long a long name must be quiet to be complete
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = time)]
    pub settle: Duration,

    /// How long Ctrl-C or SIGTERM waits for what is in hand; then it is closed as it is
    ///
    /// Less than the 10 seconds after which a container is killed.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub grace: Duration,

    /// How many connections are held at once at each address; more wait until one ends
    #[arg(long, value_name = "N", default_value = "10000", value_parser = number::<NonZeroUsize>)]
    pub max_connections: NonZeroUsize,

    /// How many workers share the load [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = number::<NonZeroUsize>)]
    pub workers: Option<NonZeroUsize>,

    /// Print no line for a connection or a message; refusals and losses still go to stderr
    #[arg(long, short)]
    pub quiet: bool,

    /// Print each event as a JSON object in a line of its own, all on stdout
    #[arg(long)]
    pub json: bool,
}

/// Send a name over TCP, and print the greeting.
///
/// FIN follows the name. Where no reply comes to that, the name is sent again without, for as long
/// again, and it is said which worked: some stacks take FIN for the end of the connection.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  greet hello
  greet hello Ada --to board.local:8000
  printf 'two\\nlines' | greet hello -        the name is taken byte for byte
  greet hello --lines <names                 each line is a name, all over one connection")]
pub struct HelloArgs {
    /// The name, at most 1024 bytes of UTF-8; `-` reads it from stdin
    #[arg(default_value = "World")]
    pub name: String,

    /// Greet each line of stdin, over one connection to a server that takes lines
    ///
    /// Replies are printed as they come. The first line that is refused, or can't be sent, ends it.
    #[arg(long, conflicts_with = "name")]
    pub lines: bool,

    /// The server's address; of a host with several addresses, each is tried [default: 127.0.0.1:8000,
    /// with --lines 127.0.0.1:8002]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000", hide_default_value = true, default_value_if("lines", "true", LINES), value_parser = Address::to_reach)]
    pub to: Address,

    /// How long connecting, sending and receiving may take together; with --lines, how long the
    /// server may stand still
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub timeout: Duration,
}

/// Send a message over UDP.
///
/// UDP doesn't say whether it arrives. A broadcast address reaches every receiver on a network.
#[derive(clap::Args)]
pub struct SendArgs {
    /// The message, at most 1024 bytes of UTF-8; `-` reads it from stdin
    #[arg(default_value = "Hello, UDP!")]
    pub message: String,

    /// The receiver's address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8001", value_parser = Address::to_reach)]
    pub to: Address,
}

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
  greet probe board.local:8000 --clients 4   a board with four places
  greet probe --lines board.local:8002       a server of many greetings over one connection
  greet probe --only 'tcp/split-*' --only crowd
  greet probe --list
  greet probe 192.168.1.7:8000 --wire eth0 --wire-ip 192.168.1.99/24    as a host of its own (Linux)")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ProbeArgs {
    /// The server's address [default: 127.0.0.1:8000, unless --lines is given]
    #[arg(value_name = "ADDR", value_parser = Address::to_reach)]
    pub server: Option<Address>,

    /// Run only the checks whose id fits, such as `tcp/split-*`, or a whole group such as `crowd`
    #[arg(long, value_name = "GLOB", value_parser = Only::parse)]
    pub only: Vec<Only>,

    /// Where it answers messages over UDP (`greet serve --reply`)
    #[arg(long, value_name = "ADDR", value_parser = Address::to_reach)]
    pub udp: Option<Address>,

    /// Where it takes every line for a name, over one connection
    #[arg(long, value_name = "ADDR", value_parser = Address::to_reach)]
    pub lines: Option<Address>,

    /// How many places the server has: so many clients come at once, and one more
    #[arg(long, value_name = "N", default_value = "4", value_parser = number::<NonZeroU16>)]
    pub clients: NonZeroU16,

    /// How many clients come one after the other; ten times as many lines come in one connection
    #[arg(long, value_name = "N", default_value = "1000", value_parser = number::<NonZeroU16>)]
    pub rounds: NonZeroU16,

    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub timeout: Duration,

    /// How long the server lets a silent client wait; 0s skips the checks that wait for it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub deadline: Duration,

    /// What a server only should do counts as well
    #[arg(long)]
    pub strict: bool,

    /// Of the checks that passed or were skipped, print only how many
    #[arg(long, short)]
    pub brief: bool,

    /// Print each check as a JSON object in a line of its own
    #[arg(long, conflicts_with_all = ["junit", "brief"])]
    pub json: bool,

    /// Write a report as XML, as test runners of CI read it, into this file as well
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Show every check with its sentence, and do nothing
    #[arg(long)]
    pub list: bool,

    #[cfg(all(target_os = "linux", feature = "wire"))]
    #[command(flatten)]
    pub wire: crate::probe::WireArgs,
}

/// Load a greet server, and check every byte of every reply.
///
/// Prints the rate, and how long a greeting took, from connecting to FIN. The rate is what came
/// right in all of the time, stalls included; nothing begins after --duration. With --rate,
/// greetings are due at fixed times, and each counts from when it was due: a server that stalls is
/// seen to have kept all of them waiting that were due meanwhile. Over UDP, messages that aren't
/// answered in time are counted as lost, as are those beyond what the receiver grants a source in a
/// second; a client doesn't wait for a late answer before it asks again.
#[derive(clap::Args)]
#[command(after_help = BENCH_EXAMPLES, after_long_help = [BENCH_EXAMPLES, BENCH_KEYS].concat())]
pub struct BenchArgs {
    /// The server's address [default: 127.0.0.1:8000, with --lines 127.0.0.1:8002]
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:8000", hide_default_value = true, default_value_if("lines", "true", LINES), value_parser = Address::to_reach)]
    pub server: Address,

    /// How many clients ask at once
    #[arg(long, short, value_name = "N", default_value = "4", value_parser = number::<NonZeroUsize>)]
    pub clients: NonZeroUsize,

    /// How long to go on
    #[arg(long, short, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub duration: Duration,

    /// How many greetings to ask for, instead of a time
    #[arg(
        long = "number",
        short = 'n',
        value_name = "N",
        conflicts_with = "duration", value_parser = number::<NonZeroU64>)]
    pub count: Option<NonZeroU64>,

    /// Send messages over UDP to a receiver that replies (`greet serve --reply`)
    #[arg(long)]
    pub udp: bool,

    /// Each client keeps its connection, and sends its names as lines (`greet serve --lines`)
    #[arg(long, conflicts_with = "udp")]
    pub lines: bool,

    /// How many lines of a client may wait for their replies at once, at most 128
    #[arg(long, value_name = "N", default_value = "1", requires = "lines", value_parser = depth)]
    pub depth: NonZeroU32,

    /// How many greetings to ask for in a second [default: as many as the server gives]
    #[arg(long, value_name = "R", value_parser = number::<NonZeroU32>)]
    pub rate: Option<NonZeroU32>,

    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub timeout: Duration,

    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is wrong with a command line, in a sentence, where only its parts are right.
pub fn wrong(sentence: &str) -> anyhow::Error {
    Args::command()
        .error(ErrorKind::ArgumentConflict, sentence)
        .into()
}
