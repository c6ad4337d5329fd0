# SPDX-License-Identifier: MIT
"""The flash gets full while something is copied: after there was room, wherever it ends."""

import pytest
from pulled import PICO, kept, node_bench, small_firmware, staged
from workbench import Workbench

from host import image
from host.errors import HostError
from host.visit import Visit

BLOCK = 4096
FILL = """
import os
stat = os.statvfs("/")
with open("/fill.bin", "wb") as file:
    for _ in range(stat[3] - {left}):
        file.write(bytes(4096))
"""
FULL = "the board's flash is full; nothing was changed"


@pytest.fixture
def filled(monkeypatch):
    """A list: so many blocks are left of the board's flash after the next look at its room."""
    left, check = [], Visit._check_room

    def checked(visit, write):
        check(visit, write)
        if left:
            visit.port.run(FILL.format(left=left.pop()))

    monkeypatch.setattr(Visit, "_check_room", checked)
    return left


def make_room(bench):
    """As the message says: mpremote fs rm what is not of node071."""
    with bench._port() as port:
        port.prompt()
        port.run("import os\nos.remove('/fill.bin')\n")


def full(bench, work):
    """Do some work that finds the flash full, which says so and leaves nothing."""
    with pytest.raises(HostError) as error:
        work()
    assert str(error.value) == FULL and "mpremote fs rm" in error.value.next_step
    assert not staged(bench)


@pytest.mark.parametrize("blocks", [1, 3, 6])
def test_full_while_it_is_provisioned_it_claims_nothing_and_a_second_run_completes(
    tmp_path, filled, blocks
):
    own = small_firmware(tmp_path / "small")
    with Workbench(tmp_path, PICO, {"own.txt": b"stays"}, filesystem_kib=192) as bench:
        filled[:] = [blocks]
        full(bench, lambda: bench.provision(firmware=own))
        assert set(bench.files()) == {"/own.txt", "/fill.bin"}
        (node,) = bench.ledger.nodes()
        assert node.state == "new"
        make_room(bench)
        receipt = bench.provision(firmware=own)
        assert receipt.node.state == "written" and receipt.node.identity == node.identity
        assert bench.firmware_is(image.firmware(own))
        bench.check_claims()


@pytest.mark.parametrize("blocks", [1, 3, 6])
def test_full_while_it_is_updated_the_old_firmware_stays_and_a_second_run_completes(
    tmp_path, filled, blocks
):
    small = image.firmware(small_firmware(tmp_path / "small"))
    more = {f"part{number}.py": f"X = {'y' * 3000!r}\n" for number in range(8)}
    new = small_firmware(tmp_path / "new", 2, **more)
    with node_bench(tmp_path, PICO, small, filesystem_kib=192) as bench:
        before = kept(bench)
        filled[:] = [blocks]
        full(bench, lambda: bench.flash(firmware=new))
        assert bench.firmware_is(small) and kept(bench) == before
        make_room(bench)
        bench.flash(firmware=new)
        assert bench.firmware_is(image.firmware(new)) and kept(bench) == before
