"""Lines over the board's second UART, which QEMU has as a pseudo-terminal of this machine."""

import re
import subprocess
import unittest

from board import PATIENCE, SERIAL_IMAGE, Board, our_program


class Serial(unittest.TestCase):
    def setUp(self):
        self.board = self.enterContext(Board(image=SERIAL_IMAGE, serial=True))
        where = re.search(r"serial1: filename=pty:(\S+)", self.board.monitor("info chardev").decode())
        self.port = where[1]

    def greet(self, command, *options, stdin=b""):
        """What our program prints of it, and its last line."""
        done = subprocess.run(
            [our_program(), command, "--serial", self.port, "--timeout", "30s", *options],
            input=stdin, capture_output=True, check=False, timeout=3 * PATIENCE,
        )
        with self.board.last_words():
            self.assertEqual(done.returncode, 0, done)
        return done.stdout.decode()

    def test_it_greets(self):
        self.assertEqual(self.greet("hello", "世界"), "Received: Hello, 世界\n")
        names = b"".join(b"number %d\n" % number for number in range(300))
        replies = "".join(f"Received: Hello, number {number}\n" for number in range(300))
        self.assertEqual(self.greet("hello", "--lines", stdin=names), replies)

    def test_noise_is_got_over(self):
        with open(self.port, "wb", buffering=0) as line:
            line.write(b"\xff\xfe noise and half a line")
        self.assertEqual(self.greet("hello"), "Received: Hello, World\n")
        self.board.check_lines(["Refused a line: name is not UTF-8 at byte 0"])

    def test_the_probe(self):
        # QEMU's UART takes a byte once the last was read.
        report = self.greet("probe", "--brief", "--flow-control", "hardware")
        self.assertRegex(report, r": passed \d+, failed 0, skipped \d+\n$")


if __name__ == "__main__":
    unittest.main()
