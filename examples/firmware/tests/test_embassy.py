"""The image with embassy: the same exercise in tasks, with a backlog behind four sockets of each kind."""

import socket
import threading
import unittest

from board import EMBASSY_IMAGE, PATIENCE, Board
from test_probe import check_verdict

CLIENTS, ROUNDS = 8, 50


class Embassy(unittest.TestCase):
    def setUp(self):
        self.board = self.enterContext(Board(image=EMBASSY_IMAGE))

    def test_it_greets_one_after_the_other(self):
        for number in range(200):
            name = b"number %d" % number
            self.board.check_reply(name, b"Hello, " + name, fin=number % 2 == 1)
        self.board.check_lines(["Connection from PEER"] * 200)

    def test_twice_as_many_clients_as_sockets_are_all_greeted(self):
        wrong = []

        def ask(client):
            for number in range(ROUNDS):
                name = b"client %d, %d" % (client, number)
                try:
                    reply = self.board.greet(name)
                except (AssertionError, OSError) as error:
                    reply = error
                if reply != b"Hello, " + name:
                    wrong.append((name, reply))

        clients = [threading.Thread(target=ask, args=[client]) for client in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        with self.board.last_words():
            self.assertEqual(wrong, [])

    def test_messages_are_shown_and_answered(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE)
            for message in ["Hello, UDP!", "", "你好", "m" * 1024]:
                sender.sendto(message.encode(), ("127.0.0.1", self.board.udp))
                if not message.startswith("Hello, "):
                    with self.board.last_words():
                        self.assertEqual(sender.recv(2048), f"Hello, {message}".encode())
        lines = [f"Received message: {text} from PEER" for text in ["Hello, UDP!", "", "你好", "m" * 1024]]
        self.board.check_lines(lines)

    def test_the_probe(self):
        udp, lines = f"127.0.0.1:{self.board.udp}", f"127.0.0.1:{self.board.lines_port}"
        check_verdict(self, self.board, EMBASSY_VERDICT, "4", "--udp", udp, "--lines", lines)


# One message comes in fragments, which embassy-net doesn't put together; and a burst of long ones overflows
# the chip's queue, which is no fault.
EMBASSY_VERDICT = "passed 96, failed 0, noted 2, skipped 3"


if __name__ == "__main__":
    unittest.main()
