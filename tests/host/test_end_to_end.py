# SPDX-License-Identifier: MIT
"""From a board in its box to a node on a network, and back to the desk; no secret gets out.

The toolkit runs as programs, with the real esptool and mpremote, on a virtual board. What lies in
its flash then works in the simulator, where the network knows the node from the exported file
alone.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from ast import literal_eval
from base64 import b64encode
from collections import Counter
from random import Random

import pytest
import trials
import zxingcpp
from PIL import Image
from pulled import micropython
from sandbox import HANG_S, Sandbox, forms, leaks
from test_chirpstack import APPLICATION, TOKEN, ChirpStack, serving
from workbench import PICO, TTGO

from host import boards, files
from host.provision import Identity
from simulator import scenario as scenarios
from simulator.faults import FaultPlan
from simulator.flash_chip import FlashChip
from simulator.network import Device, Network
from simulator.virtual_board import VirtualBoard

PASSPHRASE = "seven green bicycles"
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
BLOCK = "70B3D57ED0001230/16"
UNIQUE_IDS = {TTGO: bytes.fromhex("240ac4123456"), PICO: bytes.fromhex("e6605838834b2f2c")}
DEV_EUIS = {TTGO: "240ac4fffe123456", PICO: "70b3d57ed0001230"}
GOES_OFF_H, COMES_DOWN_H, END_H = 4, 29, 35  # a node without an answer for a day joins again
UPDATE_BYTES = 80_000  # all of the firmware is three times as much


class Bench:
    """One board: on the desk with programs, on the street in virtual time.

    An ESP32's ledger has a passphrase, an RP2040's lies open for its owner.
    """

    def __init__(self, folder, name):
        self.folder, self.row, self.esp32 = folder, boards.boards()[name], name == TTGO
        self.sandbox = Sandbox(folder, **{"NODE071_PASSPHRASE": PASSPHRASE} if self.esp32 else {})
        # as of real nodes: those of virtual boards would go into the one for practice
        self.sandbox.variables["NODE071_LEDGER"] = str(self.sandbox.data / "nodes.ledger")
        made = micropython(self.row)
        self.micropython = folder / made.name
        self.micropython.write_bytes(made.data)
        self.token, self.other_key = folder / "token", folder / "key"
        self.token.write_text(TOKEN)
        self.other_key.write_text(KEY.hex())
        self.firmware = folder / "changed"
        self.port = ("--port", folder / "port")

    def board(self, mode="micropython"):
        return VirtualBoard(
            self.row,
            self.folder / "chip",
            mode,
            unique_id=UNIQUE_IDS[self.row.name],
            link=self.folder / "port",
            drive=self.folder / "drive",
        )

    def on_board(self):
        """The files in its flash chip by their paths."""
        return FlashChip(self.folder / "chip", self.row).files()

    def filesystem(self, data=None):
        """The bytes of its filesystem, as they lie there; or they are replaced by `data`."""
        chip = FlashChip(self.folder / "chip", self.row)
        offset, size = chip.filesystem
        if data is not None:
            chip.path.write_bytes(chip.read(0, offset) + data + chip.read(offset + size, 0))
        return chip.read(offset, size)

    def flash_all(self, *words):
        """MicroPython, firmware and what the board held."""
        drive = () if self.esp32 else ("--drive", self.folder / "drive")
        own = ("--board", self.row.name, "--micropython", self.micropython, *self.port, *drive)
        return self.sandbox.run("flash", *own, *words)

    # At the desk.

    def begin(self):
        """A board in its boot loader becomes a node and works; the row that was exported."""
        desk, name = self.sandbox, self.row.name
        with self.board("bootloader") as board:
            out, _ = self.flash_all("--lose-backlog" if self.esp32 else "--plain-keys")
            assert f"next: node071 provision --board {name} --kit NAME" in out
            words = ("provision", "--board", name, "--kit", "classroom", *self.port)
            block = () if self.esp32 else ("--eui-block", BLOCK)
            told = json.loads(desk.run(*words, *block, "--place", "lamp 12", "--json")[0])
            assert (told["dev_eui"], told["state"]) == (DEV_EUIS[name], "written")
            self.work()
            board.become("unplugged")  # or it would go on looking for a network: seldom, at last
            row = self.export()
            assert (row["dev_eui"].lower(), row["name"]) == (told["dev_eui"], "classroom-1")
            desk.secrets = {"AppKey": bytes.fromhex(row["app_key"]), "other key": KEY}
            desk.secrets |= {"token": TOKEN.encode(), "passphrase": PASSPHRASE.encode()}
            board.plug_in()
            _, errors = desk.run(*words, "--app-key", f"@{self.other_key}", status=1)
            assert "and has another AppKey" in errors
            desk.end(desk.start("doctor", *self.port, "--json"))  # slow computers: it says so
        self.look_around()
        return row

    def work(self):
        """The node does its work: it looks for a network, and nobody answers."""
        monitor, said = self.sandbox.start("monitor", *self.port, "--json"), []
        while not said or "was not answered" not in said[-1]["text"]:
            said.append(json.loads(monitor.stdout.readline()))
        monitor.terminate()
        self.sandbox.end(monitor)
        self.sandbox.said.append(json.dumps(said))

    def export(self):
        """Every way onto a network says the same; the row of The Things Stack."""
        desk = self.sandbox
        desk.run("export", "tts-csv")
        with (desk.work / "classroom-1-tts.csv").open() as file:
            (row,) = csv.DictReader(file, delimiter=";")
        desk.run("export", "tts-json")
        body = json.loads((desk.work / "classroom-1-tts.json").read_text())
        own = {**body["ids"], "app_key": body["root_keys"]["app_key"]["key"]}
        assert [own[each] for each in ("device_id", "dev_eui", "join_eui", "app_key")] == [
            row[each] for each in ("id", "dev_eui", "join_eui", "app_key")
        ]
        with serving(state := ChirpStack()) as url:
            words = ("--url", url, "--application", APPLICATION, "--token", f"@{self.token}")
            out, errors = desk.run("export", "chirpstack", *words, "--dry-run")
            assert "created" in out and "nothing was changed" in errors and not state.devices
            desk.run("export", "chirpstack", *words, "--json")
        assert state.keys == {row["dev_eui"].lower(): row["app_key"].lower()}
        desk.run("label", "--png")
        (picture,) = desk.work.glob("*.png")
        (code,) = zxingcpp.read_barcodes(Image.open(picture))
        assert code.text == f"LW:D0:{row['join_eui']}:{row['dev_eui']}:00000000"
        return row

    def look_around(self):
        """What else a person asks, and what goes wrong then."""
        desk = self.sandbox
        (row,) = json.loads(desk.run("devices", "--json")[0])
        assert row["state"] == "registered"
        desk.run("devices", "show", "classroom-1", "--json")
        self.other_key.write_text(KEY.hex() + "ff")
        own = ("--board", self.row.name, "--kit", "classroom", *self.port)
        desk.run("provision", *own, "--app-key", f"@{self.other_key}", status=2)
        if self.esp32:
            desk.run("backup", "nodes.backup")
            desk.run("devices", "show", "classroom-1", status=1, NODE071_PASSPHRASE="six")
        else:
            (desk.work.parent / "words").write_text(PASSPHRASE)
            desk.run("backup", "nodes.backup", "--passphrase", f"@{desk.work.parent / 'words'}")

    def maintain(self):
        """A node that nobody answered for a day: its firmware alone, then all of it anew."""
        shutil.copytree(files.root() / "firmware", self.firmware)
        path = self.firmware / "status.py"
        path.write_text(path.read_text().replace('VERSION = "0.1.0"', 'VERSION = "0.1.1"'))
        before, own = self.on_board(), ("--firmware", self.firmware, "--json")
        with self.board() as board:
            board.cut_after(to_board=UPDATE_BYTES)
            words = ("flash", "--board", self.row.name, *self.port, *own)
            told = json.loads(self.sandbox.run(*words)[0])
            assert not board.pulled.is_set()
            board.cut_after()
            after = self.on_board()
            changed = {path for path in before if before[path] != after.get(path)}
            changed = {path for path in changed if not path.startswith("state/")}
            assert changed == {"manifest.json", "status.mpy"} and told["written"] == 2
            self.check_kept(before, told)
            told = json.loads(self.flash_all(*own)[0])
            assert told["micropython"] == self.micropython.name
            self.check_kept(before, told)

    def check_kept(self, before, told):
        """Every reading that waits is still there, and the node is who it was."""
        after = self.on_board()
        waits = {path: data for path, data in before.items() if path.startswith("state/readings/")}
        assert len(waits) > 10 and waits.items() <= after.items()
        assert told["readings"] == len(waits)
        assert told["node"]["dev_eui"] == DEV_EUIS[self.row.name]

    # On the street.

    def hang_up(self, registered, name):
        """An hour of a network, a day without, an hour at the desk, a network again: the trial."""

        def prepare(trial):
            keys = (registered.dev_eui, registered.join_eui, registered.app_key)
            trial.node.identity, trial.node.device = Identity(name, *keys), registered
            trial.network = Network([registered], Random(71), start=trial.scenario.start, adr=True)
            trial.board.unique_id = UNIQUE_IDS[self.row.name]
            trial.board.flash.write_bytes(self.filesystem())
            trial.at(COMES_DOWN_H, come_down, trial.board)

        def come_down(board):
            board.power_off()
            self.filesystem(board.flash.read_bytes())
            self.maintain()
            board.flash.write_bytes(self.filesystem())
            board.power_on()

        (gateway,) = scenarios.find(None).gateways
        off = FaultPlan("gateway-off", GOES_OFF_H, gateway=gateway.name, until_h=COMES_DOWN_H)
        parts = {"kit": "classroom", "board": self.row.name, "faults": (off,)}
        return trials.Trial(self.folder / "street", END_H, prepare, **parts)


def dev_nonces(trial):
    """(hour, DevNonce) of each join-request."""
    return [
        (at_s / 3600, int.from_bytes(packet.payload[17:19], "little"))
        for at_s, packet in trial.sent
        if packet.payload[0] == 0
    ]


def readings(trial):
    """(those that the node has measured, those that the network has decoded), each time."""
    logged = [literal_eval(each) for each in re.findall(r"reading (\{.*\})", trial.log())]
    own = Counter((each[1], each[2], each[3]) for each in logged)
    rows = [each.values for each in trial.rows]
    return own, Counter(
        (row["co2"], round(row["temperature"] * 10), row["humidity"]) for row in rows
    )


@pytest.mark.timeout(1200)  # a minute on a machine that does nothing else
@pytest.mark.parametrize("name", [TTGO, PICO])
def test_a_node_from_its_box_to_the_street_and_back(tmp_path, name):
    bench = Bench(tmp_path, name)
    with bench.sandbox as desk:
        row = bench.begin()
        registered = Device(
            "node", *(bytes.fromhex(row[each]) for each in ("dev_eui", "join_eui", "app_key"))
        )
        trial = bench.hang_up(registered, row["name"])

    # It joins with the exported key, and again with a higher number, which the network takes.
    nonces = dev_nonces(trial)
    assert [number for _, number in nonces] == sorted({number for _, number in nonces})
    (first_h, _), (again_h, _) = trial.events("joined")
    assert first_h < GOES_OFF_H and again_h > COMES_DOWN_H
    assert not trial.events("refused") and len(registered.sessions) == 2
    # All that it measured has come, that of the day without a network too, and its new firmware.
    measured, decoded = readings(trial)
    assert measured.total() > 150 and not measured - decoded
    ((_, status), *_) = trial.events("port 3")
    assert status["more"]["status"]["firmware_version"] == "0.1.1"

    # No secret is anywhere but where it has to be.
    for number, session in enumerate(registered.sessions):
        desk.secrets |= {f"NwkSKey {number}": session.nwk_skey}
        desk.secrets |= {f"AppSKey {number}": session.app_skey}
    programs = b"\n".join(desk.watch.lines)
    for each in (b"host.cli", b"mpremote", b"micropython", *[b"esptool"] * bench.esp32):
        assert each in programs
    meant = [desk.work / f"classroom-1-tts.{end}" for end in ("csv", "json")]
    ledger = desk.data / "nodes.ledger"
    assert desk.found([*meant, *([] if bench.esp32 else [ledger])]) == []
    assert desk.open_to_others() == []
    for path in (ledger, desk.work / "nodes.backup", *meant):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert all(path.stat().st_mode & 0o077 == 0 for path in (desk.data, *desk.data.rglob("*")))
    assert list(desk.temporary.iterdir()) == []
    for path in (tmp_path / "street").iterdir():
        if path.name != "devices.json":
            assert leaks(path.read_bytes(), desk.secrets) == [], path


# The sweep itself.


@pytest.mark.parametrize("how", forms(KEY))
def test_a_key_is_found_however_it_is_written(how):
    for text in (forms(KEY)[how], *[forms(KEY)[how].upper()] * how.startswith("in hex")):
        assert any(how in each for each in leaks(b"x: " + text + b";", {"AppKey": KEY}))
    assert leaks(b"x: " + forms(KEY[::-1])[how][:14], {"AppKey": KEY}) == []


@pytest.mark.parametrize("before", [b"", b"a", b"ab"])
def test_a_key_is_found_in_the_midst_of_base64(before):
    assert leaks(b64encode(before + KEY + b"rest"), {"AppKey": KEY})


def test_a_key_that_gets_out_is_seen_wherever_it_lies(tmp_path):
    with Sandbox(tmp_path) as desk:
        desk.secrets = {"AppKey": KEY}
        assert (desk.found(), desk.open_to_others()) == ([], [])
        desk.run("decode", "--payload", KEY.hex(), status=1)
        (desk.data).mkdir(parents=True)
        (desk.data / "log").write_bytes(b"key=" + KEY)
        (desk.temporary / "part").write_text(KEY.hex())
        program = [sys.executable, "-c", "input()", KEY.hex()]
        with subprocess.Popen(program, stdin=subprocess.PIPE) as child:
            end_s = time.monotonic() + HANG_S
            while not (desk.found() and desk.watch.texts) and time.monotonic() < end_s:
                time.sleep(0.05)
            child.communicate(b"\n")
        (desk.temporary / "part").unlink()
    found = "\n".join(desk.found())
    assert found.count("the processes") >= 1 and str(desk.data / "log") in found
    assert [each.rpartition("/")[2] for each in desk.open_to_others()] == [
        "part has mode 644", "log has mode 644"
    ]  # fmt: skip
    assert str(desk.data / "log") not in "\n".join(desk.found([desk.data / "log"]))
    desk.said.append(KEY.hex().upper())
    assert any(each.startswith("what was said") for each in desk.found())
