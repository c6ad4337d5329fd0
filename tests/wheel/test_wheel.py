# SPDX-License-Identifier: MIT
"""What an installed wheel does by itself, in another directory, with nothing on the PATH."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ["WHEEL_PYTHON"])


def run(*command, cwd, **environment):
    keep = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=keep | environment,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    done = run(PYTHON.with_name("node071"), "simulate", "--json", "--out", "day", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("for a report of the run: pip install 'node071[report]'\n")
    return folder, json.loads(done.stdout)


def test_the_day_runs(day):
    _, summary = day
    (node,) = summary["nodes"]
    assert node["joins"] == 1 and node["uplinks_heard"] >= 143


def test_the_replay_runs(day):
    folder, summary = day
    done = run(PYTHON.with_name("node071"), "replay", "day/capture.jsonl", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["decoded"] == summary["nodes"][0]["decoded"]


def test_plots_and_rounds_are_extras_that_it_asks_for(day):
    folder, _ = day
    done = run(PYTHON.with_name("node071"), "report", "day", cwd=folder)
    assert done.returncode == 1
    said = "error: a report needs matplotlib; install it: pip install 'node071[report]'\n"
    assert done.stderr == said and not (folder / "day/report.html").exists()
    done = run(PYTHON.with_name("node071"), "simulate", "bin", "--out", "bin", cwd=folder)
    assert done.stderr.endswith("\nfor the shortest round: pip install 'node071[round]'\n")
    kinds = [each["geometry"]["type"] for each in json.loads(
        (folder / "bin/bins.geojson").read_text())["features"]]  # fmt: skip
    assert kinds == ["Point", "Point"]


def test_the_codec_comes_along(day):
    folder, _ = day
    done = run(PYTHON.with_name("node071"), "codec", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ROOT.joinpath("docs/codec.js").read_text()


def test_the_code_is_the_wheels(day):
    folder, _ = day
    where = "import host, simulator; print(host.__file__, simulator.__file__)"
    done = run(PYTHON, "-P", "-c", where, cwd=folder)
    assert done.stdout.count("site-packages") == 2


def test_firmware_tests_pass_against_the_wheels_firmware(day):
    folder, _ = day
    where = "from host import files; print(files.root() / 'firmware')"
    firmware = run(PYTHON, "-P", "-c", where, cwd=folder).stdout.strip()
    assert "site-packages" in firmware
    done = run(
        sys.executable, "-P", "-m", "pytest", "-q", "tests/firmware",
        cwd=ROOT, NODE071_FIRMWARE=firmware,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
