# SPDX-License-Identifier: MIT
"""Reads what a run left in its folder, for a report: only its files, and none of its keys."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from host import captures, decode, files
from host.errors import HostError

_COPIES_S = 0.5  # within which gateways hear one and the same frame
_ANSWERS_US = 5_000_000  # what is said of an uplink comes within it
_FIELDS = {("t_us", int), ("node", str), ("event", str)}
Series = list[tuple[datetime, float]]


@dataclass(frozen=True)
class Heard:
    """An uplink, as the gateway has it that heard it best."""

    time: datetime
    sf: int
    snr_db: float
    gateway: str


@dataclass
class KeptRun:
    """A run from its files. `series`: values in order of time, by quantity and node."""

    summary: dict[str, Any]
    start: datetime
    end: datetime
    series: dict[str, dict[str, Series]]
    heard: dict[str, list[Heard]] = field(default_factory=dict)  # by node
    lost: dict[str, Counter[str]] = field(default_factory=dict)  # by node: causes
    happened: Counter[tuple[str, str]] = field(default_factory=Counter)  # (event, cause)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The nodes of the summary."""
        return list(self.summary["nodes"])

    @cached_property
    def by_hour(self) -> dict[str, dict[str, Series]]:
        """What was counted in each hour, by total and node; the time is the hour's begin."""
        found: dict[str, dict[str, Series]] = {}
        for total in decode.TOTALS:
            for node, rows in self.series.get(total, {}).items():
                found.setdefault(total, {})[node] = _hours(rows)
        return found


def load(folder: Path) -> KeptRun:
    """Read the run in `folder`. HostError: there is none, or one of its files is broken."""
    path = folder / "summary.json"
    if not path.is_file():
        step = "name a folder that `node071 simulate --out` has filled"
        raise HostError(f"there is no whole run in {folder}", step)
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        start, end = (datetime.fromisoformat(summary[key]) for key in ("start", "end"))
        names = [node["name"] for node in summary["nodes"] if node["dev_eui"]]
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(f"{path} is no summary of a run", "make the run anew") from error
    end = end.astimezone(start.tzinfo)
    run = KeptRun(summary, start, end, _series(folder / "readings.csv", names))
    _take_frames(run, folder / "capture.jsonl")
    _take_events(run, folder / "events.jsonl")
    return run


def _series(path: Path, names: Iterable[str]) -> dict[str, dict[str, Series]]:
    """The columns of numbers of a readings.csv, each node's in order of time."""
    known, found = set(names), defaultdict[str, dict[str, Series]](lambda: defaultdict(list))
    quantities = [row[1] for row in files.readings().QUANTITIES if row[0] > 0]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"time", "name"} <= set(reader.fieldnames or ()):
                raise ValueError("no head")
            for row in reader:
                time, name = datetime.fromisoformat(row["time"]), row["name"]
                if time.tzinfo is None:
                    raise ValueError("a time without its zone")
                for quantity in quantities:
                    if name in known and row.get(quantity):
                        found[quantity][name].append((time, float(row[quantity])))
    except FileNotFoundError as error:
        raise HostError(f"{path} is missing", "make the run anew") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise HostError(f"{path} is no table of readings", "make the run anew") from error
    for series in found.values():
        for rows in series.values():
            rows.sort(key=lambda each: each[0])
    return {quantity: dict(series) for quantity, series in found.items()}


def _take_frames(run: KeptRun, path: Path) -> None:
    """Add what was heard of whom: DevAddr and DevEUI go over the air in the clear."""
    owners = {address: node["name"] for node in run.nodes for address in node.get("dev_addrs", ())}
    owners |= {node["dev_eui"]: node["name"] for node in run.nodes}
    latest: dict[str, tuple[bytes, datetime]] = {}
    for frame in captures.uplinks(path, []) if path.is_file() else ():
        name = owners.get(_sender(frame.phy))
        if name is None:
            continue
        heard = Heard(
            frame.time.astimezone(run.start.tzinfo), frame.sf, frame.snr_db, frame.gateway
        )
        rows = run.heard.setdefault(name, [])
        phy, time = latest.get(name, (b"", frame.time))
        if phy == frame.phy and (frame.time - time).total_seconds() < _COPIES_S:
            rows[-1] = max(rows[-1], heard, key=lambda each: each.snr_db)
        else:
            rows.append(heard)
        latest[name] = frame.phy, frame.time


def _sender(phy: bytes) -> str:
    """DevEUI of a join-request, else DevAddr, as the summary writes them."""
    return phy[16:8:-1].hex() if phy[0] >> 5 == 0 else phy[4:0:-1].hex()


def _take_events(run: KeptRun, path: Path) -> None:
    """Add why uplinks were lost, and what else happened."""
    heard_us = {
        name: [(each.time - run.start) // timedelta(microseconds=1) for each in rows]
        for name, rows in run.heard.items()
    }
    sent: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for event in _events(path):
        name, what = event["node"], event["event"]
        cause = str(event.get("cause", "")).partition(":")[0]  # without its numbers
        if what in ("uplink", "join-request"):
            sent[name].append((event["t_us"], []))
        elif what == "not heard" and sent[name]:
            sent[name][-1][1].append(cause)
        elif what in ("refused", "not decoded", "downlink not sent"):
            run.happened[what, cause] += 1
    for node in run.nodes:
        name = node["name"]
        ends, lost = heard_us.get(name, []), Counter[str]()
        at = 0
        for sent_us, causes in sent[name]:
            while at < len(ends) and ends[at] < sent_us:
                at += 1
            if at == len(ends) or ends[at] > sent_us + _ANSWERS_US:
                lost[Counter(causes).most_common(1)[0][0] if causes else "no cause noted"] += 1
        run.lost[name] = lost


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of an events.jsonl; a last one may be cut short."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(event, dict) and {(k, type(v)) for k, v in event.items()} >= _FIELDS:
                yield event


def _hours(rows: Series) -> Series:
    """How many passed in each hour, by the running totals; hours without any reading are not there.

    What passed between two readings counts for the hour of the later one.
    """
    counts, totals = decode.Counts(), Counter[datetime]()
    for time, total in rows:
        reading: dict[str, Any] = {"age_s": 0, "count": int(total)}
        counts.add("", time.timestamp(), [reading])
        hour = time.replace(minute=0, second=0, microsecond=0)
        totals[hour] += reading.get("count_difference", 0)
    return sorted(totals.items())
