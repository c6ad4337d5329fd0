# SPDX-License-Identifier: MIT
"""Each board of boards.toml starts the real firmware, joins, and reports what its kit measures."""

from dataclasses import replace

import pytest

from host import boards
from simulator import scenario as scenarios
from simulator.run import Run


@pytest.mark.parametrize("name", boards.boards())
def test_it_starts_joins_and_reports(tmp_path, name):
    usual = scenarios.find(None)
    node = replace(usual.nodes[0], board=name)
    run = Run(replace(usual, nodes=(node,), duration_h=0.25), tmp_path)
    (summary,) = run.execute()["nodes"]
    assert (summary["board"], summary["joins"], summary["starts"]) == (name, 1, 1)
    assert summary["decoded"] >= 1 and set(run.rows[0].values) >= {"co2", "temperature"}
    levels, table = run.nodes["classroom-1"].board.levels, boards.boards()[name]
    if table.vext is not None:
        assert levels[table.vext.pin] == table.vext.on
    if table.radio.tcxo is not None:
        assert levels[table.radio.tcxo] == 1


def test_some_have_a_tcxo_and_some_a_vext():
    found = {name: (board.radio.tcxo, board.vext) for name, board in boards.boards().items()}
    assert [name for name, (tcxo, _) in found.items() if tcxo] == [
        "ttgo-lora32-v2_1-tcxo",
        "t3-v3-tcxo",
    ]
    assert [name for name, (_, vext) in found.items() if vext] == ["heltec-v2", "heltec-v2_1"]
