# SPDX-License-Identifier: MIT
"""boards.toml and kits.toml: what comes along, each complaint with its line, the config."""

import os
import subprocess
import sys
from pathlib import Path

import cbor2
import pytest

from host import boards, pins
from host.errors import HostError

ROOT = Path(__file__).parents[2]
BOARDS = """\
# one board
[mine]
title = "Mine"
chip = "esp32"
micropython = "ESP32_GENERIC"
usb = ["10C4:EA60"]
filesystem_kib = 2048
latency_ms = 35
clock_error_ppm = 2000
active_ma = { low = 27, typical = 45, high = 68 }
sleep_ua = { low = 5000, typical = 10000, high = 20000 }
sleep_measured = false
source = "its data sheet"
radio = { spi = 1, sck = 5, mosi = 27, miso = 19, cs = 18, reset = 23, dio0 = 26, pa_boost = true }
i2c = { id = 0, sda = 21, scl = 22 }
led = { pin = 2 }
light = { green = 13, orange = 14, red = 4 }
battery = { pin = 35, ratio_permille = 2000 }
pir = 34
flash_offset = 0x1000
"""
KITS = """\
[room]
title = "A room"
interval_s = 600
light = { orange_ppm = 800, red_ppm = 1200 }
sensors = [
    { driver = "scd4x", bus = "i2c", keys = [1] },
    { driver = "sht4x", bus = "i2c", keys = [2, 3] },
]
"""
SPI = BOARDS.splitlines()[13]


def edited(text, old, new):
    """The text with one line changed, and the number of that line."""
    assert text.count(old) == 1
    return text.replace(old, new), text[: text.index(old)].count("\n") + 1


def complaint(load, path, text):
    path.write_text(text)
    with pytest.raises(HostError) as error:
        load(path)
    assert "\n" not in str(error.value) and error.value.next_step
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('chip = "esp32"', 'chip = "esp8266"', "[mine] unknown chip 'esp8266'"),
        ("latency_ms = 35", 'latency_ms = "35"', "[mine] 'latency_ms' is not a whole number"),
        ("latency_ms = 35", "latency_ms = 3.5", "[mine] 'latency_ms' is not a whole number"),
        ("latency_ms = 35", "latency_ms = true", "[mine] 'latency_ms' is not a whole number"),
        (
            "latency_ms = 35",
            "latency_ms = -1",
            "[mine] 'latency_ms' is -1, it has to be 0 to 1000",
        ),
        ("filesystem_kib = 2048", "filesystem_kib = 0", "'filesystem_kib' is 0, it has to be 64"),
        ("pir = 34", "pirr = 34", "[mine] unknown key 'pirr'"),
        ("pir = 34", 'name = "x"', "[mine] unknown key 'name'"),
        ('usb = ["10C4:EA60"]', "usb = [1]", "[mine] 'usb' is not a text in"),
        ('usb = ["10C4:EA60"]', 'usb = "10C4:EA60"', "[mine] 'usb' is not a list"),
        ("led = { pin = 2 }", "led = 2", "[mine] 'led' is not a table"),
        ("led = { pin = 2 }", "led = { pn = 2 }", "[mine.led] unknown key 'pn'"),
        ("led = { pin = 2 }", "led = { on = 1 }", "[mine.led] 'pin' is missing"),
        ("led = { pin = 2 }", "led = { pin = 2, on = 2 }", "'on' is 2, it has to be 0 to 1"),
        ("pa_boost = true", "pa_boost = 1", "[mine.radio] 'pa_boost' is not true or false"),
        ("ratio_permille = 2000", "ratio_permille = 2", "'ratio_permille' is 2, it has to be 1000"),
        # pins
        ("cs = 18", "cs = 23", "[mine.radio] GPIO 23 is radio cs and radio reset"),
        ("pir = 34", "pir = 26", "[mine] GPIO 26 is radio dio0 and pir"),
        ("green = 13", "green = 34", "[mine.light] light green: GPIO 34 is an input only"),
        ("led = { pin = 2 }", "led = { pin = 36 }", "led pin: GPIO 36 is an input only"),
        ("sda = 21", "sda = 39", "[mine.i2c] i2c sda: GPIO 39 is an input only"),
        ("green = 13", "green = 12", "light green: GPIO 12 decides how the chip starts"),
        ("cs = 18", "cs = 6", "radio cs: GPIO 6 belongs to the flash"),
        ("cs = 18", "cs = 40", "radio cs: the ESP32 has no GPIO 40"),
        ("pin = 35", "pin = 33, x = 0", "[mine.battery] unknown key 'x'"),
        ("pin = 35", "pin = 5", "battery pin: GPIO 5 has no ADC"),
        ("green = 13", "green = 26", "[mine.light] GPIO 26 is radio dio0 and light green"),
        ("pir = 34", "lamp = 4\ntrigger = 4", "[mine] GPIO 4 is trigger and lamp"),
        ("pir = 34", "pir = 13", "[mine] GPIO 13 is light green and pir"),
        ("pir = 34", "pir = 34\ntaken = { GPS = [34] }", "GPIO 34 belongs to the board's GPS"),
        ("pir = 34", "taken = { GPS = 34 }", "'GPS' is not a list [ ... ]"),
        (
            "flash_offset = 0x1000",
            "uf2_family = 0xE48BFF56\nflash_offset = 0x1000",
            "[mine] 'uf2_family' is of another chip",
        ),
        ('usb = ["10C4:EA60"]', 'usb = ["10c4:ea60"]', "[mine] '10c4:ea60' is no USB id"),
        ("spi = 1", "spi = 0", "the ESP32 has no bus 0 for that; it has 1 and 2"),
        ('chip = "esp32"', 'chip = "rp2040"', None),
        ("low = 27, typical = 45", "low = 47, typical = 45", "'active_ma' is no range"),
        ("typical = 10000, ", "", "[mine.sleep_ua] 'typical' is missing"),
    ],
)
def test_a_mistake_in_a_board_is_named_with_its_line(tmp_path, old, new, said):
    text, line = edited(BOARDS, old, new)
    found = complaint(boards.boards, tmp_path / "boards.toml", text)
    if said is None:  # the first pin that this chip cannot use so
        line, said = 14, "radio sck: GPIO 5 cannot be that on bus 1"
    assert found.startswith(f"boards.toml, line {line}: ") and said in found


