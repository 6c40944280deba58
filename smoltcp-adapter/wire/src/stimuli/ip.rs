//! Of the checks of ICMP, neighbors and IP of both versions that came after those of frames.

use super::{Stimulus, stimulus};

pub(super) static STIMULI: &[Stimulus] = &[
    stimulus(
        "icmp/broadcast-echo",
        "echoes to 255.255.255.255, to the network's broadcast address and to 224.0.0.1, in frames to the board alone; an echo",
        "a reply to the last alone; others are a note",
    ),
    stimulus(
        "icmp/rate",
        "a datagram to a closed port, and once that has got its error 200 more, each once the one before has got \
         its own, or after 2 ms",
        "errors for fewer than 180; more are a note",
    ),
    stimulus(
        "icmp6/echo",
        "an echo over IPv6 with 56 bytes left to chance",
        "its reply, with the same identifier, number and bytes",
    ),
    stimulus(
        "icmp6/source",
        "an echo over IPv6",
        "a reply from the address that was asked",
    ),
    stimulus(
        "icmp6/every-length",
        "echoes of every length over IPv6, once in their order and once in another, with bytes left to chance",
        "replies to all, with the same bytes; what was lost comes again",
    ),
    stimulus(
        "icmp6/checksum",
        "three echoes with one, eight and all bits of their sum wrong, and a right one",
        "a reply to the right one alone",
    ),
    stimulus(
        "icmp6/checksum-zero",
        "an echo over IPv6 whose bytes are such that its sum is 0",
        "its reply",
    ),
    stimulus(
        "icmp6/unknown",
        "messages of the types 200, 201 and 254, and an echo",
        "a reply to the echo alone; what a host says by itself doesn't count",
    ),
    stimulus(
        "icmp6/truncated",
        "echoes of 0 to 7 bytes, errors that quote less than a header, and an echo",
        "a reply to the last alone",
    ),
    stimulus(
        "icmp6/no-error-for",
        "datagrams to a closed port: in the frame of a group, in a broadcast frame, and to ff02::1; an echo behind each; then \
         errors of seven types and codes, bare and behind an option that nobody knows, and an echo",
        "replies to the echoes, and no error",
    ),
    stimulus(
        "icmp6/rate",
        "the same over IPv6",
        "errors for fewer than 180",
    ),
    stimulus(
        "udp6/closed",
        "a datagram over IPv6 to port 47",
        "port unreachable that quotes the header and 8 bytes as they were sent",
    ),
    stimulus(
        "udp6/closed-checksum",
        "a datagram over IPv6 to port 47 with a wrong sum, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "ndp/checksum",
        "three solicitations with wrong sums, and an echo",
        "a reply to the echo alone",
    ),
    stimulus(
        "arp/queue",
        "an echo from an address that the board has never heard of, which answers ARP; two at most, from three addresses at most",
        "the reply to a first echo; if those to second ones alone come, it is worse than it should be",
    ),
    stimulus(
        "arp/gratuitous",
        "ARP and an echo from a new address; then ARP to all by which that address is at another hardware address, and an echo \
         from there",
        "the reply goes there; otherwise it is a note",
    ),
    stimulus(
        "arp/moved",
        "ARP and an echo from a new address; then echoes from another hardware address, two seconds apart, and nobody answers \
         at the first any more",
        "a reply that goes to the other within two minutes",
    ),
    stimulus(
        "ndp/queue",
        "an echo from an address on the link that the board has never heard of, which answers solicitations; two at most, from \
         three addresses at most",
        "the reply to a first echo",
    ),
    stimulus(
        "ndp/unanswered",
        "20 echoes over IPv6 in 2 s from a neighbor that answers no solicitation",
        "5 solicitations for it at most",
    ),
    stimulus(
        "ra/flood",
        "advertisements of 40 routers, each with a prefix that holds for 4 s, and an echo",
        "a reply to the echo",
    ),
    stimulus(
        "ip4/options",
        "echoes with options that do nothing, a record of the route, timestamps, and one that nobody knows",
        "replies to all, with or without options of their own",
    ),
    stimulus(
        "ip4/source-route",
        "echoes whose options name this host as the next stop, loose and strict; an echo",
        "a reply to the last, and none of the others on its way back; replies to them don't matter",
    ),
    stimulus(
        "ip4/protocol",
        "a packet of protocol 253",
        "protocol unreachable",
    ),
    stimulus(
        "ip4/martian",
        "echoes from 127.0.0.1, 255.255.255.255, 224.0.0.1, 0.0.0.0 and the network's broadcast address, and one from here",
        "a reply to the last alone, and no ARP for one of the others; one to the network's is a note",
    ),
    stimulus(
        "ip4/land",
        "an echo to the board that comes from its own address, and one from here",
        "a reply to the last",
    ),
    stimulus(
        "ip4/id",
        "16 echoes",
        "replies that mustn't be cut, or whose numbers differ; others are a note",
    ),
    stimulus(
        "ip4/fragments",
        "echoes in packets of 576 and of 1500 bytes, in 2, 3 and 8 fragments: in order, the last first, and the first one \
         twice; each three times at most",
        "replies with the same bytes; of 1500 bytes or with one twice, a cross is worse than it should be, and so is none at all",
    ),
    stimulus(
        "ip4/frag-key",
        "two echoes in fragments that come in turn; then an echo in fragments, and between them those of a datagram, and of an \
         echo from another address, with the same number",
        "replies with the right bytes; if of two at once not both are put together, that is a note",
    ),
    stimulus(
        "ip4/frag-overlap",
        "an echo in three fragments, of which the second has other bytes where the first has some, with a sum that fits \
         both; an echo",
        "a reply to the last alone; another is a note",
    ),
    stimulus(
        "ip6/fragments",
        "the same as ip4/fragments over IPv6, in packets of 1500 bytes",
        "replies with the same bytes; with one twice, a cross is worse than it should be, and so is none at all",
    ),
    stimulus(
        "ip6/frag-overlap",
        "the same as ip4/frag-overlap over IPv6",
        "a reply to the echo alone",
    ),
    stimulus(
        "ip4/frag-length",
        "fragments at the end of 64 KiB and beyond, empty ones, some whose length is no multiple of 8, and one packet with two \
         ends; an echo",
        "a reply to the echo",
    ),
    stimulus(
        "ip4/frag-expiry",
        "the first half of an echo, whose rest never comes; then the second half of another, whose first never comes",
        "time exceeded, code 1, of the one within 130 s, and not of the other",
    ),
    stimulus(
        "ip4/frag-recovers",
        "64 first fragments of packets whose rest never comes; an echo, and one in two fragments, again and again",
        "a reply to the echo, and within 130 s one to that in fragments; one that doesn't come at once is a note",
    ),
    stimulus(
        "ip6/frag-expiry",
        "the same as ip4/frag-expiry over IPv6",
        "time exceeded, code 1, of the one within 70 s, and not of the other",
    ),
    stimulus(
        "ip6/frag-recovers",
        "the same as ip4/frag-recovers over IPv6",
        "a reply to the echo, and within 70 s one to that in fragments; one that doesn't come at once is a note",
    ),
    stimulus(
        "ip6/ext",
        "echoes behind a header of options hop by hop, one for the destination, both, and one with an option that is to be \
         skipped",
        "replies to all",
    ),
    stimulus(
        "ip6/next-header",
        "a packet whose next header is 253",
        "parameter problem, code 1",
    ),
    stimulus(
        "ip6/too-big",
        "from a new address on the link, long echoes; then `packet too big` with 600 bytes, and with 1280",
        "after the first replies as long as before, or in parts of 1280 bytes at least; after the second in parts of 1280 at most",
    ),
    stimulus(
        "udp/checksum-bad",
        "three messages with one, another and eight bits of their sum wrong, and an echo",
        "a reply to the echo, and no answer",
    ),
    stimulus(
        "udp/checksum-zero",
        "a message with a sum of zero",
        "its answer",
    ),
    stimulus(
        "udp6/checksum-zero",
        "datagrams over IPv6 to the receiver's port and to port 47: with a right sum, and with a sum of zero; an echo",
        "an answer or an error to one of the first, a reply to the echo, and nothing to the others",
    ),
    stimulus(
        "udp/checksum-out",
        "a message from the port that makes the sum of its answer zero",
        "its answer, with 0xffff for its sum",
    ),
    stimulus(
        "udp/length",
        "messages that say that they have 0, 7, 24, 1000 and 65,535 bytes, and one of 3 with 20 behind them; their sums fit",
        "an answer to the last alone, of 3 bytes; if none comes, that is a note",
    ),
    stimulus(
        "udp/port-zero",
        "a message from port 0, and an echo",
        "a reply to the echo, and no answer",
    ),
    stimulus(
        "udp/padding-in",
        "a message of 3 bytes, with 20 behind its packet in its frame",
        "its answer, of 3 bytes",
    ),
    stimulus(
        "udp/every-length",
        "messages of 0 to 1024 letters, all with --thorough, or a third, 11 ms apart, each ten times at most",
        "answers with the same letters, unless an echo of that length doesn't come back either",
    ),
];
