# SPDX-License-Identifier: MIT
"""The live table on terminals of several sizes, and the plain lines elsewhere."""

from datetime import datetime
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from host import boards, decode, files, remarks
from host.rows import Row
from host.screen import Screen, crowd_lines, expected_lines, summary_lines

AT = datetime(2026, 11, 23, 9, 20)
NODE = {
    "name": "classroom-1", "kit": "classroom", "board": "rpi-pico-rfm95", "joins": 1,
    "join_tries": 2, "uplinks_sent": 144, "uplinks_heard": 143, "airtime_s": 112.5,
    "duty_cycle_share": 0.123, "fair_use_share": 3.75, "remarks": {}, "co2_minutes_above_800": 360,
    "co2_minutes_above_1200": 250, "mah_day": 984.31,
    "mah_day_by_part": {"radio": 0.329, "sensors": 359.984, "processor": 624.0,
                       "sleep": 0.0},
    "supply": "mains", "battery_days_low": None, "battery_days_high": None,
}  # fmt: skip


def reading(f_cnt, **values):
    return Row(AT, "classroom-1", "", f_cnt, 12, -121.4, -12.75, values)


def shown(width, height, rows):
    """The lines of the table and the bar on a terminal of that size."""
    screen = Screen("school-day", Console(file=StringIO(), width=width, height=height))
    for row in rows:
        screen.row(row)
    out = Console(file=StringIO(), width=width, height=height)
    out.print(screen.drawn())
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize(("height", "fit"), [(24, 18), (60, 18), (12, 6), (3, 1)])
def test_a_reading_is_one_line_of_80_columns(height, fit):
    rows = [
        reading(f_cnt, co2=1305, temperature=-21.8, humidity=100) for f_cnt in range(65500, 65536)
    ]
    lines = shown(80, height, rows)
    assert [line.split()[-1] for line in lines if "air now!" in line] == [
        str(f_cnt) for f_cnt in range(65536 - fit, 65536)
    ]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= height or fit == 1


def test_the_table_stands_still_while_the_air_changes():
    narrow, wide = shown(80, 24, [reading(1, co2=500)]), shown(80, 24, [reading(1, co2=900)])
    assert len(narrow[2]) == len(wide[2])


@pytest.mark.parametrize(
    ("co2", "word"),
    [(None, "no value"), (799, "good"), (800, "air soon"), (1199, "air soon"), (1200, "air now!")],
)
def test_the_light_has_a_word(co2, word):
    (line,) = [line for line in shown(80, 24, [reading(7, co2=co2)]) if "●" in line]
    assert f"● {word}" in line


def test_a_sensor_that_warms_up_says_so_and_one_that_fails_does_not():
    for values, word in (
        ({"flags": ["warming"]}, "● warming"), ({"flags": ["noisy"]}, "● no value"),
        ({"flags": ["warming"], "co2": 900}, "● air soon"),
    ):  # fmt: skip
        (line,) = [line for line in shown(80, 24, [reading(7, **values)]) if "●" in line]
        assert word in line


def test_elsewhere_than_on_a_terminal_lines_are_plain():
    console = Console(file=StringIO())
    with Screen("school-day", console) as screen:
        screen.row(reading(7, co2=900))
        screen.progress(1.0)
    head, line = console.file.getvalue().splitlines()
    assert "\x1b" not in line
    assert " ".join(line.split()) == "Mon 09:20 900 air soon - - -121 -12.8 SF12 7"
    assert head.split()[:3] == ["time", "CO2", "ppm"]


def test_plain_lines_have_one_head_and_stand_in_columns():
    console = Console(file=StringIO())
    with Screen("replay", console, clock="UTC") as screen:
        for f_cnt in range(40):
            screen.row(reading(f_cnt, co2=1305, temperature=-21.8, humidity=100))
    head, *lines = console.file.getvalue().splitlines()
    assert head.split()[0] == "UTC" and len(lines) == 40
    ends = [line.index("air now!") + 8 for line in lines]
    assert set(ends) == {head.index("air") + 3}
    assert {len(line) for line in lines} == {len(head)}


def test_a_plain_line_leaves_at_once():
    pipe = BytesIO()
    with Screen("school-day", Console(file=TextIOWrapper(pipe, "utf-8"))) as screen:
        screen.row(reading(7, co2=900))
        assert pipe.getvalue().count(b"\n") == 2


