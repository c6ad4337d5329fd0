# SPDX-License-Identifier: MIT
"""What the node makes of its sensors: three tries, fault bits, recovery, never an old number.

The driver here is the test's own: it follows a script. Time is virtual and moves only while the
node waits, so that the times of all transfers are exact.
"""

import sys

from sensors import Sensors
from uplink import FLAGS
from vectors import refuses

FIRST_MS, RETRY_MS, CALIBRATE_MS = 10000, 5000, 180000
GOOD = {1: 600, 2: 213, 3: 45}


class Clock:
    """Stands for Power: the only way to wait."""

    def __init__(self, saves):
        self._now_ms, self.saves = 1000, saves
        self._alive_ms, self.starved = 61000, False  # whether a wait was longer than its promise

    def now_ms(self):
        return self._now_ms

    def wait_until(self, deadline_ms):
        self._now_ms = max(self._now_ms, deadline_ms)
        self.starved = self.starved or self._now_ms > self._alive_ms

    def progress(self, within_ms):
        self._alive_ms = self._now_ms + within_ms


class Bus:
    """Knows its chip's script and clock, and how often it was freed."""

    def __init__(self, clock):
        self.bus = self
        self.clock = clock
        self.starts, self.answers, self.sleeps, self.results = [], [], [], []
        self.log, self.given = [], []
        self.recovered = 0

    def recover(self):
        self.recovered += 1

    def times(self, what):
        return [at_ms for found, at_ms in self.log if found == what]


class Scripted:
    """Its next start or answer is an error, None, or values; without a script all goes well."""

    FIRST_MS, RETRY_MS, CALIBRATE_MS = FIRST_MS, RETRY_MS, CALIBRATE_MS

    def __init__(self, bus, options):
        self._bus, self._options = bus, options

    def start(self, settings):
        self._note("start", settings)
        self._follow(self._bus.starts, None)

    def sleep(self):
        self._note("sleep")
        self._follow(self._bus.sleeps, None)

    def reset(self):
        self._note("reset")

    def measure(self, values):
        self._bus.given.append((self._options["keys"], dict(values)))
        self._note("measure")
        return self._follow(self._bus.answers, dict(GOOD))

    def calibrate(self, ppm):
        self._note("calibrate", ppm)
        return self._follow(self._bus.answers, -50)

    def _note(self, what, value=None):
        self._bus.log.append((what if value is None else (what, value), self._bus.clock.now_ms()))

    def _follow(self, script, otherwise):
        step = script.pop(0) if script else otherwise
        if isinstance(step, Exception):
            raise step
        return step


class Noisy(Scripted):
    """One that shows its last reply as it came: the bus's `raw`."""

    @property
    def raw(self):
        return self._bus.raw


class Calm(Scripted):
    """One whose replies may be the same for longer."""

    SAME = 15

    @property
    def raw(self):
        return self._bus.raw


class Settled(Scripted):
    """One that can be calibrated to 400 ppm only, and tells later what came of it."""

    SETTINGS = (5, 9)
    CALIBRATE_PPM, CALIBRATED_MS = 400, 6000

    def calibrated(self):
        self._note("calibrated")
        self._follow(self._bus.results, None)


class Slow(Scripted):
    """One that takes its time after power-on."""

    POWER_UP_MS = 1500


class Module:
    def __init__(self, sensor):
        self.Sensor = sensor


for sensor in (Scripted, Noisy, Calm, Slow, Settled):
    sys.modules["drivers." + sensor.__name__.lower()] = Module(sensor)


class Supply:
    """The pin of the supply, with the times at which it changed."""

    def __init__(self, clock):
        self._clock, self.log = clock, []

    def __call__(self, level):
        self.log.append((level, self._clock.now_ms()))


def made(*keys, driver="scripted", saves=False, supply=None):
    """Sensors, one a group of keys, each on a bus of its own; they have not been started."""
    clock = Clock(saves)
    buses = {str(index): Bus(clock) for index in range(len(keys))}
    rows = enumerate(keys)
    entries = [{"driver": driver, "bus": str(index), "keys": row} for index, row in rows]
    lines = []
    supply = supply and supply(clock)
    sensors = Sensors(entries, buses, clock, lambda *words: lines.append(words), supply)
    sensors.pin = supply
    return sensors, [buses[str(index)] for index in range(len(keys))], lines


