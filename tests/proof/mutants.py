# SPDX-License-Identifier: MIT
"""Mistakes on purpose, one at a time: for each a test has to fail.

`python tests/proof/mutants.py [NUMBER ...]` runs all of them, or some. Each runs in a copy of the
checkout, and only the tests that name its file.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
JOBS = 2


class Mutant(NamedTuple):
    """`old` stands once in firmware/`file`; with `new` in its place one of `tests` has to fail."""

    file: str
    old: str
    new: str
    tests: str


DRIVER = "tests/firmware/test_sx127x.py tests/simulator/test_sx1276.py"
MAC = "tests/firmware/test_mac.py tests/firmware/test_answers.py tests/firmware/test_channels.py"
WINDOWS = "tests/firmware/test_link.py tests/simulator/test_windows.py"
FRAME, JOIN, CRYPTO, BACKOFF, STORE, SESSION, BACKLOG, DELIVERY = (
    f"tests/firmware/test_{name}.py"
    for name in ("frame", "join", "crypto", "backoff", "store", "session", "backlog", "delivery")
)
PIR, LAMP, DAYS = (
    f"tests/simulator/test_{name}.py" for name in ("pir_driver", "lamp", "counting_days")
)
SENSORS, SCD4X, SHT4X, SCD30, SHT3X, BME280, CLIMATE, WORDS, BATTERY, LIGHT, STATUS, CONFIG = (
    f"tests/firmware/test_{name}.py"
    for name in (
        "sensors", "scd4x", "sht4x", "scd30", "sht3x", "bme280", "climate", "sensirion", "battery",
        "traffic_light", "status", "config",
    )
)  # fmt: skip
DISTANCE = "tests/firmware/test_distance.py"
PULSE = "tests/simulator/test_pulse.py"
MARKS = "tests/firmware/test_marks.py"
ON_SITE = "tests/simulator/test_marks.py"
BOARD = "tests/simulator/test_board.py"

MUTANTS = (
    # The driver: bits, registers, flags.
    Mutant("lora/sx127x.py", "dbm - (5 if boosted else 2)", "dbm - 2", DRIVER),
    Mutant("lora/sx127x.py", "_PA_BOOST = const(0x80)", "_PA_BOOST = const(0x00)", DRIVER),
    Mutant("lora/sx127x.py", "_OCP_240MA = const(0x3B)", "_OCP_240MA = const(0x2B)", DRIVER),
    Mutant("lora/sx127x.py", "(freq_hz << 19) + 16000000", "(freq_hz << 19) - 16000000", DRIVER),
    Mutant("lora/sx127x.py", "_set_iq(0x67, 0x19)", "_set_iq(0x27, 0x1D)", DRIVER),
    Mutant("lora/sx127x.py", "_set_iq(0x27, 0x1D)", "_set_iq(0x26, 0x1D)", DRIVER),
    Mutant(
        "lora/sx127x.py",
        "_SYNC_WORD_LORAWAN = const(0x34)",
        "_SYNC_WORD_LORAWAN = const(0x12)",
        DRIVER,
    ),
    Mutant("lora/sx127x.py", "_LDRO_ON = const(0x08)", "_LDRO_ON = const(0x00)", DRIVER),
    Mutant("lora/sx127x.py", "_DIO0_TX_DONE = const(0x40)", "_DIO0_TX_DONE = const(0x00)", DRIVER),
    Mutant("lora/sx127x.py", "flags & self.PAYLOAD_CRC_ERROR", "flags & 0", DRIVER),
    Mutant("lora/sx127x.py", "symbols >> 8, symbols & 0xFF", "0, symbols & 0xFF", DRIVER),
    Mutant("lora/sx127x.py", "_DETECT_OPTIMIZE, 0x43)", "_DETECT_OPTIMIZE, 0xC3)", DRIVER),
    # The windows: the stamp, their time, their length.
    Mutant("lora/link.py", "_DETECT_SYMBOLS = const(6)", "_DETECT_SYMBOLS = const(0)", WINDOWS),
    Mutant(
        "lora/link.py",
        "action.delay_ms * 1000 - early_us",
        "action.delay_ms * 1000 - early_us + 10000",
        WINDOWS,
    ),
    Mutant(
        "lora/link.py",
        "radio.stamp_us if prompt else end_us",
        "radio.stamp_us",
        WINDOWS,
    ),
    Mutant("lora/link.py", "self._error_ppm * action.delay_ms // 1000", "0", WINDOWS),
    # The MAC: what is dropped, what is repeated, what is counted.
    Mutant(
        "lora/mac.py",
        "> self.region.max_mac_payload[0]",
        "> 255 + 0 * self.region.max_mac_payload[0]",
        MAC,
    ),
    Mutant("lora/mac.py", "True, phy[:-4]) != down.mic", "True, phy[:-4]) == b''", MAC),
    Mutant("lora/mac.py", "f_cnt = session.f_cnt_down + 1", "f_cnt = session.f_cnt_down", MAC),
    Mutant("lora/mac.py", "session.f_cnt_down = f_cnt", "pass", MAC),
    Mutant("lora/mac.py", "session.f_cnt_up += 1", "session.f_cnt_up += 0", MAC),
    Mutant(
        "lora/mac.py",
        "accept.join_nonce <= self.last_join_nonce",
        "accept.join_nonce < self.last_join_nonce",
        MAC,
    ),
    Mutant("lora/mac.py", "delay_s + 1, rx2[0]", "delay_s, rx2[0]", MAC),
    Mutant("lora/mac.py", "f_ctrl |= frame.ACK", "f_ctrl |= 0", MAC),
    Mutant("lora/mac.py", "self._phy or self._uplink()", "self._uplink()", MAC),
    Mutant("lora/mac.py", "session.adr_ack_cnt = 0\n", "pass\n", MAC),
    Mutant(
        "lora/answers.py",
        "if status == _ALL:\n        session.channel_mask",
        "if True:\n        session.channel_mask",
        MAC,
    ),
    Mutant("lora/commands.py", "(RX_PARAM_SETUP, RX_TIMING_SETUP,", "(RX_PARAM_SETUP,", MAC),
    Mutant(
        "lora/answers.py",
        "session.rx1_delay_s = payload[0] & 15 or 1",
        "session.rx1_delay_s = payload[0] & 15",
        MAC,
    ),
    Mutant(
        "lora/channels.py",
        "airtime_us * (self._region.bands[index][2] - 1)",
        "airtime_us * self._region.bands[index][2] // 2",
        MAC,
    ),
    Mutant("lora/channels.py", "if each[0] != self._last_hz", "if True", MAC),
    Mutant("lora/join.py", "bytes(reversed(join_eui))", "join_eui", JOIN + " " + MAC),
    Mutant(
        "lora/crypto.py", "message[:start]) + last)[-16:]", "message[:start]) + last)[:16]", CRYPTO
    ),
    Mutant("lora/crypto.py", "i >> 4) + 1", "i >> 4)", CRYPTO),
    Mutant("lora/backoff.py", "self._used_us += airtime_us", "self._used_us += 0", BACKOFF),
    # What has to survive: before, not after; whole, or not at all.
    Mutant(
        "store.py",
        "self._store.save(self._name, number + 1)\n        self._next = number + 1\n",
        "self._next = number + 1\n",
        STORE,
    ),
    Mutant("store.py", "found[0] > newest", "found[0] < newest", STORE),
    Mutant("store.py", "!= binascii.crc32(body)", "== 0", STORE),
    Mutant("store.py", 'sequence & 1), "wb"', '0), "wb"', STORE),
    Mutant("lora/session.py", "session.f_cnt_up = session.f_cnt_limit", "pass", SESSION),
    Mutant(
        "backlog.py",
        "& ~(bits >> _SENT)\n            if not bits",
        "\n            if not bits",
        BACKLOG,
    ),
    Mutant("delivery.py", "self._unanswered < 2", "self._unanswered < 3", DELIVERY),
    # The sensors: bytes and waits on the bus, rounding, tries, fault bits.
    Mutant("drivers/sensirion.py", "0x31 if crc & 0x80", "0x07 if crc & 0x80", WORDS),
    Mutant("drivers/sensirion.py", "!= reply[at + 2]", "!= crc8(reply[at : at + 2])", WORDS),
    Mutant("drivers/pir.py", "if self._sending:", "if False:", PIR),
    Mutant("drivers/pir.py", " - dead_ms // 32", "", PIR),
    Mutant("drivers/pir.py", "self._totals[0] + 1 & 0xFFFF", "self._totals[0] + 1", PIR),
    Mutant("drivers/pir.py", "self._first[other] = False", "pass", PIR),
    Mutant("drivers/pir.py", "self._first[eye] = False", "pass", PIR),
    Mutant("drivers/pir.py", "self._masked = False\n", "pass\n", PIR),
    Mutant("drivers/pir.py", "_AFTER_TX_MS = const(3000)", "_AFTER_TX_MS = const(2700)", PIR),
    Mutant("drivers/pir.py", "max(self._still_ms)", "min(self._still_ms)", PIR),
    Mutant("drivers/pir.py", "self._saw = any(kept)", "pass", PIR),
    Mutant("drivers/lamp.py", "if self._mode == _BY_PIR:", "if True:", LAMP),
    Mutant("drivers/lamp.py", "self._mode, self._lit = mode, False", "self._mode = mode", LAMP),
    Mutant("hardware.py", 'return {"hard": True} if is_rp2040(config) else {}', "return {}", LAMP),
    Mutant("cycle.py", "left_ms() or _LAMP_MS, _LAMP_MS)", "left_ms() or _LAMP_MS, 99999)", LAMP),
    Mutant("cycle.py", 'self._sensors.each("restore", store)', "pass", DAYS),
    Mutant("cycle.py", 'self._sensors.each("keep", self._store)', "pass", DAYS),
    Mutant("drivers/scd4x.py", "(_WAKE, _STOP)", "(_STOP,)", SCD4X),
    Mutant("drivers/scd4x.py", "time.sleep_ms(500)\n        for", "for", SCD4X),
    Mutant("drivers/scd4x.py", "offset_dc * 65535 + 875", "offset_dc * 65535", SCD4X),
    Mutant("drivers/scd4x.py", "word + bytes((crc8(word),))", "word + bytes(1)", SCD4X),
    Mutant("drivers/scd4x.py", "& 0x07FF:", "& 0xFFFF:", SCD4X),
    Mutant("drivers/scd4x.py", "0 < co2 < _PPM_FULL", "0 <= co2 < _PPM_FULL", SCD4X),
    Mutant("drivers/scd4x.py", "0 < co2 < _PPM_FULL", "0 < co2 <= _PPM_FULL", SCD4X),
    Mutant("drivers/scd4x.py", "3500 * temperature + 65535", "3500 * temperature", SCD4X),
    Mutant("drivers/scd4x.py", "200 * humidity + 65535", "200 * humidity", SCD4X),
    Mutant("drivers/scd4x.py", "time.sleep_ms(400)", "pass", SCD4X),
    Mutant("drivers/scd4x.py", "word == _FRC_FAILED", "word == 0", SCD4X),
    Mutant("drivers/scd4x.py", "word - 0x8000", "word", SCD4X),
    Mutant("drivers/sht4x.py", "_MEASURE_MS = const(10)", "_MEASURE_MS = const(1)", SHT4X),
    Mutant("drivers/sht4x.py", "3500 * temperature + 65535", "3500 * temperature", SHT4X),
    Mutant("drivers/sht4x.py", "self.raw, self._offset_dc", "self.raw", SHT4X),
    Mutant("drivers/climate.py", "min(max(humidity_pct, 0), 100)", "humidity_pct", CLIMATE),
    Mutant("drivers/climate.py", "42838", "32838", CLIMATE),
    Mutant("drivers/climate.py", "2431 + temperature_dc", "2731 + temperature_dc", CLIMATE),
    Mutant("drivers/climate.py", "humidity_mpct + 500", "humidity_mpct", CLIMATE),
    Mutant("drivers/sht3x.py", "(_BREAK, _RESET, _SERIAL)", "(_RESET, _SERIAL)", SHT3X),
    Mutant("drivers/sht3x.py", "                words(self.raw, 2)\n", "", SHT3X),
    Mutant("drivers/sht3x.py", "_MEASURE_MS = const(16)", "_MEASURE_MS = const(12)", SHT3X),
    Mutant("drivers/sht3x.py", "self.raw, self._offset_dc", "self.raw", SHT3X),
    Mutant("drivers/sht3x.py", "(0x44, 0x45)", "(0x44,)", SHT3X),
    Mutant("drivers/scd30.py", "if self._ask(command) != value", "if True", SCD30),
    Mutant("drivers/scd30.py", "10 * value if key == 8 else value", "value", SCD30),
    Mutant("drivers/scd30.py", "_ANSWER_MS = const(5)", "_ANSWER_MS = const(2)", SCD30),
    Mutant("drivers/scd30.py", "if not self._ask(_READY)", "if self._ask(_READY) is None", SCD30),
    Mutant("drivers/scd30.py", "values[_PRESSURE] + 5", "values[_PRESSURE]", SCD30),
    Mutant("drivers/scd30.py", "700 <= pressure_hpa <= 1400 and ", "", SCD30),
    Mutant("drivers/scd30.py", "self._pressure_hpa = pressure_hpa", "pass", SCD30),
    Mutant("drivers/scd30.py", "self._ask(_CALIBRATE) != ppm", "False", SCD30),
    Mutant("drivers/scd30.py", "exponent == 0xFF", "exponent == 0x1FF", SCD30),
    Mutant("drivers/scd30.py", "value + (1 << shift - 1) >> shift", "value >> shift", SCD30),
    Mutant("drivers/scd30.py", "-value if bits >> 31 else value", "value", SCD30),
    Mutant("drivers/scd30.py", "0 < co2 < _PPM_FULL", "0 <= co2 < _PPM_FULL", SCD30),
    Mutant("drivers/scd30.py", " or not -400 <= temperature_dc <= 1250", "", SCD30),
    Mutant("drivers/bme280.py", "found == _BME280", "True", BME280),
    Mutant("drivers/bme280.py", "(bytes(33), b", "(b", BME280),
    Mutant(
        "drivers/bme280.py",
        '_START = b"\\xf2\\x01\\xf4\\x25"',
        '_START = b"\\xf4\\x25\\xf2\\x01"',
        BME280,
    ),
    Mutant("drivers/bme280.py", "self.raw[0] & 0x08", "self.raw[0] & 0x10", BME280),
    Mutant("drivers/bme280.py", "humidity_pct >= _FOG_PCT", "True", BME280),
    Mutant("drivers/bme280.py", "h4 << 4 | shared & 0x0F", "h4 << 4 | shared >> 4", BME280),
    Mutant("drivers/bme280.py", "by.t1 << 1", "by.t1", BME280),
    Mutant("drivers/bme280.py", "+ (by.p7 << 4)", "", BME280),
    Mutant("drivers/bme280.py", "rest * by.h3 >> 11", "rest * by.h3 >> 10", BME280),
    Mutant("drivers/bme280.py", "if _SKIPPED in (pressure, temperature) or", "if", BME280),
    Mutant("drivers/bme280.py", "* by.h1 >> 4", "* by.h1 >> 5", BME280),
    Mutant("drivers/bme280.py", ", self._offset_dc)", ")", BME280),
    Mutant("drivers/battery.py", "5000 * _SAMPLES", "0", BATTERY),
    Mutant("drivers/battery.py", "_SAMPLES = const(16)", "_SAMPLES = const(8)", BATTERY),
    Mutant("drivers/traffic_light.py", "co2_ppm < self.red_ppm", "co2_ppm <= self.red_ppm", LIGHT),
    Mutant("drivers/traffic_light.py", "_PPM = const(50)", "_PPM = const(49)", LIGHT),
    Mutant("drivers/traffic_light.py", "not self._lit\n", "True\n", LIGHT),
    Mutant("drivers/traffic_light.py", "return self._state == _RED", "return False", LIGHT),
    Mutant("drivers/traffic_light.py", "state, state == _RED", "state, False", LIGHT),
    Mutant("sensors.py", "_TRIES = const(3)", "_TRIES = const(2)", SENSORS),
    Mutant("sensors.py", "1 << (key - 1)", "1 << key", SENSORS),
    Mutant("sensors.py", "each.bus.recover()", "pass", SENSORS),
    Mutant("sensors.py", "each.started = False  # before", "pass  # before", SENSORS),
    Mutant("sensors.py", "each.started = False  # it", "pass  # it", SENSORS),
    Mutant("sensors.py", "each.started = False\n        each.driver", "each.driver", SENSORS),
    Mutant(
        "sensors.py",
        "            each.started = False\n        if self",
        "        if self",
        SENSORS,
    ),
    Mutant("sensors.py", "elif not own_flags & WARMING:", "else:", SENSORS),
    Mutant("sensors.py", "flags |= own_flags", "flags = own_flags", SENSORS),
    Mutant("sensors.py", "_SAME = const(10)", "_SAME = const(11)", SENSORS),
    Mutant("sensors.py", "each.raw = bytes(raw)", "each.raw = raw", SENSORS),
    Mutant("sensors.py", "if raw == each.raw else 1", "", SENSORS),
    Mutant("sensors.py", "self._supply(0)", "pass", SENSORS),
    Mutant("sensors.py", "            self._supplied = False", "            pass", SENSORS),
    Mutant("sensors.py", "max([_POWER_UP_MS] + needed_ms)", "_POWER_UP_MS", SENSORS),
    Mutant("sensors.py", 'self._call(each, "sleep")', "pass", SENSORS),
    Mutant("sensors.py", 'self._call(each, "reset")', "pass", SENSORS),
    Mutant("sensors.py", "(each.started or self._power.saves)", "each.started", SENSORS),
    Mutant("sensors.py", "each.since_ms + each.driver.FIRST_MS", "0", SENSORS),
    Mutant("sensors.py", "each.since_ms + each.driver.CALIBRATE_MS", "0", SENSORS),
    Mutant("status.py", "len(encoded) > limit", "len(encoded) >= limit", STATUS),
    Mutant("config.py", "value == bytes(16)", "value == b''", CONFIG),
    Mutant("config.py", "len(value) != length", "len(value) < length", CONFIG),
    Mutant("hardware.py", "adc.read_uv() // 1000", "adc.read_u16() * 3300 // 65535", BOARD),
    Mutant("drivers/i2c.py", "range(9)", "range(8)", BOARD),
    Mutant("drivers/i2c.py", "self._open()  # the", "pass  # the", BOARD),
    Mutant("drivers/i2c.py", "self._free()\n        self.bus", "self.bus", BOARD),
    Mutant("drivers/i2c.py", "if self._number is None:", "if False:", BOARD),
    Mutant(
        "drivers/i2c.py",
        "SoftI2C(freq=_HZ, timeout=_TIMEOUT_US,",
        "SoftI2C(freq=_HZ,",
        BOARD,
    ),
    # Distances: which shots count, what they mean, who says where the marks are.
    Mutant("distance.py", "_ENOUGH = const(4)", "_ENOUGH = const(3)", DISTANCE),
    Mutant("distance.py", "_OUTLIER = const(3)", "_OUTLIER = const(4)", DISTANCE),
    Mutant("distance.py", "_FINEST_MM = const(3)", "_FINEST_MM = const(1)", DISTANCE),
    Mutant("distance.py", "if temperature_dc is None:", "if not temperature_dc:", DISTANCE),
    Mutant("distance.py", "values.get(2, values.get(13))", "values.get(13)", DISTANCE),
    Mutant("distance.py", "flags |= NOISY", "flags = NOISY", DISTANCE),
    Mutant("drivers/pulse.py", "SHOT_MS = 100", "SHOT_MS = 40", PULSE),
    Mutant("drivers/pulse.py", "if pins.echo() and not", "if False and not", PULSE),
    Mutant("drivers/pulse.py", "if echo_us == -2:", "if False:", PULSE),
    Mutant("drivers/pulse.py", "<= self._blind_mm", "<= 0", PULSE),
    Mutant("drivers/pulse.py", "for level in (0, 1):", "for level in (1, 0):", PULSE),
    Mutant("marks.py", "_JUMP_PCT = const(20)", "_JUMP_PCT = const(19)", MARKS),
    Mutant("marks.py", "level_mm - distance_mm", "distance_mm - level_mm", MARKS),
    Mutant("marks.py", "self._looks = self._taken_looks = 0", "pass", MARKS),
    Mutant("marks.py", "if key not in values", "if key in values", MARKS),
    Mutant("service.py", "_HELD_MS = const(5000)", "_HELD_MS = const(500)", ON_SITE),
    Mutant("onsite.py", "distance_mm + above_mm if", "distance_mm if", ON_SITE),
)

_own = local()


def checkout():
    """This thread's copy of what the tests need."""
    if not hasattr(_own, "folder"):
        _own.folder = Path(tempfile.mkdtemp(prefix="node071-mutant-"))
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in listed.stdout.splitlines():
            target = _own.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    return _own.folder


