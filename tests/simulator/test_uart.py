# SPDX-License-Identifier: MIT
"""The UART of a virtual board: the time of each byte, what is lost, and each family's limits."""

import pytest

from host import files, image
from simulator.board import Board
from simulator.clock import Clock
from simulator.schedule import run
from simulator.uart import sampled

RP2040, ESP32 = "rp2040", "esp32-pico-d4"
FIRMWARE = files.root() / "firmware"
PINS = {RP2040: (12, 13), ESP32: (15, 34)}
MADE = {
    RP2040: "machine.UART(0, baudrate=9600, tx=Pin(12), rx=Pin(13), rxbuf=256)",
    ESP32: "machine.UART(2, baudrate=9600, tx=Pin(15), rx=Pin(34), rxbuf=256)",
}
BUS = {RP2040: "UartBus(0, 12, 13)", ESP32: "UartBus(2, 15, 34)"}
BYTE_US = 1042  # ten bits at 9600 baud
BOOT_US = {RP2040: 250_000, ESP32: 400_000}


class Device:
    """It notes what it hears, and sends what the test says: (first edge in us, bytes)."""

    def __init__(self, clock, *frames, baudrate=9600, stop_bits=1):
        self.baudrate, self.stop_bits = baudrate, stop_bits
        self.heard, self._clock, self._frames = [], clock, frames

    def hear(self, data):
        self.heard.append((self._clock.now_us, data))

    def sent(self, from_us, until_us):
        return [each for each in self._frames if from_us < each[0] <= until_us]


class Bench:
    """One board with a program for main.py; `uart` is its UART, `at_ms` waits for a time."""

    def __init__(self, folder, chip, program, *frames, firmware=(), **options):
        self.clock, flash, self._log = Clock(), folder / "flash", folder / "log"
        head = f"import machine, time\nfrom machine import Pin\nuart = {MADE[chip]}\n"
        if firmware:
            head = (
                "import machine, time\nfrom machine import Pin\nfrom drivers.uart import UartBus\n"
            )
            head += f"bus = {BUS[chip]}\n"
        head += f"began = time.ticks_ms() - {BOOT_US[chip] // 1000}\n"
        head += "def at_ms(ms):\n    time.sleep_ms(ms - time.ticks_diff(time.ticks_ms(), began))\n"
        contents = {name: FIRMWARE.joinpath(name).read_bytes() for name in firmware}
        contents["main.py"] = (head + program).encode()
        flash.write_bytes(image.build(contents, 64))
        self.board = Board("bench", chip, flash, self._log.open("wb"), self.clock, 1)
        self.device = Device(self.clock, *frames, **options)
        self.board.wire_uart(*PINS[chip], self.device)

    def run(self, seconds):
        self.board.power_on()
        try:
            run([self.board], self.clock, round(seconds * 1e6))
        finally:
            self.board.power_off()
        return self._log.read_text().splitlines()


@pytest.fixture
def bench(tmp_path):
    return lambda *arguments, **options: Bench(tmp_path, *arguments, **options)


def both(function):
    return pytest.mark.parametrize("chip", [RP2040, ESP32])(function)


@both
def test_a_byte_is_there_when_its_ten_bits_are(bench, chip):
    program = """
began_us = None
while not uart.any():
    time.sleep_us(50)
print(time.ticks_ms() - began, uart.any())
at_ms(1050)
print(uart.any(), uart.read(2), uart.any(), uart.read(9), uart.read(9), uart.read(), uart.any())
"""
    first, second = bench(chip, program, (1_000_000, bytes(range(5)))).run(2)
    assert first == "1001 1"  # 1.04 ms after its edge
    assert second == r"5 b'\x00\x01' 3 b'\x02\x03\x04' None None 0"


@both
def test_a_sensor_with_two_stop_bits_is_slower_and_heard_all_the_same(bench, chip):
    program = "at_ms(1023)\nprint(uart.any())\nat_ms(1024)\nprint(uart.any())\n"
    frames = (1_000_000, bytes(20))  # the last one ends at 21.9 ms: ten of its bits count
    assert bench(chip, program, frames, stop_bits=2).run(2) == ["20", "20"]
    program = "at_ms(1021)\nprint(uart.any())\nat_ms(1023)\nprint(uart.any())\n"
    assert bench(chip, program, frames, stop_bits=2).run(2) == ["18", "20"]


