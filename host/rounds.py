# SPDX-License-Identifier: MIT
"""The shortest round over the bins that are due, and all of it as GeoJSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from host.bins import DUE_PCT, Bin
from host.errors import HostError
from host.places import Map, Place

STREET_FACTOR = 1.3  # a way through streets is so much longer than the straight line
_NOTE = "places were metres: x east and y north of a made-up origin in Leiden"


@dataclass(frozen=True)
class Round:
    """From the depot over all stops and back; `metres` are those of the streets, by estimate."""

    depot: Place
    stops: tuple[Place, ...]
    metres: int


def there_is_a_solver() -> bool:
    """Whether a round can be found here."""
    return find_spec("vroom") is not None


def over(found: Map, bins: Sequence[Bin], depot: Place | None) -> Round:
    """The shortest round over the bins that are due, from the first gateway unless told otherwise.

    HostError: the solver is not installed.
    """
    stops = [found.nodes[each.name] for each in bins if each.due]
    return shortest(depot or next(iter(found.gateways.values())), stops)


def shortest(depot: Place, stops: Sequence[Place]) -> Round:
    """The shortest round, by VROOM. HostError: it is not installed.

    Streets are not known: a way is STREET_FACTOR times the straight line.
    """
    if not stops:
        return Round(depot, (), 0)
    try:
        import vroom
    except ImportError as error:
        step = "install it: pip install 'node071[round]'"
        raise HostError("the shortest round needs pyvroom", step) from error
    places = [depot, *stops]
    problem = vroom.Input()
    problem.set_durations_matrix("car", [[_metres(a, b) for b in places] for a in places])
    problem.add_vehicle(vroom.Vehicle(0, start=0, end=0))
    problem.add_job([vroom.Job(at, location=at) for at in range(1, len(places))])
    routes = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=30)).routes
    order = [int(at) for at in routes["location_index"]][1:-1]
    way = [depot, *(places[at] for at in order), depot]
    metres = sum(_metres(a, b) for a, b in pairwise(way))
    return Round(depot, tuple(way[1:-1]), metres)


def _metres(a: Place, b: Place) -> int:
    return round(a.straight_m(b) * STREET_FACTOR)


def geojson(found: Map, bins: Sequence[Bin], depot: Place, tour: Round | None) -> dict[str, Any]:
    """The bins that are due, as Points, and the round over them, as a LineString (RFC 7946)."""
    order = {place.name: at for at, place in enumerate(tour.stops, 1)} if tour else {}
    features = [_feature("Point", found.position(depot), {"kind": "depot", "name": depot.name})]
    for each in bins:
        if each.due and each.name in found.nodes:
            about = {
                "kind": "bin",
                "name": each.name,
                "fill_pct": each.fill_pct,
                "fill_tomorrow_pct": each.tomorrow_pct,
                "rise_pct_day": each.rise_pct_day,
                "read_at": each.time.isoformat(),
                "stop": order.get(each.name),
            }
            features.append(_feature("Point", found.position(found.nodes[each.name]), about))
    if tour is not None and tour.stops:
        way = [found.position(place) for place in (tour.depot, *tour.stops, tour.depot)]
        about = {"kind": "round", "stops": len(tour.stops), "metres": tour.metres}
        features.append(_feature("LineString", way, about | {"street_factor": STREET_FACTOR}))
    note = {"note": _NOTE} if found.assumed else {}
    return {"type": "FeatureCollection", "due_pct": DUE_PCT, **note, "features": features}


def _feature(kind: str, position: list[Any], about: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": position}
    return {"type": "Feature", "geometry": geometry, "properties": about}