@pytest.mark.parametrize(
    ("line", "name"), [(SPI, "radio"), ("flash_offset = 0x1000", "flash_offset")]
)
def test_what_a_board_lacks_has_the_line_of_its_table(tmp_path, line, name):
    text, _ = edited(BOARDS, line + "\n", "")
    found = complaint(boards.boards, tmp_path / "boards.toml", text)
    assert found == f"boards.toml, line 2: [mine] '{name}' is missing"


def test_the_second_board_has_its_own_lines(tmp_path):
    text = BOARDS + BOARDS.replace("[mine]", "[other]").replace("cs = 18", "cs = 25")
    text = text.replace("dio0 = 26", "dio0 = 25", 2).replace("dio0 = 25", "dio0 = 26", 1)
    found = complaint(boards.boards, tmp_path / "boards.toml", text)
    assert found.startswith("boards.toml, line 34: [other.radio] GPIO 25 is radio cs and radio dio")


def test_a_board_that_is_no_table(tmp_path):
    found = complaint(boards.boards, tmp_path / "boards.toml", f"spare = 3\n{BOARDS}")
    assert found == "boards.toml, line 1: 'spare' is not a table"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("interval_s = 600", "interval_s = 59", "'interval_s' is 59, it has to be 60 to 86400"),
        ("interval_s = 600", "interval = 600", "[room] unknown key 'interval'"),
        ("orange_ppm = 800", "orange_ppm = 1200", "orange at 1200 ppm is not below red at 1200"),
        ("red_ppm = 1200", "red_ppm = 50000", "'red_ppm' is 50000, it has to be 400 to 40000"),
        ('driver = "sht4x"', 'driver = "sht5x"', "[room.sensors] no driver 'sht5x'"),
        ('"sht4x", bus = "i2c"', '"sht4x", bus = "spi"', "'sht4x' on bus 'spi'"),
        ("keys = [2, 3]", "keys = [2, 4]", "[room.sensors] key 4 is none of 'sht4x'"),
        ("keys = [2, 3]", 'keys = ["co2"]', "[room.sensors] 'keys' is not a whole number"),
        ("keys = [2, 3]", "keys = [-1]", "key -1 is none of 'sht4x'"),
        ("keys = [2, 3]", "keys = [2, 2]", "key 2 is measured twice"),
        ("keys = [1]", "keys = [1, 2]", None),
        ('driver = "sht4x"', 'driver = "scd4x"', "'scd4x' twice"),
        ("keys = [2, 3] }", "keys = [2, 3], x = 1 }", "[room.sensors] unknown key 'x'"),
        (
            "keys = [2, 3] }",
            "keys = [2, 3], dead_ms = 4000 }",
            "[room.sensors] 'dead_ms' is no option of 'sht4x'",
        ),
    ],
)
def test_a_mistake_in_a_kit_is_named_with_its_line(tmp_path, old, new, said):
    text, line = edited(KITS, old, new)
    found = complaint(boards.kits, tmp_path / "kits.toml", text)
    if said is None:  # what comes second is the mistake
        line, said = line + 1, "key 2 is measured twice"
    assert found.startswith(f"kits.toml, line {line}: ") and said in found


