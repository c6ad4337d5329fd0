# SPDX-License-Identifier: MIT
"""Brings what waits to the network: joins, sends in order of priority, and takes the answers."""

from micropython import const

import led
import settings
import start
import status
from clock import Clock
from delivery import Budget, Delivery
from joining import Joining
from keeper import Keeper
from lora import airtime, channels, commands, mac
from pacing import Pacing
from passing import passing

_PORT_READINGS = const(1)
_PORT_SETTINGS = const(2)
_PORT_STATUS = const(3)
_HOUR_S = const(3600)
_WEEK_S = const(604800)
_NEVER_MS = const(3600000)  # nothing to send: looked at again in an hour at the latest
_OVERHEAD = const(13)  # bytes of PHYPayload beside FRMPayload, without FOpts
_RADIO_PAUSE_MS = const(60000)  # after the radio failed, then twice as long each time
_RADIO_PAUSES = const(6)  # up to an hour
_RULES = {
    0: status.RADIO,
    channels.BAND: status.DUTY_CYCLE,
    channels.MAX_DUTY_CYCLE: status.NETWORK_DUTY_CYCLE,
    mac.REPETITION: status.REPETITION,
}


class Reporter:
    """The node's side of the link; `due_ms` is when it next has something to do.

    `kept` is what `record()` gave before a deep sleep, None after a start.
    """

    def __init__(self, config, store, power, began, values, backlog, battery, log, kept=None):
        self._config, self._store, self._power, self._log = config, store, power, log
        self._began, self._settings, self._backlog = began, values, backlog
        self._battery = battery
        self._radio, self._link, self._mac = passing("station").build(config, power)
        self._personalised = "dev_addr" in config
        self._joining = Joining(store, self._mac, log)
        self._keeper = Keeper(store)
        self._mac.session = self._keeper.load(self._mac.region, config)
        self._unproven_s = store.load("lost") or 0  # what flash says of a lost link
        self._delivery = Delivery(values[settings.PROOF] * _HOUR_S, power.now_s(), self._unproven_s)
        self._budget = Budget(values[settings.BUDGET])
        self._clock = Clock(store, began.number)
        self._pacing = Pacing(values, backlog, self._budget, self._age_s, self._airtime_us)
        self._status_due_s = power.now_s() + _WEEK_S
        self._silent, self._failures = False, 0  # the radio: now, and how often in a row
        self._answers = []
        self._under_way = None, (), False  # FPort, readings taken, asks of an uplink to repeat
        self._polls = False  # the network has more to say (FPending)
        self.wants_status = False
        self.rule, self._rule_until_s = status.NOTHING, 0
        self.due_ms = power.now_ms()
        if kept is not None:
            self._resume(kept)

    def begin(self):
        """Reset the radio and leave it asleep; False: it does not answer and is tried later."""
        try:
            self._radio.begin()
            self._silent = False
            return True
        except OSError as error:
            self._wait(status.RADIO, self._failed(error))
            return False

    def trouble(self):
        """The code for the LED, 0 when all is well."""
        if self._silent:
            return led.RADIO_SILENT
        if self._mac.session is None and self._joining.keys_used_up:
            return led.KEYS_USED_UP
        if self._mac.session is None and self._joining.registered_anew:
            return led.REGISTERED_ANEW
        return led.NO_NETWORK if self._mac.session is None or self._delivery.lost else 0

    def interval_s(self):
        """Seconds between readings."""
        return self._pacing.interval_s(self._power.now_s())

    def _airtime_us(self, length):
        """Of a frame with so many bytes of payload, its repetitions included."""
        airtime_us = airtime.time_on_air_us(_OVERHEAD + length, *self.data_rate())
        return airtime_us * (self._mac.session.nb_trans if self._mac.session else 1)

    def tell(self, on_air):
        """Have `on_air(True)` called when a transmission begins and `on_air(False)` at its end."""
        self._link.on_air = on_air

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
        if self._silent and not self.begin():
            return None
        if self._delivery.restart(now_s):
            start.again(self._store, start.LINK_LOST)
        if not self._personalised and self._mac.session and self._delivery.join_again(now_s):
            self._mac.cancel()
            self._log("no proof for a day: joining again")
            self._mac.session = None
            self._note_loss(now_s)
        if self._mac.session is None:
            self._join(now_s)
            return None
        return self._send(now_s)

    # Joining.

    def _join(self, now_s):
        joining = self._joining
        wait_s = joining.wait_s(now_s)
        if wait_s:
            return self._wait(status.JOIN_BACKOFF, wait_s * 1000)
        if not joining.prepare(now_s):
            return self._wait(status.NEW_KEYS, _NEVER_MS)
        action = self._exchange()
        if action.kind == mac.WAIT:
            return self._wait(_RULES[action.rule], action.delay_ms)
        now_s = self._power.now_s()
        if not joining.end():
            return self._wait(status.JOIN_BACKOFF, joining.wait_s(now_s) * 1000)
        self._keeper.reserve(self._mac.session)
        self.wants_status = self.wants_status or self._delivery.lost
        self._delivery.joined(now_s)
        self._note_loss(now_s)
        self._backlog.unsend()
        return self._wait(status.NOTHING, 0)

    # Sending.

    def _send(self, now_s):
        if self._mac.under_way:
            return self._transmit(*self._under_way)
        if not self._delivery.may_send(now_s):
            return self._wait(status.NO_ANSWER, self._delivery.proof_in_s(now_s) * 1000)
        asks = self._requests(now_s)
        port, payload, taken, wait_s = self._next_frame(now_s)
        if port is None and not (asks or self._polls or self._has_more()):
            return self._wait(status.NOTHING, _NEVER_MS)
        if wait_s > _HOUR_S and asks and not self._delivery.lost:
            port, payload, taken = None, b"", ()  # no outage passes unnoticed
        elif wait_s:
            self._wait(status.FAIR_USE, wait_s * 1000)
            if not asks:
                question_ms = self._power.now_ms() + self._delivery.proof_in_s(now_s) * 1000
                self.due_ms = min(self.due_ms, question_ms)
            return None
        session = self._mac.session
        if session.f_cnt_up >= session.f_cnt_limit:
            self._keeper.reserve(session)
        self._mac.battery = self._battery_byte()
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
        self._keeper.save(self._mac.session)
        down = self._mac.downlink
        self._polls = down is not None and down.f_pending
        if self._delivery.lost:
            probe_s = self._delivery.proof_in_s(self._power.now_s())
            self._wait(status.NO_ANSWER, probe_s * 1000)
        else:
            self._wait(status.NOTHING, 0 if self._has_more() else _NEVER_MS)
        return down.payload if down is not None and down.f_port == _PORT_SETTINGS else None

    def _requests(self, now_s):
        """Put into FOpts what is due; True when the frame asks for an answer."""
        asks = self._delivery.wants_proof(now_s)
        if asks:
            self._mac.request(commands.LINK_CHECK)
        if now_s >= self._clock.due_s:
            self._mac.request(commands.DEVICE_TIME)
        return asks

    def _next_frame(self, now_s):
        """(FPort, payload, readings taken, s to wait for fair use).

        Answers, then status, then readings. No FPort: nothing waits, or FOpts leave no room for it.
        """
        limit = self._mac.max_payload()
        while limit > 0 and self._delivery.lost and self._airtime_us(limit) > self._probe_us():
            limit -= 1
        if self._answers:
            port, payload = _PORT_SETTINGS, self._answers[0]
        elif self.wants_status or now_s >= self._status_due_s:
            port, payload = _PORT_STATUS, status.frame(self._status(now_s, 0), limit)
            # once more, with what its own airtime means for the next frame
            payload = status.frame(self._status(now_s, self._airtime_us(len(payload))), limit)
        else:
            chosen = self._pacing.newest if self._delivery.lost else self._pacing.next
            payload, taken, wait_s = chosen(limit, now_s)
            return _PORT_READINGS if payload else None, payload, taken, wait_s
        if not 0 < len(payload) <= limit:
            port, payload = None, b""
        return port, payload, (), self._budget.wait_s(self._airtime_us(len(payload)), now_s)

    def _probe_us(self):
        """What one probe of a lost link may take: there has to be one every hour."""
        return self._budget.limit_us // 24

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
        """A downlink proves what was sent; a question without one brings the loss nearer.

        After such a question nobody knows which frames since the last proof were heard.
        """
        now_s = self._power.now_s()
        if self._mac.heard:
            if self._delivery.lost:
                self.wants_status = True
            elif self._delivery.doubtful:
                self._backlog.unsend()
            self._delivery.heard(now_s)
            self._note_loss(now_s)
            self._backlog.proven()
        elif asked:
            if self._delivery.asked(now_s):
                kept = len(self._backlog)
                self._log("two questions unanswered: the link is lost, keeping", kept)
                self._backlog.unsend()
            self._note_loss(now_s)
        if self._mac.device_time is not None:
            sent_s = now_s - self._link.sent_ago_s()
            wanted = self._backlog.starts()
            self._clock.set(self._mac.device_time[0], sent_s, now_s, wanted)

    def _exchange(self):
        """One exchange of the prepared frame; a radio that fails is reset and tried again later."""
        spend = self._budget.spend
        if self._joining.prepared:
            spend = self._budget.spend_on_joining
        try:
            action = self._link.exchange(self._mac)
            if self._mac.airtime_us:
                self._failures = 0
        except OSError as error:
            self._mac.cancel()
            self._joining.prepared = False
            action = mac.Action(mac.WAIT, self._failed(error), 0, 0, 0, 0, b"", 0)
        spend(self._mac.airtime_us, self._power.now_s())
        self._mac.airtime_us = 0
        return action

    def _failed(self, error):
        """Note that the radio failed; returns the ms until it is tried again."""
        self._log("radio:", error)
        pause_ms = _RADIO_PAUSE_MS << min(self._failures, _RADIO_PAUSES)
        self._silent, self._failures = True, self._failures + 1
        return min(pause_ms, _NEVER_MS)

    # State.

    def _note_loss(self, now_s):
        """Have in flash for how long the link is lost: the patience outlasts a restart."""
        unproven_s = self._delivery.unproven_s(now_s)
        if unproven_s != self._unproven_s:
            self._store.save("lost", unproven_s)
            self._unproven_s = unproven_s

    def _wait(self, rule, delay_ms):
        """Have nothing to do for so long because of a rule, and say so once."""
        now_ms = self._power.now_ms()
        until_s = (now_ms + delay_ms + 999) // 1000
        known = rule == self.rule and abs(until_s - self._rule_until_s) < 3
        if rule != status.NOTHING and not known:
            self._log("waits {} s: {}".format((delay_ms + 999) // 1000, status.words(rule)))
        self.rule, self._rule_until_s = rule, until_s
        self.due_ms = now_ms + delay_ms

    def _battery_byte(self):
        """What DevStatusAns says: 0 on mains, 1 to 254 by voltage, 255 when it is not measured."""
        if not self._power.saves:
            return 0
        return self._battery.level() if self._battery else 255

    def _rule_after(self, now_s, airtime_us):
        """(rule, seconds) that hold up what still waits once a frame of that airtime has left."""
        if self._delivery.lost:
            return status.NO_ANSWER, _HOUR_S
        if not (self._answers or self._polls or self._backlog.has_unsent()):
            return status.NOTHING, 0
        fair_use_s = self._pacing.next(self._mac.max_payload(), now_s, airtime_us)[2]
        return status.rule_after(self._mac.session, self._mac.region, airtime_us, fair_use_s)

    def record(self):
        """What has to last over deep sleep, None while something is under way."""
        machine, now_s = self._mac, self._power.now_s()
        if machine.under_way or self._joining.prepared:
            return None
        session = machine.session
        return [
            None if session is None else [session.f_cnt_up, session.adr_ack_cnt],
            machine.channels.record(),
            self._joining.record(now_s),
            self._delivery.record(),
            self._budget.record(),
            [self._clock.due_s, self._status_due_s, self.due_ms],
            [self.rule, self._rule_until_s, self._silent, self._failures],
            [self._answers, self._polls, self.wants_status],
            [self._link.rssi_dbm, self._link.snr_qdb],
        ]

    def _resume(self, record):
        """Go on as when `record` was called."""
        counters, air, joining, delivery, budget, times, rule, waiting, heard = record
        session = self._mac.session
        if counters is None:
            self._mac.session = None
        elif session is not None and counters[0] <= session.f_cnt_limit:
            session.f_cnt_up, session.adr_ack_cnt = counters
        self._mac.channels.restore(air)
        self._joining.resume(joining)
        self._delivery.restore(delivery)
        self._budget.restore(budget)
        self._clock.due_s, self._status_due_s, self.due_ms = times
        self.rule, self._rule_until_s, self._silent, self._failures = rule
        self._answers, self._polls, self.wants_status = waiting
        self._link.rssi_dbm, self._link.snr_qdb = heard

    def _age_s(self, reading):
        return self._clock.age_s(reading, self._power.now_s())

    def _status(self, now_s, airtime_us):
        link = self._link
        rule, waits_s = self._rule_after(now_s, airtime_us)
        return (
            status.VERSION,
            passing("config").digest(self._config),
            now_s // _HOUR_S,
            self._began.reason,
            len(self._backlog),
            self._backlog.dropped,
            rule,
            waits_s,
            self._battery.read_cv() if self._battery else None,
            link.rssi_dbm,
            link.snr_qdb // 4,
            status.free_heap_kb(),
            self._began.crashes,
            self._joining.tries_now,
        )