@both
def test_readinto_fills_what_it_can(bench, chip):
    program = """
at_ms(1100)
some, more = bytearray(b"........"), bytearray(b"....")
print(uart.readinto(some, 3), some)
for _ in range(3):
    print(uart.readinto(more), more)
"""
    lines = bench(chip, program, (1_000_000, b"abcdefgh")).run(2)
    assert lines == [
        "3 bytearray(b'abc.....')",
        "4 bytearray(b'defg')",
        "1 bytearray(b'hefg')",
        "None bytearray(b'hefg')",
    ]


@both
def test_what_is_written_goes_out_byte_by_byte_and_nobody_waits(bench, chip):
    program = """
at_ms(1000)
print(uart.write(b"12345"), uart.write(bytearray(b"67")), time.ticks_ms() - began)
"""
    made = bench(chip, program)
    assert made.run(2) == ["5 2 1000"]
    (first_us, one), (second_us, two) = made.device.heard
    assert (one, two) == (b"12345", b"67")
    assert first_us - 1_000_000 == pytest.approx(5 * BYTE_US, abs=100)
    assert second_us - first_us == pytest.approx(2 * BYTE_US, abs=2)  # behind it, not into it


def test_rp2040_waits_for_the_next_byte_and_esp32_does_not(bench):
    program = "at_ms(1002)\nprint(uart.read(9), time.ticks_ms() - began)\n"
    frames = (1_000_000, b"abcd")
    assert bench(RP2040, program, frames).run(2)[0][:7] == "b'abcd'"
    assert bench(ESP32, program, frames).run(2) == ["b'a' 1002"]


def test_a_pause_of_two_bytes_ends_rp2040s_wait(bench):
    program = "at_ms(1002)\nprint(uart.read(9), time.ticks_ms() - began)\n"
    (line,) = bench(RP2040, program, (1_000_000, b"ab"), (1_006_000, b"cd")).run(2)
    text, ended_ms = line.split()
    assert text == "b'ab'" and 1003 <= int(ended_ms) <= 1005


DRAIN = """
at_ms(60000)
found = b""
while uart.any():
    found += uart.read(uart.any())
print(len(found), found[:2], found[286:])
at_ms(61000)
print(uart.any())
"""


@pytest.mark.parametrize(
    ("count", "rp2040", "esp32"),
    [
        (256, 256, 256),
        (257, 257, 257),
        (288, 288, 288),
        (289, 288, 289),  # RP2040: the newest is lost
        (385, 288, 385),
        (386, 288, 257),  # ESP32: the FIFO ran over and was emptied
        (400, 288, 257 + 14),
        (1000, 288, 257 + (1000 - 386) % 129),
    ],
)
def test_what_is_not_read_in_time_is_lost_in_each_familys_way(bench, count, rp2040, esp32):
    data = bytes(index % 251 for index in range(count))
    for chip, kept in ((RP2040, rp2040), (ESP32, esp32)):
        lost = data[:kept] if chip == RP2040 else data[:257] + data[count - kept + 257 :]
        made = bench(chip, DRAIN, (1_000_000, data), (60_500_000, b"xyz"))
        assert made.run(62) == [f"{kept} {lost[:2]} {lost[286:kept]}", "3"]


@both
def test_a_day_of_frames_costs_no_more_than_their_end(bench, chip):
    class FreeRunning(Device):
        asked_us = 0

        def sent(self, from_us, until_us):
            self.asked_us += until_us - from_us
            begin_us = from_us - from_us % 150_000 + 150_000
            return [(at_us, b"R1000\r") for at_us in range(begin_us, until_us + 1, 150_000)]

    program = "at_ms(86000000)\nprint(uart.any())\n"
    made = bench(chip, program)
    made.device = FreeRunning(made.clock)
    made.board.wire_uart(*PINS[chip], made.device)
    assert made.run(86400) == ["256"]
    assert made.device.asked_us < 20_000_000


