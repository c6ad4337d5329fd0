# SPDX-License-Identifier: MIT
"""The lamp of a crossing, lit by the interrupt itself: in every phase of a node's work.

A first run tells when each phase is. In the second, the same up to then, somebody passes in it.
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from host import boards
from simulator import scenario as scenarios
from simulator.events import plan
from simulator.run import Run

S = 1_000_000
PICO, TTGO = "rpi-pico-rfm95", "ttgo-lora32-v2_1"
LAMP = {PICO: 19, TTGO: 14}
HOLD_S = 30
LATE_US = 100_000  # at most, issue 4
ERASE_US = 45_000
_TX, _RX_SINGLE, _SLEEP = 3, 6, 0  # Mode of RegOpMode
TABLE = boards.kits()
AIR = boards.Sensor("scd4x", "i2c", [1])


class Crossing(Run):
    """An empty crossing whose node reads a CO2 sensor too; `passes_us` is when somebody comes."""

    def __init__(self, folder, board, passes_us=(), seconds=1500, kit=None, events=()):
        usual = scenarios.find("crossing")
        node = replace(usual.nodes[0], board=board, pir=replace(usual.nodes[0].pir, own_tx=0.0))
        worlds = tuple(replace(each, options={"busiest_per_h": 0}) for each in usual.worlds)
        scenario = replace(
            usual, nodes=(node,), worlds=worlds, duration_h=seconds / 3600, events=events
        )
        super().__init__(scenario, folder)
        self._passes_us, self._kit = passes_us, kit or {}
        self.sent, self.erased_us, self.read_us, self.modes = [], [], [], []

    def _build(self):
        usual = TABLE["crossing"]
        options = {"interval_s": 300, "sensors": [*usual.sensors, AIR]} | self._kit
        TABLE["crossing"] = replace(usual, **options)
        try:
            super()._build()
        finally:
            TABLE["crossing"] = usual
        (self.node,) = self.nodes.values()
        self._air.on_transmit.append(self.sent.append)
        self._watch(self.node.board, "_note", self._noted)
        self._watch(self.node.sensors["scd4x"], "read", lambda length: self.read_us.append(
            self.node.board.clock.now_us))  # fmt: skip
        for at_us in self._passes_us:
            self.node.board.clock.call_at(at_us, self._pass)

    @staticmethod
    def _watch(thing, name, watcher):
        usual = getattr(thing, name)

        def call(*arguments):
            watcher(*arguments)
            return usual(*arguments)

        setattr(thing, name, call)

    def _noted(self, kind, number, level, at_us):
        if kind == 1:  # an erase has ended
            self.erased_us.append(at_us)

    def _pass(self):
        self.modes.append(self.node.radio.registers[0x01] & 7)
        self.node.sensors["pir"].eyes[0].stir(0)

    @property
    def uplinks(self):
        return [(each.start_us, each.end_us) for each in self.sent if each.payload[0]]

    @property
    def shone(self):
        """[(time_us, level)] of the lamp, without the PIR's pulses while it warms up."""
        pin = LAMP[self.node.plan.board]
        found = [(at_us, level) for at_us, each, level in self.node.board.outputs if each == pin]
        since_us = min([*self._passes_us, 120 * S])
        return [each for each in found if each[0] >= since_us]


def erase(ends_us):
    """The end of an erase while the node works; best of one that another follows at once."""
    found = [at_us for at_us in ends_us if at_us > 5 * S]
    return next((one for one, two in pairwise(found) if two - one < 100_000), found[-1])


@pytest.fixture(scope="module")
def phases(tmp_path_factory):
    """A function: {phase: a moment in it} of a board."""
    found = {}

    def of(board):
        if board not in found:
            run = Crossing(tmp_path_factory.mktemp("phases"), board)
            run.execute()
            assert run.shone == []
            sent = [each for each in run.uplinks if each[0] > 300 * S]
            (start_us, end_us), (_, next_us) = sent[:2]
            found[board] = {
                "transmission": (start_us + end_us) // 2,
                "first window": end_us + 1 * S,
                "second window": next_us + 2 * S,
                "between the windows": end_us + 1_500_000,
                "sensor read": next(at for at in run.read_us if at > 300 * S) - 400,
                "flash erase": erase(run.erased_us) - 30_000,
                "sleep": end_us + 120 * S,
            }
        return found[board]

    return of


