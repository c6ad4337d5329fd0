# SPDX-License-Identifier: MIT
"""A battery's voltage through a divider."""

from micropython import const

_SAMPLES = const(16)
_FULL_SCALE_CV = const(330)  # 0.01 V at 65535


class Battery:
    """`ratio_permille` is battery voltage over pin voltage, 2000 for two equal resistors."""

    def __init__(self, adc, ratio_permille):
        self._adc, self._ratio = adc, ratio_permille

    def read_cv(self):
        """Hundredths of a volt, the mean of 16 samples."""
        total = sum([self._adc.read_u16() for _ in range(_SAMPLES)])
        return total * _FULL_SCALE_CV * self._ratio // (_SAMPLES * 65535 * 1000)
