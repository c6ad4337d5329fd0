# SPDX-License-Identifier: MIT
"""The DS18B20 as its wire and the world see it: no lag, and noise from the stream of 0.03 degC.

It is in the water where its world has some, else in the air. Of its ways to fail each is an
attribute; with `brown_out` it has no supply of its own: a conversion is a reset, and its end shows
at once. As clones do (cpetrich/counterfeit_DS18B20), `replays` says again what was measured before
and converts nothing; a `clone` has no 85 degC after power-on and takes 519 ms at any resolution.
"""

from collections.abc import Callable
from random import Random

from simulator.clock import Clock
from simulator.world import Environment

_FAMILY = 0x28
_READ_ROM, _MATCH_ROM, _SKIP_ROM, _SEARCH_ROM = 0x33, 0x55, 0xCC, 0xF0
_CONVERT, _WRITE, _READ, _COPY, _RECALL, _POWER = 0x44, 0x4E, 0xBE, 0x48, 0xB8, 0xB4
_CONVERT_US = {0: 93_750, 1: 187_500, 2: 375_000, 3: 750_000}  # by R1 R0, table 2
_CLONE_US = 519_000
_85_C, _25_C = 0x0550, 0x0190
_RESERVED = bytes((0xFF, 0x0C, 0x10))
_NOISE_C = 0.03


def crc8(data: bytes) -> int:
    """The 1-Wire CRC: x^8 + x^5 + x^4 + 1, by long division of the bits as they come."""
    remainder = 0
    for bit in (byte >> at & 1 for byte in data for at in range(8)):
        feedback = remainder & 1 ^ bit
        remainder = remainder >> 1 ^ (0b10001100 if feedback else 0)
    return remainder


