"""The probe's verdict on the board: all but what this system's sockets can't ask; and all of it, from a
second host on the board's own wire."""

import re
import subprocess
import unittest

from board import FULL_IMAGE, PATIENCE, Board, our_program

# As many as the board has, in `network.rs`.
PLACES = "12"

# All but `crowd/mixed`: of a name of two or three bytes with FIN behind it QEMU's user network forwards FIN alone, where
# the client has had to repeat its SYN, as its own frames show. That check is asked over the wire.
ASKED = [word for only in ["[!c]*", "close", "crowd/[!m]*"] for word in ("--only", only)]


def check_verdict(test, board, verdict, places, *options):
    with board.last_words():
        done = subprocess.run(
            [our_program(), "probe", f"127.0.0.1:{board.tcp}", "--clients", places,
             "--timeout", "30s", "--brief", *ASKED, *options],
            capture_output=True, check=False, text=True, timeout=3 * PATIENCE,
        )
        end = f"127.0.0.1:{board.tcp}: {verdict}\n"
        if done.returncode != 0 or not done.stdout.endswith(end):
            test.fail(f"not {verdict!r}:\n{done.stdout}{done.stderr}")


class Probe(unittest.TestCase):
    def check_verdict(self, board, verdict, *options):
        check_verdict(self, board, verdict, PLACES, *options)

    def test_names(self):
        with Board() as board:
            self.check_verdict(board, "passed 51, failed 0, skipped 50")

    def test_names_lines_and_replies_to_messages(self):
        with Board(image=FULL_IMAGE) as board:
            udp, lines = f"127.0.0.1:{board.udp}", f"127.0.0.1:{board.lines_port}"
            self.check_verdict(
                board, "passed 98, failed 0, noted 1, skipped 2", "--udp", udp, "--lines", lines
            )

    def test_from_a_host_on_its_wire(self):
        with Board(cable=True, image=FULL_IMAGE) as board, board.last_words():
            done = subprocess.run(
                [our_program(), "probe", "10.0.2.15:8000", "--udp", "10.0.2.15:8001",
                 "--clients", PLACES, "--timeout", "30s", "--rounds", "200",
                 # What this stack fails of those with raw frames, tests/stacks knows.
                 "--only", "{first,read,close,crowd,tcp,reset,udp,sizes,burst}",
                 "--wire", "unix:" + ",".join(board.sockets)],
                capture_output=True, check=False, text=True, timeout=3 * PATIENCE,
            )
            # A burst comes faster than this chip's queue is emptied, which is no fault.
            verdict = r"10\.0\.2\.15:8000: passed 8\d, failed 0,( [a-z ]+ \d,)* skipped 0\n$"
            if done.returncode != 0 or not re.search(verdict, done.stdout):
                self.fail(f"{done.stdout}{done.stderr}")
            for check in ["half-open", "too-long-far"]:
                self.assertIn(f"  ✓ {check}\n", done.stdout)


if __name__ == "__main__":
    unittest.main()
