# SPDX-License-Identifier: MIT
"""The pipe to the host and the board's clock: what every shim stands on.

A request is `op t posted length` and its body, an answer `now lease edges length` and its body.
The lease is the time up to which nothing can touch this board: until then clock reads and sleeps
are answered here. Times are virtual microseconds; the board's own clock may run fast or slow.
"""

import json
import micropython
import struct

OP_SYNC, OP_WAIT, OP_PIN_SET, OP_PIN_GET, OP_PIN_IRQ, OP_SPI = 0, 1, 2, 3, 4, 5
OP_I2C_WRITE, OP_I2C_READ, OP_ADC, OP_EXIT, OP_BOOT, OP_PROMPT, OP_FEED = 6, 7, 8, 9, 10, 11, 12
OP_RTC, OP_ONE_WIRE, OP_PULSE, OP_UART, OP_READY, OP_CLOCK = 13, 16, 17, 20, 21, 22
POST_PIN, POST_ERASE, POST_PROGRAM, POST_SLEEP = 0, 1, 2, 3
I2C_NACK, I2C_ACK, I2C_HELD = 0, 1, 2
CTRL_C = 255  # among the edges: somebody typed it while the board was in a call
DRIFT = 254  # among the edges: the crystal runs at another rate, in ppm, from now on
_HEAD, _POST = "<BQHH", "<BHBQ"
_HEAD_SIZE, _POST_SIZE = struct.calcsize(_HEAD), struct.calcsize(_POST)
_POSTED_MAX = 200
_WAKE_US = 1000  # RP2040: from a light sleep until its PLLs are locked, an estimate

now_us = 0
lease_us = 0
ppm = 0
bite_us = None  # when the watchdog resets the board
bitten = "watchdog"  # what becomes of the board then
rtc_memory = b""
held = {}  # pin that keeps its level -> the level that was written since
board = {}  # what the host says of this board at boot
handlers = {}  # pin -> (handler, pin object, whether it is a hard one)
timers = {}  # timer object -> (due_us, callback)

_reader = _writer = None
_request = bytearray(_HEAD_SIZE + _POSTED_MAX * _POST_SIZE)  # once: the heap is a board's
_posted = 0
_edges = []
_in_handler = False
_since_us = _counted_us = 0  # what the clock had counted when it got its present rate
_light = False  # in a light sleep, until something ends it
in_flash = False  # C code erases or programs: a scheduled handler waits for the interpreter
_locked = False  # in a hard handler: what runs there cannot allocate, only the shims can
_head = bytearray(20)


def connect(reader, writer):
    """Take the two ends of the pipe and ask the host what this board is."""
    global _reader, _writer, _since_us, ppm, rtc_memory
    _reader, _writer = reader, writer
    board.update(json.loads(trip(OP_BOOT)))
    rtc_memory = bytes(board["rtc_memory"])
    for number in board["held"]:
        held[number] = None
    _since_us, ppm = now_us, board["clock_ppm"]


def _read_into(buffer):
    view, at = memoryview(buffer), 0
    while at < len(buffer):
        count = _reader.readinto(view[at:])
        if not count:
            raise SystemExit  # the host is gone
        at += count


def trip(op, body=b""):
    """Ask the host: time stands where the answer says, edges up to then have been handled."""
    if not _locked:
        return _trip(op, body)
    micropython.heap_unlock()
    try:
        return _trip(op, body)
    finally:
        micropython.heap_lock()


def _trip(op, body):
    global now_us, lease_us, _posted
    struct.pack_into(_HEAD, _request, 0, op, now_us, _posted, len(body))
    size = _HEAD_SIZE + _posted * _POST_SIZE
    end = size + len(body)
    if end > len(_request):
        _writer.write(memoryview(_request)[:size])
        _writer.write(body)
    else:
        _request[size:end] = body
        _writer.write(memoryview(_request)[:end])
    _posted = 0
    _read_into(_head)
    now_us, lease_us, edges, length = struct.unpack("<QQHH", _head)
    for _ in range(edges):
        edge = bytearray(10)
        _read_into(edge)
        if edge[0] == DRIFT:
            _drift(struct.unpack_from("<q", edge, 2)[0])
        else:
            _edges.append(edge[0])
    answer = bytearray(length)
    _read_into(answer)
    if CTRL_C in _edges:
        _edges.clear()
        raise KeyboardInterrupt
    handle_edges()
    return answer


