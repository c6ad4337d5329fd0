# SPDX-License-Identifier: MIT
"""A battery's voltage through a divider."""

from micropython import const

_ADC_MV = const(3300)  # at full scale, RP2040
_SAMPLES = const(16)
_LOW_CV = const(350)
_SPENT_CV = const(330)  # a sensor's peak or a transmission might pull it below what a board needs
_NONE_CV = const(200)  # less is a divider with nothing on it: the board is fed otherwise
_EMPTY_CV = const(300)  # of one lithium cell, or of three alkaline ones
_FULL_CV = const(420)


class Battery:
    """`read_mv()` gives the pin's voltage in mV.

    `ratio_permille` is battery voltage over pin voltage, 2000 for two equal resistors.
    """

    def __init__(self, read_mv, ratio_permille):
        self._read_mv, self._ratio = read_mv, ratio_permille

    def read_cv(self):
        """Hundredths of a volt, the mean of 16 samples."""
        total_mv = sum([self._read_mv() for _ in range(_SAMPLES)])
        return (total_mv * self._ratio + 5000 * _SAMPLES) // (10000 * _SAMPLES)

    def low(self):
        """True when it is time to be sparing."""
        return _NONE_CV <= self.read_cv() < _LOW_CV

    def spent(self):
        """True when there is too little left to measure or to send."""
        return _NONE_CV <= self.read_cv() < _SPENT_CV

    def level(self):
        """What DevStatusAns says of it: 1 is empty, 254 full (TS001 5.5)."""
        return level(self.read_cv())


def level(voltage_cv):
    """A voltage as 1 to 254."""
    above_cv = min(max(voltage_cv, _EMPTY_CV), _FULL_CV) - _EMPTY_CV
    return 1 + above_cv * 253 // (_FULL_CV - _EMPTY_CV)


def rp2040_mv(adc):
    """A function that reads a pin of an RP2040 in mV."""
    return lambda: (adc.read_u16() * _ADC_MV + 32767) // 65535


def esp32_mv(adc):
    """The same of an ESP32: its raw value is 140 mV low, read_uv has the chip's own calibration."""
    return lambda: adc.read_uv() // 1000
