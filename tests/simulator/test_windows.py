# SPDX-License-Identifier: MIT
"""Receive windows of the real firmware, seen at the radio's SPI bus: on time and wide enough."""

from dataclasses import replace

import cbor2
import pytest

from simulator import scenario as scenarios
from simulator.run import Run

LATENCY_US = {"rpi-pico-rfm95": 5000, "ttgo-lora32-v2_1": 35000}
ERROR_PPM = 2000  # what boards.toml has the firmware reckon with
MARGIN_US = 1000
RX_SINGLE, OP_MODE = 0x86, 0x81
LINK_ADR_DR0 = bytes.fromhex("0300070001")  # DR0, full power, the three default channels, once


class Spy:
    """Notes when a window was opened, and for how many symbols, on its way to the chip."""

    def __init__(self, chip, clock):
        self._chip, self._clock = chip, clock
        self.windows = []
        self.select, self.deselect = chip.select, chip.deselect

    def transfer(self, mosi):
        if mosi == bytes((OP_MODE, RX_SINGLE)):
            registers = self._chip.registers
            symbols = (registers[0x1E] & 3) << 8 | registers[0x1F]
            sf = registers[0x1E] >> 4
            self.windows.append((self._clock.now_us, symbols * (1000000 << sf) // 125000, sf))
        return self._chip.transfer(mosi)


class Watched(Run):
    """A run whose radio is watched and whose network has something to say at SF12 too."""

    def _build(self):
        super()._build()
        (node,) = self.nodes.values()
        ((key, chip),) = node.board._spi.items()
        self.spy = node.board._spi[key] = Spy(chip, node.board.clock)
        self.packets = []
        self._air.on_transmit.append(self.packets.append)
        self.network.queue_mac(node.device, [LINK_ADR_DR0])
        self.network.queue(node.device, 2, cbor2.dumps({0: 7, 3: 1}))


def watched(tmp_path, board, window, delay_s=1, **timing):
    usual = scenarios.find(None)
    node = replace(usual.nodes[0], board=board, **timing)
    scenario = replace(
        usual, nodes=(node,), downlink_window=window, duration_h=6.0, rx1_delay_s=delay_s
    )
    run = Watched(scenario, tmp_path)
    run.execute()
    return run


def check_windows(run, ppm, latency_us, held, delay_s=1):
    """Hold each window against the end of the uplink before it; returns (RX1, RX2, SF12) counts."""
    uplinks = [packet for packet in run.packets if not packet.iq_inverted]
    counts = [0, 0, 0]
    for opened_us, open_for_us, sf in run.spy.windows:
        sent = max((each for each in uplinks if each.end_us < opened_us), key=lambda e: e.end_us)
        delay_us = (5 if sent.payload[0] == 0 else delay_s) * 1_000_000
        second = opened_us - sent.end_us > delay_us + 500_000
        delay_us += 1_000_000 * second
        due_us = sent.end_us + delay_us
        error_us = ERROR_PPM * delay_us // 1_000_000
        symbol_us = (1000000 << sf) // 125000
        early_us = due_us - opened_us
        # neither the stamp nor the reckoned end is sure: the airtime has its share of the error
        airtime_us = sent.end_us - sent.start_us
        error_us += ERROR_PPM * airtime_us // 1_000_000
        clock_us = abs(ppm) * (delay_us + airtime_us) // 1_000_000 + 300
        assert early_us >= 0, (early_us, sf)
        assert early_us <= error_us + latency_us + MARGIN_US + clock_us, (early_us, sf)
        assert open_for_us - early_us >= 6 * symbol_us - clock_us, (open_for_us, early_us)
        counts[second] += 1
        counts[2] += sf == 12
    return counts


@pytest.mark.parametrize("held", [False, True], ids=["prompt", "held"])
@pytest.mark.parametrize("ppm", [-1000, -20, 20, 1000])
@pytest.mark.parametrize("window", [1, 2])
@pytest.mark.parametrize("board", LATENCY_US)
def test_windows_open_on_time_and_downlinks_arrive(tmp_path, board, window, ppm, held):
    check_run(tmp_path, board, window, ppm, held)


@pytest.mark.parametrize("held", [False, True], ids=["prompt", "held"])
@pytest.mark.parametrize("ppm", [-2000, 2000])
@pytest.mark.parametrize(("window", "delay_s"), [(1, 15), (2, 15), (2, 1), (1, 2)])
@pytest.mark.parametrize("board", LATENCY_US)
def test_the_worst_clock_and_the_longest_delay(tmp_path, board, window, delay_s, ppm, held):
    check_run(tmp_path, board, window, ppm, held, delay_s)


def check_run(tmp_path, board, window, ppm, held, delay_s=1):
    latency_us = LATENCY_US[board]
    timing = {"irq_us": latency_us, "stall_us": latency_us} if held else {}
    run = watched(tmp_path, board, window, delay_s, clock_ppm=ppm, **timing)
    rx1, rx2, sf12 = check_windows(run, ppm, latency_us, held, delay_s)
    assert rx1 >= 5 and rx2 >= 3 and sf12 >= 5
    (node,) = run.nodes.values()
    # the join-accept, the data rate, the clock and the request for a status were all heard
    assert node.joins == 1 and node.join_tries == 1
    rates = [packet.sf for packet in run.packets if not packet.iq_inverted]
    assert rates[:2] == [7, 7] and 12 in rates
    events = (tmp_path / "events.jsonl").read_text()
    assert '"port 2"' in events and '"port 3"' in events
