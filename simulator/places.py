# SPDX-License-Identifier: MIT
"""Where everything stands: metres on a map, or degrees; and nodes spread by a rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import cos, hypot, pi, radians, sin, sqrt
from random import Random
from typing import Annotated, Any, TypeVar

from host.tables import Table

Metres = Annotated[float, -1000000, 1000000]
Latitude = Annotated[float, -85, 85]
Longitude = Annotated[float, -180, 180]
_Length = Annotated[float, 1, 100000]
_FAR_M = 200_000  # no LoRa frame comes so far, and the map is 4 % wrong there
_EQUATOR_M, _FLATTENING = 6_378_137.0, 1 / 298.257223563  # WGS 84
Plan = TypeVar("Plan", bound=Any)  # has x_m, y_m, latitude and longitude


@dataclass(frozen=True)
class Origin:
    """The place of 0 m east and 0 m north; WGS 84 degrees become metres and back.

    x = N cos(phi0) (lambda - lambda0) and y = M (phi - phi0), angles in radians, with the radii of
    curvature at the origin, M = a (1 - e2) / w^3 along the meridian and N = a / w across it,
    w = sqrt(1 - e2 sin(phi0)^2). At 52 degrees, distances from east to west that lie 20 km north of
    the origin come out 0.4 % too long; all others are truer.
    """

    latitude: Latitude
    longitude: Longitude

    def _scale_m(self) -> tuple[float, float]:
        """Metres for a radian to the east and to the north."""
        phi, e2 = radians(self.latitude), _FLATTENING * (2 - _FLATTENING)
        w = sqrt(1 - e2 * sin(phi) ** 2)
        return _EQUATOR_M / w * cos(phi), _EQUATOR_M * (1 - e2) / w**3

    def metres(self, latitude: float, longitude: float) -> tuple[float, float]:
        """(x_m, y_m) of a place in degrees, to the centimetre."""
        east_m, north_m = self._scale_m()
        east_deg = (longitude - self.longitude + 180) % 360 - 180
        north_deg = latitude - self.latitude
        return round(east_m * radians(east_deg), 2), round(north_m * radians(north_deg), 2)

    def degrees(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(latitude, longitude) of a place in metres, to a millionth."""
        east_m, north_m = self._scale_m()
        longitude = self.longitude + x_m / east_m * 180 / pi
        latitude = self.latitude + y_m / north_m * 180 / pi
        return round(latitude, 6), round((longitude + 180) % 360 - 180, 6)


@dataclass(frozen=True)
class Spread:
    """How the nodes of one table stand around its place, or along a street that begins there.

    One of three: `radius_m` (a disc), `width_m` east and `height_m` north (a rectangle, the place
    in its middle), `length_m` towards `bearing_deg` (a street: evenly, on both sides).
    """

    radius_m: _Length | None = None
    width_m: _Length | None = None
    height_m: _Length | None = None
    length_m: _Length | None = None
    bearing_deg: Annotated[float, 0, 360] | None = None

    def offset_m(self, number: int, count: int, stream: Random) -> tuple[float, float]:
        """Metres east and north for one of `count`, from 0 on."""
        if self.radius_m is not None:
            angle, radius_m = stream.uniform(0, 2 * pi), self.radius_m * sqrt(stream.random())
            return radius_m * sin(angle), radius_m * cos(angle)
        if self.length_m is not None:
            along_m, bearing = (
                (number + 0.5) / count * self.length_m,
                radians(self.bearing_deg or 0.0),
            )
            side_m = _KERB_M * stream.choice((-1, 1))
            return (
                along_m * sin(bearing) + side_m * cos(bearing),
                along_m * cos(bearing) - side_m * sin(bearing),
            )
        width_m, height_m = self.width_m or 0.0, self.height_m or 0.0
        return stream.uniform(-0.5, 0.5) * width_m, stream.uniform(-0.5, 0.5) * height_m


_KERB_M = 5.0  # of a street, from its middle
_RULES = ({"radius_m"}, {"width_m", "height_m"}, {"length_m", "bearing_deg"})


def check_spread(table: Table, where: tuple[str | int, ...], spread: Spread) -> None:
    """HostError: what was given is none of the rules."""
    given = {each.name for each in fields(spread) if getattr(spread, each.name) is not None}
    if given not in _RULES:
        step = "give radius_m, or width_m and height_m, or length_m and bearing_deg"
        raise table.fail((*where, "spread"), "'spread' is no rule that is known", step)


class Map:
    """The one map of a scenario: its origin, when anything stands in degrees.

    `raw` has the tables as they were read: what is not there was not given.
    """

    def __init__(self, table: Table, raw: Mapping[str, Any], origin: Origin | None):
        self._table, self._raw, self.origin = table, raw, origin
        tables = list(self._tables())
        in_degrees = [each for each in tables if self._in_degrees(*each)]
        if origin is None and in_degrees:
            for kind, index, _ in tables:
                if (kind, index) not in [each[:2] for each in in_degrees]:
                    problem = f"this {kind} does not stand in degrees, and others do"
                    step = "give latitude and longitude, or say where 0 m is: origin = { ... }"
                    raise table.fail((kind, index, "latitude"), problem, step)
            _, _, first = in_degrees[0]
            self.origin = Origin(first["latitude"], first["longitude"])

    def _tables(self) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
        """(kind, index, values) of each that has a place: gateways first."""
        for kind in ("gateway", "node", "crowd", "fault"):
            for index, values in enumerate(self._raw.get(kind, ())):
                if kind != "fault" or values.get("kind") == "jammer":
                    yield kind, index, values

    def _in_degrees(self, kind: str, index: int, values: Mapping[str, Any]) -> bool:
        """Whether a table has degrees. HostError: half of them, or metres besides."""
        given = {"latitude", "longitude"} & set(values)
        if not given:
            return False
        where = (kind, index, next(key for key in values if key in given))
        if len(given) < 2:
            raise self._table.fail(where, "half a place", "give latitude and longitude")
        if {"x_m", "y_m"} & set(values):
            step = "give latitude and longitude, or x_m and y_m"
            raise self._table.fail(where, "a place in degrees and in metres", step)
        return True

    def placed(self, kind: str, plans: Sequence[Plan]) -> list[Plan]:
        """The plans of one kind of table, with both forms of their places where both are known."""
        return [self._place(kind, index, plan) for index, plan in enumerate(plans)]

    def _place(self, kind: str, index: int, plan: Plan) -> Plan:
        if self.origin is None:
            return plan
        if plan.latitude is None:
            return self.at(plan, plan.x_m, plan.y_m)
        x_m, y_m = self.origin.metres(plan.latitude, plan.longitude)
        if hypot(x_m, y_m) > _FAR_M:
            problem = f"that is {hypot(x_m, y_m) / 1000:.0f} km from the origin"
            step = "correct it: no frame comes that far"
            raise self._table.fail((kind, index, "latitude"), problem, step)
        return replace(plan, x_m=x_m, y_m=y_m)

    def at(self, plan: Plan, x_m: float, y_m: float) -> Plan:
        """A plan at a place in metres."""
        if self.origin is None:
            return replace(plan, x_m=x_m, y_m=y_m)
        latitude, longitude = self.origin.degrees(x_m, y_m)
        return replace(plan, x_m=x_m, y_m=y_m, latitude=latitude, longitude=longitude)
