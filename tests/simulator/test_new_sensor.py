# SPDX-License-Identifier: MIT
"""docs/new-sensor.md, followed to the letter in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/new-sensor.md").read_text()
PARTS = ("firmware", "host", "simulator", "tests", "boards.toml", "kits.toml", "pyproject.toml")
BLOCK = re.compile(
    r"(?:File `(?P<file>[^`]+)`:|"
    r"`(?P<table>[^`\n]+)`, (?:below `(?P<line>[^`\n]+)`|at its end))[^`]*\n\n"
    r"```\w+\n(?P<text>.*?)```",
    re.DOTALL,
)


def follow(root):
    """Do what the page says; returns the files it made."""
    made = []
    for step in BLOCK.finditer(PAGE):
        if step["file"]:
            made.append(step["file"])
            (root / step["file"]).write_text(step["text"])
            continue
        path, line = root / step["table"], step["line"]
        text = path.read_text()
        if line is None:
            path.write_text(text + "\n" + step["text"])
            continue
        (whole,) = [each for each in text.splitlines(True) if each.strip() == line]
        path.write_text(text.replace(whole, whole + step["text"]))
    assert "begins with `OnI2c =`, add ` | Tmp117` at its end" in PAGE
    path = root / "simulator/fleet.py"
    path.write_text(re.sub(r"^(OnI2c = .*)$", r"\1 | Tmp117", path.read_text(), flags=re.M))
    return made


def test_whoever_follows_the_page_has_a_sensor_that_works(tmp_path):
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part)
    made = follow(tmp_path)
    assert len(made) == 4
    tests = [name for name in made if name.startswith("tests/")]
    ran = in_copy(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert ran.returncode == 0 and " passed" in ran.stdout, ran.stdout[-3000:] + ran.stderr
    board = ("--board", "rpi-pico-rfm95")
    assert (
        "TMP117" in in_copy(tmp_path, "host.cli", "kits", "show", "classroom-tmp117", *board).stdout
    )


def in_copy(folder, module, *words):
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
