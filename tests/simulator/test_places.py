# SPDX-License-Identifier: MIT
"""Places in metres and in degrees, and many nodes of one table."""

import json
from math import atan2, cos, degrees, hypot, radians, sin, sqrt

import pytest
from click.testing import CliRunner

from host.cli import cli
from host.errors import HostError
from simulator import scenario as scenarios
from simulator.places import Origin
from simulator.run import Run

# The length of a degree on the WGS 84 ellipsoid, km along the meridian and across it, as NGA's
# calculator gives it.
DEGREES_KM = {
    0: (110.574, 111.320), 15: (110.649, 107.550), 30: (110.852, 96.486), 45: (111.132, 78.847),
    60: (111.412, 55.800), 75: (111.618, 28.902),
}  # fmt: skip
TOWN_HALL, STATION = (52.1588, 4.4925), (52.1663, 4.4817)  # of Leiden


@pytest.mark.parametrize("latitude", DEGREES_KM)
def test_a_degree_is_as_long_as_published(latitude):
    north_km, east_km = DEGREES_KM[latitude]
    origin = Origin(latitude, 4.5)
    assert origin.metres(latitude + 1, 4.5) == (0, pytest.approx(north_km * 1000, abs=1))
    assert origin.metres(latitude, 5.5) == (pytest.approx(east_km * 1000, abs=1), 0)


def test_degrees_come_back_from_metres_also_over_the_date_line():
    for origin, place in [(Origin(*TOWN_HALL), STATION), (Origin(-17, 179.99), (-17.05, -179.98))]:
        assert origin.degrees(*origin.metres(*place)) == pytest.approx(place, abs=1e-6)
    assert Origin(-17, 179.99).metres(-17, -179.99)[0] == pytest.approx(2130, abs=1)


def test_the_map_is_as_true_as_it_says():
    """Great circles on a sphere of the ellipsoid's local size, 20 km north of the origin."""
    origin = Origin(52, 4.5)
    (x1_m, y1_m), (x2_m, y2_m) = (origin.metres(52.18, lon) for lon in (4.5, 4.7))
    ours_m = hypot(x2_m - x1_m, y2_m - y1_m)
    lat, east = radians(52.18), radians(0.2)
    a = cos(lat) ** 2 * sin(east / 2) ** 2
    radius_m = 6_378_137 / sqrt(1 - 0.00669437999 * sin(lat) ** 2)
    true_m = 2 * radius_m * atan2(sqrt(a), sqrt(1 - a))
    assert 0.003 < ours_m / true_m - 1 < 0.0045


TEXT = """\
start = 2026-11-23T07:00:00+01:00
duration_h = 1
{top}
[[gateway]]
name = "town-hall"
{gateway}

[[node]]
name = "bin"
kit = "bin"
board = "rpi-pico-rfm95"
world = "bin"
{node}

[[crowd]]
name = "region"
count = 9
{crowd}

[world.bin]
kind = "bin"
bags_a_day = 40
"""
DEG = "latitude = {}\nlongitude = {}".format
M = "x_m = {}\ny_m = {}".format


@pytest.fixture
def load(tmp_path):
    """A function: the scenario of this text, with these places."""

    def load(top="", gateway="", node="", crowd="", more="", **options):
        path = tmp_path / "town.toml"
        text = TEXT.format(top=top, gateway=gateway, node=node, crowd=crowd)
        path.write_text(text + more)
        return scenarios.load(path, **options)

    return load


def test_places_in_degrees_have_the_first_gateway_as_their_origin(load):
    found = load(gateway=DEG(*TOWN_HALL), node=DEG(*STATION), crowd=DEG(*TOWN_HALL))
    (gateway,), (node,), (crowd,) = found.gateways, found.nodes, found.crowds
    assert (gateway.x_m, gateway.y_m) == (crowd.x_m, crowd.y_m) == (0, 0)
    assert (node.x_m, node.y_m) == Origin(*TOWN_HALL).metres(*STATION)
    assert (node.latitude, node.longitude) == STATION
    assert hypot(node.x_m, node.y_m) == pytest.approx(1113, abs=5)  # measured on a map: 1.1 km


def test_with_an_origin_both_forms_go_together(load):
    top = "origin = {{ latitude = {}, longitude = {} }}".format(*TOWN_HALL)
    found = load(top=top, gateway=M(0, 0), node=DEG(*STATION), crowd=M(-300, 40))
    assert (found.gateways[0].latitude, found.gateways[0].longitude) == TOWN_HALL
    assert (found.nodes[0].x_m, found.nodes[0].y_m) == Origin(*TOWN_HALL).metres(*STATION)
    crowd = found.crowds[0]
    assert (crowd.latitude, crowd.longitude) == Origin(*TOWN_HALL).degrees(-300, 40)


