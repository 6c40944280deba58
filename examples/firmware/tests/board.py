"""Boots the image in QEMU, and ends QEMU again, whatever happens.

The tests talk to the board from outside, with nothing but Python's own sockets: over TCP and UDP
ports of this machine that QEMU forwards, and, where a test asks for it, over a raw Ethernet link.
"""

import contextlib
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

TARGET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "target")
BUILT = "thumbv7m-none-eabi/release"
IMAGE = os.environ.get("IMAGE", os.path.join(TARGET, BUILT, "greet-firmware"))
# The one that answers messages, and has lines mode, too.
FULL_IMAGE = os.environ.get(
    "FULL_IMAGE", os.path.join(TARGET, "full", BUILT, "greet-firmware")
)
# The one without greet.
BARE_IMAGE = os.environ.get("BARE_IMAGE", os.path.join(TARGET, BUILT, "bare"))
# The one with embassy.
EMBASSY_IMAGE = os.environ.get(
    "EMBASSY_IMAGE", os.path.join(TARGET, BUILT, "greet-firmware-embassy")
)
# The one that takes lines over a UART.
SERIAL_IMAGE = os.environ.get("SERIAL_IMAGE", os.path.join(TARGET, BUILT, "serial"))
# The line with which an image says that it listens.
READY = "READY\r\n"
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

    def __init__(self, raw=False, cable=False, serial=False, image=IMAGE):
        if shutil.which("qemu-system-arm") is None:
            missing("qemu", "qemu-system-arm is not installed")
        if not os.path.exists(image):
            missing("image", f"{image} is not built: see README.md")
        self.raw, self.cable, self.serial, self.image = raw, cable, serial, image

    def __enter__(self):
        try:
            for attempt in range(5):
                self.boot()
                if self.wait_until(lambda: READY in self.uart()):
                    return self
                # A port that was free is taken by now: once more, with others.
                if attempt == 4 or "Could not set up host forwarding" not in self.words():
                    raise AssertionError(f"the board didn't boot: {self.words()}")
                self.end()
        except BaseException:
            self.end()
            raise

    def __exit__(self, *_):
        self.end()

    def link(self, name):
        """A link that carries Ethernet frames as datagrams, and what QEMU is to know of it."""
        ours, theirs = self.path(name), self.path(f"{name}-qemu")
        link = self.parts.enter_context(contextlib.closing(Link(ours, theirs)))
        return link, netdev(name, ours, theirs)

    def path(self, name):
        return os.path.join(self.folder, name)

    def boot(self):
        self.parts = contextlib.ExitStack()
        self.folder = self.parts.enter_context(tempfile.TemporaryDirectory(prefix="greet-board-"))
        self.tcp, self.udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        self.lines_port = free_port(socket.SOCK_STREAM)
        user = (
            f"user,id=user,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:{self.tcp}-10.0.2.15:8000,"
            f"hostfwd=udp:127.0.0.1:{self.udp}-10.0.2.15:8001,"
            f"hostfwd=tcp:127.0.0.1:{self.lines_port}-10.0.2.15:8002"
        )
        network = ["-netdev", user]
        if self.cable:
            # On a wire to whoever binds the first of these sockets, and to nobody else.
            self.sockets = self.path("ours"), self.path("board")
            network = [*netdev("wire", *self.sockets), "-net", "nic,model=lan9118,netdev=wire"]
        elif self.raw:
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
            *(["-serial", "pty"] if self.serial else []),
            "-monitor", f"unix:{self.path('monitor')},server=on,wait=off",
            "-icount", "shift=5,sleep=on",
            "-semihosting-config", "enable=on,target=native",
            *network, "-kernel", self.image,
        ]
        with open(self.path("qemu.log"), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        # `timeout` hands the signal on to QEMU.
        self.parts.callback(self.process.wait)
        self.parts.callback(self.process.terminate)

    def end(self):
        """Ends QEMU, closes the links, and removes what the board has said."""
        self.parts.close()

    def uart(self):
        """All that the board has said so far; its last character may not be whole yet."""
        try:
            with open(self.path("uart"), encoding="utf-8", errors="replace", newline="") as uart:
                return uart.read()
        except FileNotFoundError:
            return ""

    def words(self):
        with open(self.path("qemu.log"), encoding="utf-8") as log:
            return self.uart() + log.read()

    def lines(self):
        """The whole lines since READY. All peers are PEER: their addresses are the network's."""
        since, _, _ = self.uart().partition(READY)[2].rpartition("\r\n")
        return re.sub(r"\b10\.0\.2\.2:\d+", "PEER", since).split("\r\n") if since else []

    def wait_until(self, done):
        """Waits for it while the board runs. Returns whether it came."""
        give_up = time.monotonic() + PATIENCE
        while not done():
            if self.process.poll() is not None or time.monotonic() > give_up:
                return done()
            time.sleep(0.01)
        return True

    def check_lines(self, lines):
        """Waits for so many lines since READY: they must be these."""
        self.wait_until(lambda: len(self.lines()) >= len(lines))
        with self.last_words():
            unittest.TestCase().assertEqual(self.lines(), lines)

    def check_reply(self, name, reply, fin=False):
        """Asks as a plain client: the reply must be this."""
        asked = f"Asked with {len(name)} bytes, {name[:20]!r}{', FIN' if fin else ''}. "
        with self.last_words(asked):
            unittest.TestCase().assertEqual(self.greet(name, fin), reply)

    @contextlib.contextmanager
    def last_words(self, before=""):
        """Adds to what goes wrong what the board has said last: a panic, for one."""
        try:
            yield
        except Exception as error:
            error.add_note(f"{before}The board's last words:\n{self.words()[-500:]}")
            raise

    def greet(self, name, fin=False):
        """What a plain client gets for a name."""
        with socket.create_connection(("127.0.0.1", self.tcp), PATIENCE) as client:
            client.sendall(name)
            if fin:
                acknowledged(client)
                client.shutdown(socket.SHUT_WR)
            return received(client)

    def monitor(self, command):
        """Has QEMU's monitor do something."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(PATIENCE)
            monitor.connect(self.path("monitor"))
            prompt(monitor)
            monitor.sendall(command.encode() + b"\n")
            return prompt(monitor)


def netdev(name, ours, theirs):
    """What QEMU is to know of a link between these sockets."""
    return ["-netdev", f"dgram,id={name},local.type=unix,remote.type=unix,"
            f"local.path={theirs},remote.path={ours}"]


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


def received(client):
    """All that a client gets, to the end."""
    reply = b""
    try:
        while part := client.recv(4096):
            reply += part
    except OSError as error:
        raise AssertionError(f"no end of the reply {reply!r}: {error}") from error
    return reply


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
            # Where QEMU has ended, the test notices.
            with contextlib.suppress(ConnectionRefusedError):
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
