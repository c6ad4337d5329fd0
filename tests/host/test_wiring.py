# SPDX-License-Identifier: MIT
"""Which kit goes on which board, and where its wires go."""

import json

import pytest
from click.testing import CliRunner

from host import boards, wiring
from host.boards import Kit, Sensor, Thresholds
from host.cli import cli
from host.errors import HostError

BOARDS = boards.boards()
KITS = boards.kits()
LIGHT = Thresholds(800, 1200)
# A kit for each bus and each need, whatever kits.toml has.
NEEDS = {
    "i2c": Kit("i2c", "", 600, [Sensor("scd4x", "i2c", [1])], True, LIGHT),
    "serial": Kit("serial", "", 600, [Sensor("mhz19", "uart", [1])], True, LIGHT),
    "probe": Kit("probe", "", 600, [Sensor("ds18b20", "one_wire", [13])], True),
    "pulse": Kit("pulse", "", 600, [Sensor("pulse", "pulse", [4])]),
    "pulse and light": Kit(
        "pulse and light", "", 600, [Sensor("pulse", "pulse", [4])], True, LIGHT
    ),
    "pir": Kit("pir", "", 600, [Sensor("pir", "pir", [7])], True),
    "pirs": Kit("pirs", "", 600, [Sensor("pir", "pir", [7, 11])], True),
    "all": Kit(
        "all",
        "",
        600,
        [
            Sensor("scd4x", "i2c", [1]),
            Sensor("senseair_s8", "uart", [1]),
            Sensor("ds18b20", "one_wire", [13]),
        ],
        True,
        LIGHT,
    ),
}
NO_ECHO = "an input for the echo and an output for the trigger are not free"
ONE_INPUT = "its inputs are all in use but one"
SHARED = "the trigger is on a pin of the light"
# (board, need): why not. All else goes.
REFUSED = {
    ("m5stack-lora868", "pulse"): NO_ECHO,
    ("m5stack-lora868", "pulse and light"): NO_ECHO,
    ("ttgo-lora32-v1_3", "pirs"): ONE_INPUT,
    ("ttgo-lora32-v2_1", "pirs"): ONE_INPUT,
    ("ttgo-lora32-v2_1-tcxo", "pirs"): ONE_INPUT,
    ("t3-v3-tcxo", "pirs"): ONE_INPUT,
    ("tbeam-sx1276", "pirs"): ONE_INPUT,
    ("ttgo-lora32-v1", "pulse and light"): SHARED,
    ("ttgo-lora32-v1_3", "pulse and light"): SHARED,
    ("ttgo-lora32-v2_1", "pulse and light"): SHARED,
    ("ttgo-lora32-v2_1-tcxo", "pulse and light"): SHARED,
    ("heltec-v1", "pulse and light"): SHARED,
    ("heltec-v2", "pulse and light"): SHARED,
    ("heltec-v2_1", "pulse and light"): SHARED,
}
# (board, kit of kits.toml): why not. All other pairs go, those of rpi-pico-rfm95 always.
REFUSED_KITS = {
    ("m5stack-lora868", "crossing"): "no output is free for the lamp",
    **{
        (name, "bikes"): "on a battery an ESP32 sleeps too deeply to hear a PIR"
        for name, board in BOARDS.items()
        if board.chip.startswith("esp32")
    },
    ("m5stack-lora868", "bin-jsn-sr04t"): NO_ECHO,
    ("m5stack-lora868", "bin-hc-sr04"): NO_ECHO,
}


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("board", BOARDS)
def test_each_need_is_met_or_refused_with_a_reason(board, need):
    found = boards.refusal(BOARDS[board], NEEDS[need])
    assert bool(found) == ((board, need) in REFUSED), found
    if found:
        assert f"'{need}'" in found and f"'{board}'" in found
        with pytest.raises(HostError):
            wiring.plan(BOARDS[board], NEEDS[need])
    else:
        assert wiring.plan(BOARDS[board], NEEDS[need])["wires"]


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("board", BOARDS)
def test_each_kit_goes_on_each_board_or_is_refused_with_a_reason(board, kit):
    found = boards.refusal(BOARDS[board], KITS[kit])
    assert bool(found) == ((board, kit) in REFUSED_KITS), found
    arguments = (kit, bytes(8), bytes(8), b"k" * 16)
    if found:
        with pytest.raises(HostError) as error:
            boards.config_for(BOARDS[board], KITS[kit], *arguments)
        assert str(error.value) == found and error.value.next_step
    else:
        boards.config_for(BOARDS[board], KITS[kit], *arguments)


