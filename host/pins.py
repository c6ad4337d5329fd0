# SPDX-License-Identifier: MIT
"""What the pins of each chip can do, from the data sheets."""

CHIPS = ("esp32", "esp32-pico-d4", "rp2040", "rp2040-w")
_RP2040_LAST = 29
_RP2040_ADC = range(26, 30)
_PICO_W_RADIO = (23, 24, 25, 29)
# RP2040 data sheet table 2: which GPIO, modulo 4, has what use.
_RP2040_SPI = {"radio miso": 0, "radio sck": 2, "radio mosi": 3}
_RP2040_UART = {"uart tx": 0, "uart rx": 1}
_RP2040_I2C = {"i2c sda": (0, 2), "i2c scl": (1, 3)}
# ESP32 data sheet tables 5 and 7, and its section on strapping pins.
_ESP32_LAST = 39
_ESP32_MISSING = (20, 24, *range(28, 32))
_ESP32_FLASH = range(6, 12)
_PICO_D4_FLASH = (16, 17)
_ESP32_SERIAL = (1, 3)
_ESP32_STRAPPING = (0, 2, 5, 12, 15)
_ESP32_INPUT_ONLY = range(34, 40)
_ESP32_ADC = (0, 2, 4, *range(12, 16), *range(25, 28), *range(32, 40))
_ESP32_BUSES = {"radio": (1, 2), "i2c": (0, 1), "uart": (1, 2)}  # UART 0 is the serial line
# Pulled up inside the chip, and high when it starts as it should: what idles high may be there.
_ESP32_STRAPPED_HIGH = (0, 5, 15)
_IDLE_HIGH = ("one_wire", "uart tx")
# The maker of a board chose these pins: strapping pins may be among them.
_FIXED = ("radio", "led", "battery", "i2c", "button", "vext")
_INPUTS = (
    *("radio miso", "radio dio0", "radio dio1", "button pin", "battery pin", "uart rx"),
    *("echo", "pir", "pir_2"),
)


def problem(chip: str, use: str, pin: int, bus: int | None = None) -> str:
    """Why a pin of a chip cannot have a use such as "radio sck" on a bus, "" when it can."""
    if chip.startswith("rp2040"):
        return _rp2040(chip, use, pin, bus)
    buses = _ESP32_BUSES.get(use.split()[0], ())
    if bus is not None and bus not in buses:
        return f"the ESP32 has no bus {bus} for that; it has {' and '.join(map(str, buses))}"
    return _esp32(chip, use, pin)


def _rp2040(chip: str, use: str, pin: int, bus: int | None) -> str:
    if not 0 <= pin <= _RP2040_LAST:
        return f"the RP2040 has no GPIO {pin}"
    if chip == "rp2040-w" and pin in _PICO_W_RADIO:
        return f"GPIO {pin} belongs to the Pico W's own radio"
    if use == "battery pin" and pin not in _RP2040_ADC:
        return f"GPIO {pin} has no ADC; those of the RP2040 are 26 to 29"
    found = _rp2040_bus(use, pin)
    if found is not None and found != bus:
        return f"GPIO {pin} cannot be that on bus {bus}"
    return ""


def _rp2040_bus(use: str, pin: int) -> int | None:
    """The bus of which a pin can have this use; -1 of none, None when no bus is concerned."""
    if use in _RP2040_SPI:
        return pin // 8 % 2 if pin % 4 == _RP2040_SPI[use] else -1
    if use in _RP2040_UART:
        return (pin + 4) // 8 % 2 if pin % 4 == _RP2040_UART[use] else -1
    if use in _RP2040_I2C:
        return pin // 2 % 2 if pin % 4 in _RP2040_I2C[use] else -1
    return None


def _esp32(chip: str, use: str, pin: int) -> str:
    if not 0 <= pin <= _ESP32_LAST or pin in _ESP32_MISSING:
        return f"the ESP32 has no GPIO {pin}"
    if pin in _ESP32_FLASH or (chip == "esp32-pico-d4" and pin in _PICO_D4_FLASH):
        return f"GPIO {pin} belongs to the flash"
    if pin in _ESP32_SERIAL:
        return f"GPIO {pin} is the serial line to the computer"
    if pin in _ESP32_INPUT_ONLY and use not in _INPUTS:
        return f"GPIO {pin} is an input only"
    if use == "battery pin" and pin not in _ESP32_ADC:
        return f"GPIO {pin} has no ADC"
    idles_right = use in _IDLE_HIGH and pin in _ESP32_STRAPPED_HIGH
    if pin in _ESP32_STRAPPING and use.split()[0] not in _FIXED and not idles_right:
        return f"GPIO {pin} decides how the chip starts (strapping)"
    return ""
