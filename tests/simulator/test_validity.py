# SPDX-License-Identifier: MIT
"""The crowd against what is published: ALOHA's formula, and LoRaSim (docs/validity.md)."""

import re
from math import exp

import pytest

from docs import validity

PRINTED = 0.0006  # what rounding to three digits does


@pytest.fixture(scope="module")
def page():
    """The rows of the table by count."""
    return dict(validity.kept())


@pytest.mark.parametrize("count", validity.COUNTS)
def test_without_capture_it_is_the_aloha_of_the_formula(count, page):
    """A packet is alone when no other starts within one airtime before or after: exp(-2 G)."""
    load_erlang = count * validity.AIRTIME_S / validity.INTERVAL_S
    # each sends one packet at a time, so count - 1 others matter; sampling error under 0.5 %
    expected = exp(-2 * load_erlang * (count - 1) / count)
    share = validity.without_capture(count)
    assert share == pytest.approx(expected, abs=0.012)
    assert page[count][:2] == pytest.approx((exp(-2 * load_erlang), share), abs=PRINTED)


@pytest.mark.parametrize("variant", ["both_lost", "decades"])
@pytest.mark.parametrize("count", validity.COUNTS)
def test_with_capture_it_is_lorasim(variant, count, page):
    published = validity.LORASIM[variant]["delivered"][str(count)]
    share = validity.with_capture(count, variant)
    assert share == pytest.approx(published, abs=0.02)
    columns = slice(2, 4) if variant == "both_lost" else slice(4, 6)
    assert page[count][columns] == pytest.approx((published, share), abs=PRINTED)


def test_capture_is_what_makes_the_difference():
    found = validity.LORASIM["decades"]["delivered"]
    for count in (200, 400, 800):
        assert found[str(count)] > validity.aloha(count) + 0.06


def test_the_picture_shows_the_table(page):
    """Each mark of ours tells its share, and stands at its height."""
    text = validity.PICTURE.read_text()
    marks = re.findall(
        r"<title>(.*?): ([\d.]+) at (\d+) nodes</title>.*?y=\"([\d.]+)\"", text, re.DOTALL
    )
    assert len(marks) == 3 * len(page)
    columns = {"ours, no capture": 1, "ours, 99 m": 3, "ours, 322 m": 5}
    heights = {}
    for label, share, count, y in marks:
        assert float(share) == page[int(count)][columns[label]]
        heights[float(share)] = float(y)
    low, high = min(heights), max(heights)
    scale = (heights[low] - heights[high]) / (high - low)
    for share, y in heights.items():
        assert y == pytest.approx(heights[low] - (share - low) * scale, abs=0.01)


def test_the_picture_is_the_same_each_time():
    rows = validity.kept()
    assert validity.picture(rows) == validity.picture(rows)
    assert validity.picture(rows).count("<title>") == validity.PICTURE.read_text().count("<title>")
