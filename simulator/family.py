# SPDX-License-Identifier: MIT
"""What each chip family is like: its reset causes, its times, its flash, its id."""

import random
from collections.abc import Mapping

# What `machine.reset_cause()` says after each way to end (facts: RP2040 calls them all watchdog).
CAUSES = {
    "esp32": {"power": 1, "reset": 2, "watchdog": 3, "deepsleep": 4, "soft_reset": 5},
    "rp2040": {"power": 1, "reset": 3, "watchdog": 3, "deepsleep": 3, "soft_reset": 1},
}
# Microseconds that a call takes on a board at its usual clock, beside the bus time itself.
COSTS_US = {
    "rp2040": {"ticks_us": 3, "pin_us": 4, "spi_us": 25, "i2c_us": 60, "adc_us": 12, "sleep_us": 8,
               "pulse_us": 1},
    "esp32": {"ticks_us": 3, "pin_us": 6, "spi_us": 45, "i2c_us": 80, "adc_us": 60, "sleep_us": 15,
              "pulse_us": 2},
}  # fmt: skip
IRQ_US = {"rp2040": 12, "esp32": 150}  # hard interrupt; scheduled callback
BOOT_US = {"rp2040": 250_000, "esp32": 400_000}  # from reset to the first line of main.py
PROG_SIZE = {"rp2040": 256, "esp32": 32}  # bytes: what each stock image formats LittleFS with


def unique_id(seed: int, name: str, chip: str) -> bytes:
    """What `machine.unique_id()` says: 8 bytes of the RP2040's flash, 6 of the ESP32's MAC."""
    return random.Random(f"{seed}/{name}/id").randbytes(8 if chip.startswith("rp2040") else 6)


# What the MicroPython of each download target tells of itself, without "with" and its chip.
_MACHINES = {
    "ESP32_GENERIC": "Generic ESP32 module",
    "ESP32_GENERIC-SPIRAM": "Generic ESP32 module with SPIRAM",
    "LILYGO_TTGO_LORA32": "LILYGO TTGO LoRa32",
    "RPI_PICO": "Raspberry Pi Pico",
    "RPI_PICO_W": "Raspberry Pi Pico W",
    "ADAFRUIT_FEATHER_RP2040": "Adafruit Feather RP2040",
}
# sys.implementation._mpy: architecture << 10 (xtensawin 10, armv6m 4) | 3 << 8 | .mpy version 6.
_MPY = {"esp32": 10 << 10 | 3 << 8 | 6, "rp2040": 4 << 10 | 3 << 8 | 6}


def says(chip: str, target: str, other: Mapping[str, object] | None = None) -> dict[str, object]:
    """What `sys` and `os.uname` of a board's MicroPython tell.

    `other`: what another one says differently: `mpy` and `version` of an older one, its `name`.
    """
    family = "rp2040" if chip.startswith("rp2040") else "esp32"
    return {
        "platform": "rp2" if family == "rp2040" else family,
        "machine": f"{_MACHINES.get(target, target)} with {family.upper()}",
        "build": target,
        "mpy": _MPY[family],
        "name": "micropython",
        "version": None,  # that of the unix port
        **(other or {}),
    }
