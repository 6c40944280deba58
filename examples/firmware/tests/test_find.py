"""The board is found by a question to everybody, as README.md says: over a TAP device, in a network of the
test's own."""

import json
import os
import shutil
import subprocess
import threading
import unittest

from board import EMBASSY_IMAGE, FULL_IMAGE, LIFETIME, PATIENCE, missing, our_program

QEMU = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".cargo", "qemu")

# What README.md has its reader type, without sudo. The search ends with its first line.
SCRIPT = """
    ip tuntap add tap0 mode tap
    ip address add 10.0.2.2/24 dev tap0
    ip link set tap0 up
    TAP=tap0 "$QEMU" "$IMAGE" < /dev/null > "$UART" 2>&1 &
    exec "$GREET" find --interface tap0 --wait 1h --json
"""


def unshared():
    """A command in a network and processes of its own, all of which end with it."""
    command = ["timeout", LIFETIME, "unshare", "--net", "--pid", "--fork", "--kill-child"]
    return command if os.geteuid() == 0 else [*command, "--map-root-user"]


class Find(unittest.TestCase):
    def setUp(self):
        if shutil.which("qemu-system-arm") is None:
            missing("qemu", "qemu-system-arm is not installed")
        trial = [*unshared(), "ip", "tuntap", "add", "tap0", "mode", "tap"]
        if shutil.which("ip") is None or subprocess.run(trial, capture_output=True).returncode != 0:
            missing("tap", "no TAP device can be made in a network of its own")

    def test_the_board_is_found_and_answers_from_its_own_address(self):
        self.check(FULL_IMAGE)

    def test_so_is_the_board_with_embassy(self):
        self.check(EMBASSY_IMAGE)

    def check(self, image):
        if not os.path.exists(image):
            missing("image", f"{image} is not built: see README.md")
        environment = {
            **os.environ,
            "QEMU": QEMU, "IMAGE": image, "UART": os.devnull, "GREET": our_program(),
        }
        with subprocess.Popen(
            [*unshared(), "sh", "-ec", SCRIPT],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        ) as search:
            # Where nobody is found, the search ends, and its line is none.
            give_up = threading.Timer(PATIENCE, search.terminate)
            give_up.start()
            try:
                line = search.stdout.readline()
            finally:
                give_up.cancel()
                search.terminate()
        self.assertTrue(line, "nobody is found")
        found = json.loads(line)
        self.assertEqual(found["address"], "10.0.2.15")
        self.assertEqual((found["interface"], found["place"]), ("tap0", "near"))
        self.assertEqual(found["answer"], "greeting")
        self.assertRegex(found["hardware"], "^52:54:00:")
        self.assertEqual(found["next"], "greet probe 10.0.2.15:8000 --udp 10.0.2.15:8001")


if __name__ == "__main__":
    unittest.main()
