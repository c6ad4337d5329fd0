# SPDX-License-Identifier: MIT
"""Run tests/firmware on MicroPython: one process a file, one pytest result a function.

CPython parses those files to find the functions and never imports them. NODE071_FIRMWARE names
another firmware directory than the checkout's.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FIRMWARE_TESTS = TESTS / "firmware"
HEAP = "200k"
HANG_S = 120
MARK = "@@ "  # begins the runner's own lines: start, pass or fail, then the function's name

directories = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def tool():
    """Finds a program of the system; without it a test is skipped, or fails with REQUIRE_TOOLS=1.

    The one exception to "no skips": these programs come with no package of ours.
    """

    def find(name):
        found = shutil.which(name)
        if found is None:
            end = pytest.fail if os.environ.get("REQUIRE_TOOLS") == "1" else pytest.skip
            end(f"{name} is missing: sudo apt install {name}")
        return found

    return find


class BoardFailure(Exception):
    """What the board printed when a function failed."""


class FirmwareFile(pytest.File):
    """One test file, run once in this process when its first function is asked for."""

    results = None

    def collect(self):
        for node in ast.parse(self.path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield FirmwareFunction.from_parent(self, name=node.name, line=node.lineno - 1)

    def result(self, name):
        """Return (passed, text) of one function."""
        if self.results is None:
            chosen = [item.name for item in self.session.items if item.parent is self]
            self.results, self.rest = run_on_board(self.config, self.path, chosen)
        return self.results.get(name, (False, f"{name} did not report\n{self.rest}"))


class FirmwareFunction(pytest.Item):
    def __init__(self, *, line, **arguments):
        super().__init__(**arguments)
        self.line = line

    def runtest(self):
        passed, text = self.parent.result(self.name)
        if not passed:
            raise BoardFailure(text)

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, BoardFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, self.line, self.name


def pytest_pycollect_makemodule(module_path, parent):
    """Take the files of tests/firmware away from pytest's own importer."""
    if module_path.is_relative_to(FIRMWARE_TESTS):
        return FirmwareFile.from_parent(parent, path=module_path)
    return None


def run_on_board(config, path, functions):
    """Run functions of one file under the unix port: {name: (passed, text)} and what else it said.

    The heap is about an RP2040's, and 64-bit words make it the tighter of the two.
    """
    firmware = Path(os.environ.get("NODE071_FIRMWARE", TESTS.parent / "firmware")).resolve()
    command = [sys.executable, "-m", "micropython_unix", "-X", f"heapsize={HEAP}"]
    command += [FIRMWARE_TESTS / "run.py", vector_lines(config), path.stem, *functions]
    search = f"{path.parent}:{FIRMWARE_TESTS}:{firmware}:.frozen"
    try:
        process = subprocess.run(
            command,
            env=os.environ | {"MICROPYPATH": search},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=HANG_S,
        )
        output, end = process.stdout, f"exit status {process.returncode}"
    except subprocess.TimeoutExpired as error:
        output, end = error.stdout or b"", f"no end after {HANG_S} s"
    return read_report(output.decode(errors="replace"), end)


def read_report(output, end):
    results, lines = {}, []
    for line in output.splitlines():
        if not line.startswith(MARK):
            lines.append(line)
            continue
        outcome, name = line.removeprefix(MARK).split()
        if outcome != "start":
            results[name] = outcome == "pass", "\n".join(lines).strip()
        lines = []
    return results, "\n".join([*lines, end]).strip()


def vector_lines(config):
    """Split tests/vectors/*.json into FILE.LIST.jsonl, because 45 kB of JSON fill a small heap."""
    if directories not in config.stash:
        temporary = tempfile.TemporaryDirectory(prefix="vectors-")
        config.add_cleanup(temporary.cleanup)
        config.stash[directories] = Path(temporary.name)
        for source in TESTS.joinpath("vectors").glob("*.json"):
            content = json.loads(source.read_text(encoding="utf-8"))
            for name, rows in content.items() if isinstance(content, dict) else ():
                target = config.stash[directories] / f"{source.stem}.{name}.jsonl"
                rows = rows if isinstance(rows, list) else [rows]
                # MicroPython's json does not join surrogate pairs
                lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
                target.write_text("".join(lines), encoding="utf-8")
    return config.stash[directories]
