# SPDX-License-Identifier: MIT
"""A distance from seven shots of ultrasound: what is left when those that lie are dropped."""

import time

from micropython import const

from uplink import FLAGS, NOISY, UNCOMPENSATED

_SHOTS = const(7)
_ENOUGH = const(4)
_OUTLIER = const(3)  # median deviations
_FINEST_MM = const(3)  # a deviation below it is the sensor's own grain
_ASSUMED_DC = const(100)  # a year's mean outdoors in the Netherlands
# A spread that is more than the sensor's: 40 mm, and 2 % of the distance.
_SPREAD_MM = const(40)
_SPREAD_PART = const(50)


def measure(sensor, values):
    """{4: mm}, with a flag when it is uncertain. OSError: silent. ValueError: under 4 good shots.

    `sensor` has SHOT_MS, the rest between two shots, and `shot(temperature_dc)` in mm. The air's
    temperature is what was measured in this round, else one is assumed, which is flagged unless the
    sensor is COMPENSATED by itself.
    """
    temperature_dc, flags = values.get(2, values.get(13)), 0
    if temperature_dc is None:
        temperature_dc = _ASSUMED_DC
        if not getattr(sensor, "COMPENSATED", False):
            flags = UNCOMPENSATED
    distance_mm, spread_mm = settled(_shots(sensor, temperature_dc))
    if spread_mm > _SPREAD_MM + distance_mm // _SPREAD_PART:
        flags |= NOISY
    return {4: distance_mm, FLAGS: flags} if flags else {4: distance_mm}


def _shots(sensor, temperature_dc):
    """The good ones of seven shots, in mm; it gives up as soon as they are too few."""
    good, bad = [], []
    for shot in range(_SHOTS):
        if shot:
            time.sleep_ms(sensor.SHOT_MS)
        try:
            good.append(sensor.shot(temperature_dc))
        except ValueError as error:
            bad.append(error)
            if len(bad) > _SHOTS - _ENOUGH:
                break
    if len(good) < _ENOUGH:
        raise ValueError("{} bad shots, the last: {}".format(len(bad), bad[-1]))
    return good


def settled(shots_mm):
    """(median, spread) in mm of the shots that are no outliers by their median deviation."""
    middle_mm = median(shots_mm)
    deviation_mm = median([abs(each - middle_mm) for each in shots_mm])
    limit_mm = _OUTLIER * max(deviation_mm, _FINEST_MM)
    kept = [each for each in shots_mm if abs(each - middle_mm) <= limit_mm]
    return median(kept), max(kept) - min(kept)


def median(numbers):
    """The middle one, of an even count the mean of the middle two."""
    ordered, half = sorted(numbers), len(numbers) // 2
    return (ordered[half] + ordered[-half - 1] + 1) // 2


def sound_mm_s(temperature_dc):
    """The speed of sound in air: 331.3 m/s * sqrt(1 + T / 273.15), to the second order of T.

    Within 0.1 m/s from -40 to 45 degC, in 0.1 degC.
    """
    return 331300 + temperature_dc * 60644 // 1000 - temperature_dc * temperature_dc // 180


def echo_mm(echo_us, temperature_dc):
    """How far away what sent the echo is."""
    return (echo_us * sound_mm_s(temperature_dc) + 1000000) // 2000000
