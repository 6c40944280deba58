"""Plain clients against the board."""

import socket
import subprocess
import threading
import time
import unittest

from board import PATIENCE, Board, our_program

GREETINGS = 10_000
CLIENTS = 8
MINUTE = 60


class Greetings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.board = cls.enterClassContext(Board())

    def test_names_are_greeted_byte_for_byte(self):
        for name in [b"World", "世界".encode(), b"a\0b\n", b"x" * 535, b"y" * 536, b"z" * 1024]:
            for fin in [False, True]:
                self.assertEqual(self.board.greet(name, fin), b"Hello, " + name)
        self.assertEqual(self.board.greet(b"", fin=True), b"Hello, ")

    def test_what_is_no_name_is_refused(self):
        for sent, reply in [
            (b"x" * 1025, b"Error: name is longer than 1024 bytes\n"),
            (b"x" * 20_000, b"Error: name is longer than 1024 bytes\n"),
            (b"ok\xff", b"Error: name is not UTF-8 at byte 2\n"),
        ]:
            self.assertEqual(self.board.greet(sent, fin=True), reply)
        self.board.wait_for(": name is not UTF-8 at byte 2\r\n")

    def test_ten_thousand_in_a_row(self):
        for number in range(GREETINGS):
            name = b"number %d" % number
            self.assertEqual(self.board.greet(name), b"Hello, " + name)

    def test_eight_at_once_for_a_minute(self):
        wrong, greeted = [], [0] * CLIENTS
        end = time.monotonic() + MINUTE

        def client(number):
            turn = 0
            while turn == 0 or time.monotonic() < end:
                name = b"client %d, turn %d" % (number, turn)
                try:
                    reply = self.board.greet(name, fin=turn % 2 == 1)
                except OSError as error:
                    reply = error
                if reply == b"Hello, " + name:
                    greeted[number] += 1
                else:
                    wrong.append((name, reply))
                turn += 1

        threads = [threading.Thread(target=client, args=[n]) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"eight clients at once: {sum(greeted)} greetings in a minute")
        self.assertEqual(wrong, [])
        self.assertNotIn(0, greeted)

    def test_silent_clients_delay_nobody(self):
        address = ("127.0.0.1", self.board.tcp)
        silent = [socket.create_connection(address, PATIENCE) for _ in range(8)]
        try:
            for number in range(100):
                name = b"%d among the silent" % number
                self.assertEqual(self.board.greet(name), b"Hello, " + name)
            for client in silent:
                reply = client.makefile("rb").read()
                self.assertEqual(reply, b"Error: no name within 10 s\n")
        finally:
            for client in silent:
                client.close()

    def test_messages(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", self.board.udp))
            for sent, shown in [
                (b"Hello, UDP!", "Received message: Hello, UDP! from 10.0.2.2:"),
                (b"", "Received message:  from 10.0.2.2:"),
                ("你好".encode(), "Received message: 你好 from 10.0.2.2:"),
                (b"x\nREADY", "Received message: x\\nREADY from 10.0.2.2:"),
                (b"m" * 1024, f"Received message: {'m' * 1024} from 10.0.2.2:"),
                (b"m" * 1025, ": message is longer than 1024 bytes\r\n"),
                (b"a\xff", ": message is not UTF-8 at byte 1\r\n"),
            ]:
                sender.send(sent)
                self.board.wait_for(shown)
            # Each is waited for: UDP may lose what comes too fast.
            for number in range(500):
                sender.send(b"message %d." % number)
                self.board.wait_for(f"Received message: message {number}. from ")

    def test_our_own_client(self):
        to = f"127.0.0.1:{self.board.tcp}"
        done = subprocess.run(
            [our_program(), "hello", "Ada", "--to", to],
            capture_output=True, check=False, timeout=PATIENCE, text=True,
        )
        self.assertEqual((done.stdout, done.returncode), ("Received: Hello, Ada\n", 0), done)


if __name__ == "__main__":
    unittest.main()
