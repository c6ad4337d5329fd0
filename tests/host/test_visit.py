# SPDX-License-Identifier: MIT
"""A visit brings a node into service mode, or ends; whatever its watchdog does meanwhile."""

import pytest
from pulled import UNIQUE_IDS, node_bench
from workbench import FIRMWARE, PATIENCE_S, PICO, Workbench, small_firmware

from host import image
from host.errors import HostError
from host.port import Port, PortError
from host.visit import Visit
from simulator import board as virtual

FORGETFUL = """
import machine

def enter():
    machine.reset()

leave = enter

def flagged():
    return False

def guard():
    pass
"""


class BittenPort(Port):
    """The watchdog of its board bites in the midst of the first questions."""

    def __init__(self, bench, bites):
        super().__init__(str(bench.link), patience_s=PATIENCE_S)
        self._board, self._bites = bench.board, bites

    def ask(self, call, timeout_s=None):
        if self._bites == 0:
            return super().ask(call, timeout_s)
        self._bites -= 1
        self._board.press_reset()
        raise PortError("mpremote: unexpected read during raw paste")


def node(folder, **changed):
    own = small_firmware(folder / "own", **changed)
    return node_bench(folder, PICO, image.firmware(own))


def test_a_node_that_is_reset_at_its_prompt_is_stopped_once_more(tmp_path):
    with node(tmp_path) as bench:
        with BittenPort(bench, 2) as port, Visit(port) as visit:
            assert visit.facts.service and visit.facts.unique_id == UNIQUE_IDS[PICO]
        with BittenPort(bench, 3) as port, pytest.raises(PortError, match="raw paste"), Visit(port):
            pass


def test_a_node_that_does_not_come_into_service_mode_is_not_worked_on(tmp_path):
    with node(tmp_path, **{"service.py": FORGETFUL}) as bench:
        with bench._port() as port, pytest.raises(PortError) as error, Visit(port):
            pass
        assert "does not stay in service mode" in str(error.value)


def test_the_whole_firmware_needs_little_of_a_boards_memory(tmp_path, monkeypatch):
    """A line as slow as a real one leaves a heap in such pieces that this one says what it needs.

    What makes MicroPython a virtual board has 60k of it before the first word.
    """
    monkeypatch.setattr(virtual, "HEAP", "160k")
    with Workbench(tmp_path, PICO, {}) as bench:
        bench.flash()
        assert bench.firmware_is(FIRMWARE)
        with bench._port() as port, Visit(port) as visit:
            visit.compare({f"/{path}": data for path, data in FIRMWARE.items()})


def test_files_that_cannot_be_read_are_not_called_a_bad_cable(tmp_path):
    broken = "def walk(folder):\n    raise OSError(CORRUPT)\n"  # as the agent has it
    with node(tmp_path) as bench, bench._port() as port, Visit(port) as visit:
        ask = port.ask
        port.ask = lambda call: ask(broken + call)
        for read in (visit.state, visit.digests):
            with pytest.raises(PortError, match="are broken and cannot be read"):
                read()


def test_a_line_of_an_answer_that_is_lost_is_no_agreement(tmp_path):
    with node(tmp_path) as bench, bench._port() as port, Visit(port) as visit:
        whole, ask = {"/a": b"1", "/b": b"2"}, port.ask
        port.ask = lambda call: [row for row in ask(call) if "/b" not in (row["done"] or ())]
        with pytest.raises(HostError, match="/b on the board is not what was written"):
            visit.change(whole)
        with pytest.raises(HostError, match="/b on the board is not what was written"):
            visit.change({}, ["/b"])
