# SPDX-License-Identifier: MIT
"""When the windows open and for how long, on a clock that is right, fast or slow.

The clock here is the board's: what takes a true microsecond takes 1 + ppm / 10^6 of its own. A
window may be early and never late; tests/simulator/test_windows.py shows the same on the chip.
"""

from collections import namedtuple
from lora import mac
from lora.airtime import time_on_air_us
from lora.link import Link
from vectors import refuses

LATENCY_MS, ERROR_PPM, MARGIN_US = 5, 2000, 1000
FREQ_HZ, BW_HZ = 868100000, 125000
PHY = bytes(23)

Window = namedtuple("Window", "at_us freq_hz sf bw_hz symbols")


class Board:
    """Power and radio at once, on one clock in microseconds of the board."""

    TX_DONE, RX_DONE, RX_TIMEOUT, VALID_HEADER = 0x08, 0x40, 0x80, 0x10

    def __init__(self, ppm=0, stamp_us=0, ends=True):
        self.now_us = 5_000_000
        self.flag, self.stamp_us = False, 0
        self.rssi_dbm = self.snr_qdb = 0
        self.windows, self.asleep, self.power_dbm = [], True, None
        self._ppm, self._late_us, self._ends = ppm, stamp_us, ends
        self._flags = 0

    def own_us(self, true_us):
        return true_us + true_us * self._ppm // 1000000

    def now_ms(self):
        return self.now_us // 1000

    def wait_until_us(self, deadline_us):
        self.now_us = max(self.now_us, deadline_us)

    def wait_until(self, deadline_ms, flags=None, slice_ms=50):
        if flags is not None and flags.flag:
            return True
        self.now_us = max(self.now_us, deadline_ms * 1000)
        return False

    def transmit(self, phy, length, freq_hz, sf, bw_hz, power_dbm):
        self.asleep, self.power_dbm = False, power_dbm
        self.start_us = self.now_us
        self.end_us = self.now_us + self.own_us(time_on_air_us(length, sf, bw_hz))
        self._flags = self.TX_DONE if self._ends else 0
        # a stamp that is None was never taken: the interrupt was lost
        self.flag = self._ends and self._late_us is not None
        if self.flag:
            self.stamp_us = self.end_us + self._late_us
        return self.start_us

    def listen(self, freq_hz, sf, bw_hz, symbols):
        self.asleep, self.flag, self._flags = False, False, self.RX_TIMEOUT
        self.windows.append(Window(self.now_us, freq_hz, sf, bw_hz, symbols))

    def irq_flags(self):
        return self._flags

    def sleep(self):
        self.asleep = True


class Exchange:
    """The MAC of one uplink that nobody answers, its windows after 1 and 2 s."""

    def __init__(self, sf, power_dbm=16):
        send = mac.Action(mac.TRANSMIT, 0, FREQ_HZ, sf, BW_HZ, power_dbm, PHY, 0)
        windows = [
            mac.Action(mac.LISTEN, delay_ms, FREQ_HZ, rate, BW_HZ, 0, b"", 0)
            for delay_ms, rate in ((1000, sf), (2000, 12))
        ]
        self._actions = [send] + windows + [mac.Action(mac.DONE, 0, 0, 0, 0, 0, b"", 0)]
        self.events = []

    def step(self, event, now_ms, data):
        self.events.append(event)
        return self._actions.pop(0)


def run(board, sf, power_dbm=16):
    exchange = Exchange(sf, power_dbm)
    action = Link(board, board, LATENCY_MS, ERROR_PPM, 2).exchange(exchange)
    assert action.kind == mac.DONE and board.asleep
    assert exchange.events == [mac.START, mac.SENT, mac.SILENT, mac.SILENT]
    return board.windows


STAMPS_US = (0, 200, 900, 4900, 40000, None)  # late by so much; None: the interrupt was lost


def test_no_window_is_late_or_much_too_early_whatever_the_clock_and_the_stamp():
    for sf in (7, 12):
        airtime_us = time_on_air_us(len(PHY), sf, BW_HZ)
        for ppm in (-ERROR_PPM, -20, 0, 20, ERROR_PPM):
            for stamp_us in STAMPS_US:
                board = Board(ppm, stamp_us)
                for window, delay_us in zip(run(board, sf), (1000000, 2000000)):
                    case = sf, ppm, stamp_us, delay_us
                    due_us = board.end_us + board.own_us(delay_us)
                    early_us = due_us - window.at_us
                    # the clock's error counts twice when it is on the side that is feared
                    error_us = ERROR_PPM * (delay_us + airtime_us) // 1000000
                    assert early_us >= LATENCY_MS * 1000, case
                    assert early_us <= 2 * error_us + LATENCY_MS * 1000 + 2 * MARGIN_US, case


def test_every_window_reaches_6_symbols_past_its_time():
    for sf in (7, 12):
        for ppm in (-ERROR_PPM, 0, ERROR_PPM):
            for stamp_us in STAMPS_US:
                board = Board(ppm, stamp_us)
                for window, delay_us in zip(run(board, sf), (1000000, 2000000)):
                    symbol_us = board.own_us((1000000 << window.sf) // BW_HZ)
                    due_us = board.end_us + board.own_us(delay_us)
                    open_us = window.symbols * symbol_us - (due_us - window.at_us)
                    assert open_us >= 6 * symbol_us, (sf, ppm, stamp_us, delay_us, open_us)


def test_a_prompt_stamp_on_a_right_clock_costs_no_more_than_error_latency_and_margin():
    first, second = run(Board(), 7)
    board = Board()
    run(board, 7)
    airtime_error_us = ERROR_PPM * time_on_air_us(len(PHY), 7, BW_HZ) // 1000000
    for window, delay_us in ((first, 1000000), (second, 2000000)):
        early_us = board.end_us + delay_us - window.at_us
        error_us = ERROR_PPM * delay_us // 1000000 + airtime_error_us
        assert 0 <= early_us - error_us - LATENCY_MS * 1000 - MARGIN_US <= 1
    assert (first.sf, second.sf) == (7, 12)


def test_a_transmission_that_does_not_end_is_an_error_and_the_radio_sleeps():
    board = Board(ends=False)
    link = Link(board, board, LATENCY_MS, ERROR_PPM, 2)
    assert refuses(OSError, link.exchange, Exchange(7))
    assert board.asleep and board.windows == []
    assert board.now_us < board.end_us + 200000


def test_the_antenna_counts_and_the_amplifier_gives_what_it_can():
    for eirp_dbm, conducted_dbm in (
        (16, 14),
        (4, 2),
        (2, 2),
        (19, 17),
        (21, 17),
        (22, 20),
        (30, 20),
    ):
        board = Board()
        run(board, 7, eirp_dbm)
        assert board.power_dbm == conducted_dbm, eirp_dbm