def started(*keys, **options):
    """The same, started and past their first values."""
    sensors, buses, lines = made(*keys, **options)
    sensors.start("settings")
    buses[0].clock.wait_until(20000)
    for bus in buses:
        bus.log.clear()
    return sensors, buses, lines


def silence(count):
    return [OSError(5) for _ in range(count)]


def test_a_sensor_that_answers_is_asked_once():
    sensors, (bus,), lines = started([1, 2, 3])
    assert sensors.measure() == GOOD
    assert bus.log == [("measure", 20000)] and sensors.faults == 0 and lines == []


def test_only_the_keys_of_the_config_are_taken():
    sensors, _, _ = started([1], [2, 3])
    assert sensors.measure() == GOOD
    sensors, _, _ = started([1])
    assert sensors.measure() == {1: 600}


def test_the_third_try_counts_as_good():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [OSError(5), ValueError("checksum")]
    assert sensors.measure() == GOOD
    assert bus.times("measure") == [20000, 20000 + RETRY_MS, 20000 + 2 * RETRY_MS]
    assert sensors.faults == 0 and bus.recovered == 0


def test_after_three_tries_its_keys_are_missing_and_its_bits_are_set():
    for keys, bits in (([1, 2, 3], 0b111), ([13], 1 << 12), ([9, 10], 0b11 << 8)):
        sensors, (bus,), lines = started(keys)
        bus.answers = silence(3)
        assert sensors.measure() == {}
        assert sensors.faults == bits and len(bus.times("measure")) == 3
        assert lines[0][:2] == ("sensor", "scripted")  # which one it is


def test_a_failed_reading_never_brings_the_old_number():
    sensors, (bus,), _ = started([1, 2, 3])
    assert sensors.measure()[1] == 600
    bus.answers = silence(3)
    assert sensors.measure() == {}


def test_a_value_that_the_driver_leaves_out_is_a_fault_of_its_own():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [{1: 600, 3: 45}]
    assert sensors.measure() == {1: 600, 3: 45} and sensors.faults == 0b010


def test_the_others_go_on():
    sensors, (first, second), _ = started([1], [2, 3])
    first.answers = silence(3)
    assert sensors.measure() == {2: 213, 3: 45}
    assert sensors.faults == 0b001
    assert (first.recovered, second.recovered) == (1, 0)
    second.answers = silence(3)
    assert sensors.measure() == {1: 600} and sensors.faults == 0b110


def test_a_sensor_has_its_entry_of_the_config_and_the_values_of_those_before_it():
    sensors, (first, second, third), _ = started([2], [1], [3])
    second.answers = silence(3)
    sensors.measure()
    assert first.given == [([2], {})]
    assert second.given == [([1], {2: 213})] * 3 and third.given == [([3], {2: 213})]
    sensors.measure()
    assert first.given[-1] == ([2], {})  # of this round, not of the last
    assert third.given[-1] == ([3], {2: 213, 1: 600})


def test_the_flags_of_all_sensors_are_joined():
    sensors, (first, second, _), _ = started([1], [2], [3])
    first.answers = [{1: 600, FLAGS: 0b01000}]
    second.answers = [{2: 213, FLAGS: 0b10010}]
    assert sensors.measure() == {1: 600, 2: 213, 3: 45, FLAGS: 0b11010}
    assert sensors.measure() == GOOD


def test_one_that_warms_up_has_no_fault_and_another_no_excuse():
    sensors, (first, second, _), _ = started([1], [2], [3])
    first.answers = [{FLAGS: 0b00001}]
    second.answers = silence(3)
    assert sensors.measure() == {3: 45, FLAGS: 0b00001} and sensors.faults == 0b010
    first.answers = [{FLAGS: 0b00100}]  # noisy, and without a value
    assert sensors.measure() == {2: 213, 3: 45, FLAGS: 0b00100} and sensors.faults == 0b001


