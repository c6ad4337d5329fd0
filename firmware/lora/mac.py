# SPDX-License-Identifier: MIT
"""The Class A MAC of LoRaWAN 1.0.4 as a state machine: no I/O, no clock.

Prepare an exchange with join() or send(), then give step() each event and do what it answers.
"""

from collections import namedtuple

from lora import answers, commands, crypto, frame
from lora.airtime import time_on_air_us
from lora.duty import Duty
from lora.region import band
from lora.session import Session
from micropython import const

START = const(0)  # events: begin the prepared exchange
SENT = const(1)  # the transmission has ended, at now_ms
HEARD = const(2)  # the window brought data; set snr_db before
SILENT = const(3)  # the window closed with nothing

TRANSMIT = const(0)  # kinds of action: send phy at freq_hz, sf, bw_hz, power_dbm (EIRP)
LISTEN = const(1)  # open a window delay_ms after the end of the transmission
WAIT = const(2)  # for delay_ms because of rule (lora.duty), then START again
DONE = const(3)  # the exchange is over: downlink, joined, acked, heard ... tell how

# state  event           next   action
# IDLE   START           TX     TRANSMIT
# IDLE   START, no air   IDLE   WAIT
# TX     SENT            RX1    LISTEN
# RX1    HEARD valid     IDLE   DONE
# RX1    HEARD invalid   RX2    LISTEN
# RX1    SILENT          RX2    LISTEN
# RX2    HEARD, SILENT   IDLE   DONE
# Any other event is a ValueError; cancel() leads from every state to IDLE.
_IDLE = const(0)
_TX = const(1)
_RX1 = const(2)
_RX2 = const(3)

_JOIN_ACCEPT_DELAY1_S = const(5)
_MAX_F_CNT = const(0xFFFFFFFF)

Action = namedtuple("Action", "kind delay_ms freq_hz sf bw_hz power_dbm phy rule")
# f_port None without a payload | payload decrypted, b"" for MAC commands
Downlink = namedtuple("Downlink", "f_port payload ack f_pending")
_DONE = Action(DONE, 0, 0, 0, 0, 0, b"", 0)