class Ds18b20:
    """One sensor with a ROM code from its stream."""

    def __init__(self, clock: Clock, environment: Environment, stream: Random, clone: bool = False):
        self.environment = environment
        self.silent = self.corrupt_crc = self.frozen = False
        self._powered = True
        self.zeros = self.brown_out = self.replays = False
        serial = bytes((_FAMILY,)) + stream.randbytes(6)
        self.rom = serial + bytes((crc8(serial),))
        self._clock, self._stream, self._clone = clock, stream, clone
        self._eeprom = bytes((0x4B, 0x46, 0x7F))  # TH, TL, configuration: 12 bits
        self._raw = _25_C
        self._done_us: int | None = None  # when the conversion ends
        self._converted_us = 0
        self._off_us, self._off_since_us = 0, 0
        self._registers = self._eeprom
        self._output: list[int] = []  # bits for the next read slots
        self._input: list[int] = []
        self._searched: int | None = None  # the bit of the ROM code that a search is at
        self.power_on()

    def power_on(self) -> None:
        """What it is after it got its supply."""
        self._registers = self._eeprom
        if not self._clone:
            self._raw = _85_C
        self._done_us = None
        self._deaf()

    def power(self, level: int) -> None:
        """Its supply goes on (1) or off (0)."""
        if not self._powered:
            self._off_us += self._clock.now_us - self._off_since_us
        self._off_since_us = self._clock.now_us
        if level and not self._powered:
            self.power_on()
        self._powered = bool(level)

    def reset(self) -> bool:
        """A reset pulse; True: presence."""
        self._finish()
        self._expect(self._rom_command, 8)
        self._output = []
        return self._powered and not self.silent

    def read_bit(self) -> int:
        """A read slot: what it has to say, else whether a conversion is under way."""
        self._finish()
        if self.silent or not self._powered:
            return 1
        if self._output:
            return self._output.pop(0)
        return int(self._done_us is None)

    def write_bit(self, bit: int) -> None:
        """A write slot."""
        self._finish()
        self._output = []
        if self._searched is not None:
            self._follow(bit)
        elif self._wanted:
            self._input.append(bit)
            if len(self._input) == self._wanted:
                self._handler(_bytes(self._input))

    def time_by_state_us(self) -> dict[str, int]:
        """How long it converted, and rested with its supply and without; it was made at 0."""
        now_us = self._clock.now_us
        off_us = self._off_us + (0 if self._powered else now_us - self._off_since_us)
        idle_us = now_us - off_us - self._converted_us
        return {"converting": self._converted_us, "idle": idle_us, "off": off_us}

    # What the bits mean.

    def _expect(self, handler: Callable[[bytes], None], bits: int) -> None:
        self._handler, self._wanted = handler, bits
        self._input, self._searched = [], None

    def _deaf(self) -> None:
        """Until the next reset."""
        self._output = []
        self._expect(self._rom_command, 0)

    def _rom_command(self, command: bytes) -> None:
        if command[0] == _SKIP_ROM:
            self._expect(self._function, 8)
        elif command[0] == _MATCH_ROM:
            self._expect(self._match, 64)
        elif command[0] == _READ_ROM:
            self._say(self.rom)
            self._expect(self._function, 8)
        elif command[0] == _SEARCH_ROM:
            self._deaf()
            self._searched = 0
            self._offer()
        else:
            self._deaf()

    def _match(self, rom: bytes) -> None:
        self._expect(self._function, 8) if rom == self.rom else self._deaf()

    def _offer(self) -> None:
        """The next bit of the ROM code in a search, and its complement."""
        assert self._searched is not None
        bit = self.rom[self._searched // 8] >> self._searched % 8 & 1
        self._output = [bit, 1 - bit]

    def _follow(self, bit: int) -> None:
        """The master chose a bit: whoever has another one drops out."""
        assert self._searched is not None
        position, own = self._searched, self.rom[self._searched // 8] >> self._searched % 8 & 1
        if bit != own or position == 63:
            self._deaf()
        else:
            self._searched = position + 1
            self._offer()

    def _function(self, command: bytes) -> None:
        self._deaf()
        if command[0] == _CONVERT:
            self._convert()
        elif command[0] == _READ:
            self._say(self._scratchpad())
        elif command[0] == _WRITE:
            self._expect(self._write_registers, 24)
        elif command[0] == _COPY:
            self._eeprom = self._registers
        elif command[0] == _RECALL:
            self._registers = self._eeprom
        elif command[0] == _POWER:
            self._output = [0 if self.brown_out else 1]

    def _write_registers(self, data: bytes) -> None:
        self._registers = data[:2] + bytes((data[2] & 0x60 | 0x1F,))
        self._deaf()

    def _say(self, data: bytes) -> None:
        self._output = [byte >> at & 1 for byte in data for at in range(8)]

    # What it measures.

    def _scratchpad(self) -> bytes:
        if self.zeros:
            return bytes(9)
        data = self._raw.to_bytes(2, "little") + self._registers + _RESERVED
        return data + bytes((crc8(data) ^ (0xFF if self.corrupt_crc else 0),))

    def _convert(self) -> None:
        if self.brown_out:
            self.power_on()
        elif not self.replays:
            takes_us = _CLONE_US if self._clone else _CONVERT_US[self._registers[2] >> 5 & 3]
            self._done_us = self._clock.now_us + takes_us
            self._converted_us += takes_us

    def _finish(self) -> None:
        """The end of a conversion, once it is past."""
        if self._done_us is None or self._clock.now_us < self._done_us:
            return
        place = self.environment.at(self._done_us)
        self._done_us = None
        temperature_c = place.temperature_c if place.water_c is None else place.water_c
        temperature_c += self._stream.gauss(0, _NOISE_C)
        undefined_bits = 3 - (self._registers[2] >> 5 & 3)
        raw = round(min(max(temperature_c, -55), 125) * 16) >> undefined_bits << undefined_bits
        if not self.frozen:
            self._raw = raw & 0xFFFF


def _bytes(bits: list[int]) -> bytes:
    return bytes(
        sum(bit << at for at, bit in enumerate(bits[start : start + 8]))
        for start in range(0, len(bits), 8)
    )
