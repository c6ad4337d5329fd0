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
SERIAL, MHZ19, S8, A02YYUW, MAXBOTIX = (
    f"tests/firmware/test_{name}.py"
    for name in ("serial", "mhz19", "senseair_s8", "a02yyuw", "maxbotix")
)
DISTANCE = "tests/firmware/test_distance.py"
PULSE = "tests/simulator/test_pulse.py"
MARKS = "tests/firmware/test_marks.py"
ON_SITE = "tests/simulator/test_marks.py"
BOARD = "tests/simulator/test_board.py"
POWER = "tests/simulator/test_power.py"
JOINING, KEEPER, PASSING, SETTINGS, CLOCK, CHANNELS = (
    f"tests/firmware/test_{name}.py"
    for name in ("joining", "keeper", "passing", "settings", "clock", "channels")
)
UART = "tests/simulator/test_uart.py"

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
    # Waits, watchdog and sleep: when, for how long, and what is fed.
    Mutant("power.py", "now_ms < min(deadline_ms, self._alive_until_ms)", "True", POWER),
    Mutant("power.py", "self._alive_until_ms = self.now_ms() + within_ms", "pass", POWER),
    Mutant("power.py", "self.progress(_BEGIN_MS)", "self.progress(1 << 40)", POWER),
    Mutant("power.py", "            self._watchdog.feed()", "            pass", POWER),
    Mutant("power.py", "_WATCHDOG_MS = const(8000)", "_WATCHDOG_MS = const(8300)", POWER),
    Mutant("power.py", "_SLICE_MS = const(4000)", "_SLICE_MS = const(9000)", POWER),
    Mutant("power.py", "left_us // 1000 - 1", "left_us // 1000 + 10", POWER),
    Mutant("power.py", "            time.sleep_us(left_us)", "            pass", POWER),
    Mutant("power.py", "min(left_ms, slice_ms)", "slice_ms", POWER),
    Mutant("power.py", "min(left_ms, slice_ms)", "left_ms", POWER),
    Mutant("power.py", "self._ticks = ticks\n", "pass\n", POWER),
    Mutant("power.py", "machine.mem32[_PSM_WDSEL] &= ~_ROSC", "pass", POWER),
    Mutant("power.py", "_ROSC = const(1)", "_ROSC = const(2)", POWER),
    Mutant("power.py", 'config.get("mains", True)', 'config.get("mains", False)', POWER),
    Mutant("power.py", ">= _DEEP_MS", "> _DEEP_MS", POWER),
    Mutant("power.py", "return record[0] + slept_ms", "return record[0]", POWER),
    Mutant("memory.py", 'rtc.memory(b"")', "pass", POWER),
    Mutant("passing.py", "    del sys.modules[name]\n", "", PASSING),
    Mutant("passing.py", "delattr(sys.modules[package], leaf)", "pass", PASSING),
    # A join: its nonce first, its back-off as if nothing came between.
    Mutant("store.py", "if number > 0xFFFF", "if number > 0xFFFE", JOINING),
    Mutant("joining.py", "            self.keys_used_up = True\n", "", JOINING),
    Mutant("joining.py", "        self._backoff.tried(now_s - self._since_s)\n", "", JOINING),
    Mutant(
        "joining.py", '        self._store.save("joins", self._backoff.record())\n', "", JOINING
    ),
    Mutant("joining.py", "self.prepared, tries = False,", "tries =", JOINING),
    Mutant("joining.py", "            self.registered_anew = True\n", "", JOINING),
    Mutant("joining.py", "        self.registered_anew = False\n", "", JOINING),
    Mutant("joining.py", 'save("join_nonce", self._mac.last_join_nonce)', 'load("x")', JOINING),
    Mutant("joining.py", "-1 if join_nonce is None else join_nonce", "join_nonce or -1", JOINING),
    Mutant("joining.py", "self._new_backoff().record()", "self._backoff.record()", JOINING),
    Mutant("joining.py", "self._backoff, self._since_s = None, 0", "pass", JOINING),
    Mutant(
        "joining.py", "self._backoff.restore(tried, True)", "self._backoff.restore(tried)", JOINING
    ),
    Mutant("joining.py", "self._since_s, self._backoff = now_s,", "self._backoff =", JOINING),
    Mutant(
        "joining.py",
        "                self._backoff.restore(tried)\n",
        "                pass\n",
        JOINING,
    ),
    Mutant(
        "joining.py", "            self._next_try(now_s)  # its", "            pass  # its", JOINING
    ),
    Mutant("lora/join.py", "[:4] != plain[-4:]", "[:4] == b''", JOIN),
    Mutant("lora/join.py", "dl_settings >> 4 & 7", "dl_settings >> 4 & 3", JOIN),
    Mutant("lora/join.py", "rx_delay & 15 or 1", "rx_delay & 15", JOIN),
    Mutant("lora/join.py", "net_id << 24", "net_id << 16", JOIN),
    Mutant("lora/join.py", "        if band(region, freq_hz) is not None:\n    ", "", JOIN),
    Mutant("lora/join.py", "begun.data_rate = data_rate", "pass", MAC),
    Mutant("lora/join.py", "begun.rx2_data_rate = accept", "begun.rx1_delay_s = accept", MAC),
    Mutant("lora/fixed.py", "index >> 3 == bank", "index >> 3 == 0", CHANNELS),
    Mutant("lora/fixed.py", " and not tried >> index & 1", "", CHANNELS),
    # The session in flash: before, not after; no more than needed.
    Mutant(
        "keeper.py",
        "        session.reserve()\n        self.save(session)",
        "        session.reserve()",
        KEEPER,
    ),
    Mutant(
        "keeper.py",
        "        session.reserve()\n        self.save(session)",
        "        self.save(session)\n        session.reserve()",
        KEEPER,
    ),
    Mutant("keeper.py", "if lasting != self._saved:", "if True:", KEEPER),
    Mutant("keeper.py", "            self._saved = _lasting(record)\n", "", KEEPER),
    Mutant("keeper.py", "            self._saved = lasting\n", "", KEEPER),
    Mutant("keeper.py", 'save("session", record)', 'save("session", lasting)', KEEPER),
    Mutant(
        "keeper.py",
        "session.f_cnt_up = session.f_cnt_limit = config",
        "session.f_cnt_up = config",
        KEEPER,
    ),
    Mutant("keeper.py", "join_data_rates[-1]", "join_data_rates[0]", KEEPER),
    # Readings that wait: kept, sent and proven, each bit its own.
    Mutant(
        "backlog.py",
        "        self._save(file_number, rows)\n        self._files[file_number] = bits | 1",
        "        self._files[file_number] = bits | 1",
        BACKLOG,
    ),
    Mutant(
        "backlog.py",
        "self._files[file_number] = bits | 1 <<",
        "self._files[file_number] = 1 <<",
        BACKLOG,
    ),
    Mutant("backlog.py", "1 << _SENT + number % _PER_FILE", "1 << number % _PER_FILE", BACKLOG),
    Mutant(
        "backlog.py",
        "bits & _STORED & ~(bits >> _SENT) for bits",
        "bits & _STORED for bits",
        BACKLOG,
    ),
    Mutant("backlog.py", "reversed(self._load(file_number))", "self._load(file_number)", BACKLOG),
    Mutant("backlog.py", "sorted(self._files, reverse=True)", "sorted(self._files)", BACKLOG),
    Mutant("backlog.py", "self._drop(min(self._files))", "self._drop(max(self._files))", BACKLOG),
    Mutant("backlog.py", "self.dropped += _ones", "self.dropped = _ones", BACKLOG),
    Mutant("backlog.py", "if file_number < newest:", "if True:", BACKLOG),
    Mutant(
        "backlog.py", "            if not bits >> _SENT:\n                continue\n", "", BACKLOG
    ),
    Mutant(
        "backlog.py", "            self._files[file_number] &= _STORED", "            pass", BACKLOG
    ),
    Mutant("backlog.py", "        self._left.clear()\n", "", BACKLOG),
    Mutant("backlog.py", "self._left.pop(number, None)", "pass", BACKLOG),
    Mutant("backlog.py", "rows[-1][0] + 1 if rows", "rows[-1][0] if rows", BACKLOG),
    Mutant("backlog.py", "(file_number + 1) * _PER_FILE", "file_number * _PER_FILE", BACKLOG),
    Mutant("backlog.py", "if bits >> row[0] % _PER_FILE & 1]", "]", BACKLOG),
    # Proof, patience and budget: each at its second.
    Mutant("delivery.py", "_RETRY_S = const(3600)", "_RETRY_S = const(3610)", DELIVERY),
    Mutant(
        "delivery.py",
        "self._unanswered = False, now_s, None, 0",
        "self._unanswered = False, now_s, None, 1",
        DELIVERY,
    ),
    Mutant("delivery.py", "self._unanswered += 1", "self._unanswered += 0", DELIVERY),
    Mutant("delivery.py", "        self._asked_s = now_s\n", "", DELIVERY),
    Mutant("delivery.py", "now_s - unproven_s  #", "now_s  #", DELIVERY),
    Mutant("delivery.py", "self.lost = unproven_s > 0", "self.lost = False", DELIVERY),
    Mutant("delivery.py", ">= _DAY_S\n\n", "> _DAY_S\n\n", DELIVERY),
    Mutant(
        "delivery.py",
        "max(self._proof_s + _DAY_S, self._start_s)",
        "self._proof_s + _DAY_S",
        DELIVERY,
    ),
    Mutant("delivery.py", "self.limit_us // 2", "self.limit_us // 4", DELIVERY),
    Mutant("delivery.py", "self._hours_us[each % _HOURS] = 0", "pass", DELIVERY),
    Mutant("delivery.py", "self._hour = max(self._hour, hour)", "pass", DELIVERY),
    Mutant(
        "delivery.py",
        "-(-86400 * airtime_us // budget_us)",
        "86400 * airtime_us // budget_us",
        DELIVERY,
    ),
    Mutant("clock.py", "gps_s - uptime_s", "gps_s", CLOCK),
    Mutant("clock.py", 'self._store.save("clocks", self._began_s)', "pass", CLOCK),
    Mutant("clock.py", "self.due_s = now_s + _WEEK_S", "self.due_s = _WEEK_S", CLOCK),
    Mutant("ranges.py", "lowest <= value <= highest", "lowest <= value < highest", SETTINGS),
    Mutant("ranges.py", "isinstance(value, int) and ", "", SETTINGS),
    Mutant("ranges.py", "_fits(value[1], value[0], 65535)", "_fits(value[1], 0, 65535)", SETTINGS),
    Mutant("ranges.py", "and sequence is None", "and False", SETTINGS),
    Mutant("ranges.py", "len(value) != len(parts)", "len(value) < len(parts)", SETTINGS),
    Mutant("ranges.py", "empty_mm >= full_mm", "empty_mm > full_mm", SETTINGS),
    Mutant("settings.py", "sequence == self._last[0]", "False", SETTINGS),
    Mutant("settings.py", "            self._keep(command)\n", "", SETTINGS),
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
    Mutant("calibration.py", "entry.started = False  # it", "pass  # it", SENSORS),
    Mutant("sensors.py", "each.started = False\n        each.note", "each.note", SENSORS),
    Mutant(
        "sensors.py",
        "            each.started = False\n            if has",
        "            if has",
        SENSORS,
    ),
    Mutant("sensors.py", "elif not own_flags & WARMING or", "elif True or", SENSORS),
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
    Mutant("calibration.py", "wanted_ms = entry.driver.CALIBRATE_MS", "wanted_ms = 0", SENSORS),
    Mutant("status.py", "len(encoded) > limit", "len(encoded) >= limit", STATUS),
    Mutant("config.py", "value == bytes(16)", "value == b''", CONFIG),
    Mutant("config.py", "len(value) != length", "len(value) < length", CONFIG),
    Mutant("drivers/battery.py", "adc.read_uv() // 1000", "adc.read_u16() * 3300 // 65535", BOARD),
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
    # Sensors on the UART: frames, what is old, what is no value, and when they are warm.
    Mutant("drivers/serial.py", "        uart.read(count)\n", "        break\n", SERIAL),
    Mutant(
        "drivers/serial.py",
        "if found is not None:",
        "if found is not None or len(data) > 2:",
        SERIAL,
    ),
    Mutant(
        "drivers/serial.py",
        "    if data:\n        raise ValueError",
        "    if False:\n        raise ValueError",
        SERIAL,
    ),
    Mutant(
        "drivers/serial.py",
        "    empty(uart)\n    uart.write(request)",
        "    uart.write(request)",
        SERIAL,
    ),
    Mutant("drivers/mhz19.py", "return -sum(body) & 0xFF", "return ~sum(body) & 0xFF", MHZ19),
    Mutant(
        "drivers/mhz19.py",
        '">BBBBBH", 1, command, first, 0, 0, last',
        '">BBHBBB", 1, command, last, 0, 0, first',
        MHZ19,
    ),
    Mutant("drivers/mhz19.py", " and not sum(data[at + 1 : at + 9]) & 0xFF", "", MHZ19),
    Mutant(
        "drivers/mhz19.py",
        "range(len(data) - _LENGTH + 1)",
        "range(1 if len(data) >= _LENGTH else 0)",
        MHZ19,
    ),
    Mutant("drivers/mhz19.py", "answer[2] << 8 | answer[3]", "answer[3] << 8 | answer[2]", MHZ19),
    Mutant("drivers/mhz19.py", "0xA0 if on else 0", "0xA0", MHZ19),
    Mutant("drivers/mhz19.py", "if range_ppm != self._range_ppm:", "if False:", MHZ19),
    Mutant("drivers/mhz19.py", "_WARM_UP_MS = const(180000)", "_WARM_UP_MS = const(150000)", MHZ19),
    Mutant("drivers/mhz19.py", "_CONSTANTS = (400, 410, 436)", "_CONSTANTS = (400, 410)", MHZ19),
    Mutant("drivers/mhz19.py", "return self._warms or self._constant", "return self._warms", MHZ19),
    Mutant("drivers/mhz19.py", "abs(ppm - self._last_ppm) > _JUMP_PPM", "ppm < 0", MHZ19),
    Mutant("drivers/mhz19.py", "_JUMP_PPM = const(100)", "_JUMP_PPM = const(20)", MHZ19),
    Mutant(
        "drivers/mhz19.py",
        "            self._lost = True\n            raise",
        "            raise",
        MHZ19,
    ),
    Mutant("drivers/mhz19.py", "        self._lost = False\n", "", MHZ19),
    Mutant("drivers/mhz19.py", "ppm <= self._range_ppm", "ppm <= 65535", MHZ19),
    Mutant("drivers/mhz19.py", "            self.raw = None", "            pass", MHZ19),
    Mutant("drivers/mhz19.py", "self._warms or self._constant or self._lost", "self._lost", MHZ19),
    Mutant("drivers/mhz19.py", "> _STEADY_PPM", "> 2 * _STEADY_PPM", MHZ19),
    Mutant("drivers/senseair_s8.py", "0xA001 if crc & 1", "0x8408 if crc & 1", S8),
    Mutant(
        "drivers/senseair_s8.py",
        'struct.pack("<H", crc16(body))',
        'struct.pack(">H", crc16(body))',
        S8,
    ),
    Mutant("drivers/senseair_s8.py", " and not crc16(data[at : at + length])", "", S8),
    Mutant(
        "drivers/senseair_s8.py", "_BACKGROUND = const(0x7C06)", "_BACKGROUND = const(0x7C07)", S8
    ),
    Mutant("drivers/senseair_s8.py", "_FAULTS = const(0x5D)", "_FAULTS = const(0x7D)", S8),
    Mutant("drivers/senseair_s8.py", "_FAULTS = const(0x5D)", "_FAULTS = const(0x1D)", S8),
    Mutant("drivers/senseair_s8.py", '        self._uart.write(b"\\0")', "        pass", S8),
    Mutant("drivers/senseair_s8.py", "_WAKE_MS = const(10)", "_WAKE_MS = const(5)", S8),
    Mutant("drivers/senseair_s8.py", "if bool(hours) != bool(on):", "if True:", S8),
    Mutant("drivers/senseair_s8.py", "        self._write(_ACKNOWLEDGE, 0)\n", "", S8),
    Mutant(
        "drivers/senseair_s8.py",
        "_BACKGROUND_DONE = const(1 << 5)",
        "_BACKGROUND_DONE = const(1 << 6)",
        S8,
    ),
    Mutant(
        "drivers/senseair_s8.py", "_WARM_UP_MS = const(120000)", "_WARM_UP_MS = const(60000)", S8
    ),
    Mutant(
        "drivers/senseair_s8.py",
        "            self._lost = True\n            raise",
        "            raise",
        S8,
    ),
    Mutant("drivers/senseair_s8.py", "not 0 < ppm <= _PPM_FULL", "not 0 <= ppm <= _PPM_FULL", S8),
    Mutant("drivers/senseair_s8.py", "!= request(_WRITE_HOLDING, address, value):", '== b"":', S8),
    Mutant(
        "drivers/senseair_s8.py",
        "_OFFSET_REGULATION = const(0x02)",
        "_OFFSET_REGULATION = const(0x20)",
        S8,
    ),
    Mutant("drivers/senseair_s8.py", "if self._warms or self._lost:", "if self._lost:", S8),
    Mutant("drivers/a02yyuw.py", "(head + high + low) & 0xFF == total", "True", A02YYUW),
    Mutant(
        "drivers/a02yyuw.py", "            at += _LENGTH\n", "            return found\n", A02YYUW
    ),
    Mutant("drivers/a02yyuw.py", "            at += 1\n", "            at += _LENGTH\n", A02YYUW),
    Mutant("drivers/a02yyuw.py", "        empty(self._uart)\n", "", A02YYUW),
    Mutant("drivers/a02yyuw.py", "shot_mm > self._farthest_mm", "False", A02YYUW),
    Mutant("drivers/a02yyuw.py", "shot_mm <= self._blind_mm", "shot_mm < self._blind_mm", A02YYUW),
    Mutant("drivers/a02yyuw.py", "counted * self._unit_mm", "counted", A02YYUW),
    Mutant(
        "drivers/a02yyuw.py",
        "_ASSUMED_MM_S = const(340000)",
        "_ASSUMED_MM_S = const(340300)",
        A02YYUW,
    ),
    Mutant("drivers/a02yyuw.py", "_FRAME_MS = const(350)", "_FRAME_MS = const(250)", A02YYUW),
    Mutant("drivers/maxbotix.py", 'data.split(b"\\r")[:-1]', 'data.split(b"\\r")', MAXBOTIX),
    Mutant("drivers/maxbotix.py", "reversed(data", "iter(data", MAXBOTIX),
    Mutant("drivers/maxbotix.py", "_DIGITS = (4, 5)", "_DIGITS = (3, 4, 5)", MAXBOTIX),
    Mutant("drivers/maxbotix.py", " and digits.isdigit()", "", MAXBOTIX),
    Mutant(
        "drivers/maxbotix.py",
        "shot_mm >= self._farthest_mm",
        "shot_mm > self._farthest_mm",
        MAXBOTIX,
    ),
    Mutant(
        "drivers/maxbotix.py", "shot_mm <= self._blind_mm", "shot_mm < self._blind_mm", MAXBOTIX
    ),
    Mutant("drivers/maxbotix.py", "        empty(self._uart)\n", "", MAXBOTIX),
    Mutant("drivers/maxbotix.py", "COMPENSATED = True", "COMPENSATED = False", MAXBOTIX),
    Mutant("drivers/uart.py", "            self._uart.deinit()\n", "", UART),
    Mutant(
        "drivers/uart.py", "            self._uart = None\n            Pin", "            Pin", UART
    ),
    Mutant("drivers/uart.py", "            Pin(self._tx, Pin.OUT, value=1)\n", "", UART),
    Mutant("drivers/uart.py", "_BAUD = const(9600)", "_BAUD = const(19200)", UART),
    Mutant(
        "calibration.py", 'if ppm != getattr(driver, "CALIBRATE_PPM", ppm):', "if False:", SENSORS
    ),
    Mutant("calibration.py", "        power.progress(_WORK_MS)\n", "", SENSORS),
    Mutant("calibration.py", "entry.started = False", "pass", SENSORS),
    Mutant("calibration.py", "        driver.calibrated()\n", "", SENSORS),
    Mutant("calibration.py", "2 * wanted_ms", "4 * wanted_ms", SENSORS),
    Mutant("sensors.py", "> _STEADY_PPM", "> 2 * _STEADY_PPM", SENSORS),
    Mutant("sensors.py", "or now_ms - each.valued_ms > _COLD_MS", "", SENSORS),
    Mutant("sensors.py", "                each.bus.close()\n", "                pass\n", SENSORS),
    Mutant("sensors.py", 'getattr(each.driver, "SAME", _SAME)', "_SAME", SENSORS),
    # Distances: which shots count, what they mean, who says where the marks are.
    Mutant("distance.py", "_ENOUGH = const(4)", "_ENOUGH = const(3)", DISTANCE),
    Mutant("distance.py", "_OUTLIER = const(3)", "_OUTLIER = const(4)", DISTANCE),
    Mutant("distance.py", "_FINEST_MM = const(3)", "_FINEST_MM = const(1)", DISTANCE),
    Mutant("distance.py", "if temperature_dc is None:", "if not temperature_dc:", DISTANCE),
    Mutant("distance.py", "values.get(2, values.get(13))", "values.get(13)", DISTANCE),
    Mutant("distance.py", "flags |= NOISY", "flags = NOISY", DISTANCE),
    Mutant("distance.py", "_SHOTS = const(7)", "_SHOTS = const(6)", DISTANCE),
    Mutant("distance.py", "_SPREAD_MM = const(40)", "_SPREAD_MM = const(50)", DISTANCE),
    Mutant("distance.py", "_SPREAD_PART = const(50)", "_SPREAD_PART = const(25)", DISTANCE),
    Mutant("distance.py", "_ASSUMED_DC = const(100)", "_ASSUMED_DC = const(200)", DISTANCE),
    Mutant("distance.py", "                break\n", "                pass\n", DISTANCE),
    Mutant("distance.py", "ordered[-half - 1] + 1) // 2", "ordered[half]) // 2", DISTANCE),
    Mutant("distance.py", "// 180", "// 18", DISTANCE),
    Mutant("distance.py", "+ 1000000) // 2000000", ") // 2000000", DISTANCE),
    Mutant("drivers/pulse.py", "SHOT_MS = 100", "SHOT_MS = 40", PULSE),
    Mutant("drivers/pulse.py", "if pins.echo() and not", "if False and not", PULSE),
    Mutant("drivers/pulse.py", "if echo_us == -2:", "if False:", PULSE),
    Mutant("drivers/pulse.py", "<= self._blind_mm", "<= 0", PULSE),
    Mutant("drivers/pulse.py", "for level in (0, 1):", "for level in (1, 0):", PULSE),
    Mutant("marks.py", "_JUMP_PCT = const(20)", "_JUMP_PCT = const(19)", MARKS),
    Mutant("marks.py", "level_mm - distance_mm", "distance_mm - level_mm", MARKS),
    Mutant("marks.py", "self._looks = self._taken_looks = 0", "pass", MARKS),
    Mutant("marks.py", "if key not in values", "if key in values", MARKS),
    Mutant("marks.py", "_SEEN = const(3)", "_SEEN = const(2)", MARKS),
    Mutant("marks.py", "_AGREEING = const(2)", "_AGREEING = const(1)", MARKS),
    Mutant("marks.py", "        self._fill_pct = now_pct\n", "", MARKS),
    Mutant("marks.py", "if self._taken else 0)", "if not self._taken else 0)", MARKS),
    Mutant("marks.py", "self._taken_looks += self._taken", "self._taken_looks += 1", MARKS),
    Mutant("marks.py", "distance_mm < limit_mm", "distance_mm <= limit_mm", MARKS),
    Mutant("marks.py", "(200 * part + whole)", "(200 * part)", MARKS),
    Mutant("marks.py", ", 0), 100)", ", 0), 101)", MARKS),
    Mutant("marks.py", "1 << (key - 1)", "1 << key", MARKS),
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
