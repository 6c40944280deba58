"""The image without greet does the same exercise: or its size would be no measure of greet's."""

import socket
import unittest

from board import BARE_IMAGE, Board

# More than the board has places, so that each is used again.
CLIENTS = 30


class Bare(unittest.TestCase):
    def test_it_greets_and_shows_messages(self):
        with Board(image=BARE_IMAGE) as board:
            for number in range(CLIENTS):
                name = b"number %d" % number
                board.check_reply(name, b"Hello, " + name, fin=number % 2 == 1)
            lines = ["Connection from PEER"] * CLIENTS
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for message in ["Hello, UDP!", "", "你好", "m" * 1024]:
                    sender.sendto(message.encode(), ("127.0.0.1", board.udp))
                    lines.append(f"Received message: {message} from PEER")
                    board.check_lines(lines)


if __name__ == "__main__":
    unittest.main()
