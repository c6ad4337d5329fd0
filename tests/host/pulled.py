# SPDX-License-Identifier: MIT
"""The cable is pulled at one moment of some work; what the board and the ledger say of it.

Each returns whether it was pulled before the work was done.
"""

from functools import partial
from random import Random

import cbor2
from workbench import PICO, TTGO, Workbench, small_firmware

from host import boards, holdings, image, provision
from host.images import Image
from host.provision import dev_eui_for
from simulator import stand_in

KIT, KEY = boards.kits()["classroom"], bytes(range(16))
READINGS = {"state/readings/3": cbor2.dumps([24, 1, 600, {1: 612}]), "state/readings/4": b"\x80"}
SMALL_KIB = 256
# does not compress: esptool writes it in several pieces, and a cut leaves half a filesystem
NOISE = Random(71).randbytes(36000).hex()
UNIQUE_IDS = {TTGO: bytes.fromhex("240ac4123456"), PICO: bytes.fromhex("e6605838834b2f2c")}


def micropython(row, version="1.28.0"):
    """An image for a board, as it is downloaded."""
    suffix = ".uf2" if row.chip.startswith("rp2040") else ".bin"
    return Image(f"{row.micropython}-20260406-v{version}{suffix}", stand_in.image(row, version))


def node_bench(folder, name, contents, **options):
    """A board that is a node for some time: a session, used nonces, readings that wait."""
    row, unique_id = boards.boards()[name], UNIQUE_IDS[name]
    identity = provision.Identity("room-9", dev_eui_for(row.chip, unique_id), bytes(8), KEY)
    records = provision.records(row, KIT, identity) | {
        "/state/dev_nonce.1": image.record(12, 1),
        "/state/session.0": image.record({0: 7}),
    }
    files = contents | {path[1:]: data for path, data in records.items()} | READINGS
    # in another order than a flashing writes them: half of each is no whole
    files = dict(reversed(files.items()))
    return Workbench(folder, name, files, unique_id=unique_id, **options)


def kept(bench):
    """What must come through: who it is, what it counted, what it measured."""
    state = bench.state()
    readings = {path[1:]: data for path, data in state.files.items() if "/readings/" in path}
    return state.load("config"), state.load("dev_nonce"), state.load("session"), readings


def staged(bench):
    """What lies on the board without a place."""
    return [path for path in bench.files() if path.startswith("/update/")]


def check_half(bench, config):
    """Whoever finds the board as the cut left it: nothing half claims to be whole.

    `config`: that of the node that it was.
    """
    found, interrupted = (
        bench.config(),
        holdings.interrupted(bench.folder / "backups", bench.board.unique_id),
    )
    assert found in (None, config)
    for node in bench.ledger.nodes():
        assert (node.name, node.dev_eui) == (config["name"], config["dev_eui"])
        assert node.identity.app_key == KEY
        assert node.state == "new" or found == config or interrupted is not None


def provision_cut(folder, after):
    """A board with our firmware is provisioned: its config is whole and known, or not there."""
    with Workbench(folder) as bench:
        return _provisioned(bench, after)


def new_board_cut(folder, after):
    """The same, of a board that has nothing but MicroPython: it gets the firmware, too."""
    own = small_firmware(folder / "small")
    with Workbench(folder, PICO, {"own.txt": b"stays"}) as bench:
        pulled = _provisioned(bench, after, firmware=own)
        assert bench.firmware_is(image.firmware(own)) and bench.files()["/own.txt"] == b"stays"
        return pulled


def _provisioned(bench, after, **options):
    pulled = bench.cut(lambda: bench.provision(**options), bench.check_claims, **after)
    first = [node.identity for node in bench.ledger.nodes()]
    receipt = bench.provision(**options)
    bench.check_claims()
    assert receipt.node.state == "written" and bench.config() is not None
    assert not first or first == [receipt.node.identity]
    assert not staged(bench)
    return pulled


def update_cut(folder, after):
    """A node gets a new firmware: the old one or the new one, and all that it holds."""
    small = image.firmware(small_firmware(folder / "small"))
    own = small_firmware(folder / "new", 2, **{"led.py": "X = 1\n"})
    new = image.firmware(own)
    with node_bench(folder, PICO, small) as bench:
        before = kept(bench)
        check = partial(check_half, bench, before[0])
        pulled = bench.cut(lambda: bench.flash(firmware=own), check, **after)
        bench.settle()
        assert bench.firmware_is(small) or bench.firmware_is(new)
        assert kept(bench) == before
        bench.flash(firmware=own)
        assert bench.firmware_is(new) and kept(bench) == before
        assert not staged(bench)
        return pulled


def flash_cut(folder, after):
    """A node gets MicroPython and all: nothing that it measured is lost, no counter goes back."""
    own = small_firmware(folder / "small", **{"noise.py": f"X = {NOISE!r}\n"})
    small = image.firmware(own)
    with node_bench(folder, TTGO, small, own_kib=SMALL_KIB) as bench:
        config, dev_nonce, _, readings = kept(bench)
        check = partial(check_half, bench, config)
        options = {"micropython": micropython(bench.row), "firmware": own}
        pulled = bench.cut(lambda: bench.flash(**options), check, **after)
        bench.flash(**options)
        found = kept(bench)
        assert (found[0], found[3]) == (config, readings) and found[1] >= dev_nonce
        assert found[1] >= bench.ledger.nodes()[0].next_dev_nonce
        assert bench.firmware_is(small) and not staged(bench)
        bench.check_claims()
        return pulled


def uf2_cut(folder, after):
    """An RP2040 gets MicroPython through its drive: its files stay where they are."""
    own, drive = small_firmware(folder / "small"), folder / "drive"
    small = image.firmware(own)
    with node_bench(folder, PICO, small, drive=drive) as bench:
        before = kept(bench)
        options = {"micropython": micropython(bench.row), "firmware": own, "drive": drive}
        check = partial(check_half, bench, before[0])
        pulled = bench.cut(lambda: bench.flash(**options), check, **after)
        if bench.board.mode == "silent":  # half a MicroPython
            bench.board.become("bootloader")  # BOOTSEL is held, as the message says
        bench.flash(**options)
        assert kept(bench) == before
        assert bench.firmware_is(small) and not staged(bench)
        return pulled
