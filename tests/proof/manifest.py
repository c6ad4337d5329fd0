# SPDX-License-Identifier: MIT
"""Forty nodes from one manifest on four virtual boards at a time, killed halfway, gone on with.

`python tests/proof/manifest.py [COUNT]`: at the end there are so many boards with an identity of
their own, each as the ledger has it, and as many receipts.
"""

import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "host")]

from manifest_boards import Box, Slot  # noqa: E402  # of tests/host
from workbench import FIRMWARE, PICO, TTGO  # noqa: E402

from host.enrol import identity_of  # noqa: E402
from host.state import State  # noqa: E402

COUNT, KINDS = 40, (PICO, TTGO, PICO, TTGO)


def rows(count):
    lines = [f"street-{n},{KINDS[n % 4]},classroom,lamp {n}" for n in range(count)]
    return "\n".join(["name,board,kit,place", *lines, ""])


def held(board):
    """Who a board says it is, read from its flash."""
    files = {f"/{path}": data for path, data in board.flash.files().items()}
    return identity_of(State({path: files[path] for path in files if path.startswith("/state/")}))


def check(box, count):
    """Distinct identities, on boards as in the ledger, a receipt for each without a key."""
    nodes, receipts = box.nodes(), box.receipts()
    assert [each["name"] for each in receipts] == [f"street-{n}" for n in range(count)]
    assert {each["state"] for each in receipts} == {"written"}
    assert len({each["dev_eui"] for each in receipts}) == len(nodes) == count
    assert len({node.identity.app_key for node in nodes}) == count
    on_boards = {board.unique_id: held(board) for slot in box.slots for board in slot.met}
    for node in nodes:
        assert on_boards[node.unique_id] == node.identity
        assert on_boards[node.unique_id].app_key == node.identity.app_key
    text = box.receipts_path.read_text().lower()
    assert not any(node.identity.app_key.hex() in text for node in nodes)


def main():
    count, began_s = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        slots = [Slot(place, n, kind, files=FIRMWARE) for n, kind in enumerate(KINDS)]
        with Box(place, rows(count), slots) as box:
            run = box.start()
            box.change_boards(run, until=count // 2)
            run.send_signal(signal.SIGKILL)
            run.communicate()
            before = box.receipts()
            print(f"killed with {len(before)} receipts, {time.monotonic() - began_s:.0f} s")
            run = box.start()
            box.change_boards(run, until=count)
            out, said = run.communicate(timeout=120)
            if run.returncode:
                sys.exit(said + out)
            check(box, count)
            again = {each["name"]: each["dev_eui"] for each in box.receipts()}
            assert all(again[each["name"]] == each["dev_eui"] for each in before)
            boards = sum(len(slot.met) for slot in slots)
    print(f"{count} nodes on {boards} boards, {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
