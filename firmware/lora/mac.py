# SPDX-License-Identifier: MIT
"""The Class A MAC of LoRaWAN 1.0.4 as a state machine: no I/O, no clock.

Prepare an exchange with join() or send(), then give step() each event and do what it answers.
"""

from collections import namedtuple

from lora import commands, crypto, frame
from lora.airtime import time_on_air_us
from lora.channels import Channels
from micropython import const
from passing import passing

START = const(0)  # events: begin the prepared exchange, or go on with it after a WAIT
SENT = const(1)  # the transmission has ended, at now_ms
HEARD = const(2)  # the window brought data; set snr_db before
SILENT = const(3)  # the window closed with nothing

TRANSMIT = const(0)  # kinds of action: send phy at freq_hz, sf, bw_hz, power_dbm (EIRP)
LISTEN = const(1)  # open a window delay_ms after the end of the transmission
WAIT = const(2)  # for delay_ms because of rule (lora.duty, REPETITION), then START again
DONE = const(3)  # the exchange is over: downlink, joined, acked, heard ... tell how

REPETITION = const(3)  # a rule: RETRANSMIT_TIMEOUT passes (TS001 4.3.1.2)

# state  event                    next   action
# IDLE   START                    TX     TRANSMIT
# IDLE   START, no air            IDLE   WAIT
# TX     SENT                     RX1    LISTEN
# RX1    HEARD valid              IDLE   DONE
# RX1    HEARD invalid, SILENT    RX2    LISTEN
# RX2    HEARD valid              IDLE   DONE
# RX2    HEARD invalid, SILENT    IDLE   WAIT while NbTrans is not reached, else DONE
# Any other event is a ValueError; cancel() leads from every state to IDLE.
_IDLE = const(0)
_TX = const(1)
_RX1 = const(2)
_RX2 = const(3)

_JOIN_ACCEPT_DELAY1_S = const(5)
_MAX_F_CNT = const(0xFFFFFFFF)
_FHDR_AND_PORT = const(8)
_RETRANSMIT_MS = const(1000)  # RETRANSMIT_TIMEOUT: one second, and up to two more at random

Action = namedtuple("Action", "kind delay_ms freq_hz sf bw_hz power_dbm phy rule")
# f_port None without a payload | payload decrypted, b"" for MAC commands
Downlink = namedtuple("Downlink", "f_port payload ack f_pending")
_DONE = Action(DONE, 0, 0, 0, 0, 0, b"", 0)


def _wait(delay_ms, rule):
    return Action(WAIT, delay_ms, 0, 0, 0, 0, b"", rule)


