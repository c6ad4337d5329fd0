# SPDX-License-Identifier: MIT
"""Radios as boards have them: no DIO1, a TCXO that wants power, an interrupt that never comes."""

from dataclasses import replace

import pytest

from host import boards
from simulator import scenario as scenarios
from simulator.run import Run

TCXO_PIN = 12


class Changed(Run):
    """A run whose board has another radio than the table says; `mute`: DIO0 is not wired."""

    def __init__(self, scenario, out, mute=False, clock=None, **radio):
        super().__init__(scenario, out)
        self._mute, self._clock_of, self._radio = mute, clock, radio

    def _build(self):
        table = boards.boards()
        name = self.scenario.nodes[0].board
        usual = table[name]
        table[name] = replace(usual, radio=replace(usual.radio, **self._radio))
        try:
            super()._build()
        finally:
            table[name] = usual
        (node,) = self.nodes.values()
        if self._mute:
            node.board.drive = lambda pin, level: None
        if self._clock_of == "tcxo":
            node.radio.clock_by_tcxo()


@pytest.fixture
def ran(tmp_path):
    def run(board, **options):
        usual = scenarios.find(None)
        nodes = (replace(usual.nodes[0], board=board),)
        made = Changed(replace(usual, nodes=nodes, duration_h=2.0), tmp_path, **options)
        (node,) = made.execute()["nodes"]
        return node, (tmp_path / "classroom-1.log").read_text(), made

    return run


@pytest.mark.parametrize("board", ["ttgo-lora32-v2_1", "rpi-pico-rfm95"])
def test_without_dio1_it_joins_and_listens(ran, board):
    node, _, _ = ran(board, dio1=None)
    assert node["joins"] == 1 and node["decoded"] >= 11


def test_without_any_interrupt_the_flags_are_polled(ran):
    node, log, _ = ran("ttgo-lora32-v2_1", mute=True)
    assert node["joins"] == 1 and node["join_tries"] == 1 and node["decoded"] >= 11
    assert "radio:" not in log


def test_a_tcxo_is_powered_and_given_its_time(ran):
    node, _, made = ran("ttgo-lora32-v2_1", dio1=None, tcxo=TCXO_PIN)
    assert node["joins"] == 1 and node["decoded"] >= 11
    (each,) = made.nodes.values()
    assert each.board.levels[TCXO_PIN] == 1


def test_a_tcxo_that_the_table_does_not_know_is_said_to_be_a_radio_that_fails(ran):
    node, log, _ = ran("ttgo-lora32-v2_1", dio1=None, clock="tcxo")
    assert node["joins"] == 0 and node["uplinks_sent"] == 0
    assert "radio: the radio did not end its transmission" in log