CO2 = KITS.replace('"scd4x", bus = "i2c", keys = [1]', '"mhz19", bus = "uart", keys = [1]')
CO2 = CO2.replace("interval_s = 600", "interval_s = 600\nmains = true")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("keys = [1]", "keys = [1], range_ppm = 3000", "'range_ppm' is 3000"),
        ("keys = [1]", "keys = [1], range_ppm = 1000", "it has to be 2000 to 10000"),
        ("keys = [1]", "keys = [1], self_calibration = 2", "it has to be 0 to 1"),
        ("keys = [1]", "keys = [1], unit_mm = 10", "'unit_mm' is no option of 'mhz19'"),
        ("mains = true", "mains = false", "'mhz19' wants mains"),
        ('"mhz19", bus = "uart"', '"mhz19", bus = "i2c"', "'mhz19' on bus 'i2c'"),
        (
            '"sht4x", bus = "i2c", keys = [2, 3]',
            '"maxbotix", bus = "uart", keys = [4]',
            "one at its end",
        ),
        (
            '"sht4x", bus = "i2c", keys = [2, 3]',
            '"sht4x", bus = "i2c", keys = [2, 3], self_calibration = 1',
            "'self_calibration' is no option of 'sht4x'",
        ),
    ],
)
def test_a_mistake_in_a_kit_with_a_uart_is_named_with_its_line(tmp_path, old, new, said):
    text, line = edited(CO2, old, new)
    found = complaint(boards.kits, tmp_path / "kits.toml", text)
    if old == "mains = true":  # it is the sensor that wants them
        line += 3
    assert found.startswith(f"kits.toml, line {line}: ") and said in found


def test_a_sensor_keeps_the_options_that_it_takes(tmp_path):
    path = tmp_path / "kits.toml"
    path.write_text(CO2.replace("keys = [1]", "keys = [1], range_ppm = 2000, self_calibration = 0"))
    kit = boards.kits(path)["room"]
    found = boards.config_for(
        boards.boards()["rpi-pico-rfm95"], kit, "a", bytes(8), bytes(8), b"k" * 16
    )
    assert found["sensors"][0] == {
        "driver": "mhz19",
        "bus": "uart",
        "keys": [1],
        "range_ppm": 2000,
        "self_calibration": 0,
    }


@pytest.mark.parametrize("kit", ["classroom-mhz19", "classroom-s8"])
def test_a_kit_with_a_uart_has_its_pins(kit):
    assert config("rpi-pico-rfm95", kit)["uart"] == {"id": 0, "tx": 12, "rx": 13}
    found = config("ttgo-lora32-v2_1", kit)
    assert found["uart"] == {"id": 2, "tx": 15, "rx": 34}
    assert set(found["light"].values()).isdisjoint(found["uart"].values())
    assert "uart" not in config("rpi-pico-rfm95", "classroom")


def test_sensors_that_are_no_tables(tmp_path):
    text = KITS[: KITS.index("sensors")] + "sensors = 3\n"
    found = complaint(boards.kits, tmp_path / "kits.toml", text)
    assert found == "kits.toml, line 5: [room] 'sensors' is not a list [ ... ]"
    text = text.replace("3", '["scd4x"]')
    found = complaint(boards.kits, tmp_path / "kits.toml", text + "#")
    assert found == "kits.toml, line 5: [room] 'sensors' is not a table"


