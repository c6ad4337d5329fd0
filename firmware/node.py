# SPDX-License-Identifier: MIT
"""A node's life: why it started, what it is, and its work. The one place that survives an error."""

import machine
import sys
from micropython import const

import power as powers
import service
import start
from led import NOT_PROVISIONED, SAFE_MODE, Led, light
from passing import passing
from store import Store

_PAUSE_MS = const(5000)
_HOLD_MS = const(3600000)
_UNCOUNTED_MS = const(60000)


def run():
    """Start once and work for ever; returns to the prompt when service mode is asked for."""
    store = Store()
    config = _config(store)
    try:
        _start(config, store)
    except KeyboardInterrupt:
        start.expect(store, start.ASKED)  # whatever ends the prompt, the watchdog included
        raise
    except Exception as error:  # not even the start could be counted
        sys.print_exception(error)
        powers.Power().wait_ms(_UNCOUNTED_MS)
        machine.reset()


def _config(store):
    """What provisioning wrote; without it this does not return."""
    configuration = passing("config")
    try:
        return configuration.load(store)
    except configuration.ConfigError as error:
        _without_config(store, error)


def _start(config, store):
    """Find out if this is a wake or a start, and live."""
    power = powers.Power(config)
    if power.deeply:
        passing("hardware").hold_radio(config, False)  # held pins stay so through any reset
        woken = powers.woken()
        if woken is not None:
            power = powers.Power(config, woken[0])
            row, kept = woken[1]
            return _live(config, store, power, start.Start(*row), kept)
    cause = machine.reset_cause()
    began = start.begin(store, cause == machine.PWRON_RESET, cause == machine.WDT_RESET)
    return _live(config, store, power, began)


def _live(config, store, power, began, kept=None):
    """One life: it ends at the prompt, or what went wrong is written down and starts it again."""
    try:
        log = Log(power)
        if kept is None:
            log("node071", config["name"], "start", began.number, "reason", began.reason)
            if began.held:
                _hold(config, power, log)
            if _prompt_asked(config, power, log):
                return _serve(config, store, log)
        power.arm()
        if began.safe:
            from safe import SafeMode as Work
        else:
            from cycle import Cycle as Work
        Work(config, store, power, began, log, kept).run()
    except Exception as error:  # whatever it is, the node has to come back by itself
        sys.print_exception(error)
        power.progress(2 * _PAUSE_MS)
        power.wait_ms(_PAUSE_MS)
        start.crashed(store, error, began, power.now_s())


def _prompt_asked(config, power, log):
    """True when service mode is wanted; a long press of its button was for a mark instead."""
    button = passing("hardware").button(config)
    if not service.asked(button):
        return False
    if not service.held(button):
        return True
    import onsite

    return not onsite.by_button(config, power, log)


def _serve(config, store, log):
    """Service mode: the radio asleep, the prompt free, and an end by itself."""
    try:
        passing("hardware").radio(config).begin()
    except OSError as error:
        log("radio:", error)
    start.expect(store, start.ASKED)
    service.guard()
    log("service mode: service.leave() ends it")


def _hold(config, power, log):
    """Safe mode has failed too: let an hour pass first, or restarts would wear out the flash."""
    log("safe mode failed: waits an hour")
    led = Led(light(config.get("led")))
    led.code = SAFE_MODE
    led.show(_HOLD_MS, power.wait_ms)
    power.idle_until(power.now_ms() + _HOLD_MS)


class Log:
    """Lines on the serial console, with the seconds since the start."""

    def __init__(self, power):
        self._power = power

    def __call__(self, *words):
        print("{:>7}".format(self._power.now_s()), *words)


def _without_config(store, error):
    """No identity: say so for ever and stay off the air; Ctrl-C ends it."""
    start.expect(store, start.CONFIG_LOST)
    board = store.load("board") or {}  # written with the firmware, before any identity
    led, power = Led(light(board.get("led"))), powers.Power()
    led.code = NOT_PROVISIONED
    while True:
        print("not provisioned:", error, "- next: node071 provision")
        led.show(_PAUSE_MS, power.wait_ms)
        power.wait_ms(_PAUSE_MS)
