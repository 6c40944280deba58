//! What can be wrong with the host, by name: `no-echo`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, anyhow};

/// Makes the faults and the list of their names.
macro_rules! faults {
    ($($(#[$what:meta])+ $name:literal = $fault:ident)+) => {
        /// One thing that is wrong with the host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$what])+ $fault,)+
        }

        impl Fault {
            /// All of them, with their names.
            pub const ALL: [(&str, Self); [$($name),+].len()] = [$(($name, Self::$fault)),+];
        }
    };
}

faults! {
    /// It ignores echoes.
    "no-echo" = NoEcho
    /// It answers with another text.
    "echo-cut" = EchoCut
    /// Replies come from another address.
    "other-source" = OtherSource
    /// It answers echoes with a wrong sum.
    "icmp-unchecked" = IcmpUnchecked
    /// It takes a sum of zero for none, and drops such echoes.
    "zero-sum-dropped" = ZeroSumDropped
    /// It answers messages that it doesn't know.
    "answers-unknown" = AnswersUnknown
    /// A message that is cut short stops it.
    "dies-of-truncated" = DiesOfTruncated
    /// It hears no broadcasts.
    "broadcast-lost" = BroadcastLost
    /// It ignores ARP that goes to it alone.
    "arp-unicast-ignored" = ArpUnicastIgnored
    /// It answers ARP with a hardware address that isn't its own.
    "arp-wrong-fields" = ArpWrongFields
    /// It ignores ARP from no address.
    "probe-ignored" = ProbeIgnored
    /// It answers ARP for everybody.
    "answers-for-all" = AnswersForAll
    /// It asks for an address with every packet.
    "arp-storm" = ArpStorm
    /// ARP with a length of 255 stops it.
    "dies-of-arp" = DiesOfArp
    /// More than 64 neighbors stop it.
    "dies-of-neighbors" = DiesOfNeighbors
    /// More than 64 neighbors take the entries of its connections, which end.
    "neighbors-end-talks" = NeighborsEndTalks
    /// It takes packets for other addresses.
    "any-address" = AnyAddress
    /// It takes headers with a wrong sum.
    "header-unchecked" = HeaderUnchecked
    /// It takes packets of other versions.
    "any-version" = AnyVersion
    /// It drops packets whose time to live has run out.
    "ttl-dropped" = TtlDropped
    /// A packet that says that it is longer than its frame stops it.
    "dies-of-length" = DiesOfLength
    /// A packet that says that it has no bytes stops it.
    "dies-of-length-zero" = DiesOfLengthZero
    /// It sends errors for what went to all.
    "errors-for-all" = ErrorsForAll
    /// It sends errors for errors.
    "errors-for-errors" = ErrorsForErrors
    /// It says nothing of closed ports.
    "no-unreachable" = NoUnreachable
    /// It takes datagrams with a wrong sum.
    "udp-unchecked" = UdpUnchecked
    /// It ignores solicitations that go to it alone.
    "ndp-unicast-ignored" = NdpUnicastIgnored
    /// It hears no multicast.
    "multicast-lost" = MulticastLost
    /// It ignores solicitations from no address.
    "dad-ignored" = DadIgnored
    /// It answers solicitations from far away.
    "any-hop-limit" = AnyHopLimit
    /// It answers a solicitation with an option of length 0.
    "option-zero-taken" = OptionZeroTaken
    /// It leaves the sums of ICMP zero.
    "sums-zero" = SumsZero
    /// Its packets say that they are longer than they are.
    "wrong-length" = WrongLength
    /// Its packets say that their padding is their own.
    "padding-counted" = PaddingCounted
    /// Its time to live is 0.
    "ttl-zero" = TtlZero
    /// Its neighbor discovery has a hop limit of 64.
    "neighbor-hops" = NeighborHops
    /// Its frames have a VLAN tag.
    "tags-left" = TagsLeft
    /// Its short frames aren't filled up.
    "unpadded" = Unpadded
    /// They are filled up with what came before.
    "pad-leaks" = PadLeaks
    /// It takes all that is in a frame for data.
    "trailer-taken" = TrailerTaken
    /// It takes frames for other hardware addresses.
    "promiscuous" = Promiscuous
    /// It ignores frames with a tag for priority.
    "priority-ignored" = PriorityIgnored
    /// A frame with a length in place of a type stops it.
    "dies-of-llc" = DiesOfLlc
    /// More than 500 frames within 10 ms stop its receiver.
    "dies-of-burst" = DiesOfBurst
    /// A short frame right behind a long one is lost.
    "mixed-lost" = MixedLost
    /// Each answer takes 20 us longer than the one before.
    "later-and-later" = LaterAndLater
    /// It hears nothing, and asks for its router every second.
    "deaf" = Deaf
    /// Once nothing has come for a minute, it answers no ARP any more.
    "arp-sleeps" = ArpSleeps
    /// It answers echoes to everybody.
    "answers-broadcast-echo" = AnswersBroadcastEcho
    /// It sends errors as often as there is a cause.
    "errors-unlimited" = ErrorsUnlimited
    /// A message of ICMP over IPv6 that is cut short stops it.
    "dies-of-truncated-6" = DiesOfTruncated6
    /// It drops what is longer than 1480 bytes over IPv6.
    "long-6-lost" = Long6Lost
    /// It forgets a packet whose neighbor has to be asked for.
    "arp-queue-lost" = ArpQueueLost
    /// It forgets a packet over IPv6 whose neighbor has to be asked for.
    "ndp-queue-lost" = NdpQueueLost
    /// It asks where a neighbor is with every echo over IPv6.
    "ndp-storm" = NdpStorm
    /// It changes no entry of a neighbor unless it is asked.
    "gratuitous-ignored" = GratuitousIgnored
    /// Entries of neighbors hold for ever.
    "neighbors-for-ever" = NeighborsForEver
    /// More than 16 prefixes stop it.
    "dies-of-prefixes" = DiesOfPrefixes
    // TCP: handshakes.
    /// While one handshake is half open it takes no other.
    "syn-blocks-accept" = SynBlocksAccept
    /// Handshakes that never end keep their places.
    "half-open-for-ever" = HalfOpenForEver
    /// A SYN that comes again gets another initial sequence number.
    "syn-again-new-isn" = SynAgainNewIsn
    /// It sends no SYN ACK again.
    "synack-once" = SynackOnce
    /// It sends the answer to a SYN at the same pace again.
    "synack-no-backoff" = SynackNoBackoff
    /// It sends the answer to a SYN again for ever.
    "synack-for-ever" = SynackForEver
    /// It resets whoever sends text with the third segment.
    "data-in-third-reset" = DataInThirdReset
    /// Text that comes with a SYN is acknowledged and lost.
    "data-on-syn-lost" = DataOnSynLost
    /// It says nothing to an ACK of no connection.
    "listen-ack-silent" = ListenAckSilent
    /// It says nothing to a wrong third segment.
    "synrcvd-bad-ack-silent" = SynrcvdBadAckSilent
    /// A half-open handshake that is reset goes on.
    "synrcvd-rst-keeps-place" = SynrcvdRstKeepsPlace
    /// It sends 1460 bytes at once, whatever the other announced.
    "mss-ignored" = MssIgnored
    /// It sends 1000 bytes at once to whoever announced nothing, and 1400 over IPv6.
    "mss-default-ignored" = MssDefaultIgnored
    /// A maximum segment size of zero stops it.
    "dies-of-mss-zero" = DiesOfMssZero
    /// It announces segments that its network doesn't carry.
    "mss-too-long" = MssTooLong
    /// A SYN with FIN stops it.
    "dies-of-syn-fin" = DiesOfSynFin
    /// It takes a SYN that is a reset for a SYN.
    "syn-before-rst" = SynBeforeRst
    /// Its initial sequence number is always the same.
    "isn-constant" = IsnConstant
    /// Its initial sequence number grows by 64,000 with each connection.
    "isn-counter" = IsnCounter
    /// It sends both bits of ECN back.
    "ecn-echoed" = EcnEchoed
    /// Its SYN ACK says that routers may mark it.
    "ect-on-synack" = EctOnSynack
    // TCP: what comes.
    /// It takes segments with a wrong sum.
    "tcp-unchecked" = TcpUnchecked
    /// It drops segments with an option that it doesn't know.
    "options-choke" = OptionsChoke
    /// It echoes no timestamp but that of a SYN.
    "stamps-not-echoed" = StampsNotEchoed
    /// It sends no timestamp behind its SYN.
    "stamps-forgotten" = StampsForgotten
    /// It takes what is older than what has come.
    "paws-ignored" = PawsIgnored
    /// It sees options only where a word begins.
    "options-by-words" = OptionsByWords
    /// An option of length 0 stops it.
    "dies-of-option-zero" = DiesOfOptionZero
    /// An option that is longer than the header stops it.
    "dies-of-option-overrun" = DiesOfOptionOverrun
    /// A header that is longer than its segment stops it, and shorter than a header is taken.
    "offset-unchecked" = OffsetUnchecked
    /// It drops segments with a reserved bit.
    "reserved-bits-drop" = ReservedBitsDrop
    /// It takes segments without ACK.
    "flags-none-taken" = FlagsNoneTaken
    /// Text of segments with an urgent pointer is lost.
    "urgent-lost" = UrgentLost
    /// An urgent pointer behind the text stops it.
    "dies-of-urgent" = DiesOfUrgent
    /// It ends its servers, and nothing else.
    "servers-die-of-urgent" = ServersDieOfUrgent
    /// Of text that overlaps what came before, it takes the first bytes for the new ones.
    "overlap-new-wins" = OverlapNewWins
    /// Text that comes again is taken again.
    "old-taken-again" = OldTakenAgain
    /// It doesn't acknowledge what comes again.
    "old-not-acked" = OldNotAcked
    /// A FIN that is ahead of lost text is taken at once.
    "early-fin-taken" = EarlyFinTaken
    /// Text that is ahead of lost text is taken at once.
    "out-of-order-taken-in-place" = OutOfOrderTakenInPlace
    /// Text that is ahead of lost text is thrown away.
    "out-of-order-not-held" = OutOfOrderNotHeld
    /// It takes text beyond its window.
    "rx-beyond-window-taken" = RxBeyondWindowTaken
    /// Text in a segment with FIN is lost.
    "fin-data-dropped" = FinDataDropped
    /// Text behind a FIN is taken.
    "fin-data-after-taken" = FinDataAfterTaken
    /// An ACK of what was never sent counts as one of all.
    "ack-unsent-taken" = AckUnsentTaken
    /// It takes text with an acknowledgment from long ago.
    "ack-old-taken" = AckOldTaken
    /// What stands behind a segment is text, where the frame is longer than the shortest.
    "segment-trailer-taken" = SegmentTrailerTaken
    /// A SYN ends its connection.
    "syn-kills" = SynKills
    /// It says nothing to a SYN within a connection.
    "syn-ignored" = SynIgnored
    /// Its answer to a SYN within a connection has another sequence number.
    "challenge-wrong-seq" = ChallengeWrongSeq
    /// It ignores resets.
    "rst-ignored" = RstIgnored
    /// A reset outside of the window ends a connection.
    "rst-anywhere" = RstAnywhere
    /// A reset anywhere in the window ends a connection.
    "rst-in-window" = RstInWindow
    /// It answers resets.
    "rst-answered" = RstAnswered
    /// It says nothing of closed ports of TCP.
    "closed-port-silent" = ClosedPortSilent
    /// Its closed ports of TCP answer as those of UDP do.
    "closed-port-icmp" = ClosedPortIcmp
    /// It takes a SYN that went to all.
    "broadcast-syn-answered" = BroadcastSynAnswered
    /// It answers addresses that nobody has.
    "martian-answered" = MartianAnswered
    /// A SYN from itself stops it.
    "dies-of-land" = DiesOfLand
    /// It compares sequence numbers as if they never wrapped.
    "seq-wrap-broken" = SeqWrapBroken
    /// It says nothing to a keepalive.
    "keepalive-ignored" = KeepaliveIgnored
    /// It acknowledges after 800 ms.
    "ack-delayed-long" = AckDelayedLong
    /// It acknowledges no second segment at once.
    "no-ack-every-second" = NoAckEverySecond
    /// The right edge of its window moves back.
    "window-left" = WindowLeft
    /// It scales its window for whoever can't.
    "scale-always" = ScaleAlways
    // TCP: what goes.
    /// It sends nothing again.
    "never-retransmits" = NeverRetransmits
    /// It sends again for ever.
    "never-gives-up" = NeverGivesUp
    /// It sends again at equal intervals.
    "no-backoff" = NoBackoff
    /// A new connection waits as long as the one that has waited longest.
    "rto-inherited" = RtoInherited
    /// It sends again after 50 ms.
    "rto-early" = RtoEarly
    /// It sends other bytes again than those that were lost.
    "rto-other-bytes" = RtoOtherBytes
    /// It doesn't send its FIN again.
    "fin-not-repeated" = FinNotRepeated
    /// Duplicate ACKs make it send nothing again.
    "no-fast-retransmit" = NoFastRetransmit
    /// It sends all again for one segment that was lost.
    "resends-all" = ResendsAll
    /// It sends as much as the window takes, at once.
    "cwnd-ignored" = CwndIgnored
    /// After a time-out the first acknowledgment lets all go at once.
    "slow-start-skipped" = SlowStartSkipped
    /// It never asks a window whether it is still closed.
    "no-window-probe" = NoWindowProbe
    /// It sends into a closed window.
    "sends-into-closed-window" = SendsIntoClosedWindow
    /// It doesn't hear of a window that opens.
    "window-update-ignored" = WindowUpdateIgnored
    /// A window that shrinks ends its connection.
    "window-shrink-dies" = WindowShrinkDies
    /// It sends a byte for each byte by which a window opens.
    "silly-windows" = SillyWindows
    /// It says nothing to who asks whether its window is still closed.
    "zero-probe-ignored" = ZeroProbeIgnored
    /// It tells of each byte by which its window opens.
    "silly-receiver" = SillyReceiver
    /// It gives a connection up after three retransmissions.
    "gives-up-early" = GivesUpEarly
    /// It asks after a second whether the other is still there.
    "keepalive-early" = KeepaliveEarly
    /// Its TCP has a clock ten times as fast.
    "clock-fast" = ClockFast
    /// An unreachable network ends a connection.
    "soft-error-aborts" = SoftErrorAborts
    /// A source quench ends a connection.
    "quench-aborts" = QuenchAborts
    /// It doesn't hear that its packets are too long.
    "needed-ignored" = NeededIgnored
    /// A closed port ends a connection that is there, as RFC 9293 would have it.
    "hard-error-aborts" = HardErrorAborts
    /// So does one that is reported of something that was never sent.
    "any-error-aborts" = AnyErrorAborts
    /// A path that takes no 68 bytes stops it.
    "needed-absurd-dies" = NeededAbsurdDies
    // TCP: the end.
    /// It ignores a FIN that crosses its own.
    "crossed-fin-lost" = CrossedFinLost
    /// It waits for ever for a FIN.
    "fin-wait-for-ever" = FinWaitForEver
    /// Its last wait never ends.
    "last-ack-lost-for-ever" = LastAckLostForEver
    /// It answers a reset after the end, and then takes no SYN from the same port.
    "timewait-acks-rst" = TimewaitAcksRst
    /// It says nothing to a FIN that comes again after the end.
    "timewait-silent-fin" = TimewaitSilentFin
    /// The wait after the end doesn't end.
    "timewait-for-ever" = TimewaitForEver
    // UDP.
    /// It takes all behind a header of UDP for the text, whatever length that says.
    "udp-length-ignored" = UdpLengthIgnored
    /// It takes a sum of zero for a wrong one.
    "udp-zero-dropped" = UdpZeroDropped
    /// It takes datagrams without a sum over IPv6.
    "udp-zero-v6-taken" = UdpZeroV6Taken
    /// A sum that comes out as zero is sent as none.
    "udp-sum-zero-sent" = UdpSumZeroSent
    /// It answers to port 0.
    "udp-port-zero-answered" = UdpPortZeroAnswered
    /// It takes messages with a wrong sum.
    "udp-data-unchecked" = UdpDataUnchecked
    /// It takes all of a frame behind a header of UDP for the text.
    "udp-trailer-taken" = UdpTrailerTaken
    /// It takes no more than 512 bytes of a message.
    "udp-cut" = UdpCut
    // Fragments, options and headers of IP.
    /// Its packets may be cut, and have all the same number.
    "numbers-repeat" = NumbersRepeat
    /// It ignores fragments.
    "fragments-ignored" = FragmentsIgnored
    /// It takes each fragment for a packet of its own.
    "fragments-apart" = FragmentsApart
    /// A packet whose rest doesn't come takes the place of all others.
    "fragment-slot-for-ever" = FragmentSlotForEver
    /// It tells of packets that it gives up though their first fragment never came.
    "expiry-without-first" = ExpiryWithoutFirst
    /// It puts fragments of any packets together that have the same number.
    "fragment-key-id-only" = FragmentKeyIdOnly
    /// It puts fragments together that overlap.
    "fragment-overlap-mixed" = FragmentOverlapMixed
    /// It takes fragments in their order only.
    "fragment-order" = FragmentOrder
    /// Fragments of a packet that is too long stop it.
    "dies-of-fragments" = DiesOfFragments
    /// It drops packets with options.
    "options-dropped" = OptionsDropped
    /// It takes 20 bytes for the header of a segment's packet, whatever that says.
    "segment-behind-twenty" = SegmentBehindTwenty
    /// It sends packets on that say how they want to go.
    "source-route-forwarded" = SourceRouteForwarded
    /// It says nothing of protocols that it doesn't know.
    "protocol-silent" = ProtocolSilent
    /// It drops packets of IPv6 with more than one header.
    "ext-dropped" = ExtDropped
    /// It says nothing of headers of IPv6 that it doesn't know.
    "unknown-header-silent" = UnknownHeaderSilent
    /// It puts fragments of IPv6 together that overlap.
    "frag6-overlap-taken" = Frag6OverlapTaken
    /// It doesn't hear that its packets of IPv6 are too long.
    "too-big-ignored" = TooBigIgnored
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == text);
        known
            .map(|(_, fault)| fault)
            .ok_or_else(|| anyhow!("{text} is no fault of the responder's"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.into_iter().find(|(_, fault)| fault == self);
        f.write_str(known.map_or("?", |(name, _)| name))
    }
}

/// What is wrong with a host, if anything is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrong(pub Option<Fault>);

impl Wrong {
    /// Whether it is this.
    pub fn is(self, fault: Fault) -> bool {
        self.0 == Some(fault)
    }
}
