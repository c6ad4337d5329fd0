# SPDX-License-Identifier: MIT
"""One session as the network server keeps it: counters, receive windows, what to say next."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from host import maccommands
from host.lorawan import DataFrame, LorawanError, MType, Session, next_counter
from host.maccommands import MacCommand

# RP002-1.0.4 EU868: SF, bandwidth and longest MACPayload of DR0 to DR6
DATA_RATES = (
    (12, 125_000, 59),
    (11, 125_000, 59),
    (10, 125_000, 59),
    (9, 125_000, 123),
    (8, 125_000, 250),
    (7, 125_000, 250),
    (7, 250_000, 250),
)
RX2_FREQ_HZ = 869_525_000
RX1_POWER_DBM, RX2_POWER_DBM = 14, 27  # ERP limits of bands L to N and of band P
_F_OPTS_MAX = 15


class CounterSeen(LorawanError):
    """A frame whose MIC is right and whose counter was there before: a replay or a repetition."""

    def __init__(self, f_cnt: int):
        super().__init__(f"counter {f_cnt} seen")
        self.f_cnt = f_cnt


@dataclass
class Downlink:
    """What `gateway` should send, its start at time_us.

    phy and gateway may change for 200 ms after the uplink, while further copies of it come.
    """

    time_us: int
    freq_hz: int
    sf: int
    bw_hz: int
    phy: bytes
    power_dbm: int
    gateway: str


@dataclass(frozen=True)
class Message:
    """An application downlink that waits; FPort 0 carries MAC commands."""

    f_port: int
    payload: bytes
    confirmed: bool = False


@dataclass
class Windows:
    """Where a device listens after an uplink."""

    delay_s: int
    rx1_dr_offset: int
    rx2_data_rate: int
    rx2_freq_hz: int = RX2_FREQ_HZ
    rx1_freqs_hz: dict[int, int] = field(default_factory=dict)  # by uplink frequency

    def open(self, window: int, freq_hz: int, data_rate: int) -> tuple[int, int, int]:
        """Return delay in us, frequency and data rate of a window; arguments are the uplink's."""
        if window == 2:
            return (self.delay_s + 1) * 1_000_000, self.rx2_freq_hz, self.rx2_data_rate
        rx1_freq_hz = self.rx1_freqs_hz.get(freq_hz, freq_hz)
        return self.delay_s * 1_000_000, rx1_freq_hz, max(data_rate - self.rx1_dr_offset, 0)

    def change(self, request: MacCommand, uplink_freqs_hz: dict[int, int]) -> None:
        """Follow a request that the device has taken."""
        fields = request.fields
        if request.name == "RXParamSetupReq":
            self.rx1_dr_offset = fields["rx1_dr_offset"]
            self.rx2_data_rate, self.rx2_freq_hz = fields["rx2_data_rate"], fields["frequency_hz"]
        elif request.name == "RXTimingSetupReq":
            self.delay_s = fields["delay"] or 1
        elif request.name == "NewChannelReq":
            uplink_freqs_hz[fields["ch_index"]] = fields["frequency_hz"]
            self.rx1_freqs_hz.pop(fields["frequency_hz"], None)
        elif request.name == "DlChannelReq" and fields["ch_index"] in uplink_freqs_hz:
            self.rx1_freqs_hz[uplink_freqs_hz[fields["ch_index"]]] = fields["frequency_hz"]


class Link:
    """A session with its counters; `number` is the JoinNonce that it came from."""

    def __init__(
        self, session: Session, number: int, windows: Windows, channels_hz: Iterable[int] = ()
    ):
        self.session, self.number, self.windows = session, number, windows
        self.f_cnt_up = self.f_cnt_down = -1  # the last ones
        self.last_phy = b""
        self._channels_hz = dict(enumerate(channels_hz))
        self._asked: list[MacCommand] = []  # requests of the last downlink

    def count(self, phy: bytes, frame: DataFrame) -> int:
        """Return the whole counter of a new uplink. CounterSeen; LorawanError: a wrong MIC."""
        f_cnt = next_counter(self.f_cnt_up, frame.f_cnt)
        if f_cnt < 1 << 32 and self.session.mic_ok(phy, frame, f_cnt):
            return f_cnt
        for seen in range(f_cnt - 0x10000, -1, -0x10000):
            if self.session.mic_ok(phy, frame, seen):
                raise CounterSeen(seen)
        raise LorawanError("the MIC is wrong")

    def hear(self, answers: Iterable[MacCommand]) -> None:
        """Take the answers of the device: new windows count from this very uplink on."""
        for answer in answers:
            wanted = answer.name.removesuffix("Ans") + "Req"
            request = next((each for each in self._asked if each.name == wanted), None)
            if request is not None:
                self._asked.remove(request)
                if all(answer.fields.values()):
                    self.windows.change(request, self._channels_hz)

    def reply(
        self,
        uplink: DataFrame,
        answers: list[bytes],
        messages: deque[Message],
        commands: deque[bytes],
        longest: int,
    ) -> DataFrame | None:
        """Return the downlink in the clear, None when there is nothing to say.

        Takes from the queues what fits a MACPayload of `longest` bytes.
        """
        f_opts = b"".join(answers)
        message = messages[0] if messages else None
        if message is not None and message.f_port == 0:
            message = None if f_opts else message  # never on FPort 0 and in FOpts (4.3.1.6)
        if message is None or message.f_port:
            while commands and len(f_opts) + len(commands[0]) <= _F_OPTS_MAX:
                f_opts += commands.popleft()
        if message is not None and 8 + len(f_opts) + len(message.payload) > longest:
            message = None
        if not (uplink.confirmed or uplink.f_ctrl & DataFrame.ADR_ACK_REQ or f_opts or message):
            return None
        if message is not None:
            messages.popleft()
        return self._frame(uplink, f_opts, message, bool(messages or commands))

    def _frame(
        self, uplink: DataFrame, f_opts: bytes, message: Message | None, more: bool
    ) -> DataFrame:
        self.f_cnt_down += 1
        f_ctrl = DataFrame.ACK if uplink.confirmed else 0
        f_ctrl |= DataFrame.F_PENDING if more else 0
        confirmed = message is not None and message.confirmed
        port0 = message is not None and message.f_port == 0
        stream = message.payload if message is not None and port0 else f_opts
        self._asked = maccommands.parse(stream, downlink=True)[0]
        return DataFrame(
            MType.CONFIRMED_DOWN if confirmed else MType.UNCONFIRMED_DOWN,
            self.session.dev_addr,
            f_ctrl,
            self.f_cnt_down,
            f_opts,
            None if message is None else message.f_port,
            b"" if message is None else message.payload,
        )
