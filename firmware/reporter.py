# SPDX-License-Identifier: MIT
"""Brings what waits to the network: joins, sends in order of priority, and takes the answers."""

import os
from micropython import const

import config as configuration
import hardware
import settings
import status
import uplink
from delivery import Budget, Delivery
from lora import airtime, channels, commands, mac, region
from lora.backoff import JoinBackoff
from lora.link import Link
from lora.session import Session
from store import Counter

_PORT_READINGS, _PORT_SETTINGS, _PORT_STATUS = const(1), const(2), const(3)
_HOUR_S, _WEEK_S = const(3600), const(604800)
_NEVER_MS = const(3600000)  # nothing to send: looked at again in an hour at the latest
_OVERHEAD = const(13)  # bytes of PHYPayload beside FRMPayload, without FOpts
_RADIO_PAUSE_MS = const(60000)  # after the radio failed and was reset
_ANTENNA_GAIN_DB = const(2)  # a dipole's 2.15 dBi
_RULES = {
    0: status.DUTY_CYCLE,  # the radio failed
    channels.BAND: status.DUTY_CYCLE,
    channels.MAX_DUTY_CYCLE: status.NETWORK_DUTY_CYCLE,
    mac.REPETITION: status.REPETITION,
}


def random_below(limit):
    """0 to limit - 1 from the chip's random numbers."""
    return int.from_bytes(os.urandom(4), "big") % limit


def _lasting(record):
    """A session record without what every uplink changes: the reserved limit covers that."""
    return {key: value for key, value in record.items() if key not in Session.COUNTED}


