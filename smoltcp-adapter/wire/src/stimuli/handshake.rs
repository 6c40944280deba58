//! Of those of handshakes, options, resets, headers, and who may connect.

use super::{Stimulus, stimulus};

pub(super) static STIMULI: &[Stimulus] = &[
    stimulus(
        "syn/fields",
        "a SYN",
        "SYN and ACK alone, with the number behind the SYN's; an MSS that goes into a frame, or none, which is a note",
    ),
    stimulus(
        "syn/again",
        "a SYN, the same SYN 100 ms later, and the rest of a greeting",
        "the same initial number each time, or no second answer, and the greeting; no reset",
    ),
    stimulus(
        "syn/synack-lost",
        "a SYN, and for 30 s nothing",
        "the same answer again, within 4 s, and the greeting after that; later is worse",
    ),
    stimulus(
        "syn/backoff",
        "a SYN, and nothing until its answer has come four times",
        "from the second on, intervals that are 1.7 times as long each time, at least; more than 3 times is worse than \
         it should be",
    ),
    stimulus(
        "syn/gives-up",
        "a SYN, and nothing else",
        "a reset, or silence for 2.5 times as long as the last interval, or for 30 s if there was none, that begins \
         within ten minutes",
    ),
    stimulus(
        "syn/data-in-third",
        "a SYN, and the name in the segment that completes the handshake",
        "the greeting",
    ),
    stimulus(
        "syn/data",
        "a SYN with `Ada` in it, and `Ada` again behind it unless all was acknowledged",
        "one greeting",
    ),
    stimulus(
        "syn/ecn",
        "a SYN with ECE and CWR, and the rest of a greeting",
        "an answer that may have ECE, and the greeting; both bits, or a packet that routers may mark, is worse",
    ),
    stimulus(
        "syn/fin",
        "SYN and FIN; SYN, FIN, PSH and URG with text",
        "anything, and an honest client is greeted behind it",
    ),
    stimulus(
        "isn/varies",
        "16 SYNs from 16 ports, each reset once it was answered",
        "fewer than half of the numbers lie within 65536 of the one before and the median step",
    ),
    stimulus(
        "isn/clock",
        "a SYN that is reset once it was answered, and a second later one from the same port",
        "a number that comes after the first",
    ),
    stimulus(
        "mss/default",
        "a SYN without options, and a name of 1024 bytes",
        "the greeting, in segments of 536 bytes at most",
    ),
    stimulus(
        "mss/default-ip6",
        "a SYN over IPv6 without options, 536 lines without a name into a window of 0, and then one of 8192",
        "more than 1220 bytes of the answers at once, in segments of 1220 at most; less shows nothing",
    ),
    stimulus(
        "mss/obeyed",
        "a SYN with an MSS of 537, 256 and 128, and a name of 1024 bytes each",
        "the greeting, in segments no longer than that; up to 216 where 128 was said is a note",
    ),
    stimulus(
        "wscale/honoured",
        "a SYN without a scale; then one with a scale of 7 and windows of 16, and one with 15 and windows of 1",
        "no scale in the first answer; greetings that take the windows for 2048 and 16384, if a scale is in the answer",
    ),
    stimulus(
        "opt/unknown",
        "a SYN with option 253 in front of an MSS of 256, and text beside option 253",
        "the greeting, in segments of 256 bytes at most",
    ),
    stimulus(
        "opt/unaligned",
        "a SYN with an MSS of 256 behind one NOP",
        "the greeting, in segments of 256 bytes at most",
    ),
    stimulus(
        "ts/echo",
        "a SYN with a timestamp; if the answer has one, a name in two segments, each with a later one, and a FIN",
        "a timestamp in each segment, which echoes that of the latest segment that came, and the greeting",
    ),
    stimulus(
        "ts/paws",
        "the same up to the first segment; then text that is next, with a timestamp of 1000 less than the latest, \
         three times if need be, and other text in its place with a later one",
        "an acknowledgment of what is due for the first, without which it is a `!`; and a greeting without that text",
    ),
    stimulus(
        "mss/absurd",
        "SYNs with an MSS of 0, 1, 7 and 65535, and of one and three bytes, and a name behind each",
        "anything, and an echo is answered behind each",
    ),
    stimulus(
        "opt/length-zero",
        "options 253, 2, 255, 3 and 8 with a length of 0, in a SYN and beside text",
        "anything, and an echo is answered behind each",
    ),
    stimulus(
        "opt/overrun",
        "options of 200, 255, 40, 34 and 10 bytes in headers that end before, and one without a length, in a SYN and beside text",
        "anything, and an echo is answered behind each",
    ),
    stimulus(
        "listen/ack",
        "an ACK, and a SYN with ACK, of no connection",
        "a reset for each, with the number that was acknowledged; with ACK or without",
    ),
    stimulus(
        "listen/rst",
        "a reset of no connection, with ACK and without, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "synrcvd/bad-ack",
        "a SYN, and an ACK of 1000 more than what was sent",
        "a reset with that number; with ACK or without",
    ),
    stimulus(
        "synrcvd/rst",
        "a SYN, a reset and what would end the handshake; then 32 more SYNs, each reset once it was answered, and a greeting",
        "a reset or nothing to the third segment, an answer to each SYN, and the greeting",
    ),
    stimulus(
        "syn/established",
        "on a connection a SYN far outside of its window, three times at most",
        "an ACK of what the connection has, and the greeting",
    ),
    stimulus(
        "syn/reboot",
        "on a connection's ports a SYN far outside of its window; what comes but a SYN's answer is reset, and the SYN sent again",
        "an answer to a SYN within 7 s, and the greeting",
    ),
    stimulus(
        "syn/half-open",
        "1 SYN that isn't followed by anything, and a greeting; then 32, and a greeting; and, if that came at once, up \
         to 224 more, as long as they are answered; in the end resets of all of them, 5 ms apart, and a greeting",
        "the first two greetings, as soon as TCP has them; the second up to 200 s later is a note, and so late the \
         last may come",
    ),
    stimulus(
        "rst/exact",
        "on a connection a reset with the number that is next, with ACK and without, an echo, and text",
        "a reply to the echo alone; then a reset, or nothing",
    ),
    stimulus(
        "rst/in-window",
        "on a connection a reset with a number 10 beyond what is next, three times at most",
        "an ACK of what the connection has, and the greeting",
    ),
    stimulus(
        "rst/outside",
        "on a connection resets with numbers 2^28 before and beyond what is next, and an echo",
        "a reply to the echo alone, and the greeting; an ACK is worse",
    ),
    stimulus(
        "rst/closed-port",
        "to port 47 a SYN, with text and without, an ACK, a FIN and text without ACK; then resets, and an echo",
        "a reset that its receiver accepts, each; a reply to the echo alone; another number in the last two, or silence, is worse",
    ),
    stimulus(
        "tcp/checksum",
        "on a connection text whose sum is wrong by a bit, is 0, and is one over other addresses, and an echo",
        "nothing of it is acknowledged, and the greeting",
    ),
    stimulus(
        "flags/none",
        "text without any control bit, to who listens and on a connection, and an echo",
        "no SYN; nothing of it is acknowledged, and the greeting",
    ),
    stimulus(
        "flags/xmas",
        "text with FIN, PSH and URG, to who listens and on a connection, and an echo",
        "no SYN; nothing of it is acknowledged, and the greeting",
    ),
    stimulus(
        "flags/syn-rst",
        "SYN and RST, to who listens and far outside of a connection's window, and an echo",
        "a reply to the echo alone, and the greeting",
    ),
    stimulus(
        "flags/reserved",
        "on a connection text with all four reserved bits",
        "it is acknowledged, and the greeting",
    ),
    stimulus(
        "offset/short",
        "a SYN, and text on a connection, whose headers say that they have 4 words, and none, and an echo",
        "a reply to the echo; taken for a SYN or for text is worse",
    ),
    stimulus(
        "offset/long",
        "a SYN, and text on a connection, whose headers say that they have 6 words, and 15, and an echo",
        "a reply to the echo; taken for a SYN or for text is worse",
    ),
    stimulus(
        "bcast/syn",
        "SYNs to 255.255.255.255, to the network's last address and to 224.0.0.1, or to ff02::1; then one to the board in a frame for all; and echoes",
        "replies to the echoes alone; an answer to the last SYN is worse",
    ),
    stimulus(
        "src/martian",
        "SYNs from 127.0.0.1, 224.0.0.5, 255.255.255.255 and 0.0.0.0, or from ::1, ff02::5 and ::, and an echo each; behind each its reset",
        "replies to the echoes alone, and no search for those addresses",
    ),
    stimulus(
        "src/land",
        "a SYN from the board's own address and port, over IPv4 and IPv6; behind each its reset",
        "anything, and an echo is answered behind each",
    ),
];
