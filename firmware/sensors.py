# SPDX-License-Identifier: MIT
"""The sensors of this node: started, measured with three tries, and honest about what failed."""

from micropython import const

from passing import passing
from uplink import FLAGS, WARMING

_TRIES = const(3)
_POWER_UP_MS = const(100)  # from supply to start, where the driver does not say more
_SAME = const(10)  # raw replies in a row: a sensor that has noise does not repeat itself so long


_COLD_MS = const(900000)  # a sensor that warms up for longer never gets warm
_MARKS = const(6)  # of settings.py
_STEADY_PPM = const(50)  # CO2 that varies by less is the same


class _Entry:
    """One sensor of the config: its driver, the wire keys it is there for, its bus."""

    def __init__(self, name, driver, keys, bus):
        self.name, self.driver, self.keys, self.bus = name, driver, keys, bus
        self.started = False
        self.since_ms = self.valued_ms = 0  # when it was started, and last had a value
        self.raw, self.same = b"", 0  # the last raw reply, and how often it came in a row
        self.co2_ppm, self.steady_ms = None, 0  # what the CO2 has stayed near, and since when

    def note(self, co2_ppm, now_ms):
        """Take a new value of the CO2, None for no value, which is never the same."""
        if None in (co2_ppm, self.co2_ppm) or abs(co2_ppm - self.co2_ppm) > _STEADY_PPM:
            self.co2_ppm, self.steady_ms = co2_ppm, now_ms


class Sensors:
    """Runs the drivers that the config names; `faults` has bit k-1 set for a silent key k.

    On a battery they rest between two rounds. `supply` is a pin that is called with a level, None
    where they always have theirs.
    """

    def __init__(self, entries, buses, power, log, supply=None):
        self._power, self._log = power, log
        self._supply, self._supplied = supply, supply is None
        self._entries = []
        for entry in entries:
            name, bus = entry["driver"], buses[entry["bus"]]
            module = __import__("drivers." + name, None, None, ("Sensor",))
            self._entries.append(_Entry(name, module.Sensor(bus.bus, entry), entry["keys"], bus))
        self.faults = 0

    def each(self, method, *arguments):
        """Call what only some drivers have: restore, keep, sending."""
        for each in self._entries:
            function = getattr(each.driver, method, None)
            if function is not None:
                function(*arguments)

    def start(self, settings):
        """Start every sensor with the settings that concern it; one that fails starts later."""
        self._settings = settings
        self._power_up()
        for each in self._entries:
            try:
                self._start(each)
            except (OSError, ValueError) as error:
                self._log("sensor", each.name, "does not start:", error)

    def _start(self, each):
        each.started = False
        each.note(None, 0)
        each.driver.start(self._settings)
        each.started, each.since_ms = True, self._power.now_ms()

    def _power_up(self):
        """Give the sensors their supply, and the slowest of them its time."""
        if not self._supplied:
            self._supply(1)
            self._supplied = True
            needed_ms = [getattr(each.driver, "POWER_UP_MS", 0) for each in self._entries]
            self._power.wait_until(self._power.now_ms() + max([_POWER_UP_MS] + needed_ms))

    def _rest(self):
        """Until the next round: asleep where a driver can, without supply where a pin can."""
        for each in self._entries:
            if each.started:
                self._call(each, "sleep")
            each.started = False
            if hasattr(each.bus, "close"):
                each.bus.close()
        if self._supply is not None:
            self._supply(0)
            self._supplied = False

    def _call(self, each, name):
        """Call a method of the driver that not all have."""
        if hasattr(each.driver, name):
            try:
                getattr(each.driver, name)()
            except OSError as error:
                self._log("sensor", each.name, "takes no", name + ":", error)

    def first_ms(self):
        """Milliseconds from `start` to the first values of all sensors."""
        return max([each.driver.FIRST_MS for each in self._entries] or [0])

    def has(self, key):
        """True when a sensor of this node supplies the wire key."""
        return any(key in each.keys for each in self._entries)

    def takes(self, setting):
        """True when a sensor of this node can do that setting of FPort 2; marks need a distance."""
        if setting == _MARKS:
            return self.has(4)
        return any(setting in getattr(each.driver, "SETTINGS", ()) for each in self._entries)

    def measure(self):
        """The values of all sensors that answer, by wire key; a silent one leaves its keys out.

        A sensor gets the values of those before it. One that warms up has no fault for a while.
        """
        self._power_up()
        values, faults, flags = {}, 0, 0
        for each in self._entries:
            found = self._measure(each, values)
            own_flags, now_ms = found.get(FLAGS, 0), self._power.now_ms()
            flags |= own_flags
            for key in each.keys:
                if key in found:
                    values[key] = found[key]
                    each.valued_ms = now_ms
                elif not own_flags & WARMING or now_ms - each.valued_ms > _COLD_MS:
                    faults |= 1 << (key - 1)
        if flags:
            values[FLAGS] = flags
        if faults != self.faults:
            self._log("sensor faults", bin(faults))
        self.faults = faults
        if self._power.saves:
            self._rest()
        return values

    def _measure(self, each, values):
        for attempt in range(_TRIES):
            if attempt:
                self._power.wait_until(self._power.now_ms() + each.driver.RETRY_MS)
            try:
                if not each.started:
                    self._start(each)
                self._power.wait_until(each.since_ms + each.driver.FIRST_MS)
                found = _read(each, values)
                each.note(found.get(1), self._power.now_ms())
                return found
            except (OSError, ValueError) as error:
                problem = error
        self._log("sensor", each.name, "fails:", problem)
        each.bus.recover()
        self._call(each, "reset")
        each.started = False  # before the next reading
        return {}

    def calibrate_co2(self, ppm):
        """Forced calibration to outdoor or known air, see calibration.py; the correction in ppm.

        OSError: it failed or there is no sensor that measures. ValueError: checksum or value.
        """
        for each in self._entries:
            if 1 in each.keys and (each.started or self._power.saves):
                self._power_up()
                try:
                    return passing("calibration").calibrate(each, ppm, self._measure, self._power)
                finally:
                    if self._power.saves:
                        self._rest()
        raise OSError("no CO2 sensor that measures")


def _read(each, values):
    """Measure once. A driver's `raw`, where it has one, is its last reply as it came."""
    found = each.driver.measure(values)
    raw = getattr(each.driver, "raw", None)
    if raw is not None:
        each.same = each.same + 1 if raw == each.raw else 1
        each.raw = bytes(raw)
        if each.same >= getattr(each.driver, "SAME", _SAME):
            raise ValueError("frozen")
    return found
