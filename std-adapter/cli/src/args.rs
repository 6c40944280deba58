//! The command line.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use greet_std::core::limits::UDP_PORT;
use greet_std::core::responder::REPLIES_PER_SECOND;

use crate::address::Address;
use crate::values::{depth, message_size, number, some_time, time};

mod probe;

pub use probe::ProbeArgs;

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

/// Where messages are received if nobody says otherwise.
const DEFAULT_UDP: NonZeroU16 = NonZeroU16::new(UDP_PORT).unwrap();

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

const SEND_EXAMPLES: &str = "\
Examples:
  greet send
  greet send --to 255.255.255.255:8001 'Is anybody there?'
  greet send --to board.local:8001 --count 10000 --rate 500 --size 1024";

/// A test compares it with what is printed.
const COUNT_KEYS: &str = "

With --json, the object has:
  event                 counted
  by, run               the receiver's address, and the number of the run, in hexadecimal digits
  complete              true: the sender's end came; without it, sent is the least that it can be
  sent, received        how many messages; received are those right in every byte, each once
  missing               sent and not received
  duplicates            those that came once more
  reordered             those that came behind one with a higher number
  wrong                 datagrams of which a byte was wrong
  jitter_us             the interarrival jitter of RFC 3550, section 6.4.1, in microseconds
  size                  bytes of each
  seconds               from the first that came to the last
  messages_per_second, bits_per_second    how many came in that time; bits of messages alone";

const FIND_EXAMPLES: &str = "\
Examples:
  greet find
  greet find --interface eth0 --wait 10s     a board that is slow to boot
  greet find --json | jq -r 'select(.next) | .next'";

/// A test compares it with what is printed.
const FIND_KEYS: &str = "

With --json, there is an object for each address:
  event                 found
  address, port         from where the answer came
  interface             on which it was asked
  place                 near: in a network of that interface; elsewhere: in another; this_machine
  hardware              the hardware address, if the system knows it; else null
  round_trip_us         of the quickest greeting, in microseconds; null if it isn't known
  answer                greeting, refusal or other
  text                  what was said if it is no greeting, escaped; else null
  same_as               an address before of the same board; null if it is the first
  next                  the command that grades it; null if it doesn't greet or can't be reached
and at last one:
  event                 find
  boards, addresses     how many boards there are, and how many addresses answered
  this_machine          whether this machine answered; it is no board
  duplicates            answers that came more than once
  interfaces            where it was asked
  questions             how many datagrams that took
  seconds               how long";

#[derive(Subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Hello(HelloArgs),
    Send(SendArgs),
    Find(FindArgs),
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
/// With none of --tcp, --udp, --lines and --serial, the first two run, at 127.0.0.1:8000 and 127.0.0.1:8001. Else
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
  greet serve --serial /dev/ttyUSB0          a name a line, over a serial port
  greet serve --reply                        messages over UDP are answered as well
  greet serve --count                        numbered messages are counted, not shown
  greet serve --json | jq .                  an object per event")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
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

    /// Count the messages of `greet send --count`, and say what became of each run
    ///
    /// They are not shown. What was lost, came twice, out of order or with a wrong byte, and the jitter are
    /// printed at the end of a run, and answered to its sender, who prints the same.
    #[arg(long)]
    pub count: bool,

    /// How many messages of one source are answered in a second
    #[arg(long, value_name = "N", default_value_t = REPLIES_PER_SECOND, requires = "reply", value_parser = number::<NonZeroU16>)]
    pub reply_limit: NonZeroU16,

    /// How long a client may take, from connecting to its answer; with --lines, from each answer to
    /// the next
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub deadline: Duration,

    /// How long a long name must be quiet to be complete; with --serial, how long a pause ends what is
    /// thrown away of a refused line [default: 20ms, with --serial 100ms]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub settle: Option<Duration>,

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

    #[cfg(feature = "serial")]
    #[command(flatten)]
    pub serial: crate::serial::SerialArgs,
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
  greet hello --lines <names                 each line is a name, all over one connection
  greet hello Ada --serial /dev/ttyUSB0      over a serial port, to a server that takes lines")]
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
    #[cfg_attr(feature = "serial", arg(conflicts_with = "serial"))]
    pub to: Address,

    /// How long connecting, sending and receiving may take together; with --lines or --serial, how long
    /// the server may stand still
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = some_time)]
    pub timeout: Duration,

    #[cfg(feature = "serial")]
    #[command(flatten)]
    pub serial: crate::serial::SerialArgs,
}

/// Send a message over UDP; or many, and say what became of them.
///
/// UDP doesn't say whether a message arrives. A broadcast address reaches every receiver on a network.
/// With --count, messages are numbered and filled with bytes that can be checked. A receiver that counts
/// (`greet serve --count`) tells at the end how many came, and both print the same: what was lost, came
/// twice, out of order or with a wrong byte, and the jitter (RFC 3550). Ctrl-C ends a run, which is
/// counted as far as it got.
#[derive(clap::Args)]
#[command(after_help = SEND_EXAMPLES, after_long_help = [SEND_EXAMPLES, COUNT_KEYS].concat())]
pub struct SendArgs {
    /// The message, at most 1024 bytes of UTF-8; `-` reads it from stdin
    #[arg(default_value = "Hello, UDP!", conflicts_with = "count")]
    pub message: String,

    /// The receiver's address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8001", value_parser = Address::to_reach)]
    pub to: Address,

    /// Send so many numbered messages, to a receiver that counts them
    #[arg(long, value_name = "N", value_parser = number::<NonZeroU32>)]
    pub count: Option<NonZeroU32>,

    /// How many in a second; each is sent when it is due since the start
    #[arg(long, value_name = "R", default_value = "1000", requires = "count", value_parser = number::<NonZeroU32>)]
    pub rate: NonZeroU32,

    /// How many bytes each has, from 96 to 1024
    #[arg(long, value_name = "S", default_value = "128", requires = "count", value_parser = message_size)]
    pub size: u16,

    /// Print the totals as one JSON object
    #[arg(long, requires = "count")]
    pub json: bool,
}

/// Ask on every interface who answers messages: find boards whose addresses nobody knows.
///
/// Asks by broadcast over IPv4 and of all nodes over IPv6, again and again as datagrams get lost, and shows
/// each address as it answers, with what to type next. Only who answers messages is found: a server with
/// --reply at all its addresses, a board whose image has the feature `reply`. Ctrl-C prints what was found.
#[derive(clap::Args)]
#[command(after_help = FIND_EXAMPLES, after_long_help = [FIND_EXAMPLES, FIND_KEYS].concat())]
pub struct FindArgs {
    /// How long to listen after the first question
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = some_time)]
    pub wait: Duration,

    /// Ask on this interface alone
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,

    /// The UDP port to ask at
    #[arg(long, value_name = "N", default_value_t = DEFAULT_UDP, value_parser = number::<NonZeroU16>)]
    pub port: NonZeroU16,

    /// Print each address as a JSON object in a line of its own, and at last how many there were
    #[arg(long)]
    pub json: bool,
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
