# SPDX-License-Identifier: MIT
"""The A02YYUW model alone: the published frame, its pace, and its ways to fail."""

from statistics import stdev

import pytest
from lines import Line, S

from simulator.chips.a02yyuw import A02yyuw
from simulator.world import Conditions, Step


def place(distance_mm, celsius=14.5, rough_mm=0.0, lost=0.0):
    return Conditions(
        425.0, celsius, 60.0, distance_mm=distance_mm, rough_mm=rough_mm, echo_lost=lost
    )


def made(world, **attributes):
    line = Line(A02yyuw, world)
    for name, value in attributes.items():
        setattr(line.chip, name, value)
    return line


def counted(line):
    """What its frames since the last call count; each has the right sum."""
    found = []
    for _, (head, high, low, total) in line.frames():
        assert head == 0xFF and (head + high + low) & 0xFF == total
        found.append(high << 8 | low)
    return found


def test_the_published_frame():
    line = made(place(1953.0)).at(1)
    assert {data.hex() for _, data in line.frames()} == {"ff07a1a7"}


def test_it_sends_every_100_ms_from_when_it_has_its_supply():
    line = made(place(1000.0)).at(1)
    assert [at_us for at_us, _ in line.frames()] == list(range(200_000, 1_000_001, 100_000))
    line.chip.power(0)
    assert line.at(2).frames() == []
    line.at(2.05).chip.power(1)
    assert [at_us for at_us, _ in line.at(2.5).frames()] == [2_250_000, 2_350_000, 2_450_000]


def test_each_frame_is_sent_once_however_it_is_asked():
    line = made(place(1000.0, rough_mm=5.0))
    piecewise = [each for tenth in range(1, 40) for each in line.at(tenth / 13).frames()]
    assert piecewise == made(place(1000.0, rough_mm=5.0)).at(3).frames()


def test_it_shows_the_surface_as_it_was_before():
    line = made(Step(place(1000.0), place(2000.0), 1 * S)).at(1.45)
    assert counted(line)[-4:] == [1000, 2000, 2000, 2000]  # at 1.1, 1.2, 1.3 and 1.4 s


def test_it_reckons_with_340_m_s():
    for celsius, shown_mm in ((-20.0, 2132), (0.0, 2053), (14.5, 2000), (20.0, 1981), (40.0, 1917)):
        assert counted(made(place(2000.0, celsius)).at(0.2)) == [pytest.approx(shown_mm, abs=1)]


def test_a_rough_surface_and_lost_echoes_show():
    line = made(place(1000.0, rough_mm=8.0, lost=0.3)).at(200)
    found = counted(line)
    assert found.count(0) == pytest.approx(0.3 * len(found), rel=0.15)
    assert stdev(each for each in found if each) == pytest.approx(8.0, rel=0.1)


@pytest.mark.parametrize(
    ("no_echo", "found"),
    [("zero", [0]), ("none", []), ("far", [5500]), ("code", [0xFFFD]), ("last", [1000])],
)
def test_without_an_echo_parts_differ(no_echo, found):
    for nothing in (place(None), place(4600.0), place(1000.0, lost=1.0)):
        line = made(Step(place(1000.0), nothing, 1 * S), no_echo=no_echo).at(1.19)
        counted(line)
        assert counted(line.at(1.31))[-1:] == found


def test_what_is_too_near_shows_as_30():
    for distance_mm, shown_mm in ((0.0, 30), (29.0, 30), (31.0, 31)):
        assert counted(made(place(distance_mm)).at(0.2)) == [shown_mm]


def test_a_relative_counts_centimetres():
    assert counted(made(place(1953.0), unit_mm=10).at(0.2)) == [195]


def test_its_faults():
    assert made(place(1000.0), silent=True).at(1).frames() == []
    assert counted(made(place(1000.0), deaf=True).at(0.2)) == [0]
    assert counted(made(place(1000.0), rings=True).at(0.2)) == [30]
    ((_, data),) = made(place(1953.0), partial=True).at(0.2).frames()
    assert data.hex() == "ff07"
    ((_, data),) = made(place(1953.0), corrupt=True).at(0.2).frames()
    assert data.hex()[:6] == "ff07a1" and data.hex() != "ff07a1a7"
    line = made(Step(place(1000.0), place(2000.0), 1 * S)).at(1)
    counted(line)
    line.chip.frozen = True
    assert set(counted(line.at(2))) == {1000}
    line.chip.frozen = False
    assert set(counted(line.at(3))) == {2000}
