# SPDX-License-Identifier: MIT
"""Cut the power at every operation on the flash, and see what the node makes of it.

`python tests/proof/cuts.py [COUNT]`: one run of 300 cycles and more with joins, uplinks, downlinks,
settings and restarts writes down each erase and each program. For every one of them a board starts
from the flash as it was then, the last operation torn, and is judged by what it sends and by what
littlefs-python reads. COUNT takes a sample; the suite takes 200.
"""

import binascii
import os
import re
import struct
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random

import cbor2
from littlefs import LittleFS
from littlefs.errors import LittleFSError

from host import boards, maccommands
from host.lorawan import JoinRequest, LorawanError, Session, parse
from simulator import board as boards_running
from simulator import fleet, schedule
from simulator import scenario as scenarios
from simulator.air import Air, Place
from simulator.board import Board
from simulator.clock import Clock
from simulator.faults import FaultPlan
from simulator.run import Run

NODE, GATEWAY, BOARD, KIT = "classroom-1", "town-hall", "rpi-pico-rfm95", "classroom"
HOURS = 60.0  # a reading in 10 minutes: 360 cycles
OUTAGE_H = (14.0, 46.5)  # long enough to join again
RESTARTS_H = (3.25, 50.1, 55.0)
BLOCK, ERASE, PROGRAM = 4096, 1, 2
HOUR_US = 3_600_000_000
AFTER_US = 200_000_000  # how long a board is watched after its cut
HEAD = struct.Struct("<QBHHH")
TEARS = ("not begun", "torn", "garbled", "done")
JOBS = 2


@dataclass(frozen=True)
class Operation:
    """One erase or program, before it is done."""

    time_us: int
    kind: int
    block: int
    offset: int
    data: bytes

    def apply(self, image, tear, stream):
        """Do it to an image, wholly or as a cut leaves it."""
        at = self.block * BLOCK + self.offset
        if tear == "not begun":
            return
        if self.kind == ERASE:
            size = BLOCK if tear == "done" else stream.randrange(1, BLOCK)
            image[at : at + size] = b"\xff" * size
            if tear == "garbled":  # cells between two states
                image[at + size : at + BLOCK] = stream.randbytes(BLOCK - size)
            return
        size = len(self.data) if tear == "done" else stream.randrange(len(self.data))
        image[at : at + size] = self.data[:size]
        if tear == "garbled":
            image[at + size] &= self.data[size] | stream.getrandbits(8)


@dataclass
class Base:
    """The run that is cut: its flash at the start, its operations, and what it sent, with times."""

    image: bytes
    operations: list[Operation]
    sent: list[tuple[int, bytes]]
    sessions: list[Session]
    kept: list[int]  # time_us at which each reading had been stored, as its log says
    proven_us: list[int] = field(default_factory=list)


class Recorded(Run):
    """The run to be cut, with a network that sends settings and MAC commands."""

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        self.image = node.board.flash.read_bytes()
        self.journal = node.board.journal = self._folder / "journal"
        self.sent, self.sessions = [], node.device.sessions
        self._air.on_transmit.append(self._keep)
        for number, hour in enumerate((1.0, 5.0, 9.0, 48.0, 53.0), 1):
            command = {
                0: number,
                1: 540 + 30 * number,
                12: 1 + number % 3,
                11: [700, 1000 + number],
            }
            at_us = round(hour * HOUR_US)
            self.clock.call_at(at_us, self.network.queue, node.device, 2, cbor2.dumps(command))
        for number, hour in enumerate((2.0, 7.0, 11.0, 47.5, 52.0)):
            build = maccommands.build
            channel = build("NewChannelReq", ch_index=3 + number, max_dr=5,
                            frequency_hz=867_100_000 + 200_000 * number)  # fmt: skip
            timing = build("RXTimingSetupReq", delay=1 + number % 3)
            at_us = round(hour * HOUR_US)
            self.clock.call_at(at_us, self.network.queue_mac, node.device, [channel, timing])

    def _keep(self, packet):
        if packet.sender == NODE:
            self.sent.append((packet.start_us, packet.payload))

    def _summarise(self):
        self.operations = read_journal(self.journal.read_bytes())
        return super()._summarise()


def read_journal(data):
    """The operations of a journal."""
    found, at = [], 0
    while at < len(data):
        time_us, kind, block, offset, length = HEAD.unpack_from(data, at)
        at += HEAD.size
        found.append(Operation(time_us, kind, block, offset, data[at : at + length]))
        at += length
    return found


