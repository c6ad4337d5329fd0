# SPDX-License-Identifier: MIT
"""The MH-Z19 model alone: the frames of the manual, its times, and its ways to fail."""

from math import exp

import pytest
from lines import DAY_S, Line, S

from simulator.chips.mhz19 import MhZ19
from simulator.world import Conditions, Step

READ, ZERO = "ff0186000000000079", "ff0187000000000078"
ABC_ON, ABC_OFF, ABC = "ff0179a000000000e6", "ff0179000000000086", "ff017d000000000082"
RANGE_2000, RANGE_5000, RANGE = "ff019900000007d08f", "ff01990000001388cb", "ff019b000000000064"


def air(ppm, celsius=21.5):
    return Conditions(co2_ppm=ppm, temperature_c=celsius, humidity_pct=42.0)


def made(world=None, **attributes):
    line = Line(MhZ19, world or air(900.0))
    for name, value in attributes.items():
        setattr(line.chip, name, value)
    return line


def ppm(line):
    reply = bytes.fromhex(line.ask(READ))
    assert len(reply) == 9 and reply[:2] == b"\xff\x86" and not sum(reply[1:]) & 0xFF
    return int.from_bytes(reply[2:4])


def test_the_manuals_example_is_answered_in_its_form():
    assert made(preheat_ppm=544).ask(READ)[:8] == "ff860220"


def test_an_answer_begins_some_milliseconds_after_the_question():
    line = made().at(1)
    line.chip.hear(bytes.fromhex(READ))
    line.at(2)
    ((begin_us, data),) = line.frames()
    assert begin_us == 1_012_000 and len(data) == 9


def test_for_three_minutes_it_shows_a_constant():
    for constant in (410, 436, 400):
        line = made(preheat_ppm=constant)
        assert [ppm(line.at(second)) for second in (0, 30, 179)] == [constant] * 3
        assert ppm(line.at(180)) > 880


def test_what_is_no_command_is_not_answered():
    line = made().at(200)
    for wrong in ("ff018600000000007a", "ff0286000000000078", READ[2:], "00" * 9):
        assert line.ask(wrong) == ""
        line.ask("00" * 9)  # whatever of it was kept
    assert line.ask("00ff" + READ)[:4] == "ff86"
    assert line.ask(READ[:10]) == "" and line.ask(READ[10:])[:4] == "ff86"


@pytest.mark.parametrize(
    ("said", "asked", "reply"),
    [
        (ABC_ON, ABC, "ff7d00000000000182"),
        (ABC_OFF, ABC, "ff7d00000000000083"),
        (RANGE_2000, RANGE, "ff9b000007d000008e"),
        (RANGE_5000, RANGE, "ff9b000013880000ca"),
        ("ff019900000027102f", RANGE, "ff9b0000271000002e"),
        ("ff019900000007d18e", RANGE, "ff9b000013880000ca"),  # it has no such range
    ],
)
def test_settings_are_told_and_outlast_a_power_cut(said, asked, reply):
    line = made().at(1)
    line.ask(said)
    assert line.ask(asked) == reply
    line.chip.power(0)
    assert line.ask(asked) == ""
    line.chip.power(1)
    assert line.ask(asked) == reply


def test_settings_are_acknowledged_but_by_a_part_as_the_manual_has_it():
    line = made().at(1)
    assert (
        line.ask(ABC_OFF) == "ff7901000000000086" and line.ask(RANGE_2000) == "ff9901000000000066"
    )
    line.chip.plain = True
    assert line.ask(ABC_ON) == line.ask(RANGE_5000) == line.ask(ABC) == line.ask(RANGE) == ""
    assert line.chip.self_calibration and line.chip.range_ppm == 5000


def test_it_follows_the_air_with_its_time_constant():
    line = made(Step(air(600.0), air(1600.0), 1000 * S))
    for second in (1000, 1052, 1120, 1300):
        samples = (second - 1000) // 5 + 1
        assert ppm(line.at(second)) == pytest.approx(1600 - 1000 * exp(-samples * 5 / 52), abs=15)