def test_forced_colours_make_no_terminal_of_a_file():
    console = Console(file=StringIO(), force_terminal=True)  # what FORCE_COLOR does
    with Screen("school-day", console) as screen:
        screen.row(reading(7, co2=900))
    assert "\x1b" not in console.file.getvalue()


def test_when_quiet_nothing_is_shown():
    console = Console(file=StringIO())
    with Screen("school-day", console, quiet=True) as screen:
        screen.row(reading(7, co2=900))
        screen.progress(1.0)
    assert console.file.getvalue() == ""


@pytest.mark.parametrize(
    ("co2", "seen"),
    [(600, "\x1b[32m● good"), (1300, "\x1b[31m● air now!"), (None, "\x1b[35m● no value")],
)
def test_on_a_terminal_the_word_has_the_colour_of_the_light(co2, seen):
    screen = Screen("school-day", Console(file=StringIO()))
    screen.row(reading(7, co2=co2))
    out = Console(file=StringIO(), force_terminal=True, color_system="standard", width=80)
    out.print(screen.drawn())
    assert seen in out.file.getvalue()


class Terminal(StringIO):
    """A file that says of itself that it is a terminal."""

    def isatty(self):
        return True


def test_a_terminal_is_left_with_the_newest_readings_and_the_whole_bar():
    console = Console(file=Terminal(), force_terminal=True, width=80, height=24)
    with Screen("school-day", console) as screen:
        for f_cnt in range(30):
            screen.row(reading(f_cnt, co2=900))
        screen.progress(1.0)
    last = console.file.getvalue()
    last = last[last.rindex("time") :]
    frames = [line.split()[-1] for line in last.splitlines() if "air soon" in line]
    assert frames == [str(f_cnt) for f_cnt in range(12, 30)]
    assert "100 %" in last


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines():
    console = Console(file=Terminal(), width=80, _environ={"TERM": "dumb"})
    with Screen("school-day", console) as screen:
        screen.row(reading(7, co2=900))
    assert len(console.file.getvalue().splitlines()) == 2 and "\x1b" not in console.file.getvalue()


def test_a_crowd_has_a_line_of_its_own():
    town = {"name": "town", "nodes": 300, "sent": 43202, "heard": 43083, "share": 0.9972}
    said = "town (300 cheap nodes): 43202 frames sent, 43083 heard"
    assert crowd_lines({"crowds": [town]}) == [said] and crowd_lines({}) == []


def test_a_summary_fits_80_columns():
    lines = summary_lines(NODE)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "classroom-1 (classroom on rpi-pico-rfm95): joined after 2 tries"
    assert "112.5 s: 12.3% of the duty cycle, 375.0% of fair use (30 s a day)" in lines[2]
    assert lines[-2].endswith("984 mAh a day (radio 0.33, sensors 360, processor 624, sleep 0)")
    assert lines[-1] == "  battery   none, it is on mains"


def test_a_battery_has_a_line_of_its_own():
    lasts = {"supply": "one 18650 lithium cell", "battery_days_low": 243, "battery_days_high": 426}
    parts = {"radio": 12.34, "sensors": 0.0012, "processor": 0.3561, "sleep": 35.912}
    *_, energy, battery = summary_lines(NODE | lasts | {"mah_day_by_part": parts})
    assert energy.endswith("(radio 12.3, sensors 0, processor 0.36, sleep 35.9)")
    assert battery == "  battery   8 to 14 months on one 18650 lithium cell"


BIN = ("temperature", "distance", "fill")


