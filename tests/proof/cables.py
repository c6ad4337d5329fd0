# SPDX-License-Identifier: MIT
"""Pull the cable after every 500th byte of a provisioning, an update and a flashing.

`python tests/proof/cables.py [STEP]`: bytes to the board, and every tenth of it back, each with the
judgement of the tests: nothing half done claims to be whole, and a second run completes.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "host")]

import pulled  # noqa: E402  # of tests/host

STEP, JOBS, AT_MOST = 500, 6, 400_000  # a cut mostly waits, so six at a time
KINDS: dict[str, Callable[[Path, dict[str, int]], bool]] = {
    "provision": pulled.provision_cut,
    "update": pulled.update_cut,
    "flash": pulled.flash_cut,
}


def pull(kind, after):
    """One cut in a folder of its own; False: the work was done before."""
    with tempfile.TemporaryDirectory() as folder:
        return KINDS[kind](Path(folder), after)


def sweep(pool, kind, way, step):
    """Cut after 1, 1 + step, ... bytes, until the work is done before the cut."""
    first = 1
    while first < AT_MOST:
        places = range(first, first + 8 * step, step)
        cuts = list(pool.map(partial(pull, kind), [{way: at} for at in places]))
        if not all(cuts):
            return (first - 1) // step + sum(cuts)
        first += 8 * step
    sys.exit(f"{kind}: {AT_MOST} bytes are not the end")


def main():
    step = int(sys.argv[1]) if len(sys.argv) > 1 else STEP
    with ProcessPoolExecutor(JOBS) as pool:
        for kind in KINDS:
            for way, each in (("to_board", step), ("to_host", max(step // 10, 1))):
                began_s = time.monotonic()
                count = sweep(pool, kind, way, each)
                spent_s = time.monotonic() - began_s
                print(f"{kind} {way}: {count} cuts, {spent_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
