# SPDX-License-Identifier: MIT
"""Where nodes and gateways of a run are: in metres on a map, and as longitude and latitude."""

from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Any

ASSUMED = (52.1601, 4.4970)  # the centre of Leiden: where a map of metres has its origin
_M_PER_DEGREE = 111_195.0  # on a sphere of 6,371 km


@dataclass(frozen=True)
class Place:
    """A place of a run: metres to the east and to the north of the map's origin."""

    name: str
    x_m: float
    y_m: float

    def straight_m(self, other: "Place") -> float:
        """The distance as the crow flies."""
        return hypot(self.x_m - other.x_m, self.y_m - other.y_m)


@dataclass(frozen=True)
class Map:
    """The places of a run. `assumed`: the run knows metres only, and the origin is made up."""

    nodes: dict[str, Place]
    gateways: dict[str, Place]
    origin: tuple[float, float]
    assumed: bool

    def position(self, place: Place) -> list[float]:
        """[longitude, latitude] of WGS 84, as GeoJSON has them (RFC 7946 3.1.1)."""
        latitude, longitude = self.origin
        across = _M_PER_DEGREE * cos(radians(latitude))
        return [
            round(longitude + place.x_m / across, 6),
            round(latitude + place.y_m / _M_PER_DEGREE, 6),
        ]

    def place(self, name: str, latitude: float, longitude: float) -> Place:
        """The place of a latitude and longitude; flat, which is true to 0.1 % within 20 km."""
        at, across = self.origin, _M_PER_DEGREE * cos(radians(self.origin[0]))
        return Place(name, (longitude - at[1]) * across, (latitude - at[0]) * _M_PER_DEGREE)


def places(summary: dict[str, Any]) -> Map | None:
    """Where all of a summary's nodes and gateways are; None: it does not say."""
    nodes, gateways = summary.get("nodes", []), summary.get("gateways", [])
    rows = [*nodes, *gateways]
    if rows and all(row.get("latitude") is not None for row in rows):
        first = [*gateways, *nodes][0]
        found = Map({}, {}, (first["latitude"], first["longitude"]), False)

        def place(row: dict[str, Any]) -> Place:
            return found.place(row["name"], row["latitude"], row["longitude"])

    elif rows and all(row.get("x_m") is not None for row in rows):
        found = Map({}, {}, ASSUMED, True)

        def place(row: dict[str, Any]) -> Place:
            return Place(row["name"], row["x_m"], row["y_m"])

    else:
        return None
    found.nodes.update({row["name"]: place(row) for row in nodes})
    found.gateways.update({row.get("eui", row["name"]): place(row) for row in gateways})
    return found
