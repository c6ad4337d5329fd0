# SPDX-License-Identifier: MIT
"""A hundred nodes with the real firmware in one air for hours: the same files with one job and
with as many as are usual."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

import street


def main():
    count, hours = int(sys.argv[1]), float(sys.argv[2])
    seconds = street.compared(count, hours)
    for jobs, spent_s in seconds.items():
        days = count * hours / 24
        print(f"{jobs} jobs: {days:g} node-days in {spent_s:.0f} s, {days / spent_s:.2f} a second")


if __name__ == "__main__":
    main()
