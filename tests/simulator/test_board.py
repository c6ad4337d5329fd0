# SPDX-License-Identifier: MIT
"""The virtual board: time, limits, interrupts, resets and flash, each from small programs."""

from itertools import pairwise
from time import monotonic

import pytest

from host import files, image
from host.errors import HostError
from simulator import board as boards
from simulator.board import Board
from simulator.chips.i2c import I2cChip
from simulator.clock import Clock
from simulator.family import BOOT_US
from simulator.schedule import run
from simulator.timing import Timing

RP2040, ESP32 = "rp2040", "esp32"
FIRMWARE = files.root() / "firmware"


class Bench:
    """One board with a program for main.py, its log, and the clock."""

    def __init__(self, folder, chip, program, timing=None, seed=1, firmware=()):
        self.clock = Clock()
        self.flash = folder / "flash"
        contents = {name: FIRMWARE.joinpath(name).read_bytes() for name in firmware}
        contents["main.py"] = program.encode()
        self.flash.write_bytes(image.build(contents, 64))
        self._log = (folder / "log").open("wb")
        self.path = folder / "log"
        self.board = Board("bench", chip, self.flash, self._log, self.clock, seed, timing)

    def run(self, seconds):
        self.board.power_on()
        try:
            run([self.board], self.clock, round(seconds * 1e6))
        finally:
            self.board.power_off()
        return self.lines()

    def lines(self):
        return self.path.read_text().splitlines()


@pytest.fixture
def bench(tmp_path):
    return lambda *arguments, **options: Bench(tmp_path, *arguments, **options)


def test_ticks_start_below_their_wrap_and_wrap_at_2_to_the_30(bench):
    program = """
import time
a, b = time.ticks_ms(), time.ticks_us()
time.sleep_ms(6000)
c, d = time.ticks_ms(), time.ticks_us()
print(a, c, time.ticks_diff(c, a), b > d, time.ticks_diff(d, b))
print(time.ticks_add(a, 10000) == a + 10000 - (1 << 30))
try:
    time.ticks_add(a, 1 << 29)
except OverflowError:
    print("overflow")
"""
    first, wrapped, third = bench(RP2040, program).run(10)
    before, after, passed, us_wrapped, us = first.split()
    assert (1 << 30) - 5001 <= int(before) < 1 << 30 and int(after) < 2000
    assert 6000 <= int(passed) <= 6001 and us_wrapped == "True"
    assert 6_000_000 <= int(us) < 6_000_100
    assert (wrapped, third) == ("True", "overflow")


def test_a_day_of_short_sleeps_needs_no_trips(bench):
    program = "import time\nfor _ in range(1728000):\n    time.sleep_ms(50)\nprint('done')\n"
    made = bench(RP2040, program)
    assert made.run(90000) == ["done"]
    assert made.board.trips < 10


def test_a_fast_crystal_counts_more_milliseconds_in_the_same_time(bench):
    program = """
import time, machine
for _ in range(10):
    time.sleep_ms(1000)
    machine.Pin(5, 1, value=1)
"""
    for ppm, expected_us in ((1000, 9_990_010), (-1000, 10_010_010)):
        made = bench(RP2040, program, timing=Timing(clock_ppm=ppm))
        seen = []
        made.board.wire_output(
            5, lambda level, seen=seen, made=made: seen.append(made.clock.now_us)
        )
        made.run(20)
        assert seen[-1] - 250_000 == pytest.approx(expected_us, abs=300)


@pytest.mark.parametrize("sleep", ["time.sleep_ms(60000)", "machine.lightsleep(60000)"])
def test_a_crystal_that_drifts_counts_on_from_where_it_was(bench, sleep):
    program = f"""
import time, machine
a = time.ticks_ms()
machine.Pin(5, 1, value=1)
for _ in range(4):
    {sleep}
    machine.Pin(5, 1, value=1)
    print(time.ticks_diff(time.ticks_ms(), a))
"""
    made, seen = bench(RP2040, program), []
    made.board.wire_output(5, lambda level: seen.append(made.clock.now_us))
    made.clock.call_at(90_250_000, made.board.drift, -50_000)  # in the middle of the second
    counted = [int(line) for line in made.run(400)]
    assert counted == pytest.approx([60_000, 120_000, 180_000, 240_000], abs=10)
    took_s = [(after - before) / 1e6 for before, after in pairwise(seen)]
    slow_s = 60 / 0.95
    assert took_s == pytest.approx([60, 30 + slow_s / 2, slow_s, slow_s], abs=0.02)


