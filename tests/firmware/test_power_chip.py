# SPDX-License-Identifier: MIT
"""The power chips of the T-Beams on their bus: only the radio's rail and the GPS's are touched."""

from drivers.power_chip import power_radio
from i2c import I2c
from vectors import refuses

ADDRESS = 0x34


def made(*steps):
    return I2c(ADDRESS, {}, *steps)


def test_an_axp192_feeds_the_radio_from_ldo2_and_keeps_dcdc3():
    # its REG28: LDO2 in the upper half, 15 is 3.3 V; REG12: bit 2 LDO2, bit 3 LDO3, bit 1 the ESP32
    bus = made("> 03", "< 03", "> 28", "< 0f", "> 28ff", "> 12", "< 4b", "> 1247")
    power_radio(bus)
    assert bus.over()
    bus = made("> 03", "< 03", "> 28", "< cc", "> 28fc", "> 12", "< 53", "> 1257")
    power_radio(bus)
    assert bus.over()


def test_an_axp2101_feeds_the_radio_from_aldo2():
    # its REG93: 28 is 3.3 V, bits 7 to 5 are others'; REG90: bit 1 ALDO2, bit 2 ALDO3
    bus = made("> 03", "< 4a", "> 93", "< ed", "> 93fc", "> 90", "< 9c", "> 909a")
    power_radio(bus)
    assert bus.over()


def test_another_chip_is_left_alone():
    bus = made("> 03", "< 41")
    assert refuses(OSError, power_radio, bus)
    assert bus.over()


def test_no_chip_is_an_error():
    bus = made("> 03 nack")
    assert refuses(OSError, power_radio, bus)