class Mac:
    """One device: EUIs and key in reading order, random(n) gives 0..n-1.

    session is None until joined and may be set from Session.restore(); so may last_join_nonce.
    channels knows the rests of the air; battery is DevStatusAns's byte, weakest_dbm the lowest EIRP
    of the device; airtime_us is that of the last transmission, 0 when it has been counted.
    under_way is true between the repetitions of an exchange, which goes on with START.
    """

    def __init__(self, region, dev_eui, join_eui, app_key, random):
        self.region = region
        self._dev_eui, self._join_eui, self._app_key = dev_eui, join_eui, app_key
        self._random = random
        self.session = None
        self.last_join_nonce = -1
        self.battery = 255
        self.snr_db = 0
        self.weakest_dbm = 0
        self.airtime_us = 0
        self.channels = Channels(region, random)
        self._requests = b""
        self._rest_until_ms = 0  # RETRANSMIT_TIMEOUT of a confirmed uplink without its ACK
        self.cancel()
        self._prepare(0)

    def cancel(self):
        """Drop the exchange, as when the radio failed."""
        self._state, self._ready, self.under_way = _IDLE, False, False

    def join(self, dev_nonce, data_rate):
        """Prepare a join-request; the caller has stored dev_nonce BEFORE."""
        if not 0 <= dev_nonce <= 0xFFFF or data_rate not in self.region.join_data_rates:
            raise ValueError(f"DevNonce {dev_nonce}, data rate {data_rate}")
        self._prepare(data_rate)
        self._dev_nonce = dev_nonce
        self._ready = True

    def send(self, f_port, payload, confirmed=False):
        """Prepare a data uplink; f_port None with b"" sends FOpts alone.

        ValueError: no session, f_port not 1..223, payload over max_payload().
        """
        if self.session is None or (f_port is None and payload):
            raise ValueError("no session, or payload without FPort")
        if (f_port is not None and not 1 <= f_port <= 223) or len(payload) > self.max_payload():
            raise ValueError(f"FPort {f_port}, {len(payload)} bytes")
        self._prepare(self.session.data_rate)
        self._f_port, self._payload, self._confirmed = f_port, bytes(payload), confirmed
        self._answers, self._asked = self._pending()
        self._ready = True

    def request(self, cid):
        """Put LinkCheckReq or DeviceTimeReq into the next uplink that is prepared."""
        if cid not in (commands.LINK_CHECK, commands.DEVICE_TIME):
            raise ValueError(f"no request 0x{cid:02x}")
        if bytes((cid,)) not in self._requests:
            self._requests += bytes((cid,))

    def max_payload(self):
        """Return the bytes of FRMPayload that fit the data rate beside the FOpts now pending."""
        pending = sum([len(part) for part in self._pending()])
        longest = self.session.max_mac_payload(self.session.data_rate)
        return max(longest - _FHDR_AND_PORT - pending, 0)

    def step(self, event, now_ms, data=None):
        """Take an event and return the next Action; now_ms never wraps or goes back."""
        state = self._state
        if event == START and state == _IDLE and self._ready:
            return self._start(now_ms)
        if event == SENT and state == _TX:
            self._book(now_ms)
            self._state = _RX1
            return self._listen()
        if event in (HEARD, SILENT) and state in (_RX1, _RX2):
            valid = event == HEARD and self._accept(bytes(data))
            if not valid and state == _RX1:
                self._state = _RX2
                return self._listen()
            self._state = _IDLE
            return self._end(valid, now_ms)
        raise ValueError(f"event {event} in state {state}")

    def _end(self, valid, now_ms):
        """After the windows: send it again, or be done."""
        joining = self._dev_nonce is not None
        if not joining and self._confirmed and not self.acked:
            self._rest_until_ms = now_ms + _RETRANSMIT_MS + self._random(2 * _RETRANSMIT_MS + 1)
        if not joining and not valid and self._left > 1:
            self._left -= 1
            self.under_way = True
            return _wait(max(self._rest_until_ms - now_ms, 0), REPETITION)
        self.cancel()
        if not valid and not joining:
            self._back_off()
        return _DONE

    def _prepare(self, data_rate):
        if self._state != _IDLE or self.under_way:
            raise ValueError("an exchange is under way")
        self._data_rate, self._dev_nonce, self._phy = data_rate, None, None
        self._confirmed = False
        self._left = self.session.nb_trans if self.session else 1
        self.downlink = self.link_check = self.device_time = None
        self.joined = self.acked = self.heard = self.stale_join = False

    def _pending(self):
        """Return (answers, requests) that FOpts has room for; the others stay for later."""
        session = self.session
        room = min(session.max_mac_payload(session.data_rate) - _FHDR_AND_PORT, commands.F_OPTS_MAX)
        fitted = commands.fit(commands.split(session.answers), room)
        return fitted, self._requests[: room - len(fitted)]

    def _start(self, now_ms):
        joining = self._dev_nonce is not None
        if not joining and self._phy is None and self.session.f_cnt_up >= self.session.f_cnt_limit:
            raise ValueError("FCntUp is at its limit: reserve, store, or join again")
        rest_ms = 0 if joining else self._rest_until_ms - now_ms
        if rest_ms > 0:
            return _wait(rest_ms, REPETITION)
        session = None if joining else self.session
        wait_ms, rule, self._channel = self.channels.pick(session, self._data_rate, now_ms)
        if wait_ms:
            return _wait(wait_ms, rule)
        return self._transmit(now_ms)

    def _transmit(self, now_ms):
        if self._dev_nonce is not None:
            power_dbm = self.region.max_eirp_dbm
            euis = self._join_eui, self._dev_eui
            phy = passing("lora.join").request(self._app_key, *euis, self._dev_nonce)
        else:
            power_dbm = self.session.max_eirp_dbm - 2 * self.session.tx_power
            phy = self._phy = self._phy or self._uplink()
        sf, bw_hz = self.region.data_rates[self._data_rate]
        self.airtime_us = time_on_air_us(len(phy), sf, bw_hz)
        self._book(now_ms + (self.airtime_us + 999) // 1000)  # also when SENT never comes
        self._state = _TX
        return Action(TRANSMIT, 0, self._channel[0], sf, bw_hz, power_dbm, phy, 0)

    def _book(self, end_ms):
        limit = self.session.max_duty_cycle if self._dev_nonce is None else 0
        self.channels.book(self._channel[0], self.airtime_us, end_ms, limit)

    def _uplink(self):
        """Build the prepared uplink and use up its counter (TS001 4.3.1, 4.4)."""
        session = self.session
        f_ctrl = frame.ADR
        if session.adr_ack_cnt >= self.region.adr_ack[0]:
            f_ctrl |= frame.ADR_ACK_REQ
        if session.ack_pending:
            f_ctrl |= frame.ACK
        dev_addr, f_cnt = session.dev_addr, session.f_cnt_up
        fields = [
            frame.CONFIRMED_UP if self._confirmed else frame.UNCONFIRMED_UP,
            dev_addr,
            f_ctrl,
            f_cnt & 0xFFFF,
            self._answers + self._asked,
            self._f_port,
            crypto.cipher(session.app_skey, dev_addr, f_cnt, False, self._payload),
            bytes(4),
        ]
        body = frame.build(frame.DataFrame(*fields))[:-4]
        phy = body + crypto.mic(session.nwk_skey, dev_addr, f_cnt, False, body)
        self._requests = self._requests[len(self._asked) :]
        waiting = session.answers[len(self._answers) :]
        session.answers = commands.sticky(self._answers) + waiting
        session.ack_pending = False
        session.f_cnt_up += 1
        session.adr_ack_cnt += 1
        return phy

    def _window(self):
        """Return (delay_s, freq_hz, data rate) of the window that the state stands for."""
        session = self.session
        if self._dev_nonce is not None:
            delay_s, rx2 = _JOIN_ACCEPT_DELAY1_S, self.region.rx2
            rx1_data_rate = self.region.rx1_data_rates[self._data_rate][0]
        else:
            delay_s, rx2 = session.rx1_delay_s, (session.rx2_freq_hz, session.rx2_data_rate)
            rx1_data_rate = session.rx1_data_rate(self._data_rate)
        if self._state == _RX1:
            return delay_s, self._channel[3], rx1_data_rate
        return delay_s + 1, rx2[0], rx2[1]

    def _listen(self):
        delay_s, freq_hz, data_rate = self._window()
        sf, bw_hz = self.region.data_rates[data_rate]
        return Action(LISTEN, delay_s * 1000, freq_hz, sf, bw_hz, 0, b"", 0)

    def _accept(self, phy):
        """Take a downlink in; False, and nothing changes, when it is not for this device."""
        try:
            if self._dev_nonce is not None:
                return self._accept_join(phy)
            return self._accept_data(frame.parse(phy), phy)
        except frame.FrameError:
            return False

    def _accept_join(self, phy):
        """Start the session of a join-accept that is newer than the last (TS001 6.2.3)."""
        join = passing("lora.join")
        accept = join.parse_accept(self._app_key, phy)
        if accept.join_nonce <= self.last_join_nonce:
            self.stale_join = True
            return False
        args = self._app_key, self._dev_nonce, self._data_rate
        session = join.session(self.region, *args, accept)
        if session is None:
            return False
        self.last_join_nonce = accept.join_nonce
        self.session = session
        self.joined = self.heard = True
        return True

    def _accept_data(self, down, phy):
        session = self.session
        if down.m_type not in (frame.UNCONFIRMED_DOWN, frame.CONFIRMED_DOWN):
            return False
        if down.dev_addr != session.dev_addr:
            return False
        if len(phy) > self.region.max_mac_payload[0][self._window()[2]] + 5:
            return False
        if down.f_port is not None and (down.f_port > 224 or (not down.f_port and down.f_opts)):
            return False  # TS001 4.3.1.6, 4.3.2
        # the smallest counter above the last one that ends in these 16 bits
        f_cnt = session.f_cnt_down + 1
        f_cnt += (down.f_cnt - f_cnt) & 0xFFFF
        if f_cnt > _MAX_F_CNT:
            return False
        if crypto.mic(session.nwk_skey, down.dev_addr, f_cnt, True, phy[:-4]) != down.mic:
            return False
        session.f_cnt_down = f_cnt
        self._take(down, f_cnt)
        return True

    def _take(self, down, f_cnt):
        """Use a valid downlink: it proves the link, acknowledges, commands and carries data."""
        session = self.session
        session.adr_ack_cnt = 0
        session.ack_pending = down.m_type == frame.CONFIRMED_DOWN
        key = session.app_skey if down.f_port else session.nwk_skey
        payload = crypto.cipher(key, down.dev_addr, f_cnt, True, down.frm_payload)
        received = commands.parse(payload if down.f_port == 0 else down.f_opts)
        for cid, content in received:
            # only an answer to this very uplink says something about it
            if cid not in self._asked:
                continue
            if cid == commands.LINK_CHECK:
                self.link_check = (content[0], content[1])
            elif cid == commands.DEVICE_TIME:
                self.device_time = (int.from_bytes(content[:4], "little"), content[4])
        session.answers = b""  # what was sticky till now
        if received:
            obey = passing("lora.answers").apply
            obey(session, self.region, received, self.battery, self.snr_db, self.weakest_dbm)
        ack = bool(down.f_ctrl & frame.ACK)
        self.acked = ack and self._confirmed
        self.heard = True
        self.downlink = Downlink(
            down.f_port, payload if down.f_port else b"", ack, bool(down.f_ctrl & frame.F_PENDING)
        )

    def _back_off(self):
        """Step down the ladder of a link that gives no sign (TS001 4.3.1.1).

        It happens after the exchange, so that max_payload() already knows the next data rate.
        """
        session, (limit, delay) = self.session, self.region.adr_ack
        steps, rest = divmod(session.adr_ack_cnt - limit, delay)
        if rest or steps < 1:
            return
        session.tx_power = 0
        if steps == 1:
            return
        for data_rate in range(session.data_rate - 1, -1, -1):
            if session.usable(data_rate):
                session.data_rate = data_rate
                return
        session.nb_trans = 1
        session.enable_defaults()
