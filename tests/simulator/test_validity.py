# SPDX-License-Identifier: MIT
"""The crowd against what is published: ALOHA's formula, and LoRaSim (docs/validity.md)."""

import json
from dataclasses import replace
from math import exp
from pathlib import Path

import pytest

from simulator.concentrator import Concentrator
from simulator.crowd import Crowd, CrowdPlan
from simulator.hearing import Hearing
from simulator.interference import ISOLATIONS
from simulator.propagation import MODELS
from simulator.regions import REGIONS

AIRTIME_S = 1.712128  # 20 bytes at SF12, 125 kHz, 4/8 (SX1276 data sheet 4.1.1.6)
LORASIM = json.loads((Path(__file__).parents[1] / "vectors" / "lorasim.json").read_text())


def delivered(count, isolation, radius_m=300.0, decade_db=20.8, packets=20_000, crowds=3):
    """The share of packets that one gateway hears, over some crowds with places of their own."""
    plan = CrowdPlan(
        "paper", count, 1000.0, 20, "fixed", 12, 8, radius_m=radius_m, poisson=True, channels=1,
        duty_cycle=False,
    )  # fmt: skip
    loss = replace(MODELS["built-up"], decade_db=decade_db, shadowing_db=0.0)
    hours, outcomes = packets / (3.6 * count), []
    for seed in range(crowds):
        crowd = Crowd(plan, seed, REGIONS["EU868"], loss, [(0.0, 0.0)])
        hearing = Hearing([crowd], [Concentrator()], ISOLATIONS[isolation])
        hearing.advance(round(hours * 3.6e9))
        (row,) = hearing.summary()
        assert row["sent"] == pytest.approx(count * hours * 3.6, rel=0.05)
        outcomes.append(row["heard"] / row["sent"])
    return sum(outcomes) / len(outcomes)


@pytest.mark.parametrize("count", [25, 50, 100, 200, 400])
def test_without_capture_it_is_the_aloha_of_the_formula(count):
    """A packet is alone when no other starts within one airtime before or after: exp(-2 G)."""
    load_erlang = count * AIRTIME_S / 1000
    # each sends one packet at a time, so count - 1 others matter; sampling error under 0.5 %
    expected = exp(-2 * load_erlang * (count - 1) / count)
    assert delivered(count, "aloha", packets=60_000, crowds=1) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("variant", ["both_lost", "decades"])
@pytest.mark.parametrize("count", ["25", "50", "100", "200", "400", "800"])
def test_with_capture_it_is_lorasim(variant, count):
    found = LORASIM[variant]
    share = delivered(int(count), "orthogonal", found["radius_m"], found["decade_db"])
    assert share == pytest.approx(found["delivered"][count], abs=0.02)


def test_capture_is_what_makes_the_difference():
    found = LORASIM["decades"]["delivered"]
    for count in (200, 400, 800):
        assert found[str(count)] > exp(-2 * count * AIRTIME_S / 1000) + 0.06
