# SPDX-License-Identifier: MIT
"""X-Powers AXP192 (T-Beam V1.0, V1.1) or AXP2101 (V1.2): the rails of the radio and the GPS."""

from micropython import const

_ADDRESS = const(0x34)
_IC_TYPE = const(0x03)
# By IC type: register and bits of the radio's 3.3 V; the switches, and the bits of radio and GPS.
_CHIPS = {
    0x03: (0x28, 0xF0, 0xF0, 0x12, 0x04, 0x08),  # AXP192: LDO2, LDO3
    0x4A: (0x93, 0x1F, 0x1C, 0x90, 0x02, 0x04),  # AXP2101: ALDO2, ALDO3
}


def power_radio(i2c):
    """Feed the radio 3.3 V and cut the GPS off; what else the chip feeds stays as it is.

    OSError: no such chip.
    """
    kind = _read(i2c, _IC_TYPE)
    if kind not in _CHIPS:
        raise OSError("power chip {:#x}".format(kind))
    voltage, mask, volts_3_3, switches, radio, gps = _CHIPS[kind]
    _write(i2c, voltage, _read(i2c, voltage) & ~mask | volts_3_3)
    _write(i2c, switches, (_read(i2c, switches) | radio) & ~gps)


def _read(i2c, register):
    value = bytearray(1)
    i2c.writeto(_ADDRESS, bytes((register,)))
    i2c.readfrom_into(_ADDRESS, value)
    return value[0]


def _write(i2c, register, value):
    i2c.writeto(_ADDRESS, bytes((register, value)))
