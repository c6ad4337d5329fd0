# SPDX-License-Identifier: MIT
"""What a node draws from its supply, by part, from the time that each part spent in each state."""

from host.boards import Board
from simulator.chips.sx1276 import SX1276

# mA at 3.3 V. Sleep, standby, TX: SX1276 data sheet table 6; LoRa RX at 125 kHz: 2.5.5 plus the
# LNA boost; frequency synthesis is an estimate.
_RADIO_MA = {"sleep": 0.0002, "standby": 1.6, "fs": 5.8, "rx": 11.0}
_TX_MA = {"rfo": 29.0, "boost": 87.0, "boost+20": 120.0}
# SCD4x data sheet: periodic, low power, idle. SCD30: 19 mA at an interval of 2 s; waiting is an
# estimate. SHT3x, SHT4x and BME280: their single shots are lost in the rounding.
# On a UART, on average: Winsen's and Senseair's manuals, A02YYUW at most, MaxBotix at 3.3 V.
# HC-SR04, JSN-SR04T: between their shots, 2 to 8 mA by hardware.md 1.3.
_SENSOR_MA = {
    "periodic": 15.0,
    "low_power": 3.2,
    "single_shot": 18.0,
    "idle": 0.15,
    "continuous": 19.0,
    "waiting": 5.0,
    "off": 0.0,
    "converting": 1.0,
    "watching": 0.015,  # AM312, measured (facts)
    "mhz19": 20.0,
    "senseairs8": 18.0,
    "a02yyuw": 8.0,
    "maxbotix": 2.5,
    "ultrasonic": 5.0,
}
_HOUR_US = 3_600_000_000


def radio_mah(radio: SX1276) -> float:
    """mAh that the radio took so far."""
    total = 0.0
    for state, spent_us in radio.time_by_state_us().items():
        total += {**_RADIO_MA, **_TX_MA}[state] * spent_us / _HOUR_US
    return total


def sensor_mah(time_by_state_us: dict[str, int]) -> float:
    """mAh of a sensor so far."""
    return sum(_SENSOR_MA[state] * spent / _HOUR_US for state, spent in time_by_state_us.items())


def processor_mah(board: Board, on_us: int, slept_us: int) -> float:
    """mAh of a board without its radio and sensors, asleep for a part of the time."""
    awake_us = on_us - slept_us
    return (board.active_ma * awake_us + board.sleep_ua / 1000 * slept_us) / _HOUR_US
