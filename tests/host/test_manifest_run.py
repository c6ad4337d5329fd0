# SPDX-License-Identifier: MIT
"""Many nodes from one manifest, on virtual boards at several ports, stopped and gone on with."""

import json
import signal

from manifest_boards import Box, Slot
from workbench import FIRMWARE, PICO, TTGO

ROWS = "name,board,kit,place\n" + "".join(
    f"street-{number},{PICO},classroom,lamp {number}\n" for number in (1, 2, 3)
)


def test_three_nodes_on_two_ports_killed_in_the_middle_and_gone_on_with(tmp_path):
    slots = [Slot(tmp_path, number, files=FIRMWARE) for number in (1, 2)]
    with Box(tmp_path, ROWS, slots) as box:
        run = box.start()
        box.change_boards(run, until=1)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        first = [node.identity for node in box.nodes() if node.state == "written"]
        assert 1 <= len(first) < 3
        run = box.start("--json")
        box.change_boards(run, until=3)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 0
        nodes = box.nodes()
        assert [node.name for node in nodes] == ["street-1", "street-2", "street-3"]
        assert {node.state for node in nodes} == {"written"}
        assert len({node.identity.app_key for node in nodes}) == 3
        assert all(identity in [node.identity for node in nodes] for identity in first)
        assert [each["name"] for each in json.loads(out)["nodes"]] == [n.name for n in nodes]
        receipts = box.receipts()
        assert [each["dev_eui"] for each in receipts] == [node.dev_eui.hex() for node in nodes]
        assert [each["place"] for each in receipts] == ["lamp 1", "lamp 2", "lamp 3"]
        held = {board.unique_id: board.flash.config() for s in slots for board in s.met}
        for node in nodes:
            assert held[node.unique_id]["app_key"] == node.identity.app_key
            assert held[node.unique_id]["name"] == node.name
        whole = out + box.receipts_path.read_text()
        assert not any(node.identity.app_key.hex() in whole.lower() for node in nodes)


def test_a_board_of_another_kind_gets_no_row_and_the_run_says_which_are_missing(tmp_path):
    with Box(tmp_path, ROWS, [Slot(tmp_path, 1, TTGO, files=FIRMWARE)]) as box:
        box.slots[0].plug_in()
        run = box.start("--wait", "0")
        out, said = run.communicate(timeout=60)
        assert run.returncode == 1
        assert "no row is left for this ESP32" in said
        assert "error: street-2: no board came for it; run the same command again" in said
        assert "0 of 3 are written" in out
        assert box.nodes() == [] and box.receipts() == []
