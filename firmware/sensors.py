# SPDX-License-Identifier: MIT
"""The sensors of this node: started, measured with three tries, and honest about what failed."""

from micropython import const


_TRIES = const(3)
_RETRY_MS = const(1000)  # a sensor that is busy or was disturbed answers again by then


class Sensors:
    """Runs the drivers that the config names; `faults` has bit k-1 set for a silent key k."""

    def __init__(self, entries, buses, power, log):
        self._power, self._log, self._buses = power, log, buses
        self._sensors = []  # [driver object, keys, started]
        for entry in entries:
            module = __import__("drivers." + entry["driver"], None, None, ("Sensor",))
            sensor = module.Sensor(buses[entry["bus"]].bus)
            self._sensors.append([sensor, entry["keys"], False, entry["bus"]])
        self.faults = 0

    def start(self, settings):
        """Start every sensor with the settings that concern it; one that fails starts later."""
        for each in self._sensors:
            self._start(each, settings)
        self._settings = settings

    def _start(self, each, settings):
        try:
            each[0].start(settings)
            each[2] = True
        except (OSError, ValueError) as error:
            self._log("sensor", type(each[0]).__name__, "does not start:", error)

    def first_ms(self):
        """Milliseconds from `start` to the first values of all sensors."""
        return max([sensor.FIRST_MS for sensor, _, _, _ in self._sensors] or [0])

    def has(self, key):
        """True when a sensor of this node supplies the wire key."""
        return any(key in keys for _, keys, _, _ in self._sensors)

    def measure(self):
        """The values of all sensors that answer, by wire key; a silent one leaves its keys out."""
        values, faults = {}, 0
        for each in self._sensors:
            found = self._measure(each)
            for key in each[1]:
                if key in found:
                    values[key] = found[key]
                else:
                    faults |= 1 << (key - 1)
        if faults != self.faults:
            self._log("sensor faults", bin(faults))
        self.faults = faults
        return values

    def _measure(self, each):
        sensor = each[0]
        for attempt in range(_TRIES):
            if attempt:
                self._power.wait_until(self._power.now_ms() + _RETRY_MS)
            try:
                if not each[2]:
                    sensor.start(self._settings)
                    each[2] = True
                    self._power.wait_until(self._power.now_ms() + sensor.FIRST_MS)
                return sensor.measure()
            except (OSError, ValueError) as error:
                problem = error
        self._log("sensor", type(sensor).__name__, "fails:", problem)
        self._recover(each)
        return {}

    def _recover(self, each):
        """Free the bus, and start the sensor anew before the next reading."""
        self._buses[each[3]].recover()
        each[2] = False

    def calibrate_co2(self, ppm):
        """Forced calibration to outdoor or known air. OSError: it failed or there is no sensor."""
        for sensor, keys, started, _ in self._sensors:
            if 1 in keys and started:
                return sensor.calibrate(ppm)
        raise OSError("no CO2 sensor that measures")
