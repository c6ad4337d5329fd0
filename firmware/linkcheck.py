# SPDX-License-Identifier: MIT
"""How well a node is heard where it hangs, asked at the prompt of service mode.

`import linkcheck; linkcheck.check(now_s)`: one transmission at most, and one line of JSON. `now_s`
is the time in s since 1970, from whoever asks: the node has no clock that lasts, and counts by that
one what checks may take of a day.
"""

import json
from micropython import const

import config as configuration
import service
import settings
import status
from delivery import Budget
from joining import Joining
from keeper import Keeper
from lora import channels, commands, mac
from lora.airtime import time_on_air_us
from passing import passing
from power import Power
from settings import Settings
from store import Store

_RECORD = "checks"
_FRAME = const(13)  # bytes of an uplink with LinkCheckReq alone
_ANSWERS = const(10)  # downlinks a day, of The Things Network's fair use
_RULES = {channels.BAND: status.DUTY_CYCLE, channels.MAX_DUTY_CYCLE: status.NETWORK_DUTY_CYCLE}
_kept = []  # what lasts from check to check: the rests of the air


def check(now_s):
    """Print one line: what a join-request or a link check brought, or for how long to wait."""
    service.guard()
    try:
        if not _kept:
            _kept.append(LinkCheck())
        said = _kept[0].step(now_s)
    except OSError as error:
        _kept.clear()
        said = {"radio": str(error)}
    print(json.dumps(said))


class LinkCheck:
    """The MAC at the prompt, with the counters that are in flash."""

    def __init__(self):
        self._store = store = Store()
        config = configuration.load(store)
        self._power = Power(config)
        radio, self._link, self._mac = passing("station").build(config, self._power)
        radio.begin()
        self._keeper = Keeper(store)
        self._mac.session = self._keeper.load(self._mac.region, config)
        self._joining = Joining(store, self._mac, lambda *words: None)
        self._airtime = Budget(Settings(store, config)[settings.BUDGET])
        self._answers = Budget(0)
        self._answers.limit_us = _ANSWERS

    def step(self, now_s):
        """Join or ask; returns a dict of what came of it."""
        self._recall(now_s)
        if self._mac.session is None:
            return self._join(now_s)
        sf, bw_hz = self._mac.region.data_rates[self._mac.session.data_rate]
        airtime_us = time_on_air_us(_FRAME, sf, bw_hz)
        wait_s = max(self._airtime.wait_s(airtime_us, now_s), self._answers.wait_s(1, now_s))
        return _wait(status.FAIR_USE, wait_s) if wait_s else self._ask(now_s, sf)

    def _join(self, now_s):
        joining, uptime_s = self._joining, self._power.now_s()
        wait_s = joining.wait_s(uptime_s)
        if wait_s > 0:
            return _wait(status.JOIN_BACKOFF, wait_s)
        if not joining.prepare(uptime_s):
            return _wait(status.NEW_KEYS, 0)
        action = self._exchange(now_s, self._airtime.spend_on_joining)
        if action.kind == mac.WAIT:
            return _wait(_RULES[action.rule], (action.delay_ms + 999) // 1000)
        joined = joining.end()
        if joined:
            self._keeper.reserve(self._mac.session)
        return {"joined": joined, "anew": joining.registered_anew}

    def _ask(self, now_s, sf):
        machine = self._mac
        session = machine.session
        if session.f_cnt_up >= session.f_cnt_limit:
            self._keeper.reserve(session)
        machine.request(commands.LINK_CHECK)
        machine.send(None, b"")
        action = self._exchange(now_s, self._airtime.spend)
        if action.kind == mac.WAIT and not machine.under_way:
            machine.cancel()
            return _wait(_RULES[action.rule], (action.delay_ms + 999) // 1000)
        machine.cancel()  # it is not repeated
        self._keeper.save(session)
        margin_db, gateways = machine.link_check or (None, None)
        down = machine.downlink
        return {
            "sf": sf,
            "margin_db": margin_db,
            "gateways": gateways,
            "rssi_dbm": self._link.rssi_dbm if machine.heard else None,
            "snr_qdb": self._link.snr_qdb if machine.heard else None,
            "message": bool(down and down.f_port),  # nobody is here who obeys it
        }

    def _exchange(self, now_s, spend):
        """One exchange, and its airtime and its answer counted in flash."""
        machine = self._mac
        try:
            return self._link.exchange(machine)
        finally:
            if machine.airtime_us:
                spend(machine.airtime_us, now_s)
                machine.airtime_us = 0
                self._answers.spend(machine.heard, now_s)
                self._store.save(_RECORD, [self._airtime.record(), self._answers.record()])

    def _recall(self, now_s):
        """What was used of the day; a record from the far future was made by a wrong clock."""
        record = self._store.load(_RECORD)
        if record is not None and record[0][0] <= now_s // 3600 + 24:
            self._airtime.restore(record[0])
            self._answers.restore(record[1])


def _wait(rule, wait_s):
    return {"wait_s": wait_s, "rule": status.words(rule)}
