# SPDX-License-Identifier: MIT
"""`machine.Pin` as each chip family has it, and which bus a pin was given to."""

import _wire

_ESP32_MISSING = (24, 28, 29, 30, 31)
_ESP32_FLASH = range(6, 12)  # to touch them stops the chip

_owners = {}  # pin -> the bus that it was given to


def rp2040():
    return _wire.board["chip"].startswith("rp2040")


def give(bus, *pins):
    """Connect the pins to a bus; a Pin with a mode takes them back. Returns their numbers."""
    given = [pin._id if isinstance(pin, Pin) else pin for pin in pins if pin is not None]
    for pin in given:
        _owners[pin] = bus
    return given


def connected(bus, pins):
    return all(_owners.get(pin) == bus for pin in pins)


def check_line(name, pin, mask, line, shift, bus):
    """RP2040: each pin can be one line of one bus of a kind."""
    number = pin._id if isinstance(pin, Pin) else pin
    if number is None or not rp2040():
        return
    if number & mask != line or number >> shift & 1 != bus:
        raise ValueError("bad {} pin".format(name))


class Pin:
    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_RISING, IRQ_FALLING = 8, 4

    def __init__(self, id, mode=-1, pull=-1, *, value=None, **options):
        if isinstance(id, Pin):
            id = id._id
        _check_pin(id)
        self._id = id
        self._posted = id in _wire.board["posted_pins"]
        self._levels = bytes((id, 0)), bytes((id, 1))
        self._idle = self._levels[0]  # what it reads when nothing drives it
        self.init(mode, pull, value=value)
        for option in options:
            if rp2040() or option != "hold":
                raise TypeError("extra keyword arguments given")
            self._hold(options[option])

    def _hold(self, held):
        """A held pin keeps its level, whatever is written, until it is let go."""
        if held:
            _wire.held.setdefault(self._id, None)
        else:
            level = _wire.held.pop(self._id, None)
            if level is not None:
                self.value(level)

    def value(self, level=None):
        _wire.spend(_wire.board["pin_us"])
        if level is None:
            return _wire.trip(_wire.OP_PIN_GET, self._idle)[0]
        if self._id in _wire.held:
            _wire.held[self._id] = level
        elif self._posted:
            _wire.post(_wire.POST_PIN, self._id, 1 if level else 0)
        else:
            _wire.trip(_wire.OP_PIN_SET, self._levels[1 if level else 0])

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def init(self, mode=-1, pull=-1, *, value=None):
        if mode != -1:
            if not rp2040() and self._id >= 34 and mode != Pin.IN:
                raise ValueError("pin can only be input")
            _owners.pop(self._id, None)
            pulls = rp2040() or self._id < 34  # ESP32's inputs have none
            self._idle = self._levels[1 if pull == Pin.PULL_UP and pulls else 0]
        if value is not None:
            self.value(value)

    def irq(self, handler=None, trigger=IRQ_RISING | IRQ_FALLING, **options):
        allowed = "hard" if rp2040() else "wake"
        for option in options:
            if option != allowed:
                raise TypeError("extra keyword arguments given")
        if handler is None:
            _wire.handlers.pop(self._id, None)
            trigger = 0
        else:
            _wire.handlers[self._id] = (handler, self, options.get("hard", False))
        _wire.trip(_wire.OP_PIN_IRQ, bytes((self._id, trigger)))


def _check_pin(number):
    last = 29 if rp2040() else 39
    if not isinstance(number, int) or not 0 <= number <= last:
        raise ValueError("invalid pin")
    if not rp2040() and (number in _ESP32_MISSING or number in _ESP32_FLASH):
        raise ValueError("invalid pin")
