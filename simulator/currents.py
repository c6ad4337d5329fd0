# SPDX-License-Identifier: MIT
"""What each chip draws in each of its states, and what a battery holds, with their uncertainty.

mA at the chip's own supply. Where a source has one number it is taken for all three; where it has a
bound, the bound is taken for typical, as nobody publishes how far below it a part lies. What a
board draws stands in boards.toml.
"""

from dataclasses import dataclass

from host.figures import Range, exactly

# SX1276 data sheet table 6, +13 dBm on RFO, +17 and +20 dBm on PA_BOOST. Below +17 dBm it tells
# nothing of PA_BOOST: at 12 dBm FLoRa's model of an SX1272 has 34 mA. RFO at +7 dBm: 20 mA.
# Receiver at 125 kHz: 2.5.5, plus the LNA's boost, as estimated from the two figures for FSK; FSK
# with the boost is the most. Synthesiser: not seen in print, taken from memory of the same table.
RADIO_MA = {
    "sleep": Range(0.0002, 0.0002, 0.001),
    "standby": exactly(1.6),
    "fs": exactly(5.8),
    "rx": Range(10.3, 11.0, 11.5),
    "rfo": Range(20.0, 29.0, 29.0),
    "boost": Range(34.0, 87.0, 87.0),
    "boost+20": exactly(120.0),
}

_OFF = exactly(0.0)
# By driver. Single shots of SHT3x, SHT4x and BME280 take under 20 ms and are lost in the rounding.
SENSORS_MA = {
    # SCD4x data sheet: typical and most, on average; of a shot of 5 s: 243 mJ at 3.3 V, and what
    # averages of 0.45 and 0.5 mA with a shot each 5 minutes leave for it above 0.15 mA of idling
    "scd4x": {
        "periodic": Range(15.0, 15.0, 18.0),
        "low_power": Range(3.2, 3.2, 3.5),
        "single_shot": Range(14.7, 18.0, 21.0),
        "idle": exactly(0.15),
        "off": _OFF,
    },
    # at an interval of 2 s; no source has it between two measurements: from nothing to its average
    "scd30": {"continuous": exactly(19.0), "waiting": Range(0.0, 5.0, 19.0), "off": _OFF},
    "sht4x": {"idle": exactly(0.00008), "off": _OFF},  # data sheet
    "sht3x": {"idle": exactly(0.0002), "off": _OFF},  # data sheet
    # data sheet; modules for 5 V add a regulator of 6 uA
    "bme280": {"idle": Range(0.0001, 0.0001, 0.0061), "off": _OFF},
    # data sheet, typical and most
    "ds18b20": {
        "converting": Range(1.0, 1.0, 1.5),
        "idle": Range(0.00075, 0.00075, 0.001),
        "off": _OFF,
    },
    # manual of the B: under 20 mA on average; lamaplc.com says under 60
    "mhz19": {"on": Range(20.0, 20.0, 60.0), "off": _OFF},
    "senseair_s8": {"on": exactly(18.0), "off": _OFF},  # PSP126, on average
    "a02yyuw": {"on": Range(5.0, 8.0, 8.0), "off": _OFF},  # SEN0311: standby and average, at most
    "maxbotix": {"on": Range(2.3, 2.5, 3.0), "off": _OFF},  # PD11500, on average
    # HC-SR04: 3.5 to 15 mA by its sellers. JSN-SR04T: under 8 mA, older ones 30 at 5 V
    "pulse": {
        "hc-sr04": Range(3.5, 5.0, 15.0),
        "jsn-sr04t": Range(3.5, 8.0, 30.0),
        "off": _OFF,
    },
    # AM312: 8 to 15 uA typical, 15 measured on a module, under 0.1 mA. HC-SR501: about 50 uA
    "pir": {"am312": Range(0.008, 0.015, 0.1), "hc-sr501": exactly(0.05)},
}


@dataclass(frozen=True)
class Pack:
    """A battery: what it holds, what of it a node gets out, and what it loses by itself."""

    title: str
    mah: Range
    usable_pct: int
    loss_pct_month: Range


# What the boards have a socket or a divider for. As sold, 2600 to 3500 mAh; from 4.2 V down to the
# 3.3 V at which a node rests. Lost by itself: published are 1 to 3 % a month, measured 5 % a year
# (candlepowerforums.com, Li-Ion Self Discharge Rate Test).
PACK = Pack("one 18650 lithium cell", Range(2600, 3000, 3500), 80, Range(0.4, 2.0, 3.0))