def test_what_is_refused_says_why():
    def said(board, need):
        return boards.refusal(BOARDS[board], NEEDS[need])

    assert said("m5stack-lora868", "pulse") == (
        "'pulse' needs trigger, and 'm5stack-lora868' has no free pin for it"
    )
    assert said("tbeam-sx1276", "pirs") == (
        "'pirs' needs pir_2, and 'tbeam-sx1276' has no free pin for it"
    )
    assert boards.refusal(BOARDS["heltec-v2"], KITS["bikes"]) == (
        "'bikes' has no mains, and 'heltec-v2' sleeps too deeply to hear a PIR"
    )
    assert boards.refusal(BOARDS["ttgo-lora32-v2_1"], KITS["bikes"]) == (
        "'bikes' needs pir_2, and 'ttgo-lora32-v2_1' has no free pin for it"
    )
    assert said("ttgo-lora32-v2_1", "pulse and light") == (
        "'pulse and light' needs GPIO 13 of 'ttgo-lora32-v2_1' for light green and trigger"
    )


def test_the_pico_takes_every_kit():
    for name, board in BOARDS.items():
        if name.startswith("rpi-pico"):
            assert not [kit for kit in KITS.values() if boards.refusal(board, kit)]


def test_every_driver_has_its_part():
    assert set(boards.DRIVERS) <= set(wiring.PARTS)


def wires(board, need):
    plan = wiring.plan(BOARDS[board], NEEDS[need])
    return {wire["pin"]: wire["to"] for wire in plan["wires"]}, plan["notes"]


def test_a_pico_is_wired_by_its_printed_names_and_numbers():
    found, _ = wires("rpi-pico-rfm95", "i2c")
    assert found == {
        "supply": "3V3 (pin 36)",
        "GND": "GND",
        "SDA": "GP20 (pin 26)",
        "SCL": "GP21 (pin 27)",
        "green LED, with 330 ohm to GND": "GP10 (pin 14)",
        "orange LED, with 330 ohm to GND": "GP11 (pin 15)",
        "red LED, with 330 ohm to GND": "GP14 (pin 19)",
    }
    assert wires("challenger-2040-lora", "i2c")[0]["SDA"] == "GPIO 0"


def test_a_serial_line_is_crossed():
    found, _ = wires("rpi-pico-rfm95", "serial")
    assert (found["TX"], found["RX"]) == ("GP13 (pin 17)", "GP12 (pin 16)")
    assert found["supply"] == "VBUS (pin 40)"
    assert wires("ttgo-lora32-v2_1", "serial")[0]["supply"] == "5V"


def test_on_a_battery_the_supply_is_switched():
    found, _ = wires("rpi-pico-rfm95", "pulse")
    assert found["supply"].endswith("a switch that is closed while GP27 (pin 32) is high")
    assert "switch" not in wires("ttgo-lora32-v2_1", "pulse")[0]["supply"]


def test_a_pir_has_its_supply_all_the_time_as_what_is_beside_it():
    kit = Kit("gate", "", 600, [Sensor("pir", "pir", [7]), Sensor("sht4x", "i2c", [2])])
    found = wiring.plan(BOARDS["rpi-pico-rfm95"], kit)["wires"]
    supplies = [each["to"] for each in found if each["pin"] == "supply"]
    assert supplies == ["VBUS (pin 40)", "3V3 (pin 36)"]


@pytest.mark.parametrize(
    ("need", "said"),
    [
        ("i2c", "4.7 kohm to 3V3"),
        ("serial", "does not work from 3.3 V"),
        ("serial", "5V is there only while the board hangs on USB"),
        ("probe", "DQ needs a resistor of 4.7 kohm"),
        ("pulse", "ECHO has 5 V: 1 kohm from ECHO to the pin and 2 kohm"),
        ("pir", "HC-SR501 needs 4.5 V"),
        ("all", "DQ needs a resistor"),
        ("all", "5V is there only while"),
    ],
)
def test_voltages_and_pull_ups_are_warned_of(need, said):
    _, notes = wires("ttgo-lora32-v1", need)
    assert [note for note in notes if said in note], notes


