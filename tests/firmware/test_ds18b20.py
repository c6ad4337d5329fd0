# SPDX-License-Identifier: MIT
"""The DS18B20 on its wire: convert, wait, read, and what is no measurement (data sheet rev 6)."""

from drivers import ds18b20
from one_wire import OneWire, crc8
from vectors import refuses

ROM = bytes.fromhex("28ff641e8316035a")  # any serial number
ROM = ROM[:7] + bytes((crc8(ROM[:7]),))
REST = "4b467fff0c10"  # TH and TL, 12 bits, reserved (figures 8 to 10)
CONVERT = ("reset", "> cc44", "0", "1")
READ = ("reset", "> 55" + ROM.hex() + "be")


def scratchpad(raw, rest=REST):
    """Nine bytes for a temperature register as table 1 has it, with their checksum."""
    data = bytes((raw & 0xFF, raw >> 8)) + bytes.fromhex(rest)
    return data + bytes((crc8(data),))


def reply(raw):
    return "< " + scratchpad(raw).hex()


def made(*steps, key=2, roms=(ROM,)):
    bus = OneWire(list(roms), *steps)
    sensor = ds18b20.Sensor(bus, {"driver": "ds18b20", "bus": "one_wire", "keys": [key]})
    return bus, sensor


def started(*steps, key=2):
    bus, sensor = made(*steps, key=key)
    sensor.start(None)
    return bus, sensor


def test_the_scripts_checksums_are_right():
    # Maxim application note 27: the ROM code 02 1C B8 01 00 00 00 has the CRC A2
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2
    assert crc8(bytes(8)) == 0 and scratchpad(0x0550)[8] == 0x1C  # as it is after power-on


def test_a_measurement_is_a_conversion_a_wait_and_a_read():
    bus, sensor = started(*CONVERT, *READ, reply(0x0191))
    assert sensor.measure({}) == {2: 251}  # 25.0625 degC
    assert bus.over()


def test_it_waits_for_the_end_of_the_conversion():
    busy = ("0",) * 15
    bus, sensor = started("reset", "> cc44", *busy, "1", *READ, reply(0x0191))
    assert sensor.measure({}) == {2: 251}
    assert sum(bus.waited_ms) >= 750  # a chip may take so long, data sheet table 2


def test_its_key_is_the_one_of_the_kit():
    _, sensor = started(*CONVERT, *READ, reply(0x00A2), key=13)
    assert sensor.measure({2: 999}) == {13: 101}  # 10.125 degC


def test_nobody_on_the_wire_is_an_error():
    for steps in (("reset none",), CONVERT + ("reset none",)):
        bus, sensor = started(*steps)
        assert refuses(OSError, sensor.measure, {})
        assert bus.over()


def test_a_start_wants_exactly_one():
    other = bytes((0x28, 1, 2, 3, 4, 5, 6))
    other += bytes((crc8(other),))
    iron = bytes((0x10, 1, 2, 3, 4, 5, 6))  # a DS18S20 counts otherwise
    iron += bytes((crc8(iron),))
    broken = ROM[:7] + bytes((ROM[7] ^ 1,))
    for roms in ((), (ROM, other), (iron,), (broken,), (bytes(8),)):
        _, sensor = made(roms=roms)
        assert refuses(OSError, sensor.start, None), roms
    _, sensor = made(roms=(iron, ROM, broken))
    sensor.start(None)


def test_no_conversion_is_no_measurement():
    # a clone without power, which would say again what it measured before: the wire stays high
    bus, sensor = started("reset", "> cc44", "1")
    assert refuses(ValueError, sensor.measure, {})
    assert bus.over()


def test_a_conversion_without_an_end_is_no_measurement():
    _, sensor = started("reset", "> cc44", *("0",) * 17)  # a wire that is held low
    assert refuses(ValueError, sensor.measure, {})


def test_a_wrong_checksum_is_refused():
    for at in range(9):
        data = bytearray(scratchpad(0x0191))
        data[at] ^= 0x01
        _, sensor = started(*CONVERT, *READ, "< " + bytes(data).hex())
        assert refuses(ValueError, sensor.measure, {}), at


def test_all_zeros_pass_the_checksum_and_are_refused():
    assert crc8(bytes(9)) == 0
    _, sensor = started(*CONVERT, *READ, "< " + bytes(9).hex())
    assert refuses(ValueError, sensor.measure, {})


def test_85_degrees_are_its_power_on_value():
    assert refuses(ValueError, ds18b20.decode, scratchpad(0x0550))
    assert ds18b20.decode(scratchpad(0x0551)) == 851 and ds18b20.decode(scratchpad(0x054F)) == 849


def test_the_temperatures_of_the_data_sheet():
    # table 1, rounded to the nearest tenth, halves up
    for raw, temperature_dc in (
        (0x07D0, 1250),
        (0x0191, 251),
        (0x00A2, 101),
        (0x0008, 5),
        (0x0000, 0),
        (0xFFF8, -5),
        (0xFF5E, -101),
        (0xFE6F, -251),
        (0xFC90, -550),
        (0x0001, 1),  # 0.0625
        (0xFFFF, -1),
        (0x000C, 8),  # 0.75
    ):
        assert ds18b20.decode(scratchpad(raw)) == temperature_dc, hex(raw)


def test_what_it_cannot_measure_is_refused():
    for raw in (0x07D1, 0x07FF, 0xFC8F, 0x8000):
        assert refuses(ValueError, ds18b20.decode, scratchpad(raw)), hex(raw)


def test_at_a_lower_resolution_the_undefined_bits_do_not_count():
    for configuration, temperature_dc in (("7f", 254), ("5f", 254), ("3f", 253), ("1f", 250)):
        rest = "4b46" + configuration + "ff0c10"
        assert ds18b20.decode(scratchpad(0x0196 | 0x0001, rest)) == temperature_dc, configuration
    assert refuses(ValueError, ds18b20.decode, scratchpad(0x0557, "4b461fff0c10"))
