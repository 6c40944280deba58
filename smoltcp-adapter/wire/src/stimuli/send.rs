//! Of those of what goes out: retransmission, windows, and what ICMP says of it.

use super::{Stimulus, stimulus};

pub(super) static STIMULI: &[Stimulus] = &[
    stimulus(
        "rto/clock",
        "a SYN, and no answer to what comes",
        "a SYN ACK again, after 0.5 s at the earliest and 10 s at the latest",
    ),
    stimulus(
        "rto/reply",
        "a name of 3 bytes, and an acknowledgment of the reply once it has come three times",
        "the same text each time, twice within 30 s, and no more once it is acknowledged; sooner than 0.1 s or \
         later than 3.5 s is worse than it should be",
    ),
    stimulus(
        "rto/backoff",
        "a name of 3 bytes, and no acknowledgment of the reply until it has come five times",
        "from the second on, intervals that are 1.7 times as long each time, at least; more than 3 times is \
         worse than it should be",
    ),
    stimulus(
        "rto/afresh",
        "a name of 3 bytes, and no acknowledgment of the reply; once that has come three times, the same on another \
         connection",
        "the second reply again after at most 1.25 times the first's last interval; otherwise it is a note",
    ),
    stimulus(
        "rto/not-early",
        "a name of 1017 bytes on a connection with an MSS of 128, each acknowledgment 300 ms late, that of the \
         SYN ACK as well",
        "no segment of the reply twice",
    ),
    stimulus(
        "rto/collapse",
        "a name of 1017 bytes on a connection with an MSS of 128, and no acknowledgment of the reply; after the first time-out \
         one of each segment that comes again, three at most",
        "one segment at the first time-out, and no other for half as long as that took; then two for each acknowledgment at most; up to four are a note",
    ),
    stimulus(
        "rto/gives-up",
        "a name of 3 bytes, and no acknowledgment of the reply",
        "silence for 2.5 times as long as the last interval, which is seen after 20 minutes at the latest, and of which \
         the next segment would have come after 90 s at the earliest; or a reset then, or at the server's deadline",
    ),
    stimulus(
        "cwnd/initial",
        "a name of 1017 bytes on a connection with an MSS of 64, or 536 lines without one where there is a port for lines, \
         and no acknowledgment of the reply",
        "ten segments of the reply, or fewer",
    ),
    stimulus(
        "fast/retransmit",
        "a name of 1017 bytes on a connection with an MSS of 128, or 536 lines without one where there is a port for lines; \
         of four or more segments on their way the first isn't acknowledged, and each of the others is by a duplicate of the acknowledgment before",
        "that segment again within 100 ms after the third duplicate",
    ),
    stimulus("fast/one-only", "the same", "two segments again at most"),
    stimulus(
        "window/zero",
        "a name of 99 bytes with a window of 0 from the third segment on, the same answer to each of three \
         questions, or as many as come until 2.5 s before the deadline, and then a window of 8192",
        "a question within 30 s, no more than a byte of text before, others at longer and longer intervals, and \
         the greeting within a second after the window has opened",
    ),
    stimulus(
        "window/update-lost",
        "the same, but the answer to the first question has a window of 8192",
        "the greeting",
    ),
    stimulus(
        "window/shrink",
        "two names of 1017 bytes on connections with an MSS of 128; the first segment of each reply is \
         acknowledged with a window of 64 bytes, and of none, and all of it with one of 8192 after 1.5 s",
        "the greetings; new text beyond an edge is worse than it should be",
    ),
    stimulus(
        "window/sws-send",
        "a handshake with a window of 8192, and a name of 1017 bytes with one of 0, which then opens by 10 bytes \
         20 times, every 20 ms, and for all of the reply",
        "nine segments at most until it opens for all, and the greeting",
    ),
    stimulus(
        "zwp/answered",
        "lines without names, none of whose answers is taken, until the board's window is closed; then a byte more, \
         three times if need be",
        "an acknowledgment of all but that byte, or of that as well, within a second",
    ),
    stimulus(
        "window/sws-recv",
        "the same until its window is closed; then 128 bytes of the answers are taken at a time",
        "a window that opens by a sixteenth of what it was, or by 536 bytes, before it has opened by less three times",
    ),
    stimulus(
        "icmp/soft",
        "while a reply is on its way: net, host and route unreachable, time exceeded, of both kinds, and a parameter \
         problem, each of which quotes the first segment; over IPv6 what is like them",
        "the greeting",
    ),
    stimulus(
        "icmp/quench",
        "while a reply is on its way: a source quench that quotes its first segment",
        "the greeting",
    ),
    stimulus(
        "icmp/hard",
        "while a reply is on its way: protocol and port unreachable, which quote its first segment; over IPv6 what \
         was forbidden, and port unreachable",
        "the greeting",
    ),
    stimulus(
        "icmp/out-of-window",
        "the same, with sequence numbers beyond all that was sent",
        "the greeting",
    ),
    stimulus(
        "frag/needed",
        "a name of 1017 bytes from another address on a connection with an MSS of 1460, and `fragmentation needed` \
         for an MTU of 576, at most three times, for each packet that is longer and mustn't be taken apart",
        "a packet that isn't, and the greeting; a reset is a note",
    ),
    stimulus(
        "frag/needed-absurd",
        "the same, but for MTUs of 0, 1 and 67",
        "the greeting, in packets of 68 bytes or more, and a reply to an echo",
    ),
];