def record(folder, hours=HOURS):
    """Run the node that will be cut."""
    usual = scenarios.find(None)
    outage = FaultPlan("gateway-off", OUTAGE_H[0], gateway=GATEWAY, until_h=OUTAGE_H[1])
    faults = [FaultPlan("power-cut", hour, NODE, until_h=hour + 0.05) for hour in RESTARTS_H]
    faults = tuple(each for each in [outage, *faults] if each.at_h < hours)
    nodes = (replace(usual.nodes[0], board=BOARD, kit=KIT),)
    own = os.environ.get("NODE071_FIRMWARE")
    scenario = replace(usual, nodes=nodes, duration_h=hours, faults=faults)
    run = Recorded(scenario, folder, Path(own) if own else None)
    run.execute()
    (node,) = run.nodes.values()
    starts_us = [at_us + boards_running.BOOT_US["rp2040"] for at_us, _ in node.board.starts]
    kept, life = [], -1
    for line in (folder / f"{NODE}.log").read_text().splitlines():
        words = re.match(r"\s*(\d+) (node071|reading) ", line)
        if words and words[2] == "node071":
            life += 1
        elif words:
            kept.append(starts_us[life] + (int(words[1]) + 1) * 1_000_000)
    return Base(run.image, run.operations, run.sent, run.sessions, kept)