def test_the_tenth_same_raw_reply_in_a_row_is_a_frozen_sensor():
    sensors, (bus,), lines = started([1, 2, 3], driver="noisy")
    bus.raw = bytearray(b"one")
    assert [sensors.measure() for _ in range(9)] == [GOOD] * 9
    bus.raw[0] += 1  # in the same buffer
    assert [sensors.measure() for _ in range(9)] == [GOOD] * 9 and bus.recovered == 0
    assert sensors.measure() == {} and sensors.faults == 0b111
    assert lines[0][:3] == ("sensor", "noisy", "fails:") and bus.recovered == 1
    assert sensors.measure() == {}  # started anew, and still the same
    bus.raw = b"two"
    assert sensors.measure() == GOOD and sensors.faults == 0


def test_a_driver_may_say_how_many_same_replies_it_takes():
    sensors, (bus,), _ = started([1, 2, 3], driver="calm")
    bus.raw = b"one"
    assert [sensors.measure() == GOOD for _ in range(15)] == [True] * 14 + [False]


def test_a_reply_that_says_nothing_of_its_health_is_not_counted():
    sensors, (bus,), _ = started([1, 2, 3], driver="calm")
    bus.raw = b"one"
    for _ in range(14):
        sensors.measure()
    bus.raw = None
    for _ in range(30):
        assert sensors.measure() == GOOD
    bus.raw = b"one"
    assert sensors.measure() == {}


def test_readings_that_repeat_are_good_when_the_raw_reply_moves_or_is_not_shown():
    sensors, (bus,), _ = started([1, 2, 3], driver="noisy")
    for count in range(30):
        bus.raw = bytes((count & 1,))
        assert sensors.measure() == GOOD
    sensors, (bus,), _ = started([1, 2, 3])
    assert [sensors.measure() for _ in range(30)] == [GOOD] * 30


def test_a_silent_sensor_is_freed_started_anew_and_given_its_time():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = silence(3)
    sensors.measure()
    failed_ms = bus.clock.now_ms()
    assert bus.recovered == 1 and bus.times(("start", "settings")) == []
    assert sensors.measure() == GOOD and sensors.faults == 0
    assert bus.times(("start", "settings")) == [failed_ms]
    assert bus.times("measure")[-1] == failed_ms + FIRST_MS
    bus.log.clear()
    sensors.measure()
    assert bus.log == [("measure", failed_ms + FIRST_MS)]  # and not a second time


def test_one_that_does_not_start_is_tried_again_and_the_others_start():
    sensors, (first, second), lines = made([1], [2, 3])
    first.starts = silence(2)
    sensors.start("settings")
    assert len(lines) == 1 and second.times(("start", "settings")) == [1000]
    assert sensors.measure() == GOOD and sensors.faults == 0
    # the second try follows after the time between tries, the first value after its own
    assert first.times(("start", "settings")) == [1000, 1000, 1000 + RETRY_MS]
    assert first.times("measure") == [1000 + RETRY_MS + FIRST_MS]


def test_one_that_never_starts_has_its_fault_bits():
    sensors, (bus,), _ = made([1, 2, 3])
    bus.starts = silence(4)
    sensors.start("settings")
    assert sensors.measure() == {} and sensors.faults == 0b111
    assert bus.times("measure") == []


def test_nothing_is_measured_before_the_first_values_are_there():
    sensors, (bus,), _ = made([1, 2, 3])
    sensors.start("settings")
    assert sensors.first_ms() == FIRST_MS
    sensors.measure()
    assert bus.times("measure") == [1000 + FIRST_MS]


def test_new_settings_start_it_again_and_one_that_fails_at_it_is_not_asked():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.starts = silence(1)
    sensors.start("other settings")
    assert sensors.measure() == GOOD
    assert bus.times(("start", "other settings")) == [20000, 20000]
    assert bus.times("measure") == [20000 + FIRST_MS]


def test_it_knows_which_keys_it_can_supply():
    sensors, _, _ = made([1], [2, 3])
    assert [sensors.has(key) for key in (1, 2, 3, 4)] == [True, True, True, False]
    empty, _, _ = made()
    assert empty.first_ms() == 0 and empty.measure() == {} and not empty.has(1)


def test_it_knows_which_settings_its_sensors_can_do():
    sensors, _, _ = made([1], driver="settled")
    assert [each for each in range(13) if sensors.takes(each)] == [5, 9]
    sensors, _, _ = made([4])  # a distance has marks
    assert [each for each in range(13) if sensors.takes(each)] == [6]


