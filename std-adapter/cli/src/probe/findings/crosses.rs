//! What a cross means where nothing else explains it. PROBE.md has the same table, which a test sees to.

use greet_std::core::probe::Whose;

use super::Finding;
use super::seen::Of;

/// Checks that fail for one reason.
pub(super) struct Row {
    pub id: &'static str,
    /// Ids, or what they begin and end with.
    pub checks: &'static [&'static str],
    /// What is wrong then.
    pub means: &'static str,
    pub look: &'static str,
}

const fn row(
    id: &'static str,
    checks: &'static [&'static str],
    means: &'static str,
    look: &'static str,
) -> Row {
    Row {
        id,
        checks,
        means,
        look,
    }
}

/// In the order in which to mend them: what is the stack's, then what the server does to all, then what
/// it does to some.
pub(super) const ROWS: &[Row] = &[
    row(
        "stack/fin",
        &[
            "first/half-close",
            "close/with-name",
            "close/after-name",
            "close/before-name",
        ],
        "FIN in the same segment, after the name or without one is handled otherwise than the other two",
        "each way in which a read can end: bytes and FIN at once, FIN alone, FIN first",
    ),
    row(
        "stack/unsent-lost",
        &["read/*"],
        "bytes that a write didn't take are lost, or a closed socket throws away what is unsent",
        "what a write returns, and what close does with data in the queue (SO_LINGER, abort for close)",
    ),
    row(
        "stack/half-open",
        &["crowd/half-open"],
        "a handshake that never ends keeps its socket: it has no timeout, or one above the deadline",
        "the time after which the stack gives up a handshake, and what its backlog does when it is full",
    ),
    row(
        "stack/bursts-lost",
        &["udp/burst", "burst/*"],
        "a receive queue of a few datagrams, or a driver that takes one frame an interrupt",
        "how many receive descriptors and packet buffers there are, and how many datagrams a socket holds",
    ),
    row(
        "stack/no-reassembly",
        &["first/reassembly", "udp/too-long-far"],
        "fragments aren't put together beyond some size: no fault, unless it is below 576 bytes",
        "whether reassembly is turned on, and the length of its buffer",
    ),
    row(
        "stack/texts",
        &["sizes/*"],
        "text of some length is lost, or bytes of it are another's or at another place",
        "where a buffer ends, when it is handed back, and who else has it then; `--thorough` tries all lengths",
    ),
    row(
        "stack/time-wait",
        &["crowd/same-port"],
        "TIME-WAIT keeps the port of an earlier connection out: no fault",
        "nothing, unless clients come often from few ports: then RFC 6191",
    ),
    row(
        "server/error-of-one",
        &["close/leave", "reset/*", "lines/reset"],
        "an error of one connection ends the loop that serves all",
        "each `?`, `return` and assertion inside that loop: an error of accept, read or write is one client's",
    ),
    row(
        "server/places-leak",
        &["crowd/in-a-row"],
        "places don't come back: sockets stay in TIME-WAIT, FIN-WAIT or CLOSE-WAIT",
        "whether every way out of a connection closes it, and how long the stack keeps TIME-WAIT (with how \
         many sockets)",
    ),
    row(
        "server/at-once",
        &[
            "crowd/at-once",
            "crowd/in-any-order",
            "crowd/mixed",
            "lines/at-once",
        ],
        "too few sockets listen (or `--clients` is more than there are), or clients share a buffer",
        "what is static or global in what serves a client",
    ),
    row(
        "server/one-by-one",
        &["first/places", "crowd/silent", "lines/beside-pipeline"],
        "a read that blocks, or one client after the other",
        "a task or a state for each connection, and reads that don't wait",
    ),
    row(
        "server/slow-beside-others",
        &["crowd/latency"],
        "clients who say nothing make it slow: a wait for each in turn, or work that grows with them",
        "how long the loop waits at a connection where nothing happens",
    ),
    row(
        "server/one-more",
        &["crowd/one-more"],
        "no backlog, and no socket that listens again when a place is free",
        "the backlog, and when the next socket is made to listen",
    ),
    row(
        "server/deadline",
        &[
            "crowd/late",
            "lines/steady",
            "lines/half-late",
            "lines/idle",
        ],
        "nothing ended a connection on which nothing happened, in `--deadline` (10 s by default) and `--timeout` \
         (5 s) together, so one client can hold a place for longer; or the deadline doesn't come when it should",
        "a deadline for each connection, where it is started anew, and the clock that it is read from; a server \
         whose deadline is another is graded with `--deadline TIME`",
    ),
    row(
        "server/no-udp-answers",
        &["first/udp-answers"],
        "the port is wrong or closed, or the receiver doesn't reply",
        "whether the receiver runs, and replies, at that address and port",
    ),
    row(
        "server/never-ends",
        &["tcp/world*", "tcp/one-byte", "tcp/below-mss", "tcp/at-mss"],
        "the server isn't a greet server yet, or no timer ends a name that isn't followed by FIN",
        "PROTOCOL.md, *Where a name ends*: a segment below the MSS, 20 ms of quiet, or FIN",
    ),
    row(
        "server/one-read",
        &["tcp/split-*", "tcp/segments-settle", "tcp/bytewise"],
        "one read is taken for one message",
        "a read in a loop, until the name is complete: TCP keeps no borders",
    ),
    row(
        "server/reply-cut",
        &["tcp/reply-102*", "tcp/full*"],
        "a buffer that is too small, or a reply that is cut at a segment",
        "room for 1024 bytes of name and 1031 of reply, and a write in a loop until all was taken",
    ),
    row(
        "server/too-long",
        &["tcp/too-long*"],
        "a receive buffer of 1024 bytes or less; or closing with unread bytes: RST overtakes the answer",
        "one byte of room more, and a read to FIN or for a while before the close",
    ),
    row(
        "server/no-bytes",
        &["tcp/empty-fin"],
        "a read of no bytes is taken for an error, or for nothing",
        "what is done when a read returns 0 and no name has come: it is the empty name",
    ),
    row(
        "server/utf-8",
        &[
            "tcp/chinese",
            "tcp/emoji",
            "tcp/cut-*",
            "tcp/bad-*",
            "tcp/overlong",
            "tcp/surrogate",
            "tcp/past-unicode",
            "udp/not-utf8",
        ],
        "bytes are decoded without a check, or the check panics, or counts characters",
        "a check of the whole name, or message, as UTF-8 (RFC 3629) when it is complete; its places are in bytes",
    ),
    row(
        "server/name-as-string",
        &["tcp/nul"],
        "the name is handled as a C string, which ends at NUL",
        "`strlen`, `strcpy`, `%s`: the length that a read returned must stay beside the bytes",
    ),
    row(
        "server/name-as-line",
        &["tcp/line-feed"],
        "the name is handled as a line",
        "`fgets`, `read_line`, `trim`: a line feed is a byte of the name",
    ),
    row(
        "server/name-as-reply",
        &["tcp/*-as-name", "lines/reply-as-name"],
        "a name that looks like a reply is taken for one",
        "what looks at the beginning of a name: over TCP nothing may",
    ),
    row(
        "server/one-read-one-line",
        &[
            "lines/two",
            "lines/hundred",
            "lines/split-*",
            "lines/bytewise",
        ],
        "one read is taken for one line",
        "what is left in the buffer behind a line feed, and what hasn't got one yet",
    ),
    row(
        "server/one-line",
        &["lines/in-turn"],
        "one connection is taken for one line, or nothing is answered before FIN",
        "whether the loop goes on after a reply, and whether the reply is flushed",
    ),
    row(
        "server/last-line",
        &["lines/rest-at-fin", "lines/nothing", "lines/empty-line"],
        "the last name is forgotten, or FIN or a line feed is taken for more or less than it is",
        "what is done at FIN with what came behind the last line feed: a name if there is a byte",
    ),
    row(
        "server/line-trimmed",
        &["lines/crlf", "lines/control"],
        "the line is trimmed, or handled as a C string",
        "`trim`, `strlen`, `%s`: only the line feed isn't part of the name, and it comes back",
    ),
    row(
        "server/line-length",
        &["lines/full-*", "lines/too-long-*"],
        "a length that doesn't count the line feed, or a buffer that is judged only once it comes",
        "1024 bytes with the line feed, and a refusal as soon as there are more",
    ),
    row(
        "server/line-utf-8",
        &["lines/bad-*", "lines/cut-*"],
        "UTF-8 is checked by segments or for the whole stream; or a refusal overtakes replies, or RST overtakes \
         the refusal",
        "a check a line, replies and the refusal in one queue, and a read for a while before the close",
    ),
    row(
        "server/replies-lost",
        &["lines/pipeline", "lines/reader-stops"],
        "bytes that a write didn't take are lost, or lines are read without room for their replies",
        "what a write returns; and no read while a reply waits",
    ),
    row(
        "server/datagrams",
        &["udp/ada", "udp/empty", "udp/full", "udp/chinese"],
        "the socket's buffers, or a datagram of no bytes that is dropped",
        "room for 1025 bytes of message and 1031 of answer, and what a receive of 0 bytes is taken for",
    ),
    row(
        "server/datagram-cut",
        &["udp/too-long"],
        "a datagram is cut in silence",
        "a buffer of 1025 bytes or more, so that 1025 are seen to be too many",
    ),
    row(
        "server/answers-loop",
        &["udp/plain", "udp/loop-*"],
        "two such responders would answer each other for ever",
        "PROTOCOL.md, *Replies over UDP*: what begins as a reply has none",
    ),
    row(
        "server/answer-as-shown",
        &["udp/forged-line", "udp/terminal", "udp/bidi", "udp/c1"],
        "the answer is the text as it is shown, not as it came",
        "where text is made fit for a terminal or a log: behind the answer, not before it",
    ),
];

/// A finding for each row of which something failed.
pub(super) fn explain(open: &[&Of]) -> Vec<Finding> {
    let rows = ROWS.iter().filter_map(|row| {
        let of_it = open.iter().copied().filter(|cross| cross.is(row.checks));
        let of_it: Vec<_> = of_it.collect();
        let first = of_it.first()?;
        let what = match &of_it[..] {
            [one] => format!("only {} failed: {}", one.check.id, row.means),
            _ => row.means.to_owned(),
        };
        let whose = if row.id.starts_with("stack/") {
            Whose::Stack
        } else {
            first.check.whose
        };
        Some(Finding::new(
            row.id,
            whose,
            what,
            row.look.to_owned(),
            &of_it,
        ))
    });
    rows.collect()
}
