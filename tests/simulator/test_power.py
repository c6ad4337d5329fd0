# SPDX-License-Identifier: MIT
"""firmware/power.py on a virtual board: when a wait ends, and when the watchdog bites."""

import pytest
from test_board import ESP32, RP2040, Bench

from simulator.board import BOOT_US

FILES = ("power.py", "passing.py", "hardware.py", "memory.py", "cbor.py")
HEAD = "import machine, power, time\n"


@pytest.fixture
def bench(tmp_path):
    """A function: what a program prints on a board within so many seconds, and its starts in us."""

    def bench(program, seconds, chip=RP2040):
        made = Bench(tmp_path, chip, HEAD + program, firmware=FILES)
        return made.run(seconds), made.board.starts

    return bench


def test_a_wait_ends_at_its_deadline_and_uptime_does_not_wrap(bench):
    lines, _ = bench(
        """
node = power.Power(uptime_ms=500)
print(node.now_ms())
node.wait_until(9600)  # past the wrap of ticks_ms
print(node.now_ms())
node.wait_ms(250)
print(node.now_ms(), node.now_s())
""",
        12,
    )
    assert lines == ["500", "9600", "9850 9"]


@pytest.mark.parametrize("left_us", [300, 1999, 2001, 12345, 9000000])
def test_a_wait_in_microseconds_is_never_early_and_not_10_us_late(bench, left_us):
    lines, _ = bench(
        f"""
node = power.Power()
end_us = time.ticks_add(time.ticks_us(), {left_us})
node.wait_until_us(end_us)
print(time.ticks_diff(time.ticks_us(), end_us))
""",
        12,
    )
    assert 0 <= int(lines[0]) <= 100


def test_a_flag_ends_a_wait_within_its_slice(bench):
    lines, _ = bench(
        """
class Flags:
    def __init__(self, after_ms):
        self._end_ms = time.ticks_add(time.ticks_ms(), after_ms)
    @property
    def flag(self):
        return time.ticks_diff(time.ticks_ms(), self._end_ms) >= 0
node = power.Power()
for slice_ms in (50, 1):
    began_ms = node.now_ms()
    print(node.wait_until(began_ms + 5000, Flags(120), slice_ms), node.now_ms() - began_ms)
began_ms = node.now_ms()
print(node.wait_until(began_ms + 333, Flags(5000)), node.now_ms() - began_ms)
began_ms = node.now_ms()
print(node.wait_until(began_ms + 9999, None), node.now_ms() - began_ms)
""",
        20,
    )
    assert lines == ["True 150", "True 120", "False 333", "False 9999"]


def test_waits_feed_the_watchdog_as_long_as_the_work_gets_on_and_no_longer(bench):
    _, starts = bench(
        """
node = power.Power()
node.arm()
node.progress(30000)
node.wait_ms(25000)
node.progress(30000)
node.wait_ms(600000)
""",
        80,
    )
    (_, first), (bite_us, why), *_ = starts
    assert (first, why) == ("power", "watchdog")
    # the last feed is that of the slice at 53 s; 8 s after it the dog bites
    assert (bite_us - BOOT_US[RP2040]) / 1e6 == pytest.approx(53 + 8, abs=0.1)


def test_what_never_says_that_it_gets_on_is_bitten_after_a_minute(bench):
    _, starts = bench("node = power.Power()\nnode.arm()\nnode.wait_ms(600000)\n", 80)
    (_, _), (bite_us, why), *_ = starts
    assert why == "watchdog"
    assert (bite_us - BOOT_US[RP2040]) / 1e6 == pytest.approx(56 + 8, abs=0.1)


def test_nothing_bites_before_it_is_armed_nor_while_flags_are_watched(bench):
    _, starts = bench(
        """
class Flags:
    flag = False
node = power.Power()
node.wait_ms(30000)
node.arm()
node.progress(40000)
node.wait_until(node.now_ms() + 30000, Flags())
print("alive")
machine.reset()
""",
        70,
    )
    assert [why for _, why in starts[:2]] == ["power", "reset"]


def test_light_sleep_lets_a_bite_reset_the_ring_oscillator_and_only_then(bench):
    lines, _ = bench(
        """
node = power.Power({"chip": "rp2040", "mains": False})
print(node.saves, node.deeply, machine.mem32[0x40010008] & 1)
node.idle_until(node.now_ms() + 9000)
print(node.now_ms(), machine.mem32[0x40010008] & 1)
on_mains = power.Power({"chip": "rp2040"})
print(on_mains.saves, on_mains.deeply)
""",
        20,
    )
    assert lines == ["True False 0", "9000 0", "False False"]


def test_a_bite_in_light_sleep_starts_the_board_again(bench):
    _, starts = bench(
        """
node = power.Power({"chip": "rp2040", "mains": False})
node.arm()
node.idle_until(node.now_ms() + 600000)
""",
        80,
    )
    assert [why for _, why in starts[:2]] == ["power", "watchdog"]


def test_deep_sleep_keeps_what_it_was_given_for_one_wake(bench):
    lines, starts = bench(
        """
config = {"chip": "esp32", "mains": False, "radio": {"cs": 18, "reset": 23}}
woken = power.woken()
node = power.Power(config, woken[0] if woken else 5000)
print(woken and woken[1], node.now_ms() // 100)
if woken is None:
    print(node.pays_deep_sleep(node.now_ms() + 9999), node.pays_deep_sleep(node.now_ms() + 10000))
    node.deep_sleep_until(node.now_ms() + 60000, ["kept", 7])
print(power.woken())
""",
        80,
        ESP32,
    )
    assert lines[:2] == ["None 50", "False True"]
    kept, uptime = lines[2].rsplit(" ", 1)
    assert kept == "['kept', 7]" and 650 <= int(uptime) <= 660
    assert lines[3] == "None"  # it was good for one
    assert [why for _, why in starts[:2]] == ["power", "deepsleep"]
