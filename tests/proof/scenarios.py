# SPDX-License-Identifier: MIT
"""Every ready scenario whole: how long it took, and what became of each expectation.

`python tests/proof/scenarios.py [NAME ...]`; the test suite runs them shortened.
"""

import sys
import time

from simulator import scenario as scenarios
from simulator.run import Run
from simulator.schedule import USUAL_JOBS


def run(name):
    """One of them; returns the expectations that did not hold."""
    began_s = time.monotonic()
    plan = scenarios.find(name)
    summary = Run(plan, jobs=USUAL_JOBS).execute()
    spent_s = time.monotonic() - began_s
    days = plan.duration_h / 24
    cheap = sum(crowd.count for crowd in plan.crowds)
    print(
        f"{name}: {len(plan.nodes)} nodes" + (f" and {cheap} cheap ones" if cheap else "")
        + f" for {days:.3g} days in {spent_s:.0f} s, {len(plan.nodes) * days / spent_s:.2f} "
        f"node-days a second"
    )  # fmt: skip
    failed = []
    for each in summary["expectations"]:
        word = {True: "held", False: "NOT HELD", None: "not judged"}[each["held"]]
        found = "nothing" if each["found"] is None else f"{each['found']:g}"
        of = f" ({each['of']})" if each["of"] else ""
        print(f"  {word:<8}  {each['expect']}: {found}{of}", flush=True)
        if not each["held"]:
            failed.append(each["expect"])
    return failed


def main():
    wanted = sys.argv[1:] or scenarios.ready()
    failed = {name: lines for name in wanted if (lines := run(name))}
    if failed:
        sys.exit(f"expectations that did not hold: {failed}")


if __name__ == "__main__":
    main()