def test_5_v_is_no_matter_where_nothing_needs_it():
    _, notes = wires("rpi-pico-rfm95", "i2c")
    assert len(notes) == 1 and "I2C" in notes[0]


def test_a_sht4x_is_not_for_5_v():
    notes = wiring.plan(BOARDS["rpi-pico-rfm95"], KITS["classroom-sht4x"])["notes"]
    assert [note for note in notes if note.startswith("Sensirion SHT4x: never 5 V")]


def run(*words):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_pico_is_drawn_with_both_rows():
    lines = run("boards", "show", "rpi-pico-rfm95").splitlines()
    drawn = [line for line in lines if " | " in line]
    assert len(drawn) == 20
    assert drawn[0].split() == ["GP0", "|", "1", "o", "o", "40", "|", "VBUS"]
    assert drawn[3].split() == ["radio", "sck", "GP2", "|", "4", "o", "o", "37", "|", "3V3_EN"]
    assert drawn[19].split("|")[0].split() == ["one", "wire", "GP15"]
    assert drawn[19].split("|")[2].split() == ["GP16", "trigger"]
    assert drawn[4].endswith("3V3") and drawn[10].endswith("RUN")
    # every pin of the table is in the picture, once
    for use, gpio in BOARDS["rpi-pico-rfm95"].pins():
        shown = use.removesuffix(" pin").replace("_", " ")
        assert len([line for line in lines if f"GP{gpio} " in line + " " and shown in line]) == (
            gpio != 25
        )
    assert "  on the board itself: GPIO 25  led" in lines


def test_the_pins_have_the_numbers_of_the_data_sheet():
    numbers = {}
    for line in run("boards", "show", "rpi-pico-rfm95").splitlines():
        if " | " in line:
            left, middle, right = (part.split() for part in line.split("|"))
            numbers[int(middle[0])], numbers[int(middle[-1])] = left[-1], right[0]
    # Pico data sheet, figure 2
    assert {at for at in numbers if "GND" in numbers[at]} == {3, 8, 13, 18, 23, 28, 33, 38}
    gpios = [*(1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20), 21, 22, 24, 25, 26, 27, 29]
    assert [numbers[at] for at in gpios] == [f"GP{gpio}" for gpio in range(23)]
    others = {at: numbers[at] for at in (30, 31, 32, 34, 35, 36, 37, 39, 40)}
    assert list(others.values()) == [
        "RUN", "GP26", "GP27", "GP28", "ADC_VREF", "3V3", "3V3_EN", "VSYS", "VBUS",
    ]  # fmt: skip


def test_other_boards_are_a_list_of_their_pins():
    lines = run("boards", "show", "heltec-v2").splitlines()
    listed = [line for line in lines if line.startswith("  GPIO")]
    assert listed[0] == "  GPIO  0  button"
    assert "  GPIO 22  light green, trigger" in listed and "  GPIO 16  (display)" in listed
    assert [int(line.split()[1]) for line in listed] == sorted(
        {gpio for _, gpio in BOARDS["heltec-v2"].pins()} | {16, 34}
    )


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_says_what_it_is_and_from_where(board):
    text = run("boards", "show", board)
    assert BOARDS[board].source and BOARDS[board].source in text and BOARDS[board].note in text
    assert ("(measured)" in text) == BOARDS[board].sleep_measured


def test_a_wiring_table_as_lines_and_as_json():
    words = ("kits", "show", "classroom", "--board", "rpi-pico-rfm95")
    text, value = run(*words), json.loads(run(*words, "--json"))
    assert text.startswith("classroom on rpi-pico-rfm95\n") and "  ! I2C" in text
    assert {"part": "Sensirion SCD40 or SCD41", "pin": "SDA", "to": "GP20 (pin 26)"} in value[
        "wires"
    ]
    for wire in value["wires"]:
        assert f"{wire['pin']:<36} {wire['to']}" in text


def test_an_unknown_board_is_wrong_use():
    done = CliRunner().invoke(cli, ["kits", "show", "classroom", "--board", "pico"])
    assert done.exit_code == 2 and "unknown board 'pico'" in done.stderr
