# SPDX-License-Identifier: MIT
"""host.doctor and host.port: what is plugged in, and what is wrong with it."""

import ctypes
import grp
import json
import os
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
    drive = tmp_path / "other"
    drive.mkdir()
    (drive / "INFO_UF2.TXT").write_text("Model: Feather M0\nBoard-ID: SAMD21G18A-Feather-v0\n")
    (found,) = doctor.examine(None, attached=list, drives=lambda: [drive])
    assert [each.code for each in found.findings] == [doctor.OTHER_DRIVE]
    (tmp_path / "INFO_UF2.TXT").write_text("Model: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    (found,) = doctor.examine(None, attached=list, drives=lambda: [tmp_path])
    assert (found.what, found.well) == ("RP2040 in its boot loader", False)
    assert [each.code for each in found.findings] == [doctor.NO_MICROPYTHON]


def test_a_node_that_works_is_well_and_works_on(tmp_path):
    with Workbench(tmp_path) as bench:
        node = bench.provision().node
        found, wrong = look(bench)
        assert found.well and wrong == []
        assert found.what.startswith("RP2040 with MicroPython 1.29.0, node 'classroom-1' with Dev")
        assert node.dev_eui.hex().upper() in found.what and "/service" not in bench.files()


@pytest.mark.parametrize(
    ("options", "contents", "code", "cause", "step"),
    [
        (
            {"says_too": {"mpy": 5}},
            FIRMWARE,
            doctor.OTHER_MPY,
            "its MicroPython runs .mpy format 5, our files have format 6",
            "--micropython",
        ),
        (
            {"says_too": {"version": [1, 23, 9, ""]}},
            FIRMWARE,
            doctor.OLD_MICROPYTHON,
            "MicroPython 1.23.9 is older than 1.24",
            "--micropython",
        ),
        (
            {"says_too": {"name": "circuitpython"}},
            {},
            port.OTHER_PYTHON,
            "speaks circuitpython, not MicroPython",
            "--micropython",
        ),
        (
            {},
            {"main.py": b"print(1)"},
            doctor.OWN_PROGRAM,
            "a program of its own, main.py",
            "--replace",
        ),
        (
            {"filesystem_kib": 128},
            {"own.bin": bytes(30000)},
            doctor.NO_ROOM,
            "KiB are needed for an update",
            "mpremote fs rm",
        ),
        (
            {"mode": "garbage", "auto_reset": False},
            {},
            port.GARBAGE,
            "is no MicroPython",
            "node071 flash",
        ),
        (
            {"mode": "silent", "auto_reset": False},
            {},
            port.SILENT,
            "does not answer",
            "reset button",
        ),
        (
            {"mode": "bootloader"},
            {},
            doctor.NO_MICROPYTHON,
            "its boot loader answers, but no MicroPython",
            "node071 fl",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_next_step(tmp_path, options, contents, code, cause, step):
    with Workbench(tmp_path, TTGO, contents, **options) as bench:
        found, _ = look(bench)
        (wrong,) = (each for each in found.findings if each.wrong)
        assert not found.well and wrong.code == code and cause in wrong.cause
        assert step in wrong.next_step


def test_an_esp32_that_slept_is_awake_once_its_boot_loader_was_asked(tmp_path):
    with Workbench(tmp_path, TTGO, mode="silent") as bench:
        found, wrong = look(bench)
        assert found.what.startswith("ESP32 with MicroPython 1.29.0") and wrong == []


def test_a_board_that_only_its_boot_loader_keeps_says_how_it_starts(tmp_path):
    """BOOT was held at a reset, MicroPython is there: the text of the ROM tells."""
    said = b"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO))\r\n"
    error = port.Port(str(tmp_path))._silent(said + b"waiting for download\r\n")
    assert error.code == port.BOOT_MODE and "let go of its BOOT button" in error.next_step


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
            on_usb = [Attached(bench.board.port, CP2102)]
            for wish, rows in ((str(bench.link), []), (None, on_usb)):
                (found,) = doctor.examine(wish, attached=lambda rows=rows: rows, drives=list)
                (wrong,) = found.findings
                assert wrong.code == portlock.BUSY and f"(process {other.pid})" in wrong.cause
                assert "close that program" in wrong.next_step
        finally:
            other.communicate(b"\n")


@pytest.fixture
def forbidden():
    """A pseudo-terminal that nobody may open but root; its path and its group."""
    inner, outer = os.openpty()
    name = os.ttyname(outer)
    os.chmod(name, 0)
    yield name
    os.close(inner)
    os.close(outer)


def _bound_by_modes():
    """Let root, too, open only what the modes of a file allow."""
    capability_bound_drop, dac_override, dac_read_search = 24, 1, 2  # prctl(2), capabilities(7)
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(capability_bound_drop, capability, 0, 0, 0)


def doctor_without_permission(name):
    """Run `node071 doctor --json` on a port; its only finding."""
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "doctor", "--json", "--port", name],
        capture_output=True,
        text=True,
        preexec_fn=_bound_by_modes,
    )
    assert done.returncode == 1, done.stderr
    ((finding,),) = (each["findings"] for each in json.loads(done.stdout))
    return finding


def test_no_permission_names_the_group_or_the_line_for_udev(forbidden):
    by_root = os.getuid() == 0
    if by_root:
        os.chown(forbidden, 0, next(each.gr_gid for each in grp.getgrall() if each.gr_gid))
    finding = doctor_without_permission(forbidden)
    group = grp.getgrgid(os.stat(forbidden).st_gid).gr_name
    assert (finding["code"], finding["cause"]) == (port.FORBIDDEN, f"no permission for {forbidden}")
    assert f"sudo usermod -a -G {group} $USER" in finding["next_step"]
    if by_root:
        os.chown(forbidden, 0, 0)  # as where no rule gives it to a group
        step = doctor_without_permission(forbidden)["next_step"]
        assert 'SUBSYSTEM=="tty"' in step and 'GROUP="dialout"' in step and "rules.d" in step
