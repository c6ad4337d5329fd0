# SPDX-License-Identifier: MIT
"""The long runs, part by part, with the time that each took: `make proof [PART=cuts]`.

A part that passed is not run again until a file changes, so that a proof that was stopped goes on.
"""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
STATE = ROOT / ".build" / "proof.json"
PARTS = {
    "cuts": ("cuts.py",),
    "manifest": ("manifest.py",),
    "fuzz": ("fuzz.py", "200000"),
    "months": ("months.py", "90"),
    "scenarios": ("scenarios.py",),
    "mutants": ("mutants.py",),
    "cables": ("cables.py",),
    "street": ("street.py", "100", "12"),
}
SOURCES = ("firmware", "host", "simulator", "tests", "boards.toml", "kits.toml")


def digest():
    """One word for everything that a part depends on."""
    whole = hashlib.sha256()
    for name in SOURCES:
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix != ".pyc":
                whole.update(path.as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def passed():
    """{part: seconds} of the parts that passed with these very files."""
    try:
        state = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state["parts"] if state.get("digest") == digest() else {}


def keep(parts):
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text(json.dumps({"digest": digest(), "parts": parts}))


def main():
    wanted = sys.argv[1:]
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        sys.exit(f"unknown part {unknown[0]}; parts: {', '.join(PARTS)}")
    done, failed = passed(), []
    for name in wanted or PARTS:
        if name in done and not wanted:
            print(f"== {name}: passed before, in {done[name]:.0f} s")
            continue
        print(f"== {name}", flush=True)
        began_s = time.monotonic()
        script, *arguments = PARTS[name]
        status = subprocess.run([sys.executable, ROOT / "tests/proof" / script, *arguments])
        spent_s = time.monotonic() - began_s
        if status.returncode:
            failed.append(name)
        else:
            done[name] = spent_s
            keep(done)
        print(f"   {name} {'FAILED' if status.returncode else 'passed'} in {spent_s:.0f} s")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
