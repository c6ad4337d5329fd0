# SPDX-License-Identifier: MIT
"""Trials: one node of a scenario, with what a test changes of it, and what the run left behind."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from littlefs import LittleFS

from host import boards, image
from host.boards import Kit, Sensor
from simulator import scenario as scenarios
from simulator.run import Run

FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
KITS = {
    # kits.toml has none on a battery: which boards may carry one has to be measured first
    "box": Kit("box", "A box on a battery", 1800, [Sensor("sht4x", "i2c", [2, 3])]),
    "level-a02yyuw": Kit(
        "level-a02yyuw",
        "A distance on a battery",
        600,
        [Sensor("sht4x", "i2c", [2, 3]), Sensor("a02yyuw", "uart", [4])],
    ),
    "level-maxbotix": Kit(
        "level-maxbotix", "A distance on a battery", 600, [Sensor("maxbotix", "uart", [4])]
    ),
    "level-mains": Kit(
        "level-mains", "A distance on mains", 600, [Sensor("a02yyuw", "uart", [4])], mains=True
    ),
    **boards.kits(),
}


class Flash:
    """The filesystem of a board that does not run."""

    def __init__(self, hardware, path):
        self._path = path
        count = hardware.filesystem_kib * 1024 // image.BLOCK_SIZE
        self._size = {"block_size": image.BLOCK_SIZE, "block_count": count}

    def _mount(self):
        fs = LittleFS(**self._size, mount=False)
        fs.context.buffer = bytearray(self._path.read_bytes())
        fs.mount()
        return fs

    def read(self, name):
        fs = self._mount()  # it has to outlive the file
        with fs.open(name, "rb") as file:
            return file.read()

    def files(self, folder):
        fs = self._mount()
        return fs.listdir(folder)

    def slots(self):
        """What is in the slots of the records."""
        names = [name for name in self.files("/state") if "." in name]
        return {name: self.read(f"/state/{name}") for name in names}

    def write(self, name, data):
        fs = self._mount()
        with fs.open(name, "wb") as file:
            file.write(data)
        self._path.write_bytes(bytes(fs.context.buffer))


class Trial(Run):
    """One run of one node; `prepare(trial)` comes before the board is switched on.

    `usual` names the scenario that it is; without it, a school day.
    """

    def __init__(self, folder, hours, prepare=None, firmware=None, **changes):
        usual = scenarios.find(changes.pop("usual", None))
        parts = {key: changes.pop(key) for key in ("kit", "board", "x_m") if key in changes}
        (node,) = usual.nodes
        scenario = replace(
            usual, nodes=(replace(node, name="node", **parts),), duration_h=hours, **changes
        )
        super().__init__(scenario, folder, firmware, kits=KITS)
        self._prepare = prepare
        self.execute()

    def _build(self):
        super()._build()
        self.node = self.nodes["node"]
        self.board, self.device = self.node.board, self.node.device
        self.flash = Flash(self.node.hardware, self.board.flash)
        self.sent = []  # (time in s, transmission) of the node
        self.rtc_memory = set()  # what it held while the node sent
        self._air.on_transmit.append(self._note)
        if self._prepare is not None:
            self._prepare(self)

    def _summarise(self):
        result = super()._summarise()
        (self.summary,) = result["nodes"]
        self.state = self.flash.slots()  # before the folder goes
        return result

    def _note(self, packet):
        if packet.sender == "node":
            self.sent.append((packet.start_us / 1e6, packet))
            self.rtc_memory.add(self.board.rtc_memory)

    def at(self, hour, action, *arguments):
        """Have something done to the node at an hour of its own clock."""
        self.board.clock.call_at(round(hour * 3.6e9), action, *arguments)

    def at_network(self, hour, action, *arguments):
        """Have something done to the network at an hour of the run."""
        self.clock.call_at(round(hour * 3.6e9), action, *arguments)

    def events(self, kind):
        """(hour, event) of the run's events of one kind."""
        lines = map(json.loads, (self.out / "events.jsonl").read_text().splitlines())
        return [(each["t_us"] / 3.6e9, each) for each in lines if each["event"] == kind]

    def log(self):
        """What the node printed."""
        return (self.out / "node.log").read_text()

    def starts(self):
        """(hour, why) of each start."""
        return [(at_us / 3.6e9, why) for at_us, why in self.board.starts]

    def measured_s(self):
        """When each reading that came was measured, in order, in seconds of the run."""
        return sorted(time_us / 1e6 for time_us in self.node.times)

    def restarts(self):
        """The restart codes that came with readings, in order of measuring."""
        rows = sorted(self.rows, key=lambda row: row.time)
        return [row.values["restart"] for row in rows if "restart" in row.values]


def maker(root):
    """Return what runs a trial; `change` are (file, old, new): mistakes in the firmware."""

    def run(hours, change=(), **options):
        folder = root / str(len(list(root.iterdir())))
        if change:
            options["firmware"] = folder / "firmware"
            shutil.copytree(FIRMWARE, folder / "firmware")
        for name, old, new in change:
            path = folder / "firmware" / name
            text = path.read_text()
            assert text.count(old) == 1, (name, old)
            path.write_text(text.replace(old, new))
        return Trial(folder / "out", hours, **options)

    return run
