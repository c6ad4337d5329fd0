# SPDX-License-Identifier: MIT
"""A forced calibration of CO2: in air that is measured and stays the same, and looked after."""

from micropython import const

_STEP_MS = const(30000)  # between two measurements
_WORK_MS = const(180000)  # what one of them may take, and what comes after the last


def calibrate(entry, ppm, measure, power):
    """Have a sensor take the air for `ppm`; returns the correction in ppm where it says one.

    `measure(entry, {})` measures once and notes how long the CO2 has been the same. OSError: it
    does not answer or refuses, or the air changes. ValueError: checksum, or only another value.
    """
    driver = entry.driver
    if ppm != getattr(driver, "CALIBRATE_PPM", ppm):
        raise ValueError("to {} ppm only".format(driver.CALIBRATE_PPM))
    _settle(entry, measure, power)
    entry.started = False  # it stands still afterwards, whatever came out
    correction_ppm = driver.calibrate(ppm)
    if hasattr(driver, "calibrated"):
        power.wait_until(power.now_ms() + driver.CALIBRATED_MS)
        driver.calibrated()
    return correction_ppm


def _settle(entry, measure, power):
    """Measure until the CO2 has been the same for the minutes that the sensor wants."""
    wanted_ms = entry.driver.CALIBRATE_MS
    give_up_ms = power.now_ms() + 2 * wanted_ms
    while True:
        power.progress(_WORK_MS)
        measure(entry, {})
        if not entry.started:
            raise OSError("no CO2 sensor that measures")
        now_ms = power.now_ms()
        left_ms = entry.steady_ms + wanted_ms - now_ms
        if left_ms <= 0:
            return
        if now_ms >= give_up_ms:
            raise OSError("the CO2 does not stay the same")
        power.wait_until(now_ms + min(left_ms, _STEP_MS))
