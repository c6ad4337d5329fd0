# SPDX-License-Identifier: MIT
"""What is done on site by one action: marks from the distance that is there now, calibration.

At the prompt of service mode: `import onsite; onsite.take("empty")`, `onsite.calibrate(425)`. At a
board with a button: press reset, then hold the service button until the LED shines.
"""

import cbor
import config as configuration
import service
import settings
from airing import Airing
from led import NO_MARK, Led
from led import light as light_of
from micropython import const
from passing import passing
from power import Power
from sensors import Sensors
from settings import Settings
from store import Store

_NAMES = ("empty", "full", "level")
_SHINE_MS = const(3000)
_SHOWN_MS = const(10000)  # room for a code
_CALIBRATE_MS = const(5400000)  # twice 20 minutes for air that stays the same, and then some


def calibrate(ppm):
    """Have the CO2 sensor take the air that is here for `ppm`: outdoors 425, some know 400 only.

    It waits until the value has been the same for some minutes. Returns the correction in ppm where
    the sensor says one. OSError: it refuses, or the air changes. ValueError: not to that value.
    """
    if not 400 <= ppm <= 2000:
        raise ValueError("{} ppm: 400 to 2000 are possible".format(ppm))
    service.guard(_CALIBRATE_MS)
    store = Store()
    config = configuration.load(store)
    power = Power(config)
    sensors = _sensors(config, power)
    sensors.start(Settings(store, config))
    power.wait_ms(sensors.first_ms())
    correction_ppm = sensors.calibrate_co2(ppm)
    Airing(store, None, power, config["sensors"]).calibrated()
    service.guard()
    return correction_ppm


def take(name, above_mm=0):
    """Measure, and keep it as the mark of that name; returns setting 6 as it is now.

    `above_mm`: how high the water stands above the level that is to count as 0. OSError: no
    distance. ValueError: it cannot be that mark.
    """
    store = Store()
    config = configuration.load(store)
    values, power = Settings(store, config), Power(config)
    sensors = _sensors(config, power)
    sensors.start(values)
    power.wait_ms(sensors.first_ms())
    distance_mm = sensors.measure().get(4)
    if distance_mm is None:
        raise OSError("no distance")
    marks = [distance_mm + above_mm if each == name else None for each in _NAMES]
    answer, _ = values.handle(cbor.encode({settings.MARKS: marks}), sensors.takes)
    if name not in _NAMES or cbor.decode(answer)[1] != settings.DONE:
        raise ValueError("{} mm is no {} mark".format(distance_mm + above_mm, name))
    return values[settings.MARKS]


def by_button(config, power, log):
    """Take the mark of this kit, the LED shines for it or blinks; False: it has no marks.

    Where water is measured that is the level as it stands, of a bin the empty one.
    """
    empty_mm, _, level_mm = config.get("marks") or (None, None, None)
    if empty_mm is None and level_mm is None:
        return False
    light = light_of(config.get("led"))
    led = Led(light)
    try:
        log("marks in mm:", take("empty" if level_mm is None else "level"))
        if light is not None:
            light(1)
            power.wait_ms(_SHINE_MS)
            light(0)
    except (OSError, ValueError) as error:
        log("no mark:", error)
        led.code = NO_MARK
        led.show(_SHOWN_MS, power.wait_ms)
    return True


def _sensors(config, power):
    """All of them: one may need the temperature of another."""
    hardware = passing("hardware")
    supply = hardware.sensor_power(config)
    return Sensors(config["sensors"], hardware.buses(config), power, print, supply)