def test_places_in_metres_alone_have_no_degrees(load):
    found = load(gateway=M(800, 0))
    assert {each.latitude for each in (*found.gateways, *found.nodes, *found.crowds)} == {None}


@pytest.mark.parametrize(
    ("places", "line", "said"),
    [
        ({"gateway": "latitude = 52.1"}, 6, "[gateway] half a place"),
        ({"gateway": "longitude = 4.1"}, 6, "[gateway] half a place"),
        ({"gateway": "latitude = 86\nlongitude = 4"}, 6, "'latitude' is 86, it has to be -85"),
        ({"gateway": "latitude = 52\nlongitude = 181"}, 7, "'longitude' is 181, it has to be"),
        ({"gateway": "latitude = nan\nlongitude = 1"}, 6, "'latitude' is not a number"),
        ({"gateway": DEG(52, 4) + "\nx_m = 1"}, 6, "a place in degrees and in metres"),
        ({"gateway": DEG(52, 4)}, 9, "[node] this node does not stand in degrees, and others do"),
        ({"gateway": DEG(52, 4), "node": M(1, 1), "crowd": DEG(52, 4)}, 9, "this node does not"),
        (
            {"gateway": DEG(52, 4), "node": DEG(52, 9), "crowd": DEG(52, 4)},
            14,
            "[node] that is 343 km from the origin",
        ),
        ({"top": "origin = { latitude = 52 }"}, 3, "[origin] 'longitude' is missing"),
        ({"node": "spread = { radius_m = 9, width_m = 9 }"}, 13, "'spread' is no rule"),
        ({"node": "spread = { width_m = 9 }"}, 13, "'spread' is no rule that is known"),
        ({"node": "spread = { }"}, 13, "'spread' is no rule that is known"),
        ({"node": "spread = { radius_m = 0 }"}, 13, "'radius_m' is 0, it has to be 1"),
        ({"node": "count = 0"}, 13, "'count' is 0, it has to be 1 to 10000"),
        ({"node": "count = 2", "more": '[[gateway]]\nname = "bin-2"\n'}, 24, "'bin-2' is there"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(load, places, line, said):
    with pytest.raises(HostError) as refused:
        load(**places)
    assert said in str(refused.value), str(refused.value)
    assert str(refused.value).startswith(f"town.toml, line {line}: "), str(refused.value)
    assert refused.value.next_step


def test_one_table_stands_for_many_nodes_each_with_its_world(load):
    found = load(node="count = 3\nspread = { radius_m = 500 }\nx_m = 1000")
    assert [node.name for node in found.nodes] == ["bin-1", "bin-2", "bin-3"]
    assert [world.name for world in found.worlds] == ["bin/bin-1", "bin/bin-2", "bin/bin-3"]
    assert [node.world for node in found.nodes] == [world.name for world in found.worlds]
    assert {tuple(world.options.items()) for world in found.worlds} == {(("bags_a_day", 40),)}
    shared = load(node="count = 3\nshared_world = true")
    assert {node.world for node in shared.nodes} == {"bin"} and len(shared.worlds) == 1


def test_a_disc_a_rectangle_and_a_street(load):
    disc = load(node="count = 400\nspread = { radius_m = 500 }\nx_m = 1000").nodes
    away_m = [hypot(node.x_m - 1000, node.y_m) for node in disc]
    assert 480 < max(away_m) <= 500.01
    assert len([each for each in away_m if each < 250]) == pytest.approx(100, abs=30)  # by area
    box = load(node="count = 400\nspread = { width_m = 200, height_m = 40 }").nodes
    assert 95 < max(node.x_m for node in box) <= 100 and 18 < max(n.y_m for n in box) <= 20
    assert -100 <= min(node.x_m for node in box) < -95 and -20 <= min(n.y_m for n in box) < -18
    street = load(node="count = 4\nspread = { length_m = 800, bearing_deg = 90 }").nodes
    assert [node.x_m for node in street] == [100, 300, 500, 700]
    assert {abs(node.y_m) for node in street} == {5}
    north = load(node="count = 2\nspread = { length_m = 800, bearing_deg = 0 }").nodes
    assert [node.y_m for node in north] == [200, 600]
    slanting = load(node="count = 1\nspread = { length_m = 800, bearing_deg = 30 }").nodes[0]
    assert degrees(atan2(slanting.x_m, slanting.y_m)) == pytest.approx(30, abs=1)


def test_spread_nodes_have_degrees_where_there_are_any(load):
    many = DEG(*STATION) + "\ncount = 5\nspread = { radius_m = 500 }"
    found = load(gateway=DEG(*TOWN_HALL), node=many, crowd=DEG(*TOWN_HALL))
    centre = Origin(*TOWN_HALL).metres(*STATION)
    for node in found.nodes:
        x_m, y_m = Origin(*TOWN_HALL).metres(node.latitude, node.longitude)
        assert (x_m, y_m) == (pytest.approx(node.x_m, abs=0.1), pytest.approx(node.y_m, abs=0.1))
        assert hypot(x_m - centre[0], y_m - centre[1]) < 501
    assert len({node.latitude for node in found.nodes}) == 5


def test_places_follow_the_seed_and_a_node_keeps_its_own(load):
    many = "count = {}\nspread = {{ radius_m = 500 }}".format
    first = load(node=many(3)).nodes
    assert load(node=many(3)).nodes == first
    assert load(node=many(5)).nodes[:3] == first
    assert [each.x_m for each in load(node=many(3), seed=2).nodes] != [each.x_m for each in first]


def test_many_nodes_are_not_switched_on_at_once_unless_they_are(load):
    on_h = [node.on_h for node in load(node="count = 40\non_h = 0.5").nodes]  # a bin: every 20 min
    assert 0.5 <= min(on_h) < 0.55 and 0.78 < max(on_h) < 0.5 + 1 / 3
    assert {node.on_h for node in load(node="count = 40\non_within_h = 0").nodes} == {0}
    assert [node.on_h for node in load(node="on_h = 0.75").nodes] == [0.75]


def test_a_node_is_off_until_it_is_switched_on(load, tmp_path):
    plan = load(node="on_h = 0.25")
    Run(plan, tmp_path / "out").execute()
    lines = [json.loads(line) for line in (tmp_path / "out/events.jsonl").open()]
    own = [each for each in lines if each["node"] == "bin"]
    assert (own[0]["event"], own[0]["t_us"]) == ("started", 900_000_000)
    assert any(each["event"] == "joined" for each in own)


def test_fewer_nodes_are_an_even_choice_with_what_is_theirs(load):
    more = """
[[fault]]
kind = "power-cut"
node = "bin"
at_h = 0.1
until_h = 0.2

[[fault]]
kind = "radio-silent"
node = "bin-2"
at_h = 0.1

[[event]]
kind = "mac-command"
node = "bin"
at_h = 0.1
hex = "06"
"""
    whole = load(node="count = 10", more=more)
    assert len(whole.faults) == 11 and len(whole.events) == 10
    few = load(node="count = 10", more=more, nodes=4)
    names = ["bin-1", "bin-4", "bin-7", "bin-10"]
    assert [node.name for node in few.nodes] == names
    assert [world.name for world in few.worlds] == [f"bin/{name}" for name in names]
    assert [fault.node for fault in few.faults] == names
    assert [event.node for event in few.events] == names
    assert set(few.nodes) <= set(whole.nodes)
    assert load(node="count = 3", nodes=9).nodes == load(node="count = 3").nodes


def test_a_run_of_many_tells_where_each_stood(load, tmp_path):
    expected = 'expect = ["node bin: joins == 1", "node bin-2: highest fill >= 0", "joins == 1"]'
    places = {"gateway": DEG(*TOWN_HALL), "crowd": DEG(*TOWN_HALL)}
    places["node"] = DEG(*STATION) + "\ncount = 2\nspread = { radius_m = 50 }"
    plan = load(top=expected, **places)
    summary = Run(plan, tmp_path / "out").execute()
    assert [each["held"] for each in summary["expectations"]] == [True] * 3
    assert summary["gateways"] == [
        {
            "name": "town-hall",
            "eui": "0710710000000000",
            "x_m": 0.0,
            "y_m": 0.0,
            "latitude": TOWN_HALL[0],
            "longitude": TOWN_HALL[1],
        }
    ]
    for told, node in zip(summary["nodes"], plan.nodes, strict=True):
        keys = ("name", "x_m", "y_m", "latitude", "longitude")
        assert [told[key] for key in keys] == [getattr(node, key) for key in keys]
    heard = {json.loads(line)["gateway"] for line in (tmp_path / "out/capture.jsonl").open()}
    assert heard == {"0710710000000000"}


def test_the_command_line_takes_fewer_nodes(load, tmp_path):
    load(node="count = 6", top='expect = ["node bin-2: joins == 1", "all: joins == 2"]')
    words = ["simulate", str(tmp_path / "town.toml"), "--nodes", "2", "--hours", "0.5", "--json"]
    found = CliRunner().invoke(cli, words)
    value = json.loads(found.stdout)
    assert [node["name"] for node in value["nodes"]] == ["bin-1", "bin-4"]
    assert [each["held"] for each in value["expectations"]] == [None, True]
    assert [each["left_out"] for each in value["expectations"]] == [True, False]
    assert found.exit_code == 0
    wrong = CliRunner().invoke(cli, [*words[:2], "--nodes", "0"])
    assert wrong.exit_code == 2


def test_a_kit_takes_the_seed():
    assert scenarios.find("bin-hc-sr04", 9).seed == scenarios.find("school-day", 9).seed == 9
