# SPDX-License-Identifier: MIT
"""The cycle of a node: wait, measure, keep, send, listen. The one place that survives an error."""

import sys
from micropython import const

import config as configuration
import hardware
import service
import start
from power import Power
from store import Store

_BLINK_MS = const(200)
_NO_CONFIG_BLINKS = const(3)
_PAUSE_MS = const(5000)


def run():
    """Start once and work for ever; returns to the prompt when service mode is asked for."""
    store, power = Store(), Power()
    try:
        config = configuration.load(store)
    except configuration.ConfigError as error:
        _without_config(store, power, error)
    began = start.Start(store)
    log = Log(power)
    log("node071", config["name"], "start", began.number, "reason", began.reason)
    if service.asked(hardware.button(config)):
        _radio_to_sleep(config, log)
        service.guard()
        log("service mode: service.leave() ends it")
        return
    power.arm()
    try:
        from cycle import Cycle

        Cycle(config, store, power, began, log).run()
    except Exception as error:  # whatever it is, the node has to come back by itself
        sys.print_exception(error)
        power.wait_until(power.now_ms() + _PAUSE_MS)
        start.again(store, start.CRASH)


def _radio_to_sleep(config, log):
    try:
        hardware.radio(config).begin()
    except OSError as error:
        log("radio:", error)


class Log:
    """Lines on the serial console, with the seconds since the start."""

    def __init__(self, power):
        self._power = power

    def __call__(self, *words):
        print("{:>7}".format(self._power.now_s()), *words)


def _without_config(store, power, error):
    """No identity: say so for ever and stay off the air; Ctrl-C ends it."""
    board = store.load("board") or {}  # written with the firmware, before any identity
    led = hardware.output(board["led"]) if "led" in board else None
    while True:
        print("not provisioned:", error, "- next: node071 provision")
        for blink in range(2 * _NO_CONFIG_BLINKS if led else 0):
            led.value(~blink & 1)
            power.wait_until(power.now_ms() + _BLINK_MS)
        power.wait_until(power.now_ms() + _PAUSE_MS)
