# SPDX-License-Identifier: MIT
"""The sensors of this node: started, measured with three tries, and honest about what failed."""

from micropython import const


_TRIES = const(3)


class _Entry:
    """One sensor of the config: its driver, the wire keys it is there for, its bus."""

    def __init__(self, name, driver, keys, bus):
        self.name, self.driver, self.keys, self.bus = name, driver, keys, bus
        self.started = False
        self.since_ms = 0  # when it was started


class Sensors:
    """Runs the drivers that the config names; `faults` has bit k-1 set for a silent key k."""

    def __init__(self, entries, buses, power, log):
        self._power, self._log = power, log
        self._entries = []
        for entry in entries:
            name, bus = entry["driver"], buses[entry["bus"]]
            module = __import__("drivers." + name, None, None, ("Sensor",))
            self._entries.append(_Entry(name, module.Sensor(bus.bus), entry["keys"], bus))
        self.faults = 0

    def start(self, settings):
        """Start every sensor with the settings that concern it; one that fails starts later."""
        self._settings = settings
        for each in self._entries:
            try:
                self._start(each)
            except (OSError, ValueError) as error:
                self._log("sensor", each.name, "does not start:", error)

    def _start(self, each):
        each.started = False
        each.driver.start(self._settings)
        each.started, each.since_ms = True, self._power.now_ms()

    def first_ms(self):
        """Milliseconds from `start` to the first values of all sensors."""
        return max([each.driver.FIRST_MS for each in self._entries] or [0])

    def has(self, key):
        """True when a sensor of this node supplies the wire key."""
        return any(key in each.keys for each in self._entries)

    def measure(self):
        """The values of all sensors that answer, by wire key; a silent one leaves its keys out."""
        values, faults = {}, 0
        for each in self._entries:
            found = self._measure(each)
            for key in each.keys:
                if key in found:
                    values[key] = found[key]
                else:
                    faults |= 1 << (key - 1)
        if faults != self.faults:
            self._log("sensor faults", bin(faults))
        self.faults = faults
        return values

    def _measure(self, each):
        for attempt in range(_TRIES):
            if attempt:
                self._power.wait_until(self._power.now_ms() + each.driver.RETRY_MS)
            try:
                if not each.started:
                    self._start(each)
                self._power.wait_until(each.since_ms + each.driver.FIRST_MS)
                return each.driver.measure()
            except (OSError, ValueError) as error:
                problem = error
        self._log("sensor", each.name, "fails:", problem)
        each.bus.recover()
        each.started = False  # before the next reading
        return {}

    def calibrate_co2(self, ppm):
        """Forced calibration to outdoor or known air, once it has been measured for long enough.

        OSError: it failed or there is no sensor that measures. ValueError: checksum.
        """
        for each in self._entries:
            if 1 in each.keys and each.started:
                self._power.wait_until(each.since_ms + each.driver.CALIBRATE_MS)
                each.started = False  # it stands still afterwards, whatever came out
                return each.driver.calibrate(ppm)
        raise OSError("no CO2 sensor that measures")