def passes(folder, tests):
    """Run the tests of a copy, those that it has."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        cwd=folder, env={"PYTHONPATH": str(folder), "HOME": str(folder), "PATH": os.defpath},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode == 0


def survives(mutant):
    """True when no test notices it: a hole in the tests."""
    folder = checkout()
    path = folder / "firmware" / mutant.file
    source = path.read_text()
    if source.count(mutant.old) != 1:
        raise SystemExit(f"firmware/{mutant.file} does not have just one {mutant.old!r}")
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        return passes(folder, mutant.tests.split())
    finally:
        path.write_text(source)


def run(numbers):
    """Try the mutants; returns those that no test noticed."""
    survivors = []
    with ThreadPoolExecutor(JOBS) as pool:
        tried = pool.map(lambda number: survives(MUTANTS[number]), numbers)
        for number, alive in zip(numbers, tried, strict=True):
            mutant = MUTANTS[number]
            word = "SURVIVES" if alive else "caught"
            print(f"{number:3} {word:8} {mutant.file}: {mutant.old.strip()!r}", flush=True)
            if alive:
                survivors.append(mutant)
    return survivors


def main():
    numbers = [int(word) for word in sys.argv[1:]] or list(range(len(MUTANTS)))
    began_s = time.monotonic()
    tests = {name for number in numbers for name in MUTANTS[number].tests.split()}
    if not passes(checkout(), sorted(tests)):
        sys.exit("the tests fail without any mutant: mend that first")
    survivors = run(numbers)
    caught = len(numbers) - len(survivors)
    print(f"{caught} of {len(numbers)} mutants caught in {time.monotonic() - began_s:.0f} s")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
