#!/usr/bin/env python3
"""What the images take of a chip, and what of it is ours: ./size.py

Builds the greet image and the same image without greet, and prints

- flash and RAM of both, and the stack's deepest use while eight clients and a sender are busy;
- how much of the code comes from which crate, by the lines it was compiled from (wherever it was
  inlined), and by the functions it is in;
- the same for the libraries alone, on other processors;
- whether all memory is zeros at start: a `static` that isn't takes as much flash as RAM;
- whether a panic can be reached in our crates: each names its source file in the constants.

Exits 1 if one can, if memory isn't zeros, if our crates, the whole image or lines mode take more than
their share, or if the documents say otherwise than what was measured with the compiler that they name.
`./size.py --write` renews them. Needs binutils, and QEMU for the stack. `./size.py TARGET...` looks at the
libraries on these targets only.
"""

import collections
import os
import re
import socket
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGET = "thumbv7m-none-eabi"
TARGETS = ["thumbv6m-none-eabi", TARGET, "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"]
OURS = ["greet-core", "greet-smoltcp", "syn-backlog"]
# A little above what the lines of our crates become in the greet image, so that growth is noticed; and
# what that image may take beside the one without greet: 6.25 and 9 KiB.
LINES, DIFFERENCE = 6_400, 9_216
# What the feature `lines` may take beside that image: 5 KiB.
LINES_MODE = 5_120
# Where what is printed stands, too; and by which compiler, which the first of them says.
DOCUMENTS = [os.path.join(HERE, "README.md"), os.path.join(ROOT, "README.md")]
COMPILER = re.compile(r"rustc (\d+\.\d+\.\d+)")
# The stack's deepest use is the interrupts' to decide.
STACK_VARIES = 64
# What cortex-m-rt fills the stack with.
PAINT = bytes([0xCC] * 4)


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def environment(folder):
    """So that neither the size nor the result depends on where the sources are."""
    cargo = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    flags = f"--remap-path-prefix={ROOT}=greet --remap-path-prefix={cargo}=cargo"
    target = os.path.join(HERE, "target", folder)
    return {**os.environ, "RUSTFLAGS": flags, "CARGO_TARGET_DIR": target}


def build(image, feature=""):
    env = environment("size")
    chosen = ["--features", feature] if feature else []
    run("cargo", "build", "--quiet", "--release", "--bin", image, *chosen, cwd=HERE, env=env)
    built = os.path.join(env["CARGO_TARGET_DIR"], TARGET, "release", image)
    kept = f"{built}-{feature}"
    os.replace(built, kept)
    return kept


def sections(image):
    """Address, offset in the file, and size of each section that is loaded or reserved."""
    found = {}
    for line in run("readelf", "-SW", image).splitlines():
        match = re.match(r" *\[ *\d+\] (\.\S+) +\S+ +(\w+) (\w+) (\w+) \w+ +(\w*)", line)
        if match and "A" in match[5]:
            found[match[1]] = [int(number, 16) for number in match.groups()[1:4]]
    return found


def symbols(image):
    """Size and name of each function and constant."""
    pattern = re.compile(r"^\S+ (\S+) [tTrR] (.+)$")
    lines = run("nm", "-SC", image, stderr=subprocess.DEVNULL).splitlines()
    return [(int(match[1], 16), match[2]) for match in map(pattern.match, lines) if match]


def crate_of_symbol(name):
    known = re.search(r"\b(greet_core|greet_smoltcp|syn_backlog|smoltcp|lan9118|heapless|compiler_builtins)\b", name)
    return known[1].replace("_", "-") if known else "other"


def crate_of_file(path):
    for place, crate in [
        ("greet/core/src/", "greet-core"),
        ("greet/smoltcp-adapter/src/", "greet-smoltcp"),
        ("greet/smoltcp-adapter/backlog/src/", "syn-backlog"),
        ("greet/examples/firmware/lan9118/", "lan9118"),
        ("greet/examples/firmware/src/", "the image itself"),
        ("/smoltcp-", "smoltcp"),
        ("/heapless-", "heapless"),
        ("/library/", "Rust's core"),
        ("compiler_builtins", "Rust's core"),
    ]:
        if place in path:
            return crate
    return "other"


def by_line(image):
    """Bytes of code by the crate whose lines they come from, the innermost where inlined."""
    address, _, size = sections(image)[".text"]
    addresses = "\n".join(hex(place) for place in range(address, address + size, 2))
    lines = run("addr2line", "-e", image, input=addresses).splitlines()
    totals = collections.Counter()
    for line in lines:
        totals[crate_of_file(line)] += 2
    return totals


