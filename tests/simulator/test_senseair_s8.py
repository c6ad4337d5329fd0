# SPDX-License-Identifier: MIT
"""The Senseair S8 model alone: the published messages, its times, and its ways to fail."""

import struct
from math import exp

import pytest
from lines import DAY_S, Line, S

from simulator.chips.senseair_s8 import SenseairS8, crc16
from simulator.world import Conditions, Step

CO2, STATUS = "fe0400030001d5c5", "fe0400000004e5c6"
PERIOD, OFF, ON = "fe03001f0001a1c3", "fe06001f0000ac03", "fe06001f00b4ac74"
CLEAR, BACKGROUND, RESULT = "fe06000000009dc5", "fe0600017c066cc7", "fe03000000019005"
HOUR_S = 3600


def air(ppm):
    return Conditions(co2_ppm=ppm, temperature_c=21.5, humidity_pct=42.0)


def made(world=None, **attributes):
    line = Line(SenseairS8, world or air(900.0))
    for name, value in attributes.items():
        setattr(line.chip, name, value)
    return line


def registers(reply):
    """Of an answer to a read; its checksum is right."""
    data = bytes.fromhex(reply)
    assert data[0] == 0xFE and data[1] in (3, 4) and len(data) == 5 + data[2] and not crc16(data)
    return struct.unpack(f">{data[2] // 2}H", data[3:-2])


def ppm(line):
    return registers(line.ask(CO2))[0]


@pytest.mark.parametrize(
    "message",
    [CO2, STATUS, PERIOD, OFF, ON, CLEAR, BACKGROUND, RESULT,
     "fe0408000000000000019016e6", "fe04020388adb2"],
)  # fmt: skip
def test_published_checksums(message):
    assert crc16(bytes.fromhex(message)) == 0
    assert crc16(bytes.fromhex(message[:-4])) == int.from_bytes(
        bytes.fromhex(message[-4:]), "little"
    )


def test_the_published_answer():
    line = made(air(400.0))
    replies = {line.at(second).ask(STATUS) for second in range(10, 400, 4)}
    assert len(replies) > 5 and "fe0408000000000000019016e6" in replies


def test_an_answer_begins_after_the_silence_that_ends_a_question():
    line = made().at(10)
    line.chip.hear(bytes.fromhex(CO2))
    line.at(11)
    ((begin_us, data),) = line.frames()
    assert begin_us == 10_008_000 and len(data) == 7


def test_writes_come_back_and_outlast_a_power_cut():
    line = made().at(10)
    assert line.ask(PERIOD) == "fe030200b4ac27"
    for message, hours in ((OFF, 0), (ON, 180), (OFF, 0)):
        assert line.ask(message) == message
        assert registers(line.ask(PERIOD)) == (hours,)
    line.chip.power(0)
    line.chip.power(1)
    assert registers(line.at(20).ask(PERIOD)) == (0,)


def test_what_is_no_message_for_it_is_not_answered():
    line = made().at(10)
    for wrong in (
        CO2[:-2] + "c6",
        "110400030001c35a",
        "00" + CO2,
        CO2 + "00",
        CO2 + "01",
        CO2[:8],
        "",
    ):
        assert line.ask(wrong) == "", wrong
    assert line.ask(CO2[:8], 1000) == "" and line.ask(CO2[8:]) != ""  # a short pause is none


def test_it_follows_the_air_with_its_time_constant():
    line = made(Step(air(600.0), air(1600.0), 1000 * S))
    for second in (1000, 1052, 1120, 1300):
        samples = (second - 1000) // 4 + 1
        assert ppm(line.at(second)) == pytest.approx(1600 - 1000 * exp(-samples * 4 / 52), abs=20)


def test_before_its_first_sample_it_shows_nothing():
    line = made()
    assert line.at(1).ask(CO2) == ""  # it starts for two seconds
    assert [ppm(line.at(second)) for second in (2.5, 3.5)] == [0, 0]
    assert ppm(line.at(4.5)) > 880


def test_above_2000_it_says_that_it_is_out_of_its_range_and_measures_to_10000():
    line = made(Step(air(1500.0), air(2600.0), 1000 * S)).at(900)
    assert registers(line.ask(STATUS))[0] == 0
    status, _, _, shown_ppm = registers(line.at(2000).ask(STATUS))
    assert status == 0x20 and 2580 < shown_ppm < 2620
    line.chip.zero_error_ppm = 9000
    assert ppm(line.at(2010)) == 10000


def test_self_calibration_in_a_room_that_is_never_aired_takes_600_for_400():
    for hours, after in (("00b4", 400), ("0000", 600)):
        line = made(air(600.0)).at(10)
        line.ask({"00b4": ON, "0000": OFF}[hours])
        assert ppm(line.at(180 * HOUR_S - 10)) == pytest.approx(600, abs=20)
        assert ppm(line.at(180 * HOUR_S + 10)) == pytest.approx(after, abs=30)


def test_a_background_calibration_is_acknowledged_with_the_next_sample():
    line = made(air(700.0)).at(202)
    assert line.ask(CLEAR) == CLEAR and line.ask(BACKGROUND) == BACKGROUND
    assert registers(line.ask(RESULT)) == (0,)
    assert registers(line.at(204).ask(RESULT)) == (0x20,)
    assert ppm(line) == pytest.approx(400, abs=20)
    assert line.ask(CLEAR) == CLEAR and registers(line.ask(RESULT)) == (0,)


def test_one_that_sleeps_wants_a_byte_5_ms_before():
    line = made(sleeps=True).at(100)
    assert line.ask(CO2) == ""
    for pause_us, heard in ((1_000, False), (4_500, False), (7_000, True), (500_000, True)):
        line.at(line.clock.now_us / S + 10)
        line.ask("00", pause_us + 8 * 1042)  # the question is heard when its last byte ends
        assert bool(line.ask(CO2)) is heard, pause_us


def test_its_faults():
    line = made(status=0x01).at(300)
    assert registers(line.ask(STATUS))[0] == 0x01
    whole = line.ask(CO2)
    line.chip.partial = True
    assert line.ask(CO2) == whole[:6]
    line.chip.partial, line.chip.corrupt = False, True
    assert line.ask(CO2)[:-2] == whole[:-2] and line.ask(CO2) != whole
    line.chip.corrupt, line.chip.silent = False, True
    assert line.ask(CO2) == ""
    line.chip.silent, line.chip.frozen = False, True
    assert line.at(400).ask(CO2) == whole


def test_browning_out_at_each_pulse_of_its_lamp_it_is_silent_or_shows_nothing():
    line = made(browns_out=True)
    found = {line.at(second).ask(CO2) for second in range(11, 300, 5)}
    assert found == {"", "fe04020000ad24"}
    line.chip.browns_out = False
    assert ppm(line.at(310)) > 880


def test_it_counts_the_time_that_it_has_its_supply():
    line = made().at(DAY_S)
    line.chip.power(0)
    assert line.at(2 * DAY_S).chip.time_by_state_us() == {"on": DAY_S * S, "off": DAY_S * S}