def plain(quantities, *rows):
    """The lines that are shown elsewhere than on a terminal, words apart by one space."""
    console = Console(file=StringIO())
    with Screen("bin", console, quantities=quantities) as screen:
        for row in rows:
            screen.row(row)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("quantities", "head", "values", "line"),
    [
        (
            ("co2", "temperature", "humidity"), "CO2 ppm air temp C hum %",
            {"co2": 1300, "temperature": 21.0, "humidity": 40}, "1300 air now! 21.0 40",
        ),
        (
            BIN, "fill % bin dist mm temp C",
            {"temperature": -2.5, "distance": 712, "fill": 57}, "57 #####... 712 -2.5",
        ),
        (
            ("distance", "level", "temperature_2"), "level mm dist mm water C",
            {"distance": 1750, "level": 50, "temperature_2": 8.0}, "+50 1750 8.0",
        ),
        (
            ("distance", "occupied", "occupancy"), "bay taken % dist mm",
            {"distance": 900, "occupied": 1, "occupancy": 70}, "taken 70 900",
        ),
        (
            ("count", "count_back", "temperature_2"), "forward total back total temp 2 C",
            {"count": 71, "count_difference": 5, "count_back": 3, "count_back_difference": 0,
             "temperature_2": 8.0},
            "5 71 0 3 8.0",
        ),
        (
            ("count", "battery", "pressure"), "passed total hPa batt V",
            {"count": 71, "battery": 3.71, "pressure": 1013.2}, "- 71 1013.2 3.71",
        ),
    ],
)  # fmt: skip
def test_the_columns_are_what_the_kit_measures(quantities, head, values, line):
    first, second = plain(quantities, reading(7, **values))
    rssi = "RSSI" if "back" in head else "RSSI dBm"
    assert first == f"time {head} {rssi} SNR dB rate frame"
    assert second == f"Mon 09:20 {line} -121 -12.8 SF12 7"


def test_what_a_reading_lacks_is_a_dash_and_a_word():
    values = ("- no value - -", "- - -", "no value - -")
    for quantities, words in zip(
        (BIN, ("level", "distance", "humidity"), ("occupied", "occupancy", "distance")),
        values,
        strict=True,
    ):
        assert plain(quantities, reading(7))[1] == f"Mon 09:20 {words} -121 -12.8 SF12 7"


@pytest.mark.parametrize(("level", "shown"), [(-120, "-120"), (0, "+0"), (5, "+5")])
def test_a_level_has_its_sign(level, shown):
    assert plain(["level"], reading(7, level=level))[1].split()[2] == shown


@pytest.mark.parametrize(
    ("fill", "bar", "colour"),
    [
        (0, "░░░░░░░░", "32"), (6, "░░░░░░░░", "32"), (7, "█░░░░░░░", "32"),
        (59, "█████░░░", "32"), (60, "█████░░░", "91"), (79, "██████░░", "91"),
        (80, "██████░░", "31"), (100, "████████", "31"),
    ],
)  # fmt: skip
def test_a_bin_has_a_bar_with_the_colour_of_its_fill(fill, bar, colour):
    screen = Screen("bin", Console(file=StringIO()), quantities=BIN)
    screen.row(reading(7, fill=fill))
    out = Console(file=StringIO(), force_terminal=True, color_system="standard", width=80)
    out.print(screen.drawn())
    assert f"\x1b[{colour}m{bar}" in out.file.getvalue()


@pytest.mark.parametrize(("occupied", "shown"), [(1, "\x1b[31m● taken"), (0, "\x1b[32m● free")])
def test_a_bay_has_a_word_with_a_colour(occupied, shown):
    screen = Screen("bay", Console(file=StringIO()), quantities=["occupied"])
    screen.row(reading(7, occupied=occupied))
    out = Console(file=StringIO(), force_terminal=True, color_system="standard", width=80)
    out.print(screen.drawn())
    assert shown in out.file.getvalue()


@pytest.mark.parametrize("kit", boards.kits().values(), ids=lambda kit: kit.name)
def test_the_columns_of_each_kit_fit_80(kit):
    screen = Screen(kit.name, Console(file=StringIO()), quantities=decode.names(kit.wire_keys()))
    screen.row(reading(65535, co2=1305, temperature=-21.8, humidity=100, distance=4500, fill=100,
                       level=-1234, occupied=1, occupancy=100, count=65535, count_back=65535,
                       count_difference=65535, count_back_difference=65535,
                       temperature_2=-21.8, pressure=1013.2))  # fmt: skip
    out = Console(file=StringIO(), width=200)
    out.print(screen.drawn())
    assert max(len(line.rstrip()) for line in out.file.getvalue().splitlines()) <= 80


def test_columns_that_come_later_are_taken():
    console = Console(file=StringIO())
    with Screen("replay", console, quantities=()) as screen:
        screen.quantities({"fill", "faults", "restart"})
        screen.row(reading(7, fill=12))
    head, line = (each.split() for each in console.file.getvalue().splitlines())
    assert head[:4] == ["time", "fill", "%", "bin"] and line[2:4] == ["12", "#......."]


