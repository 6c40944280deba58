"""Plain clients against the board."""

import socket
import subprocess
import threading
import time
import unittest

from board import PATIENCE, Board, our_program, received

GREETINGS = 10_000
CLIENTS = 8
MINUTE = 60


class Greetings(unittest.TestCase):
    def setUp(self):
        self.board = self.enterContext(Board())

    def test_names_are_greeted_byte_for_byte(self):
        names = [b"World", "世界".encode(), b"a\0b\n", b"x" * 535, b"y" * 536, b"z" * 1024]
        for name in names:
            for fin in [False, True]:
                self.board.check_reply(name, b"Hello, " + name, fin)
        self.board.check_reply(b"", b"Hello, ", fin=True)
        self.board.check_lines(["Connection from PEER"] * (2 * len(names) + 1))

    def test_what_is_no_name_is_refused(self):
        lines = []
        for sent, why in [
            (b"x" * 1025, "name is longer than 1024 bytes"),
            (b"x" * 20_000, "name is longer than 1024 bytes"),
            (b"ok\xff", "name is not UTF-8 at byte 2"),
        ]:
            self.board.check_reply(sent, f"Error: {why}\n".encode(), fin=True)
            lines += ["Connection from PEER", f"Refused PEER: {why}"]
            self.board.check_lines(lines)

    def test_ten_thousand_in_a_row(self):
        for number in range(GREETINGS):
            name = b"number %d" % number
            self.board.check_reply(name, b"Hello, " + name)

    def test_eight_at_once_for_a_minute(self):
        wrong, greeted = [], [0] * CLIENTS
        end = time.monotonic() + MINUTE

        def client(number):
            while not wrong and time.monotonic() < end:
                turn = greeted[number]
                name = b"client %d, turn %d" % (number, turn)
                try:
                    self.board.check_reply(name, b"Hello, " + name, fin=turn % 2 == 1)
                    greeted[number] += 1
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=client, args=[n]) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise wrong[0]
        print(f"eight clients at once: {sum(greeted)} greetings in a minute")

    def test_silent_clients_delay_nobody(self):
        address = ("127.0.0.1", self.board.tcp)
        silent = [
            self.enterContext(socket.create_connection(address, PATIENCE)) for _ in range(CLIENTS)
        ]
        for number in range(20):
            name = b"%d among the silent" % number
            self.board.check_reply(name, b"Hello, " + name)
        # Nor has one of them made room by being refused.
        self.board.check_lines(["Connection from PEER"] * (CLIENTS + 20))
        for client in silent:
            with self.board.last_words():
                self.assertEqual(received(client), b"Error: no name within 10 s\n")

    def test_messages(self):
        lines = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", self.board.udp))
            for sent, line in [
                (b"Hello, UDP!", "Received message: Hello, UDP! from PEER"),
                (b"", "Received message:  from PEER"),
                ("你好".encode(), "Received message: 你好 from PEER"),
                (b"x\nREADY", "Received message: x\\nREADY from PEER"),
                (b"m" * 1024, f"Received message: {'m' * 1024} from PEER"),
                (b"m" * 1025, "Refused PEER: message is longer than 1024 bytes"),
                (b"a\xff", "Refused PEER: message is not UTF-8 at byte 1"),
                *((b"%d" % n, f"Received message: {n} from PEER") for n in range(500)),
            ]:
                sender.send(sent)
                lines.append(line)
                # Each is waited for: UDP may lose what comes too fast.
                self.board.check_lines(lines)

    def test_our_own_client(self):
        to = f"127.0.0.1:{self.board.tcp}"
        done = subprocess.run(
            [our_program(), "hello", "Ada", "--to", to],
            capture_output=True, check=False, timeout=PATIENCE, text=True,
        )
        self.assertEqual((done.stdout, done.returncode), ("Received: Hello, Ada\n", 0), done)


if __name__ == "__main__":
    unittest.main()