PHASES = {
    "transmission": _TX,
    "first window": _RX_SINGLE,
    "second window": _RX_SINGLE,
    "between the windows": _SLEEP,
    "sensor read": _SLEEP,
    "flash erase": _SLEEP,
    "sleep": _SLEEP,
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("board", [PICO, TTGO])
def test_it_shines_within_100_ms_whatever_the_node_does(phases, tmp_path, board, phase):
    at_us = phases(board)[phase]
    run = Crossing(tmp_path, board, (at_us,), at_us / S + 60)
    run.execute()
    assert run.modes == [PHASES[phase]]
    (on_us, on), (off_us, off) = run.shone
    assert (on, off) == (1, 0)
    late_us = on_us - at_us
    if phase == "flash erase":  # which stops interrupts: what is left of it, and then at once
        assert 30_000 <= late_us < (35_000 if board == PICO else ERASE_US + LATE_US)
    else:
        assert 0 < late_us < (5000 if board == PICO else LATE_US)
    # AM312 is high for 2 s, in which somebody may still be there
    assert HOLD_S * S - 1000 <= off_us - on_us < (HOLD_S + 6) * S


def test_it_shines_within_100_ms_out_of_a_light_sleep(tmp_path):
    run = Crossing(tmp_path, PICO, (400 * S,), 500, {"mains": False})
    run.execute()
    assert run.node.board.time_by_state_us()["asleep"] > 400 * S
    (on_us, _), (off_us, off) = run.shone
    assert 1000 <= on_us - 400 * S < LATE_US  # the clocks come up first
    assert off == 0 and HOLD_S * S - 1000 <= off_us - on_us < (HOLD_S + 3) * S


def test_it_shines_in_time_when_a_handler_waits_as_long_as_the_table_says(tmp_path):
    board = boards.boards()[TTGO]
    run = Crossing(tmp_path, TTGO, (400 * S,), 460)
    run.scenario = replace(
        run.scenario, nodes=(replace(run.scenario.nodes[0], irq_us=board.latency_ms * 1000),)
    )
    run.execute()
    assert board.latency_ms * 1000 <= run.shone[0][0] - 400 * S < LATE_US


def test_whoever_comes_before_it_is_out_keeps_it_on(tmp_path):
    run = Crossing(tmp_path, PICO, (400 * S, 420 * S, 445 * S, 500 * S), 600)
    run.execute()
    off_s = [at_us / S for at_us, level in run.shone if not level]
    # the hold begins when the PIR, high for 2 s, is last seen so: once a second
    assert [later - earlier for later, earlier in zip(off_s, (445, 500), strict=True)] == [
        pytest.approx(HOLD_S + 1.5, abs=0.51)
    ] * 2


def test_it_shines_while_the_pir_is_high(tmp_path):
    run = Crossing(tmp_path, PICO, (), 600)
    run._pass = lambda: run.node.sensors["pir"].eyes[0].stir(60 * S)
    run._passes_us = (400 * S,)
    run.execute()
    ((_, on), (off_us, off)) = run.shone
    # AM312: high for 2 s after the last motion; then the hold, looked at once a second
    assert (on, off) == (1, 0) and 460 + 30 <= off_us / S <= 462 + 30 + 1


def test_a_hold_that_ends_in_an_exchange_ends_after_it(tmp_path):
    first = Crossing(tmp_path / "first", PICO, (), 700)
    first.execute()
    start_us, end_us = next(each for each in first.uplinks if each[0] > 300 * S)
    run = Crossing(tmp_path / "second", PICO, (start_us - (HOLD_S - 1) * S,), 700)
    run.execute()
    (_, (off_us, _)) = run.shone
    assert end_us + 2 * S < off_us < end_us + 3 * S


def test_one_that_was_lit_and_is_switched_on_stays_on(tmp_path):
    first = Crossing(tmp_path / "first", PICO, (), 700)
    first.execute()
    start_us, _ = next(each for each in first.uplinks if each[0] > 300 * S)
    event = {"kind": "downlink", "node": "crossing-1", "at_h": 0, "settings": {"lamp": 1}}
    events = (plan(event | {"at_h": (start_us / S - 10) / 3600}),)
    run = Crossing(tmp_path / "second", PICO, (start_us - 5 * S,), 700, events=events)
    run.execute()
    assert [level for _, level in run.shone] == [1, 1]


def test_the_setting_puts_it_out_on_and_back_to_the_pir(tmp_path):
    events = tuple(
        plan({"kind": "downlink", "node": "crossing-1", "at_h": at_h, "settings": {"lamp": lamp}})
        for at_h, lamp in ((0.1, 1), (0.3, 0), (0.5, 2))
    )
    passes = (1000 * S, 1700 * S, 2400 * S)
    run = Crossing(tmp_path, PICO, passes, 2700, events=events)
    run.execute()
    times = [(at_us, level) for at_us, level in run.shone]
    on_us = [at_us for at_us, level in times if level]
    (set_us, dark_us, *_) = [at_us for at_us, _ in times]
    assert 360 * S < set_us < 1000 * S and times[0][1] == 1
    assert 1080 * S < dark_us < 1700 * S and times[1][1] == 0
    assert on_us[1:] == [pytest.approx(2400 * S, abs=1000)]
