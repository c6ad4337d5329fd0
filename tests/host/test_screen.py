# SPDX-License-Identifier: MIT
"""The live table on terminals of several sizes, and the plain lines elsewhere."""

from datetime import datetime
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from host.replay import Row
from host.screen import Screen, summary_lines

AT = datetime(2026, 11, 23, 9, 20)
NODE = {
    "name": "classroom-1", "kit": "classroom", "board": "rpi-pico-rfm95", "joins": 1,
    "join_tries": 2, "uplinks_sent": 144, "uplinks_heard": 143, "airtime_s": 112.5,
    "duty_cycle_share": 0.123, "fair_use_share": 3.75, "co2_minutes_above_800": 360,
    "co2_minutes_above_1200": 250, "mah_day": 984.31,
    "mah_day_by_part": {"radio": 0.329, "sensors": 359.984, "processor": 624.0},
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


def test_a_summary_fits_80_columns():
    lines = summary_lines(NODE)
    assert max(map(len, lines)) <= 80
    assert lines[0] == "classroom-1 (classroom on rpi-pico-rfm95): joined after 2 tries"
    assert "112.5 s: 12.3% of the duty cycle, 375.0% of fair use (30 s a day)" in lines[2]
    assert lines[-1].endswith("984 mAh a day (radio 0.329, sensors 360, processor 624)")