def outcome(**numbers):
    """The lines of a summary beside those that every kit has."""
    node = {key: value for key, value in NODE.items() if not key.startswith("co2")}
    common = set(summary_lines(node))
    return [line for line in summary_lines(node | numbers) if line not in common]


def test_a_summary_says_what_its_kit_is_for():
    assert outcome() == []
    assert outcome(fill_now=59, emptied_at=[]) == ["  fill      59 % now, not emptied"]
    times = ["2026-11-25T07:40:00+01:00", "2026-11-27T07:40:00+01:00"]
    (line,) = outcome(fill_now=59, emptied_at=times)
    assert line == "  fill      59 % now, emptied Wed 07:40 and Fri 07:40"
    (line,) = outcome(level_now_mm=-7, level_highest_mm=61, level_highest_at=times[0])
    assert line == "  level     -7 mm from the mark now, highest +61 mm, Wed 07:40"
    counted = {"count_sum": 901, "count_most": 24, "count_most_at": times[0]}
    said = "901 in all, at most 24 between two readings, until Wed 07:40"
    assert outcome(**counted) == [f"  passed    {said}"]
    back = {"count_back_sum": 3, "count_back_most": 2, "count_back_most_at": times[1]}
    assert outcome(**counted, **back) == [
        f"  forward   {said}",
        "  back      3 in all, at most 2 between two readings, until Fri 07:40",
    ]
    assert outcome(occupied_share=0.443) == ["  bay       taken for 44% of the time"]
    nothing = {"fill_now": None, "level_highest_mm": None, "occupied_share": None}
    nothing |= {"count_sum": None, "count_back_sum": None}
    assert outcome(emptied_at=[], level_now_mm=None, level_highest_at=None, **nothing) == []


TROUBLE = {"flags": ["needs airing", "calibration due"], "faults": ["temperature_2"]}


def test_what_a_reading_says_of_itself_stands_behind_its_line():
    good, bad = plain(["co2"], reading(7, co2=650), reading(8, co2=651, **TROUBLE))[1:]
    assert good.endswith("SF12 7")
    assert bad.endswith("SF12 8 needs airing calibration due no temperature 2")


def test_what_the_newest_reading_says_of_itself_stands_under_the_table():
    screen = Screen("class", Console(file=StringIO()))
    for row, said in ((reading(7, **TROUBLE), True), (reading(8, co2=651), False)):
        screen.row(row)
        out = Console(file=StringIO(), width=80)
        out.print(screen.drawn())
        text = "needs airing, calibration due, no temperature 2"
        assert (text in out.file.getvalue()) == said


def test_a_summary_counts_the_remarks_and_says_what_to_do():
    counts = remarks.counted([TROUBLE, {"co2": 420}, {"flags": ["needs airing"]}])
    assert counts == {"needs airing": 2, "calibration due": 1, "no temperature 2": 1}
    assert outcome(remarks=counts) == [
        "  remark    needs airing (2 readings): for a week CO2 never fell to 500 ppm:",
        "            open windows, at the end of the day too",
        "  remark    calibration due (1 reading): put it in fresh air and calibrate it:",
        "            docs/kits.md says how",
        "  remark    no temperature 2 (1 reading): no good value came: look at the sensor",
        "            and its wires",
    ]


def test_each_flag_has_a_word_of_advice():
    flags = {*files.readings().FLAGS, remarks.BATTERY_LOW}
    assert set(remarks.ADVICE) == flags


def test_what_was_not_judged_has_its_reason():
    whole = {"start": "2026-11-23T07:00:00+01:00", "end": "2026-11-23T10:30:00+01:00"}

    def why(*left_out):
        judged = [{"held": held, "left_out": False} for held in (True, False)]
        out = [{"held": None, "left_out": each} for each in left_out]
        (line,) = expected_lines({"expectations": judged + out, **whole})
        return line.partition(" not judged: ")[2]

    assert why(False, False) == "the run was shortened to 3.5 h"
    assert why(True, True) == "nodes were left out"
    said = "1 as nodes were left out, 2 as the run was shortened to 3.5 h"
    assert why(True, False, False) == said
