# SPDX-License-Identifier: MIT
"""Many nodes from one manifest, on virtual boards at several ports, stopped and gone on with."""

import json
import signal
import threading

import pytest
from manifest_boards import Box, Slot
from workbench import FIRMWARE, PICO, TTGO

from host import manifest
from host.batch import Batch, Plan
from host.ledgers import open_ledger
from host.port import Attached
from host.progress import Progress
from host.provisioning import IN_USE_AGAIN

BEFORE_IT_IS_WRITTEN = 30000  # bytes: after it was asked who it is
FEATHER = "feather-rp2040-rfm95"
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


def test_boards_on_usb_are_found_as_they_come_and_a_row_waits_for_its_kind_or_its_port(tmp_path):
    slots = [Slot(tmp_path, 1, files=FIRMWARE), Slot(tmp_path, 2, TTGO, files=FIRMWARE)]
    pico, ttgo = (str(slot.link) for slot in slots)
    text = f"name,board,kit,port\nred,{PICO},bin,elsewhere\nblue,{TTGO},bin,\ngreen,{PICO},bin,\n"
    with Box(tmp_path, text, slots) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        usb, asked = [], threading.Lock()

        def found():  # the first board is there, the second comes once the first is done
            with asked:  # by the run, and by the threads of its ports
                if ledger.nodes() and ledger.nodes()[0].state == "written" and len(usb) == 1:
                    slots[1].plug_in()
                    usb.append(Attached(ttgo, "10C4:EA60"))
                return list(usb)

        slots[0].plug_in()
        usb.append(Attached(pico, "2E8A:0005", serial=slots[0].board.unique_id.hex().upper()))
        plan = Plan(box.receipts_path, wait_s=4)
        outcomes = Batch(manifest.read(box.manifest), ledger, plan, Progress(True), found).run()
        by_name = {each.row.name: each for each in outcomes}
        assert not by_name["red"].written and by_name["red"].problem == "no board came for it"
        assert by_name["green"].node.unique_id == slots[0].board.unique_id
        assert by_name["blue"].node.unique_id == slots[1].board.unique_id
        assert slots[1].board.flash.config()["name"] == "blue"
        assert [each["name"] for each in box.receipts()] == ["blue", "green"]


def test_a_row_whose_cable_was_pulled_waits_for_the_same_board(tmp_path):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        rows, said = manifest.read(box.manifest), []
        progress = Progress(True)
        progress.say = said.append

        def run(wait_s):
            plan = Plan(box.receipts_path, (str(slot.link),), wait_s=wait_s)
            return Batch(rows[:2], ledger, plan, progress).run()

        slot.plug_in()
        begun = slot.board
        begun.cut_after(to_board=14000)
        first, _ = run(0)
        assert begun.pulled.is_set() and not first.written and box.receipts() == []
        assert first.node.unique_id == begun.unique_id  # the ledger knew before the board did
        slot.plug_in()  # another board gets another row
        first, second = run(0)
        assert second.written and second.node.unique_id == slot.board.unique_id
        assert (
            first.problem
            == f"it was begun on the board {begun.unique_id.hex()}, which did not come"
        )
        slot.unplug()
        slot.board = begun
        begun.start()
        first, second = run(0)
        assert first.written and begun.flash.config()["name"] == "street-1"
        assert any("street-1 is written" in line for line in said)


def test_a_board_that_is_another_node_stays_what_it_is(tmp_path):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        slot.plug_in()

        def run(names, **options):
            rows = [row for row in manifest.read(box.manifest) if row.name in names]
            plan = Plan(box.receipts_path, (str(slot.link),), wait_s=0, **options)
            return Batch(rows, ledger, plan, Progress(True)).run()

        assert run(["street-1"])[0].written
        (other,) = run(["street-2"])
        assert not other.written and slot.board.flash.config()["name"] == "street-1"
        (other,) = run(["street-2"], replace=True)
        assert other.written and slot.board.flash.config()["name"] == "street-2"
        box.manifest.write_text(ROWS.replace("lamp 2", "the square"))
        run(["street-2"])  # what only stands in lists needs no board
        assert [each["place"] for each in box.receipts()] == ["the square"]


