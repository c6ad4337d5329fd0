# SPDX-License-Identifier: MIT
"""The MaxBotix model alone: its text, its pace, and its ways to fail."""

import pytest
from lines import Line, S

from simulator.chips.maxbotix import Maxbotix
from simulator.world import Conditions, Step


def place(distance_mm, celsius=14.5, rough_mm=0.0, lost=0.0):
    return Conditions(
        425.0, celsius, 60.0, distance_mm=distance_mm, rough_mm=rough_mm, echo_lost=lost
    )


def made(world, **attributes):
    line = Line(Maxbotix, world)
    for name, value in attributes.items():
        setattr(line.chip, name, value)
    return line


def text(line):
    return [data for _, data in line.frames()]


def test_a_line_every_150_ms():
    frames = made(place(1234.0)).at(1).frames()
    assert frames == [
        (at_us, b"R1234\r") for at_us in (400_000, 550_000, 700_000, 850_000, 1_000_000)
    ]


@pytest.mark.parametrize(
    ("distance_mm", "line"),
    [
        (850.4, b"R0850\r"),
        (120.0, b"R0300\r"),
        (300.0, b"R0300\r"),
        (4999.0, b"R4999\r"),
        (5400.0, b"R5000\r"),
        (None, b"R5000\r"),
    ],
)
def test_near_and_far_ends_are_its_smallest_and_largest_number(distance_mm, line):
    assert text(made(place(distance_mm)).at(0.4)) == [line]


def test_some_parts_send_five_digits():
    assert text(made(place(1234.0), digits=5).at(0.4)) == [b"R01234\r"]


def test_it_knows_the_airs_temperature():
    for celsius in (-20.0, 0.0, 40.0):
        assert text(made(place(2000.0, celsius)).at(0.4)) == [b"R2000\r"]


def test_it_shows_the_surface_of_one_cycle_before():
    line = made(Step(place(1000.0), place(2000.0), 1 * S)).at(1.2)
    assert text(line)[-3:] == [b"R1000\r", b"R1000\r", b"R2000\r"]  # at 0.85, 1 and 1.15 s


def test_its_faults():
    assert text(made(place(1000.0), silent=True).at(1)) == []
    assert text(made(place(1000.0), deaf=True).at(0.4)) == [b"R5000\r"]
    assert text(made(place(1000.0, lost=1.0)).at(0.4)) == [b"R5000\r"]
    assert text(made(place(1000.0), rings=True).at(0.4)) == [b"R0300\r"]
    assert text(made(place(1000.0), partial=True).at(0.4)) == [b"R10"]
    assert text(made(place(1000.0), corrupt=True).at(0.4)) == [b"R1?00\r"]
    line = made(place(1000.0, rough_mm=5.0)).at(10)
    assert len(set(text(line))) > 5
    line.chip.frozen = True
    assert len(set(text(line.at(20)))) == 1