@pytest.mark.parametrize(
    ("chip", "use", "pin", "bus", "said"),
    [
        ("rp2040", "lamp", 29, None, ""),
        ("rp2040", "lamp", 30, None, "the RP2040 has no GPIO 30"),
        ("rp2040", "lamp", -1, None, "the RP2040 has no GPIO -1"),
        ("rp2040", "lamp", 23, None, ""),
        ("rp2040-w", "lamp", 23, None, "GPIO 23 belongs to the Pico W's own radio"),
        ("rp2040-w", "battery pin", 29, None, "GPIO 29 belongs to the Pico W's own radio"),
        ("rp2040", "battery pin", 25, None, "GPIO 25 has no ADC"),
        ("rp2040", "battery pin", 26, None, ""),
        # data sheet table 2, column F1: SPI
        ("rp2040", "radio sck", 2, 0, ""),
        ("rp2040", "radio sck", 2, 1, "GPIO 2 cannot be that on bus 1"),
        ("rp2040", "radio sck", 3, 0, "GPIO 3 cannot be that on bus 0"),
        ("rp2040", "radio sck", 14, 1, ""),
        ("rp2040", "radio mosi", 15, 1, ""),
        ("rp2040", "radio miso", 8, 1, ""),
        ("rp2040", "radio miso", 8, 0, "GPIO 8 cannot be that on bus 0"),
        ("rp2040", "radio mosi", 19, 0, ""),
        ("rp2040", "radio cs", 3, 0, ""),
        # column F2: UART
        ("rp2040", "uart tx", 12, 0, ""),
        ("rp2040", "uart rx", 13, 0, ""),
        ("rp2040", "uart tx", 13, 0, "GPIO 13 cannot be that on bus 0"),
        ("rp2040", "uart tx", 4, 1, ""),
        ("rp2040", "uart tx", 20, 1, ""),
        ("rp2040", "uart tx", 28, 0, ""),
        # column F3: I2C
        ("rp2040", "i2c sda", 20, 0, ""),
        ("rp2040", "i2c scl", 21, 0, ""),
        ("rp2040", "i2c scl", 20, 0, "GPIO 20 cannot be that on bus 0"),
        ("rp2040", "i2c sda", 2, 1, ""),
        ("rp2040", "i2c sda", 2, 0, "GPIO 2 cannot be that on bus 0"),
        ("esp32", "lamp", 24, None, "the ESP32 has no GPIO 24"),
        ("esp32", "lamp", 39, None, "GPIO 39 is an input only"),
        ("esp32", "pir", 39, None, ""),
        ("esp32", "radio miso", 39, 1, ""),
        ("esp32", "radio mosi", 39, 1, "GPIO 39 is an input only"),
        ("esp32", "one_wire", 35, None, "GPIO 35 is an input only"),
        ("esp32", "sensor_power", 35, None, "GPIO 35 is an input only"),
        ("esp32", "lamp", 11, None, "GPIO 11 belongs to the flash"),
        ("esp32", "lamp", 16, None, ""),
        ("esp32-pico-d4", "lamp", 16, None, "GPIO 16 belongs to the flash"),
        ("esp32-pico-d4", "lamp", 17, None, "GPIO 17 belongs to the flash"),
        ("esp32", "lamp", 1, None, "GPIO 1 is the serial line to the computer"),
        *(("esp32", "lamp", pin, None, f"GPIO {pin} decides") for pin in (0, 2, 5, 12, 15)),
        *(("esp32", "pir", pin, None, f"GPIO {pin} decides") for pin in (0, 2, 5, 12, 15)),
        # what idles high may be where the chip wants a high level (data sheet, strapping pins)
        *(("esp32", "one_wire", pin, None, "") for pin in (0, 5, 15)),
        *(("esp32", "uart tx", pin, 1, "") for pin in (0, 5, 15)),
        *(("esp32", "one_wire", pin, None, f"GPIO {pin} decides") for pin in (2, 12)),
        *(("esp32", "uart tx", pin, 1, f"GPIO {pin} decides") for pin in (2, 12)),
        *(("esp32", use, 0, None, "") for use in ("button pin", "vext pin")),
        *(("esp32", "radio sck", pin, 1, "") for pin in (2, 5, 12, 15)),
        ("esp32", "battery pin", 13, None, ""),
        ("esp32", "battery pin", 23, None, "GPIO 23 has no ADC"),
        ("esp32", "uart tx", 25, 0, "the ESP32 has no bus 0"),
        ("esp32", "i2c sda", 25, 2, "the ESP32 has no bus 2"),
    ],
)
def test_what_a_pin_can_do(chip, use, pin, bus, said):
    found = pins.problem(chip, use, pin, bus)
    assert found.startswith(said) and bool(found) == bool(said)