class Reporter:
    """The node's side of the link; `due_ms` is when it next has something to do."""

    def __init__(self, config, store, power, began, values, backlog, battery, log):
        self._config, self._store, self._power, self._log = config, store, power, log
        self._began, self._settings, self._backlog = began, values, backlog
        self._battery = battery
        self._radio = hardware.radio(config)
        self._link = Link(
            self._radio,
            power,
            config["latency_ms"],
            config["clock_error_ppm"],
            config.get("antenna_gain_db", _ANTENNA_GAIN_DB),
        )
        self._mac = mac.Mac(
            region.find(config["region"]),
            config["dev_eui"],
            config["join_eui"],
            config.get("app_key"),
            random_below,
        )
        self._personalised = "dev_addr" in config
        self._nonces = Counter(store, "dev_nonce")
        self._joins = JoinBackoff(self._mac.region, random_below)
        self._saved = None  # what lasts of the session record in flash
        self._restore()
        self._delivery = Delivery(values[settings.PROOF] * _HOUR_S, power.now_s())
        self._budget = Budget(values[settings.BUDGET])
        self._clocks = store.load("clocks") or {}  # start number -> GPS second of its uptime 0
        self._clock_due_s = 0
        self._status_due_s = power.now_s() + _WEEK_S
        self._prepared = False  # a join-request has its nonce and waits for the air
        self._joined_after = 0
        self._answers = []
        self._under_way = (
            None,
            (),
            False,
        )  # (FPort, readings taken, asks) of an uplink that is repeated
        self._polls = False  # the network has more to say (FPending)
        self.wants_status = False
        self.rule, self._rule_until_s = status.NOTHING, 0
        self.due_ms = power.now_ms()

    def _restore(self):
        joins, session = self._store.load("joins"), self._store.load("session")
        if joins is not None:
            self._joins.restore(joins)
        self._mac.last_join_nonce = self._store.load("join_nonce") or -1
        if session is not None:
            self._saved = _lasting(session)
            self._mac.session = Session.restore(self._mac.region, session)
        elif self._personalised:
            self._mac.session = self._personal_session()

    def _personal_session(self):
        """The session of a node that never joins; it begins slowly, as nobody has answered yet."""
        config = self._config
        session = Session(
            self._mac.region, config["dev_addr"], config["nwk_skey"], config["app_skey"]
        )
        session.data_rate = self._mac.region.join_data_rates[-1]
        session.f_cnt_up = session.f_cnt_limit = config.get("f_cnt_up", 0)
        return session

    def begin(self):
        """Reset the radio and leave it asleep. OSError: it does not answer."""
        self._radio.begin()

    def data_rate(self):
        """(SF, bandwidth in Hz) of the next uplink; the fastest before a join."""
        session, place = self._mac.session, self._mac.region
        return place.data_rates[session.data_rate if session else place.join_data_rates[0]]

    def answer(self, payload):
        """Have a settings answer sent before anything else."""
        self._answers.append(payload)
        self.due_ms = self._power.now_ms()

    def apply_settings(self):
        """Take over changed limits."""
        self._delivery.interval_s = self._settings[settings.PROOF] * _HOUR_S
        self._budget.limit_us = self._settings[settings.BUDGET] * 1000000

    def report(self):
        """Do what is due, one join-request or uplink; returns a payload from FPort 2 or None."""
        now_s = self._power.now_s()
        if not self._personalised and self._mac.session and self._delivery.join_again(now_s):
            self._log("no proof for a day: joining again")
            self._mac.session = None
        if self._mac.session is None:
            self._join(now_s)
            return None
        return self._send(now_s)

    # Joining.

    def _join(self, now_s):
        at_s, data_rate = self._joins.next_try(now_s)
        if at_s > now_s:
            return self._wait(status.JOIN_BACKOFF, (at_s - now_s) * 1000)
        if not self._prepared:
            self._joins.tried(now_s)
            self._store.save("joins", self._joins.record())
            self._mac.join(self._nonces.next(), data_rate)
            self._prepared = True
        action = self._exchange()
        if action.kind == mac.WAIT:
            return self._wait(_RULES[action.rule], action.delay_ms)
        self._prepared = False
        if self._mac.stale_join:
            self._log("join-accept with an old JoinNonce: registered anew? new keys are needed")
        if not self._mac.joined:
            self._log("join try", self._joins.tries, "at data rate", data_rate, "was not answered")
            return self._wait(status.JOIN_BACKOFF, 0)
        self._store.save("join_nonce", self._mac.last_join_nonce)
        self._reserve()
        self._log("joined after", self._joins.tries, "tries")
        self._joined_after = self._joins.tries
        self._joins = JoinBackoff(self._mac.region, random_below)
        self._store.save("joins", self._joins.record())
        self._delivery.joined(self._power.now_s())
        self._backlog.unsend()
        return self._wait(status.NOTHING, 0)

    # Sending.

    def _send(self, now_s):
        if self._mac.under_way:
            return self._transmit(*self._under_way)
        if not self._delivery.may_send(now_s):
            return self._wait(status.NO_ANSWER, _NEVER_MS)
        asks = self._requests(now_s)
        port, payload, taken = self._next_frame(now_s)
        if port is None and not (asks or self._polls or self._has_more()):
            return self._wait(status.NOTHING, _NEVER_MS)
        airtime_us = airtime.time_on_air_us(_OVERHEAD + len(payload), *self.data_rate())
        wait_s = self._budget.wait_s(airtime_us * self._mac.session.nb_trans, now_s)
        if wait_s:
            return self._wait(status.FAIR_USE, wait_s * 1000)
        session = self._mac.session
        if session.f_cnt_up >= session.f_cnt_limit:
            self._reserve()
        self._mac.send(port, payload)
        return self._transmit(port, taken, asks)

    def _transmit(self, port, taken, asks):
        """Exchange the prepared frame; between its repetitions the node does other things."""
        action = self._exchange()
        if action.kind == mac.WAIT:
            self._under_way = port, taken, asks
            if not self._mac.under_way:
                self._mac.cancel()
            return self._wait(_RULES[action.rule], action.delay_ms)
        self._left(port, taken)
        self._judge(asks)
        self._save_session()
        down = self._mac.downlink
        self._polls = down is not None and down.f_pending
        self._wait(status.NOTHING, 0 if self._has_more() else _NEVER_MS)
        return down.payload if down is not None and down.f_port == _PORT_SETTINGS else None

    def _requests(self, now_s):
        """Put into FOpts what is due; True when the frame asks for an answer."""
        asks = self._delivery.wants_proof(now_s)
        if asks:
            self._mac.request(commands.LINK_CHECK)
        if now_s >= self._clock_due_s:
            self._mac.request(commands.DEVICE_TIME)
        return asks

    def _next_frame(self, now_s):
        """(FPort, payload, readings taken): answers, then status, then readings, newest first.

        No FPort: nothing waits, or FOpts leave no room for it in this frame.
        """
        limit, taken = self._mac.max_payload(), ()
        if self._answers:
            port, payload = _PORT_SETTINGS, self._answers[0]
        elif self.wants_status or now_s >= self._status_due_s:
            port, payload = _PORT_STATUS, status.frame(self._status(now_s), limit)
        else:
            payload, taken = uplink.pack(self._backlog.unsent(), limit, self._age_s)
            port = _PORT_READINGS
        return (port, payload, taken) if 0 < len(payload) <= limit else (None, b"", ())

    def _has_more(self):
        more = self._answers or self.wants_status or self._polls or self._backlog.has_unsent()
        return more and not self._delivery.lost

    def _left(self, port, taken):
        """Note what went on the air."""
        if port == _PORT_SETTINGS:
            self._answers.pop(0)
        elif port == _PORT_STATUS:
            self.wants_status = False
            self._status_due_s = self._power.now_s() + _WEEK_S
        # a probe of a lost link is one of many: only its own answer says that it arrived
        if not self._delivery.lost or self._mac.heard:
            for number, left in taken:
                self._backlog.took(number, left)

    def _judge(self, asked):
        """A downlink proves all that was sent; a question without one brings the loss nearer."""
        now_s = self._power.now_s()
        if self._mac.heard:
            if self._delivery.lost:
                self.wants_status = True
            self._delivery.heard(now_s)
            self._backlog.proven()
        elif asked and self._delivery.asked(now_s):
            self._log("two questions unanswered: the link is lost, keeping", len(self._backlog))
            self._backlog.unsend()
        if self._mac.device_time is not None:
            self._set_clock(now_s)

    def _set_clock(self, now_s):
        """Keep the GPS second of uptime 0: of this start, and of those that readings are from."""
        wanted = self._backlog.starts()
        self._clocks = {boot: at_s for boot, at_s in self._clocks.items() if boot in wanted}
        sent_s = now_s - self._link.sent_ago_s()
        self._clocks[self._began.number] = self._mac.device_time[0] - sent_s
        self._store.save("clocks", self._clocks)
        self._clock_due_s = now_s + _WEEK_S

    def _exchange(self):
        """One exchange of the prepared frame; a radio that fails is reset and tried again later."""
        try:
            action = self._link.exchange(self._mac)
        except OSError as error:
            self._log("radio:", error)
            self._mac.cancel()
            self._radio.begin()
            self._prepared = False
            return mac.Action(mac.WAIT, _RADIO_PAUSE_MS, 0, 0, 0, 0, b"", 0)
        self._budget.spend(self._mac.airtime_us, self._power.now_s())
        self._mac.airtime_us = 0
        return action

    # State.

    def _reserve(self):
        """Have a block of uplink counters in flash before the first of them is used."""
        self._mac.session.reserve()
        self._save_session()

    def _save_session(self):
        record = self._mac.session.record()
        lasting = _lasting(record)
        if lasting != self._saved:
            self._store.save("session", record)
            self._saved = lasting

    def _wait(self, rule, delay_ms):
        now_ms = self._power.now_ms()
        if rule != self.rule and rule != status.NOTHING:
            self._log("waits for rule", rule, "for", delay_ms // 1000, "s")
        self.rule, self._rule_until_s = rule, (now_ms + delay_ms) // 1000
        self.due_ms = now_ms + delay_ms

    def _age_s(self, reading):
        """Seconds since a reading was taken, None when the clock was lost since."""
        now_s = self._power.now_s()
        if reading.boot == self._began.number:
            return now_s - reading.uptime_s
        then, now = self._clocks.get(reading.boot), self._clocks.get(self._began.number)
        if then is None or now is None:
            return None
        return now + now_s - then - reading.uptime_s

    def _status(self, now_s):
        link, waits_s = self._link, max(0, self._rule_until_s - now_s)
        return (
            status.VERSION,
            configuration.digest(self._config),
            now_s // _HOUR_S,
            self._began.reason,
            len(self._backlog),
            self._backlog.dropped,
            self.rule,
            waits_s if self.rule else 0,
            self._battery.read_cv() if self._battery else None,
            link.rssi_dbm,
            link.snr_qdb // 4,
            status.free_heap_kb(),
            self._began.crashes,
            self._joins.tries or self._joined_after,
        )
