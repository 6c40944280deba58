//! Of the checks that need nothing on the board but its stack.

use super::{Stimulus, stimulus};

pub(super) static STIMULI: &[Stimulus] = &[
    stimulus(
        "arp/request",
        "a request to all for the board's address, three times if need be; with `--patient` once more when nothing came for a minute",
        "a reply that has the address that it comes from, and is for who asked; one to all is a note",
    ),
    stimulus(
        "arp/unicast",
        "the same to the board's hardware address alone",
        "the same",
    ),
    stimulus(
        "arp/probe",
        "a request to all from 0.0.0.0",
        "ARP from the board's address",
    ),
    stimulus(
        "arp/not-mine",
        "a request to all for an address that isn't the board's, and an echo as a control",
        "no reply to the request, and one to the echo",
    ),
    stimulus(
        "arp/again",
        "40 requests to all, one after the other, and more where the last aren't answered",
        "all answered; one in ten may be lost, and no ten at the end",
    ),
    stimulus(
        "icmp/echo",
        "an echo with 56 bytes left to chance",
        "its reply, with the same identifier, number and bytes",
    ),
    stimulus(
        "icmp/source",
        "an echo",
        "a reply from the address that was asked",
    ),
    stimulus(
        "icmp/checksum",
        "three echoes with one, eight and all bits of their sum wrong, and a right one",
        "a reply to the right one alone",
    ),
    stimulus(
        "icmp/checksum-zero",
        "an echo whose bytes are such that its sum is 0",
        "its reply",
    ),
    stimulus(
        "icmp/unknown",
        "messages of the types 250, 42 and 1, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "icmp/truncated",
        "echoes of 0 to 7 bytes, errors that quote less than a header, and an echo",
        "a reply to the last alone",
    ),
    stimulus(
        "icmp/no-error-for",
        "datagrams to a closed port: in a broadcast frame, to 255.255.255.255, to 224.0.0.1, from both and from \
         0.0.0.0; and in a packet's second fragment; an echo behind each; then errors of seven types and codes, and an echo",
        "replies to the echoes, and no error",
    ),
    stimulus(
        "eth/one-by-one",
        "echoes, each once the one before was answered, for 20 s; 70,000 at least with `--thorough`, and fewer where 30 \
         were lost",
        "all answered, but for less than 0.5 % without a period, which is a note",
    ),
    stimulus(
        "eth/steady",
        "480 echoes, or 160 where many went one by one before; twice if need be",
        "medians of eight parts of all echoes that went one by one that don't rise all the time, to twice the first and \
         by 1 ms",
    ),
    stimulus(
        "eth/every-length",
        "echoes of every length, once in their order and once in another, with bytes left to chance",
        "replies to all, with the same bytes; what was lost comes again",
    ),
    stimulus(
        "eth/prompt",
        "100 echoes, each with 0.5 s for its answer before the next goes",
        "fewer than three answers that come with the next echo only",
    ),
    stimulus(
        "eth/once",
        "300 echoes",
        "fewer than two that are answered twice",
    ),
    stimulus(
        "eth/in-order",
        "320 echoes, 16 at once",
        "fewer than two answers that are overtaken",
    ),
    stimulus(
        "eth/ring",
        "16 echoes at once, up to eight times",
        "16 answers, once",
    ),
    stimulus(
        "eth/burst",
        "16, 64, 256 and 1024 echoes at once: short ones, long ones, and both and any between by turns; an echo behind \
         each burst",
        "the echo answered in one of six tries, and of mixed ones all in one of three tries where as many short ones and as \
         many long ones are all answered. How many of each were answered, if not all, is a note",
    ),
    stimulus(
        "eth/padding-in",
        "echoes of 3 bytes in frames of 60, 66, 100 and 534, filled up with anything",
        "replies of 3 bytes",
    ),
    stimulus(
        "eth/not-mine",
        "an echo in a frame for another hardware address, and one for the board's",
        "a reply to the second alone",
    ),
    stimulus(
        "eth/priority",
        "an echo with a tag of VLAN 0 and priority 5; ARP or neighbor discovery with one where no echo is answered",
        "its reply, with or without a tag",
    ),
    stimulus(
        "eth/llc",
        "five frames with a length in place of a type, right ones and wrong ones, and an echo",
        "a reply to the echo",
    ),
    stimulus(
        "ip4/not-mine",
        "an echo to another IP address in a frame for the board, and one for the board",
        "a reply to the second alone",
    ),
    stimulus(
        "ip4/checksum",
        "three echoes with one or all bits of a byte of the header's sum wrong, and a right one",
        "a reply to the right one alone",
    ),
    stimulus(
        "ip4/version",
        "echoes of the versions 5, 6 and 0 with a right sum, and one of version 4",
        "a reply to the last alone",
    ),
    stimulus(
        "ip4/ttl",
        "echoes with a time to live of 1 and 0",
        "replies to both",
    ),
    stimulus(
        "ip4/length",
        "eight echoes whose header or packet is shorter or longer than can be, and a right one",
        "a reply to the right one; one to another is worse than it should be",
    ),
    stimulus(
        "ndp/unicast",
        "a solicitation to the board's address alone",
        "an advertisement to who asked, solicited, with a hop limit of 255",
    ),
    stimulus(
        "ndp/solicited-node",
        "a solicitation to the board's solicited-node group, in a frame to that group",
        "the same, with the board's hardware address",
    ),
    stimulus(
        "ndp/dad",
        "a solicitation from no address, in a frame to the board",
        "an advertisement to all nodes, not solicited, with the board's hardware address",
    ),
    stimulus(
        "ndp/hop-limit",
        "solicitations with hop limits of 254, 64, 1 and 0, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "ndp/option-zero",
        "a solicitation with an option of length 0, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "udp/closed",
        "a datagram to port 47",
        "port unreachable, with the header and eight bytes as they were sent",
    ),
    stimulus(
        "udp/closed-checksum",
        "a datagram to port 47, which must be answered; one with a wrong sum, and an echo",
        "a reply to the echo, and no error for the wrong one",
    ),
    stimulus(
        "arp/unanswered",
        "20 echoes in 2 s from a neighbor that answers no ARP",
        "5 requests for it at most",
    ),
    stimulus(
        "arp/malformed",
        "ten requests with a wrong type, length or operation, and an echo",
        "a reply to the echo; one to a request is a note",
    ),
    stimulus(
        "arp/flood",
        "requests from 300 hardware addresses and 250 IP addresses; after every 50 of them more of a name on a \
         connection that was there before, or an echo where no server greets",
        "the text acknowledged, and the greeting at the end; or a reply to each echo",
    ),
    stimulus(
        "out/checksums",
        "what all checks have sent; 120 echoes if there was nothing",
        "right sums of IPv4, ICMP, UDP and TCP in all that came, but where this machine leaves them out",
    ),
    stimulus(
        "out/lengths",
        "the same",
        "packets that are as long as they say",
    ),
    stimulus(
        "out/ttl",
        "the same",
        "no time to live of 0, and 255 in neighbor discovery; one below 32 is worse than it should be",
    ),
    stimulus("out/tags", "the same", "no frame with a VLAN tag"),
    stimulus(
        "out/padding",
        "the same, and long echoes between short ones",
        "frames of 60 bytes and more, filled up with zeros; other bytes are a note as long as they are the same \
         each time, and shorter frames where no wire is",
    ),
];