def test_the_pico_is_wired_as_the_design_says():
    board = boards.boards()["rpi-pico-rfm95"]
    assert dict(board.pins()) == {
        "radio sck": 2, "radio mosi": 3, "radio miso": 4, "radio cs": 5, "radio dio0": 6,
        "radio dio1": 7, "radio reset": 8, "button pin": 9, "light green": 10,
        "light orange": 11, "uart tx": 12, "uart rx": 13, "light red": 14, "one_wire": 15,
        "trigger": 16, "echo": 17, "pir": 18, "lamp": 19, "i2c sda": 20, "i2c scl": 21,
        "pir_2": 22, "led pin": 25, "battery pin": 26, "sensor_power": 27,
    }  # fmt: skip
    assert (board.radio.spi, board.i2c.id, board.uart.id, board.latency_ms) == (0, 0, 0, 5)


def test_what_comes_along():
    assert {"ttgo-lora32-v2_1", "rpi-pico-rfm95", "feather-rp2040-rfm95"} <= set(boards.boards())
    for board in boards.boards().values():
        assert board.latency_ms == (35 if board.chip.startswith("esp32") else 5)
    assert {"classroom", "classroom-sht4x"} <= set(boards.kits())
    for driver in boards.DRIVERS:
        assert ROOT.joinpath("firmware", "drivers", f"{driver}.py").is_file()


def config(board, kit):
    return boards.config_for(
        boards.boards()[board], boards.kits()[kit], "room-1", bytes(8), bytes(8), b"k" * 16
    )


def test_a_kit_that_counts_has_its_pirs_its_lamp_and_their_supply_all_the_time():
    found = config("rpi-pico-rfm95", "crossing")
    assert (found["pir"], found["lamp"]) == (18, {"pin": 19, "hold_s": 30})
    assert "pir_2" not in found
    assert found["sensors"] == [{"driver": "pir", "bus": "pir", "keys": [7], "dead_ms": 4000}]
    assert config("ttgo-lora32-v2_1", "crossing")["pir"] == 39
    found = config("rpi-pico-rfm95", "bikes")
    assert (found["pir"], found["pir_2"], found["mains"]) == (18, 22, False)
    assert "lamp" not in found and "sensor_power" not in found
    assert found["sensors"][0]["keys"] == [7, 11] and found["sensors"][0]["window_ms"] == 2000


