# SPDX-License-Identifier: MIT
"""Bins due tomorrow and the shortest round over them, as GeoJSON (RFC 7946)."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from math import asin, cos, radians, sin, sqrt
from random import Random

import pytest
from click.testing import CliRunner

from host import rounds
from host.bins import bins, rise_pct_day
from host.cli import cli
from host.places import Place, places
from host.runs import KeptRun

START = datetime(2026, 11, 23, 6, tzinfo=UTC)


def series(*rows):
    """Readings at hours since the start: (hour, %)."""
    return [(START + timedelta(hours=hour), float(pct)) for hour, pct in rows]


def forecast(*rows, end_h):
    run = KeptRun({}, START, START + timedelta(hours=end_h), {"fill": {"bin-1": series(*rows)}})
    return bins(run)[0]


def test_it_rises_on_as_it_rose():
    found = forecast((0, 10), (12, 25), (24, 40), end_h=24)
    assert (found.rise_pct_day, found.fill_pct, found.tomorrow_pct) == (30, 40, 70)
    assert not found.due


def test_an_emptying_is_no_fall():
    assert rise_pct_day(series((0, 60), (12, 80), (13, 0), (25, 20))) == pytest.approx(40)
    assert rise_pct_day(series((0, 60), (24, 58))) == pytest.approx(-2)  # a heap that settles


def test_only_the_last_three_days_count():
    assert rise_pct_day(series((0, 0), (24, 29), (48, 30), (96, 32))) == pytest.approx(1)


def test_a_day_without_its_night_tells_nothing_of_tomorrow():
    assert rise_pct_day(series((0, 10), (19, 40))) is None
    found = forecast((0, 10), (19, 40), end_h=19)
    assert (found.rise_pct_day, found.tomorrow_pct) == (None, 40)


@pytest.mark.parametrize(("pct", "due"), [(59, False), (60, True), (61, True)])
def test_it_is_due_at_eighty(pct, due):
    assert forecast((0, pct - 20), (24, pct), end_h=24).due is due


def test_a_bin_that_was_silent_for_a_day_filled_in_the_meantime():
    assert forecast((0, 10), (24, 40), end_h=48).tomorrow_pct == 100


def test_a_bin_that_sinks_is_not_emptier_tomorrow_and_none_is_overfull():
    assert forecast((0, 85), (24, 83), end_h=24).tomorrow_pct == 83
    assert forecast((0, 71), (24, 99), end_h=24).tomorrow_pct == 100


def town(count, seed):
    chance = Random(seed)
    return [
        Place(f"bin-{at}", chance.uniform(-2000, 2000), chance.uniform(-1500, 1500))
        for at in range(count)
    ]


@pytest.mark.parametrize("count", range(1, 9))
def test_no_round_is_shorter(count):
    for seed in range(1 if count == 8 else 3):
        depot, *stops = town(count + 1, seed)
        found = rounds.shortest(depot, stops)
        legs = {(a, b): a.straight_m(b) for a in (depot, *stops) for b in (depot, *stops)}
        best = min(sum(legs[leg] for leg in pairwise((depot, *way, depot)))
                   for way in permutations(stops))  # fmt: skip
        assert sorted(each.name for each in found.stops) == sorted(each.name for each in stops)
        ours = sum(legs[leg] for leg in pairwise((depot, *found.stops, depot)))
        assert ours == pytest.approx(best, abs=len(stops) + 1)  # VROOM reckons in whole metres
        assert found.metres == pytest.approx(best * 1.3, abs=len(stops) + 1)


def test_without_a_bin_nobody_drives():
    found = rounds.shortest(Place("depot", 0, 0), [])
    assert (found.stops, found.metres) == ((), 0)


# Runs on the disk, as `simulate --out` leaves them.

NODES = {"bin-1": (0, 0), "bin-2": (600, 0), "bin-3": (600, 800), "bin-4": (0, 800)}
FULL = {"bin-1": (30, 70), "bin-2": (80, 95), "bin-3": (10, 12), "bin-4": (50, 75)}
GATEWAY = (-300, 400)


@pytest.fixture
def kept(tmp_path):
    """A function: a folder with 24 hours of four bins, three of them due, at these places."""

    def kept(place=lambda x, y: {"x_m": x, "y_m": y}):
        nodes = [
            {"name": name, "dev_eui": f"{at:016x}"} | place(*NODES[name])
            for at, name in enumerate(NODES)
        ]
        gateway = {"name": "town-hall", "eui": "0710710000000000"} | place(*GATEWAY)
        summary = {"start": START.isoformat(), "end": (START + timedelta(hours=24)).isoformat()}
        summary |= {"scenario": "four", "seed": 1, "gateways": [gateway], "nodes": nodes}
        (tmp_path / "summary.json").write_text(json.dumps(summary))
        lines = ["time,name,dev_eui,f_cnt,fill"]
        for name, (first, last) in FULL.items():
            for (time, pct), f_cnt in zip(series((0, first), (24, last)), (0, 1), strict=True):
                lines.append(f"{time.isoformat()},{name},00,{f_cnt},{pct:g}")
        (tmp_path / "readings.csv").write_text("\n".join(lines) + "\n")
        return tmp_path

    return kept


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="node071")


def check_geojson(value):
    """What RFC 7946 wants of a FeatureCollection of Points and LineStrings."""
    assert value["type"] == "FeatureCollection" and isinstance(value["features"], list)
    assert not {"crs", "coordinates", "geometry", "properties", "geometries"} & set(value)
    for feature in value["features"]:
        assert feature["type"] == "Feature" and isinstance(feature["properties"], dict)
        assert not {"features", "coordinates"} & set(feature)
        kind, places = feature["geometry"]["type"], feature["geometry"]["coordinates"]
        assert kind in ("Point", "LineString") and set(feature["geometry"]) == {
            "type", "coordinates"
        }  # fmt: skip
        for position in [places] if kind == "Point" else places:
            longitude, latitude = position
            assert -180 <= longitude <= 180 and -90 <= latitude <= 90
        assert kind == "Point" or len(places) >= 2


def great_circle_m(a, b):
    """The haversine formula, of a sphere of 6,371 km."""
    (east, north), (east_b, north_b) = ([radians(each) for each in place] for place in (a, b))
    half = sin((north_b - north) / 2) ** 2
    half += cos(north) * cos(north_b) * sin((east_b - east) / 2) ** 2
    return 2 * 6_371_000 * asin(sqrt(half))


def test_three_of_four_are_due_and_the_way_goes_round(kept):
    folder = kept()
    done = run("bins", folder, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["bins"] == 4 and [each["name"] for each in found["due"]] == [
        "bin-1", "bin-2", "bin-4"
    ]  # fmt: skip
    assert found["round"]["stops"] in (["bin-1", "bin-2", "bin-4"], ["bin-4", "bin-2", "bin-1"])
    assert found["round"]["metres"] == round(1.3 * (500 + 600 + 1000 + 500))
    value = json.loads((folder / "bins.geojson").read_text())
    check_geojson(value)
    depot, *due, line = value["features"]
    assert depot["properties"] == {"kind": "depot", "name": "town-hall"}
    assert {each["properties"]["name"]: each["properties"]["stop"] for each in due} == {
        name: at for at, name in enumerate(found["round"]["stops"], 1)
    }
    assert line["properties"]["street_factor"] == 1.3
    way = line["geometry"]["coordinates"]
    assert way[0] == way[-1] == depot["geometry"]["coordinates"] and len(way) == 5
    assert sum(great_circle_m(*leg) for leg in pairwise(way)) == pytest.approx(2600, rel=0.001)


def test_longitude_comes_first_and_metres_are_somewhere_in_leiden(kept):
    folder = kept()
    run("bins", folder)
    value = json.loads((folder / "bins.geojson").read_text())
    assert "made-up origin" in value["note"]
    for feature in value["features"][:-1]:
        longitude, latitude = feature["geometry"]["coordinates"]
        assert 4.4 < longitude < 4.6 and 52.1 < latitude < 52.2
    depot, first = (each["geometry"]["coordinates"] for each in value["features"][:2])
    assert first[0] > depot[0] and first[1] < depot[1]  # bin-1 is to the east and the south


def test_latitude_and_longitude_stay_what_they_were(kept):
    folder = kept(lambda x, y: {"latitude": 52 + y * 1e-5, "longitude": 4.5 + x * 1.5e-5})
    done = run("bins", folder, "--depot", "52.002,4.5", "--out", folder / "map.json", "--json")
    assert done.exit_code == 0, done.output
    value = json.loads((folder / "map.json").read_text())
    check_geojson(value)
    assert "note" not in value
    depot, first, *_ = (each["geometry"]["coordinates"] for each in value["features"])
    assert depot == [4.5, 52.002] and first == [4.5, 52.0]
    way = value["features"][-1]["geometry"]["coordinates"]
    metres = 1.3 * sum(great_circle_m(*leg) for leg in pairwise(way))
    assert json.loads(done.stdout)["round"]["metres"] == pytest.approx(metres, rel=0.001)


def test_in_words(kept):
    done = run("bins", kept(), "--depot=-300,400")
    assert done.exit_code == 0 and not done.stderr
    first, *_, sums, way, where = done.stdout.splitlines()
    assert first.split() == ["bin-1", "70", "%,", "rising", "40", "%", "a", "day"]
    assert sums == "3 of 4 bins due tomorrow"
    assert way.startswith("round 3.4 km, by 1.3 straight lines: depot > ")
    assert where.endswith("bins.geojson")


@pytest.mark.parametrize("depot", ["here", "1", "1,2,3", "1,x"])
def test_a_depot_that_is_no_place_is_wrong_use(kept, depot):
    assert run("bins", kept(), "--depot", depot).exit_code == 2


def test_a_depot_off_the_globe_is_wrong_use(kept):
    folder = kept(lambda x, y: {"latitude": 52 + y * 1e-5, "longitude": 4.5 + x * 1.5e-5})
    assert run("bins", folder, "--depot", "152,4").exit_code == 2


def test_no_bins_or_no_places_is_one_line(kept):
    folder = kept(lambda x, y: {})
    done = run("bins", folder)
    assert done.exit_code == 1 and "does not say where its bins are" in done.stderr
    (folder / "readings.csv").write_text("time,name,dev_eui,f_cnt,fill\n")
    done = run("bins", folder)
    assert done.exit_code == 1 and "told how full a bin is" in done.stderr


def test_a_map_knows_all_places_or_none():
    row = {"name": "a", "x_m": 1.0, "y_m": 2.0}
    assert places({"nodes": [row], "gateways": []}).nodes["a"] == Place("a", 1.0, 2.0)
    assert places({"nodes": [row, {"name": "b"}]}) is None
    assert places({"nodes": []}) is None