@both
def test_another_baud_rate_gives_garbage(bench, chip):
    program = "at_ms(1100)\nprint(uart.read())\n"
    data = b"R1234\rR1234\r"
    assert bench(chip, program, (1_000_000, data)).run(2) == [str(data)]
    for baudrate in (4800, 19200, 115200):
        (line,) = bench(chip, program, (1_000_000, data), baudrate=baudrate).run(2)
        assert "R1234" not in line


def test_a_receiver_samples_the_line_at_its_own_times():
    # 0x55 at 4800 baud is a square wave of 208 us; at 9600 each level is two bits
    assert [byte for _, byte in sampled(b"\x55", 4800, 9600)] == [0x66, 0xE6]
    # slow by 4 %: the last bit is still sampled within it; by 6 % it is not
    assert [byte for _, byte in sampled(b"\x80\x7f\xaa", 9600, 9984)] == [0x80, 0x7F, 0xAA]
    assert [byte for _, byte in sampled(b"\x80\x7f\xaa", 9600, 10300)] != [0x80, 0x7F, 0xAA]


@both
def test_before_it_is_open_nothing_is_received_and_of_a_frame_under_way_its_end(bench, chip):
    program = (
        "uart.deinit()\nat_ms(1003)\nuart = " + MADE[chip] + "\nat_ms(1100)\nprint(uart.read())\n"
    )
    made = bench(chip, program, (900_000, b"before"), (1_000_000, b"abcdef"))
    assert made.run(2) == ["b'def'"]


@both
def test_made_anew_it_has_forgotten_everything(bench, chip):
    program = "at_ms(1100)\nuart2 = " + MADE[chip] + "\nprint(uart.any(), uart2.any())\n"
    assert bench(chip, program, (1_000_000, b"abc")).run(2) == ["0 0"]


@pytest.mark.parametrize(
    ("chip", "call", "outcome"),
    [
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(13))", "fine"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(0), rx=Pin(1))", "fine"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(16), rx=Pin(17))", "fine"),
        (RP2040, "machine.UART(1, 9600, tx=Pin(4), rx=Pin(5))", "fine"),
        (RP2040, "machine.UART(1, 9600, tx=Pin(8), rx=Pin(9))", "fine"),
        (RP2040, "machine.UART(1, 9600, tx=Pin(12), rx=Pin(13))", "ValueError"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(13), rx=Pin(12))", "ValueError"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(5))", "ValueError"),
        (RP2040, "machine.UART(2, 9600, tx=Pin(12), rx=Pin(13))", "ValueError"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(13), rxbuf=32766)", "fine"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(13), rxbuf=32767)", "ValueError"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(13), rxbuf=1)", "fine"),
        (RP2040, "machine.UART(0, 9600, tx=Pin(12), rx=Pin(13), pins=1)", "TypeError"),
        (RP2040, "machine.UART(0, 9600, 7, tx=Pin(12), rx=Pin(13))", "ValueError"),
        (ESP32, "machine.UART(0, 9600, tx=Pin(15), rx=Pin(34))", "ValueError"),
        (ESP32, "machine.UART(1, 9600, tx=Pin(15), rx=Pin(34))", "fine"),
        (ESP32, "machine.UART(2, 9600, tx=Pin(33), rx=Pin(13))", "fine"),
        (ESP32, "machine.UART(3, 9600, tx=Pin(15), rx=Pin(34))", "ValueError"),
        (ESP32, "machine.UART(2, 9600, tx=Pin(34), rx=Pin(15))", "OSError"),
        (ESP32, "machine.UART(2, 9600, tx=Pin(15), rx=Pin(34), rxbuf=128)", "OSError"),
        (ESP32, "machine.UART(2, 9600, tx=Pin(15), rx=Pin(34), rxbuf=129)", "fine"),
        # closed, it has to be made anew: RP2040 would write into memory that it gave away
        (RP2040, "uart.deinit() or uart.any()", "OSError"),
        (RP2040, "uart.deinit() or uart.init(9600, tx=Pin(12), rx=Pin(13))", "MemoryError"),
        (ESP32, "uart.deinit() or uart.init(9600, tx=Pin(15), rx=Pin(34))", "fine"),
        (RP2040, "uart.init(9600, tx=Pin(12), rx=Pin(13))", "fine"),
    ],
)
def test_each_chip_family_has_its_limits(bench, chip, call, outcome):
    program = f"""
try:
    {call}
    print("fine")
except Exception as e:
    print(type(e).__name__)
"""
    assert bench(chip, program).run(1) == [outcome]