def test_the_config_of_a_board_and_a_kit():
    found = config("rpi-pico-rfm95", "classroom-sht4x")
    expected = {
        "v": 1,
        "name": "room-1",
        "kit": "classroom-sht4x",
        "board": "rpi-pico-rfm95",
        "chip": "rp2040",
        "region": "EU868",
        "dev_eui": bytes(8),
        "join_eui": bytes(8),
        "app_key": b"k" * 16,
        "interval_s": 600,
        "mains": True,
        "latency_ms": 5,
        "clock_error_ppm": 2000,
        "radio": {
            "spi": 0, "sck": 2, "mosi": 3, "miso": 4, "cs": 5, "reset": 8, "dio0": 6, "dio1": 7,
            "pa_boost": True, "tcxo_ms": 5,
        },
        "i2c": {"id": 0, "sda": 20, "scl": 21},
        "sensors": [
            {"driver": "scd4x", "bus": "i2c", "keys": [1]},
            {"driver": "sht4x", "bus": "i2c", "keys": [2, 3]},
        ],
        "light": {"green": 10, "orange": 11, "red": 14, "orange_ppm": 800, "red_ppm": 1200},
        "led": {"pin": 25, "on": 1},
        "button": {"pin": 9, "on": 0},
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert cbor2.loads(cbor2.dumps(found)) == found


def test_a_battery_is_reported_unless_the_kit_is_on_mains(tmp_path):
    assert "battery" not in config("ttgo-lora32-v2_1", "classroom")
    path = tmp_path / "kits.toml"
    path.write_text(KITS)
    board, kit = boards.boards()["ttgo-lora32-v2_1"], boards.kits(path)["room"]
    found = boards.config_for(board, kit, "a", bytes(8), bytes(8), b"k" * 16)
    assert found["battery"] == {"pin": 35, "ratio_permille": 2000} and not found["mains"]


def test_the_supply_of_sensors_is_switched_where_a_pin_can_and_a_battery_feeds_them(tmp_path):
    assert "sensor_power" not in config("rpi-pico-rfm95", "classroom")
    path = tmp_path / "kits.toml"
    path.write_text(KITS)
    board, kit = boards.boards()["rpi-pico-rfm95"], boards.kits(path)["room"]
    found = boards.config_for(board, kit, "a", bytes(8), bytes(8), b"k" * 16)
    assert found["sensor_power"] == 27


def test_what_a_board_or_a_kit_lacks_is_not_in_the_config(tmp_path):
    path = tmp_path / "boards.toml"
    bare = "\n".join(
        line for line in BOARDS.splitlines() if line.split()[0] not in ("led", "light", "battery")
    )
    path.write_text(bare)
    board = boards.boards(path)["mine"]
    found = boards.config_for(board, boards.kits()["classroom"], "a", bytes(8), bytes(8), bytes(16))
    assert {"led", "light", "battery", "button"}.isdisjoint(found)
    assert "dio1" not in found["radio"] and "tcxo" not in found["radio"]


SOUNDER = """\
[well]
title = "A well"
interval_s = 900
marks = { level_mm = 3000 }
sensors = [{ driver = "pulse", bus = "pulse", keys = [4], blind_mm = 250 }]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'driver = "pulse", bus = "pulse", keys = [4], blind_mm = 250',
            'driver = "sht4x", bus = "i2c", keys = [2]',
            "line 4: [well] 'marks' without a sensor that measures a distance",
        ),
        ("{ level_mm = 3000 }", "{ empty_mm = 3000 }",
         "line 4: [well] one mark of a bin alone says nothing"),
        ("{ level_mm = 3000 }", "{ empty_mm = 300, full_mm = 300 }",
         "line 4: [well] empty at 300 mm is not below full at 300 mm"),
        ("level_mm = 3000", "level_mm = 0",
         "line 4: [well.marks] 'level_mm' is 0, it has to be 1 to 20000"),
        ("blind_mm = 250", "blind_mm = 2001",
         "line 5: [well.sensors] 'blind_mm' is 2001, it has to be 0 to 2000"),
        ('"pulse", bus = "pulse", keys = [4]', '"sht4x", bus = "i2c", keys = [2]',
         "line 5: [well.sensors] 'blind_mm' is no option of 'sht4x'"),
        ("marks = { level_mm = 3000 }", "bay = { below_mm = 900, hysteresis_mm = 50 }",
         "line 4: [well.bay] 'look_s' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_what_a_distance_is_for(tmp_path, old, new, said):
    assert SOUNDER.count(old) == 1
    found = complaint(boards.kits, tmp_path / "kits.toml", SOUNDER.replace(old, new))
    assert found == f"kits.toml, {said}"


def test_the_config_of_a_kit_with_a_distance():
    found = config("rpi-pico-rfm95", "bin-jsn-sr04t")
    assert found["pulse"] == {"trigger": 16, "echo": 17} and found["sensor_power"] == 27
    assert found["marks"] == [1200, 350, None] and "bay" not in found
    assert found["sensors"][1] == {
        "driver": "pulse", "bus": "pulse", "keys": [4], "blind_mm": 250,
    }  # fmt: skip
    found = config("rpi-pico-rfm95", "bin")
    assert found["uart"] == {"id": 0, "tx": 12, "rx": 13} and "pulse" not in found
    assert found["sensors"][1] == {"driver": "a02yyuw", "bus": "uart", "keys": [4]}
    assert config("rpi-pico-rfm95", "water")["marks"] == [None, None, 1800]
    bay = {"below_mm": 1800, "hysteresis_mm": 200, "look_s": 60}
    assert config("rpi-pico-rfm95", "parking")["bay"] == bay
    assert "marks" not in config("rpi-pico-rfm95", "classroom")


@pytest.mark.parametrize(
    ("kit", "keys"),
    [
        ("classroom", [1, 2, 3]),
        ("bin", [2, 4, 5]),
        ("water", [4, 6, 13]),
        ("parking", [2, 4, 8, 12]),
    ],
)
def test_a_kit_reports_what_it_measures_and_what_follows(kit, keys):
    assert boards.kits()[kit].wire_keys() == keys


def test_the_regions_are_those_of_the_firmware():
    """Each is found under MicroPython, and no file of the firmware is left out."""
    code = "from lora.region import find\nfor name in %r: assert find(name).name == name"
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-c", code % (boards.REGIONS,)],
        env={**os.environ, "MICROPYPATH": f"{ROOT / 'firmware'}:.frozen"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.stem for path in (ROOT / "firmware/lora/regions").glob("*.py")}
    assert {name.lower().partition("-")[0] for name in boards.REGIONS} == names


def test_a_region_that_the_firmware_lacks_is_no_config():
    board, kit = boards.boards()["rpi-pico-rfm95"], boards.kits()["classroom"]
    with pytest.raises(HostError, match="unknown region 'EU869'"):
        boards.config_for(board, kit, "a", bytes(8), bytes(8), bytes(16), "EU869")
