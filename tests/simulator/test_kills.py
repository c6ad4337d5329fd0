# SPDX-License-Identifier: MIT
"""`simulate` is killed at any moment: what it kept is the beginning of the whole, and reads."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from struct import unpack_from

import pytest

from simulator.scratch import Scratch

ROOT = Path(__file__).parents[2]
TOWN = """\
start = 2026-11-23T07:00:00+01:00
duration_h = 4
seed = 3

[[gateway]]
name = "tower"
x_m = 800
y_m = 0

[[gateway]]
name = "school"
x_m = 0
y_m = 600

[[node]]
name = "mains"
kit = "classroom"
board = "rpi-pico-rfm95"
x_m = 0
y_m = 0
world = "class"

[[node]]
name = "battery"
kit = "water"
board = "rpi-pico-rfm95"
x_m = 300
y_m = 0
world = "ditch"

[world.class]
kind = "classroom"

[world.ditch]
kind = "ditch"
"""
KEPT = ("events.jsonl", "capture.jsonl", "capture.pcap")
MOMENTS = 10
HANG_S = 90  # within it something has to happen, or the test fails
pytestmark = pytest.mark.timeout(3 * HANG_S)


class Killed:
    """A run in a process group of nobody else, with a folder for its files and one for its own."""

    def __init__(self, folder):
        self.out, self.temporary = folder / "out", folder / "temporary"
        self.temporary.mkdir()
        (folder / "town.toml").write_text(TOWN)
        words = ["simulate", str(folder / "town.toml"), "--out", str(self.out), "--json"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "host.cli", *words],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def boards(self):
        """Process ids of its virtual boards: the image that they run lies in its folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue  # it has ended just now
            if os.fsencode(self.temporary) in words:
                found.append(int(path.parent.name))
        return found

    def size(self):
        """Bytes of events so far."""
        path = self.out / "events.jsonl"
        return path.stat().st_size if path.exists() else 0

    def kill_at(self, size):
        """Kill it once so many bytes of events are kept; return the boards that ran then."""
        until(lambda: (self.size() >= size and self.boards()) or self.process.poll() is not None)
        assert self.process.poll() is None, "it ended before its moment"
        self.process.send_signal(signal.SIGSTOP)
        boards = self.boards()
        self.process.kill()
        self.process.wait()
        return boards


def until(done):
    end_s = time.monotonic() + HANG_S
    while not done():
        assert time.monotonic() < end_s, f"nothing within {HANG_S} s"
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The files of a run that nobody killed."""
    run = Killed(tmp_path_factory.mktemp("whole"))
    assert run.process.wait() == 0
    assert list(run.temporary.iterdir()) == [] and run.boards() == []
    return {name: (run.out / name).read_bytes() for name in KEPT}


def packets(data):
    """PHYPayloads of a pcap up to the last whole one, and the bytes of the one that is not."""
    assert data[:24] == bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 0e010000")
    found, at = [], 24
    while at + 16 <= len(data):
        end = at + 16 + unpack_from("<I", data, at + 8)[0]
        if end > len(data):
            break
        found.append(data[at + 16 + 15 : end])
        at = end
    return found, len(data) - at


def replayed(folder):
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "replay", folder / "capture.jsonl", "--json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(MOMENTS))
def test_what_a_killed_run_kept_is_the_beginning_of_the_whole(tmp_path, whole, number, tool):
    moment = Random(f"kill {number}").random() if number else 0
    run = Killed(tmp_path)
    boards = run.kill_at(round(moment * 0.9 * len(whole["events.jsonl"])))
    assert 1 <= len(boards) <= 2  # they start one after the other
    until(lambda: not run.boards())  # nobody told them: the pipe is shut

    kept = {name: (run.out / name).read_bytes() for name in KEPT}
    for name, data in kept.items():
        assert whole[name].startswith(data), name
    lines = [json.loads(line) for line in kept["capture.jsonl"].split(b"\n")[:-1]]
    events = [json.loads(line) for line in kept["events.jsonl"].split(b"\n")[:-1]]
    phys, rest = packets(kept["capture.pcap"])
    sizes = [(each.get("rxpk") or each["txpk"])["size"] for each in lines]
    count = min(len(sizes), len(phys))  # one file is written before the other
    assert [len(phy) for phy in phys[:count]] == sizes[:count] and rest < 16 + 15 + 255
    assert abs(len(sizes) - len(phys)) <= 2
    if moment > 0.2:
        assert len(events) > 20 and count > 10
        shown = subprocess.run(
            [tool("tshark"), "-r", run.out / "capture.pcap", "-Y", "lorawan"],
            capture_output=True, env=os.environ | {"HOME": str(tmp_path)},
        )  # fmt: skip
        assert len(shown.stdout.splitlines()) == len(phys), shown.stderr

    found = replayed(run.out)
    assert found["frames"] == sum("rxpk" in each for each in lines)
    assert found["unknown"] == found["unreadable"] == 0
    assert found["decoded"] > 0 or moment < 0.2

    # its images hold keys, and are its user's alone; what it writes at its end is not there
    assert [stat.S_IMODE(each.stat().st_mode) for each in run.temporary.iterdir()] == [0o700]
    assert stat.S_IMODE((run.out / "devices.json").stat().st_mode) == 0o600
    assert not (run.out / "summary.json").exists() and not (run.out / "readings.csv").exists()


def test_the_next_run_takes_away_what_a_killed_one_left_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "node071-of-somebody").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "node071-run-link").symlink_to(elsewhere)
    left = tmp_path / "node071-run-left"
    left.mkdir(0o700)
    (left / "mains.flash").write_bytes(b"keys")
    living = Scratch()
    assert not left.exists() and stat.S_IMODE(living.path.stat().st_mode) == 0o700
    other = Scratch()
    assert living.path.is_dir() and other.path.is_dir()
    living.cleanup()
    del other  # nobody called it to an end
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "elsewhere", "node071-of-somebody", "node071-run-link",
    ]  # fmt: skip


def test_a_folder_is_used_again_after_a_kill(tmp_path, whole, monkeypatch):
    """Nothing of the run before is left to be taken for the new one's."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("summary.json", "readings.csv", "world.csv", "report.html", "devices.half"):
        (out / name).write_text("of a run before")
    run = Killed(tmp_path)
    run.kill_at(1)
    assert sorted(each.name for each in out.iterdir()) == sorted(
        [*KEPT, "battery.log", "devices.json", "mains.log"]
    )
    until(lambda: not run.boards())
    monkeypatch.setattr(tempfile, "tempdir", str(run.temporary))
    assert len(list(run.temporary.iterdir())) == 1
    scratch = Scratch()
    assert list(run.temporary.iterdir()) == [scratch.path]
