# SPDX-License-Identifier: MIT
"""Makes the objects of `machine` that the config describes; nothing here runs at import.

It passes once all is made: what is used later stands in the files of the drivers.
"""

import machine
import time
from machine import Pin
from micropython import const

_SPI_HZ = const(8000000)  # SX1276: 10 MHz at most
_RAIL_MS = const(10)  # until the rail stands and the radio has started (SX1276, 7.2.1)


def is_rp2040(config):
    """The chip family, for the few calls that differ."""
    return config.get("chip", "").startswith("rp2040")


def irq_options(config):
    """RP2040 can take an interrupt at once; ESP32 always schedules it and refuses the keyword."""
    return {"hard": True} if is_rp2040(config) else {}


def output(number, level=0):
    """An output pin at a level."""
    return Pin(number, Pin.OUT, value=level)


def hold_radio(config, held):
    """ESP32: keep the radio's pins at their levels through deep sleep, or let go of them.

    Else they float there: a chip-select that wanders, or a reset.
    """
    import esp32  # type: ignore[import-not-found]

    for name in ("cs", "reset"):
        Pin(config["radio"][name], Pin.OUT, value=1, **{"hold": held})
    esp32.gpio_deep_sleep_hold(held)


def _power_chip(config):
    """Have a T-Beam's power chip feed the radio; without it, the radio says that it is missing."""
    from drivers.power_chip import power_radio

    try:
        power_radio(_i2c(config).bus)
    except OSError:
        pass
    time.sleep_ms(_RAIL_MS)


def radio(config):
    """The SX127x of the config, not yet reset; it and its oscillator are powered."""
    from lora.sx127x import SX127x

    vext = config.get("vext")
    if vext:
        output(vext["pin"], vext["on"])
    if config.get("power_chip"):
        _power_chip(config)
    pins = config["radio"]
    if pins.get("tcxo") is not None:
        output(pins["tcxo"], 1)
        time.sleep_ms(pins.get("tcxo_ms", 5))
    spi = machine.SPI(
        pins["spi"],
        baudrate=_SPI_HZ,
        sck=Pin(pins["sck"]),
        mosi=Pin(pins["mosi"]),
        miso=Pin(pins["miso"]),
    )
    return SX127x(
        spi,
        output(pins["cs"], 1),
        output(pins["reset"], 1),
        Pin(pins["dio0"], Pin.IN),
        irq_options(config),
        pins.get("tcxo") is not None,
    )


def _i2c(config):
    from drivers.i2c import I2cBus

    pins = config["i2c"]
    return I2cBus(pins["scl"], pins["sda"], pins["id"] if is_rp2040(config) else None)


def buses(config, lamp=None):
    """The buses by name, as the sensors of the config call them."""
    found = {"i2c": _i2c(config)} if "i2c" in config else {}
    if "one_wire" in config:
        from drivers.one_wire import OneWireBus

        found["one_wire"] = OneWireBus(config["one_wire"])
    if "pir" in config:
        from drivers.pir import PirPins

        numbers = [config[name] for name in ("pir", "pir_2") if name in config]
        pull = (Pin.PULL_DOWN,) if is_rp2040(config) else ()  # ESP32's 34 to 39 have none
        eyes = [Pin(number, Pin.IN, *pull) for number in numbers]
        found["pir"] = PirPins(eyes, irq_options(config), lamp)
    if "pulse" in config:
        from drivers.pulse import PulseBus

        pins = config["pulse"]
        found["pulse"] = PulseBus(pins["trigger"], pins["echo"], sensor_power(config))
    if "uart" in config:
        from drivers.uart import UartBus

        pins = config["uart"]
        found["uart"] = UartBus(pins["id"], pins["tx"], pins["rx"])
    return found


def sensor_power(config):
    """The pin that gives the sensors their supply, still off; None when they always have it."""
    number = config.get("sensor_power")
    return None if number is None else output(number)


def lamp(config):
    """The lamp for who passes, None when the kit has none."""
    entry = config.get("lamp")
    if not entry:
        return None
    from drivers.lamp import Lamp

    return Lamp(output(entry["pin"]), entry["hold_s"] * 1000)


def traffic_light(config):
    """The three lamps, None when the board has none."""
    pins = config.get("light")
    if not pins:
        return None
    from drivers.traffic_light import TrafficLight

    return TrafficLight(output(pins["green"]), output(pins["orange"]), output(pins["red"]))


def battery(config):
    """The battery behind its divider, None when the board cannot read one."""
    entry = config.get("battery")
    if not entry:
        return None
    from drivers.battery import Battery, esp32_mv, rp2040_mv

    pin = Pin(entry["pin"])
    if is_rp2040(config):
        read_mv = rp2040_mv(machine.ADC(pin))
    else:
        read_mv = esp32_mv(machine.ADC(pin, atten=machine.ADC.ATTN_11DB))
    return Battery(read_mv, entry["ratio_permille"])


def button(config):
    """A function that is true while the service button is held, None without one."""
    entry = config.get("button")
    if not entry:
        return None
    pin = Pin(entry["pin"], Pin.IN, Pin.PULL_UP if not entry.get("on") else Pin.PULL_DOWN)
    return lambda: pin() == entry.get("on", 0)


def timer_id(config):
    """A timer that the family has: RP2040 only software ones, ESP32 only hardware ones."""
    return -1 if is_rp2040(config) else 0
