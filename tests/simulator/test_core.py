# SPDX-License-Identifier: MIT
"""Boards of which one computes at a time share a core with the simulator; where several do, and
when the run has ended, all go where they like."""

import os
from itertools import cycle
from types import SimpleNamespace

import pytest

from host import image
from host.errors import HostError
from simulator import core
from simulator.board import Board
from simulator.clock import Clock
from simulator.schedule import run

CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="there is one core, or no choice of one")
READS = """
import machine, time
pin = machine.Pin(5, machine.Pin.IN)
while True:
    pin()
    time.sleep_ms(10)
"""
ENDS = "import machine\nmachine.Pin(5, machine.Pin.IN)()\nraise SystemExit\n"


@pytest.fixture
def cores(tmp_path, monkeypatch):
    """A function: run programs for a second; each 0.1 s the cores allowed to this thread and to
    the processes of the boards."""
    monkeypatch.setattr(core, "_LOOK_EACH", 7)

    def made(*programs, jobs=1):
        common, boards, found = Clock(), [], []
        for name, program in zip("abc", programs, strict=False):
            flash = tmp_path / f"{name}.flash"
            flash.write_bytes(image.build({"main.py": program.encode()}, 64))
            log = (tmp_path / f"{name}.log").open("wb")
            boards.append(Board(name, "rp2040", flash, log, Clock(), 1))
            boards[-1].clock.call_at(0, boards[-1].power_on)

        def look():
            processes = [0, *(board._process.pid for board in boards)]
            found.append([os.sched_getaffinity(each) for each in processes])

        for number in range(5, 10):
            common.call_at(number * 100_000, look)
        try:
            run(boards, common, 1_000_000, jobs)
        finally:
            for board in boards:
                board.power_off()
            assert os.sched_getaffinity(0) == CORES
        return found

    return made


@pytest.mark.parametrize("count", [1, 3])
def test_who_takes_turns_is_on_one_core(cores, count):
    found = cores(*[READS] * count)
    assert len(found) == 5
    for ours, *theirs in found:
        assert len(ours) == 1 and theirs == [ours] * count


def test_who_computes_beside_others_is_on_any(cores):
    for row in cores(READS, READS, jobs=2):
        assert row == [CORES] * 3


def test_a_run_that_fails_leaves_this_thread_free(cores):
    with pytest.raises(HostError, match="ended by itself"):
        cores(ENDS, READS)


def test_it_is_the_core_where_the_kernel_wakes_us(cores, monkeypatch):
    wakes = cycle(sorted(CORES))
    monkeypatch.setattr(core, "_here", lambda: next(wakes))
    found = cores(READS, READS)
    assert all(theirs == [ours] * 2 for ours, *theirs in found)
    assert len({min(ours) for ours, *_ in found}) > 1


def test_where_no_process_can_be_kept_on_a_core_the_run_goes_on(cores, monkeypatch):
    monkeypatch.setattr(core, "os", SimpleNamespace())
    assert cores(READS, READS) == [[CORES] * 3] * 5