def handle_edges():
    """Call the handlers of what has come in, those that can run now."""
    global _in_handler, _light
    if not _edges or _in_handler:
        return
    _in_handler = True
    try:
        at = 0
        while at < len(_edges):
            handler, pin, hard = handlers.get(_edges[at], (None, None, True))
            if in_flash and not hard:
                at += 1
                continue
            _edges.pop(at)
            if handler is None:
                continue
            if _light:
                _light = False
                spend(_WAKE_US)
            spend(board["irq_us"])
            if hard:
                _call_locked(handler, pin)
            else:
                handler(pin)
    finally:
        _in_handler = False


def _call_locked(handler, pin):
    """A hard handler interrupts the allocator itself: an allocation in it is a MemoryError."""
    global _locked
    micropython.heap_lock()
    _locked = True
    try:
        handler(pin)
    finally:
        _locked = False
        micropython.heap_unlock()


def post(kind, number, level=0):
    """Tell the host with the next request: nothing that it changes can come back sooner."""
    global _posted
    at = _HEAD_SIZE + _posted * _POST_SIZE
    struct.pack_into(_POST, _request, at, kind, number, level, now_us)  # allocates nothing
    _posted += 1
    if _posted >= _POSTED_MAX:
        trip(OP_SYNC)


def spend(cost_us):
    """Let the time pass that a call takes on a board."""
    global now_us
    now_us += cost_us
    if now_us >= lease_us:
        trip(OP_SYNC)
    elif _edges and not in_flash:
        handle_edges()
    if bite_us is not None and now_us >= bite_us:
        exit_board(bitten)


def sleep(board_us, lightly=False):
    """Sleep so long by the board's own clock; interrupts are handled on the way.

    One ends a light sleep: the clocks come up first, then its handler runs.
    """
    global now_us, _light
    handle_edges()
    _light = lightly
    end_us = now_us + board_us * 1000000 // (1000000 + ppm) + board["sleep_us"]
    bite = bite_us
    if bite is not None and bite < end_us:
        end_us = bite
    while now_us < end_us and _light == lightly:
        if end_us < lease_us:
            now_us = end_us
        else:
            before = ppm
            trip(OP_WAIT, struct.pack("<Q", end_us))
            if ppm != before:
                left_us = (end_us - now_us) * (1000000 + before)
                end_us = now_us + left_us // (1000000 + ppm)
    _light = False
    if bite is not None and now_us >= bite and bite_us == bite:
        exit_board(bitten)
    if board["stall_us"]:
        spend(board["stall_us"])


def prompt():
    """The program has ended: only interrupts and timers run, until the host ends this life."""
    while True:
        due_us = min([due for due, _ in timers.values()] or [1 << 62])
        trip(OP_PROMPT, struct.pack("<Q", due_us))
        for timer in [each for each in timers if timers[each][0] <= now_us]:
            timers.pop(timer)[1](timer)


def clock_us():
    """Microseconds since the board started, by its own clock."""
    passed_us = now_us - _since_us
    # stays a small integer for years
    return _counted_us + passed_us + passed_us * ppm // 1000000


def _drift(new_ppm):
    """The crystal runs at another rate from now on; what it has counted stays."""
    global _since_us, _counted_us, ppm
    _counted_us, _since_us = clock_us(), now_us
    ppm = new_ppm


def exit_board(reason, wake_us=0):
    """End this life of the board; the host starts the next one."""
    if _locked:
        micropython.heap_unlock()
    body = json.dumps([reason, wake_us, list(held)]).encode()
    if _locked:
        micropython.heap_lock()
    trip(OP_EXIT, body)
    raise SystemExit
