# SPDX-License-Identifier: MIT
"""`esp32`, of which the firmware uses one function."""

import _wire


def gpio_deep_sleep_hold(enable):
    """Have held pins keep their levels through deep sleep too."""
    _wire.spend(_wire.board["pin_us"])
