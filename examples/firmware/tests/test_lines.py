"""Lines mode on the board, asked by those who have never heard of us."""

import shutil
import socket
import subprocess
import threading
import unittest

from board import FULL_IMAGE, PATIENCE, Board, missing, received

LINES = 10_000


class Lines(unittest.TestCase):
    def setUp(self):
        self.board = self.enterContext(Board(image=FULL_IMAGE))

    def connect(self):
        address = ("127.0.0.1", self.board.lines_port)
        return self.enterContext(socket.create_connection(address, PATIENCE))

    def check(self, client, sent, reply):
        """All that a client gets that half-closes only once the reply has begun."""
        client.sendall(sent)
        with self.board.last_words():
            start = client.recv(4096)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(start + received(client), reply)

    def test_line_by_line(self):
        client = self.connect()
        answers = client.makefile("rb")
        for number in range(200):
            line = b"number %d\n" % number
            client.sendall(line)
            with self.board.last_words():
                self.assertEqual(answers.readline(), b"Hello, " + line)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(answers.read(), b"")
        self.board.check_lines(["Connection from PEER"])

    def test_ten_thousand_without_waiting(self):
        client = self.connect()
        lines = [b"number %d\n" % number for number in range(LINES)]
        sender = threading.Thread(target=client.sendall, args=[b"".join(lines)])
        sender.start()
        answers = client.makefile("rb")
        for line in lines:
            with self.board.last_words():
                self.assertEqual(answers.readline(), b"Hello, " + line)
        sender.join()
        # Another is greeted while this one is still there, and what is left at FIN is a name.
        self.check(self.connect(), "世界\nno line feed".encode(), "Hello, 世界\nHello, no line feed".encode())
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(answers.read(), b"")
        self.board.check_lines(["Connection from PEER"] * 2)

    def test_a_refusal_comes_after_the_replies_before_it(self):
        said = []
        for sent, reply, why in [
            (b"Ada\na\xffb\nBob\n", b"Hello, Ada\n", "name is not UTF-8 at byte 1"),
            (b"Ada\n" + b"x" * 1024 + b"\n", b"Hello, Ada\n", "name is longer than 1024 bytes"),
            (b"y" * 20_000, b"", "name is longer than 1024 bytes"),
        ]:
            self.check(self.connect(), sent, reply + f"Error: {why}\n".encode())
            said += ["Connection from PEER", f"Refused PEER: {why}"]
            self.board.check_lines(said)

    def test_idle_connections_end_and_half_lines_are_late(self):
        idle, half = self.connect(), self.connect()
        half.sendall(b"Ada\nBo")
        with self.board.last_words():
            self.assertEqual(received(idle), b"")
            self.assertEqual(received(half), b"Hello, Ada\nError: no name within 10 s\n")

    def test_netcat(self):
        if shutil.which("nc") is None:
            missing("nc", "nc is not installed")
        # Without -N it goes on listening: the board ends what is idle.
        done = subprocess.run(
            ["nc", "127.0.0.1", str(self.board.lines_port)], input=b"Ada\nGrace\n",
            capture_output=True, check=False, timeout=PATIENCE,
        )
        with self.board.last_words():
            self.assertEqual((done.stdout, done.returncode), (b"Hello, Ada\nHello, Grace\n", 0), done)


if __name__ == "__main__":
    unittest.main()
