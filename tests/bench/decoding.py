# SPDX-License-Identifier: MIT
"""Captured frames a second through the host's decoder, against lora-packet in the same run."""

import json
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from table import Row, at_least, missing

from host import captures, replay

PEERS = Path(__file__).parents[2] / ".build/peers/node_modules"  # make bench-peers
SCRIPT = Path(__file__).with_name("peers") / "decode.cjs"
ROUNDS = 3  # by turns, the best of each counts
TARGET = 3


def node_and(package):
    """The path of Node when it and a package of `make bench-peers` are here, else None."""
    return shutil.which("node") if PEERS.joinpath(package).is_dir() else None


def rows(run):
    """One row, from the capture that a run left in its folder."""
    capture = run / "capture.jsonl"
    devices = replay.load_devices(capture, None)
    data = [each for each in captures.uplinks(capture, []) if each.phy[0]]  # no join-request
    node, ours, theirs = node_and("lora-packet"), [], []
    frames = run / "frames.json"
    frames.write_text(
        json.dumps(devices[0]["sessions"][0] | {"frames": [u.phy.hex() for u in data]})
    )
    for _ in range(ROUNDS):
        ours.append(rate(devices, data))
        if node:
            words = [node, SCRIPT, PEERS, frames]
            theirs.append(float(subprocess.run(words, check=True, capture_output=True).stdout))
    row = Row(
        "decode of captured frames (MIC, decrypt, CBOR), one core",
        f"{max(ours):,.0f} a second",
        f"{TARGET} x lora-packet",
        "lora-packet on Node, without CBOR: 13,900 a second",
        missing("lora-packet (make bench-peers)"),
    )
    if theirs:
        ratio = max(ours) / max(theirs)
        row = replace(
            row,
            measured=f"{row.measured}, {ratio:.1f} x",
            elsewhere=f"{max(theirs):,.0f} a second (lora-packet in this run, without CBOR)",
            verdict=at_least(ratio, TARGET, " x"),
        )
    yield row


def rate(devices, data):
    """Frames a second, over a second at least; each pass is a reader of its own."""
    began_s, count, spent_s = time.perf_counter(), 0, 0.0
    while spent_s < 1:
        reader = replay.Reader(devices)
        for uplink in data:
            reader.rows(uplink)
        count += len(data)
        spent_s = time.perf_counter() - began_s
    if reader.counts["unknown"] or reader.counts["repeated"]:
        raise RuntimeError(f"the capture does not open: {reader.counts}")
    return count / spent_s