def test_a_calibration_waits_for_three_minutes_in_which_nothing_changes():
    sensors, (bus,), _ = started([1, 2, 3])
    assert sensors.calibrate_co2(420) == -50
    assert bus.times("measure") == [20000 + 30000 * look for look in range(7)]
    assert bus.times(("calibrate", 420)) == [20000 + CALIBRATE_MS]
    assert not bus.clock.starved
    bus.log.clear()
    assert sensors.measure() == GOOD  # it stood still since: started anew
    assert bus.log == [
        (("start", "settings"), 20000 + CALIBRATE_MS),
        ("measure", 20000 + CALIBRATE_MS + FIRST_MS),
    ]


def test_one_that_has_measured_the_same_for_long_enough_is_calibrated_at_once():
    sensors, (bus,), _ = started([1, 2, 3])
    sensors.measure()
    bus.clock.wait_until(500000)
    sensors.calibrate_co2(420)
    assert bus.times(("calibrate", 420)) == [500000]


def test_three_minutes_begin_anew_when_the_air_changes():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [{1: ppm} for ppm in (600, 650, 550, 700, 651, 649)]
    sensors.calibrate_co2(420)
    # the fourth is more than 50 ppm from the first, the sixth from the fourth
    assert bus.times(("calibrate", 420)) == [20000 + 5 * 30000 + CALIBRATE_MS]


def test_air_that_never_stays_the_same_is_given_up():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [{1: 600 + 60 * look} for look in range(99)]
    assert refuses(OSError, sensors.calibrate_co2, 420)
    assert bus.times("measure")[-1] == 20000 + 2 * CALIBRATE_MS
    assert bus.times(("calibrate", 420)) == [] and not bus.clock.starved


def test_one_that_warms_up_has_no_fault_for_a_quarter_of_an_hour():
    sensors, (bus,), _ = started([1, 2, 3])
    assert sensors.measure() == GOOD
    for at_ms, faults in ((920000, 0), (920001, 0b111)):
        bus.clock.wait_until(at_ms)
        bus.answers = [{FLAGS: 1}]
        assert sensors.measure() == {FLAGS: 1} and sensors.faults == faults
    bus.answers = silence(3)  # a fault in between does not make it warm
    assert sensors.measure() == {} and sensors.faults == 0b111
    bus.answers = [{FLAGS: 1}]
    sensors.measure()
    assert sensors.faults == 0b111
    assert sensors.measure() == GOOD and sensors.faults == 0


def test_a_sensor_that_warms_up_is_waited_for():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [{FLAGS: 1}, {FLAGS: 1}]
    sensors.calibrate_co2(420)
    assert bus.times(("calibrate", 420)) == [80000 + CALIBRATE_MS]


def test_a_sensor_that_falls_silent_is_not_calibrated():
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = [dict(GOOD)] + silence(3)
    assert refuses(OSError, sensors.calibrate_co2, 420)
    assert bus.times(("calibrate", 420)) == []


def test_one_that_knows_one_value_only_is_not_calibrated_to_another():
    sensors, (bus,), _ = made([1], driver="settled")
    sensors.start("settings")
    bus.clock.wait_until(20000)
    assert refuses(ValueError, sensors.calibrate_co2, 420)
    assert bus.log == [(("start", "settings"), 1000)]
    assert sensors.calibrate_co2(400) == -50


def test_one_that_tells_later_what_came_of_a_calibration_is_asked():
    for result in (None, OSError(5), ValueError("checksum")):
        sensors, (bus,), _ = made([1], driver="settled")
        sensors.start("settings")
        bus.clock.wait_until(20000)
        bus.results = [result]
        if result is None:
            sensors.calibrate_co2(400)
        else:
            assert refuses(type(result), sensors.calibrate_co2, 400)
        (sent_ms,) = bus.times(("calibrate", 400))
        assert bus.times("calibrated") == [sent_ms + Settled.CALIBRATED_MS]


def test_after_a_refused_calibration_it_measures_on():
    sensors, (bus,), _ = started([1, 2, 3])
    sensors.measure()
    bus.clock.wait_until(500000)
    bus.answers = [dict(GOOD)] + silence(1)
    assert refuses(OSError, sensors.calibrate_co2, 420)
    assert sensors.measure() == GOOD
    assert len(bus.times(("start", "settings"))) == 1


