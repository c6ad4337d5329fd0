# SPDX-License-Identifier: MIT
"""host.doctor and host.port: what is plugged in, and what is wrong with it."""

import subprocess
import sys

import pytest
from workbench import FIRMWARE, TTGO, Workbench

from host import boards, doctor, port, portlock
from host.errors import HostError
from host.port import Attached

CH9102, CP2102, MOUSE = "1A86:55D4", "10C4:EA60", "046D:C077"


def look(bench):
    (found,) = doctor.examine(str(bench.link))
    return found, [each.cause for each in found.findings if each.wrong]


def test_the_only_likely_port_is_taken_and_several_are_named():
    usb = boards.boards()[TTGO].usb
    one, two = Attached("/dev/a", CH9102), Attached("/dev/b", CP2102)
    assert port.choose(None, usb, lambda: [Attached("/dev/m", MOUSE), one]) == "/dev/a"
    with pytest.raises(HostError) as error:
        port.choose(None, usb, lambda: [one, two])
    assert "/dev/a (1A86:55D4), /dev/b (10C4:EA60)" in str(error.value)
    assert "--port" in error.value.next_step
    with pytest.raises(HostError, match="no board is found on USB") as error:
        port.choose(None, usb, lambda: [Attached("/dev/m", MOUSE)])
    assert "many only charge" in error.value.next_step
    with pytest.raises(HostError, match="no port /dev/none"):
        port.choose("/dev/none", usb, lambda: [one])


def test_nothing_plugged_in_is_explained_and_a_drive_is_found(tmp_path):
    with pytest.raises(HostError) as error:
        doctor.examine(None, attached=list, drives=list)
    assert "many only charge" in error.value.next_step and "BOOTSEL" in error.value.next_step
    (tmp_path / "INFO_UF2.TXT").write_text("Model: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    (found,) = doctor.examine(None, attached=list, drives=lambda: [tmp_path])
    assert (found.what, found.well) == ("RP2040 in its boot loader", False)


def test_a_node_that_works_is_well_and_works_on(tmp_path):
    with Workbench(tmp_path) as bench:
        node = bench.provision().node
        found, wrong = look(bench)
        assert found.well and wrong == []
        assert found.what.startswith("RP2040 with MicroPython 1.29.0, node 'classroom-1' with Dev")
        assert node.dev_eui.hex().upper() in found.what and "/service" not in bench.files()


@pytest.mark.parametrize(
    ("options", "contents", "cause", "step"),
    [
        ({"mpy": 5}, FIRMWARE, "its MicroPython runs .mpy format 5", "--micropython"),
        ({}, {"main.py": b"print(1)"}, "a program of its own, main.py", "--replace"),
        (
            {"filesystem_kib": 128},
            {"own.bin": bytes(30000)},
            "KiB are needed for an update",
            "mpremote fs rm",
        ),
        ({"mode": "garbage", "auto_reset": False}, {}, "is no MicroPython", "node071 flash"),
        ({"mode": "silent", "auto_reset": False}, {}, "does not answer", "reset button"),
        ({"mode": "bootloader"}, {}, "its boot loader answers, but no MicroPython", "node071 fl"),
    ],
)
def test_what_is_wrong_is_named_with_its_next_step(tmp_path, options, contents, cause, step):
    with Workbench(tmp_path, TTGO, contents, **options) as bench:
        found, wrong = look(bench)
        assert not found.well and len(wrong) == 1 and cause in wrong[0]
        assert step in next(each.next_step for each in found.findings if each.wrong)


def test_a_port_that_another_program_has_is_named_with_it(tmp_path):
    with Workbench(tmp_path) as bench:
        code = (
            "import serial, sys; s = serial.Serial(sys.argv[1], exclusive=True); print(1); input()"
        )
        other = subprocess.Popen(
            [sys.executable, "-uc", code, bench.board.port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        other.stdout.readline()
        try:
            assert any(f"(process {other.pid})" in each for each in portlock.holders(bench.link))
            _, wrong = look(bench)
            assert f"(process {other.pid})" in wrong[0] and "is in use by" in wrong[0]
        finally:
            other.communicate(b"\n")


def test_no_permission_has_a_line_to_type(tmp_path):
    step = port.permission(str(tmp_path))
    assert "usermod" in step or "udev" in step
