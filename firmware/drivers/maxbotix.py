# SPDX-License-Identifier: MIT
"""MaxBotix HRXL-MaxSonar-WR (MB73xx, TTL output): ultrasonic, "R1234" and a return in mm."""

from micropython import const

import distance
from drivers.serial import await_frame, empty

_DIGITS = (4, 5)
_BLIND_MM = const(300)
_FARTHEST_MM = const(5000)
_FRAME_MS = const(300)  # 133 to 181 between two; one that is used was just sent


class Sensor:
    """One line a shot. Options: `blind_mm`, what it shows for all that is nearer; `farthest_mm`,
    what it shows when there is no echo: 5000, or 9999 for the parts of ten metres.
    """

    FIRST_MS = 500
    RETRY_MS = 1000
    SHOT_MS = 0  # the sensor's own pace
    COMPENSATED = True  # by a thermometer of its own

    def __init__(self, uart, options):
        self._uart = uart
        self._blind_mm = options.get("blind_mm", _BLIND_MM)
        self._farthest_mm = options.get("farthest_mm", _FARTHEST_MM)

    def start(self, settings):
        """Nothing to set up: it sends from the moment it has its supply."""

    def measure(self, values):
        """See distance.measure."""
        return distance.measure(self, values)

    def shot(self, temperature_dc):
        """The next line's mm. OSError: silent. ValueError: no line, no echo, or too near."""
        empty(self._uart)
        shot_mm = await_frame(self._uart, decode, _FRAME_MS)
        if shot_mm >= self._farthest_mm:
            raise ValueError("no echo")
        if shot_mm <= self._blind_mm:
            raise ValueError("{} mm: too near".format(shot_mm))
        return shot_mm


def decode(data):
    """The mm of the last whole line among the bytes, None without one."""
    for line in reversed(data.split(b"\r")[:-1]):
        begin = line.rfind(b"R")
        digits = line[begin + 1 :]
        if begin >= 0 and len(digits) in _DIGITS and digits.isdigit():
            return int(digits)
    return None
