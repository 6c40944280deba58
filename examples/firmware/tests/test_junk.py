"""Junk on the wire: frames that are random, cut short, too long, or almost right.

They go straight to the emulated chip, beside a network over which the board greets as before.
"""

import collections
import contextlib
import os
import queue
import random
import struct
import unittest

from board import PATIENCE, Board

FRAMES = int(os.environ.get("FRAMES", "100000"))
SEED = int(os.environ.get("SEED", "1"))

BOARD_IP = bytes([10, 0, 2, 15])
OUR_IP = bytes([10, 0, 2, 77])
# Who asks whether the board is done. No bit is as in the address above, so that no junk asks so.
ASKING_IP = bytes([10, 0, 2, 178])
OUR_ADDRESS = bytes([2, 0, 0, 0, 0, 77])
# QEMU's, in its user network.
GATEWAY_ADDRESS = bytes([0x52, 0x55, 10, 0, 2, 2])
EVERYBODY = b"\xff" * 6
ARP, IPV4 = 0x0806, 0x0800
# The chip drops frames while its FIFO of 10 KiB is full: a batch and what others send fit into it.
FIFO = 7_000


def checksum(data):
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(to, kind, payload):
    return to + OUR_ADDRESS + struct.pack("!H", kind) + payload


def arp(operation, sender=OUR_IP):
    fixed = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation)
    return fixed + OUR_ADDRESS + sender + bytes(6) + BOARD_IP


def ip(protocol, payload, source=OUR_IP):
    header = bytearray(
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    )
    header += source + BOARD_IP
    header[10:12] = struct.pack("!H", checksum(bytes(header)))
    return bytes(header) + payload


def with_checksum(protocol, segment, at, source=OUR_IP):
    pseudo = source + BOARD_IP + struct.pack("!BBH", 0, protocol, len(segment))
    value = struct.pack("!H", checksum(pseudo + segment))
    return segment[:at] + value + segment[at + 2 :]


def tcp(chance, flags, payload=b"", source=OUR_IP):
    ports = (chance.randrange(1, 65536), 8000)
    numbers = (chance.getrandbits(32), chance.getrandbits(32))
    segment = struct.pack("!HHIIBBHHH", *ports, *numbers, 0x50, flags, 65535, 0, 0)
    return ip(6, with_checksum(6, segment + payload, 16, source), source)


def udp(payload, port=8001):
    datagram = struct.pack("!HHHH", 4000, port, 8 + len(payload), 0) + payload
    return ip(17, with_checksum(17, datagram, 6))


def good_frame(chance, board):
    """A frame that the board would take, for others to be made of."""
    flags = chance.choice([0x02, 0x10, 0x11, 0x18, 0x04, 0x12, chance.getrandbits(8)])
    payload = chance.randbytes(chance.randrange(0, 600))
    return chance.choice([
        lambda: ethernet(EVERYBODY, ARP, arp(chance.choice([1, 2, 3]))),
        lambda: ethernet(board, IPV4, tcp(chance, flags, payload)),
        lambda: ethernet(board, IPV4, udp(payload)),
        lambda: ethernet(board, IPV4, ip(1, b"\x08\0" + payload)),
    ])()


def junk(chance, board):
    """A frame that nobody should have sent, and what is wrong with it."""
    to = chance.choice([board, EVERYBODY, chance.randbytes(6)])
    kind = chance.randrange(6)
    if kind == 0:
        return "random", chance.randbytes(chance.randrange(14, 1515))
    if kind == 1:
        payload = chance.randbytes(chance.randrange(0, 1501))
        return "random inside", ethernet(to, chance.choice([ARP, IPV4]), payload)
    good = bytearray(good_frame(chance, board))
    if kind == 2:
        return "cut short", bytes(good[: chance.randrange(14, len(good))])
    if kind == 3:
        return "too long", bytes(good) + chance.randbytes(chance.randrange(1515, 2048) - len(good))
    if kind == 4:
        for _ in range(chance.randrange(1, 4)):
            bit = chance.randrange(len(good) * 8)
            good[bit // 8] ^= 1 << (bit % 8)
        return "flipped bits", bytes(good)
    # The checksums are right, the rest isn't.
    segment = bytearray(tcp(chance, 0, chance.randbytes(chance.randrange(0, 60)))[20:])
    for _ in range(chance.randrange(1, 8)):
        segment[chance.randrange(2, len(segment))] = chance.getrandbits(8)
    segment[16:18] = b"\0\0"
    return "nonsense in TCP", ethernet(board, IPV4, ip(6, with_checksum(6, bytes(segment), 16)))


class Wire:
    """The wire to the board: the test puts frames of its own among those that it passes on."""

    def __init__(self, board):
        self.board = board
        self.answers = queue.Queue()
        board.wire.listen(self.from_board)
        board.far_end.listen(board.wire.send)

    def from_board(self, frame):
        # What the board answers to junk goes nowhere.
        if frame[:6] in (EVERYBODY, GATEWAY_ADDRESS):
            self.board.far_end.send(frame)
        answer = frame[12:14] == struct.pack("!H", ARP) and frame[20:22] == b"\0\2"
        if answer and frame[28:32] == BOARD_IP and frame[38:42] == ASKING_IP:
            self.answers.put(frame[22:28])

    def send(self, frame):
        self.board.wire.send(frame)

    def ask(self):
        """Asks the board who it is. By its answer, all frames before have been dealt with."""
        self.send(ethernet(EVERYBODY, ARP, arp(1, ASKING_IP)))
        try:
            return self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("the board doesn't answer any more") from None

    def close(self):
        self.board.far_end.stop()
        self.board.wire.stop()


class Junk(unittest.TestCase):
    def test_the_board_greets_among_junk(self):
        chance = random.Random(SEED)
        sent = collections.Counter()
        self.addCleanup(lambda: print(f"junk: {sent.total()} frames, SEED={SEED}:", dict(sent)))
        with Board(raw=True) as board, contextlib.closing(Wire(board)) as wire:
            address = wire.ask()
            while sent.total() < FRAMES:
                with board.last_words():
                    room = FIFO
                    while room > 2048:
                        kind, frame = junk(chance, address)
                        wire.send(frame)
                        sent[kind] += 1
                        room -= len(frame) + 8
                    self.assertEqual(wire.ask(), address)
                if sent.total() % 100 == 0:
                    board.check_reply(b"among junk", b"Hello, among junk")
            for number in range(100):
                name = b"after %d" % number
                board.check_reply(name, b"Hello, " + name)
        self.assertEqual(len(sent), 6, "each kind of junk")


if __name__ == "__main__":
    unittest.main()