def test_a_crystal_drifts_in_a_deep_sleep_too(bench):
    program = "import machine, time\nprint(time.time())\nmachine.deepsleep(100000)\n"
    made = bench(ESP32, program)
    began_us = 50_000_000
    made.clock.call_at(began_us, made.board.drift, -50_000)
    clock_s = [int(line) for line in made.run(400)]
    (_, first), *later = [(at_us, why) for at_us, why in made.board.starts]
    assert first == "power" and [why for _, why in later] == ["deepsleep"] * 3
    slept_us = later[0][0]
    boot_us = BOOT_US["esp32"]
    done_us = began_us - boot_us  # of the first hundred seconds
    assert slept_us == pytest.approx(began_us + (100_000_000 - done_us) / 0.95, abs=20_000)
    # by its own clock, which runs on, it slept a hundred seconds each time
    gaps_s = [after - before for before, after in pairwise(clock_s)]
    assert gaps_s == pytest.approx([100] * 3, abs=1.1)
    gap_us = later[2][0] - later[1][0] - boot_us
    assert gap_us == pytest.approx(100_000_000 / 0.95, abs=20_000)


@pytest.mark.parametrize(
    ("chip", "call", "error"),
    [
        (ESP32, "Pin(4).irq(lambda p: None, Pin.IRQ_RISING, hard=True)", "TypeError"),
        (RP2040, "Pin(4).irq(lambda p: None, Pin.IRQ_RISING, hard=True)", "fine"),
        (ESP32, "Pin(4).irq(lambda p: None, Pin.IRQ_RISING, wake=None)", "fine"),
        (ESP32, "Pin(4).irq(lambda p: None, Pin.IRQ_RISING, priority=1)", "TypeError"),
        (RP2040, "Pin(30)", "ValueError"),
        (ESP32, "Pin(24)", "ValueError"),
        (ESP32, "Pin(6)", "ValueError"),
        (RP2040, "Pin(24)", "fine"),
        (ESP32, "Pin(34, Pin.OUT)", "ValueError"),
        (ESP32, "Pin(39, Pin.IN)", "fine"),
        (RP2040, "machine.SPI(2)", "ValueError"),
        (ESP32, "machine.SPI(0)", "ValueError"),
        (RP2040, "machine.SPI(0, sck=Pin(2), mosi=Pin(3), miso=Pin(4))", "fine"),
        (RP2040, "machine.SPI(1, sck=Pin(14), mosi=Pin(15), miso=Pin(8))", "fine"),
        (RP2040, "machine.SPI(1, sck=Pin(2), mosi=Pin(3), miso=Pin(4))", "ValueError"),
        (RP2040, "machine.SPI(0, sck=Pin(3), mosi=Pin(2), miso=Pin(4))", "ValueError"),
        (RP2040, "machine.SPI(0, sck=Pin(2), mosi=Pin(3), miso=Pin(5))", "ValueError"),
        (ESP32, "machine.SPI(1, sck=Pin(5), mosi=Pin(27), miso=Pin(19))", "fine"),
        (RP2040, "machine.I2C(0, scl=Pin(21), sda=Pin(20))", "fine"),
        (RP2040, "machine.I2C(1, scl=Pin(3), sda=Pin(2))", "fine"),
        (RP2040, "machine.I2C(0, scl=Pin(20), sda=Pin(21))", "ValueError"),
        (RP2040, "machine.I2C(0, scl=Pin(3), sda=Pin(2))", "ValueError"),
        (RP2040, "machine.SoftI2C(Pin(20), Pin(21))", "fine"),
        (ESP32, "machine.I2C(0, scl=Pin(22), sda=Pin(21))", "fine"),
        (RP2040, "machine.lightsleep(4294968)", "ValueError"),
        (RP2040, "machine.WDT(timeout=8389)", "ValueError"),
        (RP2040, "machine.WDT(timeout=8388)", "fine"),
        (ESP32, "machine.WDT(timeout=60000)", "fine"),
        (ESP32, "machine.WDT(timeout=999)", "ValueError"),
        (RP2040, "machine.WDT(1, timeout=8000)", "ValueError"),
        (RP2040, "machine.ADC(26)", "fine"),
        (RP2040, "machine.ADC(25)", "ValueError"),
        (RP2040, "machine.ADC(Pin(26), atten=3)", "TypeError"),
        (ESP32, "machine.ADC(Pin(35), atten=3)", "fine"),
        (ESP32, "machine.ADC(Pin(13), atten=3)", "fine"),
        (ESP32, "machine.ADC(Pin(5), atten=3)", "ValueError"),
        (RP2040, "machine.ADC.ATTN_11DB", "AttributeError"),
        (RP2040, "machine.ADC(26).read_uv()", "AttributeError"),
        (ESP32, "machine.ADC(Pin(35), atten=machine.ADC.ATTN_11DB).read_uv()", "fine"),
        (RP2040, "machine.DEEPSLEEP_RESET", "AttributeError"),
        (ESP32, "machine.DEEPSLEEP_RESET", "fine"),
        (ESP32, "machine.bootloader", "AttributeError"),
        (ESP32, "machine.RTC().memory(bytes(2048))", "fine"),
        (ESP32, "machine.RTC().memory(bytes(2049))", "ValueError"),
        (RP2040, "machine.RTC().memory()", "AttributeError"),
        (ESP32, "Pin(5, Pin.OUT, value=1, hold=True)", "fine"),
        (RP2040, "Pin(5, Pin.OUT, value=1, hold=True)", "TypeError"),
        (RP2040, "machine.mem32[0x40010008]", "fine"),
        (RP2040, "machine.mem32[0x40010000]", "ValueError"),
        (ESP32, "machine.mem32[0x40010008]", "ValueError"),
        (RP2040, "machine.Timer(0)", "ValueError"),
        (ESP32, "machine.Timer(-1)", "ValueError"),
    ],
)
def test_each_chip_family_has_its_limits(bench, chip, call, error):
    program = (
        "import machine\nfrom machine import Pin\n"
        f"try:\n    {call}\n    print('fine')\n"
        "except Exception as e:\n    print(type(e).__name__)\n"
    )
    assert bench(chip, program).run(1) == [error]


