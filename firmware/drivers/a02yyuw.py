# SPDX-License-Identifier: MIT
"""A02YYUW and its relatives: ultrasonic sensors that send a frame of four bytes by themselves."""

from micropython import const

import distance
from drivers.serial import await_frame, empty

_HEAD = const(0xFF)
_LENGTH = const(4)
_NO_DISTANCE = const(0xFF00)  # above it relatives tell of no echo or of an echo of another sensor's
_FRAME_MS = const(350)  # 300 between two at most; one that is used was just sent
_BLIND_MM = const(30)
_FARTHEST_MM = const(4500)
_ASSUMED_MM_S = const(340000)  # the speed of sound that they reckon with


class Sensor:
    """One frame a shot. Options: `unit_mm` 1, or 10 for the relatives that count centimetres;
    `blind_mm`, nearer than which they see nothing; `farthest_mm`; `compensated` 1 for those that
    know the air's temperature by themselves.
    """

    FIRST_MS = 500
    RETRY_MS = 1000
    SHOT_MS = 0  # the sensor's own pace

    def __init__(self, uart, options):
        self._uart = uart
        self._unit_mm = options.get("unit_mm", 1)
        self._blind_mm = options.get("blind_mm", _BLIND_MM)
        self._farthest_mm = options.get("farthest_mm", _FARTHEST_MM)
        self.COMPENSATED = bool(options.get("compensated", 0))

    def start(self, settings):
        """Nothing to set up: it sends from the moment it has its supply."""

    def measure(self, values):
        """See distance.measure."""
        return distance.measure(self, values)

    def shot(self, temperature_dc):
        """The next frame's mm. OSError: silent. ValueError: no frame, no echo, or too near."""
        empty(self._uart)
        counted = await_frame(self._uart, decode, _FRAME_MS)
        shot_mm = counted * self._unit_mm
        if counted == 0 or counted >= _NO_DISTANCE or shot_mm > self._farthest_mm:
            raise ValueError("no echo")
        if shot_mm <= self._blind_mm:
            raise ValueError("{} mm: too near".format(shot_mm))
        if self.COMPENSATED:
            return shot_mm
        true_mm_s = distance.sound_mm_s(temperature_dc)
        return (shot_mm * true_mm_s + _ASSUMED_MM_S // 2) // _ASSUMED_MM_S


def decode(data):
    """What the last whole frame among the bytes counts, None without one.

    Whatever a reader finds first, H and L may be 0xFF as well as the head: the sum decides.
    """
    at, found = 0, None
    while at <= len(data) - _LENGTH:
        head, high, low, total = data[at : at + _LENGTH]
        if head == _HEAD and (head + high + low) & 0xFF == total:
            found = high << 8 | low
            at += _LENGTH
        else:
            at += 1
    return found
