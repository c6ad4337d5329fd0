# SPDX-License-Identifier: MIT
"""Tells which bins of a kept run to empty tomorrow, and writes them as bins.geojson."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from host import bins, rounds, runs
from host.errors import HostError, WrongUse
from host.places import Map, Place, places

NAME = "bins.geojson"


def write(folder: Path, depot: str | None = None, out: Path | None = None) -> dict[str, Any]:
    """Write the bins due and the round over them; returns both, and where they were written.

    `next` says what to install when the round could not be found. HostError: there is no run, it
    has no bins, or does not say where they are. WrongUse: `depot` is no place.
    """
    run = runs.load(folder)
    full, known = bins.bins(run), places(run.summary)
    if not full:
        raise HostError(f"no node of {folder} told how full a bin is", "try `node071 simulate bin`")
    if known is None or not known.gateways:
        raise HostError(f"{folder} does not say where its bins are", "make the run anew")
    begin = next(iter(known.gateways.values())) if depot is None else _depot(depot, known)
    tour = rounds.over(known, full, begin) if rounds.there_is_a_solver() else None
    path = out or folder / NAME
    value = rounds.geojson(known, full, begin, tour)
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    found: dict[str, Any] = {
        "bins": len(full),
        "due": [
            {
                "name": each.name,
                "fill_pct": each.fill_pct,
                "fill_tomorrow_pct": each.tomorrow_pct,
                "rise_pct_day": each.rise_pct_day,
            }
            for each in full
            if each.due
        ],
        "depot": begin.name,
        "round": tour and {"stops": [stop.name for stop in tour.stops], "metres": tour.metres},
        "geojson": str(path),
    }
    if tour is None:
        found["next"] = "for the shortest round: pip install 'node071[round]'"
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same for a person."""
    for each in found["due"]:
        rises = "" if each["rise_pct_day"] is None else f", rising {each['rise_pct_day']:g} % a day"
        yield f"{each['name']:<20} {each['fill_pct']:3.0f} %{rises}"
    yield f"{len(found['due'])} of {found['bins']} bins due tomorrow"
    if found["round"] and found["due"]:
        stops, metres = found["round"]["stops"], found["round"]["metres"]
        way = " > ".join([found["depot"], *stops, found["depot"]])
        yield f"round {metres / 1000:.1f} km, by {rounds.STREET_FACTOR} straight lines: {way}"
    yield f"written to {found['geojson']}"


def _depot(text: str, known: Map) -> Place:
    try:
        first, second = (float(each) for each in text.split(","))
    except ValueError:
        raise WrongUse(f"'{text}' is no place", "give --depot A,B, two numbers") from None
    if known.assumed:
        return Place("depot", first, second)
    if not (-90 <= first <= 90 and -180 <= second <= 180):
        raise WrongUse(f"'{text}' is no latitude and longitude", "give --depot 52.16,4.49")
    return known.place("depot", first, second)