def test_a_watchdog_that_is_not_fed_resets_at_its_time(bench):
    program = """
import machine, time
print(machine.reset_cause())
machine.WDT(timeout=5000)
while True:
    time.sleep_ms(60000)
"""
    made = bench(ESP32, program)
    assert made.run(6)[:2] == ["1", "3"]
    (at_us, why), (again_us, bitten) = made.board.starts[:2]
    assert (at_us, why, bitten) == (0, "power", "watchdog")
    assert again_us == pytest.approx(400_000 + 5_000_000, abs=100)


def test_a_fed_watchdog_stays_quiet(bench):
    program = """
import machine, time
dog = machine.WDT(timeout=5000)
for _ in range(100):
    time.sleep_ms(4900)
    dog.feed()
print("alive")
machine.reset()
"""
    made = bench(RP2040, program)
    assert made.run(495)[0] == "alive"
    assert [why for _, why in made.board.starts] == ["power", "reset"]


def test_rp2040_calls_every_reset_a_watchdog_and_esp32_tells_them_apart(bench):
    for chip, causes in ((RP2040, ["1", "3", "3"]), (ESP32, ["1", "4", "4"])):
        program = "import machine\nprint(machine.reset_cause())\nmachine.deepsleep(60000)\n"
        made = bench(chip, program)
        assert made.run(150) == causes
        times = [at_us for at_us, _ in made.board.starts]
        assert times[1] - times[0] == pytest.approx(60_000_000 + boards.BOOT_US[chip], abs=100)