@both
def test_nobody_is_on_other_pins_or_on_pins_that_were_taken_away(bench, chip):
    others = {RP2040: "0, 9600, tx=Pin(0), rx=Pin(1)", ESP32: "1, 9600, tx=Pin(13), rx=Pin(35)"}[
        chip
    ]
    program = f"""
at_ms(1100)
other = machine.UART({others})
Pin({PINS[chip][1]}, Pin.IN)
at_ms(2100)
print(other.any(), uart.any(), uart.read(1), uart.write(b"1"))
uart = {MADE[chip]}
at_ms(3100)
print(uart.any())
"""
    made = bench(chip, program, *[(second * 1_000_000, b"abc") for second in (1, 2, 3)])
    assert made.run(4) == ["0 0 None 1", "3"] and made.device.heard == []


def test_rp2040_does_not_wake_from_a_light_sleep_after_0xf0(bench):
    program = """
at_ms(1100)
{}
for _ in range(3):
    machine.lightsleep(1000)
    print("awake")
"""
    for data, act, lines in (
        (b"\xef\xf1", "", 3),
        (b"\xef\xf0\xf1", "", 0),
        (b"\xf0", "uart.read()", 0),  # that it was read does not help
        (b"\xf0", "uart.deinit()", 3),
    ):
        made = bench(RP2040, program.format(act), (1_000_000, data))
        assert made.run(100) == ["awake"] * lines
    esp32 = bench(ESP32, program.format(""), (1_000_000, b"\xf0"))
    assert esp32.run(100) == ["awake"] * 3


@both
def test_in_a_light_sleep_its_clock_stands_still(bench, chip):
    program = "at_ms(1100)\nmachine.lightsleep(1000)\nat_ms(3100)\nprint(uart.read())\n"
    made = bench(chip, program, *[(ms * 1000, bytes((ms // 100,))) for ms in (1000, 2000, 3000)])
    assert made.run(4) == [r"b'\n\x1e'"]


# The firmware's bus.

IN_USE = {"firmware": ("drivers/uart.py",)}


@both
def test_the_bus_opens_when_it_is_used_and_receives_from_then_on(bench, chip):
    program = """
at_ms(1100)
print(bus.bus.any())
at_ms(2100)
print(bus.bus.any(), bus.bus.read(2), bus.bus.read(5), bus.bus.read(5))
bus.bus.write(b"42")
at_ms(2200)
"""
    frames = [(second * 1_000_000, b"abc") for second in (1, 2)]
    made = bench(chip, program, *frames, **IN_USE)
    assert made.run(3) == ["0", "3 b'ab' b'c' None"]
    ((_, heard),) = made.device.heard
    assert heard == b"42"


@both
def test_recovered_it_has_forgotten_what_came_and_works(bench, chip):
    program = """
print(bus.bus.any())
at_ms(1100)
bus.recover()
print(bus.bus.any())
at_ms(2100)
print(bus.bus.any())
"""
    frames = [(second * 1_000_000, b"abc") for second in (1, 2)]
    assert bench(chip, program, *frames, **IN_USE).run(3) == ["0", "0", "3"]


@both
def test_closed_it_keeps_the_line_idle_and_lets_the_board_sleep(bench, chip):
    program = """
bus.bus.any()
at_ms(1100)
bus.close()
bus.close()
machine.lightsleep(1000)
print("awake", bus.bus.any())
at_ms(3100)
print(bus.bus.any())
"""
    made = bench(chip, program, (1_000_000, b"\xf0"), (3_000_000, b"abc"), **IN_USE)
    seen = []
    made.board.wire_output(PINS[chip][0], seen.append)
    assert made.run(4) == ["awake 0", "3"]
    assert seen == [1]