def test_it_shows_nine_tenths_of_a_step_after_two_minutes():
    line = made(Step(air(600.0), air(1600.0), 1000 * S))
    assert ppm(line.at(1119)) == pytest.approx(1500, abs=20)


def test_it_shows_no_less_than_400_and_no_more_than_its_range():
    line = made(Step(air(350.0), air(3000.0), 1000 * S)).at(900)
    assert ppm(line) == 400
    line.ask(RANGE_2000)
    assert ppm(line.at(2000)) == 2000
    line.ask(RANGE_5000)
    assert 2980 < ppm(line.at(2010)) < 3020


def test_self_calibration_in_a_room_that_is_never_aired_takes_600_for_400():
    for on, after in ((True, 400), (False, 600)):
        line = made(air(600.0), self_calibration=on)
        assert ppm(line.at(DAY_S - 10)) == pytest.approx(600, abs=15)
        assert ppm(line.at(DAY_S + 10)) == pytest.approx(after, abs=30)
    # and it does so once, not day by day
    line = made(air(600.0))
    assert ppm(line.at(3 * DAY_S + 10)) == pytest.approx(400, abs=30)


def test_self_calibration_puts_right_what_has_drifted():
    line = made(Step(air(900.0), air(400.0), (DAY_S - 3600) * S), zero_error_ppm=120.0)
    assert ppm(line.at(1000)) == pytest.approx(1020, abs=15)
    ppm(line.at(DAY_S - 10))
    assert ppm(line.at(DAY_S + 10)) == pytest.approx(400, abs=15)


def test_a_zero_calibration_takes_what_is_there_for_400():
    line = made(air(700.0)).at(1500)
    assert line.ask(ZERO) == ""
    assert ppm(line.at(1510)) == pytest.approx(400, abs=15)
    line.chip.power(0)
    line.chip.power(1)
    assert ppm(line.at(1800)) == pytest.approx(400, abs=15)


def test_after_a_power_cut_it_warms_up_again():
    line = made().at(1000)
    assert ppm(line) > 880
    line.chip.power(0)
    assert line.at(1001).ask(READ) == ""
    line.at(1002).chip.power(1)
    assert ppm(line.at(1181)) == 410 and ppm(line.at(1182)) > 880


def test_browning_out_at_each_pulse_of_its_lamp_it_never_gets_warm():
    line = made(browns_out=True)
    assert {ppm(line.at(second)) for second in range(10, 2000, 30)} == {410}
    line.chip.browns_out = False
    assert ppm(line.at(2300)) > 880


def test_its_faults():
    line = made().at(300)
    whole = line.ask(READ)
    line.chip.partial = True
    assert line.ask(READ) == whole[:8]
    line.chip.partial, line.chip.corrupt = False, True
    assert line.ask(READ)[:-2] == whole[:-2] and line.ask(READ) != whole
    line.chip.corrupt, line.chip.silent = False, True
    assert line.ask(READ) == ""
    line.chip.silent, line.chip.late_us = False, 350_000
    assert [line.ask(READ), line.ask(""), line.ask(""), line.ask("")] == ["", "", "", whole]
    line.chip.late_us = 0
    assert line.ask(READ) == whole


def test_frozen_it_repeats_itself_and_goes_on_when_it_thaws():
    line = made(Step(air(600.0), air(1600.0), 1000 * S)).at(900)
    first = line.ask(READ)
    line.chip.frozen = True
    assert [line.at(second).ask(READ) for second in (1000, 1500)] == [first] * 2
    line.chip.frozen = False
    assert ppm(line.at(1510)) > 1580


def test_it_counts_the_time_that_it_has_its_supply():
    line = made().at(100)
    line.chip.power(0)
    line.at(160).chip.power(1)
    assert line.at(200).chip.time_by_state_us() == {"on": 140 * S, "off": 60 * S}