def test_an_interrupt_comes_at_the_edge_plus_the_latency(bench):
    program = """
import machine, time
from machine import Pin
def seen(pin):
    global at
    at = time.ticks_us()
at = None
start = time.ticks_us()
Pin(6, Pin.IN).irq(seen, Pin.IRQ_RISING)
time.sleep_ms(3000)
print(time.ticks_diff(at, start))
"""
    for irq_us in (0, 12, 5000, 35000):
        made = bench(RP2040, program, timing=Timing(irq_us=irq_us))
        made.clock.call_at(1_250_000, made.board.drive, 6, 1)
        made.clock.call_at(1_300_000, made.board.drive, 6, 0)
        (late_us,) = made.run(5)
        assert int(late_us) == pytest.approx(1_000_000 + irq_us, abs=60)


HANDLER = """
import time
from machine import Pin
def seen(pin):
    global kept
    kept = bytes(8)
kept = None
Pin(4, Pin.IN).irq(seen, Pin.IRQ_RISING{})
time.sleep_ms(3000)
print(kept)
"""


@pytest.mark.parametrize(
    ("chip", "option", "last"),
    [
        (RP2040, ", hard=True", "MemoryError: memory allocation failed, heap is locked"),
        (RP2040, "", str(bytes(8))),
        (ESP32, "", str(bytes(8))),
    ],
)
def test_a_hard_interrupt_cannot_allocate(bench, chip, option, last):
    made = bench(chip, HANDLER.format(option))
    made.clock.call_at(1_250_000, made.board.drive, 4, 1)
    assert made.run(5)[-1] == last


def test_a_hard_interrupt_may_take_the_time_and_switch_a_lamp_after_months(bench):
    program = """
import time
from machine import Pin
lamp, start = Pin(19, Pin.OUT), time.ticks_us()
class Stamp:
    def __init__(self):
        self.at = 0
    def seen(self, pin):
        self.at = time.ticks_us()
        lamp(pin())
stamp = Stamp()
Pin(6, Pin.IN).irq(stamp.seen, Pin.IRQ_RISING, hard=True)
for _ in range(100):
    time.sleep_ms(86400000)
print(stamp.at > 0)
"""
    made = bench(RP2040, program)
    made.board.wire_lamp(19)
    at_us = 90 * 86_400_000_000
    made.clock.call_at(at_us, made.board.drive, 6, 1)
    assert made.run(101 * 86400) == ["True"]
    ((shone_us, *lit),) = made.board.outputs
    assert lit == [19, 1] and at_us < shone_us < at_us + 100


@pytest.mark.parametrize(("chip", "slept_ms"), [(RP2040, 1001), (ESP32, 4000)])
def test_an_interrupt_ends_a_light_sleep_of_rp2040_once_its_clocks_are_up(bench, chip, slept_ms):
    program = """
import machine, time
from machine import Pin
def seen(pin):
    global at
    at = time.ticks_us()
Pin(4, Pin.IN).irq(seen, Pin.IRQ_RISING)
start = time.ticks_us()
machine.lightsleep(4000)
print(time.ticks_diff(time.ticks_us(), start) // 1000, time.ticks_diff(at, start) // 1000)
machine.lightsleep(4000)
print(time.ticks_diff(time.ticks_us(), start) // 1000)
"""
    made = bench(chip, program)
    made.clock.call_at(boards.BOOT_US[chip] + 1_000_000, made.board.drive, 4, 1)
    slept, again = made.run(20)
    assert slept.split() == [str(slept_ms), "1001" if chip == RP2040 else "1000"]
    assert int(again) == slept_ms + 4000


ERASES = """
import time
from machine import Pin
def seen(pin):
    global at
    at = time.ticks_us()
at, data = None, bytes(16384)
Pin(4, Pin.IN).irq(seen, Pin.IRQ_RISING{})
with open("kept", "wb") as file:
    start = time.ticks_us()
    file.write(data)
    file.write(data)
    end = time.ticks_us()
print(time.ticks_diff(at, start) // 1000, time.ticks_diff(end, start) // 1000)
"""


@pytest.mark.parametrize(("chip", "option"), [(RP2040, ", hard=True"), (ESP32, "")])
def test_a_handler_waits_for_an_erase_and_that_of_esp32_for_the_whole_file_call(
    bench, chip, option
):
    made = bench(chip, ERASES.format(option))
    made.clock.call_at(boards.BOOT_US[chip] + 140_000, made.board.drive, 4, 1)
    (line,) = made.run(2)
    at_ms, took_ms = map(int, line.split())
    assert sum(made.board.wear.erases.values()) >= 8
    if chip == RP2040:
        # at the end of the second erase; between the two 16 pages were programmed
        assert at_ms == pytest.approx(45 + 16 * 0.7 + 45, abs=1)
    else:
        assert at_ms == pytest.approx(took_ms / 2, abs=30)  # between the two calls


