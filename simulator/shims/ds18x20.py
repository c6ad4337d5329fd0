# SPDX-License-Identifier: MIT
"""`ds18x20` as the boards have it frozen in, for firmware that uses it: the same calls."""

_FAMILIES = (0x10, 0x22, 0x28)
_CONVERT, _READ_SCRATCHPAD, _WRITE_SCRATCHPAD = 0x44, 0xBE, 0x4E


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def _call(self, rom, command):
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(command)

    def read_scratch(self, rom):
        self._call(rom, _READ_SCRATCHPAD)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        self._call(rom, _WRITE_SCRATCHPAD)
        self.ow.write(buf)

    def read_temp(self, rom):
        scratchpad = self.read_scratch(rom)
        raw = scratchpad[0] | scratchpad[1] << 8
        if raw & 0x8000:
            raw -= 0x10000
        if rom[0] != 0x10:
            return raw / 16
        # DS18S20: half degrees, and the rest of the last one from the count (its data sheet)
        return (raw >> 1) - 0.25 + (scratchpad[7] - scratchpad[6]) / scratchpad[7]
