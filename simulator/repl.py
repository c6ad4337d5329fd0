# SPDX-License-Identifier: MIT
"""Follows what is typed at a MicroPython prompt, to know what Ctrl-D means there."""

CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E = 1, 2, 3, 4, 5
FRIENDLY, RAW, PASTE = range(3)


class Repl:
    """The mode of the prompt; the unix port has no soft reboot of its own."""

    def __init__(self) -> None:
        self.mode, self._empty, self._tail = FRIENDLY, True, b""

    def soft_reboot(self, byte: int) -> bool:
        """Take one byte on its way to the board; True: here a board starts its program anew."""
        self._tail = (self._tail + bytes((byte,)))[-3:]
        if self.mode == PASTE:
            if byte == CTRL_D:
                self.mode, self._empty = RAW, True
        elif self.mode == FRIENDLY:
            if byte == CTRL_A:
                self.mode, self._empty = RAW, True
            return byte == CTRL_D
        elif byte == CTRL_B:
            self.mode = FRIENDLY
        elif byte == CTRL_D:
            reboot, self._empty = self._empty, True
            return reboot
        elif self._tail == b"\x05A\x01":
            self.mode = PASTE
        elif byte in (CTRL_C, CTRL_A):
            self._empty = True
        elif byte != CTRL_E and byte != ord("\r"):
            self._empty = False
        return False
