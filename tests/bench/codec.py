# SPDX-License-Identifier: MIT
"""Milliseconds a frame in the codec of the networks, in the engine of ChirpStack."""

import json
import time
from pathlib import Path

import quickjs
from table import Row, at_most

from host import files

GOLDEN = Path(__file__).parents[1] / "vectors/readings.json"
ROUNDS = 5  # over all frames, the best of each counts
TARGET_MS = 10


def rows():
    """One row: ChirpStack makes a context and reads the whole codec for each frame."""
    source = files.root().joinpath("docs/codec.js").read_text(encoding="utf-8")
    payloads = [row["payload"] for row in json.loads(GOLDEN.read_text())["readings"]]
    calls = [
        f"JSON.stringify(decodeUplink({json.dumps({'fPort': 1, 'bytes': list(data)})}))"
        for data in map(bytes.fromhex, payloads)
    ]
    fresh_ms = min(per_frame_ms(source, calls, fresh=True) for _ in range(ROUNDS))
    kept_ms = min(per_frame_ms(source, calls, fresh=False) for _ in range(ROUNDS))
    yield Row(
        "decode of a frame in the codec of the networks, QuickJS",
        f"{fresh_ms:.2f} ms, {kept_ms:.3f} ms in a context that stays",
        f"{TARGET_MS} ms",
        "ChirpStack stops a codec at 100 ms",
        at_most(fresh_ms, TARGET_MS, " ms"),
    )


def per_frame_ms(source, calls, fresh):
    began_s, context = time.perf_counter(), None
    for call in calls:
        if fresh or context is None:
            context = quickjs.Context()
            context.eval(source)
        if "errors" in json.loads(context.eval(call)):
            raise RuntimeError(f"the codec refuses {call}")
    return (time.perf_counter() - began_s) * 1000 / len(calls)
