# SPDX-License-Identifier: MIT
"""What an exchange costs on the radio's bus and in time: the real firmware on a virtual board."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import unixport
from heap import UF2
from table import Row, at_most, missing

from host import files
from simulator import scenario as scenarios
from simulator.run import Run
from simulator.scenario import WorldPlan

# Below 2.4 degC a reading takes 10 bytes, and the frame the 23 that others were measured with.
COLD_AIR = {"co2_ppm": 425.0, "temperature_c": 1.0, "humidity_pct": 45.0}
FRAME = 23
APART_US = 5_000_000  # between two exchanges; within one, RX2 comes after two seconds
SLEEP, TX = b"\x81\x80", b"\x81\x83"
SEND_LIMIT, CYCLE_LIMIT = (8, 45), (28, 100)
BEYOND_MS = 2.5


@dataclass
class Exchange:
    """The transactions of one exchange: (time_us, MOSI), and what went on the air."""

    transfers: list
    sent: list

    def cost(self, count=None):
        """(transactions, bytes) of the first `count`, or of all."""
        taken = self.transfers[:count]
        return len(taken), sum(len(mosi) for _, mosi in taken)

    @property
    def send(self):
        """How many transactions there are up to the sleep after the transmission."""
        mosi = [each for _, each in self.transfers]
        return mosi.index(SLEEP, mosi.index(TX)) + 1

    @property
    def beyond_us(self):
        """From the first transaction to the sleep after it, less the time on the air."""
        (packet,) = self.sent
        spent_us = self.transfers[self.send - 1][0] - self.transfers[0][0]
        return spent_us - (packet.end_us - packet.start_us)


class Tap:
    """Passes on what goes over the bus to a chip, and keeps it."""

    def __init__(self, chip, clock):
        self._chip, self._clock, self.transfers = chip, clock, []
        self.select, self.deselect = chip.select, chip.deselect

    def transfer(self, mosi):
        self.transfers.append((self._clock.now_us, bytes(mosi)))
        return self._chip.transfer(mosi)


class Tapped(Run):
    """A run that keeps the bus of its one radio, and its transmissions."""

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        self._packets, pins = [], node.hardware.radio
        self._tap = Tap(node.radio, node.board.clock)
        node.board.wire_spi(pins.spi, pins.cs, self._tap)
        self._air.on_transmit.append(self._keep)

    def _keep(self, packet):
        if packet.sender in self.nodes:
            self._packets.append(packet)

    def exchanges(self):
        """Split the bus where it is quiet; only exchanges that put a frame of FRAME bytes out."""
        parts = []
        for each in self._tap.transfers:
            if not parts or each[0] - parts[-1][-1][0] > APART_US:
                parts.append([])
            parts[-1].append(each)
        for part in parts:
            sent = [p for p in self._packets if part[0][0] <= p.start_us <= part[-1][0]]
            if len(sent) == 1 and len(sent[0].payload) == FRAME and sent[0].sf == 7:
                yield Exchange(part, sent)


def run(hours, firmware=None):
    """The exchanges of the usual node in cold air, the first ones left out."""
    usual = scenarios.find(None)
    world = WorldPlan("classroom", "step", {"before": COLD_AIR, "after": COLD_AIR, "at_h": 0})
    scenario = replace(usual, duration_h=hours, worlds=(world,))
    with TemporaryDirectory() as folder:
        tapped = Tapped(scenario, Path(folder), firmware)
        tapped.execute()
        return list(tapped.exchanges())[1:]


def driver_alone():
    """The exchanges of a firmware whose main.py only sends."""
    with TemporaryDirectory() as folder:
        firmware = Path(folder, "firmware")
        shutil.copytree(files.root() / "firmware", firmware)
        shutil.copy(unixport.SCRIPTS / "sends.py", firmware / "main.py")
        return run(0.05, firmware)


def rows():
    """SPI transactions and bytes, and the time around a transmission."""
    alone, cycles = driver_alone(), [each for each in run(3) if quiet(each)]
    send = max(each.cost(each.send) for each in alone)
    within = max(each.cost(each.send) for each in cycles)
    cycle = max(each.cost() for each in cycles)
    yield Row(
        f"SPI transactions and bytes to send {FRAME} bytes and sleep",
        f"{send[0]} and {send[1]} one after the other, {within[0]} and {within[1]} after windows",
        "8 and 45",
        "15 and 52 (official driver, one after the other)",
        judged(send, SEND_LIMIT),
    )
    yield Row(
        "the same for a Class A cycle: SF7, empty RX1 SF7 and RX2 SF12, sleep",
        f"{cycle[0]} and {cycle[1]}",
        "28 and 100",
        "1,234 and 2,494 (official driver)",
        judged(cycle, CYCLE_LIMIT),
    )
    beyond_ms = max(each.beyond_us for each in cycles) / 1000
    yield Row(
        "send() to the end of the transmission beyond airtime, unix port, virtual costs",
        f"{beyond_ms:.1f} ms",
        f"{BEYOND_MS} ms",
        "-",
        f"a proxy: {at_most(beyond_ms, BEYOND_MS, ' ms')}",
    )
    yield Row(
        "the same on an RP2040 at 125 MHz",
        "-",
        f"{BEYOND_MS} ms",
        "6.1 ms (official driver)",
        missing(UF2),
    )


def quiet(exchange):
    """True when nothing was heard: both windows were opened."""
    return sum(mosi == b"\x81\x86" for _, mosi in exchange.transfers) == 2


def judged(cost, limit):
    verdicts = [
        at_most(value, most, unit)
        for value, most, unit in zip(cost, limit, (" transactions", " bytes"), strict=True)
    ]
    return ", ".join(each for each in verdicts if each != "met") or "met"
