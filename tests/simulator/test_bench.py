# SPDX-License-Identifier: MIT
"""What `make bench` measures with: the bus, a board without a host, sizes, verdicts."""

import re

import lone
import payload
import profiling
import pytest
import radio
import table
import unixport
import week


def test_sending_costs_the_bus_what_the_design_allows():
    costs = {each.cost(each.send) for each in radio.driver_alone()}
    assert len(costs) == 1
    (cost,) = costs
    assert cost[0] <= 8 and cost[1] <= 45
    assert cost[1] > 24  # the frame itself went over it


def test_a_class_a_cycle_costs_the_bus_what_the_design_allows():
    cycles = [each for each in radio.run(2) if radio.quiet(each)]
    assert len(cycles) > 9
    for each in cycles:
        transactions, moved = each.cost()
        assert transactions <= 28 and moved <= 100
        assert 0 < each.beyond_us < 2500


@pytest.mark.parametrize("name", lone.BOARDS.values())
def test_a_board_without_a_host_reports_every_minute_and_is_answered(name, tmp_path):
    log = unixport.lines(lone.start(name, tmp_path / "flash", 60, warm=5, window=5))
    found = lone.result(log)
    assert found["uplinks"] == 70
    assert 70 * 60 < found["seconds"] < 75 * 60  # the first at DR0, so its rest is longer
    assert len([line for line in log if " reading {" in line]) >= 70
    for least, most in found["heap"]:
        assert 50_000 < least <= most < 256_000
    assert found["programs"] > 70 and 0 < sum(found["erases"]) < 70


def test_a_board_that_stops_by_itself_is_no_figure():
    with pytest.raises(RuntimeError, match="watchdog"):
        lone.result(["  12 reading", '{"ended_by": "[\\"watchdog\\", 0]"}'])


def test_sizes_of_the_formats_of_others():
    # Cayenne LPP, "Device with 2 temperature sensors": 03 67 01 10 is 27.2 degC
    assert payload.cayenne_lpp(27.2)[4:8].hex() == "02670110"
    assert payload.json_sizes(21.3)[1] == len('{"co2":612,"temperature":21.3,"humidity":45}')
    assert payload.senml_sizes(21.3) == [30, 52]


def test_our_reading_is_packed_by_the_firmware(tmp_path):
    unixport.compiled(tmp_path)
    (row,) = payload.rows(tmp_path)
    assert (row.measured, row.verdict) == ("11 (12 from 25.6 degC)", "met")


def test_verdicts():
    assert (table.at_most(8, 8), table.at_least(3, 3)) == ("met", "met")
    assert table.at_most(74.5, 60, " kB") == "missed by 14.5 kB"
    assert table.at_least(18_000, 20_000, " x") == "missed by 2,000 x"


def test_a_node_in_deep_sleep_starts_anew_for_each_reading():
    (row,) = week.deep_rows(hours=1)
    assert re.match(r"[\d,]+ x \(8 starts of MicroPython, \d+ ms each\)", row.measured)


def test_the_profile_counts_every_trip():
    parts, run = profiling.measured("classroom", "rpi-pico-rfm95", 0.1)
    (node,) = run.nodes.values()
    kinds = profiling.trips("classroom", "rpi-pico-rfm95", 0.1)
    assert kinds.total() == node.board.trips
    assert kinds["boot"] == 1 and kinds["spi"] > 20
    assert min(parts.values()) >= 0 and parts["MicroPython"] > 0
    assert any(
        "serve" in line for line in profiling.functions("classroom", "rpi-pico-rfm95", 0.1, 200)
    )
