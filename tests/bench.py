# SPDX-License-Identifier: MIT
"""Prints what was measured beside its target: the numbers of the design, each figure from this run.

A figure that depends on the machine is a ratio to something measured in the same run. Nothing here
is asserted, and nothing is fetched: `make bench-peers` brings what is compared with.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).with_name("bench")))

import codec
import crowds
import decoding
import drawing
import forwarding
import heap
import installing
import lone
import payload
import radio
import street
import table
import unixport
import week

from host.errors import HostError

FAILURES = (HostError, OSError, RuntimeError, subprocess.CalledProcessError)


def rows(folder):
    """Every row; a part that fails leaves one that says why."""
    firmware, run = folder / "firmware", folder / "week"
    unixport.compiled(firmware)
    for name, part in (
        ("the radio's bus", radio.rows),
        ("heap after import", lambda: heap.rows(firmware)),
        ("heap growth and flash erases", lone.rows),
        ("bytes on air", lambda: payload.rows(firmware)),
        ("simulated / real time", lambda: week.rows(run)),
        ("simulated / real time with deep sleep", week.deep_rows),
        ("decode of captured frames", lambda: decoding.rows(run)),
        ("the report of a week", lambda: drawing.rows(run)),
        ("the codec of the networks", codec.rows),
        ("nodes side by side", street.rows),
        ("cheap nodes", crowds.rows),
        ("frames over UDP", forwarding.rows),
        ("from a box of boards to nodes", installing.rows),
    ):
        print(f"bench: {name} ...", file=sys.stderr, flush=True)
        try:
            yield from part()
        except FAILURES as error:
            yield table.Row(name, "-", "-", "-", f"not measured: {error}")


def main():
    parser = argparse.ArgumentParser(description="Print measured figures beside their targets.")
    parser.add_argument("--json", action="store_true", help="print the rows as one JSON value")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as folder:
        found = list(rows(Path(folder)))
    if arguments.json:
        print(json.dumps([row.record() for row in found], indent=2))
    else:
        table.show(found)


if __name__ == "__main__":
    main()