def by_function(found):
    totals = collections.Counter()
    for size, name in found:
        totals[crate_of_symbol(name)] += size
    return totals


def panics(image):
    """Source files that constants name: each place that can panic does."""
    _, offset, size = sections(image)[".rodata"]
    with open(image, "rb") as file:
        file.seek(offset)
        constants = file.read(size)
    return {place.decode() for place in re.findall(rb"[\w/.+-]*\w/src/[\w/]+\.rs", constants)}


def memory(image):
    found = sections(image)
    size = lambda *names: sum(found.get(name, [0, 0, 0])[2] for name in names)
    return {
        "text": size(".vector_table", ".text"),
        "rodata": size(".rodata"),
        "data": size(".data"),
        "bss": size(".bss", ".uninit"),
    }


def stack(image):
    """The stack's deepest use under load, in bytes."""
    os.environ["IMAGE"] = image
    sys.path.insert(0, os.path.join(HERE, "tests"))
    from board import Board  # reads IMAGE

    places = {}
    for line in run("nm", image).splitlines():
        address, _, name = line.rpartition(" ")
        if name in ("_stack_start", "_stack_end"):
            places[name] = int(address.split()[0], 16)
    low, high = places["_stack_end"], places["_stack_start"]
    with Board() as board:
        wrong = []

        def client():
            for name in [b"x" * 1024, b"y" * 1025, b"\xff", b"World"] * 25:
                if not board.greet(name).startswith((b"Hello, ", b"Error: ")):
                    wrong.append(name)

        clients = [threading.Thread(target=client) for _ in range(8)]
        for thread in clients:
            thread.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            # One for each greeting: a burst would overflow the chip's FIFO of 10 KiB.
            for message in [b"\x1b" * 1024, b"z" * 1025, b"\xff", b"last message"] * 25:
                sender.sendto(message, ("127.0.0.1", board.udp))
                board.greet(b"World")
        for thread in clients:
            thread.join()
        if wrong:
            sys.exit(f"the board is not itself: {wrong[:3]}")
        dump = board.path("stack")
        board.monitor(f"pmemsave {low:#x} {high - low:#x} \"{dump}\"")
        with open(dump, "rb") as file:
            words = file.read()
    unused = 0
    while words[unused : unused + 4] == PAINT:
        unused += 4
    if unused == 0:
        sys.exit("the stack isn't painted, or it is used up")
    return high - low - unused


def library(target):
    """Our crates' functions in everything that they offer, built for a target."""
    bare = os.path.join(ROOT, "tests", "bare")
    env = environment("size-libraries")
    env["CARGO_PROFILE_RELEASE_OPT_LEVEL"] = "s"
    done = subprocess.run(
        ["cargo", "rustc", "--quiet", "--release", "--crate-type", "staticlib", "--target", target],
        check=False, cwd=bare, env=env, stderr=subprocess.PIPE, text=True,
    )
    if done.returncode != 0:
        why = re.search(r"error.*", done.stderr)
        return why[0] if why else done.stderr.strip()
    folder = os.path.join(env["CARGO_TARGET_DIR"], target, "release")
    return by_function(symbols(os.path.join(folder, "libgreet_bare.a")))


# All lines that were printed and stand in a document.
printed = []


def say(line):
    print(line)
    printed.append(line)


