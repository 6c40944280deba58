"""Boots the image in QEMU, and ends QEMU again, whatever happens.

The tests talk to the board from outside, with nothing but Python's own sockets: over TCP and UDP
ports of this machine that QEMU forwards, and, where a test asks for it, over a raw Ethernet link.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

FIRMWARE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGE = os.environ.get(
    "IMAGE",
    os.path.join(FIRMWARE, "target/thumbv7m-none-eabi/release/greet-firmware"),
)
# The one that answers messages, too.
REPLY_IMAGE = os.environ.get(
    "REPLY_IMAGE",
    os.path.join(FIRMWARE, "target/reply/thumbv7m-none-eabi/release/greet-firmware"),
)
# For everything that is waited for. Nothing takes that long, on however busy a machine.
PATIENCE = 120
# QEMU itself ends after this, should the test be killed.
LIFETIME = "1200"


def missing(what, why):
    """Skips a test, or fails it where GREET_REQUIRE names what is missing."""
    if what in os.environ.get("GREET_REQUIRE", "").split(","):
        raise AssertionError(why)
    raise unittest.SkipTest(why)


def our_program():
    """The desktop's `greet`."""
    greet = os.environ.get("GREET") or shutil.which("greet")
    if greet is None:
        missing("greet", "no greet program: set GREET to its path")
    return greet


class Board:
    """A board that listens, for a `with` statement."""

    def __init__(self, raw=False, image=IMAGE):
        if shutil.which("qemu-system-arm") is None:
            missing("qemu", "qemu-system-arm is not installed")
        if not os.path.exists(image):
            missing("image", f"{image} is not built: see README.md")
        self.raw, self.image = raw, image

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="greet-board-")
        try:
            for attempt in range(5):
                self.boot()
                if self.wait_for("READY\r\n", or_end=True):
                    return self
                # A port that was free is taken by now: once more, with others.
                if attempt == 4 or "Could not set up host forwarding" not in self.words():
                    raise AssertionError(f"the board didn't boot: {self.words()}")
                self.end()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.end()
        self.folder.cleanup()

    def link(self, name):
        """A link that carries Ethernet frames as datagrams, and what QEMU is to know of it."""
        ours, theirs = self.path(name), self.path(f"{name}-qemu")
        link = Link(ours, theirs)
        return link, ["-netdev", f"dgram,id={name},local.type=unix,remote.type=unix,"
                      f"local.path={theirs},remote.path={ours}"]

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def boot(self):
        self.tcp, self.udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        user = (
            f"user,id=user,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:{self.tcp}-10.0.2.15:8000,"
            f"hostfwd=udp:127.0.0.1:{self.udp}-10.0.2.15:8001"
        )
        network = ["-netdev", user]
        if self.raw:
            # The board is on a wire to the test, and so is the user network (through a hub, as
            # QEMU has no other way to join two of its ends): the test carries frames between them.
            self.wire, wire = self.link("wire")
            self.far_end, far_end = self.link("far-end")
            network += [*wire, *far_end, "-net", "nic,model=lan9118,netdev=wire"]
            for name in ["user", "far-end"]:
                network += ["-netdev", f"hubport,hubid=1,id=port-{name},netdev={name}"]
        else:
            network += ["-net", "nic,model=lan9118,netdev=user"]
        command = [
            "timeout", LIFETIME, "qemu-system-arm", "-M", "mps2-an385",
            "-display", "none", "-serial", f"file:{self.path('uart')}",
            "-monitor", f"unix:{self.path('monitor')},server=on,wait=off",
            "-icount", "shift=5,sleep=on",
            "-semihosting-config", "enable=on,target=native",
            *network, "-kernel", self.image,
        ]
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def end(self):
        """Ends QEMU. `timeout` hands the signal on to it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    process = None

    def uart(self):
        """All that the board has said so far."""
        try:
            with open(self.path("uart"), encoding="utf-8", newline="") as uart:
                return uart.read()
        except FileNotFoundError:
            return ""

    def words(self):
        with open(self.path("qemu.log"), encoding="utf-8") as log:
            return self.uart() + log.read()

    def wait_for(self, text, or_end=False):
        """Waits until the board has said this."""
        give_up = time.monotonic() + PATIENCE
        while text not in self.uart():
            if self.process.poll() is not None or time.monotonic() > give_up:
                if or_end:
                    return False
                raise AssertionError(f"no {text!r}: {self.words()[-2000:]}")
            time.sleep(0.01)
        return True

    def greet(self, name, fin=False):
        """What a plain client gets for a name."""
        with socket.create_connection(("127.0.0.1", self.tcp), PATIENCE) as client:
            client.sendall(name)
            if fin:
                acknowledged(client)
                client.shutdown(socket.SHUT_WR)
            reply = b""
            while part := client.recv(4096):
                reply += part
            return reply

    def monitor(self, command):
        """Has QEMU's monitor do something."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(PATIENCE)
            monitor.connect(self.path("monitor"))
            prompt(monitor)
            monitor.sendall(command.encode() + b"\n")
            return prompt(monitor)


def acknowledged(client):
    """Waits until all that was sent is acknowledged.

    QEMU listens with a backlog of one client. Where that is full, this machine's TCP resets whoever
    has half-closed before QEMU accepts it; the board sees nothing of it.
    """
    give_up = time.monotonic() + PATIENCE
    while struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4))) != (0,):
        if time.monotonic() > give_up:
            raise AssertionError("nobody acknowledges what was sent")
        time.sleep(0.0005)


class Link:
    """The test's end of a link to QEMU."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(ours)

    def send(self, frame):
        self.socket.sendto(frame, self.theirs)

    def listen(self, take):
        """Hands over what comes, in a thread of its own, until `stop`."""

        def read():
            while frame := self.socket.recv(4096):
                take(frame)

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()

    def stop(self):
        """Ends that thread. It may be sending over another link, so stop all before closing one."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.ours)
        self.reader.join()

    def close(self):
        self.socket.close()


def prompt(monitor):
    said = b""
    while not said.endswith(b"(qemu) "):
        part = monitor.recv(4096)
        if not part:
            raise AssertionError(f"the monitor ended after {said!r}")
        said += part
    return said


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