def test_a_board_that_was_made_as_another_is_told_by_its_line(tmp_path):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box:
        slot.plug_in()

        def run(ledger):
            plan = Plan(box.receipts_path, (str(slot.link),), wait_s=0)
            with open_ledger(tmp_path / ledger, True) as opened:
                return Batch(manifest.read(box.manifest)[:1], opened, plan, Progress(True)).run()

        assert run("ledger")[0].written
        box.manifest.write_text(f"name,board,kit\nlamp,{FEATHER},classroom\n")
        (other,) = run("of somebody else")
        assert other.problem.endswith(f"made as {PICO} and not as {FEATHER}")
        assert other.next_step == (
            f"if {PICO} is right, name that as 'board' in line 2 of the manifest; "
            f"if {FEATHER} is right, add --replace"
        )


def test_a_board_that_is_exchanged_while_the_one_before_says_goodbye_is_noticed(tmp_path):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        slot.plug_in()

        def found():  # asked once a board is done; the next one gets the same number of port
            if len(slot.met) < 2:
                slot.plug_in()
            return []

        plan = Plan(box.receipts_path, (str(slot.link),), wait_s=5)
        rows = manifest.read(box.manifest)[:2]
        outcomes = Batch(rows, ledger, plan, Progress(True), found).run()
        assert [each.written for each in outcomes] == [True, True]


def test_what_is_written_is_not_done_again(tmp_path):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        slot.plug_in()
        rows, said = manifest.read(box.manifest), []
        progress = Progress(True)
        progress.say = said.append
        plan = Plan(box.receipts_path, (str(slot.link),), wait_s=0)
        (first,) = Batch(rows[:1], ledger, plan, progress).run()
        box.receipts_path.write_text("")  # as if it was killed just before it kept the receipt
        again, second = Batch(rows[:2], ledger, plan, progress).run()
        assert again.node == first.node and not second.written
        history = [event.what for event in ledger.history(first.node.dev_eui)]
        assert history.count("written") == 1
        assert [each["name"] for each in box.receipts()] == ["street-1"]
        assert any("this is street-1, which is done; 1 to go; plug in" in line for line in said)


def test_a_board_that_was_retired_is_said_to_be_in_use_again(tmp_path, monkeypatch):
    said, slot = [], Slot(tmp_path, 1, files=FIRMWARE)
    monkeypatch.setattr(Progress, "say", lambda self, line: said.append(line))
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        slot.plug_in()
        first, second, _ = manifest.read(box.manifest)
        plan = Plan(box.receipts_path, (str(slot.link),), wait_s=0)
        (was,) = Batch([first], ledger, plan, Progress(True)).run()
        assert not any(IN_USE_AGAIN in line for line in said)
        ledger.retire(was.node.dev_eui)
        (again,) = Batch([second], ledger, plan, Progress(True)).run()
        assert again.written and again.node.dev_eui == was.node.dev_eui
        assert f"{slot.link}: note: {IN_USE_AGAIN}" in said


@pytest.mark.parametrize("retired", [False, True])
def test_a_board_that_was_another_node_has_no_receipt_before_it_is_the_new_one(tmp_path, retired):
    slot = Slot(tmp_path, 1, files=FIRMWARE)
    with Box(tmp_path, ROWS, [slot]) as box, open_ledger(tmp_path / "ledger", True) as ledger:
        slot.plug_in()
        board = slot.board

        def run(name, **options):
            rows = [row for row in manifest.read(box.manifest) if row.name == name]
            plan = Plan(box.receipts_path, (str(slot.link),), wait_s=0, **options)
            (outcome,) = Batch(rows, ledger, plan, Progress(True)).run()
            return outcome

        was = run("street-1").node
        ledger.advance(was.dev_eui, "registered")
        if retired:
            ledger.retire(was.dev_eui)
        board.cut_after(to_board=BEFORE_IT_IS_WRITTEN)
        other = run("street-2", replace=not retired)
        assert board.pulled.is_set() and ledger.node("street-2").dev_eui == was.dev_eui
        assert not other.written and box.receipts() == []
        slot.unplug()
        slot.board = board
        board.start()
        assert run("street-2").written and board.flash.config()["name"] == "street-2"
        history = [each.what for each in ledger.history(was.dev_eui)]
        assert history.count("in use again") == retired