def test_an_input_that_nobody_drives_reads_its_pull(bench):
    program = (
        "from machine import Pin\n"
        "print(Pin({0}, Pin.IN)(), Pin({0}, Pin.IN, Pin.PULL_UP)(),"
        " Pin({0}, Pin.IN, Pin.PULL_DOWN)())\n"
    )
    for chip, pin, levels in ((RP2040, 9, "0 1 0"), (ESP32, 13, "0 1 0"), (ESP32, 35, "0 0 0")):
        assert bench(chip, program.format(pin)).run(1) == [levels]


class Listener(I2cChip):
    """A chip that acknowledges everything."""

    def __init__(self, address=0x62):
        self.address = address

    def write(self, data):
        return True

    def read(self, length):
        return bytes(length)


# Both families' bus of the firmware, and what a transfer says.
BUS = """
import time
from drivers.i2c import I2cBus
from machine import I2C, Pin, SoftI2C
bus = I2cBus(21, 20, {number})
def write(i2c=bus.bus, address=0x62):
    try:
        return i2c.writeto(address, b"12")
    except OSError as error:
        return error.errno
def took_ms(act):
    began_us = time.ticks_us()
    said = act()
    return said, time.ticks_diff(time.ticks_us(), began_us) // 1000
"""
FAMILIES = ((RP2040, BUS.format(number=0)), (ESP32, BUS.format(number=None)))


def test_a_bus_loses_its_pins_to_a_pin_and_gets_them_back_by_recovery(bench):
    program = """
print(write())
Pin(20, Pin.IN)
print(write())
bus.recover()
print(write())
"""
    for chip, head in FAMILIES:
        made = bench(chip, head + program, firmware=("drivers/i2c.py",))
        made.board.wire_i2c(21, 20, Listener())
        seen = []
        for pin in (20, 21):
            made.board.wire_output(pin, lambda level, pin=pin, seen=seen: seen.append((pin, level)))
        assert made.run(1) == ["2", "110", "2"]
        # I2C specification 3.1.16: nine clocks; then SDA rises while SCL is high, a stop
        freed = [(21, 1), (20, 1), *[(21, 0), (21, 1)] * 9, (20, 0), (20, 1)]
        assert seen == 2 * freed  # at its start too


def test_nobody_is_on_lines_that_are_swapped(bench):
    program = "print(SoftI2C(Pin(20), Pin(21)).scan(), SoftI2C(Pin(21), Pin(20)).scan())"
    for chip, head in FAMILIES:
        made = bench(chip, head + program, firmware=("drivers/i2c.py",))
        made.board.wire_i2c(21, 20, Listener())
        assert made.run(1) == ["[] [98]"]


def test_a_chip_that_holds_the_data_line_lets_it_go_after_nine_clocks(bench):
    program = """
print(write(), write(address=0x44))
bus.recover()
print(write(), write(address=0x44), write(address=0x45) in (5, 19))
"""
    for chip, head in FAMILIES:
        for clocks, after in ((9, "2 2 True"), (10, "110 110 False")):
            made = bench(chip, head + program, firmware=("drivers/i2c.py",))
            holder = Listener()
            made.board.wire_i2c(21, 20, holder)
            made.board.wire_i2c(21, 20, Listener(0x44))
            holder.held_clocks = 9 + clocks  # those of the start do not do
            assert made.run(2) == ["110 110", after]


def test_a_bus_that_is_held_from_before_a_reset_is_free_at_the_start(bench):
    for chip, head in FAMILIES:
        made = bench(chip, head + "print(write())", firmware=("drivers/i2c.py",))
        holder = Listener()
        holder.held_clocks = 9
        made.board.wire_i2c(21, 20, holder)
        assert made.run(1) == ["2"]