def test_without_a_co2_sensor_that_measures_there_is_no_calibration():
    sensors, _, _ = started([2, 3])
    assert refuses(OSError, sensors.calibrate_co2, 420)
    sensors, (bus,), _ = started([1, 2, 3])
    bus.answers = silence(3)
    sensors.measure()
    assert refuses(OSError, sensors.calibrate_co2, 420)
    assert bus.times(("calibrate", 420)) == []


def test_on_a_battery_sensors_have_their_supply_for_a_round_only():
    sensors, (bus,), _ = made([1, 2, 3], saves=True, supply=Supply)
    sensors.start("settings")
    assert bus.times(("start", "settings")) == [1100]  # a tenth of a second after its supply
    assert sensors.measure() == GOOD
    off_ms = 1100 + FIRST_MS
    assert sensors.pin.log == [(1, 1000), (0, off_ms)] and bus.log[-1] == ("sleep", off_ms)
    bus.clock.wait_until(100000)
    bus.log.clear()
    assert sensors.measure() == GOOD
    assert bus.log == [
        (("start", "settings"), 100100),
        ("measure", 100100 + FIRST_MS),
        ("sleep", 100100 + FIRST_MS),
    ]
    assert sensors.pin.log[2:] == [(1, 100000), (0, 100100 + FIRST_MS)]


def test_the_slowest_sensor_says_how_long_after_its_supply_they_start():
    sensors, (bus, _), _ = made([1], [2], driver="slow", saves=True, supply=Supply)
    sensors.start("settings")
    assert bus.times(("start", "settings")) == [1000 + 1500]


def test_without_a_switch_they_sleep_between_rounds_and_one_that_does_not_is_no_fault():
    sensors, (first, second), lines = started([1], [2, 3], saves=True)
    first.sleeps = silence(1)
    assert sensors.measure() == GOOD and sensors.faults == 0
    assert first.times("sleep") == second.times("sleep") == [20000] and len(lines) == 1
    second.answers = silence(3)
    assert sensors.measure() == {1: 600}
    assert len(first.times("sleep")) == 2 and len(second.times("sleep")) == 1  # it is silent


def test_on_mains_they_never_sleep():
    sensors, (bus,), _ = started([1, 2, 3])
    sensors.measure()
    assert bus.times("sleep") == []


def test_a_sensor_that_failed_is_reset_after_its_bus_was_freed():
    sensors, (first, second), _ = started([1], [2, 3])
    first.answers = silence(3)
    sensors.measure()
    assert len(first.times("reset")) == 1 and second.times("reset") == []


def test_a_bus_that_can_be_shut_is_shut_while_the_node_sleeps():
    for saves, expected in ((True, 1), (False, 0)):
        sensors, (bus, _), _ = made([1], [2], saves=saves)
        bus.close = bus.recover
        sensors.start("settings")
        sensors.measure()
        assert bus.recovered == expected
        sensors.calibrate_co2(420)
        assert bus.recovered == 2 * expected


def test_on_a_battery_a_calibration_has_its_supply_and_its_minutes():
    sensors, (first, second), _ = made([2], [1], saves=True, supply=Supply)
    sensors.start("settings")
    sensors.measure()
    for bus in (first, second):
        bus.log.clear()
    second.clock.wait_until(100000)
    assert sensors.calibrate_co2(420) == -50
    assert second.times(("start", "settings")) == [100100]
    done_ms = 100100 + FIRST_MS + CALIBRATE_MS
    assert second.times("measure") == [100100 + FIRST_MS + 30000 * look for look in range(7)]
    assert second.log[-1] == (("calibrate", 420), done_ms)
    assert sensors.pin.log[2:] == [(1, 100000), (0, done_ms)] and first.log == []
    second.starts = silence(3)
    assert refuses(OSError, sensors.calibrate_co2, 420)
    assert sensors.pin.log[-1][0] == 0


def test_what_only_some_drivers_have_is_asked_of_those():
    sensors, (first, second), _ = started([1], [2, 3])
    sensors.each("calibrate", 420)
    sensors.each("nobody has this", 420)
    assert first.times(("calibrate", 420)) == second.times(("calibrate", 420)) == [20000]
