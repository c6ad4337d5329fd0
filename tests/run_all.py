# SPDX-License-Identifier: MIT
"""The whole test suite, part by part, with the seconds that each took, and its slowest tests."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SLOWEST = "--durations=5"  # where to look when it gets long; reported, never asserted
JUDGE = ROOT / ".venv-judges/bin/python"
WHEEL = ROOT / ".venv-wheel/bin/python"
BUILD = ROOT / ".build/wheel"


def run(*command, **environment):
    return subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=os.environ | environment
    ).returncode


def suite():
    return run(sys.executable, "-m", "pytest", "-q", "-n", "2", "-rs", SLOWEST)


def judges():
    options = ("-q", "--import-mode=importlib", "-p", "no:cacheprovider", "-c", os.devnull)
    return run(
        JUDGE,
        "-m",
        "pytest",
        *options,
        f"--rootdir={ROOT}",
        "tests/judges",
        PYTHONPATH=".:tests/judges",
        NODE071_PYTHON=sys.executable,
    )


def wheel():
    """Build the wheel and put it into its environment, both without the network; then use it."""
    shutil.rmtree(BUILD, ignore_errors=True)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    built = run(
        sys.executable, *pip, "wheel", "--no-deps", "--no-build-isolation", "-w", BUILD, "."
    )
    if built:
        return built
    wheels = list(BUILD.glob("*.whl"))
    install = ("install", "--no-index", "--no-deps", "--force-reinstall")
    return run(WHEEL, *pip, *install, *wheels) or run(
        sys.executable, "-P", "-m", "pytest", "-q", "tests/wheel", WHEEL_PYTHON=str(WHEEL)
    )


def main():
    failed, lines, total_s = [], [], 0.0
    for part in (suite, judges, wheel):
        print(f"== {part.__name__}", flush=True)
        began_s = time.monotonic()
        if part():
            failed.append(part.__name__)
        spent_s = time.monotonic() - began_s
        total_s += spent_s
        lines.append(f"{part.__name__:8} {spent_s:6.1f} s")
    print("\n".join([*lines, f"total    {total_s:6.1f} s"]))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
