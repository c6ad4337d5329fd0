# SPDX-License-Identifier: MIT
"""Pull the cable after every 500th byte of a provisioning, an update and a flashing.

`python tests/proof/cables.py [STEP [KIND ...]]`: bytes to the board, and twice as often of those
that come back, in whole runs of small firmware and small images with the real esptool and mpremote.
Each cut is judged as in the tests: nothing half done claims to be whole, a second run completes.
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
import workbench  # noqa: E402

STEP, JOBS, AT_MOST = 500, 6, 400_000  # a cut mostly waits, so six at a time
KINDS: dict[str, Callable[[Path, dict[str, int]], bool]] = {
    "provision": pulled.provision_cut,
    "provision a new board": pulled.new_board_cut,
    "update": pulled.update_cut,
    "flash an ESP32": pulled.flash_cut,
    "flash an RP2040": pulled.uf2_cut,
}


def pull(kind, after):
    """One cut in a folder of its own; False: the work was done before."""
    workbench.PATIENCE_S = 600.0  # whatever else the computer does
    with tempfile.TemporaryDirectory() as folder:
        return KINDS[kind](Path(folder), after)


def sweep(pool, kind, way, step):
    """Cut after 1, 1 + step, ... bytes, until the work is done before the cut: (cuts, bytes)."""
    first, count, last = 1, 0, 0
    while first < AT_MOST:
        places = range(first, first + 2 * JOBS * step, step)
        cuts = list(pool.map(partial(pull, kind), [{way: at} for at in places]))
        if not any(cuts):
            return count, last
        count += sum(cuts)
        last = max(at for at, cut in zip(places, cuts, strict=True) if cut)
        first += 2 * JOBS * step
    sys.exit(f"{kind}: {AT_MOST} bytes are not the end")


def main():
    step = int(sys.argv[1]) if len(sys.argv) > 1 else STEP
    began_s, total = time.monotonic(), 0
    with ProcessPoolExecutor(JOBS) as pool:
        for kind in sys.argv[2:] or KINDS:
            for way, each in (("to_board", step), ("to_host", max(step // 2, 1))):
                kind_s = time.monotonic()
                count, last = sweep(pool, kind, way, each)
                total += count
                print(
                    f"{kind}, {way}: {count} cuts, one every {each} bytes up to {last}, in "
                    f"{time.monotonic() - kind_s:.0f} s",
                    flush=True,
                )
    print(f"{total} cuts in {time.monotonic() - began_s:.0f} s, each was mended by a second run")


if __name__ == "__main__":
    main()