def test_a_held_data_line_reads_low(bench):
    program = """
print(Pin(20, Pin.IN, Pin.PULL_UP)())
scl = Pin(21, Pin.OPEN_DRAIN, value=1)
scl(0)
scl(1)
print(Pin(20, Pin.IN, Pin.PULL_UP)())
"""
    made = bench(RP2040, "from machine import Pin\n" + program)
    holder = Listener()
    holder.held_clocks = 1
    made.board.wire_i2c(21, 20, holder)
    assert made.run(1) == ["0", "1"]


@pytest.mark.parametrize(
    ("bus", "stretched_ms", "families"),
    # what is said, and after how long, on RP2040 and on ESP32
    [
        ("bus.bus", 150, ("(2, 150)", "(2, 150)")),  # the longest of an SCD30
        ("bus.bus", 201, ("(110, 200)", "(110, 200)")),
        ("I2C(0, scl=Pin(21), sda=Pin(20))", 49, ("(2, 49)", "(110, 13)")),
        ("I2C(0, scl=Pin(21), sda=Pin(20))", 51, ("(110, 50)", "(110, 13)")),
        ("I2C(0, scl=Pin(21), sda=Pin(20), timeout=200000)", 13, ("(2, 13)", "(2, 13)")),
        ("I2C(0, scl=Pin(21), sda=Pin(20), timeout=200000)", 14, ("(2, 14)", "(110, 13)")),
        ("SoftI2C(Pin(21), Pin(20))", 49, ("(2, 49)", "(2, 49)")),
        ("SoftI2C(Pin(21), Pin(20))", 51, ("(110, 50)", "(110, 50)")),
    ],
)
def test_a_stretched_clock_takes_its_time_up_to_the_timeout(bench, bus, stretched_ms, families):
    program = f"i2c = {bus}\nprint(took_ms(lambda: write(i2c)))"
    for (chip, head), said in zip(FAMILIES, families, strict=True):
        made = bench(chip, head + program, firmware=("drivers/i2c.py",))
        listener = Listener()
        listener.stretched_us = stretched_ms * 1000
        made.board.wire_i2c(21, 20, listener)
        assert made.run(1) == [said]


