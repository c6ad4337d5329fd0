# SPDX-License-Identifier: MIT
"""Temperature and humidity of the air around a sensor that its board and its box warm up."""

from collections import namedtuple

Climate = namedtuple("Climate", ("temperature_dc", "humidity_pct"))  # 0.1 degC


def climate(temperature_dc, humidity_mpct, offset_dc=0):
    """What a sensor measured, in 0.1 degC and 0.001 %, less the offset in 0.1 degC.

    The vapour stays, so that the relative humidity rises: by 6 % of itself for each degree (Magnus
    formula, Sonntag 1990: d ln e / dT = 17.62 * 243.12 / (243.12 + T)^2).
    """
    for step_dc in range(offset_dc):
        humidity_mpct += humidity_mpct * 42838 // (2431 + temperature_dc - step_dc) ** 2
    humidity_pct = (humidity_mpct + 500) // 1000
    return Climate(temperature_dc - offset_dc, min(max(humidity_pct, 0), 100))
