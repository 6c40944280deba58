//! Of those of what comes in, and how a connection ends.

use super::{Stimulus, stimulus};

pub(super) static STIMULI: &[Stimulus] = &[
    stimulus(
        "rx/out-of-order",
        "300 bytes of a name, then three pieces of 100 in the order 2, 3, 1, each of which comes again until it is \
         acknowledged",
        "all of them, in their order, in the greeting; a `!` if what was early is thrown away, or if fewer than \
         both were answered by what is missing",
    ),
    stimulus(
        "rx/overlap",
        "300 bytes of a name, then a segment that begins 10 bytes before their end with other bytes, and goes on",
        "a greeting of the first version of those 10, and of what is new",
    ),
    stimulus(
        "rx/duplicate",
        "300 bytes of a name, then the last 50 of them again, three times if need be",
        "an acknowledgment of the 300, without which it is a `!`; and a greeting in which they are once",
    ),
    stimulus(
        "rx/old",
        "text with a number 1 MiB before what is due, three times if need be",
        "an acknowledgment of what is due, without which it is a `!`; and a greeting without that text",
    ),
    stimulus(
        "rx/beyond-window",
        "20 bytes of which the right edge has 10 on each side, and all that is missing before them: of lines in lines \
         mode, or of what the server throws away once it has refused what is no name",
        "no acknowledgment beyond that edge; skipped where the window is larger than 48 KiB and there is no lines mode",
    ),
    stimulus(
        "rx/padding",
        "acknowledgments without text in frames that are 6 and 472 bytes longer, and text in one that is 20 longer, \
         three times if need be",
        "no acknowledgment of what stands behind, and a greeting without it",
    ),
    stimulus(
        "ip4/options-tcp",
        "a SYN and half of a name in packets with four options of IP that do nothing, and in ones with an option that nobody \
         knows; three times if need be",
        "an answer to the SYN, an acknowledgment of the text, and the greeting",
    ),
    stimulus(
        "ip4/frag-tcp",
        "two pieces of a name, each in a packet of two fragments, those of the second the other way round; three \
         times if need be, and then whole",
        "an acknowledgment of each while it comes in fragments, and the greeting; a `!` where no fragments are put \
         together at all",
    ),
    stimulus(
        "ip6/frag-tcp",
        "over IPv6 two pieces of a name, each in a packet of two fragments, those of the second the other way round; \
         three times if need be, and then whole",
        "an acknowledgment of each while it comes in fragments, and the greeting; a `!` where no fragments are put \
         together at all; skipped where no server greets over IPv6",
    ),
    stimulus(
        "ack/unsent",
        "a name with a window of 0, an acknowledgment 5 beyond what has come of the reply, then a window; and the \
         same while the reply is on its way and isn't acknowledged",
        "the whole greeting; the second time it has to be sent again first, within 30 s",
    ),
    stimulus(
        "ack/old",
        "text with an acknowledgment of 1 MiB before what was sent, and another window, twice if need be",
        "any answer that doesn't acknowledge the text; then the same with the right acknowledgment is taken",
    ),
    stimulus(
        "ack/keepalive",
        "a segment without text, and one with a byte, with the number before what is due; three times if need be",
        "an acknowledgment of what is due, of both",
    ),
    stimulus(
        "ack/delay",
        "three pieces of a name that isn't complete, one after the other",
        "an acknowledgment of each within 550 ms and a round trip; a single later one is a note",
    ),
    stimulus(
        "ack/every-second",
        "what is no name; then, while the server throws away what comes, four pairs of the longest segments that it \
         wants",
        "half of the pairs are acknowledged within 20 ms and two round trips; skipped where its window takes no pair",
    ),
    stimulus(
        "window/right-edge",
        "five pieces of a name, what is no name, and 20 more pieces",
        "no acknowledgment whose number and window together are less than those of one before",
    ),
    stimulus(
        "keepalive/off",
        "half of a name, and then nothing for half of the server's deadline",
        "no segment with the number before what it would send next",
    ),
    stimulus(
        "seq/wrap",
        "names from the first numbers 0xfffffff0, 0x7ffffff0, 0 and 0xffffffff on, whose second piece comes after \
         the third and overlaps the first",
        "a greeting of each",
    ),
    stimulus(
        "urg/in-band",
        "600 bytes of a name, then a segment with an urgent pointer into its text",
        "a greeting of all of it; without the byte before the pointer, or that at it, it is a note",
    ),
    stimulus(
        "urg/beyond",
        "SYN with an urgent pointer of 65535; then pointers of 0, 1000 and 65535 without text, with 14 bytes and with FIN",
        "anything, and an honest client is greeted afterwards",
    ),
    stimulus(
        "fin/with-data",
        "a name and FIN in one segment, four times if need be",
        "an acknowledgment of both, and the greeting",
    ),
    stimulus(
        "fin/early",
        "half of a name, FIN one byte too far, the byte that is missing, and FIN again if it wasn't kept",
        "no acknowledgment and no reply before that byte, and then the greeting",
    ),
    stimulus(
        "fin/lost",
        "a name, and an acknowledgment of all of its reply but FIN; later of that, too",
        "FIN again, with the same number, within 30 s; and at most once more after it was acknowledged",
    ),
    stimulus(
        "fin/last-ack",
        "half of a name and FIN, and an acknowledgment of all of the reply but FIN; once that came again, of that, \
         too, and a SYN from the same port. Then all of it with a reset in place of the last acknowledgment",
        "FIN again within 30 s, and a SYN of its own both times",
    ),
    stimulus(
        "fin/again",
        "a name, and FIN after the whole reply; 600 ms later FIN again, three times if need be",
        "an acknowledgment of it, or a reset",
    ),
    stimulus(
        "fin/data-after",
        "half of a name that ends in the middle of a character, the rest of it behind FIN, FIN itself, and at once \
         behind it the rest again",
        "no acknowledgment behind FIN, and a refusal of what isn't UTF-8",
    ),
    stimulus(
        "fin/crossed",
        "a name, and FIN with an acknowledgment of all of the reply but its FIN; then of that, too",
        "an acknowledgment of FIN, and its own at most once more",
    ),
    stimulus(
        "fin/wait2",
        "a name, an acknowledgment of the whole reply, and never FIN; after 30, 75, 130 and 190 s a segment with the \
         number before what is due",
        "after one of those, anything but an acknowledgment",
    ),
    stimulus(
        "timewait/same-port",
        "a connection that the board ends first; then SYN from the same port with a number 1000 later; to old \
         numbers the reset of a host that knows nothing of them, and SYN again",
        "the SYN of another connection, with a greeting; a reset; old numbers again, or nothing, which are a note; \
         and no answer to the reset",
    ),
    stimulus(
        "timewait/rst",
        "a connection that the board ends first; then a reset with a number far off, and one with the right one, an \
         echo behind each",
        "answers to the echoes alone; an answer to the first reset is a `!`",
    ),
    stimulus(
        "timewait/length",
        "a connection that the board ends first; then every two seconds SYN from the same port with an earlier \
         number, for 250 s",
        "the SYN of another connection; how long that took is a note, if it is less than four minutes",
    ),
];