@pytest.mark.parametrize(("chip", "pin"), [(RP2040, 26), (ESP32, 35)])
def test_a_battery_of_4_20_volts_reads_so_on_both_families(bench, chip, pin):
    program = f"""
import hardware
config = {{"chip": "{chip}", "battery": {{"pin": {pin}, "ratio_permille": 2000}}}}
print(hardware.battery(config).read_cv())
"""
    made = bench(chip, program, firmware=("hardware.py", "drivers/battery.py"))
    made.board.wire_adc(pin, lambda: 65535 * 2100 // 3300)  # behind two equal resistors
    assert made.run(1) == ["420"]


def test_what_is_written_to_flash_is_there_after_a_power_cut(bench):
    program = """
import os, time
print(sorted(os.listdir()))
with open("kept", "w") as file:
    file.write("x")
time.sleep_ms(100000)
"""
    made = bench(RP2040, program)
    with_data = program.replace('write("x")', 'write("x" * 9000)')
    made = bench(RP2040, with_data)
    made.clock.call_at(5_000_000, made.board.power_off)
    made.clock.call_at(6_000_000, made.board.power_on)
    assert made.run(10) == ["['main.py']", "['kept', 'main.py']"]
    assert made.board.wear.programs > 0 and sum(made.board.wear.erases.values()) > 0


def test_rp2040_formats_what_it_cannot_mount(bench):
    made = bench(RP2040, "print('program')")
    made.flash.write_bytes(b"\x55" * (64 * 4096))
    assert made.run(1) == []
    assert b"littlefs" in made.flash.read_bytes()[:64]


def test_esp32_does_not_start_without_its_filesystem(bench):
    made = bench(ESP32, "print('program')")
    made.flash.write_bytes(b"\x55" * (64 * 4096))
    with pytest.raises(HostError, match="ended by itself"):
        made.run(1)
    assert made.lines()[0] == "The filesystem appears to be corrupted."
    assert made.flash.read_bytes() == b"\x55" * (64 * 4096)


def test_random_numbers_come_from_the_seed_and_differ_from_start_to_start(bench):
    program = "import os, machine\nprint(os.urandom(8).hex())\nmachine.reset()\n"
    one = bench(RP2040, program).run(1)
    assert bench(RP2040, program).run(1) == one
    assert bench(RP2040, program, seed=2).run(1)[0] != one[0]
    assert len(set(one)) == len(one) > 2


def test_a_program_that_ends_by_itself_is_named(bench):
    with pytest.raises(HostError, match="ended by itself"):
        bench(RP2040, "import sys\nsys.exit()\n").run(1)


def test_a_loop_without_a_call_is_stopped_and_named_with_its_line(bench, monkeypatch):
    monkeypatch.setattr("simulator.board._REACTS_MS", 40_000)  # and it is not waited for
    made = bench(RP2040, "n = 0\nwhile True:\n    n += 1\n")
    made.board.hang_s = 1  # instead of two minutes
    began_s = monotonic()
    with pytest.raises(HostError, match=r"without a call.*line 3"):
        made.run(1)
    assert monotonic() - began_s < 40


def test_rtc_memory_outlives_sleep_and_bite_but_not_the_power(bench):
    program = """
import machine
rtc = machine.RTC()
kept = len(rtc.memory())
print(machine.reset_cause(), kept)
rtc.memory(bytes(kept + 500))
if kept == 0:
    machine.deepsleep(1000)
if kept == 500:
    machine.WDT(timeout=1000)
while True:
    machine.lightsleep(60000)
"""
    made = bench(ESP32, program)
    made.clock.call_at(10_000_000, made.board.power_off)
    made.clock.call_at(11_000_000, made.board.power_on)
    assert made.run(11.5) == ["1 0", "4 500", "3 1000", "1 0"]


def test_a_held_pin_keeps_its_level_through_deep_sleep_until_it_is_let_go(bench):
    program = """
import machine, esp32, time
if machine.reset_cause() != 4:
    machine.Pin(5, machine.Pin.OUT, value=1, hold=True)
    esp32.gpio_deep_sleep_hold(True)
    machine.deepsleep(1000)
pin = machine.Pin(5, machine.Pin.OUT, value=0)
time.sleep_ms(100)
pin(0)
machine.Pin(5, machine.Pin.OUT, value=0, hold=False)
time.sleep_ms(1000)
"""
    made, seen = bench(ESP32, program), []
    made.board.wire_output(5, lambda level: seen.append((made.clock.now_us // 100_000, level)))
    made.run(3)
    assert seen == [(4, 1), (19, 0)]  # 0.4 s to start, twice, one second of sleep, 0.1 s


def test_esp32s_clock_runs_on_through_deep_sleep_and_rp2040s_begins_anew(bench):
    program = """
import machine, time
print(time.time_ns() // 1000000)
machine.deepsleep(60000)
"""
    epoch_ms = 662774400000
    first, second = bench(ESP32, program).run(70)
    assert int(first) - epoch_ms == 400 and int(second) - epoch_ms == 60_800
    first, second = bench(RP2040, program).run(70)
    assert int(first) == int(second) == epoch_ms


def test_a_power_cut_ends_a_deep_sleep_and_its_wake(bench):
    made = bench(ESP32, "import machine\nmachine.deepsleep(10000)\n")
    made.clock.call_at(5_000_000, made.board.power_off)
    made.clock.call_at(30_000_000, made.board.power_on)
    made.run(35)
    assert made.board.starts == [(0, "power"), (30_000_000, "power")]
    assert made.board.time_by_state_us()["asleep"] == 4_600_000 + 4_600_000


BITTEN = """
import machine
print(machine.reset_cause())
machine.WDT(timeout=8000)
{}
while True:
    machine.lightsleep(3000)
"""


def test_a_bite_in_light_sleep_stops_rp2040_for_good_unless_it_resets_the_oscillator(bench):
    made = bench(RP2040, BITTEN.format(""))
    made.clock.call_at(60_000_000, made.board.power_off)
    made.clock.call_at(61_000_000, made.board.power_on)
    assert made.run(65) == ["1", "1"]  # 52 s of nothing, until the plug is pulled
    made = bench(RP2040, BITTEN.format("machine.mem32[0x40010008] |= 1"))
    assert made.run(20) == ["1", "3", "3"]
    assert made.board.time_by_state_us()["asleep"] == pytest.approx(19_250_000, abs=2000)