class Mac:
    """One device: EUIs and key in reading order, random(n) gives 0..n-1.

    session is None until joined and may be set from Session.restore(); so may last_join_nonce.
    battery is DevStatusAns's byte; airtime_us belongs to the last transmission.
    """

    def __init__(self, region, dev_eui, join_eui, app_key, random):
        self.region = region
        self._dev_eui, self._join_eui, self._app_key = dev_eui, join_eui, app_key
        self._random = random
        self.session = None
        self.last_join_nonce = -1
        self.battery = 255
        self.snr_db = 0
        self.airtime_us = 0
        self.duty = Duty(region)
        self._requests = b""
        self.cancel()
        self._prepare(0)

    def cancel(self):
        """Drop the exchange, as when the radio failed."""
        self._state, self._ready = _IDLE, False

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
        self._f_opts = self._pending()
        self._asked = self._f_opts[len(self.session.answers) :]
        self._ready = True

    def request(self, cid):
        """Put LinkCheckReq or DeviceTimeReq into the next uplink that is prepared."""
        if cid not in (commands.LINK_CHECK, commands.DEVICE_TIME):
            raise ValueError(f"no request 0x{cid:02x}")
        if bytes((cid,)) not in self._requests:
            self._requests += bytes((cid,))

    def max_payload(self):
        """Return the bytes of FRMPayload that fit the data rate beside the FOpts now pending."""
        return self.region.max_mac_payload[self.session.data_rate] - 8 - len(self._pending())

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
            self.cancel()
            if not valid and self._dev_nonce is None:
                self._back_off()
            return _DONE
        raise ValueError(f"event {event} in state {state}")

    def _prepare(self, data_rate):
        if self._state != _IDLE:
            raise ValueError("an exchange is under way")
        self._data_rate, self._dev_nonce = data_rate, None
        self.downlink = self.link_check = self.device_time = None
        self.joined = self.acked = self.heard = self.stale_join = False

    def _pending(self):
        """Return answers and requests as FOpts; a request without room stays for later."""
        return (self.session.answers + self._requests)[:15]

    def _start(self, now_ms):
        if self._dev_nonce is not None:
            channels = [channel + channel[:1] for channel in self.region.channels]
            limit = 0
        else:
            if self.session.f_cnt_up >= self.session.f_cnt_limit:
                raise ValueError("FCntUp is at its limit: reserve, store, or join again")
            channels = self.session.usable(self._data_rate)
            limit = self.session.max_duty_cycle
        wait_ms, rule = self.duty.wait(channels, now_ms)
        if wait_ms:
            return Action(WAIT, wait_ms, 0, 0, 0, 0, b"", rule)
        channels = [c for c in channels if self.duty.is_free(c[0], now_ms)]
        self._channel = channels[self._random(len(channels))]
        self._limit = limit
        return self._transmit(now_ms)

    def _transmit(self, now_ms):
        power_dbm = self.region.max_eirp_dbm
        if self._dev_nonce is not None:
            phy = frame.join_request(self._app_key, self._join_eui, self._dev_eui, self._dev_nonce)
        else:
            power_dbm -= 2 * self.session.tx_power
            phy = self._uplink()
        sf, bw_hz = self.region.data_rates[self._data_rate]
        self.airtime_us = time_on_air_us(len(phy), sf, bw_hz)
        self._book(now_ms + (self.airtime_us + 999) // 1000)  # also when SENT never comes
        self._state = _TX
        return Action(TRANSMIT, 0, self._channel[0], sf, bw_hz, power_dbm, phy, 0)

    def _book(self, end_ms):
        self.duty.book(self._channel[0], self.airtime_us, end_ms, self._limit)

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
            self._f_opts,
            self._f_port,
            crypto.cipher(session.app_skey, dev_addr, f_cnt, False, self._payload),
            bytes(4),
        ]
        body = frame.build(frame.DataFrame(*fields))[:-4]
        phy = body + crypto.mic(session.nwk_skey, dev_addr, f_cnt, False, body)
        self._requests = self._requests[len(self._asked) :]
        session.answers = answers.sticky(session.answers)
        session.ack_pending = False
        session.f_cnt_up += 1
        session.adr_ack_cnt += 1
        return phy

    def _window(self):
        """Return (delay_s, freq_hz, data rate) of the window that the state stands for."""
        if self._dev_nonce is not None:
            delay_s, offset, rx2 = _JOIN_ACCEPT_DELAY1_S, 0, self.region.rx2
        else:
            session = self.session
            delay_s, offset = session.rx1_delay_s, session.rx1_dr_offset
            rx2 = (session.rx2_freq_hz, session.rx2_data_rate)
        if self._state == _RX1:
            return delay_s, self._channel[3], self.region.rx1_data_rates[self._data_rate][offset]
        return delay_s + 1, rx2[0], rx2[1]

    def _listen(self):
        delay_s, freq_hz, data_rate = self._window()
        sf, bw_hz = self.region.data_rates[data_rate]
        return Action(LISTEN, delay_s * 1000, freq_hz, sf, bw_hz, 0, b"", 0)

    def _accept(self, phy):
        """Take a downlink in; False, and nothing changes, when it is not for this device."""
        try:
            if self._dev_nonce is not None:
                return self._accept_join(frame.parse_join_accept(self._app_key, phy))
            return self._accept_data(frame.parse(phy), phy)
        except frame.FrameError:
            return False

    def _accept_join(self, accept):
        """Start the session of a join-accept that is newer than the last (TS001 6.2.3)."""
        region = self.region
        if accept.join_nonce <= self.last_join_nonce:
            self.stale_join = True
            return False
        if accept.rx1_dr_offset >= len(region.rx1_data_rates[0]):
            return False
        if accept.rx2_data_rate >= len(region.data_rates):
            return False
        keys = crypto.session_keys(self._app_key, accept.join_nonce, accept.net_id, self._dev_nonce)
        session = Session(region, accept.dev_addr, keys[0], keys[1])
        session.join_nonce = self.last_join_nonce = accept.join_nonce
        session.data_rate = self._data_rate  # TS001 4.3.1.1: that of the join
        session.rx1_dr_offset = accept.rx1_dr_offset
        session.rx2_data_rate = accept.rx2_data_rate
        session.rx1_delay_s = accept.rx1_delay_s
        if accept.cf_list and accept.cf_list[15] == 0:
            self._cf_list(session, accept.cf_list)
        self.session = session
        self.joined = self.heard = True
        return True

    def _cf_list(self, session, cf_list):
        """Define the five channels of a CFList of type 0 (RP002 2.4.4)."""
        min_dr, max_dr = self.region.cf_list_data_rates
        first = len(self.region.channels)
        for i in range(5):
            freq_hz = int.from_bytes(cf_list[3 * i : 3 * i + 3], "little") * 100
            if band(self.region, freq_hz) is not None:
                session.set_channel(first + i, freq_hz, min_dr, max_dr)

    def _accept_data(self, down, phy):
        session = self.session
        if down.m_type not in (frame.UNCONFIRMED_DOWN, frame.CONFIRMED_DOWN):
            return False
        if down.dev_addr != session.dev_addr:
            return False
        if len(phy) > self.region.max_mac_payload[self._window()[2]] + 5:
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
        answers.apply(session, self.region, received, self.battery, self.snr_db)
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
        session.enable_defaults(self.region)
