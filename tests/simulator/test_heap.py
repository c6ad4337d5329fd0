# SPDX-License-Identifier: MIT
"""The heap of a node at work: of the modules that pass nothing stays in it."""

import re

import pytest

BALLAST = 8_000
SAYS = (
    "cycle.py",
    'self._log("reading", values)',
    'import gc\n        gc.collect()\n        self._log("taken", gc.mem_alloc())',
)
HEAVY = ("hardware.py", "_SPI_HZ =", f"_HEAVY = bytearray({BALLAST})\n_SPI_HZ =")


def taken(run):
    """Bytes of heap at the last reading."""
    return int(re.findall(r"taken (\d+)", run.log())[-1])


@pytest.mark.parametrize(
    ("kit", "board"),
    [
        ("classroom", "rpi-pico-rfm95"),  # with a service button
        ("box", "rpi-pico-rfm95"),  # and a battery
        ("box", "ttgo-lora32-v2_1"),
    ],
)
def test_the_hardware_passes_once_all_is_made(trial, kit, board):
    usual = taken(trial(0.7, [SAYS], kit=kit, board=board))
    heavier = taken(trial(0.7, [SAYS, HEAVY], kit=kit, board=board))
    assert abs(heavier - usual) < BALLAST / 2, (usual, heavier)