def table(header, rows):
    print()
    say(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        cells = " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in row)
        say(f"| {cells} |".replace("|  |", "| |").replace("|  |", "| |"))


def numbers(line):
    """Those of a line, without what only has a digit in its name."""
    return [int(number.replace(",", "")) for number in re.findall(r"(?<![\w-])\d[\d,]*(?![\w,])", line)]


def kind(line):
    """A line without its numbers."""
    return re.sub(r"(?<![\w-])\d[\d,]*(?![\w,])", "#", line)


def outdated(page, high_water):
    """Which lines of a page were printed otherwise: their places, and what was printed. In order, as a table
    may have a line that looks like another's."""
    lines = page.split("\n")
    at = 0
    for now in printed:
        found = next((n for n in range(at, len(lines)) if kind(lines[n]) == kind(now)), None)
        if found is None:
            continue
        at = found + 1
        then = numbers(lines[found])
        varies = lambda old, new: new == high_water and abs(old - new) <= STACK_VARIES
        if any(old != new and not varies(old, new) for old, new in zip(then, numbers(now), strict=True)):
            yield found, now


def documents(high_water=None):
    """Whether the documents say what was printed; or has them say it."""
    ours = COMPILER.search(run(os.environ.get("RUSTC", "rustc"), "--version"))[1]
    pages = {}
    for path in DOCUMENTS:
        with open(path) as file:
            pages[path] = file.read()
    theirs = COMPILER.search(pages[DOCUMENTS[0]])[1]
    if "--write" in sys.argv:
        for path, page in pages.items():
            lines = page.split("\n")
            for place, now in outdated(page, high_water):
                lines[place] = now
            with open(path, "w") as file:
                file.write(COMPILER.sub(f"rustc {ours}", "\n".join(lines)))
        return True
    if ours != theirs:
        print(f"\nmeasured with rustc {ours}: the documents, which are of {theirs}, aren't compared")
        return True
    standing = {kind(line) for page in pages.values() for line in page.split("\n")}
    for line in printed:
        if kind(line) not in standing:
            print(f"stands in no document: {line}")
    wrong = False
    for path, page in pages.items():
        for place, now in outdated(page, high_water):
            wrong = True
            print(f"{os.path.relpath(path, ROOT)}:{place + 1}: isn't what was measured: {now}")
    return not wrong and all(kind(line) in standing for line in printed)


def libraries(targets):
    rows = []
    for target in targets:
        found = library(target)
        if isinstance(found, str):
            sys.exit(f"{target}: {found}\n(rustup target add {target}, or .ci/cross {target})")
        rows.append([target, *(found[crate] for crate in OURS), found["smoltcp"]])
    table(["functions of all that the libraries offer", *OURS, "smoltcp"], rows)
    return 0 if documents() else 1


def main():
    targets = [argument for argument in sys.argv[1:] if argument != "--write"]
    if targets:
        return libraries(targets)
    greet, bare = build("greet-firmware"), build("bare")
    high_water = stack(build("greet-firmware", "paint-stack"))

    sizes = {"greet": memory(greet), "without greet": memory(bare)}
    keys = ["text", "rodata", "data", "bss"]
    rows = [[name, *(size[key] for key in keys)] for name, size in sizes.items()]
    rows.append(["difference", *(a - b for a, b in zip(rows[0][1:], rows[1][1:]))])
    sizes["greet with `reply`"] = memory(build("greet-firmware", "reply"))
    with_lines = build("greet-firmware", "lines")
    sizes["greet with `lines`"] = memory(with_lines)
    for name in ["greet with `reply`", "greet with `lines`"]:
        rows.append([name, *(sizes[name][key] for key in keys)])
    table([f"bytes on {TARGET}", *keys], rows)
    in_flash = lambda name: sum(sizes[name][key] for key in ["text", "rodata", "data"])
    flash = in_flash("greet")
    ram = sum(sizes["greet"][key] for key in ["data", "bss"])
    print()
    say(f"flash {flash:,}; RAM {ram:,} and {high_water:,} of stack under load")

    lines = by_line(greet)
    functions, without = by_function(symbols(greet)), by_function(symbols(bare))
    lines_without = by_line(bare)
    crates = sorted(lines | functions, key=lambda crate: -lines[crate])
    table(
        ["code by crate", "lines", "lines without greet", "functions", "functions without greet"],
        [[c, lines[c], lines_without[c], functions[c], without[c]] for c in crates],
    )
    ours = sum(lines[crate] for crate in OURS)
    print()
    say(f"our crates' lines: {ours:,} bytes of at most {LINES:,}")
    difference = flash - in_flash("without greet")
    say(f"flash beside the image without greet: {difference:,} bytes of at most {DIFFERENCE:,}")
    lines_mode = in_flash("greet with `lines`") - flash
    say(f"flash of lines mode beside the greet image: {lines_mode:,} bytes of at most {LINES_MODE:,}")

    table(
        ["bytes", "flash", "RAM", "of stack"],
        [
            ["the image, with twelve places", flash, ram, high_water],
            ["the same exercise by hand on smoltcp", in_flash("without greet"), sizes["without greet"]["bss"], ""],
            ["difference", difference, ram - sizes["without greet"]["bss"], ""],
            ["lines of our crates in it", ours, "", ""],
        ],
    )
    print()
    initialized = [name for name, size in sizes.items() if size["data"]]
    say(f"memory that isn't zeros at start: {', '.join(initialized) or 'none'}")

    places = panics(greet) | panics(with_lines)
    if not any("/smoltcp-" in place for place in places):
        sys.exit("not one panic of smoltcp's is found, so there is nothing to judge by")
    reachable = sorted(p for p in places if crate_of_file(p) in [*OURS, "lan9118"])
    say(f"panics in our crates and the driver: {', '.join(reachable) or 'none can be reached'}")
    too_large = ours > LINES or difference > DIFFERENCE or lines_mode > LINES_MODE
    return 0 if documents(high_water) and not (reachable or initialized or too_large) else 1


sys.exit(main())
