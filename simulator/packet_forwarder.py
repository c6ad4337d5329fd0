# SPDX-License-Identifier: MIT
"""The gateway's side of the Semtech UDP protocol (GWMP version 2): datagrams and a clock."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.clock import Clock, Event
from simulator.jit_queue import JitQueue
from simulator.txpk import Downlink, read

_VERSION = 2
_PUSH_DATA, _PUSH_ACK, _PULL_DATA, _PULL_RESP, _PULL_ACK, _TX_ACK = range(6)
_TOKENS = 1 << 16
_TMST_BITS = 0xFFFFFFFF
_KEEP_ALIVE_US = 5_000_000
_STAT_US = 30_000_000
_TRIES = 4

Done = Callable[[bool], None]


@dataclass
class Counts:
    """What went over the line since the beginning; `repeated` and `stale` are datagrams."""

    pushed: int = 0  # uplinks that were given to it
    acknowledged: int = 0
    lost: int = 0  # repeated, and never acknowledged
    repeated: int = 0
    pulled: int = 0
    pull_acks: int = 0
    downlinks: int = 0  # that the network server asked for
    refused: int = 0
    sent: int = 0
    stale: int = 0  # an acknowledgement that nothing waits for
    malformed: int = 0


class _Push:
    """A PUSH_DATA that waits for its PUSH_ACK."""

    def __init__(self, datagram: bytes, uplinks: int, done: Done | None):
        self.datagram, self.uplinks, self.done, self.tries = datagram, uplinks, done, 1
        self.again: Event | None = None


class PacketForwarder:
    """One gateway before one network server: `send` gets its datagrams, `transmit` its downlinks.

    It does not open a socket and reads no clock but `clock`; `start` is the UTC of its zero.
    """

    def __init__(
        self,
        eui: bytes,
        clock: Clock,
        start: datetime,
        send: Callable[[bytes], None],
        transmit: Callable[[Downlink], None],
        tx_hz: tuple[int, int] = (863_000_000, 870_000_000),
        max_power_dbm: int = 27,
        repeat_us: int = 500_000,
    ):
        self._eui, self._clock, self._start = eui, clock, start
        self._send, self._transmit = send, transmit
        self._repeat_us = repeat_us
        self._tx_hz, self._max_power_dbm = tx_hz, max_power_dbm
        self.counts, self._queue = Counts(), JitQueue()
        self._told = Counts()  # as the last stat left them
        self._token = -1
        self._pushes: dict[int, _Push] = {}
        self._pulls: set[int] = set()

    def begin(self) -> None:
        """Hold the way for downlinks open from now on, and tell how it goes."""
        self._pull()
        self._clock.call_at(self._clock.now_us + _STAT_US, self._tell)

    @property
    def waiting(self) -> int:
        """How many datagrams with uplinks wait for their PUSH_ACK."""
        return sum(1 for push in self._pushes.values() if push.uplinks)

    def tmst(self) -> int:
        """What its counter says now: microseconds, in 32 bits."""
        return self._clock.now_us & _TMST_BITS

    def push(self, rxpk: list[dict[str, Any]], done: Done | None = None) -> None:
        """Pass uplinks on in one datagram; `done` gets whether it was acknowledged in the end."""
        self.counts.pushed += len(rxpk)
        self._say({"rxpk": rxpk}, len(rxpk), done)

    def receive(self, datagram: bytes) -> None:
        """Take a datagram of the network server; what is none of the protocol changes nothing."""
        kind = datagram[3] if len(datagram) >= 4 and datagram[0] == _VERSION else None
        token = int.from_bytes(datagram[1:3], "big")
        if kind == _PUSH_ACK and len(datagram) == 4:
            self._push_ack(token)
        elif kind == _PULL_ACK and len(datagram) == 4:
            self._pull_ack(token)
        elif kind == _PULL_RESP:
            self._pull_resp(datagram[1:3], datagram[4:])
        else:
            self.counts.malformed += 1

    def _next_token(self) -> int:
        self._token = (self._token + 1) % _TOKENS
        return self._token

    def _head(self, token: int, kind: int) -> bytes:
        return bytes((_VERSION, *token.to_bytes(2, "big"), kind)) + self._eui

    def _say(self, body: dict[str, Any], uplinks: int, done: Done | None) -> None:
        token = self._next_token()
        text = json.dumps(body, separators=(",", ":")).encode()
        push = _Push(self._head(token, _PUSH_DATA) + text, uplinks, done)
        self._pushes[token] = push
        push.again = self._clock.call_at(self._clock.now_us + self._repeat_us, self._again, token)
        self._send(push.datagram)

    def _again(self, token: int) -> None:
        """No PUSH_ACK came: say it again with the same token, or give it up."""
        push = self._pushes[token]
        if push.tries < _TRIES and push.uplinks:
            push.tries += 1
            self.counts.repeated += 1
            push.again = self._clock.call_at(
                self._clock.now_us + self._repeat_us, self._again, token
            )
            self._send(push.datagram)
            return
        del self._pushes[token]
        self.counts.lost += push.uplinks
        if push.done:
            push.done(False)

    def _push_ack(self, token: int) -> None:
        push = self._pushes.pop(token, None)
        if push is None:
            self.counts.stale += 1
            return
        self._clock.cancel(push.again)
        self.counts.acknowledged += push.uplinks
        if push.done:
            push.done(True)

    def _pull(self) -> None:
        token = self._next_token()
        self._pulls = {token}  # an answer to an older one says nothing about now
        self.counts.pulled += 1
        self._clock.call_at(self._clock.now_us + _KEEP_ALIVE_US, self._pull)
        self._send(self._head(token, _PULL_DATA))

    def _pull_ack(self, token: int) -> None:
        if token in self._pulls:
            self._pulls.discard(token)
            self.counts.pull_acks += 1
        else:
            self.counts.stale += 1

    def _tell(self) -> None:
        now, before = asdict(self.counts), asdict(self._told)
        since = {name: now[name] - before[name] for name in now}
        self._told = Counts(**now)
        moment = self._start.astimezone(UTC) + timedelta(microseconds=self._clock.now_us)
        share = min(since["acknowledged"] / since["pushed"], 1.0) if since["pushed"] else 0.0
        stat = {
            "time": moment.strftime("%Y-%m-%d %H:%M:%S GMT"),
            "rxnb": since["pushed"],
            "rxok": since["pushed"],
            "rxfw": since["pushed"],
            "ackr": round(100 * share, 1),
            "dwnb": since["downlinks"],
            "txnb": since["sent"],
        }
        self._clock.call_at(self._clock.now_us + _STAT_US, self._tell)
        self._say({"stat": stat}, 0, None)

    def _pull_resp(self, token: bytes, body: bytes) -> None:
        try:
            txpk = json.loads(body.decode())["txpk"]
            downlink = read(txpk, self._clock.now_us)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            self.counts.malformed += 1
            return
        self.counts.downlinks += 1
        error = self._refuses(downlink)
        if not error:
            slot = self._queue.add(self._clock.now_us, downlink.start_us, downlink.airtime_us())
            if isinstance(slot, str):
                error = slot
            else:
                self._clock.call_at(slot.start_us, self._depart, downlink)
        self.counts.refused += bool(error)
        answer = {"txpk_ack": {"error": error or "NONE"}}
        text = json.dumps(answer, separators=(",", ":")).encode()
        self._send(self._head(int.from_bytes(token, "big"), _TX_ACK) + text)

    def _refuses(self, downlink: Downlink) -> str:
        """What this gateway cannot do, in the word of the protocol, "" when it can."""
        if downlink.by_gps:
            return "GPS_UNLOCKED"  # it has none
        if not self._tx_hz[0] <= downlink.freq_hz <= self._tx_hz[1]:
            return "TX_FREQ"
        return "TX_POWER" if downlink.power_dbm > self._max_power_dbm else ""

    def _depart(self, downlink: Downlink) -> None:
        self.counts.sent += 1
        self._transmit(downlink)
