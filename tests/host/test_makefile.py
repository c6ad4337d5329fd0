# SPDX-License-Identifier: MIT
"""How `make` sets up: from nothing, from half of it, and what it says when something is missing."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A python3 that notes what it is asked for, and makes environments whose python is itself.
PYTHON = """#!/bin/sh
echo "$@" >> asked
case "$*" in
    "-c import ensurepip") exit ${NO_ENSUREPIP:-0} ;;
    "-m venv "*) mkdir -p $3/bin && cp $0 $3/bin/python ;;
    "-m pip "*) exit ${NO_NETWORK:-0} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_text(ROOT.joinpath(name).read_text())
    python = tmp_path / "python3"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def run(checkout, *words, **environment):
    """Run make as from a shell, also where the tests run under a make."""
    clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *words], cwd=checkout, env=clean | environment, capture_output=True, text=True
    )


def make(checkout, *words, **environment):
    """Set up; returns the exit status, what was said on stderr, and what python was asked for."""
    (checkout / "asked").write_text("")
    done = run(checkout, *(words or (".venv/.ready", "PYTHON=./python3")), **environment)
    return done.returncode, done.stderr, (checkout / "asked").read_text()


def test_the_marker_comes_last_and_is_enough(checkout):
    assert make(checkout)[0] == 0
    assert (checkout / ".venv/.ready").exists()
    assert make(checkout)[2] == ""


def test_changed_dependencies_make_it_anew(checkout):
    make(checkout)
    (checkout / ".venv/old").touch()
    after = (checkout / ".venv/.ready").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (after, after))
    assert "-m venv" in make(checkout)[2]
    assert not (checkout / ".venv/old").exists()


def test_a_half_made_environment_is_made_anew(checkout):
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/half").touch()
    assert make(checkout)[0] == 0
    assert (checkout / ".venv/.ready").exists() and not (checkout / ".venv/half").exists()


def test_what_fails_leaves_nothing_and_the_next_try_succeeds(checkout):
    status, said, _ = make(checkout, NO_NETWORK="1")
    assert status and ".venv could not be set up" in said and "run make again" in said
    assert not (checkout / ".venv").exists()
    assert make(checkout)[0] == 0


def test_a_missing_venv_is_named_with_what_mends_it(checkout):
    status, said, asked = make(checkout, NO_ENSUREPIP="1")
    assert status and "python3-venv is missing: sudo apt install python3-venv\n" in said
    assert "-m venv" not in asked


def test_a_missing_python_is_named_with_what_mends_it(checkout):
    status, said, _ = make(checkout, ".venv/.ready", "PYTHON=")
    assert status and "Python 3.11 or newer is missing: sudo apt install python3.11" in said


def test_help_knows_every_target(checkout):
    makefile = ROOT.joinpath("Makefile").read_text()
    (targets,) = [line for line in makefile.splitlines() if line.startswith(".PHONY:")]
    lines = run(checkout).stdout.splitlines()
    assert [line.split()[1] for line in lines] == targets.split()[1:]


def test_ci_fetches_every_program_that_a_test_asks_for():
    """Without it CI would fail at that test, as it skips none."""
    asked = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        asked |= set(re.findall(r'\btool\("(\w+)"\)', path.read_text(encoding="utf-8")))
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    (fetched,) = re.findall(r"^for program in (.*); do$", script, re.MULTILINE)
    assert set(fetched.split()) == asked and "REQUIRE_TOOLS=1" in script