def mounted(image):
    """The files of an image, None when it does not mount."""
    fs = LittleFS(block_size=BLOCK, block_count=len(image) // BLOCK, mount=False)
    fs.context.buffer = bytearray(image)
    try:
        fs.mount()
        found = {}
        for folder, _, names in fs.walk("/state"):
            for name in names:
                with fs.open(f"{folder}/{name}", "rb") as file:
                    found[f"{folder}/{name}".removeprefix("/state/")] = file.read()
        return found
    except LittleFSError:
        return None


def stored(files, name):
    """The value of a record: the newest slot whose checksum is right."""
    newest = None
    for slot in (0, 1):
        data = files.get(f"{name}.{slot}", b"")
        if len(data) > 8 and binascii.crc32(data[:-4]) == int.from_bytes(data[-4:], "little"):
            sequence = int.from_bytes(data[:4], "little")
            if newest is None or sequence > newest[0]:
                newest = sequence, cbor2.loads(data[4:-4])
    return None if newest is None else newest[1]


def readings(files):
    """{number: values} of the readings that wait."""
    found = {}
    for name, data in files.items():
        if name.startswith("readings/") and data:
            for number, _, _, values in cbor2.loads(data):
                found[number] = values
    return found


class After:
    """A board that starts from a cut flash: what it sent and what its flash held at the end."""

    def __init__(self, image, folder):
        self.sent, clock = [], Clock()
        flash, log = folder / "flash", folder / "log"
        flash.write_bytes(image)
        hardware, kit = boards.boards()[BOARD], boards.kits()[KIT]
        scenario = scenarios.find(None)
        world = fleet.make_world(scenario.worlds[0], scenario)
        plan = replace(scenario.nodes[0], board=BOARD, kit=KIT)
        with log.open("wb") as file:
            board = Board(NODE, hardware.chip, flash, file, clock, 2)
            air = Air(clock, 2)
            air.on_transmit.append(lambda packet: self.sent.append(packet.payload))
            fleet.wire_radio(board, hardware, air.station(NODE, Place(0, 0)), clock)
            fleet.wire_sensors(board, hardware, kit, world, clock, scenario, plan)
            for pin in hardware.lamp_pins():
                board.wire_lamp(pin)
            if hardware.button is not None:
                board.wire_input(hardware.button.pin, lambda: 1)
            board.power_on()
            try:
                schedule.run([board], clock, AFTER_US)
            finally:
                board.power_off()
        self.log = log.read_text(errors="replace")
        self.files = mounted(flash.read_bytes())


def counters(frames):
    """(highest DevNonce, {DevAddr: highest FCntUp}) of frames; -1 for none."""
    nonce, counts = -1, {}
    for phy in frames:
        frame = parse(phy)
        if isinstance(frame, JoinRequest):
            nonce = max(nonce, frame.dev_nonce)
        else:  # the runs stay below 2^16
            counts[frame.dev_addr] = max(counts.get(frame.dev_addr, -1), frame.f_cnt)
    return nonce, counts


def judge(base, before, whole, operation, after):
    """What a board did wrong after its cut, one line each.

    `before` and `whole` are the files without the operation, and with all of it.
    """
    if after.files is None:
        return ["its filesystem does not mount any more"]
    found = []
    if "Traceback" in after.log or after.log.count("node071 ") != 1:
        found.append("it does not start in peace: " + after.log[-200:].replace("\n", " | "))
    if not after.sent:
        found.append("it sends nothing")
    past = base.sent[: bisect_right([at_us for at_us, _ in base.sent], operation.time_us)]
    nonce, counts = counters(phy for _, phy in past)
    for phy in after.sent:
        try:
            frame = parse(phy)
        except LorawanError as error:
            found.append(f"it sends {phy.hex()}: {error}")
            continue
        if isinstance(frame, JoinRequest):
            if frame.dev_nonce <= nonce:
                found.append(f"DevNonce {frame.dev_nonce} again, {nonce} was on the air")
        elif frame.f_cnt <= counts.get(frame.dev_addr, -1):
            found.append(f"FCntUp {frame.f_cnt} again, {counts[frame.dev_addr]} was on the air")
        elif not any(s.dev_addr == frame.dev_addr and s.mic_ok(phy, frame, frame.f_cnt)
                     for s in base.sessions):  # fmt: skip
            found.append("a frame under no session of the run")
    for name in ("config", "settings"):
        value = stored(after.files, name)
        if value not in (stored(before, name), stored(whole, name)):
            found.append(f"{name} is neither the old nor the new one: {value}")
    kept_through = readings(before).keys() & readings(whole).keys()
    lost = sorted(kept_through - readings(after.files).keys())
    if lost:
        found.append(f"stored readings are lost: {lost}")
    return found


def judge_base(base, files, operation):
    """What the run itself did wrong up to an operation: it has to be in flash before it counts."""
    found = []
    past = base.sent[: bisect_left([at_us for at_us, _ in base.sent], operation.time_us)]
    nonce, counts = counters(phy for _, phy in past)
    if (stored(files, "dev_nonce") or 0) <= nonce:
        found.append(f"DevNonce {nonce} was on the air before the next was in flash")
    session = stored(files, "session")
    if session and counts.get(session[0], -1) >= session[4]:
        found.append(f"FCntUp {counts[session[0]]} was on the air beyond the reserved {session[4]}")
    done = bisect_right(base.kept, operation.time_us)
    # a file that is empty held readings that have been proven
    empty = [8 * int(name.split("/")[1]) + 7 for name in files if name.startswith("readings/")]
    newest = max([*readings(files), *empty], default=-1)
    if newest < done - 1:
        found.append(f"{done} readings were kept by then, and flash has them up to {newest}")
    return found


def cut(base, number, seed=1):
    """Cut at one operation; returns the problems."""
    image = bytearray(base.image)
    for operation in base.operations[:number]:
        operation.apply(image, "done", None)
    return cut_image(base, image, number, seed)


def cut_image(base, image, number, seed):
    operation, stream = base.operations[number], Random(f"{seed}/{number}")
    tear = TEARS[number % len(TEARS)]
    before = mounted(image)
    whole = bytearray(image)
    operation.apply(whole, "done", None)
    torn = bytearray(image)
    operation.apply(torn, tear, stream)
    with tempfile.TemporaryDirectory() as folder:
        after = After(bytes(torn), Path(folder))
    found = judge_base(base, before, operation)
    found += judge(base, before, mounted(whole) or before, operation, after)
    return [f"operation {number} ({tear}): {problem}" for problem in found]


def cut_range(base, seed, numbers):
    """Cut at rising numbers, the image going along: the cost stays linear."""
    image, at, found = bytearray(base.image), 0, []
    for number in numbers:
        for operation in base.operations[at:number]:
            operation.apply(image, "done", None)
        at = number
        found += cut_image(base, image, number, seed)
    return len(numbers), found


def chosen(base, count, seed):
    """The operations to cut at: all that come after the first start, or a seeded sample."""
    first = next(number for number, each in enumerate(base.operations) if each.time_us > 0)
    numbers = range(first, len(base.operations))
    return list(numbers) if count is None else sorted(Random(seed).sample(numbers, count))


def run(base, numbers, seed=1, jobs=JOBS, tell=None):
    """Cut at all of them in parallel; returns the problems."""
    size = max(1, min(50, len(numbers) // (4 * jobs) or 1))
    parts = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    done, problems = 0, []
    with ProcessPoolExecutor(jobs) as pool:
        for count, found in pool.map(partial(cut_range, base, seed), parts):
            done += count
            problems += found
            if tell:
                tell(done, found)
    return problems


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else None
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        base = record(Path(folder))
    numbers = chosen(base, count, 1)
    kinds = [each.kind for each in base.operations]
    nonce, counts = counters(phy for _, phy in base.sent)
    print(f"{len(base.kept)} cycles, {nonce + 1} join-requests, {len(counts)} sessions: "
          f"{kinds.count(ERASE)} erases, {kinds.count(PROGRAM)} programs")  # fmt: skip

    def tell(done, found):
        for problem in found:
            print(problem, flush=True)
        if sys.stderr.isatty():
            print(f"\r{done} of {len(numbers)}", end="", file=sys.stderr, flush=True)

    problems = run(base, numbers, tell=tell)
    print(f"{len(numbers)} cuts, {len(problems)} problems, {time.monotonic() - began_s:.0f} s")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
